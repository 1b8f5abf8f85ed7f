"""Stage 2: the atomic elements on which instances are built, asked per context."""

from collections.abc import Mapping, Sequence
from typing import Any

import dspy

from seedless.assertion_set import asked_of, assertions_of_seeds, form_of, language_of
from seedless.assertions import Assertion, Length, Sentences
from seedless.contexts import PHRASE, NameList, phrase_objections
from seedless.kept import Kept
from seedless.label_words import LabelWords
from seedless.lms.grammar import FEW
from seedless.lms.metered import StepFailed
from seedless.lms.spec import Profile
from seedless.signatures import SEEDS_SHOWN, TEXTS_SHOWN, NameSeeds, NameSeedsApart, NameSeedsPlainly, NameTexts, NameTextsPlainly
from seedless.slot import Context, Draft, InstanceSeed, Slot
from seedless.task import Field, Task, fill
from seedless.text import PER_WORD

__all__ = ["InstanceSeeds", "NoSeeds"]

SHORT_SENTENCE, LONG_SENTENCE = 15, 20  # words, on average over a text


class NoSeeds(StepFailed):
    """The LM answered, and named no seed that can be used."""

    assertion = "seeds"


class InstanceSeeds(dspy.Module):
    """Seeds of one context: the task's own list, or the LM's answer with near-duplicates dropped (TarGEN, section 2, step 2).

    Where `words` are given, in a context that is a label's word they are the label's other words. Of the LM's seeds that become a field of the
    row only those are taken of which holds what holds of such a field, by its form and by the task file; without `filters`, those of its length.
    """

    def __init__(self, task: Task, profile: Profile, words: LabelWords | None = None, *, filters: bool = True) -> None:
        super().__init__()
        self._field = field = task.seed_field
        self._full = profile.wording == "full"
        if field is None:
            plainly = NameSeedsPlainly if profile.conditions else NameSeedsApart
            self.name_list = NameList(NameSeeds if self._full else plainly, profile, "seeds", longest=PHRASE, shown=SEEDS_SHOWN)
        else:
            checked = assertions_of_seeds(task)
            items = _items(field, task, checked)
            told = ", ".join([form_of(field, task, checked), *asked_of(task, checked, named=False)])
            self._shape = (
                f"the {field.name} of a row ({field.description.rstrip('.')}), {told}, which stands there as it is named here"
                if self._full
                else _shape(field, items)
            )
            self._checked = checked if filters else tuple(a for a in checked if isinstance(a, Length))
            self.name_list = NameList(
                NameTexts if self._full else NameTextsPlainly,
                profile,
                "seeds",
                longest=items["longest"],
                items=items,
                shown=TEXTS_SHOWN[_kind(items)],
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
            If the LM names none that can be used, and the seed becomes a field, for which a context is no text.
        """
        if given := self.task.seeds.given:
            return tuple(InstanceSeed(self._filled(text, context), context) for text in given)
        if self._words is not None and context.source == "words":
            others = [text for text in await self._words.aof(label) if text != context.text]
            return tuple(InstanceSeed(text, context) for text in others or [context.text])
        asked = self.asked(context)
        if self._field is None:
            objections = phrase_objections(self.task, self._filled(self.task.seeds.hint, context))
            named = await self.name_list.acall(count=count, rollout=rollout, known=(context.text,), broken=objections, **asked)
            return tuple(InstanceSeed(text, context) for text in named) or (InstanceSeed(context.text, context),)
        field, slot, refused = self._field, Slot(0, 0, "", InstanceSeed("", context)), dict[str, str]()

        def broken(text: str) -> str | None:
            draft = Draft({field.name: text})
            sentence = next((said for a in self._checked if (said := a.check(draft, slot, Kept())) is not None), None)
            if sentence is not None:
                refused[text] = sentence
            return sentence

        named = await self.name_list.acall(count=count, rollout=rollout, known=(context.text,), broken=broken, **asked)
        if not named:
            last = next(reversed(refused.items()), None)
            why = "" if last is None else f"; of {len(refused)} none holds, the last one being {last[0][:80]!r}: {last[1]}"
            raise NoSeeds(f"the LM named no {field.name} for {context.text!r} that could be read and used{why}")
        return tuple(InstanceSeed(text, context) for text in named)

    def asked(self, context: Context) -> dict[str, Any]:
        """What the LM is told of the seeds that are wanted in `context`: the inputs of its signature but for how many, and which not."""
        wanted = [self._filled(self.task.seeds.hint, context), *(language_of(self.task) if self._full else ())]
        asked = {"labels": list(self.task.label_names), "wanted": ", ".join(wanted), "context": context.text}
        shape = {} if self._field is None else {"shape": self._shape}
        return {"description": self.task.description, **asked, **shape}

    def _filled(self, text: str, context: Context) -> str:
        return fill(text, {"context": context.text}, language=self.task.language)


def _items(field: Field, task: Task, checked: Sequence[Assertion]) -> Mapping[str, Any]:
    """What a list of the field's texts is to the decoder: their form, words at most, and sentences, at least and at most."""
    unit = PER_WORD if task.unit == "characters" else 1
    bounds = next(((a.minimum, a.maximum) for a in checked if isinstance(a, Sentences)), None)
    if bounds is None and field.form == "text":
        fewest = max(1, -(-field.min_words // (unit * LONG_SENTENCE)))
        bounds = (fewest, max(fewest, field.max_words // (unit * SHORT_SENTENCE)))
    return {"form": field.form, "longest": field.max_words, "sentences": bounds or (1, 1)}


def _kind(items: Mapping[str, Any]) -> str:
    """Under which name such texts are shown to a small model."""
    if items["form"] == "phrase":
        return "word" if items["longest"] == 1 else "term" if items["longest"] <= FEW else "phrase"
    return "sentence" if items["form"] == "text" and items["sentences"] == (1, 1) else str(items["form"])


def _shape(field: Field, items: Mapping[str, Any]) -> str:
    """What each text is, to a small model, which takes numbers of words for a part of what it is to name."""
    fewest, most = items["sentences"]
    return {
        "word": "is one single word",
        "term": f"has {field.min_words} to {field.max_words} words",
        "phrase": f"has {field.min_words} to {field.max_words} words",
        "sentence": "is one full sentence",
        "question": "is one full question",
        "text": f"is a text of {fewest if fewest == most else f'{fewest} to {most}'} full sentences",
    }[_kind(items)]
