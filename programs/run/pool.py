"""Contexts and seeds, each asked for once, from which slots are filled."""

import asyncio
from collections.abc import Sequence

from seedless.lms.metered import StepFailed
from seedless.planner import Allotment, Plan
from seedless.seeds import NoSeeds
from seedless.slot import Context, InstanceSeed, Slot
from seedless.targen import TarGEN

__all__ = ["Pool"]


class Pool:
    """Contexts and seeds, each answered once, by whoever needs them first."""

    def __init__(self, program: TarGEN, plan: Plan) -> None:
        self._program = program
        self._plan = plan
        self._contexts: dict[str, asyncio.Task[tuple[Context, ...]]] = {}
        self._seeds: dict[tuple[str, Context], asyncio.Task[tuple[InstanceSeed, ...]]] = {}

    def close(self) -> None:
        """Ask for nothing more."""
        for task in (*self._contexts.values(), *self._seeds.values()):
            task.cancel()

    async def contexts(self, allotment: Allotment, round_: int) -> tuple[int, Sequence[Context]]:
        """The contexts of a label, and the place among them of the one for a position's next try."""
        contexts = await self._contexts_for(allotment.label)
        return self._plan.context(allotment, round_, len(contexts)), contexts

    async def slot(self, allotment: Allotment, round_: int, place: int, contexts: Sequence[Context]) -> Slot:
        """The slot for a position's next try, in the context at `place`.

        Raises
        ------
        StepFailed
            If no seed can be had there. Where the LM answered it is not asked again.
        """
        seeds = await self._seeds_in(contexts[place], allotment.label, len(contexts))
        seed = seeds[self._plan.instance_seed(allotment, round_, place, len(contexts), len(seeds))]
        rollout = self._plan.rollout("slot", allotment.position, round_)
        return Slot(allotment.position, round_, allotment.label, seed, allotment.attributes, rollout)

    async def _contexts_for(self, label: str) -> tuple[Context, ...]:
        whose = label if self._program.worded or self._program.task.label(label).contexts else ""
        if whose not in self._contexts:
            self._contexts[whose] = asyncio.create_task(
                self._program.contexts(label=label, count=self._plan.context_count, rollout=self._plan.rollout("contexts"))
            )
        return await asyncio.shield(self._contexts[whose])

    async def _seeds_in(self, context: Context, label: str, contexts: int) -> tuple[InstanceSeed, ...]:
        key = (label if self._program.worded else "", context)
        if key not in self._seeds:
            rollout = self._plan.rollout(f"seeds/{context.text}")
            count = self._plan.seeds_per_context(contexts)
            self._seeds[key] = asyncio.create_task(self._program.seeds(label=label, context=context, count=count, rollout=rollout))
        asked = self._seeds[key]
        try:
            return await asyncio.shield(asked)
        except NoSeeds:
            raise
        except StepFailed:  # the next slot asks anew, unless another one has already
            if self._seeds.get(key) is asked:
                del self._seeds[key]
            raise
