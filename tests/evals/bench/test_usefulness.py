"""The bench of usefulness: its runs go on where they stopped, its intervals cover, its table says what was found."""

import argparse
import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedless.errors import UsageError
from seedless.evals.bench import usefulness as bench
from seedless.evals.bench.usefulness import claim, described_as, made, one, pooled, table
from seedless.evals.measures.estimate import Interval
from seedless.evals.students import TfidfStudent
from seedless.generation import Generation, Options
from seedless.lms.metered import MeteredLM
from seedless.lms.spec import LMSpec
from seedless.outcome import Row
from seedless.taskfile import load_task
from seedless.testing import fake_lm
from tests.openai_server import SYLLABLES, Author, stage_of

WORDS = {"positive": "wonderful", "negative": "dreadful"}


def critic(seed: int = 0) -> MeteredLM:
    """Writes and reads film reviews: a `wonderful` one is positive, a `dreadful` one negative."""
    rng = random.Random(seed)

    def word() -> str:
        return "".join(rng.sample(SYLLABLES, 3))

    def answer(prompt: str) -> str:
        if stage_of(prompt) == "verify":
            text = prompt.rpartition("[[ ## text ## ]]")[2]
            return json.dumps({"reason": "r", "label": "positive" if "wonderful" in text else "negative"})
        said = WORDS["positive" if "loved" in prompt or "praises" in prompt else "negative"]
        return json.dumps({"text": f"The {word()} {word()} of {word()} is a {said} {word()}."})

    return fake_lm(answer)


