"""Zero-shot: the labels that an LM gives to rows without any training, read blind as the verifier reads drafts, its leaning taken off."""

import asyncio

import dspy
import numpy as np
from numpy.typing import NDArray

from seedless import background
from seedless.errors import LMUnusable, UsageError
from seedless.evals.labelled import LabelledRows
from seedless.lms.adapters import adapter_of
from seedless.lms.metered import MeteredLM, StepFailed, metered
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
    UsageError
        If `limit` or `lm` is none that is allowed.
    LMUnusable
        If the LM cannot be used, or gives no answer for a row: a row without an answer is no wrong one.
    """
    if limit < 1:
        raise UsageError(f"given limit {limit}, at least 1 is allowed; give the number of rows to ask for")
    chosen = rows.take(np.random.default_rng(seed).permutation(len(rows))[:limit].tolist())
    spec = LMSpec.of(lm, api_base=api_base)
    if isinstance(lm, str):
        opened = spec.open()
    else:
        opened = lm if isinstance(lm, MeteredLM) else metered(lm, concurrency=spec.profile.concurrency)
    judge = LMVerifier(rows.task, spec.profile, mode=VerifyMode.parse("blind"), lm=opened, adapter=adapter_of(spec.profile.adapter))
    nobody = Slot(0, 0, rows.task.label_names[0], InstanceSeed("", Context("")))  # a blind reader does not look at it
    names = [field.name for field in rows.task.fields]
    places = {name: place for place, name in enumerate(rows.task.label_names)}

    async def read_all() -> list[int]:
        at_once = asyncio.Semaphore(spec.profile.concurrency)

        async def read(texts: dict[str, str]) -> int:
            async with at_once:
                verdict = await judge.verdict(Draft(texts), nobody, 0)
            return places.get(verdict.label, -1)

        readings = [asyncio.create_task(read({name: str(record[name]) for name in names})) for record in chosen.records]
        try:
            return await asyncio.gather(*readings)
        except StepFailed as failed:
            raise LMUnusable(f"{failed}; the rows' labels are asked for again by the same command") from failed
        finally:
            for reading in readings:  # where one has failed, the others are not to go on asking
                reading.cancel()

    with dspy.context(trace=None, disable_history=True):
        return chosen, np.asarray(background.run(read_all()), dtype=np.int64)
