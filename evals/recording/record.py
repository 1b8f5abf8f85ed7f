"""What a run leaves for MLflow: plain, frozen data that is written to a file and read back as it is. No MLflow here.

A verb makes a `Record` of what it did; `outbox` hands it to a background process, `tracking` writes it into MLflow.
"""

import hashlib
import json
import math
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from seedless.errors import SetupError
from seedless.evals.recording.prompts import StagePrompt
from seedless.masking import masked, secrets_of_environment

__all__ = ["PARAMETERS", "Cell", "DataSet", "Record", "Status", "Untracked", "flat", "without_secrets"]

PARAMETERS = frozenset({
    "adapter", "api_base", "attempts", "budget_calls", "budget_usd", "candidate", "concurrency", "dev", "dev_rows", "direct", "drafts", "git_commit",
    "judge_lm", "lm", "metric_kind", "n", "optimizer", "program", "reflection_lm", "seed", "seedless", "splits", "stage", "strategy", "student", "students",
    "task", "task_hash", "teacher_lm", "test", "test_rows", "train", "train_rows", "variant", "verifier", "verify", "zero_shot_lm",
})  # fmt: skip
"""The only parameters that a record may hold, so that nothing else of a command or its surroundings reaches MLflow."""

MODELS = ("lm", "judge_lm", "teacher_lm", "reflection_lm", "zero_shot_lm")  # parameters that hold a name, and no secret
HALF = re.compile(r"[\ud800-\udfff]")  # what stands in the name of a file for a byte that is no UTF-8
METRIC = re.compile(r"[^A-Za-z0-9_.\- /:]")  # what the name of a figure may not hold

Kind = Literal["generate", "compile", "evaluate"]
Status = Literal["FINISHED", "KILLED", "FAILED"]
Cell = str | int | float | None


