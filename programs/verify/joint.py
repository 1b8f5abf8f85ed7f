"""Sentence embeddings and an LM decide together: each knows what the other does not."""

import numpy as np
from numpy.typing import NDArray

from seedless.lms.encoder import Encoder
from seedless.slot import Draft, Slot
from seedless.task import Task
from seedless.verify.embedding import EmbeddingVerifier
from seedless.verify.lm import LMVerifier

__all__ = ["JointVerifier"]


class JointVerifier(EmbeddingVerifier):
    """An embedding verifier with a third reader: an LM's probabilities are multiplied with the other two.

    Parameters
    ----------
    task, encoder, learns
        As `EmbeddingVerifier`'s.
    reader
        The LM that reads beside the embeddings.
    """

    def __init__(self, task: Task, encoder: Encoder, reader: LMVerifier, *, learns: bool = True) -> None:
        super().__init__(task, encoder, learns=learns)
        self.lm = reader.lm
        self._reader = reader

    async def _told(self, draft: Draft, slot: Slot, rollout: int) -> NDArray[np.float64]:
        read = await self._reader.read(draft, slot, rollout)
        return await super()._told(draft, slot, rollout) if read is None else np.log(np.maximum(read, 1e-6))

    def _reason(self, label: str, likely: float, told: NDArray[np.float64]) -> str:
        if not told.any():  # the LM's answer could not be read
            return super()._reason(label, likely, told)
        return f"an LM's reading and the nearest of the labels' meanings come to {label!r} together ({likely:.2f})"
