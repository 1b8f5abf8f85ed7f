"""A program on disk (`program.json`): instructions, demonstrations, phrasing and how they came about. Nothing in it is executed."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Never

from pydantic import ValidationError

from seedless.errors import SetupError, UsageError
from seedless.phrasing import Phrasing
from seedless.signatures.contexts import LABELS
from seedless.signatures.seeds import VIOLATIONS
from seedless.task import Task
from seedless.whole import whole

__all__ = ["FORMAT", "ProgramFile", "read_program", "write_program"]

FORMAT = 1
LIMIT = 8 * 1024 * 1024  # bytes; instructions and a few demonstrations are some thousands
LONGEST = 50_000  # characters of an instruction, or of a value in a demonstration
MOST_DEMOS = 200
TOLD_SINCE = frozenset({LABELS, VIOLATIONS})  # by what they are described as: inputs that older programs do not know
OWN = "seedless"  # the key beside the predictors' own under which everything of ours stands

Fields = Mapping[str, Sequence[Mapping[str, Any]]]  # by predictor: its signature's fields, as DSPy dumps them


@dataclass(frozen=True, slots=True)
class ProgramFile:
    """What a file holds: each predictor's state in DSPy's form, the phrasing, and the account of the compile that made it (empty without one)."""

    predictors: Mapping[str, Mapping[str, Any]]
    phrasing: Phrasing
    compiled: Mapping[str, Any]


def write_program(path: Path, task: Task, file: ProgramFile) -> None:
    """Write `file` as a program for `task`; a reader sees the old file or the new one.

    Raises
    ------
    SetupError
        If it cannot be written.
    """
    own: dict[str, Any] = {
        "format": FORMAT,
        "task": {"name": task.name, "hash": task.hash},
        "dspy": version("dspy"),
        "phrasing": file.phrasing.model_dump(mode="json", exclude_defaults=True),
        "compiled": dict(file.compiled),
    }
    # DSPy's own `load` reads the predictors and its versions, and passes over the rest.
    said: dict[str, Any] = {**file.predictors, "metadata": {"dependency_versions": {"dspy": own["dspy"]}}, OWN: own}
    own["checksum"] = _checksum(said)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_text(json.dumps(said, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    except OSError as error:
        raise SetupError(
            f"{path}: cannot be written ({error.strerror}); give a file in a folder that can be written: -o FILE"
        ) from error


def read_program(path: Path, task: Task, fields: Fields, *, lm: str) -> ProgramFile:
    """The program in the file at `path`, for `task` and predictors with these `fields`; `lm` is what messages call the LM that writes.

    Raises
    ------
    UsageError
        If the file cannot be read, was changed since it was written, was made by a newer version, for another task or for another
        kind of LM, or holds anything but words and numbers.
    """
    said = _parsed(path)
    own = said.pop(OWN, None)
    if not isinstance(own, dict):
        _refuse(path, "is no program of seedless", "give a file that `seedless compile` or `TarGEN.save` wrote")
    made = own.get("format")
    if isinstance(made, bool) or not isinstance(made, int) or made < 1:
        _refuse(path, "does not say which format it has", "give a file that `seedless compile` or `TarGEN.save` wrote")
    if made > FORMAT:
        _refuse(path, f"has the format {made}, this seedless reads up to {FORMAT}", "update seedless, or compile the program again")
    checksum = own.pop("checksum", None)
    if checksum != _checksum({**said, OWN: own}):
        _refuse(path, "was changed after it was written (its checksum differs)", "compile the program again")
    if set(own) != {"format", "task", "dspy", "phrasing", "compiled"}:
        _refuse(path, "holds more than instructions and demonstrations, which is not taken", "compile the program again")
    _check_origin(path, own, task)
    said.pop("metadata", None)
    _check_kind(path, own["compiled"], said, fields, lm)
    for name, state in said.items():
        _check_state(path, name, state, fields[name])
    try:
        phrasing = Phrasing.model_validate(own["phrasing"])
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in detail["loc"])
        _refuse(path, f"holds a phrasing that cannot be taken ({where}: {detail['msg']})", "compile the program again")
    phrasing.applied(task)
    if not isinstance(own["compiled"], dict):
        _refuse(path, "holds an account that is no mapping", "compile the program again")
    return ProgramFile({name: _with_fields(state, fields[name]) for name, state in said.items()}, phrasing, own["compiled"])


def _parsed(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(LIMIT + 1)
    except OSError as error:
        _refuse(
            path, f"cannot be read as a program ({error.strerror})", "give a file that `seedless compile` or `TarGEN.save` wrote"
        )
    if len(raw) > LIMIT:
        _refuse(path, f"has more than {LIMIT:,} bytes, a program has fewer", "is this a program?")
    try:
        said = json.loads(raw, parse_constant=_no_number)
        json.dumps(said, ensure_ascii=False).encode()  # half a character is no text, and no file or request can hold it
    except (ValueError, RecursionError) as error:
        _refuse(
            path, f"cannot be read as a program ({' '.join(str(error).split())[:200]})", "give a file that `seedless compile` wrote"
        )
    if not isinstance(said, dict):
        _refuse(path, "is no program of seedless", "give a file that `seedless compile` or `TarGEN.save` wrote")
    return said


def _check_origin(path: Path, own: Mapping[str, Any], task: Task) -> None:
    """Refuse a program for another task, and one that a newer DSPy wrote: it may mean something else there."""
    made_for = own["task"]
    if not isinstance(made_for, dict) or set(made_for) != {"name", "hash"}:
        _refuse(path, "does not say for which task it was made", "compile the program again")
    if made_for["hash"] != task.hash:
        what = (
            f"was made for another version of the task {task.name!r} (hash {str(made_for['hash'])[:16]}, now {task.hash})"
            if made_for["name"] == task.name
            else f"was made for the task {str(made_for['name'])[:80]!r}, not for {task.name!r}"
        )
        _refuse(path, what, "compile one for this task: seedless compile TASK -o FILE")
    theirs, ours = _numbers(own["dspy"]), _numbers(version("dspy"))
    if not theirs:
        _refuse(path, "does not say which DSPy wrote it", "compile the program again")
    if theirs[:2] > ours[:2]:
        _refuse(
            path, f"was written with DSPy {own['dspy']}, here is {version('dspy')}", "update dspy, or compile the program again"
        )


def _check_kind(path: Path, account: object, said: Mapping[str, object], fields: Fields, lm: str) -> None:
    """Refuse a program of other predictors: another LM's are asked for other fields, another verifier may have one of its own."""
    compiled = account if isinstance(account, dict) else {}
    theirs = str(compiled["lm"])[:80] if "lm" in compiled else None
    other = set(said) != set(fields)
    if other or (theirs not in {None, lm} and any(not _same_fields(state, fields[name]) for name, state in said.items())):
        read = f", read by {'embeddings' if compiled['verifier'] == 'embedding' else 'an LM'}" if "verifier" in compiled else ""
        _refuse(
            path,
            f"was made for {f'the LM {theirs}' if theirs else 'another LM'}{read}; the LM {lm} here is asked or read in another way",
            "write with that LM (--lm) and verifier (--verifier), or compile one for this LM: seedless compile TASK -o FILE",
        )


