"""The user's own labelled rows: read, checked, and split into a half to choose with and a half to report with."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedless.errors import UsageError
from seedless.evals.labelled import given_records, records_of
from seedless.task import Task
from seedless.text import normalized

__all__ = ["DevRow", "dev_rows", "halves", "read_dev"]

FEWEST, MOST = 20, 200  # rows


@dataclass(frozen=True, slots=True)
class DevRow:
    """One real row: its texts by field name, in the task's order, and its label."""

    texts: Mapping[str, str]
    label: str

    @property
    def text(self) -> str:
        """All fields as one text, a line each."""
        return "\n".join(self.texts.values())


def read_dev(path: Path, task: Task) -> tuple[DevRow, ...]:
    """The labelled rows in a file, or in the folder of a run, as `evaluate` reads them.

    Raises
    ------
    UsageError
        If the file cannot be read, or its rows do not fit the task; the message names the line.
    """
    return _taken(records_of(path, task), str(path), task)


def dev_rows(rows: Iterable[Any], task: Task) -> tuple[DevRow, ...]:
    """The labelled rows of a list of mappings, a `datasets.Dataset` or a data frame, as `evaluate` reads them.

    Raises
    ------
    UsageError
        If they do not fit the task; the message counts rows from 1.
    """
    return _taken(given_records(rows, task), "the dev rows", task)


def halves(rows: Iterable[DevRow], seed: int) -> tuple[tuple[DevRow, ...], tuple[DevRow, ...]]:
    """The rows split in two, each label's rows as evenly as they go: a half to choose with, and a half to report with.

    `abs(len(choose) - len(report)) <= 1`; the same rows and seed give the same halves, whatever the rows' order.
    """
    rng = random.Random(f"{seed}/dev")
    by_label: dict[str, list[DevRow]] = {}
    for row in sorted(rows, key=lambda row: (row.label, row.text)):
        by_label.setdefault(row.label, []).append(row)
    sides: tuple[list[DevRow], list[DevRow]] = ([], [])
    dealt = 0
    for label in sorted(by_label):
        rng.shuffle(by_label[label])
        for row in by_label[label]:
            sides[dealt % 2].append(row)
            dealt += 1
    return tuple(sides[0]), tuple(sides[1])


def _taken(records: Iterable[tuple[str, Mapping[str, Any]]], source: str, task: Task) -> tuple[DevRow, ...]:
    """The rows that a compile can do with: enough of them, of each label, and each text once."""
    rows: list[DevRow] = []
    met: dict[str, str] = {}
    for where, record in records:
        row = DevRow({field.name: " ".join(record[field.name].split()) for field in task.fields}, record["label"])
        if (key := normalized(row.text)) in met:
            raise UsageError(f"{where}: holds the same text as {met[key]}, so the two halves would share it; leave one out")
        met[key] = where
        rows.append(row)
        if len(rows) > MOST:
            break
    if not FEWEST <= len(rows) <= MOST:
        given = f"more than {MOST}" if len(rows) > MOST else str(len(rows))
        raise UsageError(f"{source}: {given} rows, {FEWEST} to {MOST} labelled rows are allowed; give as many: --dev FILE")
    counts = Counter(row.label for row in rows)
    if scarce := [label for label in task.label_names if counts[label] < 2]:
        raise UsageError(
            f"{source}: {counts[scarce[0]]} rows of the label {scarce[0]!r}, at least 2 of each label are needed, one for each half; add some"
        )
    return tuple(rows)
