"""The data set as others read it: parquet with a card, CSV, JSON lines, chat messages."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seedless.dataset import Format, card, dataset_of, export, write_dataset
from seedless.errors import SetupError, UsageError
from seedless.files import read_ledger, read_rows
from seedless.ledger import Ledger
from seedless.task import Task

TASK = Task.model_validate(
    {
        "name": "rooms",
        "description": "Pairs of lines about rooms.",
        "fields": [{"name": "premise", "description": "one line"}, {"name": "hypothesis", "description": "another line"}],
        "labels": [
            {"name": "warm", "meaning": "it is warm", "constraint": "c1"},
            {"name": "NO", "meaning": "it is not", "constraint": "c2"},
            {"name": "über alles", "meaning": "it is too much", "constraint": "c3"},
        ],
        "contexts": {"hint": "rooms"},
        "seeds": {"hint": "things"},
    }
)


def record(number: int, label: str, premise: str = "A lamp.") -> dict[str, Any]:
    return {
        "id": f"rooms-{number:06d}",
        "premise": premise,
        "hypothesis": "h",
        "label": label,
        "provenance": {"asked_label": "warm", "broken": []},
    }


RECORDS = [
    record(0, "NO"),
    record(1, "warm", 'Café, “Zoë” says "hi";\nnext line\t=1+1'),
    record(2, "über alles", ""),
    record(3, "warm", "日本 🎉"),
]
RECORDED: dict[str, Any] = {
    "requested": 4,
    "accepted": 4,
    "settings": {
        "task": "rooms",
        "lm": "openai/some-model",
        "program": "0123456789abcdef",
        "task_hash": TASK.hash,
        "n": 4,
        "seed": 7,
        "strategy": "targen",
        "verify": "blind",
    },
    "per_label": {
        "warm": {"requested": 2, "accepted": 2},
        "NO": {"requested": 1, "accepted": 1},
        "über alles": {"requested": 1, "accepted": 1},
    },
    "refused": {"meta": 2, "loops": 3},
    "flips": {"warm -> NO": 1},
    "broken": {"meta": 2},
    "calls": {"write": 11, "verify": 4},
    "tokens": {"write": {"input": 11, "output": 4}},
    "repeated": 0,
    "wall_s": 1.5,
    "cost_usd": None,
}
LEDGER = Ledger.model_validate(RECORDED)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with what a run leaves."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "rows.jsonl").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in RECORDS), "utf-8")
    (folder / "ledger.json").write_text(json.dumps(RECORDED), "utf-8")
    return folder


def test_the_card_says_how_to_split_rows_that_share_a_given_field() -> None:
    said = TASK.model_dump(mode="json", exclude_defaults=True)
    given = Task.model_validate({**said, "seeds": {"hint": "things", "field": "premise"}})
    assert "have the same `premise`. Split them by it (it is `seed` in their `provenance`)" in card(given, LEDGER, 4)
    direct = LEDGER.model_copy(update={"settings": {**LEDGER.settings, "strategy": "direct"}})
    for task, ledger in ((TASK, LEDGER), (given, direct)):
        assert "Split them by" not in card(task, ledger, 4)


def test_labels_are_classes_in_the_tasks_order() -> None:
    rows = dataset_of(TASK, RECORDS)
    assert rows.column_names == ["id", "premise", "hypothesis", "label", "provenance"]
    assert rows.features["label"].names == ["warm", "NO", "über alles"]
    assert rows["label"][:] == [1, 0, 2, 0]
    assert [rows.features["label"].int2str(i) for i in rows["label"]] == [r["label"] for r in RECORDS]
    assert [json.loads(p) for p in rows["provenance"]] == [r["provenance"] for r in RECORDS]


def test_no_rows_are_a_data_set_too() -> None:
    rows = dataset_of(TASK, [])
    assert len(rows) == 0
    assert rows.features["label"].names == ["warm", "NO", "über alles"]


def test_labels_come_back_through_parquet(tmp_path: Path) -> None:
    from datasets import Dataset

    rows = dataset_of(TASK, RECORDS)
    rows.to_parquet(str(tmp_path / "x.parquet"))
    again = Dataset.from_parquet(str(tmp_path / "x.parquet"), cache_dir=str(tmp_path / "cache"))
    assert again.features == rows.features
    assert again.to_list() == rows.to_list()


def test_a_card_counts_the_rows_that_are_there_where_the_ledger_is_older(tmp_path: Path) -> None:
    shares = {name: {**share, "accepted": 0} for name, share in LEDGER.per_label.items()}
    older = LEDGER.model_copy(update={"per_label": shares, "accepted": 1})
    write_dataset(tmp_path / "dataset", TASK, RECORDS, older)
    said = (tmp_path / "dataset" / "README.md").read_text("utf-8")
    assert {line.rpartition(" | ")[2] for line in said.splitlines() if line.startswith(("| warm", "| NO"))} == {"2 |", "1 |"}
    assert (
        "\n\nThe run's ledger counts 1 row: what was refused, relabelled, called and paid is told as of then.\n\n## Limits" in said
    )
    assert "The run's ledger counts" not in card(TASK, LEDGER, len(RECORDS))


def test_load_dataset_opens_what_was_written_and_no_other_runs(run: Path, tmp_path: Path) -> None:
    """All in one cache, and every run's folder is called `dataset`."""
    first, second, exported = tmp_path / "my rooms" / "dataset", tmp_path / "again" / "dataset", tmp_path / "hub" / "dataset"
    write_dataset(first, TASK, RECORDS[:2], LEDGER)
    write_dataset(second, TASK, RECORDS[2:], LEDGER)
    export(run, "parquet", TASK, to=exported)
    code = (
        "import sys, json; from pathlib import Path; from datasets import load_dataset\n"
        "def told(folder):\n"
        "    d = load_dataset(folder, cache_dir=sys.argv[1]); t = d['train']; names = t.features['label'].names\n"
        "    return [list(d), names, [[r['id'], r['premise'], names[r['label']]] for r in t]]\n"
        "found = [told(folder) for folder in sys.argv[2:]]\n"
        "table = Path('data', 'train.parquet'); (Path(sys.argv[2]) / table).write_bytes((Path(sys.argv[4]) / table).read_bytes())\n"
        "print(json.dumps([*found, told(sys.argv[2])]))"
    )
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_UPDATE_DOWNLOAD_COUNTS": "0", "HF_HOME": str(tmp_path / "hf")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "cache"), str(first), str(second), str(exported)],
        env=offline, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert all(splits == ["train"] and names == list(TASK.label_names) for splits, names, _ in found)
    told = [[r["id"], r["premise"], r["label"]] for r in RECORDS]
    assert [rows for *_, rows in found] == [told[:2], told[2:], told, told]


