"""The `seedless` command as tests run it: a real process with its own environment, exit code, output and signals.

`cold` processes start from nothing. The others are forked, without importing DSPy again (2.5 s each), from a process that has
its modules loaded and no thread; from there on they run the same console script. Run as a script, this file is that process.
"""

import atexit
import contextlib
import gc
import json
import os
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

__all__ = ["CommandLine", "Done", "Running"]

SCRIPT = Path(sys.executable).parent / "seedless"
KEY = "sk-fake-5f2d9c0b7e4a1836"
LOADED = ("seedless.cli", "seedless.generation", "seedless.targen", "seedless.lms.metered", "seedless.run.scheduler", "seedless.verify.lm",
          "seedless.progress", "seedless.dataset", "seedless.evals.compiling.session", "seedless.evals.recording.tracked", "seedless.evals.tracking", "gepa", "dspy", "datasets", "pyarrow.parquet")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Done:
    """How a process ended: its exit code (negative: the signal), and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line on stderr."""
        return self.err.rstrip("\n").rpartition("\n")[2]


class Running:
    """A process that runs."""

    def __init__(self, pid: int, connection: socket.socket | subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.pid = pid
        self._connection = connection
        self._out, self._err = out, err

    def signal(self, number: int) -> None:
        """Send a signal to this process, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, timeout: float = 60.0) -> Done:
        """Wait for its end; one that outlives `timeout` seconds is killed, and the test fails."""
        try:
            code = self._code(timeout)
        except (TimeoutError, subprocess.TimeoutExpired):
            os.kill(self.pid, signal.SIGKILL)
            self._code(10)
            raise AssertionError(f"still running after {timeout} s; stderr: {self._err.read_text()!r}") from None
        return Done(code, self._out.read_text("utf-8"), self._err.read_text("utf-8"))

    def _code(self, timeout: float) -> int:
        if isinstance(self._connection, subprocess.Popen):
            return self._connection.wait(timeout)
        self._connection.settimeout(timeout)
        code = int(_line(self._connection))
        self._connection.close()
        return code


class CommandLine:
    """Starts `seedless` processes. A context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._socket = folder / "warm.socket"
        self._warm: subprocess.Popen[bytes] | None = None
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._warm is not None:
            assert self._warm.stdin is not None
            self._warm.stdin.close()
            self._warm.wait(10)

    def start(
        self,
        *args: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        cold: bool = False,
        file_size: int | None = None,
    ) -> Running:
        """Start `seedless ARGS`; `env` is laid over a bare environment with a fake key, `file_size` bounds files in bytes."""
        self._count += 1
        out, err = (self.folder / f"{self._count}.{name}" for name in ("out", "err"))
        out.touch()
        err.touch()
        wanted = {**_bare_environment(self.folder), **(env or {})}
        given = [str(arg) for arg in args]
        request = {
            "args": given,
            "cwd": str(cwd or self.folder),
            "env": {name: value for name, value in wanted.items() if value is not None},
            "out": str(out),
            "err": str(err),
            "file_size": file_size,
        }
        if cold:
            with out.open("wb") as stdout, err.open("wb") as stderr:
                process = subprocess.Popen(
                    [SCRIPT, *given],
                    cwd=request["cwd"],
                    env=request["env"],
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
                )
            return Running(process.pid, process, out, err)
        self._warm_up()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self._socket))
        connection.sendall(json.dumps(request).encode() + b"\n")
        connection.settimeout(20)
        return Running(int(_line(connection)), connection, out, err)

    def run(self, *args: str | Path, timeout: float = 60.0, **how: Any) -> Done:
        """Run `seedless ARGS` to its end; `how` is `start`'s."""
        return self.start(*args, **how).wait(timeout)

    def _warm_up(self) -> None:
        if self._warm is not None:
            return
        env = {
            **_bare_environment(self.folder),
            "HF_HUB_OFFLINE": "1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self._warm = subprocess.Popen(
            [sys.executable, __file__, str(self._socket)], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._warm.stdout is not None
        assert self._warm.stdout.readline() == b"ready\n"


def _line(connection: socket.socket) -> bytes:
    """The next line; what comes after it stays to be read."""
    found = b""
    while not found.endswith(b"\n"):
        found += connection.recv(1) or b"\n"
    return found


def _bare_environment(folder: Path) -> dict[str, str | None]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "OPENAI_API_KEY": KEY, "SEEDLESS_TRACK": "0"}


def _serve(address: str) -> dict[str, Any]:
    """Wait for requests; return, in a child of its own, with the one that this process shall become."""
    for name in LOADED:
        __import__(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    os.write(1, b"ready\n")
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        if 0 in ready:  # the tests have ended
            os._exit(0)
        connection, _ = listener.accept()
        if os.fork():
            connection.close()
            continue
        listener.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        request: dict[str, Any] = json.loads(connection.makefile().readline())
        child = os.fork()
        if child == 0:
            connection.close()
            return request
        connection.sendall(f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)


def _become(request: Mapping[str, Any]) -> None:
    os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    null = os.open(os.devnull, os.O_RDONLY)
    out, err = (os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644) for name in ("out", "err"))
    for source, target in ((null, 0), (out, 1), (err, 2)):
        os.dup2(source, target)
        os.close(source)
    if request["file_size"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_size"], resource.RLIM_INFINITY))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tempfile.tempdir = None
    sys.argv = [str(SCRIPT), *request["args"]]


if __name__ == "__main__":
    _become(_serve(sys.argv[1]))
    sys.path[0] = str(SCRIPT.parent)
    try:
        runpy.run_path(str(SCRIPT), run_name="__main__")
        raise AssertionError("the console script returned")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:  # noqa: BLE001  told as Python tells it
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # taking DSPy's modules down one by one costs half a second; the cold processes do
