"""The folder of a run: its journal, and the files made from it."""

import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from seedless.errors import SetupError, UsageError
from seedless.ledger import Ledger
from seedless.outcome import Outcome, Row
from seedless.run.journal import Journal
from seedless.whole import cleared, whole
from seedless.wording import listed

__all__ = ["RunFolder"]

FILES = ("rows.jsonl", "refusals.jsonl", "ledger.json")  # made from the journal
HASHED = {  # settings of which nobody can read how they differ
    "task_hash": "the task's text has changed",
    "program": "what is asked of the LM, or of its drafts, has changed: the task, --program, an option or this version's words",
}


class RunFolder:
    """`rows.jsonl`, `refusals.jsonl`, `ledger.json` and `run.db` in one folder, or a journal in memory where there is none.

    The journal is the truth: at opening and closing the JSON files are written anew from it, in between each outcome is appended.

    Raises
    ------
    UsageError
        If the folder holds another run, files that are not a run's, or rows that its journal does not know.
    SetupError
        If it cannot be written. From `add` and `finish`, if it was removed or replaced since it was opened.
    """

    def __init__(self, path: Path | None, settings: Mapping[str, Any], *, fresh: bool = False) -> None:
        self.path = _absolute(path)
        self.given = path  # as messages name it
        self._rows: IO[str] | None = None
        self._refusals: IO[str] | None = None
        if path is not None:
            self._make(path)
        self.journal = Journal(path / "run.db" if path is not None else Path(":memory:"))
        self._opened = self._standing()
        try:
            if fresh:
                self.journal.begin_anew()
            else:
                self._check_rows()
            self._check(settings)
            self.run_id = self.journal.run_id()
            self._open_files()
        except BaseException:
            self.journal.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def add(self, outcome: Outcome) -> None:
        """Append an outcome that the journal has."""
        self._check_standing()
        file = self._rows if isinstance(outcome, Row) else self._refusals
        if file is not None:
            with _reported(self.given):
                file.write(_line(outcome.record()))
                file.flush()

    def finish(self, ledger: Ledger) -> None:
        """Write the files in their final order: rows by position, refusals by position and round, the ledger."""
        if self.path is None:
            return
        self._check_standing()
        with _reported(self.given):
            self._close_files()
            _write(self.path / "rows.jsonl", (_line(record) for _, record in self.journal.accepted()))
            _write(self.path / "refusals.jsonl", (_line(record) for record in self.journal.refused()))
            _write(self.path / "ledger.json", [json.dumps(ledger.record(), ensure_ascii=False, indent=2) + "\n"])

    def close(self) -> None:
        """Close the files. What is in the journal stays."""
        self._close_files()
        self.journal.close()

    def _make(self, path: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
            strangers = [] if (path / "run.db").exists() else sorted(entry.name for entry in path.iterdir())
        except OSError as error:
            if path.is_symlink() and not path.exists():
                raise SetupError(f"{path}: is a link to nothing; mend or remove it, or give another folder: -o DIR") from error
            raise SetupError(
                f"{path}: cannot be used as a run's folder ({error.strerror}); give a folder that can be written: -o DIR"
            ) from error
        if strangers:
            raise UsageError(
                f"{path}: holds files that are no run's ({listed(strangers, shown=3)}); give a new or empty folder: -o DIR"
            )
        if not os.access(path, os.W_OK):
            raise SetupError(f"{path}: cannot be written; give a folder that can be written: -o DIR")

    def _standing(self) -> tuple[int, int] | None:
        """Which file stands where the journal is; None where there is none."""
        try:
            found = (self.path / "run.db").stat() if self.path is not None else None
        except OSError:
            found = None
        return (found.st_dev, found.st_ino) if found is not None else None

    def _check_standing(self) -> None:
        """That the files beside the journal would be this run's: nobody has taken away or replaced what was opened."""
        if self._standing() != self._opened:
            raise SetupError(
                f"{self.given}: was moved, removed or replaced while this run worked in it, so no file is written there; where it was moved to "
                "it can be gone on with (-o DIR), else begin anew, in another folder if another run works in this one now"
            )

    def _check_rows(self) -> None:
        """That no row is in the file alone, as where the journal's `-wal` file was lost: it would be gone once the files are written anew."""
        if self.path is None:
            return
        with _reported(self.given):
            unknown = _ids(self.path / "rows.jsonl")
            for _, record in self.journal.accepted() if unknown else ():
                unknown.discard(record["id"])
        if unknown:
            raise UsageError(
                f"{self.given}/rows.jsonl: holds {len(unknown)} rows that the journal beside it, run.db, does not know (was its run.db-wal lost?); "
                "move rows.jsonl elsewhere to go on from what run.db knows, use another folder (-o DIR), or --fresh to begin this one anew"
            )

    def _check(self, settings: Mapping[str, Any]) -> None:
        begun = self.journal.settings()
        if not begun:
            self.journal.begin_run(settings)
            return
        differing = [name for name in settings if settings[name] != begun.get(name)]
        if differing and not self.journal.got_anything():
            self.journal.begin_anew()
            self.journal.begin_run(settings)
        elif differing:
            said = "; ".join(
                HASHED.get(name, f"{name} was {json.dumps(begun.get(name))}, is now {json.dumps(settings[name])}")
                for name in differing
            )
            raise UsageError(
                f"{self.given}: holds a run with other settings ({said}); use another folder (-o DIR), or --fresh to begin this one anew"
            )

    def _open_files(self) -> None:
        if self.path is None:
            return
        with _reported(self.given):
            made = self.path / "dataset"
            if made.is_symlink():
                made.unlink()
            elif made.exists():
                shutil.rmtree(made)  # made again at the end: never an old one beside new rows
            for name in FILES:
                cleared(self.path / name)
            _write(self.path / "rows.jsonl", (_line(record) for _, record in self.journal.accepted()))
            _write(self.path / "refusals.jsonl", (_line(record) for record in self.journal.refused()))
            self._rows = (self.path / "rows.jsonl").open("a", encoding="utf-8")
            self._refusals = (self.path / "refusals.jsonl").open("a", encoding="utf-8")

    def _close_files(self) -> None:
        for file in (self._rows, self._refusals):
            if file is not None:
                file.close()
        self._rows = self._refusals = None


def _absolute(path: Path | None) -> Path | None:
    """`path` wherever the process goes next."""
    try:
        return path.absolute() if path is not None else None
    except FileNotFoundError as error:
        raise SetupError(
            f"{path}: is in no folder, the current one was deleted; change to another, or give a whole path: -o /DIR"
        ) from error


def _ids(path: Path) -> set[str]:
    """The ids of the complete rows in a file, which need not be there. A torn line is none."""
    found: set[str] = set()
    try:
        with path.open("rb") as file:
            for line in file:
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(record, dict) and isinstance(record.get("id"), str):
                    found.add(record["id"])
    except FileNotFoundError:
        pass
    return found


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def _write(path: Path, lines: Iterable[str]) -> None:
    with whole(path) as part, part.open("w", encoding="utf-8") as file:
        file.writelines(lines)


@contextmanager
def _reported(path: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = "let it be written" if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS} else "make room"
        raise SetupError(
            f"{path}: cannot be written ({error.strerror}); nothing accepted is lost: {remedy} and give the same command again"
        ) from error
