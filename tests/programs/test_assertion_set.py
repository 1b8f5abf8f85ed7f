"""What a model that can heed it is told beforehand of what the assertions will ask."""

from typing import Any

import pytest

from seedless.assertion_set import asked_of, assertions_of, forms_of
from seedless.assertions import Echo
from seedless.kept import Kept
from seedless.lms.spec import EMBEDDED, HOSTED, LOCAL
from seedless.slot import Context, Draft, InstanceSeed, Slot
from seedless.targen import TarGEN
from seedless.task import Task
from seedless.testing import fake_lm


def task(*assertions: dict[str, Any], fields: tuple[str, ...] = ("text",), form: str = "text", **changes: Any) -> Task:
    """Two labels, `late` and `lost`, and these assertions."""
    said: dict[str, Any] = {
        "name": "parcels", "description": "Messages about parcels.",
        "fields": [{"name": name, "description": "a message", "form": form, "min_words": 8, "max_words": 30} for name in fields],
        "labels": [{"name": name, "meaning": f"It is {name}.", "constraint": f"Say that it is {name}."} for name in ("late", "lost")],
        "contexts": {"hint": "shops"}, "seeds": {"hint": "goods"}, "assertions": assertions,
    }  # fmt: skip
    return Task.model_validate({**said, **changes})


def told(of: Task, label: str = "late") -> list[str]:
    """What the writer of a text for `label` is told."""
    slot = Slot(0, 0, label, InstanceSeed("a lamp", Context("a shop")))
    return list(forms_of(of, [a for a in assertions_of(of) if a.concerns(slot)]))


BANNED = 'without the words "late" and "lost"'


@pytest.mark.parametrize(
    ("assertion", "line"),
    [
        ({"kind": "contains", "field": "text", "any_of": ["parcel", "package", "box"]}, 'with "parcel", "package" or "box" in it, word for word'),
        ({"kind": "sentences", "minimum": 2, "maximum": 2}, "in 2 sentences"),
        ({"kind": "sentences", "field": "text", "minimum": 1, "maximum": 3}, "in 1 to 3 sentences"),
        (
            {"kind": "regex", "pattern": "[0-9]", "message": "The message names no number; name one."},
            'so that nobody has to object: "The message names no number; name one."',
        ),
    ],
)  # fmt: skip
def test_an_assertion_of_the_task_file_is_a_line_for_the_labels_that_it_concerns(assertion: dict[str, Any], line: str) -> None:
    assert told(task(assertion)) == ["in 8 to 30 words", line, BANNED]
    assert told(task({**assertion, "labels": ["lost"]})) == ["in 8 to 30 words", BANNED]
    assert told(task({**assertion, "labels": ["late"]})) == ["in 8 to 30 words", line, BANNED]
    assert told(task(assertion, {**assertion, "labels": ["late"]})) == ["in 8 to 30 words", line, BANNED], "once, not twice"


def test_what_a_pattern_must_not_find_is_not_named_beforehand_and_not_repeated() -> None:
    """A small hosted model wrote of telephone numbers in three of eight messages about parking, since it was told to leave them out."""
    of = task(
        {"kind": "regex", "absent": True, "pattern": "[0-9]{4}", "message": "The text holds a telephone number; leave it out."}
    )
    assert told(of) == ["in 8 to 30 words", BANNED]
    slot = Slot(0, 0, "late", InstanceSeed("a lamp", Context("a shop")))
    for text, holds in (
        ("My parcel is here. Please note: the text holds a telephone number.", False),
        ("It holds a telephone number.", True),
    ):
        (echo,) = (a for a in assertions_of(of) if isinstance(a, Echo))
        assert (echo.check(Draft({"text": text}), slot, Kept()) is None) == holds
    asked = task({"kind": "regex", "pattern": "refund", "message": "Ask for a refund of the parcel."})
    (echo,) = (a for a in assertions_of(asked) if isinstance(a, Echo))
    assert echo.check(Draft({"text": "I ask for a refund of the parcel."}), slot, Kept()) is None


def test_words_that_must_not_stand_in_a_text_are_told_together_and_once() -> None:
    of = task({"kind": "excludes", "field": "text", "any_of": ["please", "Late"]})
    assert told(of) == ["in 8 to 30 words", 'without the words "Late", "lost" and "please"']
    assert told(task({"kind": "no_label_word"})) == ["in 8 to 30 words"], "whoever bans nothing is told of no ban"


