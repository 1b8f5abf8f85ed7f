"""What tracking costs: the same `generate` command with and without it, against a server on 127.0.0.1, by turns.

`ratio` is the time of the tracked command by that of the untracked one, medians of all rounds, process start and all; 1.05 is the
bound. `cpu_ratio` is the same of the CPU time of the command's own process, which other programs on the machine disturb less. `recorded_s` is how long after the command's end MLflow's database has the run (0: before the end), `first` tells of the round
that makes the database. `background_cpu_s` is what the recording process takes beside it, at the lowest priority.
"""

import argparse
import json
import multiprocessing
import os
import random
import re
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

from seedless.evals.recording.outbox import Outbox, Recorder

__all__ = ["main"]

TASK = """name: tracking_bench
description: Short notes about things that people keep.
fields:
  - {name: text, description: one short note, form: sentence}
labels:
  - {name: warm, meaning: the note holds the word lantern, constraint: Put the word lantern into it.}
  - {name: cold, meaning: the note holds the word compass, constraint: Put the word compass into it.}
contexts: {hint: places, given: [a hall, a shed, a loft, a barn]}
seeds: {hint: things, given: [a shelf, a box, a hook, a jar, a drawer, a chest]}
"""


def answer(prompt: str, rng: random.Random) -> str:
    """What the model writes, or which label it reads."""
    asked = re.findall(r"`(\w+)`", prompt.rpartition("order of fields:")[2])
    if "label" in asked:
        text = prompt.partition("## text ##")[2].partition("[[ ##")[0]
        return json.dumps({"reason": "It holds the word.", "label": "warm" if "lantern" in text else "cold"})
    free = ["".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(3)) for _ in range(4)]
    marker = "lantern" if "Put the word lantern" in prompt else "compass"
    return json.dumps({"text": f"The {free[0]} {free[1]} {free[2]} a {marker} {free[3]}."})


def serve(ready: Connection, delay: float) -> None:
    """Answer chat completions, each after `delay` seconds."""
    rng = random.Random(0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(delay)
            message = {"role": "assistant", "content": answer(body["messages"][-1]["content"], rng)}
            usage = {"prompt_tokens": 200, "completion_tokens": 20, "total_tokens": 220}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            said = {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": choices,
                "usage": usage,
            }
            data = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        ready.send(server.server_address[1])
        server.serve_forever()


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds that one command took, its process's CPU seconds, and the seconds from its end until MLflow had its run."""

    wall: float
    cpu: float
    recorded: float


def one(folder: Path, port: int, n: int, number: int, *, tracked: bool) -> Round:
    """Run the command once, and wait until nothing of it is left."""
    out = folder / f"{number}-{'on' if tracked else 'off'}"
    command = [
        str(Path(sys.executable).parent / "seedless"), "generate", str(folder / "task.yaml"), "-n", str(n), "-o", str(out),
        "--lm", "openai/bench", "--api-base", f"http://127.0.0.1:{port}/v1", "--seed", str(number),
    ]  # fmt: skip
    env = {**os.environ, "OPENAI_API_KEY": "none", "SEEDLESS_TRACK": "1" if tracked else "0"}
    before = _recorded(folder)
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    ended = time.perf_counter()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"the command ended with exit code {process.returncode}: {' '.join(command)}")
    while tracked and _recorded(folder) == before:
        if time.perf_counter() - ended > 300:
            raise SystemExit("the run is not in MLflow after five minutes")
        time.sleep(0.05)
    recorded = time.perf_counter() - ended if tracked else 0.0
    while list((folder / "mlruns" / "outbox").glob("*.json")):  # the next round begins on a quiet machine
        time.sleep(0.1)
    return Round(ended - started, used.ru_utime + used.ru_stime, recorded)


def _recorded(folder: Path) -> int:
    path = folder / "mlruns" / "mlflow.db"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path, timeout=30)) as database:
        try:
            return int(database.execute("SELECT count(*) FROM runs WHERE status = 'FINISHED'").fetchone()[0])
        except sqlite3.OperationalError:  # its tables are being made
            return 0


def _background_cpu(folder: Path) -> float:
    """CPU seconds of a recording process that finds MLflow's database made and nothing to do."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with Recorder(Outbox(folder / "mlruns")) as recorder:
        recorder.begin()
        process = recorder._process
    if process is not None:
        process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--delay", type=float, default=0.2, help="seconds that the server takes for an answer")
    given = parser.parse_args()
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there, given.delay), daemon=True)
    server.start()
    port = here.recv()
    rounds: dict[bool, list[Round]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        (folder / "task.yaml").write_text(TASK, "utf-8")
        one(folder, port, 20, 1000, tracked=False)  # what is read from the disk for the first time counts for neither
        first = one(folder, port, given.n, 1001, tracked=True)
        for number in range(given.rounds):
            for tracked in (number % 2 == 0, number % 2 == 1):
                rounds[tracked].append(one(folder, port, given.n, number, tracked=tracked))
        background = _background_cpu(folder)
    server.terminate()

    def ratio(of: Callable[[Round], float]) -> float:
        return round(statistics.median(map(of, rounds[True])) / statistics.median(map(of, rounds[False])), 3)

    print(
        json.dumps(
            {
                "rows": given.n,
                "delay_s": given.delay,
                "tracked_s": [round(each.wall, 2) for each in rounds[True]],
                "untracked_s": [round(each.wall, 2) for each in rounds[False]],
                "ratio": ratio(lambda each: each.wall),
                "cpu_ratio": ratio(lambda each: each.cpu),
                "recorded_s": [round(each.recorded, 2) for each in rounds[True]],
                "first": {"tracked_s": round(first.wall, 2), "recorded_s": round(first.recorded, 2)},
                "background_cpu_s": round(background, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
