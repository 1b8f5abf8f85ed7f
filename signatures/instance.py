"""Stages 3 and 4: one instance under a label's constraint, and its revision. A task adds its own fields as outputs."""

from collections.abc import Mapping
from typing import Any

import dspy

__all__ = [
    "DOCUMENTS_SHOWN",
    "ReviseBesideGiven",
    "ReviseInstance",
    "ReviseInstancePlainly",
    "WriteBesideGiven",
    "WriteInstance",
    "WriteInstanceInDocument",
    "WriteInstancePlainly",
]


class WriteInstance(dspy.Signature):
    """Write one new instance of a labelled data set, such that the constraint holds beyond doubt.

    Build it on the seed, in the given context. Write what a real source of such data would hold: natural, specific, with
    its own choice of words and of facts, neither a template nor the first thing that comes to mind. Write the instance only:
    no comment, no label, no placeholder.
    """

    description: str = dspy.InputField(desc="what the data set holds")
    context: str = dspy.InputField(desc="the domain or setting")
    seed: str = dspy.InputField(desc="the element to build on")
    constraint: str = dspy.InputField(desc="what must be true of the instance")
    attributes: list[str] = dspy.InputField(desc="how to write it")
    opening: str = dspy.InputField(desc="words to begin with, if any are given")


class ReviseInstance(WriteInstance):
    """Rewrite an instance of a labelled data set that was not accepted, so that every objection is met and the constraint holds.

    Keep what was good, change what the objections name, and keep to the seed and the context. Write the instance only: no
    comment, no label, no placeholder.
    """

    previous_attempt: str = dspy.InputField(desc="the instance that was not accepted")
    violations: list[str] = dspy.InputField(desc="the objections to it")


class WriteBesideGiven(WriteInstance):
    """Write what is missing of one new row of a labelled data set, such that the constraint holds beyond doubt.

    Some of the row's fields are given, and stay as they are. Write the others to stand beside them: what the given ones say holds as far
    as the constraint says so, and only what both leave open is your own choice. Write what a real source of such data would hold: natural,
    specific, neither a template nor the first thing that comes to mind. Write the missing fields only: no comment, no label, no placeholder.
    """

    given_fields: list[str] = dspy.InputField(desc="the fields that are given, and what stands in them")


class ReviseBesideGiven(ReviseInstance):
    """Rewrite what was written for a row of a labelled data set and not accepted, so that every objection is met and the constraint holds.

    Some of the row's fields are given and stay as they are. Keep what was good of the others, change what the objections name, and keep
    to the context. Write the missing fields only: no comment, no label, no placeholder.
    """

    given_fields: list[str] = dspy.InputField(desc="the fields that are given, and what stands in them")


class WriteInstancePlainly(dspy.Signature):
    """{constraint}"""

    constraint: str = dspy.InputField(desc="The task")
    seed: str = dspy.InputField(desc="It is about")
    context: str = dspy.InputField(desc="The topic is")
    attributes: list[str] = dspy.InputField(desc="Write it")
    opening: str = dspy.InputField(desc="Begin with")


class ReviseInstancePlainly(WriteInstancePlainly):
    """{constraint} Do better than this one: "{previous_attempt}" {violations}"""

    previous_attempt: str = dspy.InputField(desc="The first try")
    violations: list[str] = dspy.InputField(desc="What was wrong")


class WriteInstanceInDocument(WriteInstancePlainly):
    """{description}

    {constraint}

    {label}: {meaning}
    Context: {about}
    {shown} "{opening}"""

    description: str = dspy.InputField(desc="What the texts are")
    label: str = dspy.InputField(desc="The label is")
    meaning: str = dspy.InputField(desc="It means")
    about: str = dspy.InputField(desc="It is about")
    shown: str = dspy.InputField(desc="What stands before it")


def _shown(description: str, constraint: str, label: str, meaning: str, about: str, text: str) -> tuple[dict[str, Any], str]:
    said = {"description": description, "constraint": constraint, "label": label, "meaning": meaning, "about": about}
    return {**said, "shown": "Example:"}, text


_SENTENCES = (
    _shown(
        "Notes that guests leave at a hotel, sorted by what they are about.",
        "Write a note about noise. It is about a wedding. Mention the second floor.",
        "noise",
        "The guest writes about noise.",
        "a wedding, drums",
        "They danced above our heads until three, and nobody on the second floor closed an eye.",
    ),
    _shown(
        "Notices of a town library, sorted by what they announce.",
        "Write a notice that the library is closed. It is about a storm. Mention water.",
        "closing",
        "The notice says that the library is closed.",
        "a storm, shut",
        "The reading room stays shut until Thursday, because water came through the roof last night.",
    ),
)
_QUESTIONS = (
    _shown(
        "Questions that visitors ask in a zoo, sorted by what they are about.",
        "Write a question about feeding. It is about penguins. Mention fish.",
        "feeding",
        "The visitor asks what animals eat.",
        "penguins, fish",
        "When do the penguins get their fish on Sundays?",
    ),
    _shown(
        "Questions of hikers, sorted by what they want to know.",
        "Write a question about the way. It is about a lake. Mention a bridge.",
        "way",
        "The hiker asks for the way.",
        "a lake, bridge",
        "Can we still cross the old bridge to get around the lake?",
    ),
)
_PHRASES = (
    _shown(
        "Titles of talks for gardeners, sorted by topic.",
        "Write a title about watering. It is about summer. Mention a barrel.",
        "watering",
        "The talk is about watering.",
        "summer, barrel",
        "Rain barrels and drip hoses for dry summers",
    ),
    _shown(
        "Searches in a railway's timetable, sorted by what is looked for.",
        "Write a search for a price. It is about children. Mention a group.",
        "price",
        "The search is for a price.",
        "children, group",
        "group ticket with four children cheapest day",
    ),
)

# What a text is beside what is said of it, by its form, for small models; of no task.
DOCUMENTS_SHOWN: Mapping[str, tuple[tuple[dict[str, Any], str], ...]] = {
    "sentence": _SENTENCES,
    "text": _SENTENCES,
    "question": _QUESTIONS,
    "phrase": _PHRASES,
}
