"""The files that MLflow keeps beside a run, and the text on its page."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from seedless.evals.recording.prompts import changes
from seedless.evals.recording.record import Cell, Record

__all__ = ["TABLES", "note", "write_artifacts"]

TABLES = ("rows", "refusals")
LONGEST_NOTE = 7500  # characters; MLflow cuts at 8,000


def write_artifacts(folder: Path, record: Record) -> None:
    """Write a record's files into `folder`.

    `prompts/STAGE.txt` and `prompts/changes.diff`, `rows.json` and `refusals.json` (as `mlflow.load_table` reads them),
    `program.json`, `task.json`, `evaluation.json`, `report.html`: those that the record has.
    """
    if record.prompts:
        (folder / "prompts").mkdir()
        for prompt in record.prompts:
            (folder / "prompts" / f"{prompt.stage}.txt").write_text(prompt.text, "utf-8")
        if changed := changes(record.prompts):
            (folder / "prompts" / "changes.diff").write_text(changed + "\n", "utf-8")
    for name in TABLES:
        if rows := getattr(record, name):
            (folder / f"{name}.json").write_text(json.dumps(_table(rows), ensure_ascii=False), "utf-8")
    for name, text in (("program.json", record.program), ("task.json", record.task_file), ("evaluation.json", record.findings)):
        if text:
            (folder / name).write_text(text, "utf-8")
    if record.report is not None and record.report.exists():
        shutil.copyfile(record.report, folder / "report.html")


def note(record: Record) -> str:
    """The Markdown text that MLflow shows as a run's description: its summary, what the variant changed, and its prompts."""
    parts = [_fenced(record.summary)] if record.summary else []
    if changed := changes(record.prompts):
        parts.append(f"What this variant changed in its parent's prompts:\n\n{_fenced(changed, 'diff')}")
    parts += [f"`{prompt.stage}`\n\n{_fenced(prompt.text)}" for prompt in record.prompts]
    text = "\n\n".join(parts)
    return text if len(text) <= LONGEST_NOTE else f"{text[:LONGEST_NOTE]}\n```\n\nCut here: `prompts/` has all of it."


def _fenced(text: str, language: str = "") -> str:
    return f"```{language}\n{text.rstrip().replace('```', '` ` `')}\n```"


def _table(rows: Sequence[Mapping[str, Cell]]) -> dict[str, list[object]]:
    """The form of `mlflow.log_table`, which itself would append to an earlier one."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return {"columns": [*columns], "data": [[row.get(name) for name in columns] for row in rows]}
