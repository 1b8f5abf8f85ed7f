"""Grammars, read as the regular languages that they are: what they let through, and what not."""

import re

import pytest

from seedless.lms.grammar import grammar_of_document, grammar_of_form, grammar_of_list

TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|(\[(?:[^\]\\]|\\.)*\])|([A-Za-z]+)|(\{[\d,]+\}|[()|*+?])|\s+')


def regex_of(grammar: str) -> re.Pattern[str]:
    """A GBNF grammar without recursion as a regular expression."""
    rules = dict(line.split(" ::= ", 1) for line in grammar.splitlines())

    def expand(body: str) -> str:
        out, at = "", 0
        while at < len(body):
            match = TOKEN.match(body, at)
            assert match is not None, body[at:]
            literal, chars, rule, sign = match.groups()
            if literal is not None:
                out += "(?:" + re.escape(literal.replace("\\n", "\n").replace('\\"', '"')) + ")"
            elif rule is not None:
                out += "(?:" + expand(rules[rule]) + ")"
            else:
                out += chars or sign or ""
            at = match.end()
        return out

    return re.compile(expand(rules["root"]))


@pytest.mark.parametrize(
    ("form", "text", "fits"),
    [
        ("sentence", "It rained.", True),
        ("sentence", "It costs 3.5 dollars!", True),
        ("sentence", '"It rained."', True),
        ("sentence", "It’s a café – really.", True),
        ("sentence", "He asked Dr. Ames in the U.S. for help.", True),
        ("sentence", "He asked a Dr. of law.", True),
        ("sentence", "He asked plan B. and left.", False),
        ("sentence", "It rained", False),
        ("sentence", "It rained. It stopped.", False),
        ("sentence", "it rained.", False),
        ("sentence", "It rained\n.", False),
        ("sentence", "Dear [name].", False),
        ("sentence", "*It* rained.", False),
        ("sentence", ".", False),
        ("question", "Who wrote it?", True),
        ("question", "What is 3.5 in feet?", True),
        ("question", "Who built St. Paul's?", True),
        ("question", "Who wrote it", False),
        ("question", "Who? Me?", False),
        ("question", "Question: who wrote it?", False),
        ("question", '"Who wrote it?"', False),
        ("text", "hi there", True),
        ("text", "One. Two! Three?", True),
        ("text", "One... Two", True),
        ("text", "One. Two. Three. Four.", False),
        ("text", "Line\nbreak", False),
        ("text", "Visit <place>", False),
        ("text", "", False),
        ("phrase", "Blue ceramic mug, 0.3 l, set of two", True),
        ("phrase", "how old is the moon?", True),
        ("phrase", "Mugs. Blue.", False),
        ("phrase", "Mugs\nBlue", False),
    ],
)
def test_form(form: str, text: str, fits: bool) -> None:
    assert (regex_of(grammar_of_form(form)).fullmatch(text) is not None) == fits


@pytest.mark.parametrize(("form", "rest"), [("question", " wrote it?"), ("sentence", " rained."), ("text", " rained. And then")])
def test_an_opening_is_continued(form: str, rest: str) -> None:
    assert regex_of(grammar_of_form(form, "It")).fullmatch(rest)
    assert not regex_of(grammar_of_form(form)).fullmatch(rest)


@pytest.mark.parametrize(
    ("form", "rest", "fits"),
    [
        ("text", 'hi there"', True),
        ("text", 'One. Two!"', True),
        ("text", 'One. Two... Three?"', True),
        ("text", 'One. Two..."', True),
        ("text", 'One. Two.!"', False),
        ("text", 'One. Two. Three. Four."', False),
        ("text", "hi there.", False),
        ("text", 'He said "no" to it."', False),
        ("sentence", 'It rained."', True),
        ("sentence", 'It rained"', False),
        ("sentence", 'It rained. It stopped."', False),
        ("sentence", 'It "rained"."', False),
        ("question", 'Who wrote it?"', True),
        ("question", 'We wrote it."', False),
        ("phrase", 'blue mug"', True),
        ("phrase", 'It is blue."', False),
        ("", 'any [line]"', True),
    ],
)
def test_a_document_s_text_ends_where_its_quotation_does(form: str, rest: str, fits: bool) -> None:
    assert (regex_of(grammar_of_document({"Example": form})).fullmatch(rest) is not None) == fits


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("The writer is glad.", False),
        ("the Writer is glad.", False),
        ("The writers are glad.", False),
        ("The write-off is mine.", True),
        ("Then a writer came.", True),
        ("Then we came.", False),
        ("It was hot.", False),
        ("It was homely.", True),
        ("It is hot.", True),
        ("Glad is the writer.", True),
    ],
)
def test_no_text_begins_with_what_it_is_to_be_unlike(text: str, fits: bool) -> None:
    for form in ("text", "sentence"):
        pattern = regex_of(grammar_of_document({"Post": form, "Reply": form}, unlike=["the writer", "It was hot", "then we"]))
        if form == "text" or text[0].isupper():
            assert (pattern.fullmatch(f'{text}"\nReply: "It rained."') is not None) == fits
            assert (pattern.fullmatch(f'It rained."\nReply: "{text}"') is not None) == fits


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("Who wrote it?", True),
        ("Who is it?", False),
        ("Whose is it?", True),
        ("In what year was it?", True),
        ("Is it?", False),
        ("He wrote it?", False),
        ("who wrote it?", False),
    ],
)
def test_a_question_begins_with_one_of_the_words_that_are_given(text: str, fits: bool) -> None:
    grammar = grammar_of_document(
        {"Question": "question"}, starts={"Question": ["Who", "Whose", "In what", "Is"]}, unlike=["who is it", "is"]
    )
    assert (regex_of(grammar).fullmatch(f'{text}"') is not None) == fits


