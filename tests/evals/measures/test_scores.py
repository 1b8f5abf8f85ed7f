"""Scores beside scikit-learn's, and the bootstrap beside a world in which the truth is known."""

import time
import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.scores import (
    AT_ONCE,
    RESAMPLES,
    chance_of,
    interval_of,
    macro_f1,
    mean_of_draws,
    resampled_f1,
    score_of,
)
from tests.evals.made_up import rows_of, task_of

Labels = NDArray[np.int64]


def world(n: int, *, labels: int = 3, right: float = 0.7, seed: int = 0) -> tuple[Labels, Labels]:
    """True labels, unevenly frequent, and predictions of which a share `right` and some lucky ones are right."""
    rng = np.random.default_rng(seed)
    weights = np.arange(1, labels + 1) / np.arange(1, labels + 1).sum()
    true = rng.choice(labels, size=n, p=weights)
    return true, np.where(rng.random(n) < right, true, rng.integers(labels, size=n))


def rows_with(true: Labels, labels: int) -> LabelledRows:
    return rows_of(task_of(*(f"l{i}" for i in range(labels))), [["x"]] * len(true), true.tolist())


@pytest.mark.parametrize("seed", range(8))
def test_macro_f1_is_scikit_learns(seed: int) -> None:
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(seed)
    labels = int(rng.integers(2, 9))
    true = rng.integers(labels, size=40)
    if seed % 2:
        true[true == 1] = 0  # a label that no test row has
    predicted = np.where(rng.random(40) < 0.5, true, rng.integers(-1, labels, size=40))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = f1_score(true, predicted, labels=np.unique(true), average="macro", zero_division=0)
    assert macro_f1(true, predicted, labels) == pytest.approx(theirs)


def test_macro_f1_at_its_ends() -> None:
    true = np.array([0, 0, 1, 2])
    assert macro_f1(true, true, 3) == 1.0
    assert macro_f1(true, np.full(4, -1), 3) == 0.0
    assert macro_f1(true, true, 500) == 1.0, "labels without test rows do not count"


def test_a_score_tells_each_label_and_the_confusion() -> None:
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

    true, predicted = world(200)
    score = score_of(50, rows_with(true, 3), [predicted], np.array([0.1, 0.2, 0.3]))
    assert score.n == 50
    assert score.accuracy == pytest.approx(accuracy_score(true, predicted))
    assert list(score.per_label) == ["l0", "l1", "l2"]
    assert list(score.per_label.values()) == pytest.approx(f1_score(true, predicted, average=None).tolist())
    assert np.array_equal(score.confusion, confusion_matrix(true, predicted))
    assert 0.1 <= score.low <= score.high <= 0.3


def test_a_row_without_an_answer_is_wrong_and_in_no_column() -> None:
    score = score_of(0, rows_with(np.array([0, 0, 1]), 2), [np.array([0, -1, 1])], np.zeros(3))
    assert score.accuracy == pytest.approx(2 / 3)
    assert score.confusion == ((1, 0), (0, 1))
    assert score.per_label["l0"] == pytest.approx(2 / 3)


def test_the_score_of_several_draws_is_their_mean() -> None:
    true, first = world(200)
    _, second = world(200, right=0.2)
    score = score_of(9, rows_with(true, 3), [first, second], np.zeros(3))
    assert score.macro_f1 == pytest.approx((macro_f1(true, first, 3) + macro_f1(true, second, 3)) / 2)
    assert score.accuracy == pytest.approx(((first == true).mean() + (second == true).mean()) / 2)
    assert np.sum(score.confusion) == 200, "the first one's"


