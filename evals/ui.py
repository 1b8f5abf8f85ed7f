"""MLflow's own UI on the tracked runs, on this machine and without a network."""

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from seedless.errors import SetupError, UsageError
from seedless.evals.recording.outbox import MLRUNS, quiet_environment
from seedless.evals.tracking import Tracker

__all__ = ["UI", "ui"]

PATIENCE = 180.0
DIRECT = urllib.request.build_opener(
    urllib.request.ProxyHandler({})
)  # no proxy of the environment's reaches this machine's own address


@dataclass(frozen=True, slots=True)
class UI:
    """The UI's address, and for each task the page of its runs."""

    url: str
    pages: Mapping[str, str]


@contextmanager
def ui(folder: str | Path = MLRUNS, *, port: int = 5000) -> Iterator[UI]:
    """MLflow's UI on the runs in `folder`, up and answering. It ends with the context.

    Raises
    ------
    UsageError
        If nothing is tracked there, or the port is no port or taken.
    SetupError
        If MLflow's database is of another version, or its server does not come up.
    """
    folder = Path(folder)
    if not 1 <= port <= 65535:
        raise UsageError(f"given port {port}, 1 to 65535 are allowed; give a free one: --port")
    if not (folder / "mlflow.db").exists():
        raise UsageError(f"{folder}: holds no tracked runs; `seedless generate` makes one")
    tracker = Tracker(folder)
    tracker.outbox.check_version()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(f"given port {port}: it cannot be used ({error.strerror}); give a free one: --port") from error
    tracker.settle()
    command = [
        sys.executable, "-P", "-m", "mlflow", "server", "--backend-store-uri", tracker.uri,
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as said, _server(command, said) as server:
        _wait(server, address, said)
        yield UI(address, _pages(address))


@contextmanager
def _server(command: list[str], said: IO[bytes]) -> Iterator["subprocess.Popen[bytes]"]:
    """The server's process, in an environment without keys; `said` takes what it writes to stderr."""
    quiet = {**quiet_environment(), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen(command, env=quiet, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)  # noqa: S603
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _pages(address: str) -> dict[str, str]:
    with DIRECT.open(f"{address}/api/2.0/mlflow/experiments/search?max_results=1000", timeout=30) as answer:
        found = json.load(answer).get("experiments", [])
    return {each["name"]: f"{address}/#/experiments/{each['experiment_id']}/runs" for each in found if each["name"] != "Default"}


def _wait(server: "subprocess.Popen[bytes]", address: str, said: IO[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if server.poll() is not None:
            said.seek(0)
            last = said.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
            remedy = "give another --port" if "address already in use" in last.casefold() else "mend that and try again"
            raise SetupError(f"MLflow's server ended with exit code {server.returncode} ({last[:300]}); {remedy}")
        try:
            with DIRECT.open(f"{address}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise SetupError(f"MLflow's server did not answer within {PATIENCE:.0f} s; try again when the machine is less busy")
