"""Runs that are killed, interrupted, started twice or with other settings: nothing accepted is lost, nothing is asked twice without need."""

import json
import random
import shutil
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import CommandLine
from tests.openai_server import OpenAIServer

CONCURRENCY = 4
KILLS = 20


def command(task: Path, out: Path, url: str, *more: str, n: int = 60) -> list[str | Path]:
    given = ["--lm", "openai/some-model", "--api-base", url, "--concurrency", str(CONCURRENCY), *more]
    return ["generate", task, "-n", str(n), "-o", out, *given]


def rows_of(out: Path) -> dict[str, Any]:
    """Rows by id, of the complete lines."""
    path = out / "rows.jsonl"
    if not path.exists():
        return {}
    *lines, _torn = path.read_text("utf-8").split("\n")
    rows = [json.loads(line) for line in lines]
    found = {row["id"]: row for row in rows}
    assert len(found) == len(rows), "an id stands twice"
    return found


def ledger_of(out: Path) -> dict[str, Any]:
    ledger: dict[str, Any] = json.loads((out / "ledger.json").read_text("utf-8"))
    return ledger


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file() and path.name != "run.db"}


def wait_for(what: Any, timeout: float = 20.0) -> None:
    until = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_a_run_that_is_killed_twenty_times_ends_as_if_it_had_not_been(
    seed: int, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.delay = 0.06
    out = tmp_path / "out"
    rng = random.Random(seed)
    stood: dict[str, Any] = {}
    progressed = cut_off = 0
    for _ in range(KILLS):
        run = seedless.start(*command(task, out, openai_server.url))
        before = openai_server.requests
        if rng.random() < 0.25:  # while it starts
            time.sleep(rng.uniform(0, 0.15))
        else:  # while it works: some requests later, and somewhere between two
            due = before + rng.randint(1, 16)
            wait_for(lambda due=due: openai_server.requests >= due or len(rows_of(out)) == 60)
            time.sleep(rng.uniform(0, openai_server.delay))
        run.signal(signal.SIGKILL)
        assert run.wait().code in {-signal.SIGKILL, 0}
        cut_off += CONCURRENCY
        rows = rows_of(out)
        assert stood.items() <= rows.items()
        progressed += len(rows) > len(stood)
        stood = rows
    assert progressed >= 5, "the kills came too early to mean anything"
    assert len(stood) < 60, "the kills came too late to mean anything"
    openai_server.delay = 0.0
    done = seedless.run(*command(task, out, openai_server.url))
    assert done.code == 0, done.err
    rows = rows_of(out)
    assert list(rows) == sorted(rows)
    assert len(rows) == 60
    assert Counter(row["label"] for row in rows.values()) == {"warm": 30, "cold": 30}
    assert len({row["text"] for row in rows.values()}) == 60
    assert stood.items() <= rows.items()
    ledger = ledger_of(out)
    assert 0 < ledger["repeated"] <= CONCURRENCY * KILLS
    assert abs(sum(ledger["calls"].values()) - openai_server.requests) <= cut_off
    refused = sum(ledger["refused"].values())
    assert openai_server.requests - ledger["repeated"] <= 1 + 7 + 2 * 60 + 6 * refused + cut_off


@pytest.mark.slow
@pytest.mark.parametrize("cold", [False, True])
def test_an_interrupted_run_ends_with_130_and_goes_on(
    cold: bool, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.delay = 0.25  # the run then takes seconds, and does not end before a starved test has seen its fifth row
    out = tmp_path / "out"
    run = seedless.start(*command(task, out, openai_server.url), cold=cold)
    wait_for(lambda: len(rows_of(out)) >= 5)
    run.signal(signal.SIGINT)
    begun = time.monotonic()
    done = run.wait(10)
    assert time.monotonic() - begun < 5
    assert done.code == 130
    assert "Traceback" not in done.err
    kept, ledger = rows_of(out), ledger_of(out)
    assert 5 <= len(kept) == ledger["accepted"] < 60
    assert ledger["shortfall"]
    openai_server.delay = 0.0
    done = seedless.run(*command(task, out, openai_server.url))
    assert done.code == 0, done.err
    assert len(rows_of(out)) == 60
    assert kept.items() <= rows_of(out).items()
    assert ledger_of(out)["shortfall"] == ""
    assert ledger_of(out)["repeated"] <= CONCURRENCY


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so(
    sent: signal.Signals, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.delay = 0.1
    run = seedless.start(*command(task, tmp_path / "out", openai_server.url))
    wait_for(lambda: openai_server.requests >= 3)
    run.signal(sent)
    for _ in range(10 if sent == signal.SIGTERM else 0):  # `timeout` sends it twice: to the process, and to the group that it is in
        time.sleep(0.003)
        run.signal(sent)
    done = run.wait(10)
    assert done.code == 130
    assert done.err.count("\n") == 1
    assert "interrupted" in done.err
    assert "same command" in done.err
    shortfall = ledger_of(tmp_path / "out")["shortfall"]
    assert "warm lacks 30 of 30" in shortfall
    assert "--max-refills" not in shortfall  # no label reached its bound: somebody pressed Ctrl-C


@pytest.mark.slow
def test_a_second_process_in_the_folder_is_refused_and_the_first_unharmed(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.delay = 0.15
    out = tmp_path / "out"
    first = seedless.start(*command(task, out, openai_server.url))
    wait_for(lambda: len(rows_of(out)) >= 2)
    for more in ((), ("--fresh",)):
        second = seedless.run(*command(task, out, openai_server.url, *more))
        assert second.code == 2
        assert second.err.count("\n") == 1
        assert "another process" in second.err
        assert str(out) in second.err
    openai_server.delay = 0.0
    done = first.wait()
    assert done.code == 0, done.err
    assert len(rows_of(out)) == 60
    assert sum(ledger_of(out)["calls"].values()) == openai_server.requests


def test_a_run_whose_folder_is_removed_says_so_and_writes_nothing(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.delay = 0.1
    out = tmp_path / "out"
    run = seedless.start(*command(task, out, openai_server.url))
    wait_for(lambda: len(rows_of(out)) >= 1)
    shutil.rmtree(out)
    done = run.wait()
    assert done.code == 2
    assert f"{out}: was moved, removed or replaced" in done.last
    assert "Traceback" not in done.err
    assert openai_server.requests < 60, "it did not work on for nothing"
    assert not out.exists()


def test_other_settings_are_refused_and_fresh_begins_anew(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert seedless.run(*command(task, out, openai_server.url, "--seed", "1", n=6)).code == 0
    before, asked = contents(out), openai_server.requests
    other_task = task.with_name("other.yaml")
    other_task.write_text(task.read_text("utf-8").replace("short note", "brief note"), "utf-8")
    for given, what, was, now in (
        (command(task, out, openai_server.url, "--seed", "2", n=6), "seed", "1", "2"),
        (command(task, out, openai_server.url, "--seed", "1", n=7), "n", "6", "7"),
        (command(task, out, openai_server.url, "--seed", "1", "--verify", "none", n=6), "verify", '"blind"', '"none"'),
    ):
        done = seedless.run(*given)
        assert done.code == 2
        assert done.err.count("\n") == 1
        assert f"{what} was {was}" in done.err
        assert f"is now {now}" in done.err
        assert "--fresh" in done.err
        assert contents(out) == before
    done = seedless.run(*command(other_task, out, openai_server.url, "--seed", "1", n=6))
    assert (done.code, "the task's text has changed" in done.err, contents(out)) == (2, True, before)
    assert openai_server.requests == asked
    done = seedless.run(*command(task, out, openai_server.url, "--seed", "2", "--fresh", n=6))
    assert done.code == 0, done.err
    assert len(rows_of(out)) == 6
    assert ledger_of(out)["settings"]["seed"] == 2
    assert sum(ledger_of(out)["calls"].values()) == openai_server.requests - asked
    assert not {row["text"] for row in rows_of(out).values()} & {
        json.loads(line)["text"] for line in before["rows.jsonl"].splitlines()
    }


def test_the_same_command_after_the_end_asks_for_nothing_and_changes_no_row(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert seedless.run(*command(task, out, openai_server.url, n=6)).code == 0
    before, asked = contents(out), openai_server.requests
    (out / "rows.jsonl").unlink()
    assert seedless.run(*command(task, out, openai_server.url, n=6)).code == 0
    assert openai_server.requests == asked
    assert contents(out)["rows.jsonl"] == before["rows.jsonl"]


def test_rows_whose_journal_was_thrown_away_are_kept(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.delay = 0.1
    out = tmp_path / "out"
    run = seedless.start(*command(task, out, openai_server.url))
    wait_for(lambda: len(rows_of(out)) >= 3)
    run.signal(signal.SIGKILL)
    run.wait()
    (out / "run.db-wal").unlink()
    kept = rows_of(out)
    done = seedless.run(*command(task, out, openai_server.url))
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"holds {len(kept)} rows that the journal beside it, run.db, does not know" in done.err
    assert rows_of(out) == kept


@pytest.mark.parametrize("change", ["record = '{'", "record = replace(record, 'warm', 'hot')", "position = position + 900"])
def test_a_damaged_journal_is_told_in_a_line(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path, change: str
) -> None:
    out = tmp_path / "out"
    assert seedless.run(*command(task, out, openai_server.url, n=6)).code == 0
    before = contents(out)
    with closing(sqlite3.connect(out / "run.db")) as database, database:
        database.execute(f"UPDATE outcomes SET {change}")  # noqa: S608  our own words
    done = seedless.run(*command(task, out, openai_server.url, n=6))
    assert (done.code, done.out) == (2, "")
    assert done.last.startswith(f"seedless: {out / 'run.db'}: is not a journal of seedless (")
    assert done.err.count("\n") <= 2  # the line that says that the run goes on
    assert contents(out)["ledger.json"] == before["ledger.json"]


def test_fresh_with_the_same_settings_reuses_the_answers(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    given = command(task, out, openai_server.url, "--concurrency", "1", n=6)
    assert seedless.run(*given).code == 0
    before, asked = rows_of(out), openai_server.requests
    assert seedless.run(*given, "--fresh").code == 0
    assert openai_server.requests == asked
    assert rows_of(out) == before
    assert sum(ledger_of(out)["calls"].values()) == 0


def test_a_preview_keeps_nothing(openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path) -> None:
    given = ["generate", task, "-n", "60", "--lm", "openai/some-model", "--api-base", openai_server.url, "--preview", "3", "--json"]
    (tmp_path / "empty").mkdir()
    done = seedless.run(*given, cwd=tmp_path / "empty")
    assert done.code == 0, done.err
    shown = json.loads(done.out)
    assert len(shown["rows"]) == 3
    assert shown["estimate"]["n"] == 60
    assert shown["estimate"]["usd"] is None
    assert list((tmp_path / "empty").iterdir()) == []