class Untracked(SetupError):
    """MLflow or its database could not do what was asked, and why. It never ends a run."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set that a run made or read: `digest` are the first 32 hexadecimal digits of its files' SHA-256, `rows` their lines."""

    name: str
    digest: str
    source: str
    rows: int

    @classmethod
    def of(cls, name: str, path: Path, files: Sequence[Path] = ()) -> "DataSet":
        """The data set in a file of JSON lines, in the `rows.jsonl` of a run's folder, or in these `files` of a folder.

        Raises
        ------
        Untracked
            If it cannot be read.
        """
        files = files or (path / "rows.jsonl" if path.is_dir() else path,)
        digest, rows = hashlib.sha256(), 0
        for file in files:
            try:
                with file.open("rb") as lines:
                    for line in lines:
                        digest.update(line)
                        rows += 1
            except OSError as error:
                raise Untracked(f"{file}: cannot be read ({error.strerror})") from error
        return cls(name, digest.hexdigest()[:32], str(files[0] if len(files) == 1 else path), rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run for MLflow. A record of the same `key` is the same run and brings it up to date.

    Parameters
    ----------
    key
        The run's name for good: `Generation.run_id`, or anything as unique.
    kind, task, name
        The verb; the task, after which the experiment is named; what MLflow's tables show.
    params
        Names from `PARAMETERS`; `program` is the program's hash. Unknown values are left out, never guessed.
    metrics
        Figures by flat name. `NAME_low` and `NAME_high` bound the interval of `NAME`. What `compare` looks for: `metric` (the dev
        metric), `usefulness`, `usefulness_ratio`, `diversity` (higher is better), `tokens_per_row`, `cost_per_row`, `accept_rate`.
    prompts
        Each stage's text and its parent's.
    program
        The program as JSON, as `TarGEN.read` takes it; it goes to the prompt registry under the task's name.
    champion
        Whether this program is the one to use from now on: the registry's alias `champion` moves to it.
    rows, refusals
        Samples, flat, for tables.
    data
        The data set made (generate) or read (evaluate). Runs on the same data have the same digest.
    splits
        The real rows and those of the naive prompt that it was evaluated with, each named for what it served as.
    within
        The `key` of the run that this one belongs to, if MLflow has it: the `generate` whose rows an `evaluate` read. Empty: none.
    findings
        All that an `evaluate` found, as JSON.
    summary
        What the run's page says first.
    report
        An HTML page to keep beside the run.
    task_file
        The task as JSON.
    status
        `FINISHED`, `KILLED` (a budget ended) or `FAILED`.
    ended, seconds
        When it ended (seconds since 1970), and how long it took.
    children
        Runs within this one: a compile's candidates.
    """

    key: str
    kind: Kind
    task: str
    name: str
    params: Mapping[str, str | int | float]
    metrics: Mapping[str, float]
    prompts: tuple[StagePrompt, ...] = ()
    program: str = ""
    champion: bool = False
    rows: tuple[Mapping[str, Cell], ...] = ()
    refusals: tuple[Mapping[str, Cell], ...] = ()
    data: DataSet | None = None
    splits: tuple[DataSet, ...] = ()
    within: str = ""
    findings: str = ""
    summary: str = ""
    report: Path | None = None
    task_file: str = ""
    status: Status = "FINISHED"
    ended: float = field(default_factory=time.time)
    seconds: float = 0.0
    children: tuple["Record", ...] = ()

    def __post_init__(self) -> None:
        if strangers := set(self.params) - PARAMETERS:
            raise ValueError(f"given the parameters {sorted(strangers)}, allowed are {sorted(PARAMETERS)}")

    def written(self) -> str:
        """The record as JSON, without the value of any secret that the environment holds, and without a program that holds one.

        The name of a folder need not be UTF-8: what is none is escaped, `\\udcff`.
        """
        from pydantic import TypeAdapter

        said = TypeAdapter(Record).dump_python(replace(self, program="") if self.discloses else self, mode="json")
        text = json.dumps(_named(without_secrets(said), said), ensure_ascii=False)
        return HALF.sub(lambda half: f"\\\\u{ord(half[0]):04x}", text)

    @property
    def discloses(self) -> bool:
        """Whether the program holds a secret of the environment's: without it, it would be another program and be refused as changed."""
        return bool(without_secrets(self.program) != self.program)

    @staticmethod
    def read(text: str | bytes) -> "Record":
        """The record that `written` gave.

        Raises
        ------
        Untracked
            If the text is none.
        """
        from pydantic import TypeAdapter, ValidationError

        try:
            return TypeAdapter(Record).validate_json(text)
        except ValidationError as error:
            raise Untracked(f"a record that cannot be read ({error.error_count()} faults)") from error


def without_secrets(value: Any) -> Any:
    """`value` with `[secret]` in its texts for what `secrets_of_environment` finds."""
    return _without(value, secrets_of_environment())


def _named(record: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """A record without secrets, with the models' names as they were `said`: a placeholder for a key may be a part of one."""
    names = {name: value for name, value in said["params"].items() if name in MODELS}
    children = [_named(child, before) for child, before in zip(record["children"], said["children"], strict=True)]
    return {**record, "params": {**record["params"], **names}, "children": children}


def _without(value: Any, secrets: Collection[str]) -> Any:
    if isinstance(value, str):
        return masked(value, secrets)
    if isinstance(value, Mapping):
        return {name: _without(each, secrets) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without(each, secrets) for each in value]
    return value


def flat(figures: Mapping[str, Any], *, prefix: str = "") -> dict[str, float]:
    """Nested figures under flat names, joined by `/`; what is no finite number is left out.

    A figure with its interval, `{"value": ..., "low": ..., "high": ...}`, becomes `NAME`, `NAME_low` and `NAME_high`.

    >>> flat({"tfidf": {"ratio": {"value": 0.9, "low": 0.8, "high": 1.0}, "n": 40, "note": "x"}})
    {'tfidf/ratio': 0.9, 'tfidf/ratio_low': 0.8, 'tfidf/ratio_high': 1.0, 'tfidf/n': 40.0}
    """
    found: dict[str, float] = {}
    for key, value in figures.items():
        name = f"{prefix}{METRIC.sub('_', key)}"
        if isinstance(value, Mapping) and {"value", "low", "high"} <= value.keys():
            found |= flat({(name if part == "value" else f"{name}_{part}"): each for part, each in value.items()})
        elif isinstance(value, Mapping):
            found |= flat(value, prefix=f"{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found[name] = float(value)
    return found
