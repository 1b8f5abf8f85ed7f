"""Divergence: how much what rows mention differs between labels, or between synthetic and real rows, against what chance shows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from seedless.evals.measures.matched import Pair

__all__ = ["Association", "Divergence", "Mentioned", "associations", "divergence", "from_real", "jensen_shannon"]

RESAMPLES = 200
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Divergence:
    """How many bits a row's mentions tell about its side (its label, or whether it is synthetic).

    `bits` is the Jensen-Shannon divergence of the sides' distributions, weighted by their rows: 0 where all sides mention alike, at
    most the entropy of the sides (1 for two of one size). A sample shows some where there is none, so the mean over 200 shuffles of the
    sides is taken off; below 0 counts as 0. `low` and `high` bound it (95 %, bootstrap over rows). `p` is the share of shuffles that
    show as much, at least 1/201.
    """

    bits: float
    low: float
    high: float
    p: float

    @property
    def shows(self) -> bool:
        """Whether chance is ruled out: by the interval and, at 1 %, by the shuffles."""
        return self.low > 0 and self.p < 0.01


@dataclass(frozen=True, slots=True)
class Association:
    """How a word goes with a label: `with_word` of the label's `rows` have it, `elsewhere` of the `others` rows.

    `log_odds` is the natural logarithm of the ratio of odds, each count smoothed by a half (above 0: more in this label), `z` is that
    over its standard error (Woolf 1955).
    """

    word: str
    label: str
    with_word: int
    rows: int
    elsewhere: int
    others: int
    log_odds: float
    z: float


@dataclass(frozen=True)
class Mentioned:
    """What rows mention, as parts of rows: row `row[i]` spends the part `mass[i]` on `words[word[i]]`.

    Each row spends 1: in equal parts on what it mentions, or on the last word, which stands for nothing.
    """

    words: tuple[str, ...]
    rows: int
    row: NDArray[np.int64]
    word: NDArray[np.int64]
    mass: NDArray[np.float64]

    @classmethod
    def of(
        cls, said: Sequence[Iterable[str]], words: Sequence[str], *, other: str | None = None, nothing: str = "(none)"
    ) -> "Mentioned":
        """`said` for each row; what is not among `words` counts as `other`, or not at all."""
        places: Mapping[str, int] = {word: place for place, word in enumerate(words)}
        all_words = (*words, *([other] if other is not None else []), nothing)
        row, word, mass = [], [], []
        for i, members in enumerate(said):
            found = {places.get(member, len(words)) for member in members if other is not None or member in places}
            for place in sorted(found) or [len(all_words) - 1]:
                row.append(i)
                word.append(place)
                mass.append(1 / max(1, len(found)))
        return cls(all_words, len(said), np.asarray(row, np.int64), np.asarray(word, np.int64), np.asarray(mass))

    def by_side(self, side: NDArray[np.int64], weight: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Rows that each side spends on each word, shape (sides, words)."""
        sides = int(side.max()) + 1
        mass = self.mass if weight is None else self.mass * weight[self.row]
        spent = np.bincount(side[self.row] * len(self.words) + self.word, mass, sides * len(self.words))
        return spent.reshape(sides, len(self.words)).astype(np.float64)


def jensen_shannon(spent: NDArray[np.float64]) -> float:
    """Of distributions in bits, shape (distributions, outcomes), weighted by their sums; at least 0.

    >>> jensen_shannon(np.array([[4.0, 0.0], [0.0, 4.0]]))
    1.0
    """
    joint = spent / spent.sum()
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    bits = float((joint[there] * np.log2(joint[there] / apart[there])).sum())
    return bits if bits > 1e-12 else 0.0


