"""An evaluation as a report reads it."""

import json
from pathlib import Path
from typing import Any

import pytest

from seedless.errors import UsageError
from seedless.evals.labelled import LabelledRows
from seedless.evals.reporting.findings import read_findings
from seedless.evals.students import student_of
from seedless.evals.usefulness import usefulness
from seedless.taskfile import read_task
from tests.openai_server import task_file
from tests.recorded_run import write_evaluation

LABELS = ("warm", "cold")


def test_what_is_there_is_read_and_the_rest_left_alone(tmp_path: Path) -> None:
    found = read_findings(
        write_evaluation(tmp_path / "e.json", later={"x": 1}, bias={"a": 1}, difficulty={}), task="rooms", labels=LABELS
    )
    assert list(found.students) == ["minilm", "tfidf"]
    assert list(found.students["tfidf"].arms) == ["real", "both", "synthetic", "direct", "zero_shot", "majority"]
    assert found.analyses == {"Bias": {"a": 1}}


@pytest.mark.parametrize("train", [False, True])
def test_what_usefulness_records_is_read(tmp_path: Path, train: bool) -> None:
    """The two sides agree on the form: the figures come through as they were recorded."""
    task = read_task(task_file(), "rooms.yaml")
    words = {"warm": ("lantern", "fire", "wool"), "cold": ("compass", "ice", "iron")}
    records = [{"text": f"The {words[label][i % 3]} of day {i}.", "label": label} for i in range(30) for label in LABELS]
    rows = LabelledRows(task, tuple(records), "rows")
    measured = usefulness(rows, test=rows, students=[student_of("tfidf")], train=rows if train else None, draws=2)
    (tmp_path / "e.json").write_text(json.dumps({"task": task.name, "rows": 60, "usefulness": measured.record()}), "utf-8")
    student = read_findings(tmp_path / "e.json", task="rooms", labels=task.label_names).students["tfidf"]
    recorded = measured.students["tfidf"]
    assert {name: (arm.macro_f1, arm.low, arm.high, arm.confusion) for name, arm in student.arms.items()} == {
        name: (score.macro_f1, score.low, score.high, score.confusion) for name, score in recorded.arms.items()
    }
    assert ("real" in student.arms) == (student.ratio is not None) == train
    assert [(point.n, point.synthetic) for point in student.curve] == [(point.n, point.synthetic) for point in recorded.curve]


@pytest.mark.parametrize(
    ("told", "arms"),
    [
        ({}, {}),
        ({"usefulness": {}}, {}),
        ({"usefulness": {"students": {"tfidf": {}}}}, {"tfidf": {}}),
        ({"task": "rooms", "rows": 3}, {}),
        (dict.fromkeys(("task", "rows", "notes", "usefulness", "label_quality", "diversity", "difficulty", "bias", "contamination")), {}),
        ({"usefulness": {"test_rows": None, "students": None, "notes": None}}, {}),
        ({"usefulness": {"students": {"tfidf": dict.fromkeys(("synthetic", "real", "ratio", "gain", "curve", "at_chance"))}}}, {"tfidf": {}}),
        (
            {"usefulness": {"students": {"tfidf": {"synthetic": {"macro_f1": 0.5, **dict.fromkeys(("n", "per_label", "confusion"))}}}}},
            {"tfidf": {"synthetic": 0.5}},
        ),
    ],
)  # fmt: skip
def test_parts_may_be_missing(tmp_path: Path, told: dict[str, Any], arms: dict[str, dict[str, float]]) -> None:
    (tmp_path / "e.json").write_text(json.dumps(told), "utf-8")
    found = read_findings(tmp_path / "e.json", task="rooms", labels=LABELS)
    assert (found.rows, found.notes, found.analyses) == (told.get("rows"), (), {})
    assert {name: {arm: each.macro_f1 for arm, each in student.arms.items()} for name, student in found.students.items()} == arms


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "torn or no JSON"),
        ('{"rows": 4', "torn or no JSON"),
        ("[]", "the file"),
        ("[" * 100_000, "torn or no JSON (nested too deeply)"),
        ('{"bias": ' + "[" * 400 + "]" * 400 + "}", "torn or no JSON (nested too deeply)"),
        ('{"bias": ' + "9" * 400 + "}", "torn or no JSON (a number of 400 digits)"),
        ('{"rows": ' + "9" * 400 + "}", "torn or no JSON (a number of 400 digits)"),
        ('{"rows": "many"}', "rows: "),
        ('{"task": "other"}', "is an evaluation of the task 'other', the run's is 'rooms'"),
        ('{"usefulness": {"students": {"tfidf": {"real": {"macro_f1": 7}}}}}', "usefulness.students.tfidf.real.macro_f1: "),
        ('{"usefulness": {"students": {"tfidf": {"real": {"macro_f1": NaN}}}}}', "usefulness.students.tfidf.real.macro_f1: "),
        ('{"usefulness": {"students": {"tfidf": {"real": {"macro_f1": 0.5, "confusion": [[1]]}}}}}', "confusion: is not 2 by 2"),
        ('{"usefulness": {"students": {"tfidf": {"real": {"macro_f1": 0.5, "confusion": [[1, 2], [3]]}}}}}', "confusion: is not 2 by 2"),
    ],
)  # fmt: skip
def test_what_is_no_evaluation_of_this_run_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "e.json").write_text(text, "utf-8")
    with pytest.raises(UsageError) as caught:
        read_findings(tmp_path / "e.json", task="rooms", labels=LABELS)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "seedless evaluate" in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_findings(tmp_path / "e.json", task="rooms", labels=LABELS)


def test_matrices_are_put_in_the_order_of_the_run(tmp_path: Path) -> None:
    """A task file with its labels turned round was evaluated; an older evaluation does not say."""
    matrix = [[20, 1, 0], [2, 10, 3], [0, 4, 5]]
    told = {
        "usefulness": {"students": {"tfidf": {"synthetic": {"macro_f1": 0.5, "confusion": matrix}, "majority": {"macro_f1": 0.2}}}}
    }
    orders = {
        ("c", "b", "a"): ((5, 4, 0), (3, 10, 2), (0, 1, 20)),
        ("a", "b", "c"): ((20, 1, 0), (2, 10, 3), (0, 4, 5)),
        (): ((20, 1, 0), (2, 10, 3), (0, 4, 5)),
    }
    for order, turned in orders.items():
        (tmp_path / "e.json").write_text(json.dumps(told | ({"labels": order} if order else {})), "utf-8")
        found = read_findings(tmp_path / "e.json", task="rooms", labels=("a", "b", "c")).students["tfidf"].synthetic
        assert found is not None
        assert found.confusion == turned
    (tmp_path / "e.json").write_text(json.dumps({"labels": ["c", "b", "a"]}), "utf-8")
    with pytest.raises(UsageError, match="is an evaluation of the labels c, b, a, the run has a, b"):
        read_findings(tmp_path / "e.json", task="rooms", labels=("a", "b"))


def test_arms_of_fewer_rows_are_not_called_as_many(tmp_path: Path) -> None:
    arms = {"synthetic": {"n": 30, "macro_f1": 0.5}, "real": {"n": 12, "macro_f1": 0.5}, "direct": {"n": 30, "macro_f1": 0.5}}
    (tmp_path / "e.json").write_text(json.dumps({"usefulness": {"students": {"tfidf": arms}}}), "utf-8")
    student = read_findings(tmp_path / "e.json", task="rooms", labels=LABELS).students["tfidf"]
    assert [student.called(arm) for arm in student.arms] == ["only 12 real rows", "these rows", "as many naive rows"]
