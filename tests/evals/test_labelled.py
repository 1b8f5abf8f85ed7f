"""Labelled rows from every form of file, and every file that is none: one line that says what to do."""

import csv
import enum
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dspy
import numpy as np
import pytest

from seedless import generate
from seedless.errors import UsageError
from seedless.evals.labelled import LabelledRows, read_labelled
from seedless.outcome import Provenance, Refusal, Row
from seedless.task import Task
from seedless.taskfile import load_task
from seedless.testing import fake_lm
from tests.evals.made_up import rows_of, task_of
from tests.openai_server import Author
from tests.package_tree import ROOT

TASK = task_of("good", "bad")
PAIR = task_of("same", "other", fields=("first", "second"))
ROWS = [{"text": f"line {i}, “quoted”", "label": ("good", "bad")[i % 2], "more": i} for i in range(12)]


def jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def csv_of(rows: list[dict[str, Any]], end: str = "\n") -> str:
    return end.join(["label,text", *(f'{row["label"]},"{row["text"]}"' for row in rows), ""])


def parquet(path: Path, columns: Mapping[str, list[Any]], names: list[str] | None = None) -> Path:
    """A parquet file, with `label` as Hugging Face's `ClassLabel` where it has `names`, as plain strings otherwise."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if names is None:
        pq.write_table(pa.table(dict(columns)), path)
        return path
    from datasets import ClassLabel, Features, Value
    from datasets.arrow_dataset import Dataset
    from datasets.utils import disable_progress_bars

    disable_progress_bars()
    features = Features({name: ClassLabel(names=names) if name == "label" else Value("string") for name in columns})
    Dataset.from_dict(dict(columns), features=features).to_parquet(str(path))
    return path


def written(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


# --- what is read ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.JSONL"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    rows = read_labelled(written(tmp_path / name, "\n" + jsonl(ROWS)), TASK)
    assert rows.texts == tuple(row["text"] for row in ROWS)
    assert rows.labels.tolist() == [0, 1] * 6
    assert rows.counts.tolist() == [6, 6]
    assert rows.records[3]["more"] == 3, "other columns are kept"
    assert rows.source == str(tmp_path / name)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv(tmp_path: Path, end: str, mark: str) -> None:
    rows = read_labelled(written(tmp_path / "rows.csv", mark + csv_of(ROWS, end)), TASK)
    assert rows.texts == tuple(row["text"] for row in ROWS)
    assert rows.labels.tolist() == [0, 1] * 6


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    assert len(read_labelled(written(tmp_path / "rows.jsonl", "\ufeff" + jsonl(ROWS)), TASK)) == 12


def test_parquet_with_class_labels_and_with_strings(tmp_path: Path) -> None:
    texts, labels = [row["text"] for row in ROWS], [row["label"] for row in ROWS]
    plain = read_labelled(parquet(tmp_path / "plain.parquet", {"text": texts, "label": labels}), TASK)
    # The file's own numbers, not the task's: its first class is the task's second label.
    numbers = [("bad", "good").index(str(label)) for label in labels]
    classes = read_labelled(parquet(tmp_path / "classes.parquet", {"text": texts, "label": numbers}, ["bad", "good"]), TASK)
    assert plain.records == classes.records
    assert plain.labels.tolist() == [0, 1] * 6


def test_the_folder_of_a_run_and_its_data_set(tmp_path: Path, task: Path) -> None:
    made = generate(task, n=12, out=tmp_path / "run", lm=fake_lm(Author()))
    rows = read_labelled(tmp_path / "run", load_task(task))
    assert rows.texts == tuple(made["text"])
    assert [rows.task.label_names[label] for label in rows.labels] == made.features["label"].int2str(made["label"])
    assert rows.records[0]["provenance"]["strategy"] == "targen"


@pytest.mark.parametrize("given", ["GOOD", " good ", '"Good".'])
def test_a_label_may_differ_in_case_and_marks(tmp_path: Path, given: str) -> None:
    rows = read_labelled(written(tmp_path / "rows.jsonl", jsonl([*ROWS, {"text": "one more", "label": given}])), TASK)
    assert rows.records[-1]["label"] == "good"
    assert rows.counts.tolist() == [7, 6]


def test_a_label_may_be_spelled_otherwise(tmp_path: Path) -> None:
    task = task_of("ne\u0301gatif", "can't tell")
    rows = [{"text": f"line {i}", "label": ("n\u00e9gatif", "can’t tell")[i % 2]} for i in range(12)]
    read = read_labelled(written(tmp_path / "rows.jsonl", jsonl(rows)), task)
    assert {record["label"] for record in read.records} == set(task.label_names)


def test_labels_of_other_types_are_read_as_they_are_written(tmp_path: Path) -> None:
    yes_no = task_of("True", "False")
    rows = [{"text": i, "label": i % 2 == 0} for i in range(12)]
    read = read_labelled(written(tmp_path / "rows.jsonl", jsonl(rows)), yes_no)
    assert read.texts[3] == "3"
    assert read.counts.tolist() == [6, 6]


def test_several_fields_are_one_text_in_the_tasks_order(tmp_path: Path) -> None:
    rows = [{"second": f"b{i}", "label": ("same", "other")[i % 2], "first": f"a{i}"} for i in range(12)]
    read = read_labelled(written(tmp_path / "rows.jsonl", jsonl(rows)), PAIR)
    assert read.texts[1] == "a1\nb1"
    assert read.column("second")[1] == "b1"


@pytest.mark.parametrize("labels", [2, 300])
def test_fifty_thousand_rows_are_read_in_two_seconds(tmp_path: Path, labels: int) -> None:
    many = task_of(*(f"label {i}" for i in range(labels)))
    path = written(
        tmp_path / "r.jsonl", jsonl([{"text": f"a line of some words {i}", "label": f"LABEL_{i % labels}"} for i in range(50_000)])
    )
    started = time.process_time()
    rows = read_labelled(path, many)
    assert time.process_time() - started < 2
    assert len(rows) == 50_000
    assert rows.labels[:3].tolist() == [0, 1, 2 % labels]


# --- what is refused ------------------------------------------------------------------------------------------------


def with_row(**row: Any) -> str:
    """Twelve good rows and, as line 13, this one."""
    return jsonl([*ROWS, row])


TORN = jsonl(ROWS)[:-20]
BAD: Mapping[str, tuple[str, str | bytes, tuple[str, ...]]] = {
    "unknown label": ("r.jsonl", with_row(text="x", label="ugly"), (":13:", "'ugly'", "good, bad", "rename it")),
    "a label's number": ("r.jsonl", with_row(text="x", label=0), (":13:", "'0'", "good, bad")),
    "a label like two": ("r.jsonl", with_row(text="x", label="good bad"), (":13:", "'good bad'", "good, bad")),
    "no text": ("r.jsonl", with_row(label="good"), (":13:", "no 'text'", "needs text, label", "add it")),
    "no label": ("r.jsonl", with_row(text="x"), (":13:", "no 'label'", "needs text, label")),
    "null text": ("r.jsonl", with_row(text=None, label="good"), (":13:", "no 'text'")),
    "null label": ("r.jsonl", with_row(text="x", label=None), (":13:", "no 'label'")),
    "blank text": ("r.jsonl", with_row(text=" \n", label="good"), (":13:", "no 'text'")),
    "not a number": ("r.jsonl", jsonl(ROWS) + '{"text": NaN, "label": "good"}\n', (":13:", "no 'text'")),
    "a list as text": ("r.jsonl", with_row(text=["x"], label="good"), (":13:", "a list as 'text'", "a text is allowed")),
    "half a character": ("r.jsonl", jsonl(ROWS) + r'{"text": "\ud83d", "label": "good"}', (":13:", "half a character", "'text'")),
    "one class": ("r.jsonl", jsonl(ROWS[::2] * 2), ("every row has the label 'good'", "at least two", "give rows of others")),
    "five rows": ("r.jsonl", jsonl(ROWS[:5]), ("holds 5 rows", "at least 10", "give more")),
    "empty": ("r.jsonl", "", ("holds 0 rows", "at least 10", "give more")),
    "blank lines": ("r.jsonl", "\n \n\n", ("holds 0 rows",)),
    "torn": ("r.jsonl", TORN, (":12:", "no JSON object", "torn", "mend or remove")),
    "torn within a character": ("r.jsonl", jsonl(ROWS).encode().rpartition(b"\x9d")[0], ("not UTF-8", "save it as UTF-8")),
    "a list": ("r.jsonl", json.dumps(ROWS, indent=1), (":1:", "no JSON object")),
    "very deep": ("r.jsonl", jsonl(ROWS) + "[" * 100_000, (":13:", "no JSON object")),
    "binary": ("r.jsonl", bytes(range(256)) * 9, ("not UTF-8",)),
    "binary that is UTF-8": ("r.jsonl", b"\0\1\2\n" * 99, (":1:", "no JSON object")),
    "not UTF-8": ("r.jsonl", jsonl(ROWS).encode("utf-16"), ("not UTF-8", "save it as UTF-8")),
    "Latin 1 as CSV": ("r.csv", "label,text\ngood,très bien\n".encode("latin-1"), ("not UTF-8",)),
    "unknown label as CSV": ("r.csv", csv_of(ROWS) + "ugly,x\n", (":14:", "'ugly'", "good, bad")),
    "no text column": ("r.csv", csv_of(ROWS).replace("label,text", "label,review"), (":2:", "no 'text'", "text, label")),
    "empty cell": ("r.csv", csv_of(ROWS) + "good,\n", (":14:", "no 'text'")),
    "short line": ("r.csv", csv_of(ROWS) + "good\n", (":14:", "no 'text'")),
    "a comma too many": (
        "r.csv",
        csv_of(ROWS) + "good,a nice, warm film\n",
        (":14:", "more cells than the header", "quotation marks"),
    ),
    "semicolons, and commas in texts": (
        "r.csv",
        "label;text\ngood;a nice, warm film\n",
        ("'label;text'", "commas", "semicolon", "save"),
    ),
    "semicolons, and no comma": ("r.csv", "text;label\na nice film;good\n" * 12, ("is one cell", "semicolon", "save")),
    "semicolons and quotation marks": ("r.csv", '"text";"label"\r\n"a nice, warm film";"good"\r\n', ("one cell", "semicolon")),
    "tabs": ("r.csv", "id\ttext\tlabel\n1\ta nice, warm film\tgood\n", ("is one cell", "a tab", "save it with commas")),
    "a semicolon in the name of a column": ("r.csv", "text;label\n".replace("label", "labels") + "a;b\n", (":2:", "no 'text'")),
    "open quotation marks": ("r.csv", csv_of(ROWS) + 'good,"a nice fi', (":14:", "CSV", "mend")),
    "empty CSV": ("r.csv", "", ("holds 0 rows",)),
    "header only": ("r.csv", "label,text\n", ("holds 0 rows", "at least 10")),
    "binary CSV": ("r.csv", bytes(range(256)) * 9, ("not UTF-8",)),
    "empty parquet": ("r.parquet", b"", ("cannot be read as parquet", "give another file")),
    "parquet that is none": ("r.parquet", jsonl(ROWS), ("cannot be read as parquet", "give another file")),
    "parquet with a torn footer": ("r.parquet", b"PAR1" + b"x" * 99 + b"\x10\0\0\0PAR1", ("cannot be read as parquet",)),
    "unknown suffix": ("r.txt", jsonl(ROWS), ("r.txt", ".jsonl, .csv or .parquet", "give one")),
    "no suffix": ("rows", jsonl(ROWS), (".jsonl, .csv or .parquet",)),
}


def refused(path: Path, task: Task = TASK) -> str:
    with pytest.raises(UsageError) as caught:
        read_labelled(path, task)
    said = str(caught.value)
    assert "\n" not in said
    assert str(path) in said
    assert len(said) < 450
    return said


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    name, data, says = BAD[case]
    said = refused(written(tmp_path / name, data))
    assert [part for part in says if part not in said] == [], said


def test_missing_files(tmp_path: Path) -> None:
    for name in ("none.jsonl", "none.csv", "none.parquet"):
        said = refused(tmp_path / name)
        assert "No such file" in said
        assert "give the folder of a run or of a data set, or a .jsonl, .csv or .parquet file" in said
    assert "holds neither a run's rows.jsonl nor a table (.parquet, .arrow)" in refused(tmp_path), "a folder that is no run's"


def test_bad_parquet_files(tmp_path: Path) -> None:
    texts = [f"line {i}" for i in range(12)]
    torn = parquet(tmp_path / "torn.parquet", {"text": texts, "label": ["good", "bad"] * 6})
    written(torn, torn.read_bytes()[:-60])
    assert "cannot be read as parquet" in refused(torn)
    hidden = parquet(tmp_path / "hidden.parquet", {"text": texts, "label": [0, 1] * 5 + [0, -1]}, ["good", "bad"])
    assert ":12: has no 'label'" in refused(hidden), "-1 is how Hugging Face's data sets hide a test set's labels"
    null = parquet(tmp_path / "null.parquet", {"text": [*texts[:11], None], "label": ["good", "bad"] * 6})
    assert ":12: has no 'text'" in refused(null)
    other = parquet(tmp_path / "other.parquet", {"text": texts, "label": [0, 1] * 6}, ["good", "ugly"])
    assert ":2: has the label 'ugly', the task 'made_up' has good, bad" in refused(other)
    raw = parquet(tmp_path / "raw.parquet", {"text": [text.encode() for text in texts], "label": ["good", "bad"] * 6})
    assert ":1: has a bytes as 'text'" in refused(raw)


def test_a_second_field_is_needed_too(tmp_path: Path) -> None:
    said = refused(written(tmp_path / "r.jsonl", jsonl([{"first": "x", "label": "same"}] * 12)), PAIR)
    assert ":1: has no 'second', the task 'made_up' needs first, second, label" in said


def test_a_task_of_five_hundred_labels_does_not_name_them_all(tmp_path: Path) -> None:
    many = task_of(*(f"label{i}" for i in range(500)))
    said = refused(written(tmp_path / "r.jsonl", jsonl([{"text": "x", "label": "ugly"}] * 12)), many)
    assert "label0, label1" in said
    assert "and 488 more" in said


@pytest.mark.parametrize("least", [0, 1, 2])
def test_fewer_than_two_rows_are_never_enough(tmp_path: Path, least: int) -> None:
    with pytest.raises(UsageError, match="holds 0 rows, at least 2"):
        read_labelled(written(tmp_path / "r.jsonl", ""), TASK, least=least)
    assert len(read_labelled(written(tmp_path / "r.jsonl", jsonl(ROWS[:2])), TASK, least=least)) == 2


# --- what rows can do -----------------------------------------------------------------------------------------------


@pytest.fixture
def rows() -> LabelledRows:
    return rows_of(task_of("a", "b", "c"), [[f"text {i}"] for i in range(30)], [0] * 20 + [1] * 10)


def test_a_draw_has_the_counts_asked_for_or_all_there_are(rows: LabelledRows) -> None:
    drawn = rows.draw([5, 20, 3], np.random.default_rng(0))
    assert drawn.counts.tolist() == [5, 10, 0]
    assert len(set(drawn.texts)) == 15, "without repeats"
    assert drawn.labels.tolist() != sorted(drawn.labels.tolist()), "in random order"
    assert set(drawn.texts) <= set(rows.texts)
    assert len(rows.draw([0, 0, 5], np.random.default_rng(0))) == 0


def test_a_draw_is_its_generators(rows: LabelledRows) -> None:
    draw: Callable[[int], LabelledRows] = lambda seed: rows.draw([5, 5, 0], np.random.default_rng(seed))  # noqa: E731
    assert draw(0).texts == draw(0).texts
    assert draw(0).texts != draw(1).texts


def test_taking_keeps_the_order(rows: LabelledRows) -> None:
    taken = rows.take([21, 0])
    assert taken.texts == ("text 21", "text 0")
    assert taken.labels.tolist() == [1, 0]
    assert taken.task is rows.task


TABLE: dict[str, list[Any]] = {"text": [row["text"] for row in ROWS], "label": [i % 2 for i in range(12)]}


@pytest.mark.parametrize("name", ["data/train.parquet", "data/train-00000-of-00001.parquet", "validation.parquet"])
def test_a_folder_that_export_or_a_hub_wrote(name: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    parquet(tmp_path / name, TABLE, ["good", "bad"])
    assert read_labelled(tmp_path, TASK).texts == tuple(TABLE["text"])


def test_a_folder_that_save_to_disk_wrote(tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["good", "bad"])})
    Dataset.from_dict(TABLE, features=features).save_to_disk(tmp_path / "saved", num_shards=2)
    assert read_labelled(tmp_path / "saved", TASK).texts == tuple(TABLE["text"]), "both parts, in order"
    assert read_labelled(tmp_path / "saved", TASK).labels.tolist() == TABLE["label"]
    written(next((tmp_path / "saved").glob("*.arrow")), b"torn")
    assert "cannot be read as arrow" in refused(tmp_path / "saved")


@pytest.mark.parametrize("form", ["numpy", "pandas"])
def test_a_data_set_that_gives_arrays_is_read_as_any(form: str) -> None:
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["good", "bad"])})
    given = Dataset.from_dict(TABLE, features=features).with_format(form)
    assert read_labelled(given, TASK).labels.tolist() == TABLE["label"]


def test_a_folder_of_several_tables_asks_for_one(tmp_path: Path) -> None:
    for split in ("train-00000-of-00001", "test-00000-of-00001"):
        parquet(tmp_path / f"{split}.parquet", TABLE, ["good", "bad"])
    assert "holds several tables" in (said := refused(tmp_path))
    assert f"{tmp_path}/train-00000-of-00001.parquet); give one of these files" in said


@pytest.mark.parametrize("odd", [b"{}", b"not json", b'{"info": 3}', b'{"info": {"features": {"label": {"_type": "Nothing"}}}}'])
def test_parquet_whose_metadata_is_odd(tmp_path: Path, odd: bytes) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"text": [row["text"] for row in ROWS], "label": [row["label"] for row in ROWS]})
    pq.write_table(table.replace_schema_metadata({b"huggingface": odd}), tmp_path / "rows.parquet")
    assert len(read_labelled(tmp_path / "rows.parquet", TASK)) == 12


def test_a_csv_file_of_long_texts_is_read_and_others_limit_stays(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    assert len(read_labelled(written(tmp_path / "rows.csv", csv_of(ROWS) + f"good,{'x' * 200_000}\n"), TASK).texts[-1]) == 200_000
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("head", ["label,text", '"label","text"', "label,text,a;b", "label,text,a\tb"])
def test_a_header_with_commas_is_read(head: str, tmp_path: Path) -> None:
    """Whatever other signs stand in it."""
    more = ",x" if head.count(",") == 2 else ""
    text = "".join(f"{('good', 'bad')[i % 2]},line; {i}{more}\n" for i in range(12))
    assert read_labelled(written(tmp_path / "rows.csv", f"{head}\n{text}"), TASK).texts[0] == "line; 0"


# --- tables of columns that are not used, that repeat, and that no Python can hold ------------------------------------


def table(**more: Any) -> Any:
    import pyarrow as pa

    return pa.table({"text": TABLE["text"], "label": [row["label"] for row in ROWS], **more})


def saved(path: Path, given: Any) -> Path:
    """A table as a parquet file or an arrow stream, by its suffix."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        pq.write_table(given, path)
    else:
        with pa.ipc.new_stream(path, given.schema) as stream:
            stream.write_table(given)
    return path


