"""The guard: both programs on what no candidate was chosen with. The compiled one passes only if it is better with confidence."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seedless import background
from seedless.errors import BudgetEnded
from seedless.evals.compiling.candidate import State
from seedless.evals.compiling.dev import DevRow
from seedless.evals.compiling.paired import FEWEST_PAIRS, Learnt, PairedComparison, by_probability, by_scores
from seedless.evals.compiling.workshop import Workshop, readable, together
from seedless.evals.metric import Scored
from seedless.kept import Kept
from seedless.outcome import Outcome
from seedless.planner import Plan
from seedless.slot import Slot

__all__ = ["Decision", "Guard"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the compiled program may take the uncompiled one's place, and why; `comparison` is None where there was nothing to compare."""

    better: bool
    why: str
    comparison: PairedComparison | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One program's part: its slots, its outcomes as a run would settle them, their scores."""

    slots: tuple[Slot, ...]
    outcomes: tuple[Outcome, ...]
    scored: tuple[Scored, ...]

    @property
    def scores(self) -> list[float]:
        """The scores alone."""
        return [scored.score for scored in self.scored]

    @property
    def accepted(self) -> float:
        """Share of the slots that gave a row of the asked label, in [0, 1]."""
        return sum(scored.accepted for scored in self.scored) / len(self.scored)


class Guard:
    """Compares two programs on fresh slots and, where there are real rows, on their reporting half.

    Parameters
    ----------
    workshop
        Runs the programs.
    rows
        The reporting half; without rows the drafts' own scores are compared.
    attempts
        Rounds of writing at most: two where drafts are revised, so that revisions have a say.
    at_once
        Pairs begun before another one has ended. Those that a budget ends are spent for nothing.
    seed
        Of what is drawn to tell chance.
    """

    def __init__(self, workshop: Workshop, rows: Sequence[DevRow], *, attempts: int, at_once: int, seed: int) -> None:
        self.workshop = workshop
        self.at_once = at_once
        self.rows = tuple(rows)
        self.attempts = attempts
        self.seed = seed

    def compared(self, base: State, state: State, plan: Plan, *, others: bool = True, ended: Sequence[str] = ()) -> Decision:
        """The decision on `state` beside `base`, from what both make of `plan`, as far as the budget goes.

        `others` tells whether any candidate but `base` was tried, `ended` what ended the search early.

        Raises
        ------
        LMUnusable
            If the LM cannot be used.
        """
        if state.key == base.key:
            chosen = "no candidate did better than the uncompiled program where candidates are chosen" if others else "no other candidate was tried"  # fmt: skip
            so_far = f" ({'; '.join(ended)})" if ended else ""
            return Decision(better=False, why=f"{chosen}{so_far}, so the uncompiled program is kept")
        sides = background.run(self._sides(base, state, plan))
        if sides is None:
            why = f"the budget ended before both programs were tried on {FEWEST_PAIRS} slots, and fewer cannot tell a gain from chance"
            return Decision(better=False, why=f"{why}, so the uncompiled program is kept")
        found = self._comparison(*sides)
        before, after, gain = found.before, found.after, found.gain
        told = f"{found.metric.replace('_', ' ')} {before.value:.3f} before, {after.value:.3f} after, gain {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
        if found.better:
            return Decision(better=True, why=f"the compiled program is better: {told}", comparison=found)
        why = f"the compiled program is not better with confidence ({told}), so the uncompiled program is kept"
        return Decision(better=False, why=why, comparison=found)

    async def _sides(self, base: State, state: State, plan: Plan) -> tuple[Side, Side] | None:
        """Both programs' parts on the places that both could be tried on; None where they are too few."""
        try:
            first, second = await self.workshop.slots(base, plan), await self.workshop.slots(state, plan)
        except BudgetEnded:
            return None
        open_ = asyncio.Semaphore(self.at_once)

        async def pair(one: Slot, other: Slot) -> list[Outcome | BudgetEnded]:
            async with open_:
                if one == other:  # what both programs say in the same words is answered once
                    return [await self._outcome(base, one), await self._outcome(state, other)]
                return await together((self._outcome(base, one), self._outcome(state, other)))

        found = await together(pair(one, other) for one, other in zip(first, second, strict=True))
        sides: tuple[list[tuple[Slot, Outcome]], list[tuple[Slot, Outcome]]] = ([], [])
        for one, other, (before, after) in zip(first, second, found, strict=True):
            if not isinstance(before, BudgetEnded) and not isinstance(after, BudgetEnded):
                sides[0].append((one, before))
                sides[1].append((other, after))
        if len(sides[0]) < FEWEST_PAIRS:
            return None
        return await self._side(sides[0]), await self._side(sides[1])

    async def _outcome(self, state: State, slot: Slot) -> Outcome | BudgetEnded:
        """What a program makes of a slot, or the end of the budget before it was done."""
        try:
            return await self.workshop.outcome(state, slot, Kept(), attempts=self.attempts)
        except BudgetEnded as ended:
            return ended

    async def _side(self, made: Sequence[tuple[Slot, Outcome]]) -> Side:
        slots, outcomes = tuple(slot for slot, _ in made), tuple(outcome for _, outcome in made)
        settled = self.workshop.settled(outcomes, slots)
        return Side(slots, settled, await self.workshop.scored(settled))

    def _comparison(self, before: Side, after: Side) -> PairedComparison:
        accepted = (round(before.accepted, 4), round(after.accepted, 4))
        if not self.rows:
            found = by_scores(before.scores, after.scores, self.seed)
            return replace(found, figures={"accepted": accepted})
        names = self.workshop.task.label_names
        labels = np.array([names.index(row.label) for row in self.rows])
        vectors = self.workshop.vectors([row.text for row in self.rows])
        found = by_probability(self._learnt(before), self._learnt(after), vectors, labels, len(names), self.seed)
        means = (round(float(np.mean(before.scores)), 4), round(float(np.mean(after.scores)), 4))
        return replace(found, figures={**found.figures, "score": means, "accepted": accepted})

    def _learnt(self, side: Side) -> Learnt:
        texts = [outcome.draft.text if readable(outcome) else "" for outcome in side.outcomes]
        return self.workshop.learnt(texts, [slot.label for slot in side.slots], [scored.trust for scored in side.scored])
