"""Labelled rows to evaluate: a run's, or a file of real ones, read and checked against the task."""

import csv
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from seedless.errors import UsageError
from seedless.lms.reading import coerce
from seedless.outcome import Refusal
from seedless.task import Task
from seedless.text import writable
from seedless.wording import listed

__all__ = ["LabelledRows", "digest_of", "files_of", "given_records", "read_labelled", "records_of"]

LEAST = 10
LONGEST = 2**31 - 1  # characters of a CSV cell: as many as the csv module can be told everywhere
LONGEST_TEXT = 1_000_000  # characters of a field: a table can repeat a longer one for a few bytes each
BATCH = 64  # rows of a table that are in memory at once beside those that were read
BESIDE = ("id", "provenance")  # the columns that are used where there are any, beside the task's fields and `label`
FORMS = "the folder of a run or of a data set, or a .jsonl, .csv or .parquet file"
SHARD = re.compile(r"-\d{5}(?=-of-\d{5}$)")  # what tells a table's parts apart: train-00000-of-00002


@dataclass(frozen=True)
class LabelledRows:
    """Rows of one task. `len(texts) == len(labels) == len(records)`.

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

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Rows of each label, shape (labels,)."""
        return np.bincount(self.labels, minlength=len(self.task.labels)).astype(np.int64)

    def name_of(self, place: int) -> str:
        """How messages and findings name a row: by its `id`, or by its number, from 1, where it has none."""
        return str(self.records[place].get("id", place + 1))

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


def digest_of(records: Iterable[Mapping[str, Any]], fields: Iterable[str]) -> str:
    """A name for rows with these texts and labels, whatever their order and whatever else they came with."""
    names = sorted({*fields, "label"})
    each = sorted(hashlib.sha256(json.dumps([str(record[name]) for name in names]).encode()).digest() for record in records)
    return hashlib.sha256(b"".join(each)).hexdigest()


def read_labelled(given: str | Path | Iterable[Any], task: Task, *, least: int = LEAST, called: str = "row") -> LabelledRows:
    """The rows of `given`, each with every field of the task and one of its labels.

    Parameters
    ----------
    given
        A path as `files_of` takes it, or rows as `given_records` does. Of other columns than the task's fields, `label`, `id` and `provenance` nothing is
        looked at, and of a table's they are not read. A label may differ in case and quotation marks from the task's. A field may have a
        million characters.
    task
        Whose fields and labels the rows must have.
    least
        Rows that there must be, two at least.
    called
        What a row that is in no file is called in messages.

    Raises
    ------
    UsageError
        If it cannot be read, is torn, has one of these columns twice, or holds a row without a field, an unknown label, too few rows or a single label. An empty text
        counts as none: in a CSV file nothing else stands for one that is missing.
    """
    if isinstance(given, str | Path):
        source, files = str(given), files_of(Path(given))
        where = str(files[0]) if len(files) == 1 else source
        records = [record for _, record in records_of(Path(given), task)]
    else:
        source = where = f"the {called}s"
        records = [record for _, record in given_records(given, task, called=called)]
    if len(records) < (needed := max(least, 2)):
        raise UsageError(f"{where}: holds {len(records)} rows, at least {needed} are needed; give more")
    having = {record["label"] for record in records}
    if len(having) < 2:
        raise UsageError(f"{where}: every row has the label {having.pop()!r}, at least two labels are needed; give rows of others")
    return LabelledRows(task, tuple(records), source)


def records_of(path: Path, task: Task) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row in `path` as `read_labelled` takes it, however many there are, with where it stands, for messages.

    Raises
    ------
    UsageError
        At the row that cannot be used, or if the file cannot be read.
    """
    for file in files_of(path):
        read = READERS.get(file.suffix.lower())
        if read is None:
            raise UsageError(f"given the data {path}, allowed is {FORMS}; give one")
        try:
            yield from _all_checked(((f"{file}:{number}", record) for number, record in read(file, _used(task))), task)
        except OSError as error:
            raise UsageError(f"{file}: cannot be read ({error.strerror or error}); give {FORMS}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{file}: is not UTF-8 text ({error.reason}); save it as UTF-8") from error


def given_records(rows: Iterable[Any], task: Task, *, called: str = "row") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row with where it stands, counted from 1: of a list of mappings, of `Row`s or of DSPy's examples, of a `datasets.Dataset` whose `label` is a name or a
    `ClassLabel`, of a data frame (pandas', polars') or of pyarrow's table.

    Raises
    ------
    UsageError
        At the row that cannot be used, or if these are no rows.
    """
    each: Any = rows
    if isinstance(each, str | bytes | Mapping) or not (isinstance(each, Iterable) or hasattr(each, "to_pylist")):
        raise UsageError(
            f"given {type(rows).__name__!r} as the {called}s, allowed is {FORMS}, a list of rows, a data set or a data frame; give one"
        )
    names = getattr((getattr(rows, "features", None) or {}).get("label"), "names", None)
    if hasattr(each, "with_format"):  # a data set may give its rows as arrays
        each = each.with_format(None)
    if hasattr(each, "iterrows"):  # a data frame's own iterator gives its columns' names
        each = _frame(each, _once(_used(task), list(each.columns), f"the {called}s"))
    elif hasattr(each, "iter_rows"):  # polars'
        columns = _once(_used(task), list(each.columns), f"the {called}s")
        each = (each.select(columns) if columns else each).iter_rows(named=True)
    elif hasattr(each, "to_pylist") and hasattr(each, "column_names"):  # pyarrow's iterator gives columns
        names = _class_names(each.schema)
        columns = _once(_used(task), list(each.column_names), f"the {called}s")
        each = (each.select(columns) if columns else each).to_pylist()
    elif hasattr(each, "select_columns") and (columns := _once(_used(task), each.column_names or (), f"the {called}s")):
        each = each.select_columns(columns)

    def given() -> Iterator[tuple[str, Mapping[str, Any]]]:
        for number, record in enumerate(each, 1):
            if isinstance(getattr(record, "outcome", record), Refusal):  # what `TarGEN` returns has one
                raise UsageError(f"{called} {number}: is a Refusal, which is no row; leave it out")
            if hasattr(record, "toDict"):  # a `Row`, or DSPy's example
                record = record.toDict()
            if not isinstance(record, Mapping):
                raise UsageError(f"{called} {number}: is no row; write one as {_example(task)}")
            if names is not None and isinstance(place := record["label"], int):
                record = {**record, "label": _named_label(place, names)}
            yield f"{called} {number}", record

    return _all_checked(given(), task)


