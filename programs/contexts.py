"""Stage 1: the domains and settings that spread the data, asked in a pool."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dspy

from seedless.assertion_set import language_of, of_any_label
from seedless.label_words import LabelWords
from seedless.lms.grammar import FEW, LONGEST_PHRASE
from seedless.lms.metered import TokenLimitReached
from seedless.lms.spec import Profile
from seedless.lms.step import stage
from seedless.signatures import CONTEXTS_SHOWN, NameContexts, NameContextsPlainly
from seedless.slot import Context
from seedless.task import Task
from seedless.text import rouge_l, run_of, words

__all__ = ["PHRASE", "Contexts", "NameList", "phrase_objections"]

ALIKE = 0.75
REMEMBERED = 5  # items that were refused, of which the LM is told why, or that it is to avoid
LONGEST_NAMED = 100  # characters of an item that it is to avoid
TOGETHER = 3  # items that are asked for at once at least: those of one answer differ more
PHRASE = 12  # words of a context, or of a seed that becomes no field


class NameList(dspy.Module):
    """Asks for a list until `count` different items are there, or three answers in a row bring nothing new.

    `len(result) <= count`, in the order in which the LM named them; short phrases of over `LONGEST_PHRASE` characters are left out, which the
    decoder's grammar may have cut. Marks at an item's ends are taken off; of other texts than phrases only what a list puts around them. `shown` are demonstrations of the form, which a small model needs: they stand in its prompt wherever the predictor has no others.
    Of items that have a form of their own, `items` says it to the decoder (arguments of `grammar_of_list`), and so many are asked for at a time
    as a small model's token limit, four times that of phrases, has room for.
    """

    def __init__(
        self,
        signature: type[dspy.Signature],
        profile: Profile,
        name: str,
        *,
        longest: int,
        items: Mapping[str, Any] | None = None,
        shown: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__()
        self.name_list = dspy.Predict(signature)
        plain = profile.adapter == "plain"
        self._shown = tuple(dspy.Example(**example) for example in shown) if plain else ()
        self.name_list.demos = list(self._shown)
        phrases = items is None or items["form"] == "phrase"
        self._items = items if plain else None
        self._characters = LONGEST_PHRASE if plain and phrases and (items is None or longest <= FEW) else None
        self.sampling = profile.sampling.get(name, {})
        self._stage = name
        self._longest = longest
        self._marks = " .,;:-*\"'" if phrases else " -*"
        self._batch = profile.list_batch

    async def aforward(
        self,
        *,
        count: int,
        rollout: int,
        known: tuple[str, ...] = (),
        broken: Callable[[str], str | None],
        **inputs: Any,
    ) -> tuple[str, ...]:
        """`count` new items, fewer where the LM runs dry. To what is not taken `broken` has an objection, which is told at the next request, where
        the signature has a place for it; else the item is among those to avoid. Call c asks under `rollout + c`."""
        (output,) = self.name_list.signature.output_fields
        tells = "violations" in self.name_list.signature.input_fields
        found: list[str] = []
        objections: dict[str, str] = {}
        config, batch = self._config()
        barren = call = 0
        while len(found) < count and barren < 3:
            refused = list(objections.items())[-REMEMBERED:]
            avoid = [*known, *found, *(text for text, _ in refused if not tells and len(text) <= LONGEST_NAMED)]
            told = [f'"{text}": {sentence}' for text, sentence in refused]
            asked = {**inputs, "count": min(batch, count - len(found)), "avoid": avoid, "violations": told}
            taken = {name: asked[name] for name in self.name_list.signature.input_fields}
            before = len(found)
            try:
                with stage(self._stage):
                    own = {**config, "rollout_id": rollout + call}
                    answer = await self.name_list.acall(config=own, demos=self.name_list.demos or list(self._shown), **taken)
                named = answer[output]
            except TokenLimitReached as cut:
                named = (
                    [] if "{" in cut.text else cut.text.splitlines()[:-1]
                )  # a cut list has whole lines, cut JSON has nothing whole
            except dspy.AdapterParseError:
                named = []
            for item in named:
                text = " ".join(str(item).split()).strip(self._marks)
                whole = self._characters is None or len(text) <= self._characters
                if (objection := broken(text)) is not None:
                    objections[text] = objection
                elif whole and not _alike(text, (*known, *found)) and len(found) < count:
                    found.append(text)
            barren = barren + 1 if len(found) == before else 0
            call += 1
        return tuple(found)

    def _config(self) -> tuple[dict[str, Any], int]:
        """How to decode, and how many items to ask for at once."""
        config, batch = dict(self.sampling), self._batch
        if self._items is None:
            return config, batch
        config["items"] = self._items
        if self._longest > FEW and "max_tokens" in config:  # meant for short phrases
            each = int(1.8 * self._longest) + 12
            config["max_tokens"] = max(4 * config["max_tokens"], TOGETHER * each)
            batch = max(TOGETHER, min(batch, config["max_tokens"] // each))
        return config, batch


def phrase_objections(task: Task, wanted: str) -> Callable[[str], str | None]:
    """What is objected to a context, or to a seed that becomes no field, where `wanted` was asked for. It will stand in rows of any label, so it
    gives none away, but where what is wanted does; and it says more than that."""
    unwanted = of_any_label(task, wanted)
    asked_for = _stems(wanted)

    def objection(text: str) -> str | None:
        if not 0 < len(words(text)) <= run_of(PHRASE, text):
            return f"It has no words, or more than {PHRASE}."
        if _stems(text) <= asked_for and _alike(text, (wanted,)):
            return "It says what was asked for, and no more."
        return f"It gives a label away with the word {word!r}." if (word := unwanted.named(text)) else None

    return objection


def _stems(text: str) -> set[str]:
    """Its words, in the singular and in the plural alike."""
    return {word.rstrip("s") for word in words(text)}


def _alike(text: str, others: tuple[str, ...]) -> bool:
    said = words(text)
    return any(rouge_l(said, words(other)) >= ALIKE for other in others)


class Contexts(dspy.Module):
    """The pool of contexts: the task's own list, or the LM's answer with near-duplicates dropped (TarGEN, section 2, step 1).

    Where `words` are given they are each label's words, and no LM is asked.
    """

    def __init__(self, task: Task, profile: Profile, words: LabelWords | None = None) -> None:
        super().__init__()
        self.name_list = NameList(
            NameContextsPlainly if profile.wording == "plain" else NameContexts,
            profile,
            "contexts",
            longest=PHRASE,
            shown=CONTEXTS_SHOWN,
        )
        self.task = task
        self._words = words
        self._full = profile.wording == "full"

    def rephrase(self, task: Task, profile: Profile) -> None:
        """Ask from now on in `task`'s words and with `profile`'s sampling."""
        self.task = task
        self.name_list.sampling = profile.sampling.get("contexts", {})

    async def aforward(self, *, label: str | None = None, count: int, rollout: int = 0) -> tuple[Context, ...]:
        """At most `count` contexts, those of `label`'s own where it has any, at least one: where the LM names none, the task's own hint is the only context.

        Lists that no LM is asked for come whole.
        """
        if given := (label and self.task.label(label).contexts) or self.task.contexts.given:
            return tuple(Context(text, source="given") for text in given)
        if self._words is not None:
            return tuple(Context(text, source="words") for text in await self._words.aof(label))
        broken = phrase_objections(self.task, self.task.contexts.hint)
        named = await self.name_list.acall(count=count, rollout=rollout, broken=broken, **self.asked())
        return tuple(Context(text) for text in named) or (Context(self.task.contexts.hint, source="hint"),)

    def asked(self) -> dict[str, Any]:
        """What the LM is told of the contexts that are wanted: the inputs of its signature but for how many, and which not."""
        wanted = [self.task.contexts.hint, *(language_of(self.task) if self._full else ())]
        return {"description": self.task.description, "labels": list(self.task.label_names), "wanted": ", ".join(wanted)}
