"""What generated rows are worth on real test sets, beside the naive prompt's, the LM's own labels and as many real rows.

For each task and generation seed it makes a run of the method and one of `--strategy direct` (kept under `--out`, so that the same
command goes on where it was stopped), trains both students and tests them on the task's real test split. Real rows are drawn from the
train split with the same counts of labels, five times. Prints one JSON object; `--table` a Markdown table. `--bare` takes the tasks
as a newcomer would write them, from the files in `bare/`: one sentence for each meaning and constraint, and no list.
"""

import argparse
import json
import math
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seedless.errors import UsageError
from seedless.evals.labelled import LabelledRows, read_labelled
from seedless.evals.measures.estimate import Interval
from seedless.evals.students import STUDENTS, student_of
from seedless.evals.usefulness import Taught, usefulness
from seedless.evals.zero_shot import zero_shot
from seedless.files import read_ledger
from seedless.generation import Generation, Options
from seedless.outcome import Row
from seedless.taskfile import load_task

__all__ = ["REAL", "described_as", "made", "main", "pooled"]

DEV = 700  # rows
BARE = Path(__file__).parent / "bare"

REAL = {
    "movie_reviews": "sst2",
    "question_type": "trec6",
    "news_topic": "agnews",
    "financial_sentiment": "financial_phrasebank",
    "sms_spam": "sms_spam",
    "subjectivity": "subj",
    "emotion": "tweeteval_emotion",
}


def described_as(task: str, *, bare: bool) -> str:
    """What `generate` is given: the built-in task's name, or the path of the file that describes it without lists."""
    return str(BARE / f"{task}.yaml") if bare else task


def made(task: str, folder: Path, n: int, options: Options) -> LabelledRows:
    """The rows of a run in `folder`: made, taken up where it stopped, or only read where its ledger says that it is complete."""
    if not _complete(folder, n):
        with Generation(task, n=n, out=folder, options=options) as generation:
            done = generation.accepted_before
            for outcome in generation:
                done += isinstance(outcome, Row)
                if isinstance(outcome, Row) and done % 50 == 0:
                    print(f"{folder}: {done} of {n} rows", file=sys.stderr, flush=True)
    return read_labelled(folder, load_task(task))


def _complete(folder: Path, n: int) -> bool:
    """Whether a run of `n` rows has ended there; its rows alone do not tell, the last one may be torn."""
    if not (folder / "ledger.json").exists():
        return False
    ledger = read_ledger(folder)
    return ledger.requested == ledger.accepted == n


def claim(given: argparse.Namespace) -> None:
    """Keep `--out` to one LM, verifier and number of rows: a finished run there is read without a look at how it was made.

    Raises
    ------
    UsageError
        If it holds runs made otherwise.
    """
    mine = {"lm": given.lm, "verifier": given.verifier, "n": given.n, "bare": given.bare}
    file = given.out / "settings.json"
    if file.exists() and (theirs := {"bare": False, **json.loads(file.read_text("utf-8"))}) != mine:
        raise UsageError(f"{given.out}: holds runs with {theirs}, given are {mine}; give another folder: --out DIR")
    given.out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(mine) + "\n", "utf-8")


