"""A run's folder: the journal is the truth, other people's files are theirs."""

import errno
import json
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from seedless.errors import SetupError, UsageError
from seedless.ledger import Settings
from seedless.lms.step import Step
from seedless.outcome import Refusal, Row
from seedless.planner import Plan
from seedless.run.accounting import ledger_of
from seedless.run.folder import RunFolder
from seedless.task import Task

SETTINGS: Settings = {
    "task": "rooms", "task_hash": "h", "n": 4, "seed": 0, "lm": "openai/some-model", "judge_lm": None, "strategy": "targen", "verify": "blind", "program": "p",
}  # fmt: skip


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def task() -> Task:
    return Task.model_validate(
        {
            "name": "rooms",
            "description": "d",
            "fields": [{"name": "text", "description": "d"}],
            "labels": [{"name": "warm", "meaning": "m", "constraint": "c"}],
            "contexts": {"hint": "h"},
            "seeds": {"hint": "h"},
        }
    )


def refused(path: Path, error: type[UsageError], said: str, *, fresh: bool = False, **changes: Any) -> str:
    """What opening `path` is refused with."""
    with pytest.raises(error, match=said) as caught:
        RunFolder(path, {**SETTINGS, **changes}, fresh=fresh)
    return str(caught.value)


def test_a_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "out" / "rooms"
    with RunFolder(path, SETTINGS) as folder:
        assert folder.journal.settings() == SETTINGS
        assert lines(path / "rows.jsonl") == lines(path / "refusals.jsonl") == []
    assert {entry.name for entry in path.iterdir()} >= {"run.db", "rows.jsonl", "refusals.jsonl"}


def test_outcomes_are_in_the_files_at_once(tmp_path: Path, row: Callable[..., Row], refusal: Callable[..., Refusal]) -> None:
    with RunFolder(tmp_path, SETTINGS) as folder:
        folder.add(row(1))
        folder.add(refusal(0))
        assert lines(tmp_path / "rows.jsonl") == [row(1).record()]
        assert lines(tmp_path / "refusals.jsonl") == [refusal(0).record()]
    assert "“Zoë”" in (tmp_path / "rows.jsonl").read_text("utf-8")


@pytest.mark.parametrize("torn", ['{"id": "torn', '{"id": "torn\n'])
def test_files_are_made_again_from_the_journal(
    torn: str, tmp_path: Path, row: Callable[..., Row], refusal: Callable[..., Refusal]
) -> None:
    with RunFolder(tmp_path, SETTINGS) as folder:
        for position in (1, 0):
            folder.journal.decide(position, 1, row(position))
            folder.journal.decide(position, 0, refusal(position))
        folder.add(row(1))  # killed before the other one was added
    (tmp_path / "rows.jsonl").write_text(torn, "utf-8")
    (tmp_path / "refusals.jsonl").unlink()
    (tmp_path / "rows.jsonl.01234567.partial").write_text("left behind", "utf-8")
    with RunFolder(tmp_path, SETTINGS) as folder:
        assert lines(tmp_path / "rows.jsonl") == [row(0).record(), row(1).record()]
        assert lines(tmp_path / "refusals.jsonl") == [refusal(0).record(), refusal(1).record()]
        assert not list(tmp_path.glob("*.partial"))
        folder.add(row(2))
    assert [record["id"] for record in lines(tmp_path / "rows.jsonl")] == ["rooms-000000", "rooms-000001", "rooms-000002"]


def test_finish_writes_rows_by_position_and_the_ledger(tmp_path: Path, row: Callable[..., Row]) -> None:
    with RunFolder(tmp_path, SETTINGS) as folder:
        for position in (1, 0):
            folder.journal.decide(position, 0, row(position))
            folder.add(row(position))
        ledger = ledger_of(folder.journal, Plan(task(), 2, 0), SETTINGS)
        folder.finish(ledger)
    assert [record["id"] for record in lines(tmp_path / "rows.jsonl")] == ["rooms-000000", "rooms-000001"]
    assert json.loads((tmp_path / "ledger.json").read_text("utf-8")) == ledger.record()
    assert not list(tmp_path.glob("*.partial"))


def test_a_run_stays_in_its_folder_wherever_the_process_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Callable[..., Row]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with RunFolder(Path("out"), SETTINGS) as folder:
        monkeypatch.chdir("elsewhere")
        folder.journal.decide(0, 0, row(0))
        folder.finish(ledger_of(folder.journal, Plan(task(), 2, 0), SETTINGS))
    assert lines(tmp_path / "out" / "rows.jsonl") == [row(0).record()]
    assert (tmp_path / "out" / "ledger.json").exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    monkeypatch.chdir(tmp_path)
    assert refused(Path("out"), UsageError, "other settings", n=8).startswith("out: ")


