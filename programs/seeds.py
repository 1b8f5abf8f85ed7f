"""Stage 2: the atomic elements on which instances are built, asked per context."""

import dspy

from seedless.contexts import PHRASE, NameList
from seedless.label_words import LabelWords
from seedless.lms.metered import StepFailed
from seedless.lms.spec import Profile
from seedless.signatures import PASSAGES_SHOWN, SEEDS_SHOWN, NamePassagesPlainly, NameSeeds, NameSeedsApart, NameSeedsPlainly
from seedless.slot import Context, InstanceSeed
from seedless.task import Task, fill

__all__ = ["InstanceSeeds", "NoSeeds"]


class NoSeeds(StepFailed):
    """The LM answered, and named no seed that can be used."""


class InstanceSeeds(dspy.Module):
    """Seeds of one context: the task's own list, or the LM's answer with near-duplicates dropped (TarGEN, section 2, step 2).

    Where `words` are given, in a context that is a label's word they are the label's other words.
    """

    def __init__(self, task: Task, profile: Profile, words: LabelWords | None = None) -> None:
        super().__init__()
        self._field = next((field for field in task.fields if field.name == task.seeds.field), None)
        longest = self._field.max_words if self._field is not None else PHRASE
        passages = longest > PHRASE
        plainly = NamePassagesPlainly if passages else NameSeedsPlainly if profile.conditions else NameSeedsApart
        self._full = profile.wording == "full"
        self.name_list = NameList(
            NameSeeds if self._full else plainly,
            profile,
            "seeds",
            longest=longest,
            sentences=passages,
            shown=PASSAGES_SHOWN if passages else SEEDS_SHOWN,
        )
        self.task = task
        self._words = words

    def rephrase(self, task: Task, profile: Profile) -> None:
        """Ask from now on in `task`'s words and with `profile`'s sampling."""
        self.task = task
        self.name_list.sampling = profile.sampling.get("seeds", {})

    async def aforward(
        self, *, label: str | None = None, context: Context, count: int, rollout: int = 0
    ) -> tuple[InstanceSeed, ...]:
        """At most `count` seeds, at least one: where the LM names none, the context itself is the only seed. Lists that no LM is asked for come whole.

        Raises
        ------
        NoSeeds
            If the LM names none, and the seed becomes a field, for which a context is no text.
        """
        if given := self.task.seeds.given:
            return tuple(InstanceSeed(fill(text, {"context": context.text}), context) for text in given)
        if self._words is not None and context.source == "words":
            others = [text for text in await self._words.aof(label) if text != context.text]
            return tuple(InstanceSeed(text, context) for text in others or [context.text])
        wanted = fill(self.task.seeds.hint, {"context": context.text})
        if self._field is not None and self._full:  # a small model takes the numbers for a part of what it is to name
            wanted = f"{wanted}, each of {self._field.min_words} to {self._field.max_words} {self.task.unit}"
            if self.task.language != "en":
                wanted = f"{wanted}, in the language {self.task.language!r} (ISO 639-1)"
        named = await self.name_list.acall(
            count=count, rollout=rollout, known=(context.text,), description=self.task.description, context=context.text,
            wanted=wanted,
        )  # fmt: skip
        if not named and self._field is not None:
            raise NoSeeds(
                f"the LM named no {self._field.name} for {context.text!r} that could be read and is of the field's length"
            )
        return tuple(InstanceSeed(text, context) for text in named) or (InstanceSeed(context.text, context),)
