"""The verb `evaluate`: every analysis on one data set, and every bad input in one line."""

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seedless import SetupError, UsageError, evaluate
from seedless.evals.difficulty import difficulty
from seedless.evals.label_quality import label_quality
from seedless.evals.labelled import read_labelled
from seedless.evals.measures.answers import SpanPosition
from seedless.evals.measures.divergence import Divergence
from seedless.evals.students import TfidfStudent
from seedless.taskfile import load_task
from tests.command_line import CommandLine
from tests.recorded_run import row as recorded, write_run

WORDS = {"warm": ("soup", "fire", "wool", "summer", "tea"), "cold": ("ice", "snow", "steel", "winter", "frost")}
COMMON = ("the", "a", "old", "new", "on", "table", "near", "house", "with", "it", "was", "some", "more", "today")


def rows(n: int, *, seed: int = 0, telling: int = 2) -> list[dict[str, str]]:
    """`n` rows, labels in turn, `telling` words of the label's own in each."""
    rng = random.Random(seed)
    made = []
    for place in range(n):
        label = ("warm", "cold")[place % 2]
        said = [*rng.choices(COMMON, k=6), *rng.choices(WORDS[label], k=telling)]
        rng.shuffle(said)
        made.append({"id": f"row-{place}", "text": " ".join(said), "label": label})
    return made


def written(path: Path, given: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in given), "utf-8")
    return path


def test_every_analysis_has_its_part(task: Path, tmp_path: Path) -> None:
    data, train, test = (written(tmp_path / f"{name}.jsonl", rows(60, seed=i)) for i, name in enumerate(("data", "train", "test")))
    said: list[str] = []
    found = evaluate(data, task, train=train, test=test, students=("tfidf",), out=tmp_path / "found.json", say=said.append)
    parts = ["usefulness", "label quality", "diversity", "difficulty", "bias", "contamination"]
    assert [each.partition(":")[0] for each in said] == parts
    assert found.usefulness is not None
    taught = found.usefulness.students["tfidf"]
    assert taught.arms["synthetic"].macro_f1 > 0.9
    assert taught.ratio is not None
    assert 0.9 < taught.ratio.value < 1.1
    record = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert record == json.loads(json.dumps(found.record()))
    assert {part.replace(" ", "_") for part in parts} <= set(record)
    assert set(record["contamination"]["splits"]) == {"train", "test"}


def test_label_quality_and_difficulty_read_one_cross_validation(
    task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[int] = []
    fit = TfidfStudent.fit
    monkeypatch.setattr(TfidfStudent, "fit", lambda student, given: fits.append(len(given)) or fit(student, given))
    loaded = load_task(task)
    data = written(tmp_path / "data.jsonl", rows(60))
    found = evaluate(data, task, students=("tfidf",))
    assert fits == [48] * 5
    given = read_labelled(data, loaded)
    assert found.label_quality == label_quality(given, student="tfidf")
    assert found.difficulty == difficulty(given, student="tfidf")


def test_rows_are_taken_as_a_list_a_data_set_and_a_data_frame(task: Path, tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, Features, Value

    data, train, test = (rows(60, seed=i) for i in range(3))
    paths = [written(tmp_path / f"{name}.jsonl", each) for name, each in (("data", data), ("train", train), ("test", test))]
    in_files = evaluate(paths[0], task, train=paths[1], test=paths[2], direct=paths[1], students="tfidf, tfidf").record()
    made = Features({"id": Value("string"), "text": Value("string"), "label": ClassLabel(names=["cold", "warm"])})
    given = Dataset.from_list(data, features=made)
    found = evaluate(
        given, task, train=train, test=Dataset.from_list(test).to_pandas(), direct=iter(train), students="tfidf"
    ).record()
    assert found.pop("source") == "the rows"
    in_files.pop("source")
    assert found == in_files


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"data": [*rows(20), {"label": "warm"}]}, "row 21: has no 'text'"),
        ({"test": [*rows(20), {"text": "x", "label": "hot"}]}, "test row 21: has the label 'hot'"),
        ({"train": rows(5)}, "the train rows: holds 5 rows"),
        (
            {"test": {"train": rows(20)}},
            "given 'dict' as the test rows, allowed is the folder of a run .*a data set or a data frame",
        ),
        ({"direct": 7}, "given 'int' as the direct rows, allowed"),
        ({"task": None}, "given rows without their task; name it: task=TASK"),
    ],
)
def test_rows_that_cannot_be_used_are_refused_by_name(given: Mapping[str, Any], says: str, task: Path) -> None:
    with pytest.raises(UsageError, match=says):
        evaluate(**{"data": rows(20), "task": task, **given})