def test_a_folder_in_which_nothing_was_answered_takes_other_settings(tmp_path: Path, row: Callable[..., Row]) -> None:
    step = Step("text", "stop", 10, 5, None)
    with RunFolder(tmp_path, SETTINGS) as folder:
        folder.journal.begin("key", "write")
    with RunFolder(tmp_path, {**SETTINGS, "n": 5}) as folder:
        assert (folder.journal.settings()["n"], folder.journal.calls()) == (5, 0)
        folder.journal.begin("key", "write")
        folder.journal.pay("key", step)
    refused(tmp_path, UsageError, "n was 5, is now 6", n=6)
    with RunFolder(tmp_path / "decided", SETTINGS) as folder:
        folder.journal.decide(0, 0, row(0))
    refused(tmp_path / "decided", UsageError, "n was 4, is now 6", n=6)


@pytest.mark.parametrize("again", [False, True])
def test_a_folder_that_was_removed_or_replaced_is_left_alone(again: bool, tmp_path: Path, row: Callable[..., Row]) -> None:
    path = tmp_path / "out"
    with RunFolder(path, SETTINGS) as first:
        shutil.rmtree(path)
        with RunFolder(path, SETTINGS) if again else nullcontext() as second:
            stood = list(path.iterdir()) if again else []
            first.journal.decide(0, 0, row(0))
            for write in (lambda: first.add(row(0)), lambda: first.finish(ledger_of(first.journal, Plan(task(), 2, 0), SETTINGS))):
                with pytest.raises(SetupError, match="replaced while this run worked in it"):
                    write()
            first.close()
            if second is not None:
                assert set(path.iterdir()) == set(stood)
                second.journal.decide(1, 0, row(1))
                second.finish(ledger_of(second.journal, Plan(task(), 2, 0), SETTINGS))
                assert lines(path / "rows.jsonl") == [row(1).record()]
    assert path.exists() == again


def test_a_working_directory_that_was_deleted_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert "-o /DIR" in refused(Path("out"), SetupError, "the current one was deleted")
    RunFolder(tmp_path / "out", SETTINGS).close()


@pytest.mark.parametrize("there", [True, False])
def test_a_data_set_that_is_a_link_is_taken_away_and_what_it_leads_to_is_not(tmp_path: Path, there: bool) -> None:
    RunFolder(tmp_path / "out", SETTINGS).close()
    if there:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "rows.csv").write_text("mine", "utf-8")
    (tmp_path / "out" / "dataset").symlink_to(tmp_path / "mine")
    RunFolder(tmp_path / "out", SETTINGS).close()
    assert not (tmp_path / "out" / "dataset").is_symlink()
    assert (tmp_path / "mine" / "rows.csv").exists() == there


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Callable[..., Row]) -> None:
    monkeypatch.chdir(tmp_path)
    with RunFolder(None, SETTINGS) as folder:
        folder.journal.decide(0, 0, row(0))
        folder.add(row(0))
        assert len(list(folder.journal.accepted())) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_link_to_nothing_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "gone")
    refused(tmp_path / "out", SetupError, "is a link to nothing; mend or remove it")


