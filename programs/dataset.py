"""The data set as others read it: a Hugging Face data set with a card, CSV, chat-style JSON lines for fine-tuning."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seedless.errors import SetupError, UsageError
from seedless.files import check_row, read_ledger, read_rows, run_folder
from seedless.given import check_choice
from seedless.ledger import Ledger, rested
from seedless.run.journal import check_ended
from seedless.task import Task
from seedless.taskfile import TaskLike, recorded_task, task_of
from seedless.whole import whole
from seedless.wording import counted, listed

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["Exported", "Format", "dataset_of", "export", "task_for", "write_dataset"]

Format = Literal["jsonl", "csv", "parquet", "sft"]
FORMATS: tuple[Format, ...] = ("jsonl", "csv", "parquet", "sft")
FORMULA = re.compile(r"[=+@-](?!(?<=[+-])[\d.,]+$)")
ENDINGS = {"parquet": "dataset", "sft": "sft.jsonl"}

OWN = frozenset({"rows.jsonl", "refusals.jsonl", "ledger.json", "run.db"})  # a run's files, which no export takes the place of
READ = {  # who read the labels, by `--verify`
    "none": "; nobody read whether the labels hold",
    "anchored": " and a verifier that sees the asked label and may change it",
    "blind": " and a verifier that does not see the asked label",
}

Record = Mapping[str, Any]


def dataset_of(task: Task, records: Iterable[Record]) -> "Dataset":
    """The rows as a `datasets.Dataset`: `id`, the task's fields, `label` (`ClassLabel`), `provenance` (JSON text)."""
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features(
        {
            "id": Value("string"),
            **{field.name: Value("string") for field in task.fields},
            "label": ClassLabel(names=list(task.label_names)),
            "provenance": Value("string"),
        }
    )
    columns: dict[str, list[Any]] = {name: [] for name in features}
    for record in records:
        _check(task, record, features)
        for name in features:
            value = record[name]
            columns[name].append(json.dumps(value, ensure_ascii=False) if name == "provenance" else value)
    return Dataset.from_dict(columns, features=features)


def _check(task: Task, record: Record, needed: Iterable[str]) -> None:
    for name in needed:
        if name not in record:
            raise UsageError(
                f"the row {record.get('id')!r} has no {name!r}, the task {task.name!r} needs it; name the task that made it"
            )
    if record["label"] not in task.label_names:
        raise UsageError(
            f"the row {record['id']!r} has the label {record['label']!r}, the task {task.name!r} has"
            f" {listed(task.label_names)}; name the task that made it"
        )


def write_dataset(folder: Path, task: Task, records: Iterable[Record], ledger: Ledger) -> None:
    """Write a data set that `datasets.load_dataset(folder)` opens: `data/train.parquet`, which it finds by that name, and its card, `README.md`.

    Raises
    ------
    UsageError
        If the rows are not the task's, or the folder is a link, which may lead to another place than its owner meant.
    SetupError
        If it cannot be written.
    """
    from datasets.utils import disable_progress_bars

    disable_progress_bars()
    rows = dataset_of(task, records)
    of_label = Counter(rows.features["label"].int2str(rows["label"][:]))  # of a run that was killed the ledger is older
    shares = {name: {**share, "accepted": of_label[name]} for name, share in ledger.per_label.items()}
    for path in (folder, folder / "data"):
        if path.is_symlink():
            raise UsageError(
                f"{path}: is a link to another place, a data set goes into a folder; remove it, or give a folder: -o DIR"
            )
    try:
        (folder / "data").mkdir(parents=True, exist_ok=True)
        with whole(folder / "data" / "train.parquet") as part:
            rows.to_parquet(str(part))
        with whole(folder / "README.md") as part:
            part.write_text(card(task, ledger.model_copy(update={"per_label": shares}), len(rows)), encoding="utf-8")
    except OSError as error:
        raise SetupError(f"{folder}: cannot be written ({error.strerror or error}); make room or give another folder") from error


