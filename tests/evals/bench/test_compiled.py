"""The bench of compiled programs: a kept baseline gains nothing, a better program gains what a student says, the table says what was found."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from seedless.evals.bench import compiled as bench
from seedless.evals.bench.compiled import gained, one, table
from seedless.evals.labelled import LabelledRows
from seedless.evals.students import TfidfStudent
from seedless.taskfile import load_task
from tests.evals.bench.test_usefulness import critic, split


@pytest.fixture(autouse=True)
def one_student(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder's student is tested where students are."""
    monkeypatch.setattr(bench, "STUDENTS", {"tfidf": TfidfStudent})


def rows(*texts: tuple[str, str]) -> LabelledRows:
    return LabelledRows(load_task("movie_reviews"), tuple({"text": text, "label": label} for text, label in texts), "here")


RIGHT = rows(("a wonderful film", "positive"), ("a dreadful film", "negative"))
WRONG = rows(("a wonderful film", "negative"), ("a dreadful film", "positive"))
TEST = rows(*[("wonderful", "positive"), ("dreadful", "negative")] * 20)


def test_a_better_program_gains_and_the_same_one_does_not() -> None:
    better = gained("tfidf", WRONG, RIGHT, TEST)
    assert (better["before"], better["after"], better["gain"][0]) == (0.0, 1.0, 1.0)
    assert gained("tfidf", RIGHT, WRONG, TEST)["gain"] == (-1.0, -1.0, -1.0)
    assert gained("tfidf", RIGHT, RIGHT, TEST)["gain"] == (0.0, 0.0, 0.0)


@pytest.mark.long
def test_one_task_and_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split(tmp_path / "data" / "sst2", "train", 160)
    split(tmp_path / "data" / "sst2", "test", 80)
    given = argparse.Namespace(lm=critic(), reflection_lm=None, optimizer="random", budget_calls=80, n=12, dev_rows=40, bare=False,
                               data=tmp_path / "data", out=tmp_path / "out")  # fmt: skip
    found = json.loads(json.dumps(one("movie_reviews", 0, given), allow_nan=False))
    assert found["kept"] in {"compiled", "uncompiled"}
    assert 0 < sum(found["calls"].values()) <= 80 + 32
    made = {path.name for path in (tmp_path / "out" / "movie_reviews").iterdir() if path.is_dir()}
    assert made >= ({"uncompiled-0", "compiled-0"} if found["kept"] == "compiled" else {"uncompiled-0"})
    assert "compiled-0" not in made or found["kept"] == "compiled"
    student = found["students"]["tfidf"]
    assert student["gain"][0] == pytest.approx(student["after"] - student["before"])
    assert "LM calls so far" in capsys.readouterr().err, "what the compile says on its way is passed on"


def test_the_table_is_over_tasks() -> None:
    def run(task: str, kept: str, gain: float) -> dict[str, Any]:
        figures = {"before": 0.5, "after": 0.5 + gain, "gain": (gain, gain - 0.02, gain + 0.02)}
        return {"task": task, "seed": 0, "kept": kept, "calls": {"write": 90, "contexts": 10}, "students": {"tfidf": figures}}

    lines = table(
        [run("emotion", "compiled", 0.1), run("emotion", "uncompiled", 0.0), run("question_type", "uncompiled", 0.0)]
    ).splitlines()
    assert lines[2].startswith("| emotion | 1 of 2 | 100 | tfidf | 0.500 | 0.550 | +0.050 (")
    assert lines[3].startswith("| question_type | 0 of 1 | 100 | tfidf | 0.500 | 0.500 | +0.000 (")
    assert lines[4].startswith("| **mean** | | | tfidf | | | **+0.025 (")