def divergence(
    mentioned: Mentioned, side: NDArray[np.int64], rng: np.random.Generator, *, strata: NDArray[np.int64] | None = None
) -> Divergence:
    """How much the rows' sides differ in what they mention. Sides are shuffled within `strata` (all rows are one if left out), rows are
    resampled within stratum and side, whose numbers are no accident.
    """
    n = mentioned.rows
    alone = strata is None
    strata = np.zeros(n, dtype=np.int64) if strata is None else strata
    by_stratum, by_cell = np.argsort(strata, kind="stable"), np.lexsort((side, strata))
    _, begins, inverse, sizes = np.unique(
        np.stack([strata, side])[:, by_cell], axis=1, return_index=True, return_inverse=True, return_counts=True
    )
    cell = inverse.reshape(-1)
    found = jensen_shannon(mentioned.by_side(side))
    shuffled, resampled = np.empty(RESAMPLES), np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        mixed = np.empty_like(side)
        mixed[by_stratum] = side[rng.permutation(n) if alone else np.argsort(strata + rng.random(n))]
        shuffled[i] = jensen_shannon(mentioned.by_side(mixed))
        drawn = by_cell[begins[cell] + (rng.random(n) * sizes[cell]).astype(np.int64)]
        resampled[i] = jensen_shannon(mentioned.by_side(side, np.bincount(drawn, minlength=n).astype(np.float64)))
    bits = max(0.0, found - float(shuffled.mean()))
    low, high = np.quantile(resampled, (0.025, 0.975)) - float(resampled.mean()) + bits
    p = (1 + int((shuffled >= found - 1e-12).sum())) / (1 + RESAMPLES)
    return Divergence(bits, max(0.0, float(low)), max(0.0, float(high)), p)


def from_real(mentioned: Mentioned, pair: Pair, rng: np.random.Generator) -> Divergence:
    """How far the pair's synthetic rows (the first of `mentioned`) are from its real ones; shuffled among rows of one label."""
    side = np.repeat(np.arange(2), [len(each) for each in pair])
    return divergence(mentioned, side, rng, strata=np.concatenate([each.labels for each in pair]))


def associations(
    said: Sequence[Iterable[str]], words: Sequence[str], labels: NDArray[np.int64], names: Sequence[str]
) -> tuple[tuple[Association, ...], tuple[Association, ...]]:
    """Each word with each label that has rows (of two labels, with the one that has more of it): all, the strongest first, and those
    that chance does not explain.

    Chance is ruled out at 5 % over all words and labels together (Bonferroni). A word of all rows, or of none, is left out.
    """
    places = {word: place for place, word in enumerate(words)}
    counts = np.zeros((len(names), len(words)), dtype=np.int64)
    for label, members in zip(labels.tolist(), said, strict=True):
        for member in set(members):
            if member in places:
                counts[label, places[member]] += 1
    rows, having = np.bincount(labels, minlength=len(names)), counts.sum(axis=0)
    found = []
    for place, word in enumerate(words):
        if not 0 < having[place] < len(labels):
            continue
        each = [
            _association(word, names[label], counts[label, place], rows[label], having[place], len(labels))
            for label in np.flatnonzero(rows).tolist()
        ]
        # Of two labels the second only mirrors the first.
        found += [association for association in each if association.log_odds >= 0] if len(each) == 2 else each
    found.sort(key=lambda each: (-abs(each.z), each.word, each.label))
    limit = NormalDist().inv_cdf(1 - LEVEL / 2 / len(found)) if found else 0.0
    return tuple(found), tuple(each for each in found if abs(each.z) > limit)


def _association(word: str, label: str, with_word: int, rows: int, having: int, all_rows: int) -> Association:
    elsewhere, others = int(having - with_word), int(all_rows - rows)
    cells = [int(count) + 0.5 for count in (with_word, rows - with_word, elsewhere, others - elsewhere)]
    log_odds = log(cells[0] / cells[1]) - log(cells[2] / cells[3])
    return Association(
        word, label, int(with_word), int(rows), elsewhere, others, log_odds, log_odds / sqrt(sum(1 / cell for cell in cells))
    )
