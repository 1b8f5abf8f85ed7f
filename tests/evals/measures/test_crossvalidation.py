"""Cross-validation: nobody is asked about a row that it has learnt from."""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.crossvalidation import held_out
from seedless.evals.students import TfidfStudent
from tests.topics import relabelled, shuffled, topics


class Memory:
    """Knows the rows that it has learnt by heart, and says the last label of others."""

    name = "memory"

    def __init__(self) -> None:
        self.learnt: list[LabelledRows] = []

    def fit(self, rows: LabelledRows) -> "Memory":
        self.learnt.append(rows)
        return self

    def probabilities(self, rows: LabelledRows) -> NDArray[np.float64]:
        known = {record["id"] for record in self.learnt[-1].records}
        assert not known & {record["id"] for record in rows.records}
        return np.tile(np.eye(len(rows.task.labels))[-1], (len(rows), 1))


def test_folds_are_stratified_and_disjoint() -> None:
    rows, student = topics(100, labels=4), Memory()
    found = held_out(rows, student, folds=5)
    assert len(student.learnt) == 5
    assert all(learnt.counts.tolist() == [20, 20, 20, 20] for learnt in student.learnt)
    seen = Counter(record["id"] for learnt in student.learnt for record in learnt.records)
    assert set(seen.values()) == {4}
    assert found.priors == pytest.approx(np.full((100, 4), 0.25))
    assert found.trained.tolist() == [80] * 100


def test_a_label_with_fewer_rows_than_folds() -> None:
    labels = np.array([0] * 20 + [1] * 2 + [2])
    rows = relabelled(topics(23), labels)
    found = held_out(rows, Memory(), folds=5)
    assert (found.priors[labels == 1, 1] > 0).all(), "of two rows, one is learnt when the other is read"
    assert found.priors[labels == 2, 2].tolist() == [0.0], "a single row is never learnt when it is read"
    assert held_out(rows, TfidfStudent(), folds=5).probabilities[labels == 2, 2].tolist() == [0.0]


def test_it_measures_what_generalises() -> None:
    rows = topics(240)
    assert (held_out(rows, TfidfStudent()).said == rows.labels).mean() > 0.9
    lost = shuffled(rows)
    assert (held_out(lost, TfidfStudent()).said == lost.labels).mean() < 0.45


def test_the_seed_decides() -> None:
    rows = topics(60)
    first, again, other = (held_out(rows, TfidfStudent(), seed=seed).probabilities for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