@pytest.mark.parametrize("name", ["r.parquet", "r.arrow"])
@pytest.mark.parametrize("zone", [None, "Mars/Phobos"])
def test_a_column_that_python_cannot_hold_is_not_read_or_told(name: str, zone: str | None, tmp_path: Path) -> None:
    import pyarrow as pa

    odd = pa.array([9 * 10**14 if zone is None else 1] * 12, pa.timestamp("s", zone))
    rows = read_labelled(saved(tmp_path / name, table(at=odd)), TASK)
    assert rows.texts == tuple(TABLE["text"])
    assert set(rows.records[0]) == {"text", "label"}
    assert "the column 'id' from row 1 on" in refused(saved(tmp_path / name, table(id=odd)))


@pytest.mark.parametrize("name", ["r.parquet", "r.arrow"])
def test_the_columns_that_are_used_are_read_from_tables_of_many_batches(name: str, tmp_path: Path) -> None:
    import pyarrow as pa

    given = pa.concat_tables([table(id=[f"{i}-{k}" for k in range(12)], provenance=["{}"] * 12) for i in range(30)])
    rows = read_labelled(saved(tmp_path / name, given), TASK)
    assert list(rows.records) == given.to_pylist()
    last = pa.table({"text": ["x"], "label": ["ugly"], "id": ["y"], "provenance": ["{}"]})
    assert ":361: has the label 'ugly'" in refused(saved(tmp_path / name, pa.concat_tables([given, last])))
    assert ":1: has no 'text'" in refused(saved(tmp_path / name, pa.table({"other": ["x"] * 12})))


