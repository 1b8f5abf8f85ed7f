"""The user's own labelled rows: read, checked, and split into a half to choose with and a half to report with."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedless.errors import UsageError
from seedless.task import Task
from seedless.text import words

__all__ = ["DevRow", "dev_rows", "halves", "read_dev"]

FEWEST, MOST = 20, 200  # rows
LONGEST = 16 * 1024 * 1024  # bytes


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
    """The labelled rows in a file of JSON lines: an object a line, with the task's fields and `label`; other keys are passed over.

    Raises
    ------
    UsageError
        If the file cannot be read, or its rows do not fit the task; the message names the line.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); give a file of JSON lines: --dev FILE") from error
    if len(raw) > LONGEST:
        raise UsageError(f"{path}: more than {LONGEST:,} bytes; give {FEWEST} to {MOST} rows: --dev FILE")
    records: list[tuple[str, Any]] = []
    for number, line in enumerate(raw.splitlines(), 1):
        if not line.strip():
            continue
        try:
            records.append((f"{path}:{number}", json.loads(line)))
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}:{number}: is no JSON object; write one row a line: {_example(task)}") from error
    return _checked(records, str(path), task)


def dev_rows(rows: Iterable[Any], task: Task) -> tuple[DevRow, ...]:
    """The labelled rows of a list of mappings, or of a `datasets.Dataset` whose `label` is a name or a `ClassLabel`.

    Raises
    ------
    UsageError
        If they do not fit the task; the message counts rows from 1.
    """
    names = getattr((getattr(rows, "features", None) or {}).get("label"), "names", None)
    records = list(rows)
    if names is not None:
        records = [{**record, "label": names[record["label"]]} for record in records]
    return _checked([(f"row {i}", record) for i, record in enumerate(records, 1)], "the dev rows", task)


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


def _checked(records: list[tuple[str, Any]], source: str, task: Task) -> tuple[DevRow, ...]:
    rows: list[DevRow] = []
    met: dict[tuple[str, ...], str] = {}
    for where, record in records:
        row = _row(where, record, task)
        key = tuple(words(row.text))
        if key in met:
            raise UsageError(f"{where}: holds the same text as {met[key]}, so the two halves would share it; leave one out")
        met[key] = where
        rows.append(row)
    if not FEWEST <= len(rows) <= MOST:
        raise UsageError(f"{source}: {len(rows)} rows, {FEWEST} to {MOST} labelled rows are allowed; give as many: --dev FILE")
    counts = Counter(row.label for row in rows)
    if scarce := [label for label in task.label_names if counts[label] < 2]:
        raise UsageError(
            f"{source}: {counts[scarce[0]]} rows of the label {scarce[0]!r}, at least 2 of each label are needed, one for each half; add some"
        )
    return tuple(rows)


def _row(where: str, record: Any, task: Task) -> DevRow:
    if not isinstance(record, Mapping):
        raise UsageError(f"{where}: is no row; write one as {_example(task)}")
    for name in (*(field.name for field in task.fields), "label"):
        if not isinstance(record.get(name), str) or not record[name].strip():
            raise UsageError(f"{where}: has no text under {name!r}; write a row as {_example(task)}")
    if record["label"] not in task.label_names:
        raise UsageError(
            f"{where}: given the label {record['label'][:80]!r}, the task {task.name!r} has {', '.join(task.label_names)}; use one of them"
        )
    return DevRow({field.name: " ".join(record[field.name].split()) for field in task.fields}, record["label"])


def _example(task: Task) -> str:
    return json.dumps({**{field.name: "..." for field in task.fields}, "label": task.label_names[0]})
