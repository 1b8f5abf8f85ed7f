"""Two programs side by side on the same slots and the same real rows: a paired bootstrap tells how sure their difference is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from seedless.evals.compiling.anchor import Indices, Vectors, classifier_of, true_label_probability
from seedless.evals.measures.estimate import Interval
from seedless.evals.measures.scores import macro_f1

__all__ = ["Learnt", "PairedComparison", "by_probability", "by_scores"]

DRAWS = 2000
FITS = 200  # draws of the bootstrap that fits two classifiers each time
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """The uncompiled and the compiled program side by side.

    `metric` names what `before` and `after` are: `true_label_probability` (the mean probability that a classifier taught by the drafts
    gives to the labels of the reporting half of the real rows) or `score` (the mean score of the drafts themselves, intrinsic). Both are in [0, 1], higher is better;
    `gain` is their difference. `n` counts what the bootstrap draws from, `figures` holds others, before and after.
    """

    metric: str
    before: Interval
    after: Interval
    gain: Interval
    n: int
    figures: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def better(self) -> bool:
        """Whether the gain's interval lies above zero."""
        return self.gain.low > 0

    def record(self) -> dict[str, Any]:
        """The comparison as one JSON object."""
        return {**asdict(self), "figures": {name: list(pair) for name, pair in self.figures.items()}, "better": self.better}


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a classifier learns from: vectors of drafts, shape (n, dimensions), the labels that they were asked for, and how much each counts."""

    vectors: Vectors
    labels: Indices
    trust: Vectors


def by_scores(before: Sequence[float], after: Sequence[float], seed: int) -> PairedComparison:
    """Scores of the same slots under both programs; slots are drawn with replacement, for both the same."""
    pairs = np.array([before, after], dtype=np.float64)
    rng = np.random.default_rng([seed, 1])
    drawn = rng.integers(0, pairs.shape[1], (DRAWS, pairs.shape[1]))
    means = pairs[:, drawn].mean(axis=2)
    return _comparison("score", pairs.mean(axis=1), means, pairs.shape[1], {})


def by_probability(
    before: Learnt, after: Learnt, rows: Vectors, labels: Indices, count: int, seed: int, *, fits: int = FITS
) -> PairedComparison:
    """Classifiers that learnt from the same slots under both programs, on real rows that no candidate was chosen with.

    `rows` are the real rows' vectors, `labels` their labels, of `count` in all. Each draw of the bootstrap takes real rows and slots with
    replacement, label by label and for both programs the same, and fits both classifiers anew: the interval holds the chance of the
    drafts as well as that of the rows.
    """
    rng = np.random.default_rng([seed, 2])

    def judged(learnt: Learnt, slots: Indices, drawn: Indices) -> Vectors:
        kept = slots[learnt.trust[slots] > 0]
        classifier = classifier_of(learnt.vectors[kept], learnt.labels[kept], learnt.trust[kept], count)
        probabilities: Vectors = classifier(rows[drawn])
        return probabilities

    slots, everyone = np.arange(len(before.labels)), np.arange(len(labels))
    whole = [judged(learnt, slots, everyone) for learnt in (before, after)]
    values = np.array([true_label_probability(p, labels) for p in whole])
    means = np.zeros((2, fits))
    for i in range(fits):
        some, real = _within(before.labels, rng), _within(labels, rng)
        for j, learnt in enumerate((before, after)):
            means[j, i] = true_label_probability(judged(learnt, some, real), labels[real])
    figures = {
        "macro_f1": (macro_f1(labels, whole[0].argmax(axis=1), count), macro_f1(labels, whole[1].argmax(axis=1), count)),
        "rows_learnt_from": (float((before.trust > 0).sum()), float((after.trust > 0).sum())),
    }
    return _comparison("true_label_probability", values, means, len(labels), figures)


def _within(labels: Indices, rng: np.random.Generator) -> Indices:
    """Indices drawn with replacement within each label, as many as it has."""
    places = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return np.concatenate([rng.choice(place, len(place)) for place in places])


def _comparison(
    metric: str, values: Vectors, means: Vectors, n: int, figures: Mapping[str, tuple[float, float]]
) -> PairedComparison:
    from scipy.stats import norm, t

    # A percentile interval is too narrow for few draws; expanded so (Hesterberg, arXiv 1411.5279, section 3.2) it is as wide as Student's.
    tail = 100 * norm.cdf(np.sqrt(n / (n - 1)) * t.ppf((1 - LEVEL) / 2, n - 1))
    edges = [tail, 100 - tail]

    def figure(value: float, drawn: Vectors) -> Interval:
        low, high = np.percentile(drawn, edges)
        return Interval(*(round(float(x), 4) for x in (value, low, high)))

    return PairedComparison(
        metric,
        figure(values[0], means[0]),
        figure(values[1], means[1]),
        figure(values[1] - values[0], means[1] - means[0]),
        n,
        {name: (round(a, 4), round(b, 4)) for name, (a, b) in figures.items()},
    )
