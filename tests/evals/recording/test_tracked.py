"""`generate` under tracking, through the real command line: rows come first, whatever MLflow does."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from seedless import Generation, LMUnusable, Options, UsageError
from seedless.cli import app
from seedless.evals.recording import tracked as tracked_module
from seedless.evals.recording.account import record_of_generation
from seedless.evals.recording.outbox import Recorder
from seedless.evals.recording.record import Record
from seedless.evals.recording.tracked import Tracked
from seedless.evals.tracking import Tracker
from seedless.testing import fake_lm
from tests.command_line import KEY, CommandLine
from tests.evals.recording.test_outbox import locked
from tests.openai_server import Author, OpenAIServer
from tests.programs.test_resume import rows_of, wait_for

ON = {"SEEDLESS_TRACK": "1"}


def command(task: Path, out: Path, url: str, *more: str, n: int = 4) -> list[str | Path]:
    return ["generate", task, "-n", str(n), "-o", out, "--lm", "openai/some-model", "--api-base", url, "--concurrency", "4", *more]


@pytest.mark.long
def test_a_run_killed_and_taken_up_again_is_one_run_and_its_key_is_nowhere(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.delay = 0.1
    env = {**ON, "PLANTED_SETTING": "planted-value-4711", "HF_TOKEN": "hf_planted_token"}
    given = command(task, tmp_path / "out", openai_server.url, n=30)
    killed = seedless.start(*given, cwd=tmp_path, env=env)
    wait_for(lambda: len(rows_of(tmp_path / "out")) > 4, timeout=60)
    killed.signal(signal.SIGKILL)
    killed.wait()
    assert len(rows_of(tmp_path / "out")) < 30
    done = seedless.run(*given, cwd=tmp_path, env=env, timeout=120)
    assert done.code == 0, done.err
    assert len(rows_of(tmp_path / "out")) == 30
    assert "not recorded" not in done.err
    tracker = Tracker(tmp_path / "mlruns")
    assert tracker.drain() == ()
    (run,) = tracker.runs("rooms")
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_text("utf-8"))
    assert run.metrics["rows"] == 30
    assert run.metrics["calls_per_row"] * 30 == pytest.approx(sum(ledger["calls"].values()))
    holding = {file: file.read_bytes() for file in (tmp_path / "mlruns").rglob("*") if file.is_file()}
    for hidden in (KEY, "planted-value-4711", "PLANTED_SETTING", "hf_planted_token", "HF_TOKEN"):
        assert [str(file) for file, held in holding.items() if hidden.encode() in held] == []


def test_a_database_that_is_locked_or_torn_loses_no_row(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path, mlruns: Path
) -> None:
    with locked(mlruns / "mlflow.db"):
        done = seedless.run(*command(task, tmp_path / "a", openai_server.url), cwd=tmp_path, env=ON)
    assert done.code == 0
    assert len(rows_of(tmp_path / "a")) == 4
    assert done.last.startswith("seedless: not recorded in MLflow yet: generate of rooms: mlruns/mlflow.db: database is locked")
    assert sum(line.startswith("seedless:") for line in done.err.splitlines()) == 1
    (mlruns / "mlflow.db").write_bytes(b"torn " * 1000)
    done = seedless.run(*command(task, tmp_path / "b", openai_server.url), cwd=tmp_path, env=ON)
    assert done.code == 0
    assert len(rows_of(tmp_path / "b")) == 4
    assert "mlruns/mlflow.db: file is not a database" in done.last
    assert len(list((mlruns / "outbox").glob("*.json"))) == 2


def test_a_file_in_the_folder_s_place_loses_no_row(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    (tmp_path / "mlruns").write_text("mine", "utf-8")
    done = seedless.run(*command(task, tmp_path / "a", openai_server.url), "--trace", "1", cwd=tmp_path, env=ON)
    assert done.code == 0, done.err
    assert len(rows_of(tmp_path / "a")) == 4
    said = [line for line in done.err.splitlines() if line.startswith("seedless:")]
    assert [line.split(":")[1].strip() for line in said] == ["no traces in MLflow, or not all", "not recorded in MLflow"]
    assert (tmp_path / "mlruns").read_text("utf-8") == "mine"


@pytest.mark.parametrize(("more", "env"), [(("--no-track",), ON), ((), {"SEEDLESS_TRACK": "0"}), (("--preview", "2"), ON)])
def test_without_tracking_nothing_is_left(
    more: tuple[str, ...], env: dict[str, str], openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url, *more), cwd=tmp_path / "here", env=env)
    assert done.code == 0, done.err
    assert list((tmp_path / "here").iterdir()) == []
    assert "MLflow" not in done.err


def test_the_environment_variable_is_in_the_help(seedless: CommandLine) -> None:
    assert "SEEDLESS_TRACK" in seedless.run("generate", "--help").out


def test_the_champion_of_the_registry_writes(
    openai_server: OpenAIServer,
    task: Path,
    tmp_path: Path,
    tracker: Tracker,
    program: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    better = program("better", "Write it in the manner of a champion.")
    options = Options(lm="openai/some-model", api_base=openai_server.url, program=better)
    with Generation(task, n=2, out=tmp_path / "b", options=options) as generation:
        list(generation)
    tracker.record(record_of_generation(generation))
    asked = openai_server.requests
    given = [str(each) for each in command(task, tmp_path / "out", openai_server.url, "--program", "prompts:/rooms@champion", n=2)]
    done = CliRunner().invoke(app, given, catch_exceptions=False)
    assert done.exit_code == 0
    said = [json.dumps(seen.body) for seen in openai_server.seen[asked:] if seen.stage == "write"]
    assert said
    assert all("in the manner of a champion" in each for each in said)
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_text("utf-8"))
    assert ledger["settings"]["program"] == generation.program.hash
    with pytest.raises(UsageError, match="no @best of 'rooms'"):
        CliRunner().invoke(app, [*given[:-1], "prompts:/rooms@best"], catch_exceptions=False)


def test_a_run_whose_lm_gives_up_is_recorded_as_failed_and_an_interrupted_one_is_not(
    task: Path, tmp_path: Path, mlruns: Path
) -> None:
    def attempt(name: str, error: BaseException) -> Tracked:
        author = Author()

        def answer(prompt: str) -> str:
            if author.calls > 20 and isinstance(error, LMUnusable):
                raise error
            return author(prompt)

        given = Options(lm=fake_lm(answer), concurrency=1)
        with Generation(task, n=30, out=tmp_path / name, options=given) as run, Tracked(run, folder=mlruns) as tracked:
            for outcome in run:
                tracked.add(outcome)
                if author.calls > 15 and isinstance(error, KeyboardInterrupt):
                    raise error
        return tracked

    with locked(mlruns / "mlflow.db"):  # so that no process is begun, and the record can be looked at
        with pytest.raises(LMUnusable):
            attempt("a", LMUnusable("the LM is gone"))
        (file,) = (mlruns / "outbox").glob("*.json")
        assert json.loads(file.read_text("utf-8"))["status"] == "FAILED"
        file.unlink()
        with pytest.raises(KeyboardInterrupt):
            attempt("b", KeyboardInterrupt())
    assert not list((mlruns / "outbox").glob("*.json"))


def test_a_folder_whose_name_is_no_utf_8_is_recorded_by_an_escaped_one(task: Path, tmp_path: Path, mlruns: Path) -> None:
    out = tmp_path / os.fsdecode(b"sur\xff")
    with locked(mlruns / "mlflow.db"):  # so that the record stays
        options = Options(lm=fake_lm(Author()), concurrency=1)
        with Generation(task, n=2, out=out, options=options) as run, Tracked(run, folder=mlruns) as tracked:
            for outcome in run:
                tracked.add(outcome)
        (file,) = (mlruns / "outbox").glob("*.json")
        record = Record.read(file.read_bytes())
    assert record.data is not None
    assert record.data.source == f"{tmp_path}/sur\\udcff/rows.jsonl"
    assert (out / "ledger.json").exists()


@pytest.mark.parametrize(("start", "pace", "rows", "begun"), [(60.0, 0.05, 30, False), (0.5, 3.0, 30, True), (0.5, 0.25, 4, False)])
def test_a_slow_run_has_mlflow_loaded_by_its_end_and_a_fast_one_that_starts_slowly_has_not(
    start: float, pace: float, rows: int, begun: bool, task: Path, tmp_path: Path, mlruns: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, began = [0.0], list[Recorder]()
    monkeypatch.setattr(tracked_module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(Recorder, "begin", lambda recorder: began.append(recorder))
    with Generation(task, n=30, out=tmp_path / "out", options=Options(lm=fake_lm(Author()), concurrency=1)) as run:
        tracked = Tracked(run, folder=mlruns)
        for number, outcome in enumerate(run, 1):
            clock[0] = start + pace * min(number, rows)  # what comes after `rows` comes at once
            tracked.add(outcome)
            assert not (began and 30 - number >= 15), "while more than 45 s are left, nothing is loaded"
    assert bool(began) is begun


@pytest.mark.parametrize("share", ["-0.1", "1.5", "nan"])
def test_a_share_that_is_none_is_refused(share: str, seedless: CommandLine, task: Path, tmp_path: Path) -> None:
    done = seedless.run(*command(task, tmp_path / "out", "http://127.0.0.1:9/v1", "--trace", share), cwd=tmp_path, env=ON)
    assert done.code == 2
    assert f"given --trace {share}" in done.err
    assert not (tmp_path / "out").exists(), "no run was begun"
    assert not (tmp_path / "mlruns").exists()
