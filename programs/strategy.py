"""Strategies: the whole method, the method less one of its parts, and the naive prompt that it must beat."""

from dataclasses import dataclass, replace
from typing import Any

from seedless.given import check_choice
from seedless.lms.spec import Profile
from seedless.task import Label, Task

__all__ = ["STRATEGIES", "Strategy"]


@dataclass(frozen=True, slots=True)
class Strategy:
    """Which parts of the method are at work.

    Parameters
    ----------
    contexts
        Many of them; otherwise one for each label: the first that the task gives, or its hint.
    seeds
        Many in each context; otherwise one: the first that the task gives, or its hint. Where the seed becomes a field of the
        row, a hint would be no row's text, and the LM is asked for one.
    constraint
        The label's constraint, its openings, and what the attributes say, in the wording that suits the LM; otherwise one
        sentence made of the fields' descriptions and the label's meaning, alone in its message, and every field is written.
    correction
        The verifier, and several drafts and attempts; otherwise the first draft that the assertions let through.
    filters
        The assertions and the decoder's grammar; otherwise a draft is refused only where the token limit cut it.

    Examples
    --------
    >>> Strategy.named("no-seeds").seeds
    False
    """

    name: str
    contexts: bool = True
    seeds: bool = True
    constraint: bool = True
    correction: bool = True
    filters: bool = True

    @classmethod
    def named(cls, name: str) -> "Strategy":
        """The strategy of that name.

        Raises
        ------
        UsageError
            If there is none.
        """
        check_choice("strategy", name, tuple(STRATEGIES))
        return STRATEGIES[name]

    def task(self, task: Task) -> Task:
        """`task` as far as this strategy uses it."""
        changes: dict[str, Any] = {}
        labels = task.labels
        if not self.contexts:
            changes["contexts"] = task.contexts.model_copy(update={"given": (task.contexts.given or (task.contexts.hint,))[:1]})
            labels = tuple(label.model_copy(update={"contexts": label.contexts[:1]}) for label in labels)
        if not self.seeds and (task.seeds.given or task.seeds.field is None):
            changes["seeds"] = task.seeds.model_copy(update={"given": (task.seeds.given or (task.seeds.hint,))[:1]})
        if not self.constraint:
            changes = {  # model_copy checks nothing: an empty context and an empty seed are what is meant
                "contexts": task.contexts.model_copy(update={"given": ("",)}),
                "seeds": task.seeds.model_copy(update={"given": ("",), "field": None}),
                "attributes": (),
            }
            labels = tuple(
                label.model_copy(update={"constraint": _naive(task, label), "cues": (), "openings": (), "contexts": ()})
                for label in labels
            )
        return task.model_copy(update={**changes, "labels": labels})

    def profile(self, profile: Profile) -> Profile:
        """`profile` as far as this strategy uses it."""
        if not self.constraint:
            profile = replace(
                profile, wording="plain", adapter="plain", document="never"
            )  # one message that says it once; the others build on a seed
            if profile.sampling:  # what one would set for a prompt that is always the same
                profile = replace(profile, sampling={**profile.sampling, "write": {"temperature": 1.0, "min_p": 0.05}})
        return profile if self.correction else replace(profile, drafts=1, attempts=1)


def _naive(task: Task, label: Label) -> str:
    """What one would ask for without any method."""
    what = " and ".join(field.description.rstrip(".") for field in task.fields)
    meaning = f"{label.meaning[0].upper()}{label.meaning[1:]}{'' if label.meaning[-1] in '.!?' else '.'}"
    return f"Write {what}. {meaning}{' Only output the text.' if len(task.fields) == 1 else ''}"


STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy("targen"),
        Strategy("direct", contexts=False, seeds=False, constraint=False, correction=False, filters=False),
        Strategy("no-contexts", contexts=False),
        Strategy("no-seeds", seeds=False),
        Strategy("no-correction", correction=False),
        Strategy("no-filters", filters=False),
    )
}
