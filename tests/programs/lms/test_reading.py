"""What an answer means: a text without its wrapping, and the label that it names."""

import time
import unicodedata

import pytest

from seedless.lms.reading import coerce, label_of, lines_of, unwrapped


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("Good.", "Good."),
        ('Question: "Who wrote it?"\n', "Who wrote it?"),
        ("“Good.”", "Good."),
        ("'Good.'", "Good."),
        ("*Good.*", "Good."),
        ("**Good.**", "Good."),
        ("**Good** and **bad**", "**Good** and **bad**"),
        ('"Good" and "bad"', '"Good" and "bad"'),
        ('"Good", he said.', '"Good", he said.'),
        ("Sure! It is good.", "It is good."),
        ("Here is a review of a film: It is good.", "It is good."),
        ("Answer: yes: no", "yes: no"),
        ("Message in a bottle: a film.", "Message in a bottle: a film."),
        ("line\n\n  break\ttab", "line break tab"),
        ("", ""),
        ('"', '"'),
        ('"It never closes.', "It never closes."),
        ('"No," she said. "Go.', '"No," she said. "Go.'),
        ("Surely: it is good.", "Surely: it is good."),
    ],
)
def test_unwrapped(text: str, bare: str) -> None:
    assert unwrapped(text) == bare
    assert unwrapped(bare) == bare


@pytest.mark.parametrize("text", ["Here is a film that grabs you! See it twice.", "Here's hoping for a sequel!"])
def test_an_exclamation_is_no_lead_in(text: str) -> None:
    assert unwrapped(text) == text


@pytest.mark.parametrize(
    ("value", "allowed", "meant"),
    [
        (' "Positive". ', ("positive", "negative"), "positive"),
        ("question type", ("question_type",), "question_type"),
        ("neutral", ("positive",), "neutral"),
        ("positive", ("Positive", "positive"), "positive"),
        ("POSITIVE", ("Positive", "positive"), "POSITIVE"),  # means two: left as it is
        ("ÜBER", ("über",), "über"),
        ("", ("a",), ""),
    ],
)
def test_coerce(value: str, allowed: tuple[str, ...], meant: str) -> None:
    exact = value if value in allowed else coerce(value, allowed)
    assert exact == meant


@pytest.mark.parametrize(
    ("answer", "allowed", "meant"),
    [
        ("POSITIVE", ("positive", "negative"), "positive"),
        ("The label is positive.", ("positive", "negative"), "positive"),
        ("positive (I am sure)", ("positive", "negative"), "positive"),
        ("{'name': 'positive'}", ("positive", "negative"), "positive"),
        ("This is not spam", ("spam", "not_spam"), "not_spam"),
        ("It is spam", ("spam", "not_spam"), "spam"),
        *(
            (said, ("positive", "negative"), said)
            for said in (
                "not positive",
                "It isn't positive",
                "positive or negative",
                "positive, not negative",
                "positively",
                "neither positive",
                "It says positive things, and more",
                "neutral",
            )
        ),
    ],
)
def test_the_label_that_an_answer_means(answer: str, allowed: tuple[str, ...], meant: str) -> None:
    assert label_of(answer, allowed) == meant


SIGNED = ("-1", "0", "1")
RANGES = (">50", "<50", "50")
GRADES = ("A", "A+", "A-")
C = ("C", "C++", "C#")


