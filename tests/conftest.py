"""Fixtures that tests of every floor share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.openai_server import OpenAIServer, task_file

os.environ["SEEDLESS_TRACK"] = "0"  # for every process that a test starts; tests of tracking say otherwise


SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets that lies beside the checkout; without it the test is skipped, and says so."""
    if not SHARED.is_dir():
        pytest.skip(f"no real data sets here: {SHARED} is not a folder")  # they lie beside the checkout, or nowhere
    return SHARED


@pytest.fixture
def openai_server() -> Iterator[OpenAIServer]:
    """An OpenAI-compatible server on 127.0.0.1; `script` gives it faults."""
    with OpenAIServer() as server:
        yield server


@pytest.fixture(scope="session")
def seedless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """The command line."""
    with CommandLine(tmp_path_factory.mktemp("command")) as command:
        yield command


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A task file with the labels `warm` and `cold`, which the server can write and read back."""
    path = tmp_path / "rooms.yaml"
    path.write_text(task_file(), "utf-8")
    return path
