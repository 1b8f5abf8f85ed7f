"""MLflow's database as a file: whether MLflow can use it, found out in a moment. No MLflow here."""

import contextlib
import importlib.util
import os
import re
import sqlite3
from functools import cache
from pathlib import Path

from seedless.evals.recording.record import Untracked

__all__ = ["check_readable", "check_writable"]

REVISION = re.compile(r"""^revision(?:\s*:[^=\n]+)?\s*=\s*["'](\w+)["']""", re.MULTILINE)
FOLLOWS = re.compile(r"""^down_revision(?:\s*:[^=\n]+)?\s*=\s*(.+)$""", re.MULTILINE)


def check_readable(database: Path) -> None:
    """That the file is a database of the installed MLflow's version, or there is none.

    Raises
    ------
    Untracked
        If it is not, with what to do.
    """
    if not database.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as opened:
            row = opened.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:  # locked, or without that table, as an empty one is: MLflow sees to it
        return
    except sqlite3.DatabaseError as error:
        raise Untracked(f"{database}: {error}; move it away, and a new one is made") from error
    known, newest = _revisions()
    if row is None or not newest or row[0] in newest:
        return
    upgrade = f"upgrade it with `mlflow db upgrade sqlite:///{database}`, or " if row[0] in known else ""
    raise Untracked(
        f"{database}: is of another version of MLflow (found {row[0]}, this one writes {', '.join(sorted(newest))}); "
        f"{upgrade}move it away, and a new one is made"
    )


def check_writable(database: Path) -> None:
    """That the file, or one in its place, can be written now, too.

    Raises
    ------
    Untracked
        If it cannot, or as `check_readable` does.
    """
    for path in (database.parent, database):
        if path.exists() and not os.access(path, os.W_OK):
            why = "Read-only file system" if os.statvfs(path).f_flag & os.ST_RDONLY else "Permission denied"
            raise Untracked(f"{path} cannot be written ({why}); copy the folder to where it can, to record what waits in it")
    check_readable(database)
    if not database.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=1.0, isolation_level=None)) as opened:
            opened.execute("BEGIN IMMEDIATE")
            opened.execute("ROLLBACK")
    except sqlite3.DatabaseError as error:
        raise Untracked(f"{database}: {error}") from error


@cache
def _revisions() -> tuple[frozenset[str], frozenset[str]]:
    """The versions of the database that the installed MLflow knows, and of them those that no other follows: it writes that one. Read from its files,
    which takes a hundredth of its import; none where it keeps them elsewhere.
    """
    found = importlib.util.find_spec("mlflow")
    places = (found.submodule_search_locations or ()) if found is not None else ()
    known: set[str] = set()
    followed: set[str] = set()
    for place in places:
        for file in Path(place, "store", "db_migrations", "versions").glob("*.py"):
            text = file.read_text("utf-8", "replace")
            known.update(REVISION.findall(text))
            followed.update(name for said in FOLLOWS.findall(text) for name in re.findall(r"""["'](\w+)["']""", said))
    return frozenset(known), frozenset(known - followed)
