"""The outbox: what waits there is kept, what cannot be written is said at once, and MLflow is never loaded for it."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from seedless.evals.recording.outbox import Outbox, Recorder, patience, quiet_environment
from seedless.evals.recording.record import Record, Untracked

RECORD = Record(key="0123456789abcdef", kind="generate", task="rooms", name="x", params={"seed": 1}, metrics={"rows": 2.0})


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another program writes in the database, and does not end."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


def test_records_wait_oldest_first_and_a_newer_one_takes_the_place_of_its_run(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "mlruns")
    assert outbox.pending() == ()
    first = outbox.put(RECORD)
    second = outbox.put(replace(RECORD, key="../../evil"))
    os.utime(first, (1, 1))
    assert outbox.pending() == (first, second)
    assert second.parent == outbox.path
    outbox.put(replace(RECORD, metrics={"rows": 3.0}))
    assert len(outbox.pending()) == 2
    assert Record.read(first.read_text("utf-8")).metrics == {"rows": 3.0}
    assert not list(outbox.path.glob("*.partial"))


def test_a_database_that_is_locked_torn_or_missing_is_told_in_a_moment(mlruns: Path) -> None:
    outbox = Outbox(mlruns)
    outbox.check()
    with locked(mlruns / "mlflow.db"):
        started = time.monotonic()
        with pytest.raises(Untracked, match=r"mlflow\.db: database is locked"):
            outbox.check()
        assert time.monotonic() - started < 3
    outbox.check()
    (mlruns / "mlflow.db").write_bytes(b"not a database, but long enough to be looked at as one" * 20)
    with pytest.raises(Untracked, match="not a database"):
        outbox.check()
    (mlruns / "mlflow.db").unlink()
    outbox.check()


UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
PUT = """
import sys
from pathlib import Path
from seedless.evals.recording.outbox import Outbox
from seedless.evals.recording.record import Record, Untracked
outbox = Outbox(Path(sys.argv[1]))
for step in (lambda: outbox.put(Record(key="k", kind="generate", task="rooms", name="x", params={}, metrics={})), outbox.check):
    try:
        step()
    except Untracked as error:
        print(error)
"""


def test_a_folder_that_cannot_be_written(mlruns: Path) -> None:
    (mlruns / "mlflow.db").chmod(0o444)
    mlruns.chmod(0o555)
    done = subprocess.run([*UNPRIVILEGED, sys.executable, "-c", PUT, str(mlruns)], capture_output=True, text=True, check=False)
    mlruns.chmod(0o755)
    if done.returncode == 127 or "setpriv" in done.stderr:
        pytest.skip(f"as root every file can be written, and setpriv cannot change that here: {done.stderr.strip()}")
    assert done.stderr == ""
    put, check = done.stdout.splitlines()
    assert "outbox cannot be written (Permission denied)" in put
    assert check == f"{mlruns} cannot be written (Permission denied); copy the folder to where it can, to record what waits in it"


def test_a_file_in_the_folder_s_place(tmp_path: Path) -> None:
    (tmp_path / "mlruns").write_text("mine", "utf-8")
    with Recorder(Outbox(tmp_path / "mlruns")) as recorder:
        (said,) = recorder.record(RECORD, patience=0.1)
    assert said.startswith("not recorded in MLflow: generate of rooms: ")
    assert "cannot be written" in said
    assert (tmp_path / "mlruns").read_text("utf-8") == "mine"


def test_a_locked_database_costs_no_process_and_no_record(mlruns: Path) -> None:
    with locked(mlruns / "mlflow.db"), Recorder(Outbox(mlruns)) as recorder:
        (said,) = recorder.record(RECORD, patience=60)
        assert recorder._process is None
    assert said == (
        f"not recorded in MLflow yet: generate of rooms: {mlruns}/mlflow.db: database is locked; "
        f"kept in {mlruns}/outbox for the next run, `seedless compare` or `seedless ui`"
    )
    assert len(Outbox(mlruns).pending()) == 1


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A program in the recording process's place."""

    def put(source: str) -> None:
        (tmp_path / "python").write_text(f"#!{sys.executable}\n{source}\n", "utf-8")
        (tmp_path / "python").chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    return put


def test_a_process_that_dies_is_said(tmp_path: Path, stand_in: Callable[[str], None]) -> None:
    stand_in("raise SystemExit(9)")
    with Recorder(Outbox(tmp_path / "mlruns")) as recorder:
        (said,) = recorder.record(RECORD, patience=30)
    assert "the recording process ended with exit code 9" in said


