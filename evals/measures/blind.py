"""Blind reading: the labels that a verifier gives to labelled rows without a look at theirs."""

import asyncio
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.lms.metered import StepFailed
from seedless.slot import NO_SEED, Draft, Slot
from seedless.verify import Verifier

__all__ = ["read_blind"]


async def read_blind(
    rows: LabelledRows, verifier: Verifier, *, concurrency: int, asked: Sequence[str] = (), every: bool = False
) -> NDArray[np.int64]:
    """The place of the label that the verifier gives each row, shape (rows,); -1 where it gives none of the task's.

    Parameters
    ----------
    rows
        Presented as drafts, in their order.
    verifier
        In a mode that does not see the asked label.
    concurrency
        Rows read at once. 1 for a verifier that depends on the rows' order.
    asked
        The label that each row's slot asks for, drawn without a look at the row's own; by default the task's first.
    every
        Whether a row for which there is no answer within the tries ends the reading. Otherwise it counts as given no label.

    Raises
    ------
    StepFailed
        If there is no answer for a row, and `every` is set.
    LMUnusable
        If the verifier's LM cannot be used.
    """
    names = rows.task.label_names
    places = {name: place for place, name in enumerate(names)}
    at_once = asyncio.Semaphore(concurrency)

    async def read(position: int) -> int:
        texts = {field.name: str(rows.records[position][field.name]) for field in rows.task.fields}
        slot = Slot(position, 0, asked[position] if asked else names[0], NO_SEED)
        async with at_once:  # waiters are let in first come, first served: with 1 the order is the rows'
            try:
                verdict = await verifier.verdict(Draft(texts), slot, 0)
            except StepFailed:
                if every:
                    raise
                return -1
        return places.get(verdict.label, -1) if verdict is not None else -1

    reading = [asyncio.ensure_future(read(position)) for position in range(len(rows))]
    try:
        return np.asarray(await asyncio.gather(*reading), dtype=np.int64)
    finally:
        for each in reading:  # where one failed, the others ask for nothing more
            each.cancel()
