"""Scores: predictions beside true labels, with intervals from a bootstrap in which every arm meets the same test rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.estimate import Interval

__all__ = ["Labels", "Score", "chance_of", "interval_of", "macro_f1", "mean_of_draws", "resampled_f1", "score_of"]

Labels = NDArray[np.int64]
RESAMPLES = 1000
AT_ONCE = 2_000_000  # cells that a chunk of resamples may take


@dataclass(frozen=True, slots=True)
class Score:
    """How predictions fare on the test rows. All figures in [0, 1], higher is better.

    `n` counts training rows; `low` and `high` bound the macro-F1 (95 %, bootstrap over test rows and, for real rows, draws); `confusion`
    counts test rows, shape (labels, labels), the true label down, the predicted one across; of several draws it is the first one's.
    """

    n: int
    accuracy: float
    macro_f1: float
    low: float
    high: float
    per_label: Mapping[str, float]
    confusion: tuple[tuple[int, ...], ...]


def macro_f1(true: Labels, predicted: Labels, labels: int) -> float:
    """Mean F1 over the labels that `true` holds, in [0, 1]. A prediction of -1 is wrong for every label.

    >>> macro_f1(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), 2)
    0.7333333333333334
    """
    return float(_f1(_confusion(true, predicted, labels)).mean())


def chance_of(test: LabelledRows, predicted: Sequence[Labels]) -> float:
    """Macro-F1 of predictions that are as frequent as these and know nothing of the rows, a mean over draws."""
    found = []
    for each in predicted:
        confusion = _confusion(test.labels, each, len(test.task.labels))
        found.append(_f1(np.outer(confusion.sum(axis=1), confusion.sum(axis=0)) / len(test)).mean())
    return float(np.mean(found))


def resampled_f1(true: Labels, predicted: Sequence[Labels], labels: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Macro-F1 of each of `predicted` on each bootstrap resample of the test rows, the same resamples for all.

    Shape (len(predicted), RESAMPLES). A resample is a weight for each row, and F1 needs three sums of weights for each label:
    of its true rows, of those predicted, and of those in both.
    """
    from scipy.sparse import csr_matrix, vstack

    n = len(true)

    def members(places: Labels, of: NDArray[np.bool_]) -> Any:
        return csr_matrix((np.ones(int(of.sum())), (places[of], np.flatnonzero(of))), shape=(labels, n))

    everywhere = np.ones(n, dtype=bool)
    sets = [members(true, everywhere)]
    for each in predicted:
        sets += [members(each, each >= 0), members(true, each == true)]
    whole = vstack(sets).tocsr()
    found = np.empty((len(predicted), RESAMPLES))
    step = max(1, AT_ONCE // max(n, whole.shape[0]))
    for start in range(0, RESAMPLES, step):
        count = min(step, RESAMPLES - start)
        chosen = rng.integers(n, size=(count, n)) + n * np.arange(count)[:, None]
        weights = np.bincount(chosen.ravel(), minlength=count * n).reshape(count, n).T.astype(np.float64)
        sums = (whole @ weights).reshape(-1, labels, count)
        truly, said, right = sums[0], sums[1::2], sums[2::2]
        f1 = 2 * right / np.maximum(truly + said, 1)  # 0 for a label without true rows, which does not count
        found[:, start : start + count] = f1.sum(axis=1) / (truly > 0).sum(axis=0)
    return found


def mean_of_draws(resampled: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """The mean over draws in each resample, shape (RESAMPLES,); the draws are resampled too, so that their spread is in it."""
    draws = len(resampled)
    some = np.random.default_rng([seed, draws]).integers(draws, size=(draws, RESAMPLES))
    mean: NDArray[np.float64] = np.take_along_axis(resampled, some, axis=0).mean(axis=0)
    return mean


def score_of(n: int, test: LabelledRows, predicted: Sequence[Labels], resampled: NDArray[np.float64]) -> Score:
    """The score of one arm after `n` training rows, a mean over its draws; `resampled` is its macro-F1 on each resample."""
    confusions = [_confusion(test.labels, each, len(test.task.labels)) for each in predicted]
    f1 = float(np.mean([_f1(confusion).mean() for confusion in confusions]))
    names = [name for name, count in zip(test.task.label_names, test.counts, strict=True) if count]
    per_label = np.mean([_f1(confusion) for confusion in confusions], axis=0)
    interval = interval_of(f1, resampled)
    return Score(
        n,
        accuracy=float(np.mean([(each == test.labels).mean() for each in predicted])),
        macro_f1=f1,
        low=interval.low,
        high=interval.high,
        per_label=dict(zip(names, per_label.tolist(), strict=True)),
        confusion=tuple(tuple(int(count) for count in line[:-1]) for line in confusions[0]),
    )


def interval_of(value: float, resampled: NDArray[np.float64]) -> Interval:
    """`value` with the 2.5 % and 97.5 % quantiles of what it is on resamples, shape (resamples,)."""
    low, high = np.quantile(resampled, (0.025, 0.975))
    return Interval(value, float(low), float(high))


def _confusion(true: Labels, predicted: Labels, labels: int) -> NDArray[np.int64]:
    """Counts, shape (labels, labels + 1): the last column holds rows without a prediction."""
    places = true * (labels + 1) + np.where(predicted < 0, labels, predicted)
    return np.bincount(places, minlength=labels * (labels + 1)).reshape(labels, labels + 1).astype(np.int64)


def _f1(confusion: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 of each label that has true rows."""
    right = np.diag(confusion)
    true, predicted = confusion.sum(axis=1), confusion[:, :-1].sum(axis=0)
    found: NDArray[np.float64] = (2 * right / np.maximum(true + predicted, 1))[true > 0]
    return found
