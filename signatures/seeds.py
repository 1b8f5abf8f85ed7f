"""Stage 2: the atomic elements on which instances are built, asked per context."""

import dspy

__all__ = ["NameSeeds", "NameSeedsPlainly"]


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