def test_shuffled_labels_show_in_every_figure_of_labels(task: Path, tmp_path: Path) -> None:
    clean, test = rows(80), written(tmp_path / "test.jsonl", rows(60, seed=1))
    labels = [row["label"] for row in clean]
    random.Random(3).shuffle(labels)
    shuffled = [{**row, "label": label} for row, label in zip(clean, labels, strict=True)]
    good, bad = (
        evaluate(written(tmp_path / f"{name}.jsonl", given), task, test=test, students=("tfidf",))
        for name, given in (("clean", clean), ("shuffled", shuffled))
    )
    assert good.usefulness is not None
    assert bad.usefulness is not None
    assert (
        good.usefulness.students["tfidf"].arms["synthetic"].macro_f1
        > bad.usefulness.students["tfidf"].arms["synthetic"].macro_f1 + 0.2
    )
    assert good.difficulty.own.bits.value > bad.difficulty.own.bits.value + 0.3


def test_copied_test_rows_are_found(task: Path, tmp_path: Path) -> None:
    test = rows(60, seed=1)
    data = written(tmp_path / "data.jsonl", [*rows(50), *test[:10]])
    found = evaluate(data, task, test=written(tmp_path / "test.jsonl", test), students=("tfidf",))
    assert found.contamination is not None
    assert found.contamination.record()["splits"]["test"]["overlap"]["exact"] == pytest.approx(10 / 60)
    assert "note: 10 of 60 rows stand word for word in the test split" in found.told()


def test_what_is_told_is_a_line_for_each_analysis_with_real_rows_beside(task: Path, tmp_path: Path) -> None:
    data, bare = written(tmp_path / "data.jsonl", rows(60)), written(tmp_path / "bare.jsonl", rows(60, telling=1))
    train, test = written(tmp_path / "train.jsonl", rows(120, seed=2)), written(tmp_path / "test.jsonl", rows(60, seed=1))
    whole = evaluate(data, task, train=train, test=test, students=("tfidf",))
    lines = whole.told().splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "60 rows of rooms", "tfidf", "labels", "diversity", "difficulty", "contamination",
    ]  # fmt: skip
    assert whole.label_quality.oracle is not None
    assert f"an oracle confirms {whole.label_quality.oracle.accuracy.value:.2f}" in lines[2]
    assert whole.diversity.real is not None
    assert f"(real {whole.diversity.real.self_bleu:.2f})" in lines[3]
    assert "(real rows 0." in lines[-1]
    assert "oracle" not in evaluate(bare, task, students=("tfidf",)).told()


def test_a_word_or_a_place_that_goes_with_a_label_is_told(task: Path, tmp_path: Path) -> None:
    planted = [{**row, "text": f"{'she' if row['label'] == 'warm' else 'he'} said {row['text']}"} for row in rows(60)]
    found = evaluate(written(tmp_path / "data.jsonl", planted), task, students=("tfidf",))
    assert "bias: pronouns tell " in found.told()
    assert ", real rows " not in found.told()
    beside = evaluate(planted, task, train=planted, students=("tfidf",))
    (real,) = (group.real_between_labels for group in beside.bias.groups if group.name == "pronouns")
    assert real is not None
    assert f", real rows {real.bits:.2f}" in beside.told()
    (pronouns,) = (group for group in found.bias.groups if group.name == "pronouns")
    unsure = replace(pronouns, between_labels=replace(pronouns.between_labels, low=0.0))
    assert "bias:" not in replace(found, bias=replace(found.bias, groups=(unsure,))).told(), "chance is not ruled out"
    # Where a span stands is told likewise.
    its, some, of_real = (Divergence(bits, bits - 0.1, bits + 0.1, 0.005) for bits in (0.52, 0.43, 0.21))
    span = SpanPosition("answer", "text", 60, 0.5, (0.5, 0, 0, 0, 0.5), {}, its, some, of_real, 0.5, None)

    def told(**changes: Divergence | None) -> str:
        bias = replace(found.bias, groups=(), spans=(replace(span, **changes),))
        return next((line for line in replace(found, bias=bias).told().splitlines() if line.startswith("bias: ")), "")

    alone = "bias: where answer stands in text tells 0.52 bits of the label (0.42, 0.62)"
    assert told() == f"{alone}, real rows 0.21 (as many of these 0.43)"
    assert told(beside_between_labels=None) == f"{alone}, real rows 0.21"
    assert told(beside_between_labels=None, real_between_labels=None) == alone
    assert told(between_labels=replace(its, low=0.0)) == told(between_labels=replace(its, low=0.004)) == ""


