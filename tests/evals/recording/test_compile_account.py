"""The account of a compile for MLflow: a real compile, its run, its candidates, and the program that the registry then holds."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seedless import Generation, Options, TarGEN, compile  # noqa: A004  the verb that it is
from seedless.evals.compare import compare
from seedless.evals.recording.account import record_of_generation
from seedless.evals.recording.compile_account import Candidates, record_of_compile
from seedless.evals.recording.outbox import Outbox
from seedless.evals.recording.record import Record
from seedless.evals.recording.tracked import track_compile
from seedless.evals.tracking import Tracker
from tests.coachable_server import QUALITY, CoachableServer
from tests.evals.recording.test_outbox import locked
from tests.openai_server import task_file

WRITER = "write_instance.write.generate"


@dataclass(frozen=True)
class Ended:
    """A compile that ended, and a data set that its program made."""

    program: TarGEN
    candidates: Candidates
    path: Path
    made: Record


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "rooms.yaml").write_text(task_file(), "utf-8")
    candidates, path, before = Candidates(), folder / "gepa.json", os.environ.get("OPENAI_API_KEY")
    os.environ["OPENAI_API_KEY"] = "none"
    try:
        with CoachableServer(seed=2) as server:
            lm: dict[str, Any] = {"lm": "openai/some-model", "api_base": server.url}
            program = compile(
                folder / "rooms.yaml", out=path, log=candidates, optimizer="gepa", budget_calls=150, seed=2, concurrency=8, **lm
            )
            with Generation(folder / "rooms.yaml", n=4, out=folder / "out", options=Options(program=path, **lm)) as generation:
                assert len(list(generation)) == 4
    finally:
        os.environ.pop("OPENAI_API_KEY")
        os.environ.update({"OPENAI_API_KEY": before} if before is not None else {})
    return Ended(program, candidates, path, record_of_generation(generation))


def test_a_compile_is_a_run_its_candidates_are_runs_within_it(ended: Ended, tracker: Tracker) -> None:
    record = record_of_compile(ended.program, ended.candidates, key="k", variant="gepa", seconds=3.0)
    assert Record.read(record.written()) == record
    account = ended.program.compiled
    after, gain = account["comparison"]["after"], account["comparison"]["gain"]
    assert account["kept"] == "compiled"
    assert record.status == "FINISHED"
    assert (record.params["metric_kind"], "dev" in record.params) == ("score", False)
    assert (record.metrics["metric"], record.metrics["metric_low"], record.metrics["metric_high"]) == (
        after["value"],
        after["low"],
        after["high"],
    )
    assert record.metrics["gain_low"] == gain["low"] > 0
    assert record.metrics["metric_before"] == account["comparison"]["before"]["value"]
    assert record.metrics["calls"] == sum(account["calls"].values())
    assert [prompt.stage for prompt in record.prompts if prompt.change] == [WRITER]
    assert QUALITY in next(prompt.change for prompt in record.prompts if prompt.stage == WRITER)
    run_id = tracker.record(record)
    runs = tracker.runs()
    (parent,) = [run for run in runs if not run.parent]
    children = {run.params["candidate"] + run.params["stage"]: run for run in runs if run.parent == run_id}
    assert (parent.run_id, parent.params["optimizer"], parent.params["budget_calls"]) == (run_id, "gepa", "150")
    assert len(children) == len(ended.candidates.found) > 3
    for candidate in ended.candidates.found:
        run = children[f"{candidate.number}{candidate.stage}"]
        assert run.metrics["metric"] == candidate.score
        changed = tracker.changes(run.run_id)
        assert (QUALITY in changed) == any(QUALITY in text for text in candidate.instructions.values())
    assert {prompt.name.partition(".")[0] for prompt in tracker._client().search_prompts()} == {"rooms"}
    versions = tracker._client().search_prompt_versions(f"rooms.{WRITER}")
    assert len(versions) == 1, "candidates are no versions"


def test_a_compile_that_the_whole_budget_ended_and_one_with_real_rows(ended: Ended) -> None:
    before = ended.program.compiled
    ended.program.compiled = {**before, "ended": "write: its share of the budget ended the search"}
    assert record_of_compile(ended.program, ended.candidates, key="k").status == "FINISHED", "as most compiles end"
    ended.program.compiled = {**before, "ran_out": True, "intrinsic": False, "dev": "d" * 32, "dev_rows": 40}
    record = record_of_compile(ended.program, ended.candidates, key="k")
    ended.program.compiled = before
    assert record.status == "KILLED"
    assert (record.params["metric_kind"], record.params["dev"]) == ("true_label_probability", "d" * 32)


def test_what_the_program_made_stands_beside_its_metric(ended: Ended, tracker: Tracker) -> None:
    compiled = record_of_compile(ended.program, ended.candidates, key="k", variant="gepa")
    tracker.record(compiled)
    tracker.record(ended.made)
    assert ended.made.params["program"] == compiled.params["program"]
    (comparison,) = compare(tracker=tracker)
    (variant,) = comparison.variants
    assert variant.name == "gepa"
    assert variant.figures["metric"].value == compiled.metrics["metric"]
    assert QUALITY in variant.changes
    with tracker.program_file("prompts:/rooms@champion") as path:
        assert path is not None
        assert path.read_text("utf-8") == ended.path.read_text("utf-8")


def test_a_compile_that_kept_the_uncompiled_program_dethrones_no_champion(ended: Ended, tracker: Tracker) -> None:
    record = record_of_compile(ended.program, ended.candidates, key="k")
    account = {**ended.program.compiled, "kept": "uncompiled"}
    before = ended.program.compiled
    ended.program.compiled = account
    other = record_of_compile(ended.program, ended.candidates, key="l")
    ended.program.compiled = before
    assert (record.champion, other.champion) == (True, False)
    assert other.metrics["metric"] == account["comparison"]["before"]["value"]


def test_the_same_compile_is_the_same_run_whatever_mlflow_does(ended: Ended, mlruns: Path) -> None:
    with locked(mlruns / "mlflow.db"):
        for _ in range(2):
            (said,) = track_compile(ended.program, ended.candidates, ended.path, seconds=1.0, folder=mlruns)
            assert "compile of rooms" in said
            assert "locked" in said
    assert len(Outbox(mlruns).pending()) == 1
    assert Tracker(mlruns).drain() == ()
    assert len([run for run in Tracker(mlruns).runs() if not run.parent]) == 1
