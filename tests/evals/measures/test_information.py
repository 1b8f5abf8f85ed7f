"""V-usable information: its definition, and what it says of clear and of hopeless rows."""

import numpy as np
import pytest

from seedless.evals.measures.crossvalidation import HeldOut, held_out
from seedless.evals.measures.information import best_scale, carried_bits, information, own_bits, pvi
from seedless.evals.students import TfidfStudent
from tests.topics import relabelled, shuffled, topics


def said(probabilities: list[list[float]], prior: list[float], trained: int = 100) -> HeldOut:
    n = len(probabilities)
    return HeldOut(np.array(probabilities), np.array([prior] * n), np.full(n, trained), np.zeros(n, dtype=np.int64))


def test_pvi_by_hand() -> None:
    read = said([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]], [0.25, 0.75])
    found = pvi(np.array([0, 0, 0]), read)
    assert found[:2] == pytest.approx([1.0, 2.0], abs=0.02)
    assert found[2] == pytest.approx(np.log2(1 / 102) - np.log2(0.25), abs=0.02), "no probability is below one row's weight"


def test_the_scale_multiplies_what_the_text_adds() -> None:
    read, labels = said([[0.5, 0.5], [0.8, 0.2]], [0.25, 0.75]), np.array([0, 1])
    assert pvi(labels, read, 0.0) == pytest.approx([0.0, 0.0])
    doubled = np.array([0.25 * 4, 0.75 * (2 / 3) ** 2])  # odds of 2 and 2/3 to the prior, squared
    assert pvi(labels, read, 2.0)[0] == pytest.approx(np.log2(doubled[0] / doubled.sum() / 0.25))
    mixed = pvi(labels, read, np.array([2.0, 0.0]))
    assert mixed == pytest.approx([pvi(labels, read, 2.0)[0], 0.0])


def test_the_best_scale_undoes_what_holds_a_student_back() -> None:
    """Probabilities that are true, their log-odds divided by four, and multiplied by four."""
    rng = np.random.default_rng(0)
    true = rng.uniform(0.02, 0.98, 4000)
    labels = (rng.random(4000) < true).astype(np.int64)
    for power, scale in ((1.0, 1.0), (0.25, 4.0), (4.0, 0.25)):
        odds = (true / (1 - true)) ** power
        p = odds / (1 + odds)
        read = said(np.stack([1 - p, p], axis=1).tolist(), [0.5, 0.5], trained=100_000)
        assert best_scale(labels, read) == pytest.approx(scale, rel=0.08)


def test_a_label_that_nobody_learnt_has_no_bits() -> None:
    rows = relabelled(topics(31), np.array([0] * 15 + [1] * 15 + [2]))
    found = own_bits(rows.labels, held_out(rows, TfidfStudent()))
    assert np.isfinite(found).all()
    assert found[-1] == 0.0


def test_labels_without_rows_take_nothing_from_the_others() -> None:
    told_nothing = said([[0.5, 0.5, *[0.0] * 75]] * 4, [0.5, 0.5, *[0.0] * 75], trained=20)
    assert pvi(np.array([0, 1, 0, 1]), told_nothing).tolist() == pytest.approx([0.0] * 4)


def test_clear_rows_reach_the_entropy_and_shuffled_ones_have_nothing() -> None:
    clear, lost = topics(240, clarity=0.9), shuffled(topics(240, clarity=0.9))
    told, nothing = (information(rows, own_bits(rows.labels, held_out(rows, TfidfStudent()))) for rows in (clear, lost))
    assert told.entropy == pytest.approx(np.log2(3))
    assert told.entropy - 0.1 < told.bits.value <= told.entropy
    assert told.bits.low <= told.bits.value <= told.bits.high
    assert told.negative.value < 0.02
    assert abs(nothing.bits.value) < 0.05
    assert nothing.negative.value > 0.4


def test_figures_by_label() -> None:
    rows = topics(6)
    found = information(rows, np.array([1.0, 0.5, -1.0, 0.0, 0.5, -1.0]))
    assert {name: (each.rows, each.bits, each.negative) for name, each in found.by_label.items()} == {
        "a": (2, 0.5, 0.0),
        "b": (2, 0.5, 0.0),
        "c": (2, -1.0, 1.0),
    }
    assert found.negative.value == pytest.approx(1 / 3)
    assert found.bits.value == pytest.approx(0.0)


def test_rows_that_mislead_carry_less_than_nothing() -> None:
    rows, others, student = topics(240), topics(120, seed=3), TfidfStudent()
    wrong = relabelled(rows, (rows.labels + 1) % 3)
    assert carried_bits(rows, held_out(rows, student), student, others).mean() > 0.7
    assert carried_bits(wrong, held_out(wrong, student), student, others).mean() < -0.7
