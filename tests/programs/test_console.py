"""Streams that are closed, broken or full: the work behind them is done to its end."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from seedless.console import Delayed
from tests.command_line import SCRIPT
from tests.openai_server import OpenAIServer


def shell(line: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """What a shell makes of `line`; `$SEEDLESS` is the command."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "OPENAI_API_KEY": "none", "SEEDLESS_TRACK": "0"}
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        cwd=folder,
        env={**env, "SEEDLESS": str(SCRIPT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_soon_over_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    with Delayed(after=60) as progress:
        progress.say("soon over")
    with Delayed(after=0.2) as progress:
        progress.say("takes long")
        assert progress._waiting is not None
        progress._waiting.join(10)  # to read while it writes would lose what it says
        progress.say("and then")
    assert capsys.readouterr().err == "takes long\nand then\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("closed", "code"),
    [(">&-", 0), ("2>&-", 0), (">&- 2>&-", 0), ("2>&1 | :", 141), ("--json | :", 141), ("2> >(:)", 0), ("> /dev/full", 2)],
)
def test_a_run_outlives_its_streams(openai_server: OpenAIServer, task: Path, tmp_path: Path, closed: str, code: int) -> None:
    done = shell(f"$SEEDLESS generate {task} -n 4 -o out --lm openai/m --api-base {openai_server.url} {closed}", tmp_path)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert len((tmp_path / "out" / "rows.jsonl").read_text("utf-8").splitlines()) == 4
    assert json.loads((tmp_path / "out" / "ledger.json").read_text("utf-8"))["accepted"] == 4
    assert (tmp_path / "out" / "dataset" / "README.md").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("$SEEDLESS tasks >&-", 0, ""),
        ("$SEEDLESS tasks --schema | :", 141, ""),
        ("$SEEDLESS tasks nothing 2>&-", 2, ""),
        ("$SEEDLESS tasks > /dev/full", 2, "seedless: stdout cannot be written (No space left on device)"),
    ],
)
def test_what_cannot_be_said_leaves_no_traceback(tmp_path: Path, line: str, code: int, said: str) -> None:
    done = shell(line, tmp_path)
    assert done.returncode == code
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == (1 if said else 0)


def test_what_goes_on_is_told_again_as_it_is_by_then(capsys: pytest.CaptureFixture[str]) -> None:
    left = iter(range(3, 0, -1))
    with Delayed(after=0.05, every=0.05) as progress:
        progress.say(lambda: f"{next(left)} left")
        time.sleep(0.13)
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == ["3 left", "2 left"]
    time.sleep(0.1)
    assert capsys.readouterr().err == ""
