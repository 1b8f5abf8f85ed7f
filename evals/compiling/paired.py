"""Two programs side by side on the same slots and the same real rows, and how sure their difference is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.evals.compiling.anchor import Classifier, Indices, Vectors, classifier_of, mean_of_labels, true_label_probability
from seedless.evals.measures.estimate import Interval
from seedless.evals.measures.scores import macro_f1

__all__ = ["FEWEST_PAIRS", "Learnt", "PairedComparison", "by_probability", "by_scores"]

FEWEST_PAIRS = 6  # slots under both programs: of five, chance alone makes one of them the better on all in 6 of 100 cases
DRAWS = 2000
SWAPS = 200  # draws, two classifiers are fitted for each
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """The uncompiled and the compiled program side by side.

    `metric` names what `before` and `after` are: `true_label_probability` (the mean probability that a classifier taught by the drafts
    gives to the labels of the reporting half of the real rows) or `score` (the mean score of the drafts themselves, intrinsic). Both are in [0, 1], higher is better;
    `gain` is their difference. `n` counts the rows or the slots, `figures` holds others, before and after.
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

    def classifier(self, count: int) -> Classifier:
        """What it teaches: from unit vectors to probabilities of `count` labels. Drafts that count nothing teach nothing."""
        kept = self.trust > 0
        return classifier_of(self.vectors[kept], self.labels[kept], self.trust[kept], count)


def by_scores(before: Sequence[float], after: Sequence[float], seed: int) -> PairedComparison:
    """Scores of the same slots under both programs. The intervals are a bootstrap's: slots are drawn with replacement, for both the same."""
    from scipy.stats import norm, t

    pairs = np.array([before, after], dtype=np.float64)
    n = pairs.shape[1]
    drawn = np.random.default_rng([seed, 1]).integers(0, n, (DRAWS, n))
    values, means = pairs.mean(axis=1), pairs[:, drawn].mean(axis=2)
    # A percentile interval is too narrow for few draws; expanded so (Hesterberg, arXiv 1411.5279, section 3.2) it is as wide as Student's.
    tail = 100 * norm.cdf(np.sqrt(n / (n - 1)) * t.ppf((1 - LEVEL) / 2, n - 1))

    def figure(value: float, drawn: Vectors) -> Interval:
        return _interval(value, *np.percentile(drawn, [tail, 100 - tail]))

    return PairedComparison(
        "score", figure(values[0], means[0]), figure(values[1], means[1]), figure(values[1] - values[0], means[1] - means[0]), n
    )


def by_probability(
    before: Learnt, after: Learnt, rows: Vectors, labels: Indices, count: int, seed: int, *, swaps: int = SWAPS
) -> PairedComparison:
    """Classifiers that learnt from the same slots under both programs, on real rows that no candidate was chosen with.

    `rows` are the real rows' vectors, `labels` their labels, of `count` in all; there are two at least.

    The gain's interval holds the chance of the drafts and that of the rows. That of the drafts is a permutation test's: were the programs
    equal, then in each slot either draft could as well be the other program's, and the gains with some of them swapped are what chance
    makes of such drafts. So a label may have one slot, in which a bootstrap finds no chance at all. That of the rows is how much their own
    gains vary within a label, beyond what they vary where drafts are swapped. The intervals of `before` and `after` hold that of the rows alone.
    """
    from scipy.stats import t

    everyone = np.arange(len(labels))

    def own(learnt: Learnt) -> Vectors:
        """Each row's probabilities, shape (rows, count)."""
        return learnt.classifier(count)(rows)

    whole = [own(learnt) for learnt in (before, after)]
    each = np.array([p[everyone, labels] for p in whole])
    values = np.array([true_label_probability(p, labels) for p in whole])
    swapped = _swaps(len(before.labels), swaps, np.random.default_rng([seed, 2]))
    gains = np.array(
        [each[1] - each[0]]
        + [
            own(_mixed(after, before, some))[everyone, labels] - own(_mixed(before, after, some))[everyone, labels]
            for some in swapped
        ]
    )
    means = mean_of_labels(gains, labels)
    chance = np.sort(np.abs(means))[int(np.ceil(LEVEL * len(means))) - 1]
    variances, freedom = _variances(gains, labels)
    beyond = max(0.0, float(variances[0] - variances[1:].mean()))
    half = float(np.sqrt(chance**2 + t.ppf((1 + LEVEL) / 2, freedom) ** 2 * beyond))

    def alone(value: float, probabilities: Vectors) -> Interval:
        variances, freedom = _variances(probabilities[None, :], labels)
        reach = float(t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(variances[0]))
        return _interval(value, max(0.0, value - reach), min(1.0, value + reach))

    gain = float(values[1] - values[0])
    figures = {
        "macro_f1": tuple(macro_f1(labels, p.argmax(axis=1), count) for p in whole),
        "rows_learnt_from": tuple(float((learnt.trust > 0).sum()) for learnt in (before, after)),
    }
    return PairedComparison(
        "true_label_probability",
        alone(values[0], each[0]),
        alone(values[1], each[1]),
        _interval(gain, gain - half, gain + half),
        len(labels),
        {name: (round(a, 4), round(b, 4)) for name, (a, b) in figures.items()},
    )


def _swaps(slots: int, most: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which slots are swapped in each draw, shape (draws, slots): every way where there are no more than `most`, else some.

    To swap all others instead gives the same gain with the other sign: the first slot stays where it is.
    """
    if 2 ** (slots - 1) - 1 <= most:
        return np.array([(False, *some) for some in product((False, True), repeat=slots - 1)][1:], dtype=np.bool_)
    drawn = rng.random((most, slots)) < 0.5
    return drawn ^ drawn[:, :1]


def _mixed(one: Learnt, other: Learnt, swapped: NDArray[np.bool_]) -> Learnt:
    """The drafts of `one`, of `other` in the slots that are swapped."""
    return Learnt(np.where(swapped[:, None], other.vectors, one.vectors), one.labels, np.where(swapped, other.trust, one.trust))


def _variances(values: Vectors, labels: Indices) -> tuple[Vectors, float]:
    """The variance of `mean_of_labels` by the chance of which rows there are, for each line, and the first's degrees of freedom (Welch, Satterthwaite).

    A row that is its label's only one tells nothing of how much that label's rows vary: such rows vary as they do among each other, or
    as the other labels' rows do within theirs, whichever is more.
    """
    groups = [values[:, labels == label] for label in np.unique(labels)]
    lone = [group for group in groups if group.shape[1] == 1]
    several = [group for group in groups if group.shape[1] > 1]
    within = [(group.var(axis=1, ddof=1), group.shape[1] - 1) for group in several]
    parts = [(variance / (freedom + 1), freedom) for variance, freedom in within]
    if lone:
        freedom = sum(n for _, n in within)
        guesses = [(sum(variance * n for variance, n in within) / freedom, freedom)] if within else []
        guesses += [(np.hstack(lone).var(axis=1, ddof=1), len(lone) - 1)] if len(lone) > 1 else []
        most = max(guesses, key=lambda guess: float(guess[0][0]))
        parts.append((len(lone) * np.max([variance for variance, _ in guesses], axis=0), most[1]))
    variance = np.sum([part for part, _ in parts], axis=0)
    of_parts = sum(float(part[0]) ** 2 / freedom for part, freedom in parts)
    return variance / len(groups) ** 2, float(variance[0]) ** 2 / of_parts if of_parts > 0 else 1.0


def _interval(value: float, low: float, high: float) -> Interval:
    return Interval(*(round(float(x), 4) for x in (value, low, high)))
