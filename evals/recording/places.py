"""Where MLflow looks for artifacts: beside its database, wherever that has been copied or moved to. No MLflow here."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

__all__ = ["settle"]

PLACES: Mapping[str, str] = {"runs": "artifact_uri", "logged_models": "artifact_location", "trace_tags": "value"}
"""The columns of MLflow's tables that say where a part of an experiment's artifacts is."""


def settle(file: Path, artifacts: Path) -> None:
    """Let the artifacts of the database in `file` be in `artifacts`; MLflow notes where they were when an experiment began.

    Nothing is written where they are there already.

    Raises
    ------
    sqlite3.Error
        If the database cannot be written.
    """
    root = artifacts.as_uri()
    with closing(sqlite3.connect(file, timeout=60, isolation_level=None)) as database:
        begun = database.execute("SELECT experiment_id, name, artifact_location FROM experiments").fetchall()
        for number, name, before in begun:
            own = "0" if name == "Default" else quote(name)
            after = f"{root}/{own}"
            if before == after or not (before.startswith("file:") and before.endswith(f"/artifacts/{own}")):
                continue
            database.execute("BEGIN IMMEDIATE")
            database.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (after, number))
            for table, column in PLACES.items():
                where = f"substr({column}, 1, ?) = ?"
                database.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {where}",  # noqa: S608  our own names
                    (f"{after}/", len(before) + 2, len(before) + 1, f"{before}/"),
                )
            database.execute("COMMIT")
