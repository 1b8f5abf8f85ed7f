"""The journal (`run.db`): every finished LM step and every decided slot. It is the resume state and the cache.

A step is kept under the hash of everything that determined it, so a run that is killed and started again asks for nothing
twice, and a changed verifier prompt reuses contexts, seeds and instances. SQLite in WAL mode: a commit survives `kill -9`.
"""

import json
import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypedDict, TypeGuard

from seedless.errors import SeedlessError, SetupError, UsageError
from seedless.lms.step import Step
from seedless.outcome import Broken, Outcome, Provenance, Refusal, Row
from seedless.planner import Plan
from seedless.text import writable

__all__ = ["Journal", "StageCount", "check_ended", "in_use", "outcome_of"]

VERSION = 1
RUN_ID = "run_id"  # kept beside the settings, and none of them
SCHEMA = f"""
PRAGMA user_version = {VERSION};
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE steps (
    key TEXT PRIMARY KEY, stage TEXT NOT NULL, asked INTEGER NOT NULL, repeated INTEGER NOT NULL, session INTEGER NOT NULL, text TEXT, finish TEXT,
    input_tokens INTEGER, output_tokens INTEGER, cost REAL
) STRICT, WITHOUT ROWID;
CREATE TABLE outcomes (
    position INTEGER NOT NULL, round INTEGER NOT NULL, accepted INTEGER NOT NULL, record TEXT NOT NULL, PRIMARY KEY (position, round)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_row_a_position ON outcomes (position) WHERE accepted;
CREATE TABLE sessions (session INTEGER PRIMARY KEY, seconds REAL NOT NULL) STRICT;
"""

PROVENANCE = {
    **dict.fromkeys(Provenance.__slots__, str), "attributes": dict, "verdict": str | None, "confidence": float | int | None, "attempts": int,
    "broken": list,
}  # fmt: skip
REFUSAL = {"stage": str, "position": int, "round": int, "asked_label": str, "texts": dict, "broken": list, "provenance": dict}
BROKEN = {"assertion": str, "sentence": str}


class StageCount(TypedDict):
    """What a stage took."""

    calls: int
    answers: int
    input_tokens: int | None
    output_tokens: int | None


