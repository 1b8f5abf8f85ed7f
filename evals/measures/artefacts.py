"""Artefact words: those whose mere presence tells a label (arXiv 2104.08646), and a student that reads nothing else."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.students import Fitted
from seedless.text import words

__all__ = ["Artefact", "ArtefactStudent", "artefacts"]

LEAST = 3  # rows that hold the word
CHANCE = 0.05  # that independent labels give any artefact at all (Bonferroni over words and labels)

Matrix = Any  # a scipy sparse matrix, shape (rows, words)


@dataclass(frozen=True, slots=True)
class Artefact:
    """A word that tells `label`.

    Parameters
    ----------
    rows
        Rows that hold it.
    precision
        Share of those that have the label, in [0, 1].
    recall
        Share of the label's rows that hold it, in [0, 1].
    pmi
        log2 of that share by the label's share of all rows, in bits, smoothed with one row of the rows' own shares.
    z
        Standard deviations by which the share exceeds the label's share of all rows.
    real_rows, real_precision, real_recall
        The same of real rows; None where there are none (of the word, or of the label). A word that tells the label there too is a cue,
        not a habit of the writer's.
    """

    word: str
    label: str
    rows: int
    precision: float
    recall: float
    pmi: float
    z: float
    real_rows: int | None = None
    real_precision: float | None = None
    real_recall: float | None = None


def artefacts(rows: LabelledRows, *, real: LabelledRows | None = None) -> tuple[Artefact, ...]:
    """Words that halve what is unknown of a label, or better, and do so beyond chance; the most significant first.

    A word counts if, with p the label's share of all rows, at least (1 + p) / 2 of the rows that hold it have the label (smoothed with
    one row of the rows' own shares), and labels dealt out at random would give so many with a probability of at most 5 % for any word
    and label of them all (hypergeometric, Bonferroni).
    """
    from scipy.stats import hypergeom

    vocabulary = _vocabulary(rows)
    shares = rows.counts / max(len(rows), 1)
    if not vocabulary:
        return ()
    presence = _presence(rows, vocabulary)
    holding = np.asarray(presence.sum(axis=0)).ravel().astype(np.int64)
    together = _together(rows, presence)
    smoothed = (together + shares[:, None]) / (holding + 1)
    telling = (smoothed >= (1 + shares[:, None]) / 2) & (together > 0)
    found = []
    for label, word in np.argwhere(telling).tolist():
        chance = hypergeom.sf(together[label, word] - 1, len(rows), int(rows.counts[label]), holding[word])
        if chance * telling.size > CHANCE:
            continue
        precision, share = together[label, word] / holding[word], shares[label]
        found.append(
            Artefact(
                word=vocabulary[word],
                label=rows.task.label_names[label],
                rows=int(holding[word]),
                precision=float(precision),
                recall=float(together[label, word] / rows.counts[label]),
                pmi=float(np.log2(smoothed[label, word] / share)),
                z=float((precision - share) / np.sqrt(share * (1 - share) / holding[word])),
            )
        )
    found.sort(key=lambda artefact: (-artefact.z, artefact.word))
    return _beside(tuple(found), real) if real is not None else tuple(found)


class ArtefactStudent:
    """Logistic regression on which of the artefact words a text holds; it finds them in the rows that it learns from."""

    name = "artefacts"

    def fit(self, rows: LabelledRows) -> Fitted:
        """A classifier trained on `rows`; one that knows only the labels' shares where they hold no artefact word."""
        return _Fitted(rows)


class _Fitted:
    def __init__(self, rows: LabelledRows) -> None:
        from sklearn.linear_model import LogisticRegression

        self._shares = rows.counts / len(rows)
        self._words = tuple(dict.fromkeys(artefact.word for artefact in artefacts(rows)))
        if self._words:  # then there are two labels at least: a word cannot tell the only one
            self._model = LogisticRegression(max_iter=2000).fit(_presence(rows, self._words), rows.labels)

    def probabilities(self, rows: LabelledRows) -> NDArray[np.float64]:
        found = np.tile(self._shares, (len(rows), 1))
        if self._words and len(rows):
            found = np.zeros_like(found)
            found[:, self._model.classes_] = self._model.predict_proba(_presence(rows, self._words))
        return found


def _vocabulary(rows: LabelledRows) -> tuple[str, ...]:
    counts = Counter(word for text in rows.texts for word in set(words(text)))
    return tuple(sorted(word for word, count in counts.items() if count >= LEAST))


def _presence(rows: LabelledRows, vocabulary: Sequence[str]) -> Matrix:
    """Which of the words each row holds: 0 or 1, sparse."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(
        binary=True, vocabulary=list(vocabulary), tokenizer=words, lowercase=False, token_pattern=None, dtype=np.float64
    )
    return vectorizer.transform(rows.texts)


def _together(rows: LabelledRows, presence: Matrix) -> NDArray[np.int64]:
    """Rows of each label that hold each word, shape (labels, words)."""
    having = np.zeros((len(rows.task.labels), len(rows)))
    having[rows.labels, np.arange(len(rows))] = 1
    counted: NDArray[np.int64] = np.asarray((presence.T @ having.T).T).astype(np.int64)
    return counted


def _beside(found: tuple[Artefact, ...], real: LabelledRows) -> tuple[Artefact, ...]:
    if not found:
        return ()
    vocabulary = tuple(dict.fromkeys(artefact.word for artefact in found))
    presence = _presence(real, vocabulary)
    together, places = _together(real, presence), {word: place for place, word in enumerate(vocabulary)}
    labels = {name: place for place, name in enumerate(real.task.label_names)}
    holding = np.asarray(presence.sum(axis=0)).ravel()
    told = []
    for artefact in found:
        label, word = labels[artefact.label], places[artefact.word]
        rows, right, of_label = int(holding[word]), int(together[label, word]), int(real.counts[label])
        told.append(
            replace(
                artefact,
                real_rows=rows,
                real_precision=right / rows if rows else None,
                real_recall=right / of_label if of_label else None,
            )
        )
    return tuple(told)
