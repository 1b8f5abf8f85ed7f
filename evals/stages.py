"""The stages of a program as things to try: how a candidate is run on one example of a stage, and how it is scored."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dspy

from seedless.assertions import Conflict, FreshOpening, NearDuplicate
from seedless.errors import UsageError
from seedless.evals.board import Step, Tried
from seedless.evals.candidate import State
from seedless.evals.metric import DevMetric, Scored
from seedless.kept import Kept
from seedless.lms.metered import MeteredLM, StepFailed
from seedless.lms.spec import Profile
from seedless.outcome import Broken, Outcome, Refusal, Row
from seedless.planner import Plan
from seedless.run.scheduler import Pool
from seedless.slot import Context, Draft, Slot, Verdict
from seedless.targen import TarGEN
from seedless.task import Task
from seedless.verify import Verifier

__all__ = ["CONTEXTS", "GENERATE", "REVISE", "SEEDS", "Reader", "Workshop"]

CONTEXTS = "name_contexts.name_list.name_list"
SEEDS = "name_seeds.name_list.name_list"
GENERATE = "write_instance.write.generate"
REVISE = "write_instance.write.revise"

REMEMBERED = 64  # programs kept built
NO_ANSWER = Scored(0.0, "The LM gave no answer.", {}, accepted=False)


class Reader:
    """A verifier as a compile needs it: it judges each draft for itself, learns from none, and gives no draft another label.

    So a draft's score depends on nothing but the draft, and the same compile goes the same way again.
    """

    relabels = False
    only_relabels = False

    def __init__(self, fresh: Any) -> None:
        self._fresh = fresh

    async def verdict(self, draft: Draft, slot: Slot, rollout: int) -> Verdict | None:
        """What a verifier that has seen no other draft says."""
        verifier: Verifier = self._fresh()
        return await verifier.verdict(draft, slot, rollout)

    async def remember(self, rows: Sequence[tuple[str, str]]) -> None:
        """Nothing to remember."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a program made of a plan: an outcome for each slot, in order, and the scores."""

    outcomes: tuple[Outcome, ...]
    scored: tuple[Scored, ...]


class Workshop:
    """Builds the program that a state describes, and runs it.

    Parameters
    ----------
    task, profile
        As `TarGEN`'s. One draft is written in each round.
    writer
        The LM that writes.
    reader
        Reads drafts.
    metric
        Scores what comes out.
    """

    def __init__(self, task: Task, profile: Profile, writer: MeteredLM, reader: Reader, metric: DevMetric) -> None:
        self.task = task
        self.profile = profile
        self.writer = writer
        self.reader = reader
        self.metric = metric
        self._built: dict[tuple[str, int], TarGEN] = {}

    def program(self, state: State, *, attempts: int = 1) -> TarGEN:
        """The program that says what `state` says.

        Raises
        ------
        UsageError
            If the state does not fit the task.
        """
        key = (state.key, attempts)
        if key not in self._built:
            while len(self._built) >= REMEMBERED:
                self._built.pop(next(iter(self._built)))
            self._built[key] = state.apply(self.plain(attempts=attempts))
        return self._built[key]

    def plain(self, *, attempts: int = 1) -> TarGEN:
        """The uncompiled program."""
        with dspy.context(lm=self.writer):
            return TarGEN(self.task, profile=replace(self.profile, drafts=1, attempts=attempts), verifier=self.reader)

    def speaking(self, lm: Any = None) -> Any:
        """DSPy's settings under which tries are made: the writer or `lm`, and no history."""
        return dspy.context(lm=lm or self.writer, trace=None, disable_history=True)

    async def slots(self, state: State, plan: Plan) -> tuple[Slot, ...]:
        """The plan's slots, with the contexts and seeds that the program names."""
        with self.speaking():
            pool = Pool(self.program(state), plan)
            try:
                return tuple(await asyncio.gather(*(pool.slot(allotment, 0) for allotment in plan.allotments)))
            finally:
                pool.close()

    async def outcome(self, state: State, slot: Slot, kept: Kept, *, attempts: int = 1, lm: Any = None) -> Outcome:
        """What the program makes of one slot."""
        program = self.program(state, attempts=attempts)
        with self.speaking(lm):
            made = await program.acall(label=slot.label, slot=slot, kept=kept)
        outcome: Outcome = made.outcome
        return outcome

    def settled(self, outcomes: Sequence[Outcome], slots: Sequence[Slot]) -> tuple[Outcome, ...]:
        """The outcomes as a run would settle them one after the other: what repeats a row before it is refused."""
        kept, given = Kept(), self.task.seeds.field
        of_the_set = [a for a in self.plain().write_instance.assertions if isinstance(a, Conflict | NearDuplicate | FreshOpening)]
        settled: list[Outcome] = []
        for outcome, slot in zip(outcomes, slots, strict=True):
            if readable(outcome):
                draft = Draft(outcome.texts, given=given)
                told = [Broken(a.name, s) for a in of_the_set if (s := a.check(draft, slot, kept)) is not None]
                if told:
                    said = outcome.provenance
                    settled.append(Refusal("keep", slot.position, 0, said.asked_label, outcome.texts, tuple(told), said))
                    continue
                kept.add(draft.text, said_label(outcome), compared=draft.written)
            settled.append(outcome)
        return tuple(settled)

    async def scored(self, outcomes: Sequence[Outcome]) -> tuple[Scored, ...]:
        """The scores of one program's outcomes, each beside the others."""
        texts = ["\n".join(o.texts.values()) if readable(o) else None for o in outcomes]
        return tuple(
            [
                await self.metric.draft(outcome, [text for j, text in enumerate(texts) if j != i and text is not None])
                for i, outcome in enumerate(outcomes)
            ]
        )