def split(folder: Path, name: str, n: int, *, sort: bool = False) -> None:
    rng = np.random.default_rng(n)
    rows = []
    for i in range(n):
        label = ("positive", "negative")[i % 2]
        said = WORDS[label] if rng.random() < 0.7 else "usual"
        rows.append({"text": f"A {said} film about w{rng.integers(40)} and w{rng.integers(40)}.", "label": label})
    if sort:
        rows.sort(key=lambda row: row["label"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Real rows of film reviews, where the bench looks for them."""
    split(tmp_path / "data" / "sst2", "train", 160)
    split(tmp_path / "data" / "sst2", "test", 80)
    return tmp_path / "data"


def given(tmp_path: Path, **changes: Any) -> argparse.Namespace:
    defaults = {"lm": critic(), "verifier": None, "strategy": "targen", "n": 12, "direct": True, "zero_shot": 60, "dev": False, "bare": False,
                "data": tmp_path / "data", "out": tmp_path / "out", "seeds": [0], "direct_seeds": None}  # fmt: skip
    return argparse.Namespace(**{**defaults, **changes})


@pytest.fixture(autouse=True)
def one_student(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder's student is tested where students are."""
    monkeypatch.setattr(bench, "STUDENTS", {"tfidf": TfidfStudent})


# --- runs -----------------------------------------------------------------------------------------------------------


class Unwanted:
    """Stands in for a run that must not be begun."""

    def __init__(self, *_: object, **__: object) -> None:
        raise AssertionError("the run was complete")


def test_a_complete_run_is_only_read(task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = made(str(task), tmp_path / "run", 12, Options(lm=fake_lm(Author())))
    assert rows.counts.tolist() == [6, 6]
    monkeypatch.setattr(bench, "Generation", Unwanted)
    assert made(str(task), tmp_path / "run", 12, Options()).records == rows.records


def test_a_stopped_run_is_taken_up(task: Path, tmp_path: Path) -> None:
    lm = fake_lm(Author())
    with Generation(task, n=12, out=tmp_path / "run", options=Options(lm=lm, concurrency=1, max_calls=14)) as generation:
        before = sum(1 for outcome in generation if isinstance(outcome, Row))
    assert 0 < before < 12
    kept = (tmp_path / "run" / "rows.jsonl").read_text("utf-8").splitlines()
    rows = made(str(task), tmp_path / "run", 12, Options(lm=lm))
    assert len(rows) == 12
    assert {json.loads(line)["text"] for line in kept} <= set(rows.texts)


def test_a_torn_last_row_does_not_make_a_run_complete(task: Path, tmp_path: Path) -> None:
    """What a kill leaves behind: as many lines as rows were asked for, the last one torn."""
    lm = fake_lm(Author())
    with Generation(task, n=12, out=tmp_path / "run", options=Options(lm=lm, concurrency=1, max_calls=21)) as generation:
        before = sum(1 for outcome in generation if isinstance(outcome, Row))
    with (tmp_path / "run" / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "r", "te\n' * (11 - before) + '{"id": "rooms-0000')
    assert sum(1 for _ in (tmp_path / "run" / "rows.jsonl").open("rb")) == 12
    assert len(set(made(str(task), tmp_path / "run", 12, Options(lm=lm)).texts)) == 12


def test_a_run_of_another_size_is_not_taken_for_this_one(task: Path, tmp_path: Path) -> None:
    made(str(task), tmp_path / "run", 12, Options(lm=fake_lm(Author())))
    with pytest.raises(UsageError, match="n was 12, is now 10"):
        made(str(task), tmp_path / "run", 10, Options(lm=fake_lm(Author())))


def test_a_folder_keeps_to_one_lm(tmp_path: Path) -> None:
    """Finished runs are read without a look at the LM: in another one's folder they would be passed off as its own."""
    claim(given(tmp_path, lm="embedded"))
    claim(given(tmp_path, lm="embedded", strategy="no-seeds"))
    for changes in (
        {"lm": "gguf:big.gguf"},
        {"lm": "embedded", "verifier": "lm"},
        {"lm": "embedded", "n": 300},
        {"lm": "embedded", "bare": True},
    ):
        with pytest.raises(UsageError, match=r"holds runs with .*'lm': 'embedded'.*give another folder: --out DIR"):
            claim(given(tmp_path, **changes))


@pytest.mark.parametrize("name", list(bench.REAL))
def test_a_bare_task_is_the_same_task_without_lists(name: str) -> None:
    bare, built_in = load_task(described_as(name, bare=True)), load_task(described_as(name, bare=False))
    assert (bare.name, bare.label_names) == (built_in.name, built_in.label_names)
    assert [field.name for field in bare.fields] == [field.name for field in built_in.fields]
    assert (bare.contexts.given, bare.seeds.given, bare.assertions) == ((), (), ())
    assert not any(label.cues or label.openings for label in bare.labels)


# --- figures --------------------------------------------------------------------------------------------------------


def test_one_task_and_seed(data: Path, tmp_path: Path) -> None:
    found = one("movie_reviews", 0, given(tmp_path))
    assert json.loads(json.dumps(found, allow_nan=False))["rows"] == 12
    assert 0.5 < found["zero_shot"] < 1.0, "the critic calls every usual film dreadful"
    (student,) = found["students"].values()
    assert set(student) == {"synthetic", "real", "both", "direct", "majority", "ratio", "gain"}
    assert student["ratio"][0] == pytest.approx(student["synthetic"] / student["real"])
    assert student["ratio"][1] <= student["ratio"][0] <= student["ratio"][2]
    assert sorted(path.name for path in (tmp_path / "out" / "movie_reviews").iterdir()) == ["direct-0", "targen-0"]
    without = one("movie_reviews", 1, given(tmp_path, direct=False))
    assert without["zero_shot"] is None, "the LM is asked once, under the first seed"
    assert "gain" not in without["students"]["tfidf"]
    elsewhere = one("movie_reviews", 2, given(tmp_path, direct_seeds=[0]))
    assert "gain" not in elsewhere["students"]["tfidf"]
    assert not (tmp_path / "out" / "movie_reviews" / "direct-2").exists()


def test_dev_rows_are_of_the_train_split_and_of_every_label(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some train splits are sorted by label: their first rows are of one."""
    split(data / "sst2", "train", 160, sort=True)
    (data / "sst2" / "test.jsonl").write_text((data / "sst2" / "train.jsonl").read_text("utf-8").replace("film", "TEST"), "utf-8")
    seen: dict[str, Any] = {}
    real = bench.usefulness

    def spied(rows: Any, **kwargs: Any) -> Any:
        seen.update(kwargs)
        return real(rows, **kwargs)

    monkeypatch.setattr(bench, "usefulness", spied)
    monkeypatch.setattr(bench, "DEV", 60)
    one("movie_reviews", 0, given(tmp_path, dev=True, direct=False, zero_shot=0))
    assert len(seen["test"]) == 60
    assert len(seen["train"]) == 100
    assert min(seen["test"].counts) > 15
    assert not any("TEST" in text for text in seen["test"].texts + seen["train"].texts)
    records = [json.dumps(dict(record)) for part in ("test", "train") for record in seen[part].records]
    split_rows = (data / "sst2" / "train.jsonl").read_text("utf-8").splitlines()
    assert sorted(records) == sorted(split_rows), "each row once, on one side"


@pytest.mark.usefixtures("data")
def test_the_command_prints_a_table_and_keeps_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(LMSpec, "open", lambda *_, **__: critic())
    args = ["--tasks", "movie_reviews", "--seeds", "0", "1", "-n", "12", "--lm", "openai/some-model", "--zero-shot", "5"]
    monkeypatch.setattr(sys, "argv", ["x", *args, "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--table"])
    bench.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| task | student | synthetic | direct |")
    assert [line.split(" | ")[:2] for line in lines[2:]] == [["| movie_reviews", "tfidf"], ["| **mean**", "tfidf"]]
    kept = json.loads((tmp_path / "out" / "figures-targen.json").read_text("utf-8"))
    assert [(each["task"], each["seed"]) for each in kept] == [("movie_reviews", 0), ("movie_reviews", 1)]
    assert table(kept) == "\n".join(lines), "and they give the same table again"
    monkeypatch.setattr(sys, "argv", ["2" if each == "0" else each for each in sys.argv])
    bench.main()
    later = json.loads((tmp_path / "out" / "figures-targen.json").read_text("utf-8"))
    assert [each["seed"] for each in later] == [0, 2, 1], "figures of an earlier call stay, none stands twice"


# --- pooling --------------------------------------------------------------------------------------------------------


def test_pooling_by_hand() -> None:
    """One run: its own interval. Two equal seeds: the same, since they share the test set. Two tasks: the mean, narrower by root two."""
    run = (0.9, 0.9 - 0.098, 0.9 + 0.098)
    for runs in ([run], [run, run]):
        assert pooled([runs]) == Interval(0.9, pytest.approx(0.802), pytest.approx(0.998))  # type: ignore[arg-type]
    both = pooled([[run], [(0.7, 0.602, 0.798)]])
    assert both.value == pytest.approx(0.8)
    assert both.high - both.value == pytest.approx(0.098 / 2**0.5)
    apart = pooled([[(0.8, 0.8, 0.8), (1.0, 1.0, 1.0)]])
    assert apart.high - apart.value == pytest.approx(1.96 * (0.02 / 2) ** 0.5), "seeds that differ, test sets without error"


def test_pooled_intervals_cover_the_truth() -> None:
    """Seven tasks, three seeds that share their task's test set: in about 95 of 100 worlds the interval holds the true mean."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(1000):
        truth = rng.normal(0.9, 0.1, size=7)
        of_test, of_seed = rng.normal(0, 0.03, size=7), rng.normal(0, 0.04, size=(7, 3))
        values = (truth + of_test)[:, None] + of_seed
        interval = pooled([[(v, v - 1.96 * 0.03, v + 1.96 * 0.03) for v in task] for task in values.tolist()])
        inside += interval.low <= truth.mean() <= interval.high
    assert 920 <= inside <= 980


def figures(task: str, seed: int, ratio: float, *, zero_shot: float | None = None, gain: float | None = None) -> dict[str, Any]:
    arms = {"synthetic": 0.8 * ratio, "real": 0.8, "ratio": (ratio, ratio - 0.05, ratio + 0.05)}
    more = {"direct": 0.5, "gain": (gain, gain - 0.05, gain + 0.05)} if gain is not None else {}
    return {"task": task, "seed": seed, "zero_shot": zero_shot, "students": {"tfidf": {**arms, **more}}}


def test_the_table_has_a_line_for_each_task_and_the_mean() -> None:
    found = [
        figures("a", 0, 0.9, zero_shot=0.55, gain=0.2),
        figures("b", 0, 1.0, gain=0.1),
        figures("a", 1, 0.9, gain=0.2),
        figures("b", 1, 1.0, gain=0.1),
    ]
    assert table(found).splitlines()[2:] == [
        "| a | tfidf | 0.720 | 0.500 | 0.550 | 0.800 | 0.90 (0.85, 0.95) | 0.20 (0.15, 0.25) |",
        "| b | tfidf | 0.800 | 0.500 |  | 0.800 | 1.00 (0.95, 1.05) | 0.10 (0.05, 0.15) |",
        "| **mean** | tfidf | | | | | **0.95 (0.91, 0.99)** | 0.15 (0.11, 0.19) |",
    ]


def test_the_table_without_the_naive_prompt() -> None:
    assert table([figures("a", 0, 0.9)]).splitlines()[2:] == [
        "| a | tfidf | 0.720 |  |  | 0.800 | 0.90 (0.85, 0.95) |  |",
        "| **mean** | tfidf | | | | | **0.90 (0.85, 0.95)** |  |",
    ]


def test_naive_rows_beside_some_seeds_tell_the_gain_of_those() -> None:
    lines = table([figures("a", 0, 0.9, gain=0.2), figures("a", 1, 1.0)]).splitlines()
    assert lines[2].endswith("| 0.20 (0.15, 0.25) |")
    assert lines[3].endswith("| 0.20 (0.15, 0.25) |")
