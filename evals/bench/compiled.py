"""What a compile is worth on real test sets: rows of the compiled program and of the uncompiled one, side by side.

For each task and seed it draws dev rows from the train split, compiles a program with them, makes as many rows with it and without it, and tests
both students on the real test split. Where the guard kept the uncompiled program both are the same, and the gain is 0. Everything is kept under
`--out`, so the same command goes on where it was stopped. Prints one JSON object and a Markdown table.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from seedless.evals.bench.usefulness import REAL, described_as, made, pooled
from seedless.evals.compile import compile as compiled_program
from seedless.evals.labelled import LabelledRows, read_labelled
from seedless.evals.measures.scores import interval_of, macro_f1, resampled_f1
from seedless.evals.students import STUDENTS, student_of
from seedless.generation import Options
from seedless.taskfile import load_task

__all__ = ["main"]

LEAST = 2  # dev rows of a label: a rare one may have none in a random draw, and a compile needs one for each half


def one(task: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """What one compile did and cost, and what a student gained by it."""
    home, described = given.out / task, described_as(task, bare=given.bare)
    loaded = load_task(described)
    train, test = (read_labelled(given.data / REAL[task] / f"{split}.jsonl", loaded) for split in ("train", "test"))
    counts = np.maximum(np.round(train.counts / len(train) * given.dev_rows).astype(np.int64), LEAST)
    dev = train.draw(counts, np.random.default_rng(seed))
    home.mkdir(parents=True, exist_ok=True)
    program = home / f"program-{seed}.json"
    compiled = compiled_program(
        described, dev=dev.records, out=program, lm=given.lm, reflection_lm=given.reflection_lm, optimizer=given.optimizer,
        budget_calls=given.budget_calls, seed=seed, say=lambda line: print(line, file=sys.stderr, flush=True),
    ).compiled  # fmt: skip
    options: dict[str, Any] = {"lm": given.lm, "seed": seed}
    before = made(described, home / f"uncompiled-{seed}", given.n, Options(**options))
    kept = compiled["kept"] == "compiled"
    after = made(described, home / f"compiled-{seed}", given.n, Options(program=program, **options)) if kept else before
    return {
        "task": task,
        "seed": seed,
        **{name: compiled[name] for name in ("optimizer", "kept", "why", "candidates", "calls", "stages", "ended")},
        "students": {name: gained(name, before, after, test) for name in STUDENTS},
    }


def gained(student: str, before: LabelledRows, after: LabelledRows, test: LabelledRows) -> dict[str, Any]:
    """Macro-F1 before and after, and the difference with its 95 % interval over resampled test rows."""
    labels = len(test.task.labels)
    told = [student_of(student).fit(rows).probabilities(test).argmax(axis=1) for rows in (before, after)]
    first, second = (macro_f1(test.labels, each, labels) for each in told)
    resampled = resampled_f1(test.labels, told, labels, np.random.default_rng(0))
    return {"before": first, "after": second, "gain": astuple(interval_of(second - first, resampled[1] - resampled[0]))}


def table(found: Sequence[dict[str, Any]]) -> str:
    """A line for each task (means over seeds), then the mean over tasks."""
    lines = [
        "| task | compiled kept | calls | student | before | after | gain |",
        "|---|---|---|---|---|---|---|",
    ]
    for student in STUDENTS:
        gains = []
        for task in dict.fromkeys(each["task"] for each in found):
            runs = [each for each in found if each["task"] == task]
            figures = [run["students"][student] for run in runs]
            gains.append([figure["gain"] for figure in figures])
            kept, calls = (
                sum(run["kept"] == "compiled" for run in runs),
                statistics.fmean(sum(run["calls"].values()) for run in runs),
            )
            before, after = (statistics.fmean(figure[side] for figure in figures) for side in ("before", "after"))
            lines.append(
                f"| {task} | {kept} of {len(runs)} | {calls:.0f} | {student} | {before:.3f} | {after:.3f} | {pooled(gains[-1:]).told('+.3f')} |"
            )
        lines.append(f"| **mean** | | | {student} | | | **{pooled(gains).told('+.3f')}** |")
    return "\n".join(lines)


def main() -> None:
    """Compile, generate, test and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=["question_type", "financial_sentiment", "emotion"], choices=list(REAL))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("-n", type=int, default=300, help="accepted rows of each program")
    parser.add_argument("--dev-rows", type=int, default=60, help="real rows of the train split that the compile is given")
    parser.add_argument("--lm", default="embedded")
    parser.add_argument("--reflection-lm", help="the LM that proposes instructions, if it is another one")
    parser.add_argument("--optimizer", help="by default the one that `seedless compile` takes for the LM")
    parser.add_argument("--budget-calls", type=int, default=400, help="LM requests of each compile")
    parser.add_argument("--bare", action="store_true", help="the tasks without lists, as `bench.usefulness` has them")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("out/compiled"))
    given = parser.parse_args()
    found = []
    for seed in given.seeds:
        for task in given.tasks:
            found.append(one(task, seed, given))
            print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    print(json.dumps({"lm": given.lm, "rows": given.n, "dev_rows": given.dev_rows, "figures": found}))
    print(table(found))


if __name__ == "__main__":
    main()