def test_card_says_how_it_was_made() -> None:
    said = card(TASK, LEDGER, len(RECORDS))
    for part in ("# rooms", TASK.description, "4 rows", "openai/some-model", "0123456789abcdef", TASK.hash, "blind", "n<1K"):
        assert part in said
    assert "| slots refused | 5 |" in said
    assert "| relabelled rows | 1 |" in said
    assert "| LM calls | 15 |" in said
    assert "| cost (USD) | unknown |" in said
    assert "| NO | it is not | 1 |" in said
    assert "`premise`: one line" in said
    assert "contexts (named by the LM)" in said
    assert "contexts (words that tell its labels apart)" in card(TASK, LEDGER.model_copy(update={"worded": 4}), len(RECORDS))
    assert "expect errors" in said
    direct = LEDGER.model_copy(update={"settings": {**LEDGER.settings, "strategy": "direct"}})
    assert "One naive prompt for each label" in (plain := card(TASK, direct, len(RECORDS)))
    assert "The TarGEN method" in said
    assert "The TarGEN method" not in plain


@pytest.mark.parametrize(
    ("rows", "size"),
    [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (10_000, "10K<n<100K"), (100_000, "100K<n<1M"), (999_999, "100K<n<1M")],
)
def test_card_tells_the_size(rows: int, size: str) -> None:
    assert f"size_categories: [{size}]" in card(TASK, LEDGER, rows)


