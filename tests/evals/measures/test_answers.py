"""Answers: which field holds them, where they stand."""

import numpy as np
import pytest

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.answers import answer_fields, span_position
from seedless.task import Task
from tests.evals.planted_rows import rows_of, task_of, texts_of

CHOICES = task_of(
    "choice1",
    "choice2",
    fields=[{"name": name, "description": name} for name in ("premise", "choice1", "choice2")],
)
SPANS = task_of(fields=[{"name": "text", "description": "a text"}, {"name": "span", "description": "its answer", "within": "text"}])


def choices(*labels: str, task: Task = CHOICES) -> LabelledRows:
    records = tuple({"premise": "a", "choice1": "b", "choice2": "c", "label": label} for label in labels)
    return LabelledRows(task, records, "planted")


def spans(places: list[int], labels: list[str] | None = None) -> LabelledRows:
    """Rows of 21 words; the span is the word at the place."""
    labels = labels or ["red", "green"] * (len(places) // 2)
    records = tuple(
        {"text": text, "span": text.split()[place].upper(), "label": label}
        for text, place, label in zip(texts_of(len(places), least=21, most=21), places, labels, strict=True)
    )
    return LabelledRows(SPANS, records, "planted")


def test_even_and_uneven_answers() -> None:
    even = answer_fields(choices("choice1", "choice2", "choice1", "choice2"), None)
    assert even is not None
    assert (even.shares, even.uneven, even.real) == ({"choice1": 0.5, "choice2": 0.5}, 0.0, None)
    planted = answer_fields(choices(*["choice1"] * 12), choices("choice1", "choice2"))
    assert planted is not None
    assert (planted.shares, planted.uneven) == ({"choice1": 1.0, "choice2": 0.0}, 1.0)
    assert planted.real == {"choice1": 0.5, "choice2": 0.5}


def test_labels_that_name_no_field() -> None:
    assert answer_fields(rows_of(["a", "b"]), None) is None


def test_a_span_that_is_always_first() -> None:
    anywhere = np.random.default_rng(0).integers(0, 21, size=200).tolist()
    even = span_position("span", "text", spans(anywhere), None, np.random.default_rng(0))
    assert even.found == 200
    assert even.mean == pytest.approx(0.5, abs=0.06)
    assert max(even.fifths) < 0.3
    assert not even.between_labels.shows
    first = span_position("span", "text", spans([0] * 200), (spans([0] * 200), spans(anywhere)), np.random.default_rng(0))
    assert (first.mean, first.fifths) == (0.0, (1.0, 0.0, 0.0, 0.0, 0.0))
    assert not first.between_labels.shows
    assert first.real_mean == pytest.approx(0.5, abs=0.06)
    assert first.from_real is not None
    assert first.from_real.shows


def test_a_label_told_by_the_spans_place() -> None:
    planted = span_position("span", "text", spans([0, 20] * 50), None, np.random.default_rng(0))
    assert planted.by_label == {"red": pytest.approx(0.0, abs=0.05), "green": pytest.approx(1.0, abs=0.05)}
    assert planted.between_labels.shows
    assert planted.between_labels.bits == pytest.approx(1.0, abs=0.05)
    shuffled = span_position("span", "text", spans([0, 0, 20, 20] * 25), None, np.random.default_rng(0))
    assert not shuffled.between_labels.shows


def test_what_a_spans_place_tells_stands_beside_what_it_tells_of_real_rows() -> None:
    planted, anywhere = spans([0, 20] * 50), spans([0, 0, 20, 20] * 25)
    rng = np.random.default_rng(0)
    usual = span_position("span", "text", anywhere, (anywhere, planted), rng)
    assert usual.real_between_labels is not None
    assert usual.real_between_labels.bits == pytest.approx(1.0, abs=0.05)
    assert not usual.between_labels.shows
    assert usual.beside_between_labels is None, "all rows are compared"
    some, few = planted.take(range(40)), anywhere.take(range(40))
    own = span_position("span", "text", planted, (some, few), rng)
    assert own.beside_between_labels is not None
    assert own.real_between_labels is not None
    assert own.beside_between_labels.bits == pytest.approx(1.0, abs=0.05)
    assert own.beside_between_labels.shows
    assert not own.real_between_labels.shows
    alone = span_position("span", "text", planted, None, rng)
    assert (alone.beside_between_labels, alone.real_between_labels) == (None, None)


def test_spans_that_are_not_there() -> None:
    records = (
        {"text": "one two", "span": "three", "label": "red"},
        {"text": "one", "span": "one", "label": "green"},
        {"text": "within", "span": "it", "label": "green"},
    )
    found = span_position("span", "text", LabelledRows(SPANS, records, "planted"), None, np.random.default_rng(0))
    assert (found.found, found.mean, sum(found.fifths), found.by_label) == (0, None, 0, {})


def test_a_span_is_no_part_of_a_word() -> None:
    records = ({"text": "Within, it", "span": "It", "label": "red"}, {"text": "C++ is it.", "span": "c++", "label": "red"})
    found = span_position("span", "text", LabelledRows(SPANS, records, "planted"), None, np.random.default_rng(0))
    assert (found.found, found.fifths[0], found.fifths[4]) == (2, 0.5, 0.5)
