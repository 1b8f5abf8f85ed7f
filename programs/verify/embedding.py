"""Sentence embeddings decide: right for a writer too weak to judge. No labelled row is used."""

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.lms.encoder import Encoder, shared
from seedless.slot import Draft, Slot, Verdict
from seedless.task import Task

__all__ = ["EmbeddingVerifier", "regression"]

TEMPERATURE = 0.06  # of the zero-shot softmax over centred cosines
SHRINKAGE = 20.0  # drafts that the meanings' own cosines count for in a label's mean score
FIRST_FIT = 8  # drafts of every label before the student has a say
LEAST_TAUGHT = 0.25  # share of each label's drafts that the student learns from, however few read as asked
LEAST_DOUBT = 0.3  # it errs often enough that only what it is sure of counts against a good writer's draft
CREDIT = 20.0  # drafts read as asked that every writer begins with
REMEMBERED = 4000  # latest drafts that the student learns from
STRENGTH = 10.0  # scikit-learn's C: on unit vectors, its default leaves the student too unsure of itself to count
GROWTH = 1.2  # the student is fitted again when its rows have grown by this factor


class EmbeddingVerifier:
    """Two readers of a draft's embedding, multiplied.

    The first compares it with each label, its name and meaning: cosine, less that label's mean cosine over the drafts so far, so that
    no label wins by being near everything. The second is a student, logistic regression on those of the drafts so far that the first
    takes for what they were asked to be, and on the likeliest quarter of each label's: a student of all of them would learn what the
    writer does wrong as well, where it often does. A draft is judged before it is learnt from, so its verdict is always out of sample
    (confident learning, arXiv 1911.00068, in its progressive form). The more often drafts read as another label than the asked one,
    the less doubt one of them is given the benefit of.

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
    only_relabels = False

    def __init__(self, task: Task, encoder: Encoder, *, learns: bool = True) -> None:
        self.task = task
        self.learns = learns
        self._encoder = encoder
        self._labels = task.label_names
        self._meanings = np.zeros((0, 0), dtype=np.float32)
        self._rows: deque[NDArray[np.float32]] = deque(maxlen=REMEMBERED)
        self._asked: deque[int] = deque(maxlen=REMEMBERED)
        self._said: deque[NDArray[np.float64]] = deque(maxlen=REMEMBERED)
        self._seen = 0
        self._cosines = np.zeros(len(self._labels))
        self._agreed = CREDIT
        self._judged = CREDIT
        self._student: Any = None
        self._fitted = 0

    @property
    def doubt(self) -> float:
        """The share of the drafts so far that read as another label than the asked one, 0.3 at least."""
        return max(LEAST_DOUBT, 1.0 - self._agreed / self._judged)

    async def verdict(self, draft: Draft, slot: Slot, rollout: int) -> Verdict | None:
        """The likeliest label, with the asked one's probability."""
        if len(self._labels) < 2:
            return None
        told = await self._told(draft, slot, rollout)
        vector, topic = await self._encoder.aembed(
            [shared(list(draft.texts.values())), f"{slot.seed.text}, {slot.seed.context.text}"]
        )
        await self._understand()
        probabilities = self._probabilities(vector, told)
        asked, best = self._labels.index(slot.label), int(np.argmax(probabilities))
        if self.learns:
            await self._learn(vector, asked, told)
            self._judged += 1
            self._agreed += best == asked
        else:
            self._centre(vector)
        reason = self._reason(self._labels[best], float(probabilities[best]), told)
        return Verdict(self._labels[best], reason, float(probabilities[asked]), float(vector @ topic))

    async def remember(self, rows: Sequence[tuple[str, str]]) -> None:
        """Learn from the rows of an earlier session."""
        if len(self._labels) < 2 or not rows:
            return
        await self._understand()
        vectors = await self._encoder.aembed([text for text, _ in rows])
        for vector, (_, label) in zip(vectors, rows, strict=True):
            await self._learn(vector, self._labels.index(label), np.zeros(len(self._labels)))

    def _reason(self, label: str, likely: float, told: NDArray[np.float64]) -> str:
        """Why the draft reads as `label`, after "because"."""
        return f"its meaning is nearest to {label!r} among the labels' ({likely:.2f})"

    async def _told(self, draft: Draft, slot: Slot, rollout: int) -> NDArray[np.float64]:
        """Log-probability of each label by somebody else's reading, up to a constant, shape (labels,); here nobody else reads."""
        return np.zeros(len(self._labels))

    async def _understand(self) -> None:
        if not len(self._meanings):
            self._meanings = await self._encoder.aembed([label.described for label in self.task.labels])

    def _meant(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-probability of each label by the meanings alone, shape (rows, labels)."""
        between = self._meanings @ self._meanings.T
        others = (between.sum(axis=1) - 1) / (len(self._labels) - 1)
        mean = (SHRINKAGE * others + self._cosines) / (SHRINKAGE + self._seen)
        scores: NDArray[np.float64] = (vectors @ self._meanings.T - mean) / TEMPERATURE
        return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)

    def _probabilities(self, vector: NDArray[np.float32], told: NDArray[np.float64]) -> NDArray[np.float64]:
        logs = self._meant(vector[None, :])[0] + told
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

    async def _learn(self, vector: NDArray[np.float32], asked: int, told: NDArray[np.float64]) -> None:
        self._centre(vector)
        self._said.append(told)
        self._rows.append(vector)
        self._asked.append(asked)
        counts = np.bincount(self._asked, minlength=len(self._labels))
        if counts.min() >= FIRST_FIT and self._seen >= GROWTH * self._fitted:
            self._fitted = self._seen
            # Beside the event loop: to load scikit-learn takes two seconds, in which the writer would wait for its next slot.
            self._student = await asyncio.to_thread(regression, *self._lesson())

    def _lesson(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The drafts that the student learns from, and their asked labels."""
        vectors, labels = np.stack(self._rows), np.array(self._asked)
        read = self._meant(vectors) + np.stack(self._said)
        taught = read.argmax(axis=1) == labels
        for label in range(len(self._labels)):
            (drafts,) = np.nonzero(labels == label)
            taught[drafts[np.argsort(-read[drafts, label], kind="stable")[: math.ceil(LEAST_TAUGHT * len(drafts))]]] = True
        return vectors[taught], labels[taught]


def regression(
    vectors: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]], weights: NDArray[np.floating[Any]] | None = None
) -> Any:
    """scikit-learn's logistic regression on unit vectors, shape (rows, dimensions), fitted: classes balanced, each row counting for its weight."""
    from sklearn.linear_model import LogisticRegression

    with _threads().limit(limits=1):  # small matrices: threads would only wait for each other
        return LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=200).fit(vectors, labels, sample_weight=weights)


@cache
def _threads() -> Any:
    """What bounds the threads of the libraries that a regression runs on. To find these takes longer than a small regression does."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
