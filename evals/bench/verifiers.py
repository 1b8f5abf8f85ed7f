"""Verifiers on real rows: how often each is right about rows of the train splits, read blind, zero-shot and after a run.

For each built-in task that a public data set covers, 300 rows, equally many of each label, as a run's drafts are. Sentence embeddings read them;
with `--lm SPEC` an LM does as well, and both together. `--learnt FOLDER`
holds runs (FOLDER/TASK, or FOLDER/TASK/targen-0 as `bench.usefulness --out FOLDER` leaves them): the embedding verifier then reads a second time,
after it has learnt the run's rows. Prints one JSON object and a Markdown table.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seedless.evals.bench.usefulness import REAL
from seedless.evals.labelled import LabelledRows, read_labelled
from seedless.evals.verification import Verification, verification
from seedless.lms.adapters import adapter_of
from seedless.lms.encoder import encoder
from seedless.lms.spec import LMSpec
from seedless.task import Task
from seedless.taskfile import load_task
from seedless.verify import VerifyMode
from seedless.verify.embedding import EmbeddingVerifier
from seedless.verify.joint import JointVerifier
from seedless.verify.lm import LMVerifier

__all__ = ["main"]


def read_by_embedding(task: Task, rows: LabelledRows, learnt: LabelledRows | None, given: argparse.Namespace) -> Verification:
    """Sentence embeddings, which learn nothing from the rows that they are measured on."""
    verifier = EmbeddingVerifier(task, encoder(), learns=False)
    return verification(task, rows, verifier=verifier, learnt=learnt, limit=given.n, seed=given.seed)


def read_by_lm(task: Task, rows: LabelledRows, lm: Any, spec: LMSpec, given: argparse.Namespace) -> dict[str, Verification]:
    """An LM, asked as in a run, and the same LM beside sentence embeddings; what it was asked for the first is not asked again."""

    def judge() -> LMVerifier:
        return LMVerifier(task, spec.profile, mode=VerifyMode.parse(given.verify), lm=lm, adapter=adapter_of(spec.profile.adapter))

    alone = verification(task, rows, verifier=judge(), limit=given.n, concurrency=spec.profile.concurrency, seed=given.seed)
    joint = JointVerifier(task, encoder(), judge(), learns=False)
    return {given.lm: alone, "both": verification(task, rows, verifier=joint, limit=given.n, seed=given.seed)}


def evenly(rows: LabelledRows, n: int, seed: int) -> LabelledRows:
    """`n` rows at most, equally many of each label, in random order."""
    labels = len(rows.task.labels)
    return rows.draw([n // labels] * labels, np.random.default_rng(seed))


def run_of(folder: Path | None, name: str, task: Task) -> LabelledRows | None:
    """The rows of the task's run in `folder`; None where it holds none."""
    if folder is None:
        return None
    found = [home for home in (folder / name, folder / name / "targen-0") if (home / "rows.jsonl").exists()]
    return read_labelled(found[0], task) if found else None


def table(found: Mapping[str, Mapping[str, Verification]]) -> str:
    """A line for each task and reading."""
    lines = [
        "| task | reading | rows | accuracy | macro-F1 | unanswered | accuracy by label |",
        "|---|---|---|---|---|---|---|",
    ]
    for task, readings in found.items():
        for reading, made in readings.items():
            by_label = ", ".join(f"{name} {each.accuracy.value:.2f}" for name, each in made.by_label.items())
            told = f"{made.accuracy.value:.2f} ({made.accuracy.low:.2f}, {made.accuracy.high:.2f})"
            lines.append(
                f"| {task} | {reading} | {made.rows} | {told} | {made.macro_f1:.2f} | {made.unanswered.value:.2f} | {by_label} |"
            )
    for reading in dict.fromkeys(reading for readings in found.values() for reading in readings):
        of = [readings[reading] for readings in found.values() if reading in readings]
        if len(of) == len(found):  # a mean over some of the tasks would invite a comparison with one over all
            mean, macro = (statistics.fmean(values) for values in ([m.accuracy.value for m in of], [m.macro_f1 for m in of]))
            lines.append(f"| **mean** | {reading} | | {mean:.2f} | {macro:.2f} | | |")
    return "\n".join(lines)


def main() -> None:
    """Read every task's rows and print how right that was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(REAL), choices=list(REAL))
    parser.add_argument("-n", type=int, default=300, help="rows of each task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lm", help="an LM that reads as well")
    parser.add_argument("--api-base")
    parser.add_argument("--verify", default="blind", help="blind or vote-K, of an LM")
    parser.add_argument("--learnt", type=Path, help="folder of runs whose rows the embedding verifier learns first")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = parser.parse_args()
    spec = LMSpec.parse(given.lm, api_base=given.api_base) if given.lm else None
    lm = spec.open() if spec is not None else None
    found: dict[str, dict[str, Verification]] = {}
    seconds = {}
    for name in given.tasks:
        task, started = load_task(name), time.perf_counter()
        rows = evenly(read_labelled(given.data / REAL[name] / "train.jsonl", task), given.n, given.seed)
        found[name] = {"embeddings": read_by_embedding(task, rows, None, given)}
        if (learnt := run_of(given.learnt, name, task)) is not None:
            found[name]["embeddings after a run"] = read_by_embedding(task, rows, learnt, given)
        if spec is not None:
            found[name] |= read_by_lm(task, rows, lm, spec, given)
        seconds[name] = round(time.perf_counter() - started, 1)
        print(f"{name}: {seconds[name]} s", file=sys.stderr, flush=True)
    records = {name: {reading: made.record() for reading, made in readings.items()} for name, readings in found.items()}
    print(json.dumps({"lm": given.lm, "seed": given.seed, "tasks": records, "seconds": seconds}))
    print(table(found))


if __name__ == "__main__":
    main()
