"""Axes and numbers."""

import doctest
from itertools import pairwise

import pytest

from seedless.evals import report
from seedless.evals.reporting import chart, columns
from seedless.evals.reporting.chart import Axis, figure


@pytest.mark.parametrize("module", [chart, columns, report], ids=lambda module: module.__name__)
def test_examples_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module


@pytest.mark.parametrize(
    "values", [[0.43, 0.71], [0.0, 1.0], [0.97, 0.99, 1.0], [0.5], [1.0], [0.0], [], [0.001, 0.0012], [0.0, 0.02], [0.333, 0.334]]
)
def test_axis_holds_its_values(values: list[float]) -> None:
    axis = Axis.over(values, at_most=1.0)
    assert 0.0 <= axis.low < axis.high <= 1.0
    assert all(axis.low - 1e-9 <= value <= axis.high + 1e-9 for value in values)
    assert 2 <= len(axis.ticks) <= 8
    assert (axis.at(axis.low), axis.at(axis.high)) == (0.0, 100.0)
    assert all(0 <= axis.at(value) <= 100 for value in values)


@pytest.mark.parametrize("sizes", [[25, 50, 100, 400], [40], [], [0, 10], [1, 1000000], list(range(1, 400))])
def test_axis_of_sizes(sizes: list[int]) -> None:
    axis = Axis.of_sizes(sizes)
    assert axis.low < axis.high
    places = [axis.at(tick) for tick in axis.ticks]
    assert places == sorted(places)
    assert all(b - a >= 12 for a, b in pairwise(places))


def test_no_number_is_a_dash() -> None:
    assert figure(None) == "–"
    assert figure(float("nan")) == "nan"
