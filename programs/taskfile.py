"""Reading task files: strict YAML, every complaint with the file's line. Reading one never runs code."""

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from seedless.assertions import NAME, kinds
from seedless.errors import TaskError, UsageError
from seedless.slips import ENDINGS
from seedless.task import Attribute, Contexts, Field, Label, Misfit, Seeds, Task

__all__ = ["TaskLike", "built_in_tasks", "load_task", "read_task", "recorded_task", "task_of", "task_schema"]

TaskLike: TypeAlias = Task | str | Path | Mapping[str, Any]
"""A task, the name of a built-in one, the path of a task file, or what such a file holds."""

PARTS: Mapping[str, type[BaseModel]] = {
    "attributes": Attribute,
    "contexts": Contexts,
    "fields": Field,
    "labels": Label,
    "seeds": Seeds,
}
LIMIT = 256 * 1024  # bytes; a task file is a page or two
DEPTH = 20
LONGEST_NUMBER = 40  # characters

UNQUOTED = ("expected ',' or", "expected <block end>", "mapping values are not allowed", "cannot start any token")
"""What YAML says of texts that stand without quotes and hold its own signs."""
BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("of at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("of at most", "le"),
}
"""What pydantic calls a number out of bounds, in words, and where it says the bound."""
FEW_WORDS = 3  # of a phrase in a list
ASKED = "…"  # stands for what is to be written
EXAMPLES: Mapping[str, Mapping[str, str | int]] = {
    "contexts": {"hint": "topics of the texts"},
    "seeds": {"hint": "details that they mention"},
    "values": {"in a few words": 1, "at length": 1},
}
"""What a missing mapping may look like."""

Path_ = tuple[str | int, ...]


def built_in_tasks() -> tuple[str, ...]:
    """Names of the tasks that ship with the package, sorted."""
    return tuple(
        sorted(entry.name.removesuffix(".yaml") for entry in files("seedless.tasks").iterdir() if entry.name.endswith(".yaml"))
    )


def load_task(name_or_path: str | Path) -> Task:
    """The built-in task of that name, or the one in the file at that path.

    Raises
    ------
    TaskError
        If there is no such task, the file cannot be read, or it breaks the task model; the message names the line.
    """
    given = str(name_or_path)
    if given in built_in_tasks():
        return read_task((files("seedless.tasks") / f"{given}.yaml").read_text("utf-8"), f"{given}.yaml")
    path = Path(given)
    try:
        if path.suffix not in {".yaml", ".yml"} and not path.exists():
            raise TaskError(
                f"unknown task {given[:80]!r}; built-in tasks are {', '.join(built_in_tasks())}; name one of them or give the path of a task file (.yaml)"
            )
        if not path.is_file() and path.exists():
            raise TaskError(f"{given}: is a folder; give the path of a task file (.yaml)")
        with path.open("rb") as file:
            raw = file.read(LIMIT + 1)
        if len(raw) > LIMIT:
            raise TaskError(f"{given}: {path.stat().st_size:,} bytes, a task file has at most {LIMIT:,}; is this a task file?")
        text = raw.decode("utf-8")
    except OSError as error:
        raise TaskError(
            f"{given[:200]}: cannot be read ({error.strerror}); give the path of a readable task file (.yaml)"
        ) from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{given}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except ValueError as error:
        raise TaskError(f"{given[:200]!r}: is no path ({error}); give the path of a task file (.yaml)") from error
    return read_task(text, given)


def recorded_task(settings: Mapping[str, Any]) -> Task | None:
    """The built-in task that a run's settings name, if it is the very one: another of its name would tell other labels."""
    name = settings.get("task")
    if name not in built_in_tasks():
        return None
    task = load_task(str(name))
    return task if task.hash == settings.get("task_hash") else None


