"""What flows between stages: frozen, and equal where it says the same."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from seedless.slot import Context, Draft, InstanceSeed, Slot, Verdict

CONTEXT = Context("comedy")
SEED = InstanceSeed("the ending", CONTEXT)
PARTS: list[tuple[Any, str]] = [
    (CONTEXT, "text"),
    (SEED, "context"),
    (Slot(0, 0, "positive", SEED), "label"),
    (Draft({"text": "a"}), "texts"),
    (Verdict("positive", "it praises"), "label"),
]


@pytest.mark.parametrize(("part", "name"), PARTS)
def test_frozen(part: Any, name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(part, name, "other")
    with pytest.raises((FrozenInstanceError, TypeError, AttributeError)):
        part.no_such_name = 1


def test_equal_where_they_say_the_same() -> None:
    assert InstanceSeed("the ending", Context("comedy")) == SEED
    assert Context("comedy", source="given") != CONTEXT
    assert len({SEED, InstanceSeed("the ending", Context("comedy"))}) == 1


def test_defaults() -> None:
    slot = Slot(3, 1, "positive", SEED)
    assert (dict(slot.attributes), slot.rollout) == ({}, 0)
    assert Slot(0, 0, "a", SEED).attributes is not slot.attributes  # no mapping is shared
    assert (Draft({}).finished, Draft({}).problem, Verdict("a", "b").confidence) == (True, "", None)


@pytest.mark.parametrize(
    ("texts", "text"),
    [({}, ""), ({"text": "a"}, "a"), ({"premise": "A cat.", "hypothesis": ""}, "A cat.\n"), ({"b": "1", "a": "2"}, "1\n2")],
)
def test_text_of_a_draft_is_its_fields_in_order(texts: dict[str, str], text: str) -> None:
    assert Draft(texts).text == text
