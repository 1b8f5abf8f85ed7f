"""Confident learning: labels flipped on purpose are found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seedless.evals.labelled import LabelledRows, read_labelled
from seedless.evals.measures.confident_learning import confident_learning
from seedless.evals.measures.crossvalidation import held_out
from seedless.evals.students import STUDENTS, TfidfStudent
from seedless.taskfile import load_task
from tests.topics import flipped, relabelled, shuffled, topics


def test_clean_rows_are_hardly_disputed() -> None:
    found = confident_learning(topics(240), student=TfidfStudent())
    assert found.share is not None
    assert found.share.value < 0.05
    assert found.share.rows == found.of == 240
    assert not found.unjudged


def test_flipped_labels_are_found() -> None:
    rows, places = flipped(topics(300), 0.1)
    found = confident_learning(rows, student=TfidfStudent())
    named = {int(row.id[1:]) for row in found.rows}
    assert len(named & places) / len(named) > 0.6, "precision, at chance 0.1"
    assert len(named & places) / len(places) > 0.6, "recall"
    right = {int(row.id[1:]): row.suggested for row in found.rows}
    mended = [right[place] == topics(300).records[place]["label"] for place in named & places]
    assert np.mean(mended) > 0.9, "what is suggested is the label that was flipped"
    sure = [row.self_confidence for row in found.rows]
    assert sure == sorted(sure)
    assert all(row.label != row.suggested for row in found.rows)


def test_shuffled_labels_are_disputed_far_more() -> None:
    clean, lost = (confident_learning(rows, student=TfidfStudent()).share for rows in (topics(240), shuffled(topics(240))))
    assert clean is not None
    assert lost is not None
    assert lost.low > clean.high + 0.1


def test_labels_too_small_to_judge_are_named_and_spoil_nothing() -> None:
    rows = topics(200, labels=4)
    plain = confident_learning(rows.take(np.flatnonzero(rows.labels < 2)), student=TfidfStudent())
    few = np.concatenate(
        [np.flatnonzero(rows.labels < 2), np.flatnonzero(rows.labels == 2)[:3], np.flatnonzero(rows.labels == 3)[:1]]
    )
    found = confident_learning(rows.take(few), student=TfidfStudent())
    assert found.unjudged == ("c", "d")
    assert found.share == plain.share, "a label with three rows makes no other row doubtful"
    assert (found.share.rows if found.share else 0, found.of) == (100, 104)
    assert set(found.by_label) == {"a", "b"}
    nothing = confident_learning(relabelled(topics(14), np.array([0] * 10 + [1] * 4)), student=TfidfStudent())
    assert nothing.share is None
    assert not nothing.rows


def test_a_cross_validation_that_is_there_is_not_done_again() -> None:
    rows, _ = flipped(topics(120), 0.1)
    student = TfidfStudent()
    read = held_out(rows, student)
    assert confident_learning(rows, student=student, read=read) == confident_learning(rows, student=student)
    nobody = replace(read, probabilities=np.eye(len(rows.task.labels))[rows.labels])
    assert not confident_learning(rows, student=student, read=nobody).rows
    few = rows.take([*np.flatnonzero(rows.labels != 0), *np.flatnonzero(rows.labels == 0)[:3]])
    every = held_out(few, student)
    assert confident_learning(few, student=student, read=every) == confident_learning(few, student=student), (
        "of the judged rows alone"
    )


def test_rows_without_an_id_are_named_by_their_place() -> None:
    rows, places = flipped(topics(300), 0.1)
    bare = LabelledRows(rows.task, tuple({k: v for k, v in r.items() if k != "id"} for r in rows.records), "bare")
    named = {int(row.id) - 1 for row in confident_learning(bare, student=TfidfStudent()).rows}
    assert named == {int(row.id[1:]) for row in confident_learning(rows, student=TfidfStudent()).rows}
    assert named & places


def test_any_shape_of_labels_is_judged_or_named() -> None:
    """Odd counts of rows and labels: no crash, every row accounted for."""
    rng = np.random.default_rng(0)
    for _ in range(12):
        count, n, folds = int(rng.integers(2, 9)), int(rng.integers(10, 40)), int(rng.integers(2, 6))
        rows = relabelled(topics(n, labels=count), np.minimum(rng.geometric(0.5, n) - 1, count - 1))
        found = confident_learning(rows, student=TfidfStudent(), folds=folds)
        named = {name for name, having in zip(rows.task.label_names, rows.counts, strict=True) if 0 < having < folds}
        assert set(found.unjudged) == named
        left = sum(record["label"] not in named for record in rows.records)
        assert found.share is None or found.share.rows == left


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("student", STUDENTS)
def test_flips_in_real_rows(student: str, real_data: Path) -> None:
    real = read_labelled(real_data / "subj" / "train.jsonl", load_task("subjectivity"))
    real = real.draw((75, 75), np.random.default_rng(0))
    rows, places = flipped(real, 0.1)
    found = confident_learning(rows, student=STUDENTS[student]())
    named = {int(row.id) - 1 for row in found.rows}
    assert len(named & places) / len(named) > 0.3, "precision, at chance 0.1"