@pytest.mark.parametrize(
    ("answer", "allowed", "meant"),
    [
        ("The label is -1.", SIGNED, "-1"),
        ("Label: 1", SIGNED, "1"),
        ("−1", SIGNED, "-1"),
        ("It is –1.", SIGNED, "-1"),
        ("**-1**", SIGNED, "-1"),
        ("Label = 1", SIGNED, "1"),
        ("1 - because it praises", SIGNED, "1"),
        ("1–2", ("1-2", "3-4"), "1-2"),
        ("The range is 1-2.", ("1", "2", "1-2"), "1-2"),
        ("The answer is <50.", RANGES, "<50"),
        ("The grade is A-.", GRADES, "A-"),
        ("A+ is the grade", GRADES, "A+"),
        ("The grade is A.", GRADES, "A"),
        ("The language is C++.", C, "C++"),
        ("It is C#", C, "C#"),
        ("It is C", C, "C"),
        ("It is non‑fiction.", ("non-fiction", "fiction"), "non-fiction"),
        ("It is not-spam", ("not_spam", "spam"), "not_spam"),
        ("- positive", ("positive", "negative"), "positive"),
        ("- 1", ("1", "2"), "1"),
        ("Rating – 4", ("1", "4", "5"), "4"),
        *(
            (said, allowed, said)
            for said, allowed in (
                ("+1", SIGNED),
                ("label: - 1", SIGNED),
                ("1-2", ("1", "3")),
                ("1 - 2", ("1", "3")),
                ("1.5", ("1", "2")),
                (".5", ("5", "1")),
                ("50%", RANGES),
                (">=50", RANGES),
                ("It is < 50", (">50", "50")),
                ("The grade is A-.", ("A", "B")),
                ("The grade is A-plus", GRADES),
                ("It is C++", ("C", "Java")),
                ("C/C++", C),
                ("It is non-spam.", ("spam", "ham")),
                ("positive/negative", ("positive", "negative")),
                ("It is positive", ("Positive", "positive")),
            )
        ),
    ],
)
def test_a_sign_beside_a_label_makes_it_another_one(answer: str, allowed: tuple[str, ...], meant: str) -> None:
    assert label_of(answer, allowed) == meant


def test_only_an_answer_is_read_for_what_it_means() -> None:
    """A label in a file of rows is taken as it stands."""
    assert coerce("rather positive", ("positive", "negative")) == "rather positive"
    assert coerce("The label is positive.", ("positive", "negative")) == "The label is positive."


ACCENTED = "négatif"


