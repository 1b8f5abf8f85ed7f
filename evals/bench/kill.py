"""`kill -9` in the middle: one run on the embedded LM, killed at random moments, started again with the same command each time.

Checks that the data set is complete in the end, that no row stands in it twice, that every row accepted before a kill is there
unchanged, and that the requests sent again are at most those in flight at the kills.
"""

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

__all__ = ["main"]


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="movie_reviews")
    parser.add_argument("-n", type=int, default=60)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--concurrency", type=int, default=8)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    script = str(Path(sys.executable).parent / "seedless")
    kills = 0
    lost = 0
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "run"
        command = [
            script,
            "generate",
            given.task,
            "-n",
            str(given.n),
            "-o",
            str(folder),
            "--concurrency",
            str(given.concurrency),
            "--no-track",
        ]
        while True:
            with (Path(home) / "stderr").open("w") as said:
                process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
            wait = rng.uniform(1.0, 9.0) if kills < given.kills else None
            try:
                code = process.wait(timeout=wait)
                if code != 0:
                    raise SystemExit(
                        f"after {kills} kills the run ended with exit code {code}: {(Path(home) / 'stderr').read_text('utf-8')}"
                    )
                break
            except subprocess.TimeoutExpired:
                before = _rows(folder)
                process.kill()
                process.wait()
                kills += 1
                time.sleep(0.1)
                lost += _lost(before, _journal(folder))
        rows = _rows(folder)
        ledger = json.loads((folder / "ledger.json").read_text("utf-8"))
    print(
        json.dumps(
            {
                "rows": len(rows),
                "kills": kills,
                "ids_twice": len(rows) - len({row["id"] for row in rows}),
                "texts_twice": len(rows) - len({json.dumps(row, sort_keys=True) for row in rows}),
                "accepted_rows_lost": lost,
                "calls_repeated": ledger["repeated"],
                "calls_repeated_allowed": kills * given.concurrency,
                "calls": sum(ledger["calls"].values()),
            }
        )
    )


def _rows(folder: Path) -> list[dict[str, object]]:
    path = folder / "rows.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]


def _journal(folder: Path) -> list[dict[str, object]]:
    if not (folder / "run.db").exists():
        return []
    with closing(sqlite3.connect(folder / "run.db")) as journal:
        return [json.loads(record) for (record,) in journal.execute("SELECT record FROM outcomes WHERE accepted")]


def _lost(before: list[dict[str, object]], after: list[dict[str, object]]) -> int:
    there = {json.dumps(row, sort_keys=True) for row in after}
    return sum(json.dumps(row, sort_keys=True) not in there for row in before)


if __name__ == "__main__":
    main()