def test_what_was_planted_is_told_in_words(task: Path, tmp_path: Path) -> None:
    given = rows(40)
    named = [{**row, "text": f"{row['text']} {row['label']}"} for row in given]
    swapped = [{"text": f"{row['text']}!", "label": {"warm": "cold", "cold": "warm"}[row["label"]]} for row in given[:10]]
    planted = {
        "named": (named, "a single word gives the label away: 'warm' stands in 20 of the 20 rows of warm and in 0 others; 'cold' "),
        "copied": ([*given[:4]] * 10, "36 of the 40 rows repeat an earlier one word for word"),
        "swapped": ([*given, *swapped], "10 texts stand under two labels or more: one at most is right"),
    }
    for name, (data, note) in planted.items():
        found = evaluate(written(tmp_path / f"{name}.jsonl", data), task, students=("tfidf",))
        assert f"\nnote: {note}" in found.told(), name
        assert [said for said in found.record()["notes"] if said.startswith(note)]


def test_many_rows_that_begin_alike_are_told_beside_real_ones(task: Path, tmp_path: Path) -> None:
    begun = [{**row, "text": f"Write a {row['text']}"} if place % 5 < 2 else row for place, row in enumerate(rows(60))]
    data = written(tmp_path / "data.jsonl", begun)
    alone = [note for note in evaluate(data, task, students=("tfidf",)).record()["notes"] if "begin alike" in note]
    assert alone == ["many rows begin alike, 40% with 'write a': openings or cues in the task file vary them"]
    beside = evaluate(data, task, train=written(tmp_path / "train.jsonl", rows(60, seed=2)), students=("tfidf",)).record()["notes"]
    (note,) = (note for note in beside if "begin alike" in note)
    assert note.startswith("many rows begin alike, 40% with 'write' (the commonest of as many real rows: '")
    assert "and 40% with 'write a' (" in note
    assert not [note for note in evaluate(data, task, train=data, students=("tfidf",)).record()["notes"] if "begin alike" in note]


def minded(*data: list[dict[str, str]], task: Path, folder: Path) -> list[str]:
    """The notes on rows, beside train and test rows where they are given, too; they stand in all that is told."""
    paths = [written(folder / f"{i}.jsonl", each) for i, each in enumerate(data)]
    found = evaluate(paths[0], task, **dict(zip(("train", "test"), paths[1:], strict=False)), students=("tfidf",))
    notes = found.record()["notes"]
    assert found.told().splitlines()[-len(notes) :] == [f"note: {note}" for note in notes] or not notes
    return notes


def put(given: list[dict[str, str]], word: str, *, warm: float, cold: float) -> list[dict[str, str]]:
    """The rows with the word put to a share of those of each label, the first ones."""
    least = {label: share * sum(row["label"] == label for row in given) for label, share in (("warm", warm), ("cold", cold))}
    made, seen = [], {"warm": 0, "cold": 0}
    for row in given:
        made.append({**row, "text": f"{row['text']} {word}"} if seen[row["label"]] < least[row["label"]] else row)
        seen[row["label"]] += 1
    return made


def test_a_second_leaked_word_does_not_hide_the_first(task: Path, tmp_path: Path) -> None:
    """`alfa` stands in more rows of the label, and in too many others."""
    once = put(rows(200), "bravo", warm=0.85, cold=0.0)
    for data in (once, put(once, "alfa", warm=1.0, cold=0.12)):
        (note,) = minded(data, rows(200, seed=1), rows(200, seed=2), task=task, folder=tmp_path)
        assert note.startswith("a single word gives the label away: 'bravo' stands in ")
        assert "in 0 others (in 0% of its real rows)" in note
        assert "without real rows" not in note