@pytest.mark.parametrize("column", ["junk", "text"])
def test_a_small_file_of_huge_texts_takes_little_memory(column: str, tmp_path: Path) -> None:
    import pyarrow as pa

    huge = pa.DictionaryArray.from_arrays(pa.array([0] * 1200, pa.int32()), ["x" * 5_000_000])
    columns = {"text": pa.array(TABLE["text"] * 100), "label": pa.array(["good", "bad"] * 600), column: huge}
    path = saved(tmp_path / "r.parquet", pa.table(columns))
    script = (
        "import resource, sys; from pathlib import Path; from seedless.evals.labelled import read_labelled; from seedless.errors import UsageError\n"
        "from tests.evals.made_up import task_of; import pyarrow.parquet\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: print(len(read_labelled(Path(sys.argv[1]), task_of('good', 'bad'))))\n"
        "except UsageError as error: print(error)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], cwd=ROOT, capture_output=True, text=True, check=True)
    said, megabytes = done.stdout.splitlines()
    assert said == (
        "1200"
        if column == "junk"
        else f"{path}:1: has 5000000 characters in 'text', 1000000 are allowed; shorten it or split the row"
    )
    assert int(megabytes) < 700


def test_a_wrong_first_row_is_told_before_the_others_are_read(tmp_path: Path) -> None:
    import pyarrow as pa

    many = pa.table({"text": pa.array([f"line {i}" for i in range(1_000_000)]), "label": pa.array(["ugly"] * 1_000_000)})
    path = saved(tmp_path / "r.parquet", many)
    started = time.process_time()
    assert ":1: has the label 'ugly'" in refused(path)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("name", ["r.parquet", "r.arrow", "r.csv"])
def test_a_column_that_stands_twice_is_refused_where_it_is_used(name: str, tmp_path: Path) -> None:
    import pyarrow as pa

    def twice(which: str) -> Path:
        if name == "r.csv":
            head = {"label": "text,label,label", "other": "text,label,other,other"}[which]
            rest = {"label": "{t},{l},good", "other": "{t},{l},1,2"}[which]
            lines = [rest.format(t=f"line {i}", l=("good", "bad")[i % 2]) for i in range(12)]
            return written(tmp_path / name, "\n".join([head, *lines, ""]))
        names, columns = ["text", "label"], [table()["text"], table()["label"]]
        more = [table()["label"]] * (1 if which == "label" else 2)
        return saved(tmp_path / name, pa.Table.from_arrays([*columns, *more], names=[*names, *[which] * len(more)]))

    assert "2 columns are called 'label', one is allowed; rename or remove the others" in refused(twice("label"))
    assert len(read_labelled(twice("other"), TASK)) == 12


@pytest.mark.filterwarnings("error")
def test_a_data_frame_is_read_by_the_columns_that_are_used() -> None:
    import pandas as pd

    frame = pd.DataFrame({"text": TABLE["text"] * 20, "label": [row["label"] for row in ROWS] * 20, "id": range(240), "junk": 1})
    rows = read_labelled(frame, TASK)
    assert [record["id"] for record in rows.records] == [*range(240)]
    assert set(rows.records[0]) == {"text", "label", "id"}
    twice = pd.concat([frame, frame[["label"]]], axis=1)
    with pytest.raises(UsageError, match=r"^the rows: 2 columns are called 'label', one is allowed"):
        read_labelled(twice, TASK)
    assert len(read_labelled(pd.concat([frame, frame[["junk"]]], axis=1), TASK)) == 240
    with pytest.raises(UsageError, match="row 1: has no 'text'"):
        read_labelled(frame[["junk"]], TASK)
    with pytest.raises(UsageError, match="row 1: has 1000001 characters in 'text'"):
        read_labelled([{"text": "x" * 1_000_001, "label": "good"}], TASK)


class Frame:
    """What polars' data frame has of its own, which iterates over columns."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows, self.columns = rows, [*rows[0]]

    def __iter__(self) -> Iterator[list[Any]]:
        return iter([[row[name] for row in self.rows] for name in self.columns])

    def select(self, columns: list[str]) -> "Frame":
        return Frame([{name: row[name] for name in columns} for row in self.rows])

    def iter_rows(self, *, named: bool) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows if named else [])


@pytest.mark.parametrize("form", ["polars", "pyarrow", "rows", "examples", "enumeration"])
def test_rows_of_other_kinds_are_read(form: str) -> None:
    import pyarrow as pa

    word = enum.Enum("word", {"good": "good", "bad": "bad"}, type=str)
    where = Provenance("targen", "", "", "", {}, "good", None, "", None, 1, (), "", "")
    given: Any = {
        "polars": Frame(ROWS),
        "pyarrow": pa.Table.from_pylist(ROWS),
        "rows": [Row(str(row["more"]), {"text": row["text"]}, row["label"], where) for row in ROWS],
        "examples": [dspy.Example(**row) for row in ROWS],
        "enumeration": [{**row, "label": word(row["label"])} for row in ROWS],
    }[form]
    found = read_labelled(given, TASK)
    assert [(record["text"], record["label"]) for record in found.records] == [(row["text"], row["label"]) for row in ROWS]
    assert {type(record["label"]) for record in found.records} == {str}


def test_a_refusal_is_no_row() -> None:
    where = Provenance("targen", "", "", "", {}, "good", None, "", None, 1, (), "", "")
    with pytest.raises(UsageError, match=r"^row 13: is a Refusal, which is no row; leave it out"):
        read_labelled([*ROWS, Refusal("write", 0, 0, "good", {}, (), where)], TASK)
    made = dspy.Prediction(text="a b", label="good", ok=False, outcome=Refusal("write", 0, 0, "good", {}, (), where))
    with pytest.raises(UsageError, match=r"^row 13: is a Refusal"):
        read_labelled([*ROWS, made], TASK)


def test_a_data_set_s_other_columns_are_not_decoded() -> None:
    import pyarrow as pa
    from datasets import Dataset

    odd = pa.array([9 * 10**14] * 12, pa.timestamp("s"))
    assert len(read_labelled(Dataset(table(at=odd)), TASK)) == 12


def test_a_data_set_of_other_columns_lacks_a_field() -> None:
    from datasets import Dataset

    with pytest.raises(UsageError, match="has no 'text'"):
        read_labelled(Dataset.from_dict({"body": ["x"] * 12}), TASK)