def _frame(frame: Any, columns: list[str]) -> Iterator[Mapping[str, Any]]:
    """A data frame's rows with these columns."""
    for start in range(0, len(frame), BATCH):
        part = frame.iloc[start : start + BATCH]
        yield from part[columns].to_dict("records") if columns else ({} for _ in range(len(part)))


def _used(task: Task) -> tuple[str, ...]:
    """The columns that are used where there are any."""
    return (*(field.name for field in task.fields), "label", *BESIDE)


def _once(used: Sequence[str], columns: Sequence[Any], where: str) -> list[str]:
    """Those of `used` that are among `columns`.

    Raises
    ------
    UsageError
        If one stands there more than once: which is meant cannot be told.
    """
    for name in used:
        if (times := columns.count(name)) > 1:
            raise UsageError(f"{where}: {times} columns are called {name!r}, one is allowed; rename or remove the others")
    return [name for name in used if name in columns]


def _all_checked(records: Iterable[tuple[str, Mapping[str, Any]]], task: Task) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each of `records`, which stand with where they are from, with its fields as text and its label as the task writes it."""
    meant = {name: name for name in task.label_names}
    for where, record in records:
        yield where, _checked(record, where, task, meant)


def files_of(path: Path) -> tuple[Path, ...]:
    """The files that are meant: of a run's folder its rows, of a data set's (`export --format parquet`, `save_to_disk`, a hub's) its table, which may be in parts.

    Raises
    ------
    UsageError
        If there is no such file in a folder, or there are several tables.
    """
    rows = path / "rows.jsonl"
    if not path.is_dir() or rows.exists():
        return (rows if path.is_dir() else path,)
    tables = sorted(file for pattern in ("data/*.parquet", "*.parquet", "*.arrow") for file in path.glob(pattern))
    if not tables:
        raise UsageError(f"{path}: holds neither a run's rows.jsonl nor a table (.parquet, .arrow); give {FORMS}")
    if len(several := {SHARD.sub("", file.stem): str(file) for file in tables}) > 1:
        raise UsageError(f"{path}: holds several tables ({listed([*several.values()])}); give one of these files")
    return tuple(tables)


def _checked(record: Mapping[str, Any], where: str, task: Task, meant: dict[str, str]) -> Mapping[str, Any]:
    """The record with its fields as text and its label as the task writes it; `meant` remembers what each given label means."""
    needed = (*(field.name for field in task.fields), "label")
    said: dict[str, str] = {}
    for name in needed:
        value = record.get(name)
        if value is not None and not isinstance(value, str | int | float):
            raise UsageError(f"{where}: has a {type(value).__name__} as {name!r}, a text is allowed; write it as one")
        missing = value is None or value != value  # NaN, unlike itself, is how tables write it
        text = str.__str__(value) if isinstance(value, str) else str(value)  # an enumeration's own `str` gives its name
        said[name] = "" if missing else text
        if not said[name].strip():
            raise UsageError(
                f"{where}: has no {name!r}, the task {task.name!r} needs {', '.join(needed)}; add it or name another task"
            )
        if len(said[name]) > LONGEST_TEXT:
            raise UsageError(
                f"{where}: has {len(said[name])} characters in {name!r}, {LONGEST_TEXT} are allowed; shorten it or split the row"
            )
        if writable(said[name]) != said[name]:
            raise UsageError(f"{where}: has half a character in {name!r} (a lone surrogate), which is no text; mend or remove it")
    given = said["label"]
    if given not in meant:
        label = coerce(given, task.label_names)
        if label not in task.label_names:
            raise UsageError(
                f"{where}: has the label {label[:80]!r}, the task {task.name!r} has {listed(task.label_names)}; rename it or name another task"
            )
        meant[given] = label
    return {**record, **said, "label": meant[given]}


def _example(task: Task) -> str:
    return json.dumps({**{field.name: "..." for field in task.fields}, "label": task.label_names[0]})


def _jsonl(file: Path, _used: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with file.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                record = None
            if not isinstance(record, dict):
                raise UsageError(f"{file}:{number}: is no JSON object (a torn line?); mend or remove it")
            yield number, record


def _csv(file: Path, used: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        head = lines.readline()
        if (other := _separator(head)) is not None:
            raise UsageError(
                f"{file}: its header {head.strip()[:80]!r} is one cell; commas separate the cells of a .csv file here, and this one "
                f"seems to use a {other}; save it with commas"
            )
        reader = csv.DictReader(
            chain([head], lines), strict=True
        )  # else a text whose quotation marks do not close ends where the file does
        limit = csv.field_size_limit(LONGEST)  # the process's, so what others set is put back
        try:
            _once(used, list(reader.fieldnames or ()), str(file))
            for record in reader:
                if None in record:
                    raise UsageError(
                        f"{file}:{reader.line_num}: has more cells than the header; put texts that hold a comma in quotation marks"
                    )
                yield reader.line_num, record
        except csv.Error as error:
            line = reader.reader.line_num  # its own is that of the last row that could be read
            raise UsageError(f"{file}:{line}: cannot be read as CSV ({error}); mend the line") from error
        finally:
            csv.field_size_limit(limit)


def _separator(head: str) -> str | None:
    """What seems to separate the cells of a header that holds `label` and no comma, if anything does."""
    for sign, name in ((";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")):
        cells = [cell.strip().strip('"') for cell in head.split(sign)]
        if len(cells) > 1 and "label" in cells and "," not in head:
            return name
    return None


def _table(file: Path, used: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """A parquet file's rows, or an arrow file's as `save_to_disk` writes it: the columns that are `used`, a few rows at a time."""
    import pyarrow as pa

    form, number = file.suffix.lower().removeprefix("."), 0
    with file.open("rb") as source:
        column = ""
        batches = (_parquet if form == "parquet" else _arrow)(source, used, str(file))
        while True:
            try:
                names, batch = next(batches)
                columns: dict[str, list[Any]] = {}
                for column in batch.schema.names:
                    columns[column] = batch.column(column).to_pylist()
            except StopIteration:
                return
            except (
                pa.ArrowException,
                OSError,
                ValueError,
                OverflowError,
                KeyError,
            ) as error:  # of a time zone or a number that Python has not
                said = " ".join(str(error).split())[:200]
                where = f", the column {column!r} from row {number + 1} on" if column else ""
                raise UsageError(f"{file}: cannot be read as {form}{where} ({said}); give another file") from error
            column = ""
            for row in range(batch.num_rows):
                number += 1
                record = {name: values[row] for name, values in columns.items()}
                if names is not None and record["label"] is not None:
                    record["label"] = _named_label(record["label"], names)
                yield number, record


def _parquet(source: BinaryIO, used: Sequence[str], where: str) -> Iterator[tuple[list[str] | None, Any]]:
    """A parquet file's rows of the columns that are `used`, `BATCH` at a time, each with what the label's numbers stand for."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(source, pre_buffer=False)
    names = _class_names(table.schema_arrow)
    columns = _once(used, table.schema_arrow.names, where)
    for batch in table.iter_batches(batch_size=BATCH, columns=columns):
        yield names, batch


def _arrow(source: BinaryIO, used: Sequence[str], where: str) -> Iterator[tuple[list[str] | None, Any]]:
    """As `_parquet`, of an arrow file."""
    import pyarrow as pa

    schema = pa.ipc.open_stream(source).schema
    source.seek(0)
    columns = _once(used, schema.names, where)
    chosen = pa.ipc.IpcReadOptions(included_fields=[schema.names.index(name) for name in columns])
    names = _class_names(schema)
    for batch in pa.ipc.open_stream(source, options=chosen):
        for start in range(0, batch.num_rows, BATCH):
            yield names, batch.slice(start, BATCH)


def _named_label(place: int, names: Sequence[str]) -> str | None:
    """The label that a number stands for in Hugging Face's data sets; None for -1, a hidden one."""
    return names[place] if 0 <= place < len(names) else None


def _class_names(schema: Any) -> list[str] | None:
    """The names that the numbers in the column `label` stand for, where the file says so as Hugging Face's data sets do."""
    if b"huggingface" not in (schema.metadata or {}):
        return None
    from datasets import ClassLabel, Features

    try:
        kind = Features.from_arrow_schema(schema).get("label")
    except (ValueError, KeyError, TypeError, AttributeError):  # what somebody else's tool put there says nothing of the labels
        return None
    return list(kind.names) if isinstance(kind, ClassLabel) else None


Reader = Callable[[Path, Sequence[str]], Iterator[tuple[int, Mapping[str, Any]]]]
READERS: Mapping[str, Reader] = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _table, ".arrow": _table}
