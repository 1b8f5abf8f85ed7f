"""Stage 2: the atomic elements on which instances are built, asked per context."""

from collections.abc import Mapping
from typing import Any

import dspy

from seedless.signatures.contexts import LABELS

__all__ = [
    "SEEDS_SHOWN",
    "TEXTS_SHOWN",
    "VIOLATIONS",
    "NameSeeds",
    "NameSeedsApart",
    "NameSeedsPlainly",
    "NameTexts",
    "NameTextsPlainly",
]

VIOLATIONS = "texts that were named before and not taken, and the objection to each"


class NameSeeds(dspy.Signature):
    """Name atomic elements within one context, on each of which one instance of the data set will be built.

    Take what occurs there in real life: make each element concrete, self-contained, usable under any of the labels, and different
    from the others and from those to avoid. Name no label.
    """

    description: str = dspy.InputField(desc="what the data set holds")
    labels: list[str] = dspy.InputField(desc=LABELS)
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


class NameTexts(dspy.Signature):
    """Name texts within one context, each of which becomes a field of one row of the data set, word for word as it is named.

    Take what occurs there in real life: make each text concrete, understandable by itself, usable under any of the labels, and
    different from the others and from those to avoid.
    """

    description: str = dspy.InputField(desc="what the data set holds")
    labels: list[str] = dspy.InputField(desc=LABELS)
    context: str = dspy.InputField(desc="the context that the texts belong to")
    wanted: str = dspy.InputField(desc="what kind of text to name")
    shape: str = dspy.InputField(desc="what each text is")
    count: int = dspy.InputField(desc="how many to name")
    avoid: list[str] = dspy.InputField(desc="texts that are there already")
    violations: list[str] = dspy.InputField(desc=VIOLATIONS)
    seeds: list[str] = dspy.OutputField(desc="the texts")


class NameTextsPlainly(dspy.Signature):
    """Make a numbered list of {count} {wanted}. Think of {context}. Each item {shape}, and no item is repeated."""

    context: str = dspy.InputField(desc="The topic")
    wanted: str = dspy.InputField(desc="What to list")
    shape: str = dspy.InputField(desc="What each item is")
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


def _listed(wanted: str, shape: str, *seeds: str, context: str = "a harbour") -> tuple[dict[str, Any], ...]:
    return ({"context": context, "wanted": wanted, "shape": shape, "count": len(seeds), "seeds": list(seeds)},)


# What a list of texts looks like, by what each of them is, for small models; of no task.
TEXTS_SHOWN: Mapping[str, tuple[dict[str, Any], ...]] = {
    "word": (
        *_listed(
            "things that break in a kitchen", "is one single word", "cup", "sink", "oven", "plate", "kettle", context="a kitchen"
        ),
        *_listed(
            "things that players do in a game",
            "is one single word",
            "run",
            "pass",
            "shout",
            "rest",
            "stretch",
            context="a football club",
        ),
    ),
    "term": tuple({**shown, "shape": "has 1 to 3 words"} for shown in SEEDS_SHOWN),
    "phrase": _listed(
        "titles of talks for visitors",
        "has 4 to 10 words",
        "How the old lighthouse became a museum",
        "Ferries, nets and ropes in 300 years",
        "What the storm of 1953 left of the yard",
    ),
    "sentence": _listed(
        "statements of facts",
        "is one full sentence",
        "The last ferry to the island leaves at nine in the evening.",
        "Two fishing boats were repaired in the yard last winter.",
        "The old lighthouse has been a museum since 1998.",
    ),
    "question": _listed(
        "questions of visitors",
        "is one full question",
        "When does the last ferry to the island leave on Sundays?",
        "Can we buy fish straight from the boats in the morning?",
        "Is the old lighthouse open to children under six?",
    ),
    "text": _listed(
        "notes of facts",
        "is a text of 2 to 3 full sentences",
        "The last ferry to the island leaves at nine in the evening. In winter it runs on Fridays only, and nobody may take a car along.",
        "Two fishing boats were repaired in the yard after the storm. The third one, the Marta, lies on the ground off the pier. "
        "Her owner wants $2.5 million from the town.",
        "The old lighthouse has been a museum since 1998. Its lamp, which was made in Paris, can be seen in the hall on the ground floor.",
    ),
}
