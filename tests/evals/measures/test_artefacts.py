"""Artefact words: a leaked one is found, chance ones are not."""

import numpy as np
import pytest

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.artefacts import ArtefactStudent, artefacts
from seedless.evals.measures.crossvalidation import held_out
from seedless.evals.measures.information import own_bits
from tests.topics import shuffled, topics


def leaking(rows: LabelledRows, label: str, word: str, every: int = 1) -> LabelledRows:
    """`word` is put into every row, or every n-th row, of one label."""
    of_label = [place for place, record in enumerate(rows.records) if record["label"] == label][::every]
    records = [dict(record) for record in rows.records]
    for place in of_label:
        records[place]["text"] += f" {word}"
    return LabelledRows(rows.task, tuple(records), rows.source)


def test_a_leaked_word_is_the_first_to_be_named() -> None:
    rows = leaking(topics(150, clarity=0.0), "b", "Verily!", every=2)
    found = artefacts(rows)
    assert [(each.word, each.label, each.rows, each.precision) for each in found] == [("verily", "b", 25, 1.0)]
    assert found[0].z == pytest.approx((1 - 1 / 3) / np.sqrt(2 / 9 / 25))
    assert found[0].pmi == pytest.approx(np.log2((25 + 1 / 3) / 26 * 3))


def test_chance_names_none() -> None:
    """5 % at most of data sets without any artefact show one."""
    named = sum(bool(artefacts(shuffled(topics(120, labels=2, length=5, seed=seed), seed))) for seed in range(40))
    assert named <= 4


def test_a_word_of_many_labels_is_none() -> None:
    rows = topics(150, clarity=0.0)
    for label in ("a", "b"):
        rows = leaking(rows, label, "verily")
    assert not artefacts(rows)


def test_a_common_label_needs_more() -> None:
    """Nine of ten rows are `a`: that a word's rows are `a` nine times of ten says nothing."""
    rows = topics(200, labels=2, clarity=0.0)
    mostly = LabelledRows(
        rows.task, tuple({**record, "label": "b" if i % 10 == 0 else "a"} for i, record in enumerate(rows.records)), "mostly a"
    )
    assert not artefacts(mostly)
    assert [each.word for each in artefacts(leaking(mostly, "b", "verily"))] == ["verily"]


def test_real_rows_tell_cues_from_habits() -> None:
    rows = leaking(leaking(topics(150, clarity=0.0), "a", "cue"), "b", "habit")
    real = topics(90, clarity=0.0, seed=4)
    real = leaking(real, "a", "cue")
    real = leaking(real, "c", "habit", every=3)
    told = {each.word: (each.real_rows, each.real_precision, each.real_recall) for each in artefacts(rows, real=real)}
    assert told == {"cue": (30, 1.0, 1.0), "habit": (10, 0.0, 0.0)}
    absent = {each.word: (each.real_rows, each.real_precision) for each in artefacts(rows, real=topics(30, seed=5))}
    assert absent["habit"] == (0, None)


def test_a_student_of_artefacts_alone() -> None:
    plain, leaked = topics(150, clarity=0.0), leaking(topics(150, clarity=0.0), "b", "verily")
    nothing, told = (own_bits(rows.labels, held_out(rows, ArtefactStudent())).mean() for rows in (plain, leaked))
    assert abs(nothing) < 0.02, "without artefacts it knows the labels' shares and no more"
    assert 0.7 < told < np.log2(3), "one word of a third of the rows tells them, and the others are not it"


def test_rows_without_words() -> None:
    rows = topics(20)
    empty = LabelledRows(rows.task, tuple({**record, "text": "..."} for record in rows.records), "empty")
    assert artefacts(empty) == ()
    assert ArtefactStudent().fit(empty).probabilities(empty).sum() == pytest.approx(20)