def test_a_word_that_tells_the_label_in_real_rows_is_no_giveaway(task: Path, tmp_path: Path) -> None:
    given, train, test = (put(rows(120, seed=i), "scarf", warm=0.9, cold=0.02) for i in range(3))
    assert minded(given, train, test, task=task, folder=tmp_path) == []
    assert minded(given, train, task=task, folder=tmp_path) == [], "train rows are real rows, too"
    (alone,) = minded(given, task=task, folder=tmp_path)
    assert alone.startswith("a single word gives the label away: 'scarf'")
    assert alone.endswith("; without real rows nobody can say whether it does so in them, too")


def test_test_rows_with_a_word_changed_are_told(task: Path, tmp_path: Path) -> None:
    train, test = rows(120, seed=1), rows(120, seed=2)
    nearly = [{**row, "text": " ".join(["other", *row["text"].split()[1:]])} for row in test[:40]]
    notes = minded([*rows(80), *nearly], train, test, task=task, folder=tmp_path)
    assert any(note.startswith("40 of 120 rows are a row of the test split but for a few words (real rows 0%)") for note in notes)
    assert minded(rows(120), train, test, task=task, folder=tmp_path) == []


def test_uneven_labels_are_told_unless_real_rows_are_so(task: Path, tmp_path: Path) -> None:
    def skewed(seed: int) -> list[dict[str, str]]:
        return [row for place, row in enumerate(rows(200, seed=seed)) if row["label"] == "warm" or place < 20]

    note = "the labels are far from the shares that the task asks for: cold has 10 of the 110 rows, 50% are asked for"
    assert note in minded(skewed(0), rows(120, seed=1), rows(120, seed=2), task=task, folder=tmp_path)
    assert note in minded(skewed(0), task=task, folder=tmp_path)
    assert note not in minded(skewed(0), skewed(1), rows(120, seed=2), task=task, folder=tmp_path)


def test_answers_in_one_place_are_told(tmp_path: Path) -> None:
    names = ("first", "second")
    file = tmp_path / "ends.yaml"
    fields = [{"name": name, "description": f"the {name} end", "form": "sentence"} for name in names]
    labels = [
        {"name": name, "meaning": f"{name} is likelier", "constraint": f"Make {name} likelier at {{context}}: {{seed}}."}
        for name in names
    ]
    made = {
        "name": "ends",
        "description": "Two ends.",
        "fields": fields,
        "labels": labels,
        "contexts": {"hint": "x"},
        "seeds": {"hint": "y"},
    }
    file.write_text(json.dumps(made), "utf-8")

    def ends(of_first: int, seed: int) -> list[dict[str, str]]:
        texts = [row["text"] for row in rows(200, seed=seed, telling=0)]
        return [{"first": texts[i], "second": texts[-1 - i], "label": names[i >= of_first]} for i in range(100)]

    notes = minded(ends(95, 0), ends(50, 1), task=file, folder=tmp_path)
    assert "the answer is first in 95% of the rows (real rows 50%): a student may learn the position instead of the answer" in notes
    assert not any("position" in note for note in minded(ends(50, 0), ends(50, 1), task=file, folder=tmp_path))


def test_an_oracle_at_chance_is_told(task: Path, tmp_path: Path) -> None:
    train = rows(120, seed=1, telling=0)
    assert any("the oracle is at chance" in note for note in minded(rows(60), train, task=task, folder=tmp_path))


def test_lines_over_fewer_rows_say_so(task: Path, tmp_path: Path) -> None:
    """Ten cold real rows: what is compared is of ten cold rows on both sides, and the line says of how many."""
    train = [row for place, row in enumerate(rows(120, seed=1)) if row["label"] == "warm" or place < 20]
    found = evaluate(
        written(tmp_path / "data.jsonl", rows(100)),
        task,
        train=written(tmp_path / "train.jsonl", train),
        test=written(tmp_path / "test.jsonl", train),
        students=("tfidf",),
    )
    told = found.told()
    assert "; real of only 60 rows 0." in told
    assert told.count("; over 60 of the 100 rows, as many as there are real ones of their labels") == 2
    assert "(of 60 of them 0." in told
    assert "of real rows in the same shares of labels" in told
    assert found.difficulty.beside is not None
    assert found.difficulty.real is not None
    assert found.difficulty.beside.entropy == found.difficulty.real.entropy