class Journal:
    """One run's journal, open for one process at a time.

    Raises
    ------
    SetupError
        If the file cannot be opened or written, or another process has it open.
    UsageError
        If the file is no journal, or of a newer version. From any method, if what stands in it is not what was put there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before: dict[str, tuple[int, int]] = {}  # of unanswered keys, `repeated` and `session` before the request last begun
        with self._reported():
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
        try:
            with self._reported():
                self._open()
        except BaseException:
            self._db.close()
            raise

    def _open(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        empty = self._db.execute("SELECT 1 FROM sqlite_master").fetchone() is None
        if version != VERSION and not (version == 0 and empty):
            raise UsageError(
                f"{self.path}: is a journal of version {version}, this seedless reads version {VERSION}; use another folder"
            )
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        if empty:
            self._db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
        with self._transaction():
            (last,) = self._db.execute("SELECT coalesce(max(session), 0) FROM sessions").fetchone()
            self.session = int(last) + 1
            self._db.execute("INSERT INTO sessions VALUES (?, 0)", (self.session,))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # --- settings -------------------------------------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """The settings that the run was begun with; empty for a new one."""
        with self._reported():
            found = self._db.execute("SELECT name, value FROM settings WHERE name <> ?", (RUN_ID,))
            settings = {name: self._parsed(value) for name, value in found}
        if isinstance(base := settings.get("api_base"), str):
            settings["api_base"] = base.rstrip("/")  # which earlier versions kept
        return settings

    def run_id(self) -> str:
        """This run's name for good, 16 hexadecimal digits: the same in every session, another one after `begin_anew`."""
        with self._reported(), self._transaction():
            self._db.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", (RUN_ID, json.dumps(uuid.uuid4().hex[:16])))
            (value,) = self._db.execute("SELECT value FROM settings WHERE name = ?", (RUN_ID,)).fetchone()
        return str(self._parsed(value))

    def begin_run(self, settings: Mapping[str, Any]) -> None:
        """Keep the settings of a new run."""
        with self._reported(), self._transaction():
            self._db.executemany("INSERT INTO settings VALUES (?, ?)", [(k, json.dumps(v)) for k, v in settings.items()])

    def got_anything(self) -> bool:
        """Whether an answer was kept or paid for, or a slot decided."""
        with self._reported():
            answers, decided = self._db.execute(
                "SELECT EXISTS (SELECT 1 FROM steps WHERE coalesce(text, input_tokens) IS NOT NULL), EXISTS (SELECT 1 FROM outcomes)"
            ).fetchone()
        return bool(answers or decided)

    def begin_anew(self) -> None:
        """Forget settings and outcomes. Finished steps stay as a cache: what is asked again word for word costs nothing."""
        with self._reported(), self._transaction():
            for forget in (
                "DELETE FROM settings",
                "DELETE FROM outcomes",
                "DELETE FROM steps WHERE text IS NULL",
                "UPDATE steps SET asked = 0, repeated = 0",
                "UPDATE sessions SET seconds = 0",
            ):
                self._db.execute(forget)

    # --- steps (the `Steps` protocol) -----------------------------------------------------------------------------

    def recall(self, key: str) -> Step | None:
        """The finished step kept under `key`; None where there is none."""
        with self._reported():
            found = self._db.execute(
                "SELECT text, finish, input_tokens, output_tokens, cost FROM steps WHERE key = ? AND text IS NOT NULL",
                (key,),
            ).fetchone()
        return Step(*found) if found else None

    def answered(self, stage: str) -> bool:
        """Whether an answer of that stage is kept, of whatever session."""
        with self._reported():
            (some,) = self._db.execute(
                "SELECT EXISTS (SELECT 1 FROM steps WHERE stage = ? AND text IS NOT NULL)", (stage,)
            ).fetchone()
        return bool(some)

    def begin(self, key: str, stage: str) -> None:
        """Note that a request for `key` goes out now."""
        with self._reported():
            found = self._db.execute("SELECT repeated, session FROM steps WHERE key = ?", (key,)).fetchone()
            self._before[key] = found or (0, self.session)
            self._db.execute(
                "INSERT INTO steps (key, stage, asked, repeated, session) VALUES (?, ?, 1, 0, ?) ON CONFLICT (key) DO UPDATE"
                " SET asked = asked + 1, repeated = repeated + (asked > 0 AND session <> excluded.session), session = excluded.session",
                (key, stage, self.session),
            )

    def forget(self, key: str) -> None:
        """Note that the request last begun for `key`, in this session, did not go out: nothing was repeated by it."""
        with self._reported():
            self._db.execute(
                "UPDATE steps SET asked = asked - 1, repeated = coalesce(?, repeated), session = coalesce(?, session) WHERE key = ?",
                (*self._before.pop(key, (None, None)), key),
            )

    def pay(self, key: str, step: Step) -> None:
        """Note what an answer to `key` cost that cannot be kept, as far as it was told."""
        with self._reported():
            self._db.execute(
                "UPDATE steps SET input_tokens = coalesce(coalesce(input_tokens, 0) + ?, input_tokens),"
                " output_tokens = coalesce(coalesce(output_tokens, 0) + ?, output_tokens), cost = coalesce(coalesce(cost, 0) + ?, cost) WHERE key = ?",
                (step.input_tokens, step.output_tokens, step.cost, key),
            )

    def finish(self, key: str, step: Step) -> None:
        """Keep the answer to `key`, and what it cost beside those that could not be kept: unknown where this one's is."""
        self._before.pop(key, None)
        with self._reported():
            self._db.execute(
                "UPDATE steps SET text = ?, finish = ?, input_tokens = coalesce(input_tokens, 0) + ?,"
                " output_tokens = coalesce(output_tokens, 0) + ?, cost = coalesce(cost, 0) + ? WHERE key = ?",
                (step.text, step.finish, step.input_tokens, step.output_tokens, step.cost, key),
            )

    def repeated(self) -> int:
        """Requests that an earlier session sent, without living to keep the answer, and that were sent again."""
        with self._reported():
            (count,) = self._db.execute("SELECT coalesce(sum(repeated), 0) FROM steps").fetchone()
        return int(count)

    def asked(self, key: str) -> int:
        """Requests that were sent for `key`, without those that were sent again since a session had died."""
        with self._reported():
            found = self._db.execute("SELECT asked - repeated FROM steps WHERE key = ?", (key,)).fetchone()
        return int(found[0]) if found else 0

    def calls(self) -> int:
        """Requests sent so far, in all sessions."""
        with self._reported():
            (count,) = self._db.execute("SELECT coalesce(sum(asked), 0) FROM steps").fetchone()
        return int(count)

    def cost(self) -> float | None:
        """USD spent so far; None where the price of an answer is unknown: of one that is kept, or of which tokens were told."""
        with self._reported():
            unpriced, total = self._db.execute(
                "SELECT count(*) FILTER (WHERE coalesce(text, input_tokens, output_tokens) IS NOT NULL AND cost IS NULL), coalesce(sum(cost), 0.0)"
                " FROM steps WHERE asked > 0"
            ).fetchone()
        return float(total) if not unpriced else None

    def stages(self) -> dict[str, StageCount]:
        """Per stage: requests sent, answers kept, tokens read and written, as far as they were told; None where those of a kept answer are unknown."""
        with self._reported():
            rows = self._db.execute(
                "SELECT stage, sum(asked), count(text), count(*) FILTER (WHERE text IS NOT NULL AND input_tokens IS NULL), coalesce(sum(input_tokens), 0),"
                " count(*) FILTER (WHERE text IS NOT NULL AND output_tokens IS NULL), coalesce(sum(output_tokens), 0) FROM steps"
                " WHERE asked > 0 GROUP BY stage ORDER BY stage"
            ).fetchall()
        return {
            stage: StageCount(
                calls=calls,
                answers=answers,
                input_tokens=None if unread else read,
                output_tokens=None if unwritten else written,
            )
            for stage, calls, answers, unread, read, unwritten, written in rows
        }

    # --- outcomes -------------------------------------------------------------------------------------------------

    def decide(self, position: int, round_: int, outcome: Outcome) -> None:
        """Keep how a slot ended. A position is given one row, for good."""
        with self._reported():
            self._db.execute(
                "INSERT INTO outcomes VALUES (?, ?, ?, ?)",
                (position, round_, isinstance(outcome, Row), json.dumps(outcome.record(), ensure_ascii=False)),
            )

    def accepted(self, plan: Plan | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
        """Positions and records of the accepted rows, by position; each is one that `plan` has room for, where it is given."""
        left = Counter(plan.per_label if plan is not None else {})
        with self._reported():
            for position, text in self._db.execute("SELECT position, record FROM outcomes WHERE accepted ORDER BY position"):
                record = self._parsed(text)
                if not _is_row(record):
                    raise self._damaged(f"what it holds as the row at position {position} is none")
                if plan is not None:
                    left[record["label"]] -= 1
                    if not 0 <= position < plan.n or left[record["label"]] < 0 or not _of(plan, record):
                        raise self._damaged(f"the row at position {position} is none of this run's")
                yield position, record

    def refused(self, plan: Plan | None = None) -> Iterator[dict[str, Any]]:
        """Records of the refusals, by position and round; each of a label that `plan` has, where it is given."""
        with self._reported():
            found = self._db.execute("SELECT position, round, record FROM outcomes WHERE NOT accepted ORDER BY position, round")
            for position, round_, text in found:
                record = self._parsed(text)
                if not _is_refusal(record) or (plan is not None and record["asked_label"] not in plan.per_label):
                    raise self._damaged(f"what it holds as a refusal at position {position}, round {round_}, is none of this run's")
                yield record

    def rounds(self) -> dict[int, int]:
        """For each position, how many slots were refused there."""
        with self._reported():
            return dict(self._db.execute("SELECT position, count(*) FROM outcomes WHERE NOT accepted GROUP BY position").fetchall())

    # --- time -----------------------------------------------------------------------------------------------------

    def spend(self, seconds: float) -> None:
        """Note how long this session took until the last slot that it decided."""
        with self._reported():
            self._db.execute("UPDATE sessions SET seconds = ? WHERE session = ?", (seconds, self.session))

    def seconds(self) -> float:
        """Seconds that all sessions took."""
        with self._reported():
            return float(self._db.execute("SELECT sum(seconds) FROM sessions").fetchone()[0])

    def _parsed(self, text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._damaged(" ".join(str(error).split())) from error

    def _damaged(self, how: str) -> UsageError:
        return UsageError(f"{self.path}: is not a journal of seedless ({how}); use another folder")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            said = str(error)
            if "locked" in said or "busy" in said:
                raise SetupError(
                    f"{self.path}: another process works in this folder, or another run of this one that was not closed; wait for it to end, "
                    "close it, or use another folder"
                ) from error
            if isinstance(error, sqlite3.IntegrityError):
                raise SeedlessError(f"{self.path}: the journal refuses to hold this twice ({said}); please report it") from error
            if "full" in said or "disk I/O" in said:
                raise SetupError(
                    f"{self.path}: cannot be written ({said}); nothing accepted is lost: make room and give the same command again"
                ) from error
            if "not a database" in said or "malformed" in said:
                raise self._damaged(said) from error
            raise SetupError(
                f"{self.path}: cannot be used ({said}); check that the folder can be written, or use another one"
            ) from error


def check_ended(folder: Path) -> None:
    """That nobody works in a run's folder: its files lack what is still to come.

    Raises
    ------
    UsageError
        If somebody does.
    """
    if in_use(folder / "run.db"):
        raise UsageError(f"{folder}: the run is still going; wait for its end, or stop it (Ctrl-C) and go on with it later")


def in_use(path: Path) -> bool:
    """Whether another process works with the journal at `path`. False where there is none, or where nobody may look."""
    if not path.is_file():
        return False
    try:
        # Not mode=ro: a reader of a WAL file leaves its side files behind.
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=0)) as db:
            db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        return "locked" in str(error) or "busy" in str(error)
    return False


