"""Zero-shot: the labels that an LM gives to rows without any training, read blind as the verifier reads drafts."""

import asyncio

import dspy
import numpy as np
from numpy.typing import NDArray

from seedless import background
from seedless.evals.labelled import LabelledRows
from seedless.lms.adapters import adapter_of
from seedless.lms.spec import LMSpec
from seedless.slot import Context, Draft, InstanceSeed, Slot
from seedless.verify import VerifyMode
from seedless.verify.lm import LMVerifier

__all__ = ["zero_shot"]


def zero_shot(
    rows: LabelledRows, lm: str | dspy.BaseLM, *, api_base: str | None = None, limit: int = 300, seed: int = 0
) -> tuple[LabelledRows, NDArray[np.int64]]:
    """At most `limit` of the rows, drawn at random, and the place of the label that the LM gives each; -1 where its answer cannot be read.

    Raises
    ------
    LMUnusable
        If the LM cannot be used.
    """
    chosen = rows.take(np.random.default_rng(seed).permutation(len(rows))[:limit].tolist())
    spec = LMSpec.of(lm, api_base=api_base)
    opened = spec.open() if isinstance(lm, str) else lm
    judge = LMVerifier(rows.task, spec.profile, mode=VerifyMode.parse("blind"), lm=opened, adapter=adapter_of(spec.profile.adapter))
    nobody = Slot(0, 0, rows.task.label_names[0], InstanceSeed("", Context("")))  # a blind reader does not look at it
    names = [field.name for field in rows.task.fields]

    async def read_all() -> list[int]:
        places = {name: place for place, name in enumerate(rows.task.label_names)}
        at_once = asyncio.Semaphore(spec.profile.concurrency)

        async def read(texts: dict[str, str]) -> int:
            async with at_once:
                verdict = await judge.verdict(Draft(texts), nobody, 0)
            return places.get(verdict.label, -1) if verdict is not None else -1

        return await asyncio.gather(*(read({name: str(record[name]) for name in names}) for record in chosen.records))

    return chosen, np.asarray(background.run(read_all()), dtype=np.int64)
