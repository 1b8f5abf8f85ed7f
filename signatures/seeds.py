"""Stage 2: the atomic elements on which instances are built, asked per context."""

from typing import Any

import dspy

__all__ = ["PASSAGES_SHOWN", "SEEDS_SHOWN", "NamePassagesPlainly", "NameSeeds", "NameSeedsApart", "NameSeedsPlainly"]


class NameSeeds(dspy.Signature):
    """Name atomic elements within one context, on each of which one instance of the data set will be built.

    Take what occurs there in real life: make each element concrete, self-contained, usable under any label, and different
    from the others and from those to avoid. Name no label.
    """

    description: str = dspy.InputField(desc="what the data set holds")
    context: str = dspy.InputField(desc="the context that the elements belong to")
    wanted: str = dspy.InputField(desc="what kind of element to name")
    count: int = dspy.InputField(desc="how many to name")
    avoid: list[str] = dspy.InputField(desc="elements that are there already")
    seeds: list[str] = dspy.OutputField(desc="the elements")


class NameSeedsPlainly(dspy.Signature):
    """Make a numbered list of {count} {wanted}. Think of {context}. Each item has one to three words, and no item is repeated."""

    context: str = dspy.InputField(desc="The topic")
    wanted: str = dspy.InputField(desc="What to list")
    count: int = dspy.InputField(desc="How many")
    seeds: list[str] = dspy.OutputField(desc="the list")


class NameSeedsApart(dspy.Signature):
    """Make a numbered list of {count} {wanted}. Each item has one to three words, and no item is repeated."""

    wanted: str = dspy.InputField(desc="What to list")
    count: int = dspy.InputField(desc="How many")
    seeds: list[str] = dspy.OutputField(desc="the list")


class NamePassagesPlainly(dspy.Signature):
    """Make a numbered list of {count} {wanted}. Think of {context}. Each item is one full sentence, and no item is repeated."""

    context: str = dspy.InputField(desc="The topic")
    wanted: str = dspy.InputField(desc="What to list")
    count: int = dspy.InputField(desc="How many")
    seeds: list[str] = dspy.OutputField(desc="the list")


SEEDS_SHOWN: tuple[dict[str, Any], ...] = (  # what a list looks like, for small models; of no task
    {
        "context": "a kitchen",
        "wanted": "things that go wrong in a kitchen",
        "count": 5,
        "seeds": ["a blocked sink", "burnt toast", "a broken cup", "a cold oven", "spilled milk"],
    },
    {
        "context": "a football club",
        "wanted": "people whom a sports reporter may ask",
        "count": 5,
        "seeds": ["the coach", "a young striker", "the team doctor", "a loyal fan", "the new owner"],
    },
)
PASSAGES_SHOWN: tuple[dict[str, Any], ...] = (
    {
        "context": "a harbour",
        "wanted": "statements of facts",
        "count": 3,
        "seeds": [
            "The last ferry to the island leaves at nine in the evening.",
            "Two fishing boats were repaired in the yard last winter.",
            "The old lighthouse has been a museum since 1998.",
        ],
    },
)
