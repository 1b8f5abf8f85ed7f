"""Stage 2: the atomic elements on which instances are built, asked per context."""

import dspy

from seedless.contexts import NameList
from seedless.lms.spec import Profile
from seedless.signatures import PASSAGES_SHOWN, SEEDS_SHOWN, NamePassagesPlainly, NameSeeds, NameSeedsApart, NameSeedsPlainly
from seedless.slot import Context, InstanceSeed
from seedless.task import Task, fill

__all__ = ["InstanceSeeds"]


class InstanceSeeds(dspy.Module):
    """Seeds of one context: the task's own list, or the LM's answer with near-duplicates dropped (TarGEN, section 2, step 2)."""

    def __init__(self, task: Task, profile: Profile) -> None:
        super().__init__()
        becomes_field = task.seeds.field is not None
        plainly = NamePassagesPlainly if becomes_field else NameSeedsPlainly if profile.conditions else NameSeedsApart
        self.name_list = NameList(
            plainly if profile.wording == "plain" else NameSeeds,
            profile,
            "seeds",
            longest=400 if becomes_field else 12,
            sentences=becomes_field,
            shown=PASSAGES_SHOWN if becomes_field else SEEDS_SHOWN,
        )
        self.task = task

    def rephrase(self, task: Task, profile: Profile) -> None:
        """Ask from now on in `task`'s words and with `profile`'s sampling."""
        self.task = task
        self.name_list.sampling = profile.sampling.get("seeds", {})

    async def aforward(self, *, context: Context, count: int, rollout: int = 0) -> tuple[InstanceSeed, ...]:
        """At most `count` seeds, at least one: where the LM names none, the context itself is the only seed."""
        if given := self.task.seeds.given:
            return tuple(InstanceSeed(fill(text, {"context": context.text}), context) for text in given)
        named = await self.name_list.acall(
            count=count, rollout=rollout, known=(context.text,), description=self.task.description, context=context.text,
            wanted=fill(self.task.seeds.hint, {"context": context.text}),
        )  # fmt: skip
        return tuple(InstanceSeed(text, context) for text in named) or (InstanceSeed(context.text, context),)
