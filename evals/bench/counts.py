"""Exact counts: every built-in task at N rows on the embedded LM; rows, quotas, refusals, seconds."""

import argparse
import json
import tempfile
import time
from pathlib import Path

from seedless.generation import Generation, Options
from seedless.taskfile import built_in_tasks

__all__ = ["main"]


def main() -> None:
    """Print an account per task, and the tasks whose quotas are not met exactly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=30)
    parser.add_argument("--lm", default="embedded")
    parser.add_argument("--out", type=Path, help="keep the runs here")
    given = parser.parse_args()
    accounts = {}
    with tempfile.TemporaryDirectory() as folder:
        for task in built_in_tasks():
            started = time.perf_counter()
            with Generation(task, n=given.n, out=(given.out or Path(folder)) / task, options=Options(lm=given.lm)) as generation:
                for _ in generation:
                    pass
                ledger = generation.ledger()
            accounts[task] = {
                "accepted": ledger.accepted,
                "exact": all(label["accepted"] == label["requested"] for label in ledger.per_label.values()),
                "refused_slots": sum(ledger.refused.values()),
                "calls": sum(ledger.calls.values()),
                "seconds": round(time.perf_counter() - started, 1),
                "shortfall": ledger.shortfall,
            }
    print(
        json.dumps(
            {"n": given.n, "lm": given.lm, "tasks": accounts, "not_exact": [t for t, a in accounts.items() if not a["exact"]]}
        )
    )


if __name__ == "__main__":
    main()
