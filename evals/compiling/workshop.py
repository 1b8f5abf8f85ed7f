"""The workshop: builds the program that a candidate describes, runs it on slots, and scores what comes out."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import dspy
import numpy as np

from seedless import background
from seedless.assertions import Conflict, FreshOpening, NearDuplicate
from seedless.errors import LMUnusable
from seedless.evals.compiling.candidate import State
from seedless.evals.compiling.paired import Learnt
from seedless.evals.metric import DevMetric, Scored
from seedless.kept import Kept
from seedless.lms.metered import MeteredLM, PromptRefused, StepFailed
from seedless.lms.spec import Profile
from seedless.outcome import Broken, Outcome, Refusal, Row
from seedless.planner import Allotment, Plan
from seedless.run.pool import Pool
from seedless.seeds import NoSeeds
from seedless.slot import Context, Draft, Slot, Verdict
from seedless.targen import TarGEN
from seedless.task import Task
from seedless.verify import Verifier

__all__ = ["CONTEXTS", "GENERATE", "REVISE", "SEEDS", "Reader", "Workshop", "readable", "said_label", "together"]

T = TypeVar("T")

CONTEXTS = "name_contexts.name_list.name_list"
SEEDS = "name_seeds.name_list.name_list"
GENERATE = "write_instance.write.generate"
REVISE = "write_instance.write.revise"

REMEMBERED = 64  # programs kept built


class Reader:
    """A verifier as a compile needs it: it judges each draft for itself, learns from none, and gives no draft another label.

    So a draft's score depends on nothing but the draft, and the same compile goes the same way again.
    """

    relabels = False
    doubt = 1.0
    only_relabels = False

    def __init__(self, fresh: Any) -> None:
        self._fresh = fresh
        self.verdicts = 0
        self.unread = 0  # of those, the ones that name no label

    async def verdict(self, draft: Draft, slot: Slot, rollout: int) -> Verdict | None:
        """What a verifier that has seen no other draft says."""
        verifier: Verifier = self._fresh()
        said = await verifier.verdict(draft, slot, rollout)
        self.verdicts += 1
        self.unread += said is not None and not said.label
        return said

    async def remember(self, rows: Sequence[tuple[str, str]]) -> None:
        """Nothing to remember."""


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
        self._barren: dict[Context, StepFailed] = {}  # contexts without seeds, and why

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
            self._built[key] = state.apply(self.uncompiled(attempts=attempts))
        return self._built[key]

    def uncompiled(self, *, attempts: int = 1) -> TarGEN:
        """The uncompiled program."""
        with dspy.context(lm=self.writer):
            return TarGEN(self.task, profile=replace(self.profile, drafts=1, attempts=attempts), verifier=self.reader)

    def speaking(self, lm: Any = None) -> Any:
        """DSPy's settings under which tries are made: the writer or `lm`, and no history."""
        return dspy.context(lm=lm or self.writer, trace=None, disable_history=True)

    async def slots(self, state: State, plan: Plan) -> tuple[Slot, ...]:
        """The plan's slots, with the contexts and seeds that the program names. One in whose context no seeds can be had goes to the next.

        Raises
        ------
        LMUnusable
            If there are no contexts, or no seeds in any of them.
        """
        with self.speaking():
            pool = Pool(self.program(state), plan)
            try:
                return tuple(await together(self._slot(pool, allotment) for allotment in plan.allotments))
            except PromptRefused as refused:
                raise LMUnusable(f"{refused}; list contexts in the task file (contexts: given), or name another model") from refused
            except StepFailed as failed:
                raise LMUnusable(f"{failed}; what was answered is kept: give the same command again to go on") from failed
            finally:
                pool.close()

    async def _slot(self, pool: Pool, allotment: Allotment) -> Slot:
        drawn, contexts = await pool.contexts(allotment, 0)
        for place in (*range(drawn, len(contexts)), *range(drawn)):
            if contexts[place] in self._barren:
                continue
            try:
                return await pool.slot(allotment, 0, place, contexts)
            except (PromptRefused, NoSeeds) as failed:  # to ask again is of no use
                self._barren[contexts[place]] = failed
        why = self._barren[contexts[drawn]]
        raise LMUnusable(f"{why}; list seeds in the task file (seeds: given), or name another model") from why

    async def outcome(self, state: State, slot: Slot, kept: Kept, *, attempts: int = 1) -> Outcome:
        """What the program makes of one slot."""
        program = self.program(state, attempts=attempts)
        with self.speaking():
            made = await program.acall(label=slot.label, slot=slot, kept=kept)
        outcome: Outcome = made.outcome
        return outcome

    def settled(self, outcomes: Sequence[Outcome], slots: Sequence[Slot]) -> tuple[Outcome, ...]:
        """The outcomes as a run would settle them one after the other: what repeats a row before it is refused."""
        kept, given = Kept(), self.task.given_fields
        of_the_set = [
            a for a in self.uncompiled().write_instance.assertions if isinstance(a, Conflict | NearDuplicate | FreshOpening)
        ]
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
        texts = [o.draft.text if readable(o) else None for o in outcomes]
        return tuple(
            [
                await self.metric.draft(outcome, [text for j, text in enumerate(texts) if j != i and text is not None])
                for i, outcome in enumerate(outcomes)
            ]
        )

    async def outcomes(self, state: State, slots: Sequence[Slot]) -> list[Outcome]:
        """The first drafts of one program for `slots`, each as if nothing were kept yet."""
        return await together(self.outcome(state, slot, Kept()) for slot in slots)

    def learnt(self, texts: Sequence[str], labels: Sequence[str], trust: Sequence[float]) -> Learnt:
        """What a student learns from drafts; an empty text is none."""
        known = np.array([self.task.label_names.index(label) for label in labels], dtype=np.int64)
        counted = [sure if text else 0.0 for text, sure in zip(texts, trust, strict=True)]
        return Learnt(self.vectors(texts), known, np.array(counted, dtype=np.float64))

    def vectors(self, texts: Sequence[str]) -> Any:
        """Unit vectors of `texts`, shape (n, dimensions); none where texts are told apart by their words."""
        if self.metric.embedder is None or not texts:
            return np.zeros((0, 0))
        return background.run(self.metric.embedder.aembed([text or " " for text in texts]))


async def together(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of `works` give, in their order. The first that fails ends the others: none goes on behind the caller's back."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def readable(outcome: Outcome) -> bool:
    """Whether a draft holds every assertion but, at most, a reader's of its label."""
    return isinstance(outcome, Row) or outcome.stage == "verify"


def said_label(outcome: Outcome) -> str:
    """The label under which an outcome would be kept."""
    return outcome.label if isinstance(outcome, Row) else outcome.asked_label
