"""The verifiers' bench: every reading of every task is in the JSON and in the table."""

import json
import sys
from pathlib import Path

import pytest

from seedless.evals.bench import verifiers
from seedless.evals.verification import Verification, verification
from seedless.verify import NoVerifier
from tests.topics import topics


def test_a_mean_is_over_all_tasks_or_not_given() -> None:
    rows = topics(30)
    made: Verification = verification(rows.task, rows, verifier=NoVerifier())
    lines = verifiers.table({"one": {"zero-shot": made, "after a run": made}, "two": {"zero-shot": made}}).splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:]] == [
        ["| one", "zero-shot"],
        ["| one", "after a run"],
        ["| two", "zero-shot"],
        ["| **mean**", "zero-shot"],
    ]


@pytest.mark.slow
@pytest.mark.shared
def test_a_small_bench(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "movie_reviews" / "targen-0"
    run.mkdir(parents=True)
    rows = [{"text": f"A {word} film.", "label": "positive" if word[0] == "g" else "negative"} for word in ("good", "bad") * 6]
    (run / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    monkeypatch.setattr(
        sys, "argv", ["verifiers", "--tasks", "movie_reviews", "-n", "8", "--data", str(real_data), "--learnt", str(tmp_path)]
    )
    verifiers.main()
    told, *lines = capsys.readouterr().out.splitlines()
    readings = json.loads(told)["tasks"]["movie_reviews"]
    assert {name: (reading["rows"], reading["learnt"]) for name, reading in readings.items()} == {
        "embeddings": (8, 0),
        "embeddings after a run": (8, 12),
    }
    assert len(lines) == 2 + 2 + 2


@pytest.mark.long
@pytest.mark.shared
def test_an_lm_reads_beside_the_embeddings(
    real_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["verifiers", "--tasks", "movie_reviews", "-n", "7", "--data", str(real_data), "--lm", "embedded"]
    )
    verifiers.main()
    told, *_ = capsys.readouterr().out.splitlines()
    readings = json.loads(told)["tasks"]["movie_reviews"]
    assert {name: reading["rows"] for name, reading in readings.items()} == {"embeddings": 6, "embedded": 6, "both": 6}
    assert all([sum(line) for line in reading["confusion"]] == [3, 3] for reading in readings.values()), "as many of each label"
