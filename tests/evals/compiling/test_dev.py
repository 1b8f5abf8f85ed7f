"""The user's labelled rows: what is taken, what is refused, how they are split."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seedless import UsageError
from seedless.evals.compiling.dev import DevRow, dev_rows, halves, read_dev
from seedless.evals.labelled import read_labelled
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
        (rows(201), "more than 200 rows, 20 to 200"),
        (rows(label="hot"), r"4: has the label 'hot', the task 'rooms' has warm, cold"),
        (rows(label=1), "4: has the label '1', the task 'rooms' has warm, cold"),
        (rows(text=" "), "4: has no 'text'"),
        (rows(text="half a \ud800"), "4: has half a character in 'text'"),
        (rows(text="note NUMBER 2"), "4: holds the same text as .*3, so the two halves would share it"),
        ([*rows(), []], "21: is no "),
        ([{"text": f"Note {i}.", "label": "warm"} for i in range(19)] + rows()[1:2], "1 rows of the label 'cold', at least 2"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_their_line(records: list[Any], says: str, task: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        read_dev(write(tmp_path / "dev.jsonl", records), load_task(task))
    assert "dev.jsonl" in str(refused.value)
    with pytest.raises(UsageError):
        dev_rows(records, load_task(task))


def test_two_rows_of_a_label_are_enough(task: Path) -> None:
    read = dev_rows([{"text": f"Note {i}.", "label": "warm" if i < 18 else "cold"} for i in range(20)], load_task(task))
    assert all("cold" in {row.label for row in half} for half in halves(read, seed=0))


def test_every_file_that_evaluate_takes_is_taken_as_it_takes_it(task: Path, tmp_path: Path) -> None:
    loaded = load_task(task)
    given = [{"text": f"Note {i}", "label": ("WARM", '"cold".')[i % 2]} for i in range(19)] + [{"text": 4711, "label": "cold"}]
    lines = write(tmp_path / "dev.jsonl", given)
    (tmp_path / "dev.csv").write_text(
        "label,text\n" + "".join(f"{row['label'].strip('.')},{row['text']}\n" for row in given), "utf-8"
    )
    pq.write_table(pa.table({name: [str(row[name]) for row in given] for name in ("text", "label")}), tmp_path / "dev.parquet")
    read = read_dev(lines, loaded)
    assert Counter(row.label for row in read) == {"warm": 10, "cold": 10}
    assert read[-1] == DevRow({"text": "4711"}, "cold")
    assert read_dev(tmp_path / "dev.csv", loaded) == read_dev(tmp_path / "dev.parquet", loaded) == dev_rows(given, loaded) == read
    assert [row.text for row in read] == list(read_labelled(lines, loaded).texts)
    with pytest.raises(
        UsageError,
        match=r"dev\.txt, allowed is the folder of a run or of a data set, or a \.jsonl, \.csv or \.parquet file",
    ):
        read_dev(tmp_path / "dev.txt", loaded)


def test_a_label_that_a_data_set_hides_is_none(task: Path) -> None:
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["cold", "warm"])})
    hidden = [{"text": f"Note {i}", "label": -1} for i in range(20)]
    with pytest.raises(UsageError, match="row 1: has no 'label'"):
        dev_rows(Dataset.from_list(hidden, features=features), load_task(task))


def test_texts_without_words_are_told_apart_by_what_they_are(task: Path) -> None:
    texts = ["😀", "😡", "???", "!!!", "$5", "5", "5%", "-5", "€5", "..."]
    made = [{"text": text, "label": ("warm", "cold")[i % 2]} for i, text in enumerate(texts)]
    assert len(dev_rows([*made, *rows(20)], load_task(task))) == 30
    with pytest.raises(UsageError, match="row 31: holds the same text as row 1,"):
        dev_rows([*made, *rows(20), {"text": " 😀 ", "label": "warm"}], load_task(task))


def test_a_torn_file_and_none_are_refused(task: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "dev.jsonl", rows())
    path.write_text(path.read_text("utf-8")[:-10], "utf-8")
    (tmp_path / "empty").mkdir()
    for given, says in (
        (path, r"dev\.jsonl:20: is no JSON object"),
        (tmp_path / "none.jsonl", "cannot be read"),
        (tmp_path / "empty", "holds neither a run's rows.jsonl nor a table"),
    ):
        with pytest.raises(UsageError, match=says):
            read_dev(given, load_task(task))
