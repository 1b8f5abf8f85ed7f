"""Labelled rows to evaluate: a run's, or a file of real ones, read and checked against the task."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.errors import UsageError
from seedless.lms.adapters import coerce
from seedless.task import Task

__all__ = ["LabelledRows", "read_labelled"]

LEAST = 10
FORMS = "the folder of a run, or a .jsonl, .csv or .parquet file"


@dataclass(frozen=True)
class LabelledRows:
    """Rows of one task. `len(texts) == len(labels) == len(rows)`.

    Parameters
    ----------
    task
        Whose fields and labels they have.
    records
        Each row as a flat mapping: the task's fields and `label` (one of the task's), and whatever else it came with, such as
        `id` and `provenance`.
    source
        Where they come from, for messages.
    """

    task: Task
    records: tuple[Mapping[str, Any], ...]
    source: str

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Each row's fields as one text, in the task's order, a line each."""
        names = [field.name for field in self.task.fields]
        return tuple("\n".join(str(record[name]) for name in names) for record in self.records)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Each row's label as its place in `task.label_names`, shape (n,)."""
        places = {name: place for place, name in enumerate(self.task.label_names)}
        return np.asarray([places[record["label"]] for record in self.records], dtype=np.int64)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows of each label, shape (labels,)."""
        return np.bincount(self.labels, minlength=len(self.task.labels)).astype(np.int64)

    def column(self, field: str) -> tuple[str, ...]:
        """One field's texts."""
        return tuple(str(record[field]) for record in self.records)

    def take(self, places: Iterable[int]) -> "LabelledRows":
        """The rows at `places`, in that order."""
        return LabelledRows(self.task, tuple(self.records[int(place)] for place in places), self.source)

    def draw(self, counts: Sequence[int] | NDArray[np.int64], rng: np.random.Generator) -> "LabelledRows":
        """A random draw with `counts` rows of each label, fewer where there are fewer, in random order."""
        chosen: list[int] = []
        for label, count in enumerate(counts):
            having = np.flatnonzero(self.labels == label)
            chosen += rng.choice(having, size=min(int(count), len(having)), replace=False).tolist()
        return self.take(rng.permutation(chosen).tolist() if chosen else [])


def read_labelled(path: str | Path, task: Task, *, least: int = LEAST) -> LabelledRows:
    """The rows in `path`, each with every field of the task and one of its labels.

    Parameters
    ----------
    path
        The folder of a run, or a .jsonl, .csv or .parquet file. Other columns are kept and not looked at. A label may differ in case
        and quotation marks from the task's.
    least
        Rows that there must be.

    Raises
    ------
    UsageError
        If it cannot be read, is torn, or holds a row without a field, an unknown label, too few rows or a single label.
    """
    path = Path(path)
    file = path / "rows.jsonl" if path.is_dir() else path
    read = READERS.get(file.suffix)
    if read is None:
        raise UsageError(f"given the data {path}, allowed is {FORMS}; give one")
    names = [field.name for field in task.fields]
    records: list[Mapping[str, Any]] = []
    try:
        for number, record in read(file):
            records.append(_checked(record, f"{file}:{number}", names, task))
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror or error}); give {FORMS}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: is not UTF-8 text ({error.reason}); save it as UTF-8") from error
    if len(records) < least:
        raise UsageError(f"{file}: holds {len(records)} rows, at least {least} are needed; give more")
    having = {record["label"] for record in records}
    if len(having) < 2:
        raise UsageError(f"{file}: every row has the label {having.pop()!r}, at least two labels are needed; give rows of others")
    return LabelledRows(task, tuple(records), str(path))


def _checked(record: Mapping[str, Any], where: str, names: list[str], task: Task) -> Mapping[str, Any]:
    for name in [*names, "label"]:
        if record.get(name) is None:
            raise UsageError(
                f"{where}: has no {name!r}, the task {task.name!r} needs {', '.join([*names, 'label'])}; add it or name another task"
            )
    label = coerce(str(record["label"]), task.label_names)
    if label not in task.label_names:
        raise UsageError(
            f"{where}: has the label {label[:80]!r}, the task {task.name!r} has {', '.join(task.label_names)}; "
            "rename it or name another task"
        )
    return {**record, **{name: str(record[name]) for name in names}, "label": label}


def _jsonl(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            if not isinstance(record, dict):
                raise UsageError(f"{file}:{number}: is no JSON object (a torn line?); mend or remove it")
            yield number, record


def _csv(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with file.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        try:
            for record in reader:
                yield reader.line_num, record
        except csv.Error as error:
            raise UsageError(f"{file}:{reader.line_num}: cannot be read as CSV ({error}); mend the line") from error


def _parquet(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    import pyarrow.parquet
    from datasets import ClassLabel, Features

    try:
        table = pyarrow.parquet.read_table(file)
        features = Features.from_arrow_schema(table.schema)
    except pyarrow.ArrowInvalid as error:
        raise UsageError(f"{file}: cannot be read as parquet ({error}); give another file") from error
    kind = features.get("label")
    for number, record in enumerate(table.to_pylist(), 1):
        if isinstance(kind, ClassLabel) and record["label"] is not None:
            record["label"] = kind.int2str(record["label"])
        yield number, record


Reader = Callable[[Path], Iterator[tuple[int, Mapping[str, Any]]]]
READERS: Mapping[str, Reader] = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
