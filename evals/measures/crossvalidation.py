"""Cross-validation: what a student says of each row that it did not learn from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.students import Fitted, Student

__all__ = ["HeldOut", "fitted", "held_out"]


@dataclass(frozen=True)
class HeldOut:
    """What a student says of rows that it did not learn from.

    Parameters
    ----------
    probabilities
        Of each label for each row, shape (rows, labels). 0 where the label was in no row that the student learnt from.
    priors
        Share of each label in the rows that the student learnt from, shape (rows, labels).
    trained
        How many rows those were, shape (rows,).
    fold
        Which rows were read by the same student, shape (rows,).
    """

    probabilities: NDArray[np.float64]
    priors: NDArray[np.float64]
    trained: NDArray[np.int64]
    fold: NDArray[np.int64]

    @property
    def said(self) -> NDArray[np.int64]:
        """The likeliest label of each row, shape (rows,)."""
        found: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return found

    def take(self, places: NDArray[np.int64]) -> "HeldOut":
        """The rows at `places`."""
        return HeldOut(self.probabilities[places], self.priors[places], self.trained[places], self.fold[places])


def held_out(rows: LabelledRows, student: Student, *, folds: int = 5, seed: int = 0) -> HeldOut:
    """Each row as read by a student that learnt from the other folds.

    Folds are stratified: every label's rows are dealt to them in turn, and so a label with fewer rows than folds is in some folds
    and not in others (scikit-learn's splitter warns or refuses there). A label with a single row is never learnt when that row is
    read. Repeated rows may lie in several folds: what they teach is then easy, as it is for anyone who trains on them.

    Parameters
    ----------
    folds
        At least 2; as many as there are rows where those are fewer.
    """
    places = np.random.default_rng(seed).permutation(len(rows))
    places = places[np.argsort(rows.labels[places], kind="stable")]
    folds = min(folds, len(rows))
    fold = np.empty(len(rows), dtype=np.int64)
    fold[places] = np.arange(len(rows)) % folds
    labels = len(rows.task.labels)
    found = HeldOut(np.zeros((len(rows), labels)), np.zeros((len(rows), labels)), np.zeros(len(rows), dtype=np.int64), fold)
    for k in range(folds):
        inside, outside = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        learnt = rows.take(outside)
        found.probabilities[inside] = fitted(student, learnt).probabilities(rows.take(inside))
        found.priors[inside] = learnt.counts / len(learnt)
        found.trained[inside] = len(learnt)
    return found


def fitted(student: Student, rows: LabelledRows) -> Fitted:
    """The student after `rows`, on one BLAS thread: several wait for each other on a busy core (25 times slower on 400 rows)."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        return student.fit(rows)
