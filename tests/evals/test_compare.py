"""The comparison: its figures are MLflow's own, its front is the Pareto front."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from seedless import UsageError
from seedless.cli import app
from seedless.evals.compare import COLUMNS, compare, front
from seedless.evals.recording.record import Record
from seedless.evals.tracking import Tracker


@pytest.fixture
def tracked(tracker: Tracker, variants: tuple[Record, ...]) -> Tracker:
    """Three variants; the second is better than the first, and pays for it with as many tokens again."""
    for record in variants:
        dearer = {**record.metrics, "tokens_per_row": 2 * record.metrics["tokens_per_row"]} if record.champion else record.metrics
        tracker.record(replace(record, metrics=dearer))
    return tracker


def test_figures_equal_those_of_search_runs(tracked: Tracker) -> None:
    import mlflow

    (comparison,) = compare("rooms", tracker=tracked)
    mlflow.set_tracking_uri(tracked.uri)
    runs = mlflow.search_runs(experiment_names=["rooms"]).set_index("run_id")
    mlflow.set_tracking_uri(None)
    compared = 0
    for variant in json.loads(json.dumps(comparison.record()))["variants"]:
        assert variant["params"]["program"] == runs.loc[variant["run_id"], "params.program"]
        for name, figure in variant["figures"].items():
            run = runs.loc[figure["run_id"]]
            assert figure["value"] == run[f"metrics.{name}"]
            for bound in ("low", "high"):
                if figure[bound] is not None:
                    assert figure[bound] == run[f"metrics.{name}_{bound}"]
                    compared += 1
            compared += 1
    assert compared == 3 * 3 + 2 * 2 + 4, "accepted, tokens and cost of three runs; usefulness and diversity of two; two intervals"


def test_each_variant_has_its_own_evaluation_its_change_and_its_place(tracked: Tracker) -> None:
    (comparison,) = compare("rooms", tracker=tracked)
    assert (comparison.quality, comparison.cost) == ("usefulness", "tokens_per_row")
    plain, terse, vivid = (next(v for v in comparison.variants if v.name == name) for name in ("uncompiled", "terse", "vivid"))
    assert (plain.figures["usefulness"].value, plain.figures["usefulness"].low) == (0.61, 0.55)
    assert (vivid.figures["usefulness"].value, vivid.figures["diversity"].value) == (0.72, 0.36)
    assert "usefulness" not in terse.figures
    assert [variant.on_front for variant in (terse, vivid, plain)] == [False, True, True]
    assert plain.changes == ""
    assert "+Choose words that a child would choose." in vivid.changes.splitlines()
    assert "+Use as few words as you can." in terse.changes.splitlines()
    table = comparison.table().splitlines()
    assert table[0].startswith("rooms; * is on the Pareto front of usefulness (higher) against tokens_per_row (lower)")
    shown = {name: next(line for line in table if f" {name} " in line) for name in ("terse", "vivid", "uncompiled")}
    assert "0.720 [0.680, 0.750]" in shown["vivid"]
    assert [line.startswith("*") for line in shown.values()] == [False, True, True]
    assert "  +Choose words that a child would choose." in table


def test_a_compiled_program_brings_its_metric_with_it(tracker: Tracker, variants: tuple[Record, ...]) -> None:
    for record in variants[:3]:
        tracker.record(record)
    params = {"program": variants[1].params["program"], "variant": "gepa", "optimizer": "gepa"}
    candidate = Record(key="c1", kind="compile", task="rooms", name="candidate", params={"candidate": 1}, metrics={"metric": 0.9})
    made = Record(
        key="c", kind="compile", task="rooms", name="gepa", params=params, metrics={"metric": 0.8, "metric_low": 0.7, "metric_high": 0.85},
        children=(candidate,),
    )  # fmt: skip
    tracker.record(made)
    tracker.record(replace(made, key="d", params={**params, "program": "f" * 16}, metrics={"metric": 0.5}, children=()))
    (comparison,) = compare(tracker=tracker)
    figures = {variant.name: variant.figures for variant in comparison.variants}
    assert figures.keys() == {"uncompiled", "vivid", "terse", "gepa"}, "a compile counts until its program has generated"
    assert (figures["vivid"]["metric"].value, figures["vivid"]["metric"].high) == (0.8, 0.85)
    assert figures["gepa"]["metric"].value == 0.5
    assert "metric" not in figures["terse"]


def test_the_front_against_its_definition() -> None:
    rng = random.Random(0)
    for _ in range(50):
        points = [(rng.randrange(4) / 4, float(rng.randrange(4))) for _ in range(rng.randrange(1, 9))]
        for (quality, cost), best in zip(points, front(points), strict=True):
            beaten = any((q > quality and c <= cost) or (q >= quality and c < cost) for q, c in points)
            assert best is not beaten
        assert any(front(points))


def test_the_verb(tracked: Tracker, monkeypatch: pytest.MonkeyPatch, task: Path) -> None:
    monkeypatch.chdir(tracked.folder.parent)
    expected = json.loads(json.dumps({"comparisons": [comparison.record() for comparison in compare(tracker=tracked)]}))
    for given in (["compare", "--json"], ["compare", "rooms", "--json"], ["compare", str(task), "--json"]):
        assert told(given) == expected
    done = CliRunner().invoke(app, ["compare"])
    assert done.exit_code == 0
    assert all(name in done.stdout for name in COLUMNS.values())
    with pytest.raises(UsageError, match="given the task 'halls'"):
        CliRunner().invoke(app, ["compare", "halls"], catch_exceptions=False)


def told(args: list[str]) -> Any:
    """What a verb prints on stdout, as JSON."""
    done = CliRunner().invoke(app, args, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)