def card(task: Task, ledger: Ledger, rows: int) -> str:
    """The data set's card: what it holds, how it was made, and what synthetic rows are not good for."""
    size = next(
        name
        for bound, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**9, "100K<n<1M"))
        if rows < bound
    )
    settings = ledger.settings
    labels = "\n".join(
        f"| {_cell(label.name)} | {_cell(label.meaning)} | {ledger.per_label[label.name]['accepted']} |" for label in task.labels
    )
    fields = "\n".join(f"- `{field.name}`: {' '.join(field.description.split())}" for field in task.fields)
    named = "words that tell its labels apart" if ledger.worded else "named by the LM"
    some = any(label.contexts for label in task.labels)
    contexts = (
        "given in the task file"
        if task.gives_contexts
        else f"given in the task file for some labels, else {named}"
        if some
        else named
    )
    return f"""---
language: ["{task.language}"]
task_categories: [text-classification]
size_categories: [{size}]
tags: [synthetic, seedless, targen]
---
# {task.name}

{task.description}

{rows} rows, every one written by a language model from a task description alone; no human wrote or checked any.

{fields}

| label | meaning | rows |
|---|---|---|
{labels}

## How it was made

{_method(settings["strategy"], settings["verify"], given=contexts)}

| | |
|---|---|
| strategy | {settings["strategy"]} |
| LM | {settings["lm"]} |
| program | {settings["program"]} |
| task | {settings["task_hash"]} |
| seed | {settings["seed"]} |
| verification | {settings["verify"]} |
| slots refused | {sum(ledger.refused.values())} |
| relabelled rows | {sum(ledger.flips.values())} |
{f"| named by the LM | {rested(ledger.few)} |{chr(10)}" if ledger.few else ""}| LM calls | {sum(ledger.calls.values())} |
| cost (USD) | {"unknown" if ledger.cost_usd is None else ledger.cost_usd} |
{_older(ledger, rows)}
## Limits

Labels are the writer's intention, checked by {"nobody" if settings["verify"] == "none" else "a verifier, not by people"}: expect errors. Facts, names and figures in the texts are
invented. Topics, style and the share of hard cases follow the LM, not the world: measure on real rows before you rely on a model
trained on these.
{_shared(task, settings["strategy"])}"""


def _older(ledger: Ledger, rows: int) -> str:
    """What the figures are of, where the ledger knows of other rows: a run that was killed leaves that of the session before."""
    if ledger.accepted == rows:
        return ""
    return f"\nThe run's ledger counts {counted(ledger.accepted, 'row')}: what was refused, relabelled, called and paid is told as of then.\n"


def _shared(task: Task, strategy: str) -> str:
    """How to split rows of which several, under different labels, are built on one text that stands in all of them."""
    if (field := task.seed_field) is None or strategy == "direct":  # which writes every field
        return ""
    return f"""
Rows of different labels have the same `{field.name}`. Split them by it (it is `seed` in their `provenance`), and not at random:
otherwise what a model is tested on holds texts that it was trained on.
"""


def _method(strategy: str, verify: str, *, given: str) -> str:
    """How the rows were made, in a sentence: the whole method, or what a strategy left of it."""
    if strategy == "direct":
        return (
            "One naive prompt for each label, always the same: no contexts, seeds or correction, and no filter but the token limit."
        )
    part = "" if strategy == "targen" else f", without one of its parts ({strategy})"
    return (
        f"The TarGEN method (arXiv 2310.17876) as run by seedless{part}: contexts ({given}), instance seeds, one\n"
        f"instance for each allotted label, self-correction by assertions{READ.get(verify, READ['blind'])}."
    )


@dataclass(frozen=True, slots=True)
class Exported:
    """Where an export went, how many rows it has, and how many cells of a `csv` one a spreadsheet takes for formulas: they stand there as they are."""

    path: Path
    rows: int
    formulas: int = 0


def task_for(data: Path | None, task: TaskLike | None) -> Task:
    """The task that is given, or the built-in one that the run in the folder `data` names.

    Raises
    ------
    UsageError
        If none is given, and `data` is no run of a built-in task of this version, or None: rows that are in no file.
    """
    if task is not None:
        return task_of(task)
    if data is None:
        raise UsageError("given rows without their task; name it: task=TASK")
    if not data.is_dir():
        raise UsageError(f"given the data {data} without its task; name it with --task TASK")
    settings = read_ledger(data).settings
    if (found := recorded_task(settings)) is None:
        raise UsageError(
            f"{data}: is a run of a task {settings['task']!r} that is no built-in one of this version; name it: --task FILE"
        )
    return found


