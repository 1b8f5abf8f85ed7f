"""Real rows as an anchor: how near a draft comes to those of its label, and what a classifier that learnt from drafts makes of them."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Protocol

import numpy as np
import regex
from numpy.typing import NDArray

from seedless.evals.compiling.dev import DevRow
from seedless.task import Task
from seedless.text import length, unspaced, words

__all__ = ["Anchor", "Classifier", "Embedder", "Indices", "Vectors", "classifier_of", "mean_of_labels", "true_label_probability"]

Vectors = NDArray[np.floating[Any]]
Indices = NDArray[np.int64]
Classifier = Callable[[Vectors], Vectors]
CLASS, NEAREST, LENGTH = (
    0.6,
    0.2,
    0.2,
)  # weights of a draft's likeness to real rows: their label's, the nearest one's, their length's
DISTANT = 0.05  # cosine that real rows are taken to have at least to their nearest: nearness is in shares of it
FOREIGN = 0.6  # share of a real row's usual nearness, below which a draft is about nothing that real rows are about
STRETCH = 0.7  # of a length's logarithm: a text twice as long as is usual, or half as long, fits by 0.38
COMMON = 3  # rows of a label that hold a word, and
LIFT = 1.5  # times as often as rows of other labels do, from which the word is telling
WORD = regex.compile(r"\p{L}[\p{L}\p{M}']*")


class Embedder(Protocol):
    """Unit vectors of texts: what `seedless.lms.encoder.Encoder` is."""

    async def aembed(self, texts: Sequence[str]) -> Vectors:
        """The vectors of `texts`, shape (len(texts), dimensions), in their order."""


class Anchor:
    """What the choosing half of the real rows says of drafts. No row, and no run of a row's words, leaves it.

    Parameters
    ----------
    task
        Whose labels the rows have.
    rows
        Real rows, at least one of each label.
    vectors
        Their unit vectors, shape (len(rows), dimensions).
    """

    def __init__(self, task: Task, rows: Sequence[DevRow], vectors: Vectors) -> None:
        self.task = task
        self.rows = tuple(rows)
        self.vectors = np.asarray(vectors, dtype=np.float64)
        self.labels = np.array([task.label_names.index(row.label) for row in rows])
        between = self.vectors @ self.vectors.T
        np.fill_diagonal(between, -1.0)
        self._usual = max(DISTANT, float(np.median(between.max(axis=1))))  # a real row's cosine to the nearest other one
        self._lengths = {
            label: sorted(length(row.text) for row in rows if row.label == label) for label in {row.label for row in rows}
        }
        self._words = {label: self._telling(label) for label in self._lengths}
        self._classifier = classifier_of(self.vectors, self.labels, None, len(task.labels))

    def likeness(self, vector: Vectors, text: str, label: str) -> float:
        """How much a draft reads like a real row of `label`, in [0, 1]; higher is more alike."""
        p = self._probabilities(vector)[self.task.label_names.index(label)]
        return CLASS * float(p) + NEAREST * self._nearness(vector) + LENGTH * self._fit(text, label)

    def objections(self, vector: Vectors, text: str, label: str) -> tuple[str, ...]:
        """What sets a draft apart from the real rows of `label`, a sentence each. They quote no row."""
        found: list[str] = []
        probabilities = self._probabilities(vector)
        nearest = self.task.label_names[int(np.argmax(probabilities))]
        if nearest != label:
            found.append(f"The text reads unlike real rows of the label {label!r}: it is nearer to those of {nearest!r}.")
        lengths, count = self._lengths[label], length(text)
        least, most = lengths[len(lengths) // 10], lengths[-1 - len(lengths) // 10]
        if not least <= count <= most:
            found.append(f"Real rows of the label {label!r} are {'shorter' if count > most else 'longer'}: {least} to {most} words, this text has {count}.")  # fmt: skip
        if self._nearness(vector) < FOREIGN:
            found.append("No real row is about anything like it; write what a real source of such data would hold.")
        if found and (telling := [word for word in self._words[label] if word not in words(text)]):
            found.append(f"Real rows of the label {label!r} often hold words such as {', '.join(map(repr, telling[:5]))}.")
        return tuple(found)

    def coverage(self, vectors: Vectors) -> float:
        """Mean over the real rows of the cosine to the nearest of `vectors`, in [0, 1]; higher: more of the real rows' ground is covered."""
        return float(np.clip(self.vectors @ np.asarray(vectors).T, 0, 1).max(axis=1).mean())

    def bounds(self) -> tuple[int, int]:
        """The real rows' 5th and 95th percentile of length, in words."""
        counts = [length(row.text) for row in self.rows]
        return math.floor(np.percentile(counts, 5)), math.ceil(np.percentile(counts, 95))

    def _probabilities(self, vector: Vectors) -> Vectors:
        found: Vectors = self._classifier(vector[None, :])[0]
        return found

    def _nearness(self, vector: Vectors) -> float:
        return float(np.clip((self.vectors @ vector).max() / self._usual, 0, 1))

    def _fit(self, text: str, label: str) -> float:
        """1 for the median length of the label's real rows, falling with the ratio to it."""
        usual = max(1.0, median(self._lengths[label]))
        return math.exp(-((math.log(max(1, length(text)) / usual) / STRETCH) ** 2))

    def _telling(self, label: str) -> tuple[str, ...]:
        """Words that at least three real rows of the label share, and rows of others hold less often; no names, no numbers."""
        mine = [row for row in self.rows if row.label == label]
        here, there, named = Counter[str](), Counter[str](), set[str]()
        for row in self.rows:
            said = [] if unspaced(row.text) else WORD.findall(row.text)  # a whole clause is no word
            named |= {word.casefold() for word in said[1:] if word[0].isupper()}
            (here if row.label == label else there).update({word.casefold() for word in said})
        others = max(1, len(self.rows) - len(mine))
        lift = {
            word: (count / len(mine)) / ((there[word] + 0.5) / others)
            for word, count in here.items()
            if count >= COMMON and len(word) > 2 and word not in named
        }
        return tuple(sorted((word for word in lift if lift[word] >= LIFT), key=lambda word: (-lift[word], word)))


def classifier_of(vectors: Vectors, labels: Indices, weights: Vectors | None, count: int) -> Classifier:
    """The embedding verifier's regression on (`vectors`, `labels`): from unit vectors to probabilities of `count` labels, rows sum to 1.

    A label without rows has the probability 0; without any row, all labels are alike.
    """
    from seedless.verify.embedding import regression

    known = np.unique(labels)
    if len(known) < 2:
        alone = np.zeros(count)
        alone[known] = 1.0
        constant = alone if len(known) else alone + 1 / count
        return lambda asked: np.tile(constant, (len(asked), 1))
    learnt = regression(vectors, labels, weights)

    def probabilities(asked: Vectors) -> Vectors:
        found = np.zeros((len(asked), count))
        found[:, learnt.classes_] = learnt.predict_proba(asked)
        return found

    return probabilities


def true_label_probability(probabilities: Vectors, labels: Indices) -> float:
    """Mean probability of the true label, each label counting the same, in [0, 1]; higher is better.

    It moves as macro-F1 does, and tells two classifiers apart on far fewer rows: it also counts what did not change the likeliest label.
    """
    own = probabilities[np.arange(len(labels)), labels]
    return float(mean_of_labels(own[None, :], labels)[0])


def mean_of_labels(values: Vectors, labels: Indices) -> Vectors:
    """The mean over labels of their rows' mean, for each line of `values`, shape (lines, rows)."""
    found: Vectors = np.mean([values[:, labels == label].mean(axis=1) for label in np.unique(labels)], axis=0)
    return found