@pytest.mark.parametrize(
    ("answer", "allowed", "meant"),
    [
        (
            unicodedata.normalize("NFC", ACCENTED),
            (unicodedata.normalize("NFD", ACCENTED), "positif"),
            unicodedata.normalize("NFD", ACCENTED),
        ),
        (
            unicodedata.normalize("NFD", ACCENTED),
            (unicodedata.normalize("NFC", ACCENTED), "positif"),
            unicodedata.normalize("NFC", ACCENTED),
        ),
        ("It is " + unicodedata.normalize("NFD", ACCENTED), (ACCENTED, "positif"), ACCENTED),
        ("can’t tell", ("can't tell", "clear"), "can't tell"),
        ("can't tell", ("can’t tell", "clear"), "can’t tell"),
        *(
            (said, ("warm", "cold"), "warm")
            for said in (
                "“warm”",
                "‘warm’",
                "«warm»",
                "„warm“",
                "ｗａｒｍ",
                "\u200bwarm\ufeff",
                "wa\u2060rm",
                "The label is “warm”.",
            )
        ),
        ("not  spam", ("not spam", "spam"), "not spam"),
        ("❤️ good", ("❤ good", "bad"), "❤ good"),
        # What is typed alike stays apart where it is what is written, and so does what says something else.
        ("ｗａｒｍ", ("ｗａｒｍ", "warm"), "ｗａｒｍ"),
        (" warm. ", ("ｗａｒｍ", "warm"), "warm"),
        ("1²", ("1²", "12"), "1²"),
        ("The label is 12.", ("1²", "12"), "12"),
        ("The label is 1².", ("1²", "12"), "1²"),
        ("1²", ("12", "13"), "1²"),
        ("½", ("1⁄2", "1"), "½"),
        (" :) ", (":)", ":("), ":)"),
        # Accents, and the dot of an i, are not in every capital.
        *((said, ("İltifat", "Şikâyet"), "İltifat") for said in ("iltifat", "İLTİFAT", "ILTIFAT", "Etiket: iltifat")),
        *((said, ("İltifat", "Şikâyet"), "Şikâyet") for said in ("ŞİKÂYET", "sikayet")),
        ("ΠΑΡΑΠΟΝΟ", ("Παράπονο", "Έπαινος"), "Παράπονο"),
        ("resume", ("résumé", "résume"), "resume"),
        *(
            (said, (said.translate({0xF1: "n", 0x1EA1: "á", 0xC4: "A"}), "x"), said) for said in ("año", "bạn", "Ä")
        ),  # another word or letter
        *((said, (label, "x"), said) for said, label in (("É difícil dizer", "e"), ("C'est déjà là", "la"), ("мои", "мой"))),
        ("「苦情」", ("苦情", "賛辞"), "苦情"),
        ("『苦情』です", ("苦情", "賛辞"), "苦情"),
    ],
)
def test_a_label_may_be_spelled_otherwise(answer: str, allowed: tuple[str, ...], meant: str) -> None:
    assert label_of(answer, allowed) == meant


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        ("Label: warm (because it holds it)", "warm"),
        ("label: warm\nReason: it holds it", "warm"),
        ("**Label:** **warm**, as it holds a lantern", "warm"),
        ("**Label**: warm, as it holds a lantern", "warm"),
        ("Answer: “warm”, as it holds a lantern", "warm"),
        ("CATEGORY = warm, surely", "warm"),
        ("Classification: warm. It holds a lantern.", "warm"),
        ("It holds a lantern.\nLabel: warm\nConfidence: high", "warm"),
        ("It holds a lantern. Final answer: warm (high confidence)", "warm"),
        ("<label>warm</label>", "warm"),
        ("<reason>It holds a lantern.</reason><answer>\nWarm\n</answer>", "warm"),
        *((said, said) for said in ("Label: warm (not cold)", "Label: warm or so", "Label: cold\nLabel: warm", "Label: not warm", "Label: hot (a warm one)",
                                    "<label>warm</label><label>cold</label>", "On the label: warm hands only, it says")),
    ],
)  # fmt: skip
def test_the_label_that_is_said_to_be_one(answer: str, meant: str) -> None:
    assert label_of(answer, ("warm", "cold")) == meant


def test_a_label_that_is_called_like_what_leads_to_one() -> None:
    assert label_of("answer: it replies", ("answer", "question")) == "answer"
    assert label_of("Answer: question (it asks)", ("answer", "question")) == "question"


def test_a_long_run_of_white_space_takes_no_time() -> None:
    """A model in JSON mode may write nothing else for as long as it may."""
    begun = time.process_time()
    assert unwrapped("word" + "\n" * 400_000 + "x\u200b ") == "word x"
    assert time.process_time() - begun < 2.0


@pytest.mark.parametrize(
    ("answer", "items"),
    [
        ("1. a shop\n2. work", ["a shop", "work"]),
        ('{"contexts": ["a shop", "work"]}', ["a shop", "work"]),
        (' ["a shop", {"name": "work"}]\n', ["a shop", "work"]),
        ("[a shop]\n{work}", ["[a shop]", "{work}"]),
        ('{"1": "a shop", "2": "work"}', ["a shop", "work"]),
        ('{"topic": "places", "items": ["1. a shop", "2. work"]}', ["a shop", "work"]),
        ('[{"rank": "", "name": "a shop", "why": "big"}, {"name": "work", "why": "long"}]', ["a shop", "work"]),
        ('Here you are:\n```json\n["a shop",\n "work"]\n```\nEnjoy!', ["a shop", "work"]),
        ('1. a shop ["x"]\n2. work', ['a shop ["x"]', "work"]),
        ('["a shop"] and more', ['["a shop"] and more']),
        ("[" * 30_000, ["[" * 30_000]),
        ("[\n" * 100_000, ["["] * 100_000),
        ("[]", ["[]"]),
    ],
)
def test_the_items_of_a_list_that_was_asked_for_plainly(answer: str, items: list[str]) -> None:
    assert lines_of(answer) == items
