"""Tries: how a candidate is run on one example of a stage, and how it is scored."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import dspy

from seedless.errors import UsageError
from seedless.evals.compiling.board import Exchange, Tried
from seedless.evals.compiling.candidate import State
from seedless.evals.compiling.workshop import CONTEXTS, GENERATE, REVISE, Workshop, readable, said_label
from seedless.evals.metric import Scored
from seedless.kept import Kept
from seedless.lms.metered import StepFailed
from seedless.outcome import Outcome
from seedless.slot import Context, Draft, Slot
from seedless.targen import TarGEN

__all__ = ["DraftTries", "ListTries"]

NO_ANSWER = Scored(0.0, "The LM gave no answer.", {}, accepted=False)


class ListTries:
    """Tries of the contexts' or the seeds' predictor: one list for each example."""

    def __init__(self, workshop: Workshop, name: str, counts: Sequence[int], rollouts: Sequence[int], contexts: Sequence[Context] = ()) -> None:  # fmt: skip
        self.workshop = workshop
        self.name = name
        self.counts = tuple(counts)
        self.rollouts = tuple(rollouts)
        self.contexts = tuple(contexts)

    async def __call__(self, state: State, index: int, lm: Any, shift: int) -> Tried:
        """One list, its score, and its exchange with the predictor."""
        program, count = self.workshop.program(state), self.counts[index]
        rollout = shifted(self.rollouts[index], shift)
        inputs: dict[str, Any] = {"count": count, "avoid": [], "violations": []}
        with self.workshop.speaking(lm):
            try:
                if self.name == CONTEXTS:
                    found = await program.contexts(count=count, rollout=rollout)
                    items = [context.text for context in found if context.source == "lm"]
                    inputs |= program.name_contexts.asked()
                else:
                    context = self.contexts[index]
                    named = await program.seeds(context=context, count=count, rollout=rollout)
                    items = [seed.text for seed in named if seed.text != context.text]
                    inputs |= program.name_seeds.asked(context)
            except StepFailed:
                return Tried(NO_ANSWER, ())
        scored = await self.workshop.metric.items(items, count)
        signature = dict(program.named_predictors())[self.name].signature
        (output,) = signature.output_fields
        asked = {name: inputs[name] for name in signature.input_fields}
        return Tried(scored, (Exchange(self.name, asked, {output: items}),))

    def examples(self) -> list[Any]:
        """The examples as DSPy's optimisers take them."""
        shown: list[dict[str, Any]] = [{"index": i, "count": count} for i, count in enumerate(self.counts)]
        for example, context in zip(shown, self.contexts, strict=False):
            example["context"] = context.text
        return [dspy.Example(**example).with_inputs(*example) for example in shown]


class DraftTries:
    """Tries of the writer: the first draft for each slot, or, with `revised`, what a second round makes of a first one that failed.

    `rows` are the uncompiled program's outcomes for the same slots: what is kept already, from which a draft must differ.
    """

    def __init__(self, workshop: Workshop, slots: Sequence[Slot], rows: Sequence[Outcome], *, revised: bool = False) -> None:
        self.workshop = workshop
        self.slots = tuple(slots)
        self.revised = revised
        given = workshop.task.given_fields
        self._others = {
            slot.position: Draft(row.texts, given=given) for slot, row in zip(slots, rows, strict=False) if readable(row)
        }
        self._labels = {slot.position: said_label(row) for slot, row in zip(slots, rows, strict=False)}

    def near(self, slot: Slot) -> tuple[list[str], Kept]:
        """The texts of the other slots' rows, and their index."""
        kept, texts = Kept(), []
        for position, draft in self._others.items():
            if position != slot.position:
                kept.add(draft.text, self._labels[position], compared=draft.written)
                texts.append(draft.text)
        return texts, kept

    async def __call__(self, state: State, index: int, lm: Any, shift: int) -> Tried:
        """One slot's outcome, its score, and its exchange with the writer."""
        slot = self.slots[index]
        slot = replace(slot, rollout=shifted(slot.rollout, shift))
        texts, kept = self.near(slot)
        attempts = 2 if self.revised else 1
        try:
            program = self.workshop.program(state, attempts=attempts)
        except UsageError as error:
            return Tried(Scored(0.0, f"These words cannot be used: {error}", {}, accepted=False), ())
        trace: list[Any] = []
        with self.workshop.speaking(lm), dspy.context(trace=trace):
            made = await program.acall(label=slot.label, slot=slot, kept=kept)
        outcome: Outcome = made.outcome
        scored = await self.workshop.metric.draft(outcome, texts)
        text = outcome.draft.text if readable(outcome) else ""
        return Tried(scored, self._exchanges(program, slot, outcome, trace), text, slot.label)

    def _exchanges(self, program: TarGEN, slot: Slot, outcome: Outcome, trace: Sequence[Any]) -> tuple[Exchange, ...]:
        if self.revised:
            rewritten = [(inputs, dict(found.items())) for _, inputs, found in trace if "previous_attempt" in inputs]
            return tuple(Exchange(REVISE, dict(inputs), found) for inputs, found in rewritten[-1:])
        outputs = {name: text for name, text in outcome.texts.items() if name not in self.workshop.task.given_fields}
        if not outputs:
            return ()
        inputs = program.write_instance.inputs(slot)
        taken = program.write_instance.write.generate.signature.input_fields
        asked = {name: inputs[name] for name in taken}
        return (
            Exchange(GENERATE, asked, outputs),
            Exchange(slot.label, {"context": slot.seed.context.text, "seed": slot.seed.text}, outputs),
        )

    def examples(self) -> list[Any]:
        """The slots as DSPy's optimisers take them."""
        shown = [
            {"index": i, "label": slot.label, "context": slot.seed.context.text, "seed": slot.seed.text}
            for i, slot in enumerate(self.slots)
        ]
        return [dspy.Example(**example).with_inputs(*example) for example in shown]


def shifted(rollout: int, shift: int) -> int:
    """Another rollout for each `shift` but 0."""
    if not shift:
        return rollout
    return int.from_bytes(hashlib.sha256(f"{rollout}/{shift}".encode()).digest()[:8], "big") >> 13 << 12
