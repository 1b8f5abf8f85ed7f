"""A run's files, read and checked: rows, refusals and the ledger, as whoever made or mended them left them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seedless.errors import SetupError, UsageError
from seedless.ledger import Ledger
from seedless.wording import listed

__all__ = ["TooMuch", "check_row", "parsed", "read_ledger", "read_refusals", "read_rows", "run_folder"]

DEEPEST = 64  # levels of a record; ours have a few
LONGEST = 18  # digits of a whole number

Record = Mapping[str, Any]


def run_folder(given: str | Path) -> Path:
    """The folder of a run, which `given` is the path of.

    Raises
    ------
    UsageError
        If it is no path, such as the rows that `generate` returns.
    """
    if not isinstance(given, str | Path):
        raise UsageError(
            f"given {type(given).__name__!r} as a run, the path of its folder is allowed; give it: generate(..., out=DIR) makes one"
        )
    return Path(given)


def read_rows(folder: Path) -> Iterator[dict[str, Any]]:
    """The records in a run's `rows.jsonl`.

    Raises
    ------
    UsageError
        If there is none, or a line is no JSON object.
    """
    yield from _records(folder / "rows.jsonl")


def read_refusals(folder: Path) -> Iterator[dict[str, Any]]:
    """The records in a run's `refusals.jsonl`; it is there, if empty, after every run.

    Raises
    ------
    UsageError
        If there is none, or a line is no JSON object.
    """
    yield from _records(folder / "refusals.jsonl")


def _records(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    record = parsed(line)
                except ValueError as error:
                    record = error
                if not isinstance(record, dict):
                    raise UsageError(
                        f"{path}:{number}: is no JSON object{f' ({record})' if isinstance(record, TooMuch) else ''}; the file is torn or not a run's: run `seedless generate` in its folder again"
                    )
                yield record
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); give the folder of a run: seedless generate TASK -n N -o DIR makes one"
        ) from error


def read_ledger(folder: Path) -> Ledger:
    """A run's `ledger.json`.

    Raises
    ------
    UsageError
        If there is none, or it is not what a run writes.
    SetupError
        If it cannot be read.
    """
    path = folder / "ledger.json"
    try:
        return Ledger.model_validate(parsed(path.read_bytes()))
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: is not there: the run has not ended, or the folder is none of a run; give its `seedless generate` command again"
        ) from error
    except OSError as error:
        raise SetupError(f"{path}: cannot be read ({error.strerror}); make it readable") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        said = ": ".join([".".join(map(str, first["loc"])), first["msg"]] if first["loc"] else [first["msg"]])
    except ValueError as error:
        said = str(error)
    raise UsageError(
        f"{path}: is torn or no ledger ({' '.join(said.split())[:300]}); give the run's `seedless generate` command again"
    )


class TooMuch(ValueError):
    """JSON that is nested, or holds a number, beyond what any file of ours does."""


def parsed(text: bytes, *, constant: Callable[[str], Any] = float) -> Any:
    """What `text` holds as JSON; `constant` is given NaN and Infinity.

    Raises
    ------
    ValueError
        If it holds none, is no UTF-8, or holds what no file of ours does.
    """
    try:
        found = json.loads(text.decode("utf-8"), parse_int=_whole_number, parse_constant=constant)
    except RecursionError as error:
        raise TooMuch("nested too deeply") from error
    if text.count(b"[") + text.count(b"{") > DEEPEST:
        level: Sequence[Any] = [found]
        for _ in range(DEEPEST):
            level = [
                part
                for each in level
                for part in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
            ]
        if level:
            raise TooMuch("nested too deeply")
    return found


def _whole_number(digits: str) -> int:
    if len(digits) > LONGEST:
        raise TooMuch(f"a number of {len(digits)} digits")
    return int(digits)


def check_row(record: Record, where: str, fields: Sequence[str], labels: Sequence[str], *, whose: str = "the run") -> None:
    """That a row has an `id`, each of the `fields` and a label as texts, the label one of `labels`; `where` it stands, and `whose` they are, is said.

    Raises
    ------
    UsageError
        If it has not.
    """
    for name in ("id", *fields, "label"):
        if not isinstance(record.get(name), str):
            raise UsageError(
                f"{where}: {name!r} is {'missing' if name not in record else 'no text'}, a row has {', '.join(['id', *fields, 'label'])}; "
                "mend the line, or name the task that made it"
            )
    if record["label"] not in labels:
        raise UsageError(
            f"{where}: has the label {record['label'][:80]!r}, {whose} has {listed(labels)}; mend the line, or name the task that made it"
        )
