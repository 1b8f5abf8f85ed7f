"""The journal: what it keeps outlives the process, and one process at a time keeps it."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from seedless.errors import SeedlessError, SetupError, UsageError
from seedless.lms.step import Step
from seedless.outcome import Refusal, Row
from seedless.planner import Plan
from seedless.run.journal import VERSION, Journal, in_use, outcome_of
from seedless.task import Task

PLAN = Plan(
    Task.model_validate(
        {
            "name": "rooms", "description": "d", "fields": [{"name": "text", "description": "d"}], "contexts": {"hint": "h"}, "seeds": {"hint": "h"},
            "labels": [{"name": name, "meaning": name, "constraint": name} for name in ("warm", "cold")],
        }
    ), 2, 0,
)  # fmt: skip
STEP = Step("An answer – “Zoë”.", "stop", 12, 5, 0.25)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    opened = Journal(path)
    yield opened
    opened.close()


def again(journal: Journal) -> Journal:
    """The same journal, in a new session."""
    journal.close()
    return Journal(journal.path)


# --- steps ----------------------------------------------------------------------------------------------------------


def test_a_finished_step_is_recalled(journal: Journal) -> None:
    assert journal.recall("k") is None
    journal.begin("k", "write")
    assert journal.recall("k") is None  # sent, not answered
    journal.finish("k", STEP)
    assert journal.recall("k") == STEP
    assert journal.recall("K") is None
    reopened = again(journal)
    assert reopened.recall("k") == STEP
    reopened.close()


@pytest.mark.parametrize("text", ["", "\x00", "😀 日本\r\n", "x" * 1_000_000])
def test_any_answer_is_kept_as_it_is(journal: Journal, text: str) -> None:
    step = Step(text, "length", 0, 0, None)
    journal.begin("k", "write")
    journal.finish("k", step)
    assert journal.recall("k") == step


def test_requests_are_counted(journal: Journal) -> None:
    for key, stage in (("a", "write"), ("b", "verify"), ("b", "verify")):
        journal.begin(key, stage)
    journal.finish("a", STEP)
    assert journal.calls() == 3
    assert journal.stages() == {
        "verify": {"calls": 2, "answers": 0, "input_tokens": 0, "output_tokens": 0},
        "write": {"calls": 1, "answers": 1, "input_tokens": 12, "output_tokens": 5},
    }


def test_repeated_counts_what_a_dead_session_had_sent(journal: Journal) -> None:
    journal.begin("tried twice", "write")
    journal.begin("tried twice", "write")  # a retry of the same session is no repeat
    journal.begin("answered", "write")
    journal.finish("answered", STEP)
    journal.begin("never again", "write")
    assert journal.repeated() == 0
    second = again(journal)
    second.begin("tried twice", "write")
    second.begin("new", "write")
    assert second.repeated() == 1
    second.begin("tried twice", "write")
    assert (second.repeated(), second.calls()) == (1, 7)
    third = again(second)
    third.begin("tried twice", "write")
    assert third.repeated() == 2
    third.close()


def test_a_request_that_did_not_go_out_is_not_repeated_later(journal: Journal) -> None:
    journal.begin("withdrawn", "write")
    journal.forget("withdrawn")
    second = again(journal)
    second.begin("withdrawn", "write")
    assert (second.repeated(), second.calls()) == (0, 1)
    second.close()


def test_a_request_that_did_not_go_out_repeats_none(journal: Journal) -> None:
    journal.begin("a", "write")
    second = again(journal)
    second.begin("a", "write")
    second.forget("a")
    assert (second.repeated(), second.calls()) == (0, 1)
    third = again(second)
    for calls in (2, 3):
        third.begin("a", "write")
        assert (third.repeated(), third.calls()) == (1, calls)
    third.forget("a")
    assert (third.repeated(), third.calls()) == (1, 2), "the first request of the session was a repeat"
    third.close()


def test_one_of_two_like_requests_that_did_not_go_out_is_no_call(journal: Journal) -> None:
    for _ in range(2):
        journal.begin("a", "verify")
    journal.finish("a", STEP)
    journal.forget("a")
    assert (journal.repeated(), journal.calls(), journal.recall("a")) == (0, 1, STEP)


def test_cost_is_unknown_where_one_answer_has_no_price(journal: Journal) -> None:
    assert journal.cost() == 0.0
    journal.begin("a", "write")
    assert journal.cost() == 0.0  # sent, not answered
    journal.finish("a", STEP)
    journal.begin("b", "write")
    journal.finish("b", STEP)
    assert journal.cost() == pytest.approx(0.5)
    journal.begin("c", "write")
    journal.finish("c", Step("x", "stop", 1, 1, None))
    assert journal.cost() is None


def test_an_answer_that_was_not_kept_counts_as_far_as_it_was_told(journal: Journal) -> None:
    for written in (7, None):
        journal.begin("a", "write")
        journal.pay("a", Step("", "stop", 5, written, None))
    journal.begin("a", "write")
    journal.finish("a", Step("x", "stop", 5, 3, 0.5))
    assert (journal.stages()["write"]["output_tokens"], journal.cost()) == (10, pytest.approx(0.5))
    journal.begin("b", "write")
    journal.pay("b", Step("", "stop", 5, 7, 0.5))
    journal.finish("b", Step("x", "stop", 5, None, None))
    assert (journal.stages()["write"]["output_tokens"], journal.cost()) == (None, None)


def test_answers_that_were_not_kept_add_up_with_the_one_that_is(journal: Journal) -> None:
    for _ in range(2):
        journal.begin("a", "write")
        journal.pay("a", Step("", "stop", 5, 7, 0.5))
    journal.begin("a", "write")
    journal.finish("a", Step("x", "stop", 4, 3, 0.25))
    assert journal.stages() == {"write": {"calls": 3, "answers": 1, "input_tokens": 14, "output_tokens": 17}}
    assert journal.cost() == pytest.approx(1.25)


@pytest.mark.parametrize("told", [(5, 7), (None, 7), (None, None)])
def test_an_answer_without_a_price_that_was_not_kept_costs_nobody_knows_what(
    told: tuple[int | None, int | None], journal: Journal
) -> None:
    journal.begin("a", "write")
    journal.pay("a", Step("", "stop", *told, None))
    assert (journal.cost() is None, journal.got_anything()) == (told != (None, None), told[0] is not None)


# --- outcomes -------------------------------------------------------------------------------------------------------


def test_outcomes_come_in_order_and_outlive_the_session(
    journal: Journal, row: Callable[..., Row], refusal: Callable[..., Refusal]
) -> None:
    decided: list[tuple[int, int, Row | Refusal]] = [
        (2, 0, row(2)),
        (0, 0, refusal(0, 0)),
        (0, 1, refusal(0, 1)),
        (0, 2, row(0, "cold", asked="warm")),
        (1, 0, refusal(1)),
    ]
    for position, round_, outcome in decided:
        journal.decide(position, round_, outcome)
    for _session in range(2):
        assert [position for position, _ in journal.accepted()] == [0, 2]
        assert [outcome_of(record, ("text",)) for _, record in journal.accepted()] == [decided[3][2], decided[0][2]]
        assert [outcome_of(record, ("text",)) for record in journal.refused()] == [decided[1][2], decided[2][2], decided[4][2]]
        assert journal.rounds() == {0: 2, 1: 1}
        journal = again(journal)
    journal.close()


def test_a_position_never_takes_two_rows(journal: Journal, row: Callable[..., Row], refusal: Callable[..., Refusal]) -> None:
    journal.decide(0, 0, refusal(0))
    journal.decide(0, 1, row(0))
    for round_ in (1, 2):
        with pytest.raises(SeedlessError, match="UNIQUE"):
            journal.decide(0, round_, row(0, "cold"))
    assert [record["label"] for _, record in journal.accepted()] == ["warm"]
    journal.decide(1, 0, row(1))  # the journal still works
    assert len(list(journal.accepted())) == 2


def test_a_round_is_decided_once(journal: Journal, refusal: Callable[..., Refusal]) -> None:
    journal.decide(0, 0, refusal(0))
    with pytest.raises(SeedlessError, match="UNIQUE"):
        journal.decide(0, 0, refusal(0))
    assert journal.rounds() == {0: 1}


# --- settings -------------------------------------------------------------------------------------------------------


def test_settings_are_kept(journal: Journal) -> None:
    assert journal.settings() == {}
    settings = {"task": "rooms", "n": 4, "judge_lm": None, "share": 0.5, "names": ["ä", "b"]}
    journal.begin_run(settings)
    assert journal.settings() == settings
    reopened = again(journal)
    assert reopened.settings() == settings
    reopened.close()


def test_a_run_keeps_its_id_until_it_is_begun_anew(journal: Journal, path: Path) -> None:
    journal.begin_run({"n": 4})
    first = journal.run_id()
    assert len(first) == 16
    assert journal.settings() == {"n": 4}
    reopened = again(journal)
    assert reopened.run_id() == first
    reopened.begin_anew()
    reopened.begin_run({"n": 4})
    assert reopened.run_id() != first
    reopened.close()
    with closing(Journal(path.with_name("other.db"))) as other:
        assert other.run_id() != first


def test_settings_are_kept_whole_or_not_at_all(journal: Journal) -> None:
    """A process that dies in between must not leave half of them: the same command would be refused for ever."""
    journal.begin_run({"n": 4})
    with pytest.raises(SeedlessError):
        journal.begin_run({"task": "rooms", "n": 5})
    assert journal.settings() == {"n": 4}


def test_begin_anew_keeps_finished_steps_alone(journal: Journal, row: Callable[..., Row], refusal: Callable[..., Refusal]) -> None:
    journal.begin_run({"n": 4})
    journal.begin("done", "write")
    journal.finish("done", STEP)
    journal.begin("lost", "write")
    journal.decide(0, 0, refusal(0))
    journal.decide(0, 1, row(0))
    journal.spend(9.0)
    journal.begin_anew()
    assert journal.settings() == {}
    assert list(journal.accepted()) == []
    assert list(journal.refused()) == []
    assert journal.recall("done") == STEP
    assert (journal.calls(), journal.repeated(), journal.cost(), journal.seconds()) == (0, 0, 0.0, 0.0)
    assert journal.stages() == {}
    second = again(journal)
    second.begin("lost", "write")
    assert second.repeated() == 0
    second.close()


def test_begin_anew_forgets_what_was_paid_for_nothing_and_what_was_repeated(journal: Journal) -> None:
    for key in ("lost", "answered later"):
        journal.begin(key, "write")
    second = again(journal)
    for key in ("lost", "answered later"):
        second.begin(key, "write")
    second.finish("answered later", STEP)
    second.pay("lost", STEP)
    assert (second.repeated(), second.cost()) == (2, 2 * STEP.cost)
    second.begin_anew()
    second.begin("lost", "write")
    assert (second.calls(), second.repeated(), second.cost()) == (1, 0, 0.0)
    assert second.stages()["write"]["input_tokens"] == 0
    second.close()


def test_seconds_add_up_over_sessions(journal: Journal) -> None:
    journal.spend(1.0)
    journal.spend(2.5)  # the session's length so far, not a sum
    second = again(journal)
    assert second.session == 2
    second.spend(4.0)
    assert second.seconds() == pytest.approx(6.5)
    second.close()


def test_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Callable[..., Row]) -> None:
    monkeypatch.chdir(tmp_path)
    journal = Journal(Path(":memory:"))
    journal.decide(0, 0, row(0))
    assert len(list(journal.accepted())) == 1
    journal.close()
    assert list(tmp_path.iterdir()) == []


# --- other processes, other files -----------------------------------------------------------------------------------

OPEN = "import sys; from pathlib import Path; from seedless.run.journal import Journal; Journal(Path(sys.argv[1]))"


def test_another_process_is_refused(journal: Journal) -> None:
    done = subprocess.run([sys.executable, "-c", OPEN, str(journal.path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("seedless.errors.SetupError: ")
    assert "another process works in this folder, or another run of this one that was not closed; wait for it to end" in done.stderr
    with pytest.raises(SetupError, match=r"another run of this one that was not closed; .* close it, or use another folder"):
        Journal(journal.path)
    journal.begin("k", "write")  # and the first one works on


def test_who_looks_whether_a_journal_is_in_use_leaves_nothing_behind(journal: Journal) -> None:
    assert in_use(journal.path)
    journal.close()
    before = sorted(journal.path.parent.iterdir())
    assert not in_use(journal.path)
    assert sorted(journal.path.parent.iterdir()) == before


def test_a_killed_process_leaves_what_it_had_kept(path: Path) -> None:
    code = OPEN.replace("Journal(Path(sys.argv[1]))", "j = Journal(Path(sys.argv[1]))") + (
        "; from seedless.lms.step import Step; j.begin('done', 'write'); j.finish('done', Step('a', 'stop', 1, 1, 0.0));"
        "j.begin('lost', 'write'); import os; os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    journal = Journal(path)
    assert journal.recall("done") == Step("a", "stop", 1, 1, 0.0)
    assert journal.recall("lost") is None
    journal.begin("lost", "write")
    assert (journal.repeated(), journal.calls(), journal.session) == (1, 3, 2)
    journal.close()


def test_a_newer_version_is_refused(journal: Journal) -> None:
    journal.close()
    with sqlite3.connect(journal.path) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.close()
    with pytest.raises(
        UsageError, match=f"journal of version {VERSION + 1}, this seedless reads version {VERSION}; use another folder"
    ):
        Journal(journal.path)


def test_another_programs_database_is_refused_and_left_as_it_was(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="use another folder"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_refused_file_is_let_go(journal: Journal) -> None:
    """Who was refused holds no lock, so that the way out (another seedless, `--fresh`) is open in the same process."""
    journal.close()
    with sqlite3.connect(journal.path) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.close()
    with pytest.raises(UsageError) as refused:
        Journal(journal.path)
    database = sqlite3.connect(journal.path, timeout=0.1)
    assert database.execute("PRAGMA user_version").fetchone() == (VERSION + 1,), refused
    database.close()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_file_that_is_no_database_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is not a journal of seedless"):
        Journal(path)
    assert path.read_bytes() == content


DAMAGE = {
    "torn": "substr(record, 1, 40)",
    "no object": "'[]'",
    "deep": "'" + "[" * 100_000 + "'",
    "no provenance": "json_remove(record, '$.provenance')",
    "a part of the provenance": "json_remove(record, '$.provenance.verdict')",
    "a number as text": "json_set(record, '$.provenance.seed', 7)",
    "half a character": """replace(record, 'hall', '\\ud800')""",
}


def damage(journal: Journal, *statements: str) -> Journal:
    """The same journal, after somebody else changed it."""
    journal.close()
    with closing(sqlite3.connect(journal.path)) as database, database:
        for statement in statements:
            database.execute(statement)
    return Journal(journal.path)


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_outcomes_are_told_in_a_line(
    journal: Journal, row: Callable[..., Row], refusal: Callable[..., Refusal], how: str
) -> None:
    journal.decide(0, 0, refusal(0))
    journal.decide(0, 1, row(0))
    journal = damage(journal, f"UPDATE outcomes SET record = {DAMAGE[how]}")  # noqa: S608  our own words
    for read in (journal.accepted, journal.refused):
        with pytest.raises(UsageError, match=r"is not a journal of seedless .*; use another folder") as told:
            list(read())
        assert "\n" not in str(told.value)
    journal.close()


@pytest.mark.parametrize("broken", ["[]", '["length:text"]', '[{"assertion": "length:text"}]'])
def test_a_damaged_refusal_is_told(journal: Journal, refusal: Callable[..., Refusal], broken: str) -> None:
    journal.decide(0, 0, refusal(0))
    journal = damage(journal, f"UPDATE outcomes SET record = json_set(record, '$.broken', json('{broken}'))")  # noqa: S608  our own words
    with pytest.raises(UsageError, match="a refusal at position 0, round 0, is none of this run's"):
        list(journal.refused())
    journal.close()


@pytest.mark.parametrize(("name", "read"), [("n", Journal.settings), ("run_id", Journal.run_id)])
def test_damaged_settings_are_told(journal: Journal, name: str, read: Callable[[Journal], object]) -> None:
    journal.begin_run({"n": 4})
    journal.run_id()
    journal = damage(journal, f"UPDATE settings SET value = '[' WHERE name = '{name}'")  # noqa: S608  our own words
    with pytest.raises(UsageError, match="is not a journal of seedless"):
        read(journal)
    journal.close()


@pytest.mark.parametrize(
    "change",
    [
        "position = 7",
        "position = -1",
        "record = replace(record, 'warm', 'hot')",
        "record = json_set(record, '$.provenance.asked_label', 'hot')",
        "record = json_remove(record, '$.text')",
    ],
)
def test_rows_that_a_plan_has_no_room_for_are_told(journal: Journal, row: Callable[..., Row], change: str) -> None:
    journal.decide(0, 0, row(0))
    journal.decide(1, 0, row(1, "cold"))
    assert len(list(journal.accepted(PLAN))) == 2
    journal = damage(journal, f"UPDATE outcomes SET {change} WHERE position = 0")  # noqa: S608  our own words
    with pytest.raises(UsageError, match=r"is not a journal of seedless .the row at position -?[017] is none of this run's"):
        list(journal.accepted(PLAN))
    journal.close()


def test_more_rows_of_a_label_than_planned_are_told(
    journal: Journal, row: Callable[..., Row], refusal: Callable[..., Refusal]
) -> None:
    journal.decide(0, 0, row(0))
    journal.decide(1, 0, row(1))
    journal.decide(2, 0, refusal(2, label="hot"))
    with pytest.raises(UsageError, match="the row at position 1 is none of this run's"):
        list(journal.accepted(PLAN))
    with pytest.raises(UsageError, match="a refusal at position 2, round 0, is none of this run's"):
        list(journal.refused(PLAN))


def test_an_empty_file_becomes_a_journal(path: Path) -> None:
    path.touch()
    journal = Journal(path)
    assert journal.settings() == {}
    journal.close()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be used"):
        Journal(tmp_path / "none" / "run.db")


@pytest.mark.skipif(not Path("/dev/full").exists() or os.name != "posix", reason="needs /dev/full")
def test_a_device_is_refused() -> None:
    with pytest.raises(SeedlessError):
        Journal(Path("/dev/full"))
