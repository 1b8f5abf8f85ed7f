"""A run as its folder records it: rows, refusals and ledger, read and checked against each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedless.errors import UsageError
from seedless.files import check_row, read_ledger, read_refusals, read_rows
from seedless.ledger import Ledger
from seedless.run.journal import check_ended
from seedless.task import Task
from seedless.taskfile import TaskLike, recorded_task, task_of
from seedless.wording import listed

__all__ = ["Record", "RecordedRun", "read_run"]

Record = Mapping[str, Any]


@dataclass(frozen=True)
class RecordedRun:
    """What a run left behind.

    Parameters
    ----------
    folder
        Where it lies.
    rows, refusals
        The records of `rows.jsonl` and `refusals.jsonl`, in their order. Every row has an `id`, a text for each field, a
        `label` among `labels` and a `provenance`.
    ledger
        What the run asked for, got and spent.
    fields, labels
        Their names, in the task's order.
    task
        The task, where it is known: meanings and descriptions come from it.
    """

    folder: Path
    rows: tuple[Record, ...]
    refusals: tuple[Record, ...]
    ledger: Ledger
    fields: tuple[str, ...]
    labels: tuple[str, ...]
    task: Task | None

    @property
    def name(self) -> str:
        """The task's name."""
        return self.ledger.settings["task"]

    def texts(self) -> tuple[str, ...]:
        """Each row's fields as one text, a line each."""
        return tuple("\n".join(str(row[field]) for field in self.fields) for row in self.rows)


def read_run(folder: Path, task: TaskLike | None = None) -> RecordedRun:
    """The run in `folder`.

    Parameters
    ----------
    folder
        Of a run that has ended, complete or short.
    task
        The run's task. Left out, it is the built-in one that the run names, if that is still the same; otherwise the run's own
        files say which labels and fields there are, and nobody says what they mean.

    Raises
    ------
    UsageError
        If there is no run, it has not ended, a file is torn, or `task` is not what made it.
    """
    check_ended(folder)
    rows = tuple(read_rows(folder))
    ledger = read_ledger(folder)
    labels = tuple(ledger.per_label)
    known = task_of(task) if task is not None else recorded_task(ledger.settings)
    if known is not None and set(known.label_names) != set(labels):
        raise UsageError(
            f"given the task {known.name!r} with the labels {listed(known.label_names)}, the run in {folder} has {listed(labels)}; "
            "name the task that made it"
        )
    names = tuple(field.name for field in known.fields) if known is not None else _fields(rows)
    for number, row in enumerate(rows, 1):
        _check(row, f"{folder / 'rows.jsonl'}:{number}", names, labels)
    refusals = tuple(read_refusals(folder))
    for number, refusal in enumerate(refusals, 1):
        _check_refusal(refusal, f"{folder / 'refusals.jsonl'}:{number}")
    return RecordedRun(folder, rows, refusals, ledger, names, labels, known)


def _fields(rows: tuple[Record, ...]) -> tuple[str, ...]:
    return tuple(name for name in rows[0] if name not in {"id", "label", "provenance"}) if rows else ()


def _check(row: Record, where: str, fields: tuple[str, ...], labels: tuple[str, ...]) -> None:
    check_row(row, where, fields, labels)
    if not isinstance(row.get("provenance"), dict):
        raise UsageError(f"{where}: has no provenance; give the run's `seedless generate` command again to make the file anew")


def _check_refusal(refusal: Record, where: str) -> None:
    broken, texts = refusal.get("broken"), refusal.get("texts")
    told = isinstance(broken, list) and broken and all(isinstance(b, dict) and {"assertion", "sentence"} <= set(b) for b in broken)
    if not told or not isinstance(texts, dict) or not isinstance(refusal.get("asked_label"), str):
        raise UsageError(f"{where}: is no refusal; give the run's `seedless generate` command again to make the file anew")