def test_the_rows_and_the_order_of_labels_stand_in_the_record(task: Path, tmp_path: Path) -> None:
    data = rows(40)
    found, turned, other = (evaluate(each, task, students="tfidf").record() for each in (data, data[::-1], rows(40, seed=1)))
    assert found["labels"] == list(load_task(task).label_names)
    assert found["digest"] == turned["digest"] != other["digest"]


def test_labels_whose_drafts_read_as_others_are_told_of_a_run(task: Path, tmp_path: Path) -> None:
    kept = [recorded(place, row["label"], row["text"]) for place, row in enumerate(rows(40))]
    read = {"requested": 20, "accepted": 20, "read": 40}
    per_label = {"warm": {**read, "read_otherwise": 22}, "cold": {**read, "read_otherwise": 3}}
    found = evaluate(write_run(tmp_path / "run", kept, per_label=per_label), task, students=("tfidf",))
    assert "\nnote: 22 of the 40 drafts asked for 'warm' read as another label (55%)" in found.told()
    assert "asked for 'cold'" not in found.told()


def test_without_real_rows_it_says_what_it_does_not_know(seedless: CommandLine, task: Path, tmp_path: Path) -> None:
    done = seedless.run("evaluate", str(written(tmp_path / "data.jsonl", rows(40))), "--task", str(task), "--students", "tfidf")
    assert done.code == 0, done.err
    assert "not measured" in done.out


