"""What waits to be recorded in MLflow, as files in `mlruns/outbox`, and the background process that records it. No MLflow here.

A verb puts its record into the outbox, which takes a moment, and a process of its own writes it into MLflow, which takes seconds:
most of them are MLflow's import, at the lowest priority, and begun early by a run that waits for its record. A run of fast rows does not
wait: its record is written while the command has ended. What cannot be recorded stays in the outbox until the next
run, `compare` or `ui`. So neither MLflow's speed nor its failures reach a run.
"""

import contextlib
import json
import os
import re
import selectors
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from seedless import offline
from seedless.evals.recording.database import check_readable, check_writable
from seedless.evals.recording.record import Record, Untracked
from seedless.whole import whole

__all__ = ["MLRUNS", "QUIET", "Outbox", "Recorder", "patience", "quiet_environment"]

MLRUNS = Path("mlruns")
ROWS = 500
SHARE = 0.03  # of the time that so many rows take; what is left of the 5 % is for the process's own load
SHORTEST = 2.0  # seconds that it takes to record a run with MLflow loaded: to wait for less is in vain
LONGEST = 60.0
OTHERS = 3.0  # seconds that a command waits where another process is recording, which takes its record too
UNKNOWN, EMPTIED, ELSEWHERE = "unknown", "emptied", "elsewhere"  # what is known of the outbox
AHEAD = 45.0  # seconds; the process is large, and idle until there is something to record
KEPT_VARIABLES = frozenset({"HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "PYTHONPATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "TZ",
                            "USERPROFILE", "VIRTUAL_ENV"})  # fmt: skip
