"""The whole source, as its tools see it: style, types, floors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.package_tree import ROOT, lay_out

SOURCES = ("programs", "signatures", "evals", "tests")


def run(*command: str, cwd: Path = ROOT, **env: str) -> None:
    """Run one of the environment's tools; its output is the failure's text."""
    tool = str(Path(sys.executable).parent / command[0])
    done = subprocess.run([tool, *command[1:]], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_lint() -> None:
    run("ruff", "check", *SOURCES)


def test_format() -> None:
    run("ruff", "format", "--check", *SOURCES)


@pytest.mark.long
def test_types(tmp_path: Path) -> None:
    run("mypy", "--config-file", str(ROOT / "pyproject.toml"), "-p", "seedless", cwd=lay_out(tmp_path))


@pytest.mark.slow
def test_floors(tmp_path: Path) -> None:
    folder = lay_out(tmp_path)
    run("lint-imports", "--config", str(ROOT / "pyproject.toml"), "--no-cache", cwd=folder, PYTHONPATH=str(folder))