@pytest.mark.parametrize(
    ("code", "remedy"), [(errno.EPERM, "let it be written"), (errno.EROFS, "let it be written"), (errno.ENOSPC, "make room")]
)
def test_a_file_that_cannot_be_written_is_told_with_what_helps(
    code: int, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise OSError(code, "no")

    with RunFolder(tmp_path, SETTINGS) as folder:
        monkeypatch.setattr("seedless.run.folder._write", failing)
        with pytest.raises(SetupError, match=f"nothing accepted is lost: {remedy} and give the same command again"):
            folder.finish(ledger_of(folder.journal, Plan(task(), 2, 0), SETTINGS))


# --- the same folder again ------------------------------------------------------------------------------------------


def test_the_same_settings_go_on(tmp_path: Path, row: Callable[..., Row]) -> None:
    with RunFolder(tmp_path, SETTINGS) as folder:
        folder.journal.decide(0, 0, row(0))
    with RunFolder(tmp_path, dict(SETTINGS)) as folder:
        assert [position for position, _ in folder.journal.accepted()] == [0]
        assert folder.journal.session == 2


def test_a_slash_behind_the_address_is_no_other_setting(tmp_path: Path, row: Callable[..., Row]) -> None:
    with RunFolder(tmp_path, {**SETTINGS, "api_base": "http://host/v1/"}) as folder:
        folder.journal.decide(0, 0, row(0))
    RunFolder(tmp_path, {**SETTINGS, "api_base": "http://host/v1"}).close()


def test_other_settings_are_refused_with_what_differs_and_the_way_out(tmp_path: Path, row: Callable[..., Row]) -> None:
    with RunFolder(tmp_path, SETTINGS) as folder:
        folder.journal.decide(0, 0, row(0))
        folder.add(row(0))
    said = refused(tmp_path, UsageError, "other settings", n=8, judge_lm="openai/x")
    assert "n was 4, is now 8" in said
    assert 'judge_lm was null, is now "openai/x"' in said
    assert "seed" not in said
    assert "-o DIR" in said
    assert "--fresh" in said
    assert lines(tmp_path / "rows.jsonl") == [row(0).record()]
    RunFolder(tmp_path, SETTINGS).close()  # the refusal let the folder go


def test_fresh_begins_anew_and_keeps_finished_steps(tmp_path: Path, row: Callable[..., Row]) -> None:
    step = Step("a", "stop", 1, 1, 0.0)
    with RunFolder(tmp_path, SETTINGS) as folder:
        folder.journal.begin("k", "write")
        folder.journal.finish("k", step)
        folder.journal.decide(0, 0, row(0))
        folder.add(row(0))
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "old.parquet").touch()
    with RunFolder(tmp_path, {**SETTINGS, "n": 8}, fresh=True) as folder:
        assert folder.journal.settings()["n"] == 8
        assert folder.journal.recall("k") == step
        assert lines(tmp_path / "rows.jsonl") == []
        assert not (tmp_path / "dataset").exists()  # no old one beside new rows


def test_rows_that_the_journal_does_not_know_are_not_overwritten(tmp_path: Path, row: Callable[..., Row]) -> None:
    """As after a kill, where somebody took `run.db-wal` for rubbish."""
    with RunFolder(tmp_path, SETTINGS) as folder:
        folder.journal.decide(0, 0, row(0))
        for position in (0, 1, 2):
            folder.add(row(position))
    with (tmp_path / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "rooms-000003", "text": "torn')
    before = (tmp_path / "rows.jsonl").read_bytes()
    for _ in range(2):
        said = refused(tmp_path, UsageError, "holds 2 rows that the journal beside it, run.db, does not know")
        assert "-o DIR" in said
        assert "--fresh" in said
        assert (tmp_path / "rows.jsonl").read_bytes() == before
    with RunFolder(tmp_path, SETTINGS, fresh=True):
        assert lines(tmp_path / "rows.jsonl") == []


def test_an_emptied_journal_empties_no_file(tmp_path: Path, row: Callable[..., Row]) -> None:
    with RunFolder(tmp_path, SETTINGS) as folder:
        folder.journal.decide(0, 0, row(0))
        folder.add(row(0))
    (tmp_path / "run.db").write_bytes(b"")
    refused(tmp_path, UsageError, "holds 1 rows that the journal")
    assert lines(tmp_path / "rows.jsonl") == [row(0).record()]


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    with RunFolder(tmp_path, SETTINGS):
        refused(tmp_path, SetupError, "another process works in this folder")


# --- other people's files -------------------------------------------------------------------------------------------


def test_strangers_are_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine", "utf-8")
    said = refused(tmp_path, UsageError, "holds files that are no run's")
    assert "thesis.tex" in said
    assert "-o DIR" in said
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]
    for name in "abcd":
        (tmp_path / name).touch()
    assert "(a, b, c and 2 more)" in refused(tmp_path, UsageError, "holds files that are no run's")


def test_strangers_beside_a_run_are_left_alone(tmp_path: Path) -> None:
    RunFolder(tmp_path, SETTINGS).close()
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    RunFolder(tmp_path, SETTINGS).close()
    assert (tmp_path / "notes.txt").read_text("utf-8") == "mine"


@pytest.mark.parametrize("name", ["dataset/precious.csv", "rows.jsonl", "refusals.jsonl", "ledger.json", "report.html"])
def test_files_of_our_names_without_a_journal_are_not_ours(tmp_path: Path, name: str) -> None:
    """Where there is no `run.db`, no run was begun here: a folder `dataset` is somebody's data."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine", "utf-8")
    refused(tmp_path, UsageError, "holds files that are no run's")
    assert (tmp_path / name).read_text("utf-8") == "mine"


def test_a_path_under_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", "utf-8")
    for path in (tmp_path / "file", tmp_path / "file" / "out"):
        assert "-o DIR" in refused(path, SetupError, "cannot be used as a run's folder")
    assert (tmp_path / "file").read_text("utf-8") == "mine"
