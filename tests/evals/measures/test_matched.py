"""Rows that can be compared: as many of each label."""

import numpy as np

from seedless.evals.measures.matched import matched
from tests.evals.planted_rows import rows_of


def test_as_many_of_each_label_from_both() -> None:
    rows = rows_of([f"a{i}" for i in range(30)], ["red"] * 20 + ["green"] * 10)
    real = rows_of([f"b{i}" for i in range(30)], ["red"] * 5 + ["green"] * 25)
    some, some_real = matched(rows, real, np.random.default_rng(0))
    assert some.counts.tolist() == some_real.counts.tolist() == [5, 10]
    assert set(some.texts) <= set(rows.texts)
    assert set(some_real.texts) <= set(real.texts)


def test_rows_that_are_all_used_stay_in_place() -> None:
    rows, real = rows_of(["a", "b"]), rows_of([f"b{i}" for i in range(30)])
    assert matched(rows, real, np.random.default_rng(0))[0] is rows


def test_no_label_in_common() -> None:
    some, some_real = matched(rows_of(["a"], ["red"]), rows_of(["b"], ["green"]), np.random.default_rng(0))
    assert len(some) == len(some_real) == 0
