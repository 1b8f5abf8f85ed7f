"""Rows as columns: nothing is lost."""

import json
from pathlib import Path
from typing import Any

import pytest

from seedless.evals.reporting.columns import columns, packed
from seedless.evals.reporting.recorded import read_run
from tests.recorded_run import HOSTILE, row, write_run


def unpacked(column: dict[str, Any], n: int) -> list[Any]:
    if column.get("all"):
        return column["values"] * n
    return [column["values"][place] for place in column.get("at", range(n))]


@pytest.mark.parametrize(
    "values",
    [[], [None], ["a"], ["a", "a", "a"], ["a", "b", "c"], [1, True, 1, True, 1, True], [1, 1.0, "1", None] * 3, [[], ["x"], ["x"], []] * 3],
)  # fmt: skip
def test_a_column_comes_back(values: list[Any]) -> None:
    again = unpacked(json.loads(json.dumps(packed(values))), len(values))
    assert again == values
    assert [type(value) for value in again] == [type(value) for value in values]


def test_rows_come_back(tmp_path: Path) -> None:
    rows = [row(i, "warm" if i % 3 else "cold", text, seed=f"seed {i}", reason=text) for i, text in enumerate(HOSTILE)]
    rows[1]["provenance"]["confidence"] = float("nan")
    rows[2]["provenance"]["attributes"] = {"tone": "dry"}
    del rows[3]["provenance"]["reason"]
    data = json.loads(json.dumps(columns(read_run(write_run(tmp_path / "run", rows))), allow_nan=False))
    came = {key: unpacked(column, len(rows)) for key, column in data["provenance"]}
    for i, each in enumerate(rows):
        assert data["id"][i] == each["id"]
        assert data["labels"][data["label"][i]] == each["label"]
        assert data["texts"][0][i] == each["text"]
        assert came["seed"][i] == f"seed {i}"
        assert came["reason"][i] == (None if i == 3 else each["text"])
    assert came["confidence"][:2] == [0.75, "nan"]
    assert came["attributes"][2] == ["tone: dry"]
    assert dict(data["provenance"])["lm"] == {"values": ["fake-lm"], "all": True}