def read_task(text: str, source: str = "task") -> Task:
    """The task that `text` (YAML) holds; `source` names it in messages.

    Raises
    ------
    TaskError
        If the text is no YAML or breaks the task model; the message names the line.
    """
    try:
        node = _compose(text, source)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        torn = any(sign in str(error.problem) for sign in UNQUOTED)
        mend = (
            "put a text that holds a brace, a bracket, a colon or a comma in quotes, or mend the line" if torn else "mend the line"
        )
        raise TaskError(f"{source}:{line}: not readable as YAML: {error.problem or error}; {mend}") from error
    except yaml.YAMLError as error:
        raise TaskError(f"{source}:1: not readable as YAML: {' '.join(str(error).split())}; mend the file") from error
    lines: dict[Path_, int] = {}
    return _checked(_build(node, (), lines, source), lines, source)


def _checked(data: Any, lines: Mapping[Path_, int], source: str) -> Task:
    """The task that `data` holds; `lines` gives the line of each of its parts, 0 where there are none."""
    try:
        return Task.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)
        told = [d for d in found if d["type"] != "too_short" or not any(len(o["loc"]) > len(d["loc"]) for o in found)]
        raise TaskError("\n".join(_complaint(source, lines, detail) for detail in told[:10])) from error


def task_schema() -> dict[str, Any]:
    """The task file's JSON schema."""
    return Task.model_json_schema()


def _compose(text: str, source: str) -> yaml.Node:
    loader = yaml.SafeLoader(text)
    depth = 0
    try:
        for event in iter(loader.get_event, None):
            line = event.start_mark.line + 1
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH:
                raise TaskError(f"{source}:{line}: nested deeper than {DEPTH} levels; a task file is flat")
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise TaskError(f"{source}:{line}: anchors (&) and aliases (*) are not taken in a task file; write the value out")
            if getattr(event, "tag", None):
                raise TaskError(f"{source}:{line}: the tag {event.tag} is not taken in a task file; write a plain value")
    except (ValueError, OverflowError) as error:
        raise TaskError(f"{source}:{loader.line + 1}: not readable as YAML: {error}; mend the line") from error
    finally:
        loader.dispose()
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if node is None:
        raise TaskError(f"{source}:1: the file is empty; a task needs at least {', '.join(_required())}")
    return node


def _build(node: yaml.Node, path: Path_, lines: dict[Path_, int], source: str) -> Any:
    line = node.start_mark.line + 1
    lines[path] = line
    if isinstance(node, yaml.MappingNode):
        if not path and not node.value:
            raise TaskError(f"{source}:{line}: the mapping is empty; a task needs at least {', '.join(_required())}")
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, key_line = key_node.value, key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise TaskError(f"{source}:{key_line}: a key must be a word; write `name: value`")
            if key in values:
                raise TaskError(f"{source}:{key_line}: the key {key!r} is given twice; keep one of them")
            values[key] = _build(value_node, (*path, key), lines, source)
            lines[(*path, key)] = key_line
        return values
    if isinstance(node, yaml.SequenceNode):
        return tuple(_build(child, (*path, i), lines, source) for i, child in enumerate(node.value))
    if not path:
        raise TaskError(f"{source}:{line}: a task file is a mapping of {', '.join(_required())}, this one is a single value")
    return _scalar(node, line, source)


def _scalar(node: yaml.Node, line: int, source: str) -> str | int | float | bool | None:
    tag = node.tag.rpartition(":")[2]
    if tag in {"str", "timestamp"} or tag not in {"int", "float", "bool", "null"}:
        return str(node.value)
    # `NO` and `on` are words to most people who write a label's name: only true and false are booleans here.
    if tag == "bool" and node.value.casefold() not in {"true", "false"}:
        return str(node.value)
    if len(node.value) > LONGEST_NUMBER:
        raise TaskError(f"{source}:{line}: {node.value[:40]!r}… is no number of a sensible length; quote it or mend it")
    loader = yaml.SafeLoader("")
    try:
        value: str | int | float | bool | None = loader.construct_object(node)
    except ValueError as error:
        raise TaskError(f"{source}:{line}: {node.value!r} is not readable as {tag}; quote it or mend it") from error
    finally:
        loader.dispose()
    return value


