"""Stage 1: the domains and settings that spread the data."""

from typing import Any

import dspy

__all__ = ["CONTEXTS_SHOWN", "LABELS", "NameContexts", "NameContextsPlainly"]

LABELS = "the names of the data set's labels"


class NameContexts(dspy.Signature):
    """Name domains or settings that spread a labelled data set over everything its task covers in real life.

    Make each one a short noun phrase, specific, and different in kind from the others and from those to avoid; include the
    common ones and the rare ones. Name those only in which texts of every label occur, and name no label.
    """

    description: str = dspy.InputField(desc="what the data set holds")
    labels: list[str] = dspy.InputField(desc=LABELS)
    wanted: str = dspy.InputField(desc="what kind of contexts to name")
    count: int = dspy.InputField(desc="how many to name")
    avoid: list[str] = dspy.InputField(desc="contexts that are there already")
    contexts: list[str] = dspy.OutputField(desc="the contexts, each a short noun phrase")


class NameContextsPlainly(dspy.Signature):
    """Make a numbered list of {count} {wanted}. Each item has one to three words, and no item is repeated."""

    wanted: str = dspy.InputField(desc="What to list")
    count: int = dspy.InputField(desc="How many")
    contexts: list[str] = dspy.OutputField(desc="the list")


CONTEXTS_SHOWN: tuple[dict[str, Any], ...] = (  # what a list looks like, for small models; of no task
    {
        "wanted": "kinds of animals that people keep",
        "count": 5,
        "contexts": ["dogs", "gold fish", "parrots", "rabbits", "horses"],
    },
    {
        "wanted": "situations at an airport",
        "count": 5,
        "contexts": ["a delayed flight", "lost luggage", "the security check", "a long queue", "a missed connection"],
    },
)
