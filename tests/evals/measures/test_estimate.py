"""Estimates: intervals that hold what they promise."""

import numpy as np
import pytest

from seedless.evals.measures.estimate import mean_of, share_in_shares_of, share_of


def test_wilson_interval_against_published_values() -> None:
    """Brown, Cai and DasGupta 2001, and the textbook's rule of three at the ends."""
    found = share_of(7, 10)
    assert (found.low, found.high) == (pytest.approx(0.3968, abs=1e-4), pytest.approx(0.8922, abs=1e-4))
    assert share_of(10, 10).high == 1.0
    assert share_of(10, 10).low == pytest.approx(0.7225, abs=1e-4)
    assert share_of(0, 10).high == pytest.approx(0.2775, abs=1e-4)
    with pytest.raises(ValueError, match="no rows"):
        share_of(0, 0)


def test_intervals_hold_the_truth_in_nineteen_of_twenty_cases() -> None:
    rng = np.random.default_rng(0)
    hits = [share_of(int(rng.binomial(60, 0.85)), 60) for _ in range(1000)]
    assert 0.92 < np.mean([found.low <= 0.85 <= found.high for found in hits]) < 0.98
    means = [mean_of(rng.normal(2.0, 3.0, 80), rng) for _ in range(60)]
    assert 0.85 < np.mean([found.low <= 2.0 <= found.high for found in means]) <= 1.0
    assert all(found.low < found.value < found.high for found in means)


def test_a_mean_of_one_value_is_that_value() -> None:
    found = mean_of(np.array([0.5]), np.random.default_rng(0))
    assert (found.value, found.low, found.high, found.rows) == (0.5, 0.5, 0.5, 1)


def test_a_share_in_other_shares_of_labels() -> None:
    """Nine tenths of one label are right and none of the other: of as many of both that is 0.45."""
    hits, rows = np.array([81, 0]), np.array([90, 10])
    even = share_in_shares_of(hits, rows, np.array([7, 7]))
    assert (even.value, even.rows) == (pytest.approx(0.45), 100)
    assert even.high - even.low > share_of(45, 100).high - share_of(45, 100).low, "ten rows stand for half"
    same = share_in_shares_of(hits, rows, np.array([9, 1]))
    assert (same.value, same.low, same.high) == pytest.approx(
        (share_of(81, 100).value, share_of(81, 100).low, share_of(81, 100).high)
    )
    assert share_in_shares_of(np.array([3, 0]), np.array([4, 0]), np.array([5, 5])).value == 0.75, (
        "a label without rows is left out"
    )
    with pytest.raises(ValueError, match="no rows"):
        share_in_shares_of(hits, rows, np.array([0, 0]))
