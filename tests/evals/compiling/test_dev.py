"""The user's labelled rows: what is taken, what is refused, how they are split."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from seedless import UsageError
from seedless.evals.compiling.dev import DevRow, dev_rows, halves, read_dev
from seedless.taskfile import load_task


def rows(n: int = 20, **changes: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [{"text": f"Note number {i}.", "label": ("warm", "cold")[i % 2], "fine": i} for i in range(n)]
    made[3] |= changes
    return made


def write(path: Path, records: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(record) for record in records), "utf-8")
    return path


def test_rows_are_read_from_a_file_a_list_and_a_data_set(task: Path, tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, Features, Value

    loaded = load_task(task)
    read = read_dev(write(tmp_path / "dev.jsonl", rows()), loaded)
    assert read[3] == DevRow({"text": "Note number 3."}, "cold")
    assert dev_rows(rows(), loaded) == read
    features = Features({"text": Value("string"), "fine": Value("int64"), "label": ClassLabel(names=["cold", "warm"])})
    assert dev_rows(Dataset.from_list(rows(), features=features), loaded) == read


@pytest.mark.parametrize("n", [20, 21, 57, 200])
def test_the_halves_share_no_row_and_each_label_is_split_evenly(n: int, task: Path) -> None:
    read = dev_rows(rows(n), load_task(task))
    choose, report = halves(read, seed=1)
    assert not {row.text for row in choose} & {row.text for row in report}
    assert {row.text for row in (*choose, *report)} == {row.text for row in read}
    assert abs(len(choose) - len(report)) <= 1
    for label in ("warm", "cold"):
        assert abs(Counter(r.label for r in choose)[label] - Counter(r.label for r in report)[label]) <= 1
    assert halves(reversed(read), seed=1) == (choose, report)
    assert halves(read, seed=2) != (choose, report)


@pytest.mark.parametrize(
    ("records", "says"),
    [
        (rows(19), "19 rows, 20 to 200 labelled rows are allowed"),
        (rows(201), "201 rows, 20 to 200"),
        (rows(label="hot"), r"4: given the label 'hot', the task 'rooms' has warm, cold"),
        (rows(label=1), "4: has no text under 'label'"),
        (rows(text=" "), "4: has no text under 'text'"),
        (rows(text="note NUMBER 2"), "4: holds the same text as .*3, so the two halves would share it"),
        ([*rows(), []], "21: is no row"),
        ([{"text": f"Note {i}.", "label": "warm"} for i in range(19)] + rows()[1:2], "1 rows of the label 'cold', at least 2"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_their_line(records: list[Any], says: str, task: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        read_dev(write(tmp_path / "dev.jsonl", records), load_task(task))
    assert "dev.jsonl" in str(refused.value)
    with pytest.raises(UsageError):
        dev_rows(records, load_task(task))


def test_a_torn_file_and_none_are_refused(task: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "dev.jsonl", rows())
    path.write_text(path.read_text("utf-8")[:-10], "utf-8")
    for given, says in (
        (path, r"dev\.jsonl:20: is no JSON object"),
        (tmp_path / "none.jsonl", "cannot be read"),
        (tmp_path, "cannot be read"),
    ):
        with pytest.raises(UsageError, match=says):
            read_dev(given, load_task(task))