def _same_fields(state: object, fields: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a predictor's fields are those here, or were before it was told more. Their prefixes may be others: COPRO writes some of its own, and
    no prompt says them."""
    signature = state.get("signature") if isinstance(state, dict) else None
    theirs = signature.get("fields") if isinstance(signature, dict) else None
    return isinstance(theirs, list) and any(
        len(theirs) == len(own) and all(map(_same_field, theirs, own)) for own in (fields, _told_before(fields))
    )


def _same_field(theirs: object, own: Mapping[str, Any]) -> bool:
    return isinstance(theirs, dict) and {**own, "prefix": theirs.get("prefix")} == theirs and _text(theirs["prefix"])


def _told_before(fields: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The fields without those that older programs do not know."""
    return [field for field in fields if field["description"] not in TOLD_SINCE]


def _with_fields(state: Mapping[str, Any], fields: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """A checked predictor's state with every field that is here; what it says of one stays."""
    signature = state["signature"]
    if len(signature["fields"]) == len(fields):
        return state
    theirs = iter(signature["fields"])
    told = [own if own["description"] in TOLD_SINCE else next(theirs) for own in fields]
    return {**state, "signature": {**signature, "fields": told}}


def _check_state(path: Path, name: str, state: object, fields: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a predictor's state that holds anything but instructions, fields as they are here, and demonstrations."""
    more, way = "holds more than instructions and demonstrations, which is not taken", "give a file that `save` wrote"
    if not isinstance(state, dict) or set(state) - {"traces", "train", "demos", "signature", "lm"}:
        _refuse(path, f"{name} {more}", way)
    if state.get("lm") is not None:
        _refuse(path, f"{name} names an LM of its own, which is not taken from a file", "save the program without one")
    signature, demos = state.get("signature"), state.get("demos", [])
    if not isinstance(signature, dict) or not _same_fields(state, fields) or not _text(signature.get("instructions")):
        _refuse(path, f"{name} was saved for other fields, or without its instructions", "give a program saved for this task")
    if any(state.get(key, []) != [] for key in ("traces", "train")) or set(signature) - {"instructions", "fields"}:
        _refuse(path, f"{name} {more}", way)
    if not isinstance(demos, list) or len(demos) > MOST_DEMOS or not all(isinstance(demo, dict) and _words(demo) for demo in demos):
        _refuse(path, f"the demonstrations of {name} are no list of rows", way)


def _words(demo: Mapping[str, object]) -> bool:
    """Whether a demonstration holds words and numbers only."""
    return all(
        isinstance(value, bool | int | float)
        or _text(value)
        or (isinstance(value, list) and len(value) <= 1000 and all(map(_text, value)))
        for value in demo.values()
    )


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST


def _numbers(given: object) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d{1,9}", given)) if isinstance(given, str) else ()


def _checksum(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def _no_number(given: str) -> Never:
    raise ValueError(f"{given} is no number of JSON's")


def _refuse(path: Path, what: str, way: str) -> Never:
    raise UsageError(f"{path}: {what}; {way}")
