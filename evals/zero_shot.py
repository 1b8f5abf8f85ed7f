"""Zero-shot: the labels that an LM gives to rows without any training, read blind as the verifier reads drafts, its leaning taken off."""

import dspy
import numpy as np
from numpy.typing import NDArray

from seedless import background
from seedless.errors import LMUnusable, UsageError
from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.blind import read_blind
from seedless.lms.adapters import adapter_of
from seedless.lms.metered import MeteredLM, StepFailed
from seedless.lms.spec import LMSpec, opened
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
    own = lm if isinstance(lm, MeteredLM) else opened(lm, api_base=api_base)
    judge = LMVerifier(rows.task, spec.profile, mode=VerifyMode.parse("blind"), lm=own, adapter=adapter_of(spec.profile.adapter))

    async def read() -> NDArray[np.int64]:
        try:
            return await read_blind(chosen, judge, concurrency=spec.profile.concurrency, every=True)
        finally:
            if own is not lm:
                await own.aclose()

    try:
        with dspy.context(trace=None, disable_history=True):
            return chosen, background.run(read())
    except StepFailed as failed:
        raise LMUnusable(f"{failed}; the rows' labels are asked for again by the same command") from failed
