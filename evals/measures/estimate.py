"""Figures with their 95 % intervals, and the rows that they rest on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["DRAWS", "Estimate", "Interval", "mean_of", "share_in_shares_of", "share_of"]

Z = 1.959964  # of the normal distribution, 95 % between -Z and Z
DRAWS = 1000  # of a bootstrap


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float

    def told(self, form: str = ".2f") -> str:
        """The figure and its interval as people read them.

        >>> Interval(0.12, -0.03, 0.27).told("+.1f")
        '+0.1 (-0.0, +0.3)'
        """
        return f"{self.value:{form}} ({self.low:{form}}, {self.high:{form}})"


@dataclass(frozen=True, slots=True)
class Estimate(Interval):
    """`value` as measured on `rows` rows; the true one lies between `low` and `high` with 95 % confidence.

    The interval covers the choice of the rows, not what a student or an oracle would have learnt from others.
    """

    rows: int


def share_of(hits: int, rows: int) -> Estimate:
    """The share `hits / rows` in [0, 1], with Wilson's interval (1927).

    A bootstrap of a share has no width at 0 and at 1, where shares of a few rows often are; Wilson's has.

    >>> share_of(5, 5)
    Estimate(value=1.0, low=0.5655..., high=1.0, rows=5)

    Raises
    ------
    ValueError
        If there are no rows.
    """
    if rows < 1:
        raise ValueError("a share of no rows is not defined")
    return _wilson(hits / rows, rows, rows)


def share_in_shares_of(hits: NDArray[np.int64], rows: NDArray[np.int64], counts: NDArray[np.int64]) -> Estimate:
    """The share of hits, `hits` of `rows` rows of each label, that there would be if the labels had the shares of `counts`.

    Labels without rows are left out. Where the shares are the same it is `share_of` all; else the interval is that of as many rows as
    the weighted ones are worth (Kish 1965).

    >>> share_in_shares_of(np.array([90, 0]), np.array([90, 10]), np.array([5, 5])).value
    0.5

    Raises
    ------
    ValueError
        If no label with rows has a count.
    """
    weights = np.where(rows > 0, counts, 0)
    if not weights.sum():
        raise ValueError("a share of no rows is not defined")
    having = weights > 0
    weights, hits, rows = weights[having] / weights.sum(), hits[having], rows[having]
    return _wilson(float((weights * hits / rows).sum()), float(1 / (weights**2 / rows).sum()), int(rows.sum()))


def _wilson(share: float, worth: float, rows: int) -> Estimate:
    """`share` of `rows` rows, whose interval is that of `worth` of them."""
    spread = Z * Z / worth
    middle = (share + spread / 2) / (1 + spread)
    reach = np.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return Estimate(share, min(share, float(max(0.0, middle - reach))), max(share, float(min(1.0, middle + reach))), rows)


def mean_of(values: NDArray[np.float64], rng: np.random.Generator) -> Estimate:
    """The mean of `values`, shape (rows,), at least one, with a bootstrap interval (percentiles)."""
    means = [float(values[rng.integers(0, len(values), len(values))].mean()) for _ in range(DRAWS)]
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(values.mean()), float(low), float(high), len(values))
