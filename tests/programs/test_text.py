"""Words, sentences, languages, and what two texts have in common."""

import errno
import random
import tempfile

import pytest

from seedless import text
from seedless.errors import SetupError
from seedless.text import article, languages_of, normalized, rouge_l, sentences, standing, words


def lcs(a: list[str], b: list[str]) -> int:
    """Length of the longest common subsequence, by the textbook's table."""
    row = [0] * (len(b) + 1)
    for x in a:
        before = row
        row = [0]
        for j, y in enumerate(b):
            row.append(before[j] + 1 if x == y else max(before[j + 1], row[j]))
    return row[-1]


def f1(a: list[str], b: list[str]) -> float:
    """ROUGE-L's F1 from its definition (Lin 2004): the harmonic mean of precision and recall."""
    common = lcs(a, b)
    if common == 0:
        return 0.0
    precision, recall = common / len(b), common / len(a)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("...", []),
        ("ﬁne CAFÉ", ["fine", "café"]),
        ("cafe\u0301", ["café"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("3.5 km", ["3", "5", "km"]),
        ("我的iPhone 15坏了。", ["我", "的", "iphone", "15", "坏", "了"]),
        ("コーヒーを", ["コ", "ー", "ヒ", "ー", "を"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("한국어 문장", ["한국어", "문장"]),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("The cast\nis SUPERB.", "the cast is superb", True),
        ("ﬁne CAFÉ", "fine cafe\u0301!", True),
        ("我的猫。", "我的 猫", True),
        ("İyi bir oda", "iyi bir oda", True),
        ("So happy 😀😀", "So happy 😀", True),
        ("So happy 😀", "So happy", False),
        ("return -1", "return 1", False),
        ("ab c", "a bc", False),
        ("...", "?!", False),
        ("", " ", True),
    ],
)
def test_normalized_is_equal_for_the_same_text(first: str, second: str, *, same: bool) -> None:
    assert (normalized(first) == normalized(second)) is same


def test_rouge_l_equals_its_definition() -> None:
    rng = random.Random("rouge")
    scores = []
    for _ in range(200):
        a, b = (rng.choices("abcdefgh", k=rng.randint(1, 25)) for _ in range(2))
        scores.append(rouge_l(a, b))
        assert scores[-1] == pytest.approx(f1(a, b), abs=1e-12)
        assert rouge_l(b, a) == pytest.approx(scores[-1])
    assert len(set(scores)) > 50  # the pairs say something


@pytest.mark.parametrize(
    ("a", "b", "score"), [("a b c", "a b c", 1.0), ("a b c", "x y z", 0.0), ("a", "a b c", 0.5), ("a b", "b a", 0.5)]
)
def test_rouge_l_by_hand(a: str, b: str, score: float) -> None:
    assert rouge_l(a.split(), b.split()) == pytest.approx(score)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("   ", 0),
        ("one", 1),
        ("Mr. A. B. Smith left. He ran.", 2),
        ("It is 3.5 m. Really.", 2),
        ("Wait... What?", 2),
        ("Visit example.com. It works.", 2),
        ("Apples, pears, etc. are sold.", 1),
        ("（真的。）再见。", 2),
        ("Sie sagte: „Es regnet.“ Dann ging sie.", 2),
        ("»Es regnet.« »Ja.« Sie ging.", 3),
        ("„Es regnet.“ sagte sie.", 1),
        ("Ήταν βρώμικο; Ναι.", 2),
        ("The letter α; Beta", 1),
        ('天黑了。"走吧,"他说。', 2),
        ('"बारिश हुई।" उसने कहा।', 1),
        ("बारिश हुई। वह गया।", 2),
    ],
)
def test_sentences(text: str, count: int) -> None:
    found = sentences(text)
    assert len(found) == count
    assert "".join("".join(found).split()) == "".join(text.split())  # nothing is lost


@pytest.mark.parametrize("text", ["Он ушёл. Она осталась.", "Il est parti. Élise est restée.", "Er ging. Übrig blieb nichts."])
def test_a_capital_letter_of_any_script_begins_a_sentence(text: str) -> None:
    assert len(sentences(text)) == 2


def test_no_is_a_sentence_of_its_own() -> None:
    """`No.` is an abbreviation before a number only."""
    assert len(sentences("Was it good? No. It was dull.")) == 3
    assert len(sentences("He lived at No. 10 for years.")) == 1


def test_languages_of() -> None:
    likely = languages_of("La película fue larga, pero el final mereció la pena.")
    assert next(iter(likely)) == "es"
    assert likely["es"] > 0.5 > likely["en"]
    assert sum(likely.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("art", "Modern art.", "art"),
        ("art", "He started.", None),
        ("art", "art_house", None),
        (" new york ", "In New\n York.", "New\n York"),
        ("new york", "In New-York.", None),
        ("straße", "DIE STRASSE", "STRASSE"),
        ("$", "I paid $5.", "$"),
        ("$5", "I paid $50.", None),
        ("iphone", "我的iPhone坏了。", "iPhone"),
        ("iphone", "我的iPhones坏了。", None),
        ("猫", "这只猫很可爱", "猫"),
        ("हिन्दी", "वह हिन्दी में है", "हिन्दी"),
        ("हिन्द", "वह हिन्दी में है", None),
        ("a.b", "a+b", None),
    ],
)
def test_standing(phrase: str, text: str, found: str | None) -> None:
    match = standing(phrase).search(text)
    assert (match and match[0]) == found


@pytest.mark.parametrize(
    ("spoken", "phrases"),
    [
        ("an", "art film; online shop; umbrella; unimportant thing; uncle; hour; heir; honest man; honour; FBI agent; HIV test; X-ray; 8-year-old"),
        ("an", "EU law; 11th floor; 18 people; IT firm; M&A deal; étude; \"old\" one; usher; urban garden; e-mail; un-American act; MIT student; SOS call; un-Christian thing"),
        ("a", "crime story; university; user; European; one-way street; once-over; union; unit; utensil; ukulele; house; hospital; US bank; UN envoy; US-led talks; UN-backed plan; UK-based firm"),
        ("a", "UFO; NASA engineer; Mr X; STRONG drink; 110-year-old; 1; T-shirt; U-turn; ewe; Uruguayan; 猫; UPS van; Unix host; "),
    ],
)  # fmt: skip
def test_an_article_is_chosen_by_how_a_word_is_spoken(spoken: str, phrases: str) -> None:
    for phrase in phrases.split("; "):
        assert article(phrase) == spoken, phrase


def test_a_folder_for_temporary_files_that_is_full_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of the run may well have room."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    text._identifier.cache_clear()
    with pytest.raises(SetupError, match=f"^{tempfile.gettempdir()}: has no room .* set TMPDIR"):
        languages_of("The film was long.")