def test_where_every_word_is_worn_a_question_begins_otherwise() -> None:
    grammar = grammar_of_document({"Question": "question"}, starts={"Question": ["Who"]}, unlike=["who"])
    assert regex_of(grammar).fullmatch('He wrote it?"')


def test_a_document_s_first_text_continues_its_opening() -> None:
    pattern = regex_of(grammar_of_document({"Post": "text"}, opening="It", unlike=["the writer", "It was hot", "then we"]))
    assert pattern.fullmatch(' rained."')
    assert not regex_of(grammar_of_document({"Post": "text"})).fullmatch(' rained."')


@pytest.mark.parametrize(("opening", "fits"), [("", False), ("What does", False), ("What does the word", True)])
def test_the_words_of_an_opening_count(opening: str, fits: bool) -> None:
    """A question that its opening begins is not drawn out: five words in all are enough."""
    grammar = grammar_of_document({"Example": "question", "Post": "text"}, least={"Example": 5}, opening=opening)
    rest = ' mean?"' if opening else 'Mean?"'
    assert (regex_of(grammar).fullmatch(f'{rest}\nPost: "It rained."') is not None) == fits


@pytest.mark.parametrize(("sentences", "most"), [(1, 1), (2, 2), (5, 5)])
def test_sentences_bound_a_text(sentences: int, most: int) -> None:
    pattern = regex_of(grammar_of_form("text", sentences=sentences))
    assert pattern.fullmatch(" ".join(["It rained."] * most))
    assert not pattern.fullmatch(" ".join(["It rained."] * (most + 1)))


@pytest.mark.parametrize(
    ("form", "longest", "sentences", "text", "fits"),
    [
        ("phrase", 1, (1, 1), "bank", True),
        ("phrase", 1, (1, 1), "river bank", False),
        ("phrase", 3, (1, 1), "the kids' room", True),
        ("phrase", 3, (1, 1), "bank (money)", False),
        ("phrase", 9, (1, 1), "Ferries, nets and ropes in 300 years", True),
        ("phrase", 9, (1, 1), "Ferries. Nets", False),
        ("question", 12, (1, 1), "What does the ferry of 9.30 cost?", True),
        ("question", 12, (1, 1), "The ferry costs 2.5 dollars.", False),
        ("sentence", 12, (1, 1), "The ferry costs 2.5 dollars.", True),
        ("sentence", 12, (1, 1), "He asked Dr. Ames in the U.S. for help!", True),
        ("sentence", 3, (1, 1), "The ferry costs much more than it did in 1998.", False),
        ("text", 40, (2, 3), "The ferry costs 2.5 dollars. It is late today.", True),
        ("text", 40, (2, 3), "The ferry costs 2.5 dollars.", False),
        ("text", 40, (2, 3), "The ferry is late. The ferry is late. The ferry is late. The ferry is late.", False),
    ],
)
def test_a_list_holds_texts_of_a_form(form: str, longest: int, sentences: tuple[int, int], text: str, fits: bool) -> None:
    pattern = regex_of(grammar_of_list(1, form, longest=longest, sentences=sentences))
    assert (pattern.fullmatch(f"1. {text}\n") is not None) == fits


def test_a_list_of_sentences_holds_whole_ones() -> None:
    pattern = regex_of(grammar_of_list(2, "sentence"))
    assert pattern.fullmatch("1. The ferry, built in 1998, leaves at nine.\n2. Two boats were repaired.\n")
    assert not pattern.fullmatch("1. The ferry leaves at nine.\n2. Two boats\n")
    assert not pattern.fullmatch("1. The ferry leaves. It is late.\n2. Two boats were repaired.\n")


@pytest.mark.parametrize("count", [1, 3, 12])
def test_list_holds_so_many_lines(count: int) -> None:
    pattern = regex_of(grammar_of_list(count))
    lines = [f"{i}. the kids' room\n" for i in range(1, count + 1)]
    assert pattern.fullmatch("".join(lines))
    assert not pattern.fullmatch("".join(lines[:-1]))
    assert not pattern.fullmatch("".join([*lines, f"{count + 1}. one more\n"]))
    assert not pattern.fullmatch("".join(lines).replace("1. the", "1. [the"))
    assert not pattern.fullmatch("".join(lines).replace("1. the kids' room", "1. " + "x" * 80))


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('It rained all day long. We stayed in."\nAnswer: "Nobody went out."\nNext question: "Who stayed in?"', True),
        ('it rained all day long"\nAnswer: "Nobody went out."\nNext question: "Who stayed in?"', True),
        ('It rained."\nAnswer: "Nobody went out."\nNext question: "Who stayed in?"', False),  # five words at least
        ('It rained all day long."\nAnswer: "Nobody went out."', False),
        ('It rained all day long."\nAnswer: "Nobody went out."\nNext question: "We stayed in."', False),
        ('It rained all day long."\nAnswer: "Nobody "really" went."\nNext question: "Who stayed in?"', False),
    ],
)
def test_fields_stand_in_their_order_each_in_its_form(text: str, fits: bool) -> None:
    grammar = grammar_of_document({"Text": "text", "Answer": "sentence", "Next question": "question"}, least={"Text": 5})
    assert (regex_of(grammar).fullmatch(text) is not None) == fits


def test_fields_without_forms_are_lines() -> None:
    assert regex_of(grammar_of_document({"Text": "", "Answer": ""})).fullmatch('any [line]"\nAnswer: "any <other>"')
