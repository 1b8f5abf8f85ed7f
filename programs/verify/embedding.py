"""Sentence embeddings decide: right for a writer too weak to judge. No labelled row is used."""

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.lms.encoder import Encoder
from seedless.slot import Draft, Slot, Verdict
from seedless.task import Task

__all__ = ["EmbeddingVerifier"]

TEMPERATURE = 0.06  # of the zero-shot softmax over centred cosines
SHRINKAGE = 20.0  # drafts that the meanings' own cosines count for in a label's mean score
FIRST_FIT = 8  # drafts of every label before the student has a say
REMEMBERED = 4000  # latest drafts that the student learns from
STRENGTH = 10.0  # scikit-learn's C: on unit vectors, its default leaves the student too unsure of itself to count
GROWTH = 1.2  # the student is fitted again when its rows have grown by this factor


class EmbeddingVerifier:
    """Two readers of a draft's embedding, multiplied.

    The first compares it with each label's meaning: cosine, less that label's mean cosine over the drafts so far, so that no
    label wins by being near everything. The second is a student, logistic regression on the drafts written so far under their
    asked labels; a draft is judged before it is learnt from, so its verdict is always out of sample (confident learning,
    arXiv 1911.00068, in its progressive form).

    Parameters
    ----------
    task
        Whose labels it reads.
    encoder
        What embeds the texts.
    learns
        Whether the drafts that it judges, under their asked labels, teach the student. Without it their labels are never looked at
        (rows that `remember` hands over are learnt all the same): for measuring it on rows whose labels are the answer.
    """

    relabels = False
    doubt = 0.3  # it errs often enough that only what it is sure of counts against a draft
    only_relabels = False

    def __init__(self, task: Task, encoder: Encoder, *, learns: bool = True) -> None:
        self.task = task
        self.learns = learns
        self._encoder = encoder
        self._labels = task.label_names
        self._meanings = np.zeros((0, 0), dtype=np.float32)
        self._rows: deque[NDArray[np.float32]] = deque(maxlen=REMEMBERED)
        self._asked: deque[int] = deque(maxlen=REMEMBERED)
        self._seen = 0
        self._cosines = np.zeros(len(self._labels))
        self._student: Any = None
        self._fitted = 0

    async def verdict(self, draft: Draft, slot: Slot, rollout: int) -> Verdict | None:
        """The likelier label, with its probability as the confidence."""
        if len(self._labels) < 2:
            return None
        vector, topic = await self._encoder.aembed([draft.text, f"{slot.seed.text}, {slot.seed.context.text}"])
        await self._understand()
        probabilities = self._probabilities(vector)
        if self.learns:
            self._learn(vector, self._labels.index(slot.label))
        else:
            self._centre(vector)
        best = int(np.argmax(probabilities))
        reason = f"its meaning is nearest to {self._labels[best]!r} among the labels' ({probabilities[best]:.2f})"
        return Verdict(self._labels[best], reason, float(probabilities[self._labels.index(slot.label)]), float(vector @ topic))

    async def remember(self, rows: Sequence[tuple[str, str]]) -> None:
        """Learn from the rows of an earlier session."""
        if len(self._labels) < 2 or not rows:
            return
        await self._understand()
        vectors = await self._encoder.aembed([text for text, _ in rows])
        for vector, (_, label) in zip(vectors, rows, strict=True):
            self._learn(vector, self._labels.index(label))

    async def _understand(self) -> None:
        if not len(self._meanings):
            self._meanings = await self._encoder.aembed([label.meaning for label in self.task.labels])

    def _probabilities(self, vector: NDArray[np.float32]) -> NDArray[np.float64]:
        between = self._meanings @ self._meanings.T
        others = (between.sum(axis=1) - 1) / (len(self._labels) - 1)
        mean = (SHRINKAGE * others + self._cosines) / (SHRINKAGE + self._seen)
        scores = (self._meanings @ vector - mean) / TEMPERATURE
        logs = scores - np.logaddexp.reduce(scores)
        if self._student is not None:
            logs = logs + self._student_logs(vector)
        probabilities: NDArray[np.float64] = np.exp(logs - np.logaddexp.reduce(logs))
        return probabilities

    def _student_logs(self, vector: NDArray[np.float32]) -> NDArray[np.float64]:
        logs: NDArray[np.float64] = self._student.predict_log_proba(vector[None, :])[0]
        return logs

    def _centre(self, vector: NDArray[np.float32]) -> None:
        self._seen += 1
        self._cosines += self._meanings @ vector

    def _learn(self, vector: NDArray[np.float32], asked: int) -> None:
        self._centre(vector)
        self._rows.append(vector)
        self._asked.append(asked)
        counts = np.bincount(self._asked, minlength=len(self._labels))
        if counts.min() >= FIRST_FIT and self._seen >= GROWTH * self._fitted:
            from sklearn.linear_model import LogisticRegression
            from threadpoolctl import threadpool_limits

            student = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=200)
            with threadpool_limits(1):  # small matrices: threads would only wait for each other
                self._student = student.fit(np.stack(self._rows), self._asked)
            self._fitted = self._seen
