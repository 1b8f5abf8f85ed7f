"""The account of a run for MLflow: its figures are the ledger's and the rows' own."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from seedless.errors import UsageError
from seedless.evals.recording.account import record_of_generation
from seedless.evals.recording.record import PARAMETERS, DataSet, Untracked
from tests.evals.conftest import MakeRun, sulky


def test_tokens_that_are_unknown_are_no_figures(run: MakeRun, tmp_path: Path) -> None:
    generation = run("out", n=4)
    path = tmp_path / "out" / "ledger.json"
    ledger = json.loads(path.read_text("utf-8"))
    ledger["tokens"]["write"] = {"input": None, "output": None}
    path.write_text(json.dumps(ledger), "utf-8")
    figures = record_of_generation(generation).metrics
    assert {name for name in figures if "tokens_per_row" in name} == {
        f"tokens_per_row_by_stage/{stage}" for stage in ledger["tokens"] if stage != "write"
    }


def test_figures_are_those_of_the_ledger_and_the_rows(run: MakeRun, tmp_path: Path) -> None:
    generation = run("out", n=80, answer=sulky(7), seed=3, attempts=2, verify="blind")
    record = record_of_generation(generation)
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_text("utf-8"))
    rows = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text("utf-8").splitlines()]
    refusals = [json.loads(line) for line in (tmp_path / "out" / "refusals.jsonl").read_text("utf-8").splitlines()]
    figures = record.metrics
    assert refusals
    assert figures["rows"] == 80
    assert figures["accept_rate"] == pytest.approx(80 / (80 + len(refusals)))
    assert figures["refused/slots"] == len(refusals)
    assert {name: figures[f"refused/{name}"] for name in ledger["refused"]} == ledger["refused"]
    assert figures["calls_per_row"] * 80 == pytest.approx(sum(ledger["calls"].values()))
    assert figures["calls_per_row_by_stage/write"] * 80 == pytest.approx(ledger["calls"]["write"])
    assert figures["tokens_per_row_by_stage/verify"] * 80 == pytest.approx(sum(ledger["tokens"]["verify"].values()))
    assert figures["tokens_per_row"] * 80 == pytest.approx(sum(sum(t.values()) for t in ledger["tokens"].values()))
    assert figures["wall_s"] == ledger["wall_s"] == record.seconds
    assert figures["cost_usd"] == figures["cost_per_row"] == 0.0
    # A fifth of what the verifier read, it read otherwise; every draft it read is counted once.
    told = Counter(name for outcome in rows + refusals for name in outcome["provenance"]["broken"])
    agreed = sum(o["provenance"]["verdict"] == o["provenance"]["asked_label"] for o in rows + refusals)
    assert told["label"] > 10
    assert figures["verifier_agreement"] == pytest.approx(agreed / (agreed + told["label"]))
    assert 0.7 < figures["verifier_agreement"] < 0.9
    mended = {label: {**share, "read": 10, "read_otherwise": 4} for label, share in ledger["per_label"].items()}
    (tmp_path / "out" / "ledger.json").write_text(json.dumps({**ledger, "per_label": mended}), "utf-8")
    assert record_of_generation(generation).metrics["verifier_agreement"] == pytest.approx(0.6), "it is the ledger's"
    assert record.metrics["relabelled_rate"] == pytest.approx(sum(ledger["flips"].values()) / 80)


def test_parameters_data_and_samples(run: MakeRun, tmp_path: Path) -> None:
    generation = run("out", n=80, answer=sulky(7), seed=3, attempts=2)
    record = record_of_generation(generation)
    assert set(record.params) <= PARAMETERS
    assert {name: record.params[name] for name in ("task", "n", "seed", "lm", "verifier", "variant", "attempts")} == {
        "task": "rooms", "n": 80, "seed": 3, "lm": "fake", "verifier": "lm", "variant": "uncompiled", "attempts": 2,
    }  # fmt: skip
    assert record.params["program"] == generation.program.hash
    assert "api_base" not in record.params
    rows = (tmp_path / "out" / "rows.jsonl").read_bytes()
    assert record.data is not None
    assert (record.data.rows, record.data.digest) == (80, hashlib.sha256(rows).hexdigest()[:32])
    assert DataSet.of("rooms", tmp_path / "out" / "rows.jsonl") == record.data == DataSet.of("rooms", tmp_path / "out")
    with pytest.raises(Untracked, match=r"none\.jsonl: cannot be read"):
        DataSet.of("rooms", tmp_path / "none.jsonl")
    ids = [row["id"] for row in record.rows]
    assert len(set(ids)) == 50
    assert ids == sorted(ids)
    assert not set(ids) <= {f"rooms-{i:06d}" for i in range(50)}, "the sample is of all rows, not of the first"
    texts = {json.loads(line)["text"] for line in rows.splitlines()}
    assert {row["text"] for row in record.rows} <= texts
    assert {refusal["assertion"] for refusal in record.refusals} >= {"meta"}
    assert len(record.refusals) == record.metrics["refused/slots"]
    assert record.status == "FINISHED"
    again = tmp_path / "again.json"
    again.write_text(record.program, "utf-8")
    generation.program.read(again)
    assert generation.program.hash == record.params["program"]


def test_what_a_pass_that_only_relabels_gives_another_label_was_read_otherwise(run: MakeRun) -> None:
    figures = record_of_generation(run("out", n=40, answer=sulky(7), verify="anchored")).metrics
    assert figures["relabelled_rate"] > 0
    assert figures["verifier_agreement"] == pytest.approx(1 - figures["relabelled_rate"])


def test_a_program_from_a_file_is_told_from_its_parent(run: MakeRun, program: Callable[..., Path]) -> None:
    path = program("mended", "Mend it.", stage="write_instance.write.revise")
    record = record_of_generation(run("other", program=path))
    assert record.params["variant"] == "mended"
    assert [prompt.stage for prompt in record.prompts if prompt.change] == ["write_instance.write.revise"]
    assert record.program == path.read_text("utf-8")
    assert record_of_generation(run("direct", strategy="direct")).params["variant"] == "direct"


def test_a_run_that_fell_short_says_so(run: MakeRun) -> None:
    assert record_of_generation(run(max_calls=8)).status == "KILLED"


def test_no_folder_and_no_files(run: MakeRun, tmp_path: Path) -> None:
    generation = run()
    (tmp_path / "out" / "rows.jsonl").unlink()
    with pytest.raises(UsageError, match=r"rows\.jsonl: cannot be read"):
        record_of_generation(generation)
    (tmp_path / "out" / "ledger.json").unlink()
    with pytest.raises(UsageError, match=r"ledger\.json"):
        record_of_generation(generation)
    generation.folder.path = None
    with pytest.raises(Untracked, match="without a folder"):
        record_of_generation(generation)