def export(folder: str | Path, format_: Format, task: TaskLike | None = None, *, to: str | Path | None = None) -> Exported:
    """Write a run's rows in another form.

    `jsonl`: fields and label; `csv`: the same with a header; `parquet`: a data set folder with its card; `sft`: chat messages, the
    fields and the labels asked by the user, the label answered by the assistant.

    Parameters
    ----------
    folder
        Of a run.
    format_
        One of the four.
    task
        The run's `Task`, name or file; by default the built-in one that the run names.
    to
        The file, or the folder for `parquet`; by default `export.jsonl`, `.csv`, `.sft.jsonl` or `export.dataset` in the run's folder.

    Raises
    ------
    UsageError
        If the run is still going, the rows are not the task's, or `to` holds something else: a run's own file, a folder that is no export.
    SetupError
        If it cannot be written.
    """
    check_choice("format", format_, FORMATS)
    folder = run_folder(folder)
    check_ended(folder)
    target = Path(to) if to is not None else folder / f"export.{ENDINGS.get(format_, format_)}"
    task = task_for(folder, task)
    names = [field.name for field in task.fields]
    records = list(read_rows(folder))
    for number, record in enumerate(records, 1):
        _check_exported(record, f"{folder / 'rows.jsonl'}:{number}", task)
    if target.parent.resolve() == folder.resolve() and target.name in OWN:
        raise UsageError(f"given {target} to write to, a file of the run itself; give another: -o FILE")
    if format_ == "parquet":
        if target.is_dir() and any(target.iterdir()) and not (target / "data" / "train.parquet").is_file():
            raise UsageError(
                f"given {target} to write to, a folder with other files in it; give an empty or a new one, or an earlier export: -o DIR"
            )
        ledger = read_ledger(folder)
        if set(ledger.per_label) != set(task.label_names):
            raise UsageError(
                f"given the task {task.name!r} with the labels {listed(task.label_names)}, the run in {folder} has {listed([*ledger.per_label])}; "
                "name the task that made it"
            )
        write_dataset(target, task, records, ledger)
        return Exported(target, len(records))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as part, part.open("w", encoding="utf-8", newline="") as file:
            if format_ == "csv":
                writer = csv.writer(file)
                writer.writerow(["id", *names, "label"])
                writer.writerows([record["id"], *(record[name] for name in names), record["label"]] for record in records)
            else:
                for record in records:
                    told = (
                        _chat(task, record)
                        if format_ == "sft"
                        else {"id": record["id"], **{n: record[n] for n in names}, "label": record["label"]}
                    )
                    file.write(json.dumps(told, ensure_ascii=False) + "\n")
    except OSError as error:
        raise SetupError(f"{target}: cannot be written ({error.strerror}); give another file: -o FILE") from error
    return Exported(target, len(records), _formulas(records, [*names, "label"]) if format_ == "csv" else 0)


def _formulas(records: Iterable[Record], names: Sequence[str]) -> int:
    """How many texts begin as a spreadsheet's formula does, and are no number."""
    return sum(FORMULA.match(record[name]) is not None for record in records for name in names)


def _check_exported(record: Record, where: str, task: Task) -> None:
    check_row(record, where, [field.name for field in task.fields], task.label_names, whose=f"the task {task.name!r}")
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{where}: has half a character (a lone surrogate), which no file can hold; mend or remove the line"
        ) from error


def _cell(text: str) -> str:
    """`text` within a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _chat(task: Task, record: Record) -> dict[str, Any]:
    labels = "\n".join(f"- {label.described}" for label in task.labels)
    texts = "\n".join(f"{field.name}: {record[field.name]}" for field in task.fields)
    asked = f"{task.description}\n\nLabels:\n{labels}\n\n{texts}\n\nWhich label does it have? Answer with the label only."
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": record["label"]}]}
