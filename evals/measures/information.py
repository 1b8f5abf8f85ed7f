"""V-usable information: how many bits a student gains about a label by reading the text (arXiv 2110.08420)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.crossvalidation import HeldOut, fitted
from seedless.evals.measures.estimate import Estimate, mean_of, share_of
from seedless.evals.students import Student

__all__ = ["Information", "LabelInformation", "best_scale", "carried_bits", "information", "own_bits", "pvi"]

SCALES = (0.1, 30.0)


@dataclass(frozen=True, slots=True)
class LabelInformation:
    """The rows of one label: their mean PVI in bits, and the share of them with a negative one, in [0, 1]."""

    rows: int
    bits: float
    negative: float


@dataclass(frozen=True, slots=True)
class Information:
    """What a kind of student can use of a text to tell its label.

    Parameters
    ----------
    bits
        V-information: the mean PVI of rows that the student did not learn from. Higher is easier; 0 (or a little less) means that the
        text tells it nothing, `entropy` that it tells all.
    entropy
        Of the labels, in bits: what there is to be known.
    negative
        Share of rows with a negative PVI, in [0, 1]: the text makes the row's own label less likely than no text. Many of them are
        mislabelled, the others hard.
    by_label
        The labels that the rows have.
    """

    bits: Estimate
    entropy: float
    negative: Estimate
    by_label: Mapping[str, LabelInformation]


def pvi(labels: NDArray[np.int64], read: HeldOut, scale: float | NDArray[np.float64] = 1.0) -> NDArray[np.float64]:
    """Pointwise V-information of each row in bits, shape (rows,): log2 g[label | text] - log2 g0[label | no text].

    g is the student, g0 the share of the label in the rows that it learnt from. `scale`, a number or one for each row, multiplies what the
    text adds to g0's log-odds: 0 leaves g0, 1 the student as it is. No probability falls below 1 / (rows learnt from + labels), the
    weight of one row more, so the least of all is about -log2 of the rows; a label that the student never saw has 0 bits.
    """
    rows = np.arange(len(labels))
    floor = (1 / (read.trained + read.probabilities.shape[1]))[:, None]
    priors = np.log2(np.maximum(read.priors, floor))
    added = np.broadcast_to(scale, len(labels))[:, None] * (np.log2(np.maximum(read.probabilities, floor)) - priors)
    logs = np.where(read.priors > 0, priors + added, -np.inf)  # else every label without rows would take its floor from the others
    most = logs.max(axis=1, keepdims=True)
    logs -= most + np.log2(np.exp2(logs - most).sum(axis=1, keepdims=True))
    found: NDArray[np.float64] = np.maximum(logs, np.log2(floor))[rows, labels] - priors[rows, labels]
    return np.where(read.priors[rows, labels] > 0, found, 0.0)


def best_scale(labels: NDArray[np.int64], read: HeldOut) -> float:
    """The scale under which the student tells most of these labels, between 0.1 and 30.

    A student that is held back (regularised), as one must be with few rows, is right more often than it says. V-information asks for the best
    of its kind: one number more, as in temperature scaling (arXiv 1706.04599), brings students of different kinds to one measure. The
    square of its logarithm counts as bits against it, so that a few rows do not make a student sure of everything.
    """
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(lambda x: x * x - pvi(labels, read, float(np.exp(x))).sum(), bounds=np.log(SCALES), method="bounded")
    return float(np.exp(found.x))


def own_bits(labels: NDArray[np.int64], read: HeldOut) -> NDArray[np.float64]:
    """PVI of cross-validated rows, shape (rows,): each fold's under the scale that is best for the others."""
    scale = np.ones(len(labels))
    for k in np.unique(read.fold):
        others = np.flatnonzero(read.fold != k)
        if len(others):
            scale[read.fold == k] = best_scale(labels[others], read.take(others))
    return pvi(labels, read, scale)


def carried_bits(rows: LabelledRows, read: HeldOut, student: Student, others: LabelledRows) -> NDArray[np.float64]:
    """PVI of the rows of `others`, shape (others,), read by a student that learnt from `rows`, of which `read` is the cross-validation; its
    scale is the one that is best for `rows`."""
    shape = (len(others), len(rows.task.labels))
    priors = np.broadcast_to(rows.counts / len(rows), shape)
    probabilities = fitted(student, rows).probabilities(others)
    told = HeldOut(probabilities, priors, np.full(len(others), len(rows)), np.zeros(len(others), dtype=np.int64))
    return pvi(others.labels, told, best_scale(rows.labels, read))


def information(rows: LabelledRows, bits: NDArray[np.float64], *, seed: int = 0) -> Information:
    """The account of `rows`, at least one, whose PVI is `bits`; `seed` is the bootstrap's."""
    shares = rows.counts[rows.counts > 0] / len(rows)
    return Information(
        bits=mean_of(bits, np.random.default_rng(seed)),
        entropy=float((shares * np.log2(1 / shares)).sum()),
        negative=share_of(int((bits < 0).sum()), len(rows)),
        by_label={
            rows.task.label_names[place]: LabelInformation(
                rows=int(rows.counts[place]),
                bits=float(bits[rows.labels == place].mean()),
                negative=float((bits[rows.labels == place] < 0).mean()),
            )
            for place in np.flatnonzero(rows.counts)
        },
    )