def _complaint(source: str, lines: Mapping[Path_, int], detail: ErrorDetails) -> str:
    # pydantic puts the discriminator's value into the path (assertions, 0, length, field): it is no part of the file's path.
    location: list[str | int] = []
    misfit = detail.get("ctx", {}).get("error")
    for part in misfit.path if isinstance(misfit, Misfit) else detail["loc"]:
        if (*location, part) in lines or (detail["type"] in {"missing", "extra_forbidden"} and part == detail["loc"][-1]):
            location.append(part)
    line = next(lines[tuple(location[:k])] for k in range(len(location), -1, -1) if tuple(location[:k]) in lines)
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location).lstrip(".") or "the task"
    return f"{source}{f':{line}' if line else ''}: {where}: {_sentence(detail)}"


def _sentence(detail: ErrorDetails) -> str:
    kind, given = detail["type"], detail["input"]
    if kind == "missing":
        return f"is missing; add it: `{_missing(detail['loc'])}`"
    if kind == "extra_forbidden" and given is None:
        return (
            "is an unknown key without a value; where it goes on with a text that holds a comma, put the whole text in quotes; "
            f"keys allowed are {', '.join(_keys_at(detail['loc']))}"
        )
    if kind == "extra_forbidden":
        return f"is an unknown key, allowed are {', '.join(_keys_at(detail['loc']))}; remove it or mend its spelling"
    if kind == "union_tag_invalid":
        return f"given the kind {detail['ctx']['tag']!r}, allowed are {detail['ctx']['expected_tags']}; name one of them"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    shown = repr(given) if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=list)
    shown = shown if len(shown) <= 80 else f"{shown[:79]}…"
    if kind == "string_type":
        return (
            f"given {shown}, a text is allowed; {'write one' if given is None or isinstance(given, tuple) else 'put it in quotes'}"
        )
    if kind == "float_type" and given is None:
        return "given null, a number is allowed; write one, and put a phrase that holds a comma in quotes"
    if (size := _size(detail)) is not None:
        return size
    if kind == "string_pattern_mismatch" and detail["ctx"]["pattern"] == NAME:
        return f"given {shown}, a name of at most 64 letters of a to z, digits and underscores is allowed, a letter first; mend the value"
    if (shape := _shape(detail)) is not None:
        allowed, example = shape
        key = f"{detail['loc'][-1]}: " if detail["loc"] and isinstance(detail["loc"][-1], str) else ""
        return f"given {shown}, {allowed} is allowed; write `{key}{example}`"
    return f"given {shown}, {detail['msg'][0].lower()}{detail['msg'][1:]}; mend the value"


def _size(detail: ErrorDetails) -> str | None:
    """What is to be done about a value that is empty, too short, too long, too small or too large; None for other mistakes."""
    kind, given, bounds = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "string_too_short":
        return "is empty, a text is needed; write one"
    if kind == "string_too_long":
        most = bounds["max_length"]
        return f"given {len(given.strip()):,} characters, at most {most:,} are allowed; shorten it"
    if kind == "too_short":
        least = bounds["min_length"]
        return f"given {len(given)} of them, at least {least} {'is' if least == 1 else 'are'} needed; add {'one' if not given else 'more'}"
    if kind == "too_long":
        return f"given {len(given)} of them, at most {bounds['max_length']} are allowed; leave some out"
    if kind in BOUNDS:
        words, key = BOUNDS[kind]
        return f"given {json.dumps(given)}, a number {words} {bounds[key]:,.12g} is allowed; mend the value"
    return None