# --- the bootstrap --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "labels"), [(60, 3), (60, 40), (3001, 2)])
def test_each_resample_is_a_draw_of_the_test_rows(n: int, labels: int) -> None:
    true, predicted = world(n, labels=labels)
    predicted[::7] = -1
    found = resampled_f1(true, [predicted, true], labels, np.random.default_rng(5))
    assert found.shape == (2, RESAMPLES)
    at_once = min(RESAMPLES, AT_ONCE // max(n, 5 * labels))
    for i, chosen in enumerate(np.random.default_rng(5).integers(n, size=(at_once, n))[:3]):
        assert found[0, i] == pytest.approx(macro_f1(true[chosen], predicted[chosen], labels))
    assert (found[1] == 1.0).all()


def test_chunks_change_nothing_but_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    true, predicted = world(100)
    whole = resampled_f1(true, [predicted], 3, np.random.default_rng(0))
    monkeypatch.setattr("seedless.evals.measures.scores.AT_ONCE", 100 * 64)
    parts = resampled_f1(true, [predicted], 3, np.random.default_rng(0))
    assert np.sort(parts) == pytest.approx(np.sort(whole), abs=0.03)
    assert parts.std() == pytest.approx(whole.std(), rel=0.15)


def test_all_arms_meet_the_same_rows() -> None:
    """Equal predictions have equal resamples, so their ratio has no spread; two independent bootstraps would give it one."""
    true, predicted = world(150)
    first, again = resampled_f1(true, [predicted, predicted.copy()], 3, np.random.default_rng(0))
    assert np.array_equal(first, again)
    assert interval_of(1.0, first / again) == interval_of(1.0, np.ones(3))
    _, other = world(150, seed=1)
    assert resampled_f1(true, [predicted, other], 3, np.random.default_rng(0))[0] == pytest.approx(first), (
        "whatever stands beside it"
    )


def test_intervals_cover_the_truth() -> None:
    """200 worlds, each with 300 test rows: the interval of the macro-F1, and that of the ratio of two arms, hold the truth of the
    whole population in about 95 of 100."""
    true, good = world(200_000, seed=9)
    fair = np.where(np.random.default_rng(10).random(200_000) < 0.8, good, np.random.default_rng(11).integers(3, size=200_000))
    truth = macro_f1(true, fair, 3), macro_f1(true, fair, 3) / macro_f1(true, good, 3)
    rng = np.random.default_rng(12)
    inside = np.zeros(2)
    for trial in range(200):
        test = rng.integers(200_000, size=300)
        arms = resampled_f1(true[test], [fair[test], good[test]], 3, np.random.default_rng(trial))
        for i, resampled in enumerate((arms[0], arms[0] / arms[1])):
            interval = interval_of(0.0, resampled)
            inside[i] += interval.low <= truth[i] <= interval.high
    assert (inside >= 180).all(), inside
    assert (inside <= 199).all(), inside


def test_draws_that_differ_widen_the_interval() -> None:
    true, good = world(400, right=0.8)
    _, bad = world(400, right=0.5)
    alike = mean_of_draws(resampled_f1(true, [good] * 4, 3, np.random.default_rng(0)), 0)
    apart = mean_of_draws(resampled_f1(true, [good, bad] * 2, 3, np.random.default_rng(0)), 0)
    assert apart.std() > 1.5 * alike.std()
    one = resampled_f1(true, [good], 3, np.random.default_rng(0))
    assert np.array_equal(mean_of_draws(one, 0), one[0]), "a single draw is itself"
    assert np.allclose(alike, one[0]), "and so are draws that are all alike"
    assert mean_of_draws(np.stack([np.zeros(RESAMPLES), np.ones(RESAMPLES)]), 0).mean() == pytest.approx(0.5, abs=0.05)


def test_chance_is_what_dealt_out_answers_reach() -> None:
    true, predicted = world(5000, right=0.6)
    rng = np.random.default_rng(0)
    dealt = np.mean([macro_f1(true, rng.permutation(predicted), 3) for _ in range(30)])
    assert chance_of(rows_with(true, 3), [predicted]) == pytest.approx(dealt, abs=0.005)
    assert chance_of(rows_with(true, 3), [predicted]) < macro_f1(true, predicted, 3) - 0.2
    constant = np.full(5000, 2)
    assert chance_of(rows_with(true, 3), [constant]) == pytest.approx(macro_f1(true, constant, 3))


def test_it_is_fast() -> None:
    """2,000 test rows, 5 real draws and four more arms, 1,000 resamples, two students: issue 3 wants evaluate within a minute."""
    true, _ = world(2000, labels=6)
    predicted = [world(2000, labels=6, seed=seed)[1] for seed in range(9)]
    resampled_f1(true[:20], [true[:20]], 6, np.random.default_rng(0))  # scipy's import is not the bootstrap's
    started = time.process_time()
    for seed in range(2):
        resampled_f1(true, predicted, 6, np.random.default_rng(seed))
    assert time.process_time() - started < 2.5