def test_the_process_is_given_no_key(tmp_path: Path, stand_in: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fake-123456")
    stand_in(f"import os; open({str(tmp_path / 'env')!r}, 'w').write(repr(dict(os.environ)))")
    with Recorder(Outbox(tmp_path / "mlruns")) as recorder:
        assert recorder.record(RECORD, patience=30) != ()
    told = (tmp_path / "env").read_text("utf-8")
    assert "MLFLOW_DISABLE_TELEMETRY" in told
    assert "sk-fake" not in told


def test_a_process_that_takes_its_time_is_not_waited_for(tmp_path: Path, stand_in: Callable[[str], None]) -> None:
    stand_in("import sys, time; sys.stdin.readline(); time.sleep(20)")
    started = time.monotonic()
    with Recorder(Outbox(tmp_path / "mlruns")) as recorder:
        (said,) = recorder.record(RECORD, patience=0.2)
        process = recorder._process
    assert time.monotonic() - started < 5
    assert said.startswith("still being recorded in MLflow, in the background: generate of rooms")
    assert process is not None
    os.kill(process.pid, 9)


def test_another_process_that_records_is_not_waited_for(tmp_path: Path, stand_in: Callable[[str], None]) -> None:
    """Which may be starved on a busy machine, and takes what waits too."""
    outbox = Outbox(tmp_path / "mlruns")
    stand_in("import sys, time; sys.stdin.readline(); time.sleep(60)")
    outbox.path.mkdir(parents=True)
    assert not outbox.busy()
    started = time.monotonic()
    with FileLock(outbox.lock), Recorder(outbox) as recorder:
        assert outbox.busy()
        (said,) = recorder.record(RECORD, patience=60)
        process = recorder._process
    assert time.monotonic() - started < 10
    assert said.startswith("still being recorded in MLflow, in the background: generate of rooms; ")
    assert len(outbox.pending()) == 1
    assert process is not None
    os.kill(process.pid, 9)


def test_a_process_that_left_it_to_another_before_there_was_a_record_is_begun_again(
    tmp_path: Path, stand_in: Callable[[str], None]
) -> None:
    """By then the other one may have ended."""
    held = tmp_path / "held"
    held.touch()
    stand_in(f"import json, os; print(json.dumps({{'failed': [], 'elsewhere': os.path.exists({str(held)!r})}}))")
    with Recorder(Outbox(tmp_path / "mlruns")) as recorder:
        recorder.begin()
        assert recorder._process is not None
        recorder._process.wait(60)
        held.unlink()
        assert recorder.record(RECORD, patience=60) == ()
    held.touch()
    with Recorder(Outbox(tmp_path / "mlruns")) as recorder:
        (said,) = recorder.record(RECORD, patience=60)
    assert said.startswith("still being recorded in MLflow, in the background: generate of rooms; ")


def test_a_process_that_cannot_be_started_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    with Recorder(Outbox(tmp_path / "mlruns")) as recorder:
        recorder.expect(left=0, patience=5)
        (said,) = recorder.record(RECORD, patience=30)
    assert "no process for it can be started (No such file or directory)" in said


def test_it_begins_only_near_an_end_that_is_waited_for(tmp_path: Path, stand_in: Callable[[str], None]) -> None:
    stand_in("import sys; sys.stdin.readline()")
    with Recorder(Outbox(tmp_path / "mlruns")) as recorder:
        recorder.expect(left=3600, patience=5)
        recorder.expect(left=10, patience=0)
        assert recorder._process is None
        recorder.expect(left=10, patience=5)
        begun = recorder._process
        assert begun is not None
        recorder.expect(left=5, patience=5)
        assert recorder._process is begun
    assert begun.wait(10) == 0, "what is not handed anything ends with its parent"


def test_patience_is_a_share_of_what_500_rows_take() -> None:
    assert patience(100.0, 500) == pytest.approx(3.0)
    assert patience(60.0, 500) == 0.0, "less than recording takes"
    assert patience(40.0, 40) == pytest.approx(15.0)
    assert patience(1e6, 1) == 60.0
    assert patience(0.0, 0) == 0.0


def test_the_process_s_environment_is_offline_and_holds_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "MLFLOW_TRACKING_URI", "HTTPS_PROXY", "SOME_SETTING"):
        monkeypatch.setenv(name, "http://fake")
    quiet = quiet_environment()
    assert "http://fake" not in quiet.values()
    assert quiet["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert quiet["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
    assert quiet["HF_HUB_OFFLINE"] == "1"


def test_handing_over_loads_no_mlflow(tmp_path: Path) -> None:
    code = (
        "import sys, seedless.evals.recording.tracked, seedless.evals.tracking, seedless.cli;"
        "print(sorted({'mlflow', 'pandas', 'sqlalchemy'} & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