def _shape(detail: ErrorDetails) -> tuple[str, str] | None:
    """What stands in the place of a value that is no list or no mapping, in words and as an example with what was given; None for other mistakes."""
    kind, given, place = detail["type"], detail["input"], detail["loc"]
    if kind == "tuple_type" and len(place) == 1:
        part = PARTS.get(str(place[0]))
        return "a list of mappings", _flow([_outline(part) if part is not None else {"kind": "length"}])
    if kind == "tuple_type":
        return "a list", _flow(_items(given, apart=place[-1] != "openings"))
    if kind == "dict_type":
        phrases = given if isinstance(given, tuple) else (given,)
        return "a mapping of phrases and their weights", _flow(
            {phrase if isinstance(phrase, str | int | float) else ASKED: 1 for phrase in phrases}
        )
    if kind == "model_type":
        known: list[type[BaseModel]] = [Task, *PARTS.values()]
        model = next((each for each in known if each.__name__ == detail["ctx"]["class_name"]), known[0])
        outline = _outline(model)
        if isinstance(given, str):
            outline |= {next(iter(outline)): given}
        elif isinstance(given, tuple) and "given" in model.model_fields:
            outline = {"given": list(given)}
        return f"a mapping with the keys {', '.join(model.model_fields)}", _flow(outline)
    if place[:1] == ("assertions",) and kind in {"model_attributes_type", "union_tag_not_found"}:
        return "a mapping with a kind", _flow(
            {"kind": given if given in kinds() else "length"} if isinstance(given, str) else {"kind": "length"}
        )
    return None


def _items(given: Any, *, apart: bool) -> list[Any]:
    """What a list would hold of what stands in its place: phrases of a few words that commas part one by one, where they may stand `apart`."""
    parts = [item for part in given.split(", ") if (item := part.strip())] if isinstance(given, str) and apart else []
    if parts and not given.rstrip().endswith(tuple(ENDINGS)) and max(len(part.split()) for part in parts) <= FEW_WORDS:
        return parts
    return [ASKED] if given is None else list(given) if isinstance(given, Mapping) else [given]


def _missing(path: Path_) -> str:
    """A key and what may stand behind it, as one line of YAML."""
    key = str(path[-1])
    part = PARTS.get(key) if len(path) == 1 else None
    return f"{key}: {_flow(EXAMPLES[key]) if key in EXAMPLES else _flow([_outline(part)]) if part is not None else ASKED}"


def _outline(part: type[BaseModel]) -> dict[str, Any]:
    """The keys that a part of a task cannot do without; the first of one that can do without any."""
    return {name: ASKED for name, field in part.model_fields.items() if field.is_required()} or {
        next(iter(part.model_fields)): ASKED
    }


def _flow(value: Any) -> str:
    """`value` as one line of YAML, not too long."""
    line = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**6).strip()
    return line if len(line) <= 200 else f"{line[:199]}…"


def _keys_at(path: Path_) -> Iterable[str]:
    """The keys of the part of a task that holds `path`."""
    if len(path) == 1:
        return Task.model_fields
    if path[0] == "assertions":
        return kinds()[str(path[2])].model_fields
    return PARTS[str(path[0])].model_fields


def _required() -> list[str]:
    return [name for name, field in Task.model_fields.items() if field.is_required()]


def task_of(task: TaskLike) -> Task:
    """`task` itself, the one it names, or the one it holds.

    Raises
    ------
    UsageError
        If it is none of these.
    TaskError
        If there is no such task, or what it holds breaks the task model.
    """
    if isinstance(task, Task):
        return task
    if isinstance(task, str | Path):
        return load_task(task)
    if isinstance(task, Mapping):
        lines: dict[Path_, int] = {}
        return _checked(_plain(task, (), lines), lines, "task")
    raise UsageError(
        f"given a {type(task).__name__} as task; a Task, a built-in name, a path, or a mapping of {', '.join(_required())} is allowed; give one of them"
    )


def _plain(data: Any, path: Path_, lines: dict[Path_, int]) -> Any:
    """`data` with mappings and lists as a task file's are."""
    if len(path) > DEPTH:
        raise TaskError(f"task: nested deeper than {DEPTH} levels; a task is flat")
    lines[path] = 0
    if isinstance(data, Mapping):
        return {key: _plain(value, (*path, key), lines) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return tuple(_plain(value, (*path, i), lines) for i, value in enumerate(data))
    return data
