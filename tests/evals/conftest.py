"""MLflow's database, made once and copied; evaluation without the sentence embedder: making or loading either takes seconds."""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from seedless import Generation, Options, TarGEN
from seedless.errors import SetupError
from seedless.evals.recording.account import record_of_generation
from seedless.evals.recording.record import Record
from seedless.evals.reporting import projection
from seedless.evals.tracking import Tracker
from seedless.testing import fake_lm
from tests.openai_server import Author, answer_to, stage_of

MakeRun: TypeAlias = Callable[..., Generation]


@pytest.fixture
def without_embeddings(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the `embedded` group is not installed."""

    def missing(texts: object) -> object:
        raise SetupError("the embedding packages are not installed")

    monkeypatch.setattr(projection, "embeddings", missing)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of MLflow's."""
    tracker = Tracker(tmp_path_factory.mktemp("mlflow") / "mlruns")
    tracker.load()
    return tracker.outbox.database


@pytest.fixture
def mlruns(empty_database: Path, tmp_path: Path) -> Path:
    """A folder of MLflow's with an empty database."""
    folder = tmp_path / "mlruns"
    folder.mkdir()
    shutil.copyfile(empty_database, folder / "mlflow.db")
    return folder


@pytest.fixture
def tracker(mlruns: Path) -> Tracker:
    """A tracker on an empty database."""
    return Tracker(mlruns)


@pytest.fixture
def run(task: Path, tmp_path: Path) -> MakeRun:
    """Makes a finished run of `generate` on a fake LM, closed: `run("out", n=6, seed=1)`."""

    def make(name: str = "out", *, n: int = 6, answer: Callable[[str], str] | None = None, **options: Any) -> Generation:
        given = Options(lm=fake_lm(answer or Author()), **options)
        with Generation(task, n=n, out=tmp_path / name, options=given) as generation:
            for _ in generation:
                pass
        return generation

    return make


@pytest.fixture
def program(task: Path, tmp_path: Path) -> Callable[..., Path]:
    """Saves a program whose writer is told something more: `program("vivid", "Choose short words.")`."""

    def make(name: str, words: str, *, stage: str = "write_instance.write.generate") -> Path:
        made = TarGEN(task, lm=fake_lm(str))
        predictor = dict(made.named_predictors())[stage]
        predictor.signature = predictor.signature.with_instructions(f"{predictor.signature.instructions}\n\n{words}")
        made.save(str(tmp_path / f"{name}.json"))
        return tmp_path / f"{name}.json"

    return make


@pytest.fixture
def variants(run: MakeRun, program: Callable[..., Path]) -> tuple[Record, ...]:
    """Three variants of one task, of which the second and third change the writer's prompt, with an evaluation of the first two."""
    made = [run("plain", n=12)]
    for seed, (name, words) in enumerate(
        (("vivid", "Choose words that a child would choose."), ("terse", "Use as few words as you can.")), 1
    ):
        made.append(run(name, n=12, seed=seed, program=program(name, words)))
    records = [record_of_generation(each) for each in made]
    for record, (value, low, high) in zip(records[:2], ((0.61, 0.55, 0.66), (0.72, 0.68, 0.75)), strict=False):
        figures = {"usefulness": value, "usefulness_low": low, "usefulness_high": high, "diversity": value / 2}
        evaluation = Record(
            key=f"evaluation-{record.key}", kind="evaluate", task=record.task, name="evaluate", params={"students": "tfidf"},
            metrics=figures, data=record.data,
        )  # fmt: skip
        records.append(evaluation)
    records[1] = replace(records[1], champion=True)
    return tuple(records)


def sulky(every: int) -> Callable[[str], str]:
    """An author whose every `every`-th text is a refusal, and whose verifier reads every fifth of the others as the other label."""
    author, rng, written, judged = Author(), random.Random(0), 0, 0

    def answer(prompt: str) -> str:
        nonlocal written, judged
        stage = stage_of(prompt)
        written, judged = written + (stage == "write"), judged + (stage == "verify")
        if stage == "write" and written % every == 0:
            return json.dumps({"text": "I'm sorry, but I can't assist with that."})
        if stage == "verify" and judged % 5 == 0:
            label = json.loads(answer_to(prompt, rng))["label"]
            return json.dumps({"reason": "It reads so.", "label": {"warm": "cold", "cold": "warm"}[label]})
        return author(prompt)

    return answer