def test_cards_head_is_yaml() -> None:
    import yaml

    head = yaml.safe_load(card(TASK, LEDGER, 4).split("---\n")[1])
    assert head["language"] == ["en"]
    assert "configs" not in head  # with it datasets caches a folder by its name alone


def test_cards_head_holds_for_norwegian() -> None:
    """`no` is a language, and YAML 1.1 reads it as false."""
    import yaml

    norwegian = TASK.model_copy(update={"language": "no"})
    assert yaml.safe_load(card(norwegian, LEDGER, 4).split("---\n")[1])["language"] == ["no"]


def test_a_bar_in_a_meaning_does_not_break_the_cards_table() -> None:
    label = TASK.labels[0].model_copy(update={"meaning": "warm | hot\nor both"})
    barred = TASK.model_copy(update={"labels": (label, *TASK.labels[1:])})
    (line,) = [line for line in card(barred, LEDGER, 4).splitlines() if line.startswith("| warm ")]
    assert line.replace("\\|", "").count("|") == 4


# --- export ---------------------------------------------------------------------------------------------------------


def test_export_jsonl(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "rooms.jsonl"
    assert export(run, "jsonl", TASK, to=target).rows == 4
    told = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert told == [{k: r[k] for k in ("id", "premise", "hypothesis", "label")} for r in RECORDS]
    assert "日本" in target.read_text("utf-8")


def test_export_csv(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "rooms.csv"
    assert export(run, "csv", TASK, to=target).rows == 4
    with target.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["id", "premise", "hypothesis", "label"]
    assert rows == [[r["id"], r["premise"], r["hypothesis"], r["label"]] for r in RECORDS]


def test_cells_that_a_spreadsheet_takes_for_formulas_are_counted_and_left_as_they_are(run: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in (run / "rows.jsonl").read_text("utf-8").splitlines()]
    texts = ["=HYPERLINK(1)", "-1.5", "@home, at last", "- a list"]
    rows = [{**line, "premise": text} for line, text in zip(lines, texts, strict=True)]
    (run / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    done = export(run, "csv", TASK, to=tmp_path / "rooms.csv")
    assert done.formulas == 3
    with done.path.open(encoding="utf-8", newline="") as file:
        assert [row["premise"] for row in csv.DictReader(file)] == texts
    assert export(run, "jsonl", TASK, to=tmp_path / "rooms.jsonl").formulas == 0


def test_export_sft(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "rooms.sft.jsonl"
    assert export(run, "sft", TASK, to=target).rows == 4
    told = [json.loads(line)["messages"] for line in target.read_text("utf-8").splitlines()]
    assert [[m["role"] for m in messages] for messages in told] == [["user", "assistant"]] * 4
    assert [messages[1]["content"] for messages in told] == [r["label"] for r in RECORDS]
    for messages, r in zip(told, RECORDS, strict=True):
        assert all(f"- {name}: " in messages[0]["content"] for name in TASK.label_names)
        assert f"premise: {r['premise']}\nhypothesis: h\n" in messages[0]["content"]


def test_export_parquet(run: Path, tmp_path: Path) -> None:
    from datasets import Dataset

    target = tmp_path / "hub"
    target.mkdir()
    assert export(run, "parquet", TASK, to=target).rows == 4
    rows = Dataset.from_parquet(str(target / "data" / "train.parquet"), cache_dir=str(tmp_path / "cache"))
    assert rows["id"][:] == [r["id"] for r in RECORDS]
    assert "openai/some-model" in (target / "README.md").read_text("utf-8")


@pytest.mark.parametrize("link", ["data", "."])
def test_a_data_set_is_written_through_no_link(run: Path, tmp_path: Path, link: str) -> None:
    """A run's folder may be somebody else's, and what lies in it may lead anywhere."""
    mine = tmp_path / "mine"
    (mine / "data").mkdir(parents=True)
    (mine / "data" / "train.parquet").write_text("mine")
    (mine / "train.parquet").write_text("mine")
    target = run / "export.dataset"
    if link == "data":
        target.mkdir()
    (target / link).symlink_to(mine)
    with pytest.raises(UsageError, match="is a link to another place"):
        export(run, "parquet", TASK)
    assert (mine / "data" / "train.parquet").read_text() == (mine / "train.parquet").read_text() == "mine"


def test_a_data_set_takes_the_place_of_linked_files(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    (run / "export.dataset" / "data").mkdir(parents=True)
    for name in ("README.md", "data/train.parquet"):
        (run / "export.dataset" / name).symlink_to(mine)
    export(run, "parquet", TASK)
    assert mine.read_text() == "mine"
    assert sorted(path.name for path in (run / "export.dataset").rglob("*")) == ["README.md", "data", "train.parquet"]


def test_an_unknown_format_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="given the format 'xml', allowed are jsonl, csv, parquet, sft"):
        export(run, "xml", TASK, to=tmp_path / "x")  # type: ignore[arg-type]  # what must fail


@pytest.mark.parametrize("format_", ["jsonl", "csv", "sft", "parquet"])
def test_a_target_that_cannot_be_written_is_refused(run: Path, tmp_path: Path, format_: Format) -> None:
    (tmp_path / "file").write_text("mine", "utf-8")
    with pytest.raises(SetupError, match="cannot be written"):
        export(run, format_, TASK, to=tmp_path / "file" / "x")
    assert (tmp_path / "file").read_text("utf-8") == "mine"


# --- reading a run --------------------------------------------------------------------------------------------------


def test_rows_are_read_in_order(run: Path) -> None:
    assert list(read_rows(run)) == RECORDS
    assert read_ledger(run) == LEDGER


@pytest.mark.parametrize(
    "torn",
    [
        b'{"id": "rooms-000004", "premise": "A la',
        b"\n",
        b"42\n",
        b'"words"\n',
        b"null\n",
        b"[]\n",
        b'{"id": "\xff"}\n',
        b'{"premise": "\xe6\x97',
        b'{"premise": ' + b"[" * 100_000,
        b'{"premise": ' + b"[" * 400 + b"]" * 400 + b"}",
        b'{"premise": ' + b"9" * 400 + b"}",
    ],
)
def test_a_line_that_is_no_json_object_is_refused_with_its_number(run: Path, torn: bytes) -> None:
    with (run / "rows.jsonl").open("ab") as file:
        file.write(torn)
    with pytest.raises(UsageError, match=r"rows\.jsonl:5: "):
        list(read_rows(run))


@pytest.mark.parametrize("changes", [{"label": "cold"}, {"label": None}, {"premise": None}])
def test_rows_of_another_task_are_refused(run: Path, tmp_path: Path, changes: dict[str, str | None]) -> None:
    """A label or field that the task lacks is the caller's mistake (the wrong `--task`), not a crash."""
    strange = {name: value for name, value in {**RECORDS[0], **changes}.items() if value is not None}
    (run / "rows.jsonl").write_text(json.dumps(strange) + "\n", "utf-8")
    with pytest.raises(UsageError):
        export(run, "parquet", TASK, to=tmp_path / "hub")


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"rows\.jsonl: cannot be read .*seedless generate"):
        list(read_rows(tmp_path))
    with pytest.raises(UsageError, match=r"ledger\.json: is not there: .* `seedless generate`"):
        read_ledger(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", "[" * 100_000, "\xff"])
def test_a_ledger_that_is_none_is_refused(run: Path, content: str) -> None:
    (run / "ledger.json").write_text(content, "latin-1")
    with pytest.raises(UsageError, match=r"ledger\.json: is torn or no ledger .* command again") as told:
        read_ledger(run)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"settings": []}, "settings"),
        ({"settings": {}}, "settings.task"),
        ({"settings": {**RECORDED["settings"], "task": ["rooms"]}}, "settings.task"),
        ({"per_label": {}}, "per_label"),
        ({"per_label": {"wa\nrm": {}}}, "per_label.wa rm.requested"),
        ({"per_label": {"warm": {"requested": 2}}}, "per_label.warm.accepted"),
        ({"requested": "x"}, "requested"),
        ({"calls": {"write": 10**400}}, "a number of 401 digits"),
        ({"calls": {"write": -1}}, "calls.write"),
        ({"wall_s": float("inf")}, "wall_s"),
        ({"settings": {**RECORDED["settings"], "more": [[[[[[0]]]]]] * 12}}, None),
    ],
)
def test_what_a_ledger_holds_is_checked(run: Path, tmp_path: Path, changes: dict[str, Any], where: str | None) -> None:
    (run / "ledger.json").write_text(json.dumps({**RECORDED, **changes}), "utf-8")
    if where is None:
        assert read_ledger(run) == Ledger.model_validate({**RECORDED, **changes})  # many brackets, and no depth
        return
    with pytest.raises(UsageError, match=re.escape(f"is torn or no ledger ({where}")) as told:
        export(run, "parquet", TASK, to=tmp_path / "hub")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("format_", ["jsonl", "csv", "sft", "parquet"])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"premise": None}, "rows.jsonl:1: 'premise' is no text"),
        ({"premise": ["a"]}, "rows.jsonl:1: 'premise' is no text"),
        ({"id": 7}, "rows.jsonl:1: 'id' is no text"),
        ({"label": ["NO"]}, "rows.jsonl:1: 'label' is no text"),
        ({"premise": "half \ud800"}, "rows.jsonl:1: has half a character"),
        ({"id": "\udfff"}, "rows.jsonl:1: has half a character"),
        ({"provenance": {"seed": "\ud800"}}, "rows.jsonl:1: has half a character"),
    ],
)
def test_what_is_no_text_is_exported_in_no_form(
    run: Path, tmp_path: Path, format_: Format, changes: dict[str, Any], said: str
) -> None:
    (run / "rows.jsonl").write_text(json.dumps({**RECORDS[0], **changes}) + "\n", "utf-8")
    with pytest.raises(UsageError, match=said):
        export(run, format_, TASK, to=tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_ledger_of_other_labels_is_no_cards(run: Path, tmp_path: Path) -> None:
    (run / "ledger.json").write_text(json.dumps({**RECORDED, "per_label": {"hot": {"requested": 4, "accepted": 4}}}), "utf-8")
    with pytest.raises(UsageError, match="has hot; name the task that made it"):
        export(run, "parquet", TASK, to=tmp_path / "hub")


@pytest.mark.parametrize("format_", ["jsonl", "csv", "sft", "parquet"])
def test_an_export_by_another_task_leaves_what_is_there(format_: Format, run: Path, tmp_path: Path) -> None:
    other = TASK.model_copy(update={"name": "boats", "labels": TASK.labels[:2]})
    target = tmp_path / "there.txt"
    target.write_text("mine")
    with pytest.raises(UsageError, match="name the task that made it"):
        export(run, format_, other, to=target)
    assert target.read_text() == "mine"


def test_an_export_takes_the_place_of_nothing_but_an_earlier_one(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "project"
    mine.mkdir()
    (mine / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="a folder with other files"):
        export(run, "parquet", TASK, to=mine)
    assert (mine / "README.md").read_text() == "mine"
    before = (run / "rows.jsonl").read_bytes()
    with pytest.raises(UsageError, match="a file of the run itself"):
        export(run, "jsonl", TASK, to=run / "rows.jsonl")
    assert (run / "rows.jsonl").read_bytes() == before
    for _ in range(2):
        assert export(run, "parquet", TASK, to=tmp_path / "data set").rows == len(RECORDS)


@pytest.mark.parametrize(
    ("verify", "said"),
    [("none", "nobody read"), ("anchored", "sees the asked label"), ("vote-3", "does not see the asked label")],
)
def test_the_card_says_who_read_the_labels(verify: str, said: str) -> None:
    told = card(TASK, LEDGER.model_copy(update={"settings": {**LEDGER.settings, "verify": verify}}), 4)
    assert said in told
    assert ("checked by nobody" in told) == (verify == "none")
