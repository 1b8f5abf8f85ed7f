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
from seedless.evals.compare import COLUMNS, Comparison, Figure, Variant, compare, front
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


def test_what_took_nobody_knows_how_many_tokens_is_on_no_front(tracker: Tracker, variants: tuple[Record, ...]) -> None:
    for record in variants:
        tracker.record(replace(record, metrics={**record.metrics, "tokens_per_row": 0.0}))
    (comparison,) = compare("rooms", tracker=tracker)
    assert not any(variant.on_front or "tokens_per_row" in variant.figures for variant in comparison.variants)


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
    params = {"program": variants[1].params["program"], "variant": "gepa", "optimizer": "gepa", "lm": variants[1].params["lm"]}
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


def compile_of(record: Record, key: str, value: float, **params: Any) -> Record:
    """A compile that kept the program of `record`, intrinsic unless `params` say otherwise."""
    own = {name: record.params[name] for name in ("program", "lm", "verifier")}
    told = {**own, "metric_kind": "score", "seed": 0, **params}
    return Record(key=key, kind="compile", task="rooms", name=key, params=told, metrics={"metric": value})


def test_a_metric_is_of_the_lm_and_the_reader_that_it_was_measured_with(tracker: Tracker, variants: tuple[Record, ...]) -> None:
    plain, vivid, terse = variants[:3]
    for record in (plain, vivid, terse):
        tracker.record(record)
    tracker.record(compile_of(plain, "another-lm", 0.1, lm="openai/another"))
    tracker.record(compile_of(vivid, "another-judge", 0.2, judge_lm="openai/judge"))
    tracker.record(compile_of(terse, "embeddings", 0.3, verifier="embedding"))
    (comparison,) = compare(tracker=tracker)
    figures = {variant.name: variant.figures for variant in comparison.variants}
    assert figures["vivid"]["metric"].value == 0.2, "the run told no judge"
    assert not any("metric" in figures[name] for name in ("uncompiled", "terse"))
    assert figures["another-lm"]["metric"].value == 0.1
    assert figures["embeddings"]["metric"].value == 0.3


def test_metrics_of_another_kind_or_other_rows_compete_on_no_front(tracker: Tracker, variants: tuple[Record, ...]) -> None:
    plain, vivid, terse = (replace(record, metrics=record.metrics | {"tokens_per_row": 100.0}) for record in variants[:3])
    anchored: dict[str, Any] = {"metric_kind": "true_label_probability", "dev": "d" * 32, "dev_rows": 40}
    for record in (plain, vivid, terse):
        tracker.record(record)
    tracker.record(compile_of(plain, "a", 0.5, **anchored))
    tracker.record(compile_of(plain, "b", 0.7, **(anchored | {"dev": "e" * 32})))
    tracker.record(compile_of(vivid, "c", 0.6, **(anchored | {"metric_kind": "usefulness"})))
    tracker.record(compile_of(terse, "d", 0.9))
    (comparison,) = compare(tracker=tracker)
    metrics = {variant.name: variant.figures["metric"] for variant in comparison.variants}
    assert comparison.quality == "metric"
    assert {name: figure.value for name, figure in metrics.items()} == {"uncompiled": 0.5, "vivid": 0.6, "terse": 0.9}
    assert comparison.bases == {"metric": "mean probability of the true label, on a half of 40 real rows (dddddddd, seed 0)"}
    assert {variant.name for variant in comparison.variants if variant.on_front} == {"vivid"}
    told = comparison.table().splitlines()
    assert told[1] == "metric: mean probability of the true label, on a half of 40 real rows (dddddddd, seed 0)"
    assert told[2] == "  not comparable: that of terse is of score of drafts as read by fake, without a real row"


def test_metrics_of_which_no_two_have_one_basis_are_no_front_s(tracker: Tracker, variants: tuple[Record, ...]) -> None:
    for record in variants[:2]:
        tracker.record(record)
    tracker.record(compile_of(variants[0], "a", 0.5))
    tracker.record(compile_of(variants[1], "b", 0.6, metric_kind="usefulness", dev="d" * 32, dev_rows=40))
    (comparison,) = compare(tracker=tracker)
    assert comparison.quality == "accept_rate"


@pytest.mark.parametrize(("rows", "told"), [(("6", "12"), True), (("12", "12"), False)])
def test_runs_of_other_lengths_are_told_beside_the_tokens_of_a_row(rows: tuple[str, ...], told: bool) -> None:
    made = [
        Variant(run_id=str(i), name="uncompiled", params={"n": n}, figures={"tokens_per_row": Figure(900.0 / int(n), str(i))})
        for i, n in enumerate(rows)
    ]
    table = Comparison("rooms", "accept_rate", "tokens_per_row", tuple(made)).table()
    assert ("a row of a longer run costs less; these have 6 to 12 rows" in table) is told


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


def test_runs_that_others_wrote_or_renamed_spoil_nothing(tracked: Tracker) -> None:
    """A run copied by hand has our tags and not our parameters; it is compared on nothing, and the others as before."""
    before = [(v.run_id, v.on_front, v.figures) for v in compare("rooms", tracker=tracked)[0].variants]
    rows = {"accept_rate": float("inf"), "tokens_per_row": 1.0}
    for key, kind, params, metrics in (
        ("odd1", "compile", {"metric_kind": "usefulness"}, {"metric": 0.9}),
        ("odd2", "evaluate", {"test": "0123456789abcdef"}, {"usefulness": 0.9}),
        ("odd3", "generate", {"n": "lots"}, rows),
    ):
        tracked.record(Record(key=key, kind=kind, task="rooms", name=f"odd\n{key}\x1b[31m", params=params, metrics=metrics))  # type: ignore[arg-type]  # each is one of the kinds, which the loop's tuple tells mypy as any text
    (comparison,) = compare("rooms", tracker=tracked)
    known = {run_id for run_id, _, _ in before}
    assert [(v.run_id, v.on_front, v.figures) for v in comparison.variants if v.run_id in known] == before
    assert not any(v.on_front for v in comparison.variants if v.run_id not in known)
    table = comparison.table()
    assert "\x1b" not in table
    assert any("odd odd3" in line for line in table.splitlines())


def test_a_deleted_experiment_is_told_as_such(tracked: Tracker) -> None:
    client = tracked._client()
    client.delete_experiment(client.get_experiment_by_name("rooms").experiment_id)
    with pytest.raises(
        UsageError, match=r"whose experiment .* is deleted; the next run of the task that is tracked brings it back"
    ):
        compare("rooms", tracker=tracked)
