"""What a ledger says of what rows cost."""

import pytest

from seedless.ledger import Ledger, Settings

SETTINGS: Settings = {
    "task": "rooms", "task_hash": "h", "n": 4, "seed": 0, "lm": "openai/some-model", "strategy": "targen", "verify": "blind", "program": "p",
}  # fmt: skip


def test_what_more_rows_would_take_parts_lists_from_rows() -> None:
    ledger = Ledger(
        requested=4, accepted=4, per_label={"warm": {"requested": 4, "accepted": 4}}, refused={}, broken={}, flips={}, calls={"contexts": 1, "seeds": 2, "write": 6, "verify": 4},
        tokens={"contexts": {"input": 50, "output": 50}, "seeds": {"input": 50, "output": 50}, "write": {"input": 500, "output": 300}},
        repeated=0, cost_usd=1.0, wall_s=8.0, settings=SETTINGS,
    )  # fmt: skip
    assert ledger.per_row == pytest.approx({"seconds": 2.0, "calls": 2.5, "usd": 0.2})
    assert ledger.projected(100, contexts=10) == pytest.approx({"seconds": 200.0, "calls": 250 + 30, "usd": 20 + 2.0})
    assert ledger.projected(100, contexts=10, latency=0.5, concurrency=20)["seconds"] == pytest.approx(0.5 * (280 / 20 + 4.5))
    assert ledger.projected(6, contexts=1, latency=0.5, concurrency=20)["seconds"] == pytest.approx(0.5 * (18 / 6 + 4.5))
    assert ledger.model_copy(update={"cost_usd": None}).projected(100, contexts=10)["usd"] is None