def _is_row(record: object) -> bool:
    """Whether `record` is what `Row.record` gives."""
    if not isinstance(record, dict) or not {"id", "label", "provenance"} <= record.keys():
        return False
    return _is_provenance(record["provenance"]) and _are_texts(value for name, value in record.items() if name != "provenance")


def _is_refusal(record: object) -> bool:
    """Whether `record` is what `Refusal.record` gives."""
    if not _has(record, REFUSAL):
        return False
    return (
        _is_provenance(record["provenance"])
        and _are_texts(record["texts"].values())
        and bool(record["broken"])
        and all(_has(broken, BROKEN) for broken in record["broken"])
    )


def _is_provenance(record: object) -> bool:
    if not _has(record, PROVENANCE):
        return False
    said = [value for value in record.values() if isinstance(value, str)]
    return _are_texts(said) and _are_texts(record["attributes"].values()) and _are_texts(record["broken"])


def _has(record: object, kinds: Mapping[str, Any]) -> TypeGuard[Mapping[str, Any]]:
    return (
        isinstance(record, dict) and record.keys() == kinds.keys() and all(isinstance(record[n], kind) for n, kind in kinds.items())
    )


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) and writable(value) == value for value in values)


def _of(plan: Plan, record: Mapping[str, Any]) -> bool:
    """Whether a row has the fields of the plan's task, and was asked for as one of its labels."""
    asked = record["provenance"]["asked_label"]
    return asked in plan.per_label and all(field.name in record for field in plan.task.fields)


def outcome_of(record: Mapping[str, Any], fields: tuple[str, ...]) -> Outcome:
    """The outcome that a record holds; `fields` are the task's, and may be called like a part of a refusal. Rows alone have an `id`."""
    provenance = Provenance(**{**record["provenance"], "broken": tuple(record["provenance"]["broken"])})
    if "id" not in record:
        broken = tuple(Broken(b["assertion"], b["sentence"]) for b in record["broken"])
        return Refusal(
            record["stage"],
            record["position"],
            record["round"],
            record["asked_label"],
            record["texts"],
            broken,
            provenance,
        )
    return Row(record["id"], {name: record[name] for name in fields}, record["label"], provenance)