def one(task: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """Every figure of one task and generation seed."""
    home, described = given.out / task, described_as(task, bare=given.bare)
    shared: dict[str, Any] = {"lm": given.lm, "verifier": given.verifier, "seed": seed}
    rows = made(described, home / f"{given.strategy}-{seed}", given.n, Options(strategy=given.strategy, **shared))
    naive = given.direct and (given.direct_seeds is None or seed in given.direct_seeds)
    direct = made(described, home / f"direct-{seed}", given.n, Options(strategy="direct", **shared)) if naive else None
    loaded = load_task(described)
    train, test = (read_labelled(given.data / REAL[task] / f"{split}.jsonl", loaded) for split in ("train", "test"))
    if given.dev:  # for choosing: a part of the train split stands in for the test split; a split may be sorted by label
        mixed = train.take(np.random.default_rng(0).permutation(len(train)).tolist())
        held = min(DEV, len(train) // 2)
        train, test = mixed.take(range(held, len(mixed))), mixed.take(range(held))
    asked = zero_shot(test, given.lm, limit=given.zero_shot) if given.zero_shot and seed == given.seeds[0] else None
    found = usefulness(
        rows, test=test, train=train, direct=direct, zero_shot=asked, students=[student_of(name) for name in STUDENTS], curve=False
    )
    return {
        "task": task,
        "seed": seed,
        "rows": len(rows),
        "zero_shot": found.zero_shot.macro_f1 if found.zero_shot else None,
        "students": {name: _figures(taught) for name, taught in found.students.items()},
    }


def _figures(taught: Taught) -> dict[str, Any]:
    return {
        **{name: score.macro_f1 for name, score in taught.arms.items()},
        **{
            name: (interval.value, interval.low, interval.high)
            for name, interval in (("ratio", taught.ratio), ("gain", taught.gain))
            if interval is not None
        },
    }


def pooled(by_task: Sequence[Sequence[tuple[float, float, float]]]) -> Interval:
    """The mean over tasks of the mean over seeds, and its 95 % interval.

    Within a task the seeds share one test set, so the variance of its mean is the test set's (from the seeds' own intervals) and,
    beside it, the variance between seeds by their number. Tasks are independent.
    """
    means, variances = [], []
    for runs in by_task:
        means.append(statistics.fmean(value for value, _, _ in runs))
        of_test = statistics.fmean(((high - low) / 3.92) ** 2 for _, low, high in runs)
        between = statistics.variance([value for value, _, _ in runs]) / len(runs) if len(runs) > 1 else 0.0
        variances.append(of_test + between)
    mean, half = statistics.fmean(means), 1.96 * math.sqrt(sum(variances)) / len(means)
    return Interval(mean, mean - half, mean + half)


def table(found: Sequence[dict[str, Any]]) -> str:
    """The figures as a Markdown table: a line for each task (means over seeds), then the mean over tasks."""
    lines = [
        "| task | student | synthetic | direct | zero-shot | real | ratio | over direct |",
        "|---|---|---|---|---|---|---|---|",
    ]
    tasks = list(dict.fromkeys(each["task"] for each in found))
    for student in STUDENTS:
        ratios, gains = [], []
        for task in tasks:
            runs = [each["students"][student] for each in found if each["task"] == task]
            asked = [each["zero_shot"] for each in found if each["task"] == task and each["zero_shot"] is not None]
            ratios.append([run["ratio"] for run in runs])
            mean = {arm: _mean([run[arm] for run in runs if arm in run]) for arm in ("synthetic", "direct", "real")}
            own = pooled(ratios[-1:])
            over = ""
            if against := [run["gain"] for run in runs if "gain" in run]:
                gains.append(against)
                over = pooled(gains[-1:]).told()
            lines.append(
                f"| {task} | {student} | {mean['synthetic']} | {mean['direct']} | {_mean(asked)} | {mean['real']} | {own.told()} | {over} |"
            )
        whole = pooled(ratios)
        lines.append(f"| **mean** | {student} | | | | | **{whole.told()}** | {pooled(gains).told() if gains else ''} |")
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):.3f}" if values else ""


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(REAL), choices=list(REAL))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("-n", type=int, default=400, help="accepted rows of each run")
    parser.add_argument("--lm", default="embedded")
    parser.add_argument("--verifier", choices=["lm", "embedding", "both"], default=None)
    parser.add_argument("--strategy", default="targen")
    parser.add_argument("--no-direct", dest="direct", action="store_false")
    parser.add_argument(
        "--direct-seeds", nargs="+", type=int, default=None, help="seeds with naive rows beside them (default: all)"
    )
    parser.add_argument("--zero-shot", type=int, default=100, help="test rows whose labels the LM is asked for; 0: none")
    parser.add_argument("--dev", action="store_true", help=f"test on {DEV} rows of the train split instead: for choosing settings")
    parser.add_argument("--bare", action="store_true", help="the tasks without lists")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("out/usefulness"))
    parser.add_argument("--table", action="store_true", help="print a Markdown table instead of JSON")
    given = parser.parse_args()
    claim(given)
    figures = given.out / f"figures-{given.strategy}{'-dev' if given.dev else ''}.json"
    found = []
    for seed in given.seeds:
        for task in given.tasks:
            found.append(one(task, seed, given))
            print(json.dumps(found[-1]), file=sys.stderr, flush=True)
            known = json.loads(figures.read_text("utf-8")) if figures.exists() else []  # another process may have added to it
            known = [each for each in known if (each["task"], each["seed"]) != (task, seed)] + found[-1:]
            figures.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    print(table(found) if given.table else json.dumps({"lm": given.lm, "rows": given.n, "figures": found}))


if __name__ == "__main__":
    main()
