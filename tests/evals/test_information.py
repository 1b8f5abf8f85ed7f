"""V-usable information: its definition, and what it says of clear and of hopeless rows."""

import numpy as np
import pytest

from seedless.evals.crossvalidation import HeldOut, held_out
from seedless.evals.information import carried, information, pvi
from seedless.evals.students import TfidfStudent
from tests.topics import relabelled, shuffled, topics


def test_pvi_by_hand() -> None:
    read = HeldOut(np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]), np.array([[0.25, 0.75]] * 3), np.array([100] * 3))
    found = pvi(np.array([0, 0, 0]), read)
    assert found[:2] == pytest.approx([1.0, 2.0])
    assert found[2] == pytest.approx(np.log2(1 / 102) - np.log2(0.25)), "no probability is below one row's weight"


def test_a_label_that_nobody_learnt_has_no_bits() -> None:
    rows = relabelled(topics(31), np.array([0] * 15 + [1] * 15 + [2]))
    found = pvi(rows.labels, held_out(rows, TfidfStudent()))
    assert np.isfinite(found).all()
    assert found[-1] == 0.0


def test_clear_rows_reach_for_the_entropy_and_shuffled_ones_have_nothing() -> None:
    clear, lost = topics(240, clarity=0.9), shuffled(topics(240, clarity=0.9))
    told, nothing = (information(rows, pvi(rows.labels, held_out(rows, TfidfStudent()))) for rows in (clear, lost))
    assert told.entropy == pytest.approx(np.log2(3))
    assert 1.0 < told.bits.value < told.entropy
    assert told.bits.low < told.bits.value < told.bits.high
    assert told.negative.value < 0.02
    assert abs(nothing.bits.value) < 0.1
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
    rows, others = topics(240), topics(120, seed=3)
    wrong = relabelled(rows, (rows.labels + 1) % 3)
    assert carried(rows, TfidfStudent(), others).mean() > 0.5
    assert carried(wrong, TfidfStudent(), others).mean() < -0.5
