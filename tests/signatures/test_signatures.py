"""The words: typed, placed, and the same stages in both wordings."""

import dspy
import pytest

import seedless.signatures as words
from seedless.task import places

NAMES = [name for name in words.__all__ if not name.endswith("_SHOWN")]
ALL = [getattr(words, name) for name in NAMES]


@pytest.mark.parametrize("signature", ALL, ids=NAMES)
def test_every_field_is_described(signature: type[dspy.Signature]) -> None:
    for name, field in signature.fields.items():
        assert (field.json_schema_extra or {})["desc"] not in {"", f"${{{name}}}"}


@pytest.mark.parametrize("signature", ALL, ids=NAMES)
def test_places_are_inputs(signature: type[dspy.Signature]) -> None:
    assert set(places(signature.instructions)) <= set(signature.input_fields)


@pytest.mark.parametrize(
    ("full", "plain"),
    [
        (words.NameContexts, words.NameContextsPlainly),
        (words.NameSeeds, words.NameSeedsPlainly),
        (words.NameSeeds, words.NameSeedsApart),
        (words.NameTexts, words.NameTextsPlainly),
        (words.WriteInstance, words.WriteInstancePlainly),
        (words.ReviseInstance, words.ReviseInstancePlainly),
    ],
)
def test_the_plain_wording_asks_for_the_same(full: type[dspy.Signature], plain: type[dspy.Signature]) -> None:
    assert set(plain.input_fields) <= set(full.input_fields)
    assert set(plain.output_fields) == set(full.output_fields)
    assert len(plain.instructions) < len(full.instructions)


def test_a_revision_sees_what_was_wrong() -> None:
    for write, revise in (
        (words.WriteInstance, words.ReviseInstance),
        (words.WriteBesideGiven, words.ReviseBesideGiven),
        (words.WriteInstancePlainly, words.ReviseInstancePlainly),
    ):
        assert set(revise.input_fields) == {*write.input_fields, "previous_attempt", "violations"}


@pytest.mark.parametrize(
    ("shown", "signature"),
    [
        (words.CONTEXTS_SHOWN, words.NameContextsPlainly),
        (words.SEEDS_SHOWN, words.NameSeedsPlainly),
        *((shown, words.NameTextsPlainly) for shown in words.TEXTS_SHOWN.values()),
    ],
)
def test_what_is_shown_to_a_small_model_has_the_signature_s_form(
    shown: tuple[dict[str, object], ...], signature: type[dspy.Signature]
) -> None:
    (listed,) = signature.output_fields
    for example in shown:
        assert set(example) == set(signature.fields)
        items = example[listed]
        assert isinstance(items, list)
        assert len(items) == len(set(items)) == example["count"]