def test_no_label_is_kept_from_the_words_that_its_own_constraint_or_assertion_asks_for() -> None:
    labels = [
        {"name": "exchange rate", "meaning": "It asks for a rate.", "constraint": "Ask for the exchange rate."},
        {"name": "lost", "meaning": "It is lost.", "constraint": "Say that it is lost."},
    ]
    assert told(task(labels=labels), "exchange rate") == ["in 8 to 30 words", 'without the word "lost"']
    wanted = task({"kind": "contains", "field": "text", "any_of": ["late", "parcel"]})
    assert told(wanted) == ["in 8 to 30 words", 'with "parcel" in it, word for word', BANNED]


def test_a_length_of_the_task_file_is_told_in_place_of_the_field_s_own() -> None:
    of = task({"kind": "length", "min_words": 12, "max_words": 40, "labels": ["late"]})
    assert told(of)[0] == "in 12 to 30 words"
    assert told(of, "lost")[0] == "in 8 to 30 words"


@pytest.mark.parametrize(("form", "line"), [("sentence", "in one sentence of 8 to 30 words"), ("question", "as one question of 8 to 30 words")])  # fmt: skip
def test_what_a_form_says_is_not_said_again(form: str, line: str) -> None:
    assert told(task({"kind": "sentences", "field": "text"}, form=form)) == [line, BANNED]


def test_more_sentences_than_the_form_says_are_not_told_beside_it() -> None:
    of = task({"kind": "sentences", "field": "text", "minimum": 2, "maximum": 3}, form="sentence")
    assert told(of) == ["in 8 to 30 words", "in 2 to 3 sentences", BANNED]


def test_of_several_fields_each_is_named() -> None:
    of = task(
        {"kind": "excludes", "field": "answer", "any_of": ["please"]},
        {"kind": "contains", "field": "question", "any_of": ["why"]},
        {"kind": "excludes", "field": "answer", "value_of": "question"},
        {"kind": "fields_differ", "threshold": 0.8},
        fields=("question", "answer"),
    )
    assert told(of) == [
        "question in 8 to 30 words",
        "answer in 8 to 30 words",
        "with no two fields that say the same",
        'question with "why" in it, word for word',
        "answer without the question in it, word for word",
        'answer without the word "please"',
        BANNED,
    ]


def test_what_a_field_is_copied_from_is_said_once() -> None:
    of = task({"kind": "contains", "field": "passage", "value_of": "span"}, fields=("passage", "span"))
    passage, span = of.fields
    copied = of.model_copy(update={"fields": (passage, span.model_copy(update={"within": "passage"}))})
    assert "passage with the span in it, word for word" in told(of)
    assert [line for line in told(copied) if "passage" in line and "span" in line] == [
        "span copied word for word, sign for sign, from passage"
    ]


def test_a_seed_that_becomes_a_field_is_asked_for_with_its_assertions() -> None:
    of = task(
        {"kind": "excludes", "field": "premise", "any_of": ["please"]},
        fields=("premise", "claim"),
        seeds={"hint": "statements", "field": "premise"},
    )
    program = TarGEN(of, lm=fake_lm(str), profile=HOSTED)
    assert ', in 8 to 30 words, without the word "please", which stands' in program.name_seeds.asked(Context("a shop"))["shape"]


def test_the_full_wording_is_told_and_the_plain_one_is_not() -> None:
    of = task({"kind": "sentences", "minimum": 2, "maximum": 2})
    slot = Slot(0, 0, "late", InstanceSeed("a lamp", Context("a shop")))
    for profile, strategy, lines in ((HOSTED, "targen", told(of)), (HOSTED, "no-filters", []), (LOCAL, "targen", [])):
        program = TarGEN(of, lm=fake_lm(str), profile=profile, strategy=strategy, verify="none")
        assert program.write_instance.inputs(slot)["attributes"] == lines


def test_a_lone_character_of_an_unspaced_script_is_no_word_to_leave_out() -> None:
    of = task({"kind": "no_label_word", "banned": ["好", "坏事"]}, language="zh")
    assert list(asked_of(of, assertions_of(of), named=False)) == ['without the word "坏事"']


def test_a_model_that_cannot_think_of_two_things_may_not_repeat_what_a_label_is_about() -> None:
    """The embedded one says "The story of a film takes place in a story of a film"."""
    for profile, things in ((HOSTED, True), (LOCAL, True), (EMBEDDED, False)):
        for of in (task(), task({"kind": "echo", "run": 7})):
            program = TarGEN(of, lm=fake_lm(lambda _: ""), profile=profile, verify="none")
            (echo,) = (a for a in program.write_instance.assertions if isinstance(a, Echo))
            assert echo.things is things