def test_json_is_one_object(seedless: CommandLine, task: Path, tmp_path: Path) -> None:
    data, test = written(tmp_path / "data.jsonl", rows(40)), written(tmp_path / "test.jsonl", rows(40, seed=1))
    done = seedless.run("evaluate", str(data), "--task", str(task), "--test", str(test), "--students", "tfidf", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["usefulness"]["test_rows"] == 40


GOOD = json.dumps({"text": "a warm thing", "label": "warm"})
BAD: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "an unknown label": ("\n".join([*[GOOD] * 12, json.dumps({"text": "x", "label": "tepid"})]), (":13", "'tepid'", "warm, cold")),
    "a missing field": ("\n".join([*[GOOD] * 12, json.dumps({"label": "warm"})]), (":13", "'text'")),
    "one class only": ("\n".join([GOOD] * 20), ("'warm'", "at least two labels")),
    "five rows": ("\n".join([GOOD] * 5), ("5 rows", "at least 10")),
    "an empty file": ("", ("0 rows",)),
    "a torn file": ("\n".join([*[GOOD] * 12, '{"text": "it br']), (":13", "torn")),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_data_is_refused_with_one_line(name: str, seedless: CommandLine, task: Path, tmp_path: Path) -> None:
    text, says = BAD[name]
    (tmp_path / "data.jsonl").write_text(text, "utf-8")
    done = seedless.run("evaluate", str(tmp_path / "data.jsonl"), "--task", str(task))
    assert done.code == 2
    assert len(done.err.strip().splitlines()) == 1
    assert all(said in done.err for said in says), done.err


def test_bad_options_are_refused_with_one_line(seedless: CommandLine, task: Path, tmp_path: Path) -> None:
    data = str(written(tmp_path / "data.jsonl", rows(40)))
    for more, says in (
        ((), "--task"),
        (("--task", str(task), "--students", "bert"), "'bert'"),
        (("--task", str(task), "--students", ","), "no student"),
        (("--task", str(task), "--seed", "-1"), "given --seed -1, at least 0 is allowed"),
        (("--task", str(task), "--direct", data), "--test"),
        (("--task", str(task), "--test", data, "--api-base", "http://127.0.0.1:1/v1"), "given --api-base without --zero-shot"),
        (("--task", str(task), "--test", str(tmp_path / "none.jsonl")), "none.jsonl"),
        (("--task", str(task), "--students", "tfidf", "-o", str(tmp_path)), "cannot be written"),
    ):
        done = seedless.run("evaluate", data, *more)
        assert done.code == 2, (more, done.out)
        assert len(done.err.strip().splitlines()) == 1
        assert says in done.err, done.err


def test_a_separator_within_a_refusals_text_tears_no_line(task: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    written(run / "rows.jsonl", rows(40))
    refusal = {"asked_label": "warm", "label": None, "broken": [], "texts": {"text": "one\u2028two\u0085three"}}
    (run / "refusals.jsonl").write_text(json.dumps(refusal, ensure_ascii=False) + "\n", "utf-8")
    assert evaluate(run, task, students=("tfidf",)).rows == 40


def test_the_real_shares_of_labels_are_the_train_files_own(task: Path, tmp_path: Path) -> None:
    data = written(tmp_path / "data.jsonl", rows(40))
    real = rows(300, seed=1)
    cold = [row for row in real if row["label"] == "cold"]
    train = written(tmp_path / "train.jsonl", [row for row in real if row["label"] == "warm"] + cold[: len(cold) // 3])
    balance = evaluate(data, task, train=train, students=("tfidf",)).bias.balance
    assert balance.per_label["warm"].real == pytest.approx(0.75, abs=0.02)
    assert balance.per_label["warm"].share == 0.5


def test_train_rows_that_stand_in_the_test_file_are_told(task: Path, tmp_path: Path) -> None:
    data = written(tmp_path / "data.jsonl", rows(40))
    real = rows(80, seed=1)
    test = written(tmp_path / "test.jsonl", real[:40])
    printed = [{**row, "text": f"{row['text'].capitalize()}."} for row in real[30:]]
    found = evaluate(data, task, train=written(tmp_path / "train.jsonl", printed), test=test, students=("tfidf",))
    assert any("10 of the 40 test rows stand word for word in the train file" in note for note in found.usefulness.notes)
    clean = evaluate(data, task, train=written(tmp_path / "clean.jsonl", real[40:]), test=test, students=("tfidf",))
    assert not any("word for word" in note for note in clean.usefulness.notes)


def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="its folder does not exist"):
        evaluate(tmp_path / "no data either", "emotion", out=tmp_path / "nowhere" / "found.json")
    with pytest.raises(SetupError, match=r"cannot be written \(it is a folder\)"):
        evaluate(tmp_path / "no data either", "emotion", out=tmp_path)


def test_train_rows_of_other_labels_are_refused(tmp_path: Path) -> None:
    def told(warm: str, cold: str, seed: int) -> Path:
        named = {"warm": warm, "cold": cold}
        return written(tmp_path / f"{seed}.jsonl", [{**row, "label": named[row["label"]]} for row in rows(40, seed=seed)])

    with pytest.raises(UsageError, match="has rows of 0 of the labels"):
        evaluate(told("anger", "joy", 0), "emotion", train=told("sadness", "optimism", 1), students=("tfidf",))


CHINESE = {"warm": ("热汤", "炉火", "毛衣", "夏天", "红茶"), "cold": ("冰块", "大雪", "钢铁", "冬天", "霜冻")}


def chinese_rows(n: int, *, seed: int) -> list[dict[str, str]]:
    rng = random.Random(seed)
    filler = "这是一个关于今天的故事里面有很多人和事情发生在城市乡村街道学校"
    return [
        {
            "id": f"row-{place}",
            "text": "".join(rng.choices(filler, k=8)) + rng.choice(CHINESE[label]) + "".join(rng.choices(filler, k=8)) + "。",
            "label": label,
        }
        for place in range(n)
        for label in [("warm", "cold")[place % 2]]
    ]


def test_rows_in_a_script_without_spaces_are_judged_by_their_characters(task: Path, tmp_path: Path) -> None:
    file = tmp_path / "zh.yaml"
    file.write_text(task.read_text("utf-8") + "language: zh\n", "utf-8")
    synthetic, real = chinese_rows(60, seed=0), chinese_rows(60, seed=1)
    copied = {**synthetic[0], "text": real[3]["text"][:-3] + "了吗。", "label": real[3]["label"]}
    found = evaluate(
        written(tmp_path / "data.jsonl", [*synthetic, copied]),
        file,
        train=written(tmp_path / "train.jsonl", chinese_rows(60, seed=2)),
        test=written(tmp_path / "test.jsonl", real),
        students=("tfidf",),
    )
    assert found.usefulness is not None
    assert found.usefulness.students["tfidf"].arms["synthetic"].macro_f1 > 0.9, "one word a clause would teach nothing"
    assert found.contamination is not None
    assert found.contamination.splits["test"].overlap.near == pytest.approx(1 / 61)
    assert found.contamination.splits["train"].overlap.near == 0