QUIET: Mapping[str, str] = {
    **offline.QUIET,
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
"""What keeps MLflow and what it imports off the network and off stderr; must stand in the environment before MLflow's first import."""


def quiet_environment() -> dict[str, str]:
    """The environment of a process that runs MLflow: offline, and without any key, token or setting of somebody else's MLflow."""
    own = {name: value for name, value in os.environ.items() if name in KEPT_VARIABLES or name.startswith("LC_")}
    return {**own, **QUIET, "HF_HUB_OFFLINE": "1", "MLFLOW_LOGGING_LEVEL": "WARNING"}


class Outbox:
    """The records that wait below `folder` (`mlruns/`).

    Raises
    ------
    Untracked
        From `put` and `check`, if the folder or MLflow's database cannot be written now.
    """

    def __init__(self, folder: Path = MLRUNS) -> None:
        self.folder = folder
        self.path = folder / "outbox"
        self.database = folder / "mlflow.db"
        self.lock = self.path / "lock"  # of who records: one at a time, or a run is there twice
        self.recorder = self.path / "recorder"  # of the background process, from before it loads MLflow to its end

    def put(self, record: Record) -> Path:
        """Keep `record` until it is recorded. A newer one of the same key takes its place."""
        file = self.path / f"{re.sub(r'[^A-Za-z0-9_-]', '_', record.key)}.json"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with whole(file) as part:
                part.write_text(record.written(), "utf-8")
        except OSError as error:
            raise Untracked(f"{self.path} cannot be written ({error.strerror})") from error
        return file

    def pending(self) -> tuple[Path, ...]:
        """The files that wait, oldest first."""
        found = []
        for file in self.path.glob("*.json"):
            with contextlib.suppress(FileNotFoundError):  # recorded in the meantime
                found.append((file.stat().st_mtime, file))
        return tuple(file for _, file in sorted(found))

    def busy(self) -> bool:
        """Whether a process is recording what waits, or is about to. It takes what is put here meanwhile, too."""
        from filelock import FileLock, Timeout

        try:
            for lock in (self.lock, self.recorder):
                with FileLock(lock, timeout=0):
                    pass
        except Timeout:
            return True
        except OSError:  # `check` says so
            return False
        return False

    def check_version(self) -> None:
        """That MLflow's database is one that the installed MLflow can use, found out without MLflow in a moment.

        Raises
        ------
        Untracked
            If it is not.
        """
        check_readable(self.database)

    def check(self) -> None:
        """As `check_version`, and that it can be written now.

        Raises
        ------
        Untracked
            If not.
        """
        check_writable(self.database)


class Recorder:
    """The background process. Begun early, it has MLflow loaded by the time that there is something to record.

    It outlives the process that began it, and ends when the outbox is empty or cannot be emptied. There is one at a time: another that is begun meanwhile
    ends before it loads MLflow, since the first looks at the outbox once more when it has let others begin.
    """

    def __init__(self, outbox: Outbox | None = None) -> None:
        self.outbox = outbox or Outbox()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self) -> None:
        """Start the process, unless it runs. While nothing is handed over, it ends with this one.

        Raises
        ------
        Untracked
            If there can be no more processes.
        """
        if self._process is not None:
            return
        command = [sys.executable, "-P", "-m", "seedless.evals.tracking", str(self.outbox.folder)]
        try:
            self._process = subprocess.Popen(  # noqa: S603  this interpreter and this package
                command, env=quiet_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise Untracked(f"no process for it can be started ({error.strerror})") from error

    def expect(self, *, left: float, patience: float) -> None:
        """Begin, if there may be something to record in `left` seconds, which will be waited for and leave no more time than loading takes.

        A run of fast rows, which has no `patience`, is not disturbed: the process begins when there is something to record.
        """
        if patience > 0 and left < AHEAD:
            with contextlib.suppress(Untracked):  # `record` says so
                self.begin()

    def record(self, record: Record, *, patience: float) -> tuple[str, ...]:
        """Hand `record` over, and wait at most `patience` seconds until MLflow has it, and three at most where another process is recording.

        Returns nothing where MLflow has it, else a line for what was not recorded and why, or that it is still being recorded.
        """
        run = f"{record.kind} of {record.task}"
        without = f"not recorded in MLflow: the program of {run}: a key, token or password that the environment holds stands in it"
        try:
            self.outbox.put(record)
        except Untracked as error:
            return (f"not recorded in MLflow: {run}: {error}",)
        return (*([without] if record.discloses else ()), *self.flush(patience=patience, what=run))

    def flush(self, *, patience: float = LONGEST, what: str = "") -> tuple[str, ...]:
        """Record what waits; as `record`."""
        waiting = self.outbox.pending()
        if not waiting:
            return ()
        told = what or f"{len(waiting)} earlier runs"
        others = (
            what != "" and self._process is None and self.outbox.busy()
        )  # only who waits for earlier runs waits for those who record them
        try:
            self.outbox.check()
            begun_before = self._process is not None
            self.begin()
            said = self._emptied(min(patience, OTHERS) if others else patience)
            if said == ELSEWHERE and begun_before:  # and by now it may be nowhere: the record was not there yet when that was found
                self.close()
                self.begin()
                said = self._emptied(patience)
            if said == EMPTIED:
                return ()
        except Untracked as error:
            where = f"kept in {self.outbox.path} for the next run, `seedless compare` or `seedless ui`"
            return (f"not recorded in MLflow yet: {told}: {error}; {where}",)
        return (f"still being recorded in MLflow, in the background: {told}; `seedless compare` and `seedless ui` wait for it",)

    def close(self) -> None:
        """Let go of the process."""
        process, self._process = self._process, None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
            threading.Thread(target=process.wait, daemon=True).start()  # it may go on for a while; nobody else waits for it

    def _emptied(self, patience: float) -> str:
        """Tell the process to empty the outbox, and what it says of that in time: nothing yet, that it has, or that another process does."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise Untracked("the recording process was let go")
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write("go\n")
            process.stdin.close()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(patience):
                return UNKNOWN
        said = process.stdout.readline()
        if not said:
            raise Untracked(f"the recording process ended with exit code {process.wait(10)}")
        found = json.loads(said)
        if found.get("elsewhere"):
            return ELSEWHERE
        if failed := found["failed"]:
            raise Untracked("; ".join(dict.fromkeys(failed)))
        return EMPTIED


def patience(seconds: float, rows: int = ROWS) -> float:
    """Seconds that a run may wait for its record: a small share of what 500 rows take at its pace, and a minute at most.
    A compile and an evaluation, which make no rows, may wait that share of their own time.

    0 where that is less than recording takes: such a run does not wait at all, and MLflow need not be loaded while it makes rows.
    """
    share = SHARE * ROWS * seconds / max(1, rows)
    return min(LONGEST, share) if share >= SHORTEST else 0.0
