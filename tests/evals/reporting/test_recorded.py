"""Reading a run: what is no run, not yet one, or torn is refused in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seedless.errors import UsageError
from seedless.evals.reporting.recorded import read_run
from seedless.run.journal import Journal, in_use
from seedless.taskfile import load_task
from tests.recorded_run import refusal, row, write_run

ROWS = [row(0, "warm", "a"), row(1, "cold", "b")]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A small run."""
    return write_run(tmp_path / "run", ROWS, refusals=[refusal(0, "warm", "c")])


def test_a_run_is_read(run: Path) -> None:
    found = read_run(run)
    assert found.rows == tuple(ROWS)
    assert (found.name, found.fields, found.labels, found.task) == ("rooms", ("text",), ("warm", "cold"), None)
    assert found.texts() == ("a", "b")
    assert found.ledger.accepted == 2


def test_the_built_in_task_is_known_while_it_is_the_same(tmp_path: Path) -> None:
    task = load_task("movie_reviews")
    rows = [row(i, label, "x") for i, label in enumerate(task.label_names)]
    settings = {"task": "movie_reviews", "task_hash": task.hash}
    same = write_run(tmp_path / "same", rows, labels=task.label_names, settings=settings)
    other = write_run(tmp_path / "other", rows, labels=task.label_names, settings={**settings, "task_hash": "0"})
    assert read_run(same).task == task
    assert read_run(other).task is None
    assert read_run(other, "movie_reviews").task == task


def cut(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).write_bytes((run / name).read_bytes()[:-20]) and None


def written(name: str, text: str) -> Callable[[Path], None]:
    return lambda run: (run / name).write_text(text, "utf-8") and None


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda run: (run / "rows.jsonl").unlink(), "seedless generate"),
        (lambda run: (run / "refusals.jsonl").unlink(), "seedless generate"),
        (lambda run: (run / "ledger.json").unlink(), "the run has not ended"),
        (cut("rows.jsonl"), "rows.jsonl:2: is no JSON object"),
        (cut("refusals.jsonl"), "refusals.jsonl:1: is no JSON object"),
        (cut("ledger.json"), "is torn or no ledger"),
        (written("ledger.json", "{}"), "is torn or no ledger (requested"),
        (written("ledger.json", "[]"), "is torn or no ledger"),
        (written("ledger.json", "[" * 100_000), "is torn or no ledger"),
        (written("rows.jsonl", "[" * 100_000), "rows.jsonl:1: is no JSON object (nested too deeply)"),
        (written("refusals.jsonl", '{"broken": ' + "[" * 400 + "]" * 400 + "}"), "refusals.jsonl:1: is no JSON object (nested too deeply)"),
        (written("rows.jsonl", json.dumps({**ROWS[0], "provenance": {"attempts": 10**400}})), "rows.jsonl:1: is no JSON object (a number of 401 digits)"),
        (written("refusals.jsonl", '{"broken": []}\n'), "refusals.jsonl:1: is no refusal"),
        (written("rows.jsonl", '{"id": "a", "label": "warm"}\n'), "has no provenance"),
        (written("rows.jsonl", json.dumps({**ROWS[0], "label": "hot"}) + "\n"), "has the label 'hot', the run has warm, cold"),
        (written("rows.jsonl", json.dumps({**ROWS[0], "text": 7}) + "\n"), "'text' is no text"),
        (written("rows.jsonl", json.dumps(ROWS[0]) + "\n" + json.dumps({k: v for k, v in ROWS[1].items() if k != "text"})), "'text' is missing"),
    ],
)  # fmt: skip
def test_harm_is_told_in_one_line(run: Path, harm: Callable[[Path], None], said: str) -> None:
    harm(run)
    with pytest.raises(UsageError) as caught:
        read_run(run)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_folder_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"rows\.jsonl: cannot be read .* seedless generate"):
        read_run(tmp_path / "nowhere")


def test_another_task_is_refused(run: Path) -> None:
    with pytest.raises(UsageError, match=r"given the task 'movie_reviews' .* has warm, cold; name the task that made it"):
        read_run(run, "movie_reviews")


def test_a_run_that_is_going_is_refused_and_not_disturbed(run: Path) -> None:
    journal = Journal(run / "run.db")
    try:
        assert in_use(run / "run.db")
        with pytest.raises(UsageError, match="the run is still going; wait for its end"):
            read_run(run)
        journal.begin_run({"n": 2})
    finally:
        journal.close()
    assert not in_use(run / "run.db")
    before = sorted(run.iterdir())
    assert len(read_run(run).rows) == 2
    assert sorted(run.iterdir()) == before
    assert not in_use(run / "nothing.db")
