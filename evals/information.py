"""V-usable information: how many bits a student gains about a label by reading the text (arXiv 2110.08420)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedless.evals.crossvalidation import HeldOut, fitted
from seedless.evals.estimate import Estimate, mean_of, share_of
from seedless.evals.labelled import LabelledRows
from seedless.evals.students import Student

__all__ = ["Information", "LabelInformation", "carried", "information", "pvi"]


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
        text tells it nothing. A student that is never sure stays below `entropy` even on rows that it reads without an error.
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


def pvi(labels: NDArray[np.int64], read: HeldOut) -> NDArray[np.float64]:
    """Pointwise V-information of each row in bits, shape (rows,): log2 g[label | text] - log2 g0[label | no text].

    g is the student, g0 the share of the label in the rows that it learnt from. Neither falls below 1 / (those rows + labels), the weight of
    one row more: a label that the student never saw has 0 bits, and the least of all is about -log2 of the rows.
    """
    rows = np.arange(len(labels))
    floor = 1 / (read.trained + read.probabilities.shape[1])
    found: NDArray[np.float64] = np.log2(np.maximum(read.probabilities[rows, labels], floor)) - np.log2(
        np.maximum(read.priors[rows, labels], floor)
    )
    return found


def carried(rows: LabelledRows, student: Student, others: LabelledRows) -> NDArray[np.float64]:
    """PVI of the rows of `others`, read by a student that learnt from `rows`, in bits, shape (others,)."""
    shape = (len(others), len(rows.task.labels))
    priors = np.broadcast_to(rows.counts / len(rows), shape)
    probabilities = fitted(student, rows).probabilities(others)
    return pvi(others.labels, HeldOut(probabilities, priors, np.full(len(others), len(rows))))


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