class ListTries:
    """Tries of the contexts' or the seeds' predictor: one list for each example."""

    def __init__(self, workshop: Workshop, name: str, counts: Sequence[int], rollouts: Sequence[int], contexts: Sequence[Context] = ()) -> None:  # fmt: skip
        self.workshop = workshop
        self.name = name
        self.counts = tuple(counts)
        self.rollouts = tuple(rollouts)
        self.contexts = tuple(contexts)

    async def __call__(self, state: State, index: int, lm: Any, shift: int) -> Tried:
        """One list, its score, and its step."""
        program, count = self.workshop.program(state), self.counts[index]
        rollout = shifted(self.rollouts[index], shift)
        inputs: dict[str, Any] = {"description": self.workshop.task.description, "count": count, "avoid": []}
        with self.workshop.speaking(lm):
            try:
                if self.name == CONTEXTS:
                    found = await program.contexts(count=count, rollout=rollout)
                    items = [context.text for context in found if context.source == "lm"]
                    inputs["wanted"] = program.name_contexts.task.contexts.hint
                else:
                    context = self.contexts[index]
                    named = await program.seeds(context=context, count=count, rollout=rollout)
                    items = [seed.text for seed in named if seed.text != context.text]
                    inputs |= {"wanted": program.name_seeds.task.seeds.hint, "context": context.text}
            except StepFailed:
                return Tried(NO_ANSWER, ())
        scored = await self.workshop.metric.items(items, count)
        signature = dict(program.named_predictors())[self.name].signature
        (output,) = signature.output_fields
        asked = {name: inputs[name] for name in signature.input_fields}
        return Tried(scored, (Step(self.name, asked, {output: items}),))

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
        written = workshop.task.seeds.field
        self._others = {slot.position: Draft(row.texts, given=written) for slot, row in zip(slots, rows, strict=False) if readable(row)}
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
        """One slot's outcome, its score, and the writer's step."""
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
        text = "\n".join(outcome.texts.values()) if readable(outcome) else ""
        return Tried(scored, self._steps(program, slot, outcome, trace), text, slot.label)

    def _steps(self, program: TarGEN, slot: Slot, outcome: Outcome, trace: Sequence[Any]) -> tuple[Step, ...]:
        if self.revised:
            rewritten = [(inputs, dict(found.items())) for _, inputs, found in trace if "previous_attempt" in inputs]
            return tuple(Step(REVISE, dict(inputs), found) for inputs, found in rewritten[-1:])
        outputs = {name: text for name, text in outcome.texts.items() if name != self.workshop.task.seeds.field}
        if not outputs:
            return ()
        inputs = program.write_instance.inputs(slot)
        taken = program.write_instance.write.generate.signature.input_fields
        asked = {name: inputs[name] for name in taken}
        return (
            Step(GENERATE, asked, outputs),
            Step(slot.label, {"context": slot.seed.context.text, "seed": slot.seed.text}, outputs),
        )

    def examples(self) -> list[Any]:
        """The slots as DSPy's optimisers take them."""
        shown = [
            {"index": i, "label": slot.label, "context": slot.seed.context.text, "seed": slot.seed.text}
            for i, slot in enumerate(self.slots)
        ]
        return [dspy.Example(**example).with_inputs(*example) for example in shown]


def readable(outcome: Outcome) -> bool:
    """Whether a draft holds every assertion but, at most, a reader's of its label."""
    return isinstance(outcome, Row) or outcome.stage == "verify"


def said_label(outcome: Outcome) -> str:
    """The label under which an outcome would be kept."""
    return outcome.label if isinstance(outcome, Row) else outcome.asked_label


def shifted(rollout: int, shift: int) -> int:
    """Another rollout for each `shift` but 0."""
    if not shift:
        return rollout
    return int.from_bytes(hashlib.sha256(f"{rollout}/{shift}".encode()).digest()[:8], "big") >> 13 << 12


