"""The account of an evaluation for MLflow: real evaluations, as runs of their own that belong to the runs whose rows they read."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seedless import evaluate
from seedless.evals.compare import compare
from seedless.evals.evaluation import Evaluation
from seedless.evals.recording.account import record_of_generation
from seedless.evals.recording.evaluation_account import Given, record_of_evaluation
from seedless.evals.recording.record import DataSet, Record, Untracked
from seedless.evals.recording.tracked import track_evaluation
from seedless.evals.tracking import Tracker
from seedless.taskfile import load_task
from tests.command_line import KEY, CommandLine
from tests.evals.conftest import MakeRun
from tests.evals.recording.test_outbox import locked
from tests.evals.test_evaluation import rows, written
from tests.openai_server import OpenAIServer

ON = {"SEEDLESS_TRACK": "1"}


@pytest.fixture
def evaluated(task: Path, tmp_path: Path) -> Callable[..., tuple[Evaluation, Given]]:
    """Evaluates rows on real ones, by default both made up: `evaluated(folder, seed=1)`."""
    real = {name: written(tmp_path / f"{name}.jsonl", rows(60, seed=i, telling=1)) for i, name in enumerate(("train", "test"), 1)}

    def make(data: Path | None = None, **more: Any) -> tuple[Evaluation, Given]:
        given: dict[str, Any] = {**real, "students": ("tfidf",), **more}
        source = data or written(tmp_path / "data.jsonl", rows(60))
        return evaluate(source, task, **given), Given(data=source, task=load_task(str(task)), **given)

    return make


def test_figures_are_those_of_the_evaluation(evaluated: Callable[..., tuple[Evaluation, Given]], tmp_path: Path) -> None:
    found, given = evaluated(direct=written(tmp_path / "direct.jsonl", rows(60, seed=5)))
    record = record_of_evaluation(found, given, seconds=3.0)
    assert Record.read(record.written()) == record
    told, figures = found.record(), record.metrics
    taught = told["usefulness"]["students"]["tfidf"]
    for arm in ("synthetic", "real", "both", "direct", "majority"):
        bounds = (figures[f"tfidf/{arm}"], figures[f"tfidf/{arm}_low"], figures[f"tfidf/{arm}_high"])
        assert bounds == tuple(taught[arm][name] for name in ("macro_f1", "low", "high"))
        assert figures[f"tfidf/{arm}_accuracy"] == taught[arm]["accuracy"]
    for name in ("ratio", "gain"):
        assert {bound: figures[f"tfidf/{name}{'' if bound == 'value' else f'_{bound}'}"] for bound in taught[name]} == taught[name]
    assert (figures["usefulness"], figures["usefulness_low"]) == (taught["synthetic"]["macro_f1"], taught["synthetic"]["low"])
    assert (figures["usefulness_ratio"], figures["usefulness_ratio_high"]) == (taught["ratio"]["value"], taught["ratio"]["high"])
    assert figures["tfidf/at_chance"] == 0.0
    assert "zero_shot" not in figures
    assert figures["labels/disputed"] == told["label_quality"]["disputes"]["share"]["value"]
    assert figures["labels/oracle_low"] == told["label_quality"]["oracle"]["accuracy"]["low"]
    assert figures["diversity"] == 1 - told["diversity"]["synthetic"]["self_bleu"]
    assert figures["diversity_of/real_distinct_2"] == told["diversity"]["real"]["distinct"][1]
    assert figures["difficulty/bits"] == told["difficulty"]["own"]["bits"]["value"]
    overlap = told["contamination"]["splits"]["test"]["overlap"]
    assert (figures["contamination/test/near"], figures["contamination/test/words_8"]) == (
        overlap["near"],
        overlap["shared"][0]["share"],
    )
    assert figures["rows"] == figures["test_rows"] == 60
    assert json.loads(record.findings) == json.loads(json.dumps(told))
    assert record.summary == found.told()


def test_parameters_say_what_it_was_given(evaluated: Callable[..., tuple[Evaluation, Given]], tmp_path: Path) -> None:
    found, given = evaluated(seed=4)
    record = record_of_evaluation(found, given)
    assert given.test is not None
    test = DataSet.of("test", given.test)
    assert {name: value for name, value in record.params.items() if name not in {"git_commit", "seedless"}} == {
        "task": "rooms", "task_hash": given.task.hash, "students": "tfidf", "student": "tfidf", "seed": 4, "splits": "train,test",
        "train": DataSet.of("train", tmp_path / "train.jsonl").digest, "test": test.digest, "train_rows": 60, "test_rows": 60,
    }  # fmt: skip
    assert record.name == "evaluate data.jsonl tfidf seed=4 with train, test"
    assert record.data == DataSet.of("rooms", given.data)
    assert test in record.splits
    alone = record_of_evaluation(evaluate(given.data, given.task, students=("tfidf",)), replace(given, train=None, test=None))
    assert alone.params["splits"] == "none"
    assert "student" not in alone.params
    assert "usefulness" not in alone.metrics
    assert "diversity" in alone.metrics


def test_a_folder_of_a_table_in_parts_is_one_data_set(evaluated: Callable[..., tuple[Evaluation, Given]], tmp_path: Path) -> None:
    (folder := tmp_path / "hub").mkdir()
    for part in range(2):
        (folder / f"train-0000{part}-of-00002.parquet").write_bytes(b"part %d" % part)
    found, given = evaluated()
    train = record_of_evaluation(found, replace(given, train=folder)).params["train"]
    (tmp_path / "whole").write_bytes(b"part 0part 1")
    assert train == DataSet.of("train", tmp_path / "whole").digest


def test_the_same_evaluation_is_the_same_run(evaluated: Callable[..., tuple[Evaluation, Given]]) -> None:
    found, given = evaluated()
    key = record_of_evaluation(found, given).key
    assert record_of_evaluation(*evaluated()).key == key
    for other in (replace(given, seed=1), replace(given, students=("tfidf", "minilm")), replace(given, test=given.train)):
        assert record_of_evaluation(found, other).key != key
    written(given.data, rows(60, seed=9))
    assert record_of_evaluation(found, given).key != key
    given.data.unlink()
    with pytest.raises(Untracked, match=r"data\.jsonl: cannot be read"):
        record_of_evaluation(found, given)


def test_it_belongs_to_the_run_whose_folder_it_read(
    run: MakeRun, evaluated: Callable[..., tuple[Evaluation, Given]], tmp_path: Path
) -> None:
    generation = run("out", n=12)
    found, given = evaluated(tmp_path / "out")
    assert record_of_evaluation(found, given).within == generation.run_id
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    (tmp_path / "copy" / "run.db").unlink()
    assert record_of_evaluation(found, replace(given, data=tmp_path / "copy")).within == ""
    assert not (tmp_path / "copy" / "run.db").exists()
    (tmp_path / "copy" / "run.db").write_bytes(b"no journal " * 100)
    assert record_of_evaluation(found, replace(given, data=tmp_path / "copy")).within == ""
    assert record_of_evaluation(found, replace(given, data=tmp_path / "out" / "rows.jsonl")).within == ""


def test_mlflow_shows_it_below_the_run_that_made_the_rows(
    run: MakeRun, evaluated: Callable[..., tuple[Evaluation, Given]], tracker: Tracker, tmp_path: Path
) -> None:
    import mlflow

    made = record_of_generation(run("out", n=12))
    record = record_of_evaluation(*evaluated(tmp_path / "out"))
    by_itself = tracker.record(record)
    assert [each.parent for each in tracker.runs()] == [""], "the run that made the rows is not in MLflow"
    parent = tracker.record(made)
    run_id = tracker.record(record)
    assert run_id == by_itself
    mlflow.set_tracking_uri(tracker.uri)
    (found,) = mlflow.search_runs(experiment_names=["rooms"], filter_string=f"tags.`mlflow.parentRunId` = '{parent}'").to_dict(
        "records"
    )
    assert (found["run_id"], found["tags.seedless.kind"], found["status"]) == (run_id, "evaluate", "FINISHED")
    assert {name.removeprefix("metrics."): value for name, value in found.items() if name.startswith("metrics.")} == record.metrics
    params = {name.removeprefix("params."): value for name, value in found.items() if name.startswith("params.")}
    assert params == {name: str(value) for name, value in record.params.items()}
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/evaluation.json") == record.findings
    assert record.summary in found["tags.mlflow.note.content"]
    inputs = mlflow.get_run(run_id).inputs.dataset_inputs
    mlflow.set_tracking_uri(None)
    assert made.data is not None
    roles = {each.dataset.name: (each.tags[0].value, each.dataset.digest) for each in inputs}
    assert roles == {"rooms": ("read", made.data.digest)} | {name: (name, str(record.params[name])) for name in ("train", "test")}


@pytest.mark.long
def test_compare_shows_the_usefulness_of_each_variant_and_its_figures_are_mlflow_s(
    run: MakeRun, evaluated: Callable[..., tuple[Evaluation, Given]], tracker: Tracker, tmp_path: Path
) -> None:
    import mlflow

    for seed, strategy in enumerate(("targen", "direct", "no-seeds")):
        tracker.record(record_of_generation(run(strategy, n=20, seed=seed, strategy=strategy)))
    evaluations = {name: record_of_evaluation(*evaluated(tmp_path / name)) for name in ("targen", "direct")}
    for record in evaluations.values():
        tracker.record(record)
    (comparison,) = compare(tracker=tracker)
    table = comparison.table().splitlines()
    assert table[1].startswith("usefulness: macro-F1 of tfidf on 60 real rows")
    found = json.loads(json.dumps(comparison.record()))
    variants = {variant["name"]: variant for variant in found["variants"]}
    assert variants.keys() == {"uncompiled", "direct", "no-seeds"}
    assert "usefulness" not in variants["no-seeds"]["figures"]
    mlflow.set_tracking_uri(tracker.uri)
    runs = mlflow.search_runs(experiment_names=["rooms"]).set_index("run_id")
    mlflow.set_tracking_uri(None)
    for name, shown in (("targen", "uncompiled"), ("direct", "direct")):
        for metric in ("usefulness", "usefulness_ratio", "diversity"):
            figure = variants[shown]["figures"][metric]
            stands = runs.loc[figure["run_id"]]
            assert stands["tags.seedless.kind"] == "evaluate"
            assert figure["value"] == stands[f"metrics.{metric}"] == evaluations[name].metrics[metric]
            if metric != "diversity":
                assert figure["low"] == stands[f"metrics.{metric}_low"]
                assert figure["high"] == stands[f"metrics.{metric}_high"]
                line = next(line for line in table if f" {shown} " in line)
                assert f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]" in line


@pytest.mark.long
def test_what_was_measured_on_other_rows_is_not_compared(
    run: MakeRun, evaluated: Callable[..., tuple[Evaluation, Given]], tracker: Tracker, tmp_path: Path
) -> None:
    folders = ("targen", "no-contexts", "direct", "no-seeds")
    for seed, strategy in enumerate(folders):
        tracker.record(record_of_generation(run(strategy, n=20, seed=seed, strategy=strategy)))
    other = written(tmp_path / "other.jsonl", rows(30, seed=7))
    for name in folders[:3]:
        tracker.record(record_of_evaluation(*evaluated(tmp_path / name)))
    for name in folders[2:]:  # the third variant has both, and the newer one is not the one that it shares with the others
        tracker.record(record_of_evaluation(*evaluated(tmp_path / name, test=other, train=None)))
    tracker.record(record_of_evaluation(*evaluated(tmp_path / "targen", train=None, seed=3)))
    (comparison,) = compare(tracker=tracker)
    bases = {variant.name: variant.figures["usefulness"].basis for variant in comparison.variants}
    assert bases["uncompiled"] == bases["direct"] == comparison.bases["usefulness"]
    assert bases["no-seeds"] != comparison.bases["usefulness"]
    assert "no-seeds" not in {variant.name for variant in comparison.variants if variant.on_front}
    assert any(variant.on_front for variant in comparison.variants)
    assert f"  not comparable: that of no-seeds is of {bases['no-seeds']}" in comparison.table().splitlines()


def test_a_database_that_is_locked_keeps_the_record(evaluated: Callable[..., tuple[Evaluation, Given]], mlruns: Path) -> None:
    found, given = evaluated()
    with locked(mlruns / "mlflow.db"):
        (said,) = track_evaluation(found, given, seconds=1.0, folder=mlruns)
    assert said.startswith("not recorded in MLflow yet: evaluate of rooms: ")
    assert "locked" in said
    assert Tracker(mlruns).drain() == ()
    given.data.unlink()
    (said,) = track_evaluation(found, given, seconds=1.0, folder=mlruns)
    assert said.startswith("not recorded in MLflow: ")
    assert [each.kind for each in Tracker(mlruns).runs()] == ["evaluate"]


# --- the verb ------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_verb_is_recorded_and_its_key_is_nowhere(
    openai_server: OpenAIServer, seedless: CommandLine, run: MakeRun, task: Path, tmp_path: Path, mlruns: Path
) -> None:
    generation, test = run("out", n=20), written(tmp_path / "test.jsonl", rows(30, seed=1))
    Tracker(mlruns).record(record_of_generation(generation))
    env = {**ON, "PLANTED_SETTING": "planted-value-4711", "HF_TOKEN": "hf_planted_token"}
    given = ["evaluate", tmp_path / "out", "--task", task, "--test", test, "--students", "tfidf", "--json"]
    asked = ["--zero-shot", "openai/some-model", "--api-base", openai_server.url]
    done = seedless.run(*given, *asked, cwd=tmp_path, env=env, timeout=120)
    assert done.code == 0, done.err
    assert (
        "seedless: still being recorded in MLflow, in the background: evaluate of rooms; " in done.err
    )  # a slow machine tells more
    tracker = Tracker(mlruns)
    assert tracker.drain() == ()
    found = {each.kind: each for each in tracker.runs("rooms")}
    assert found["evaluate"].parent == found["generate"].run_id
    assert found["evaluate"].params["zero_shot_lm"] == "openai/some-model"
    told = json.loads(done.out)["usefulness"]["students"]["tfidf"]
    assert found["evaluate"].metrics["zero_shot"] == told["zero_shot"]["macro_f1"]
    assert found["evaluate"].metrics["zero_shot_accuracy"] == told["zero_shot"]["accuracy"]
    assert any(KEY in str(seen.headers) for seen in openai_server.seen), "the key was used"
    holding = {file: file.read_bytes() for file in mlruns.rglob("*") if file.is_file()}
    for hidden in (KEY, "planted-value-4711", "PLANTED_SETTING", "hf_planted_token", "HF_TOKEN"):
        assert [str(file) for file, held in holding.items() if hidden.encode() in held] == []


@pytest.mark.long
def test_mlflow_s_failures_do_not_reach_the_verb(seedless: CommandLine, task: Path, tmp_path: Path, mlruns: Path) -> None:
    given = ["evaluate", written(tmp_path / "data.jsonl", rows(40)), "--task", task, "--students", "tfidf"]
    done = seedless.run(*given, "--no-track", cwd=tmp_path, env=ON)
    assert done.code == 0
    assert "seedless: " not in done.err
    assert [file.name for file in mlruns.iterdir()] == ["mlflow.db"]
    with locked(mlruns / "mlflow.db"):
        done = seedless.run(*given, cwd=tmp_path, env=ON)
    assert done.code == 0
    assert "40 rows of rooms" in done.out
    assert done.last.startswith("seedless: not recorded in MLflow yet: evaluate of rooms: mlruns/mlflow.db: database is locked")
    shutil.rmtree(mlruns)
    mlruns.write_text("mine", "utf-8")
    done = seedless.run(*given, cwd=tmp_path, env=ON)
    assert done.code == 0
    assert done.last.startswith("seedless: not recorded in MLflow: evaluate of rooms: ")
