"""The account of an evaluation, as a record for MLflow: what it was given, its key figures, all that it found."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seedless import __version__
from seedless.errors import SeedlessError
from seedless.evals.contamination import Contamination
from seedless.evals.diversity import Diversity
from seedless.evals.evaluation import Evaluation
from seedless.evals.label_quality import LabelQuality
from seedless.evals.labelled import files_of
from seedless.evals.measures.estimate import Interval
from seedless.evals.measures.scores import Score
from seedless.evals.recording.account import commit
from seedless.evals.recording.record import DataSet, Record, flat
from seedless.evals.usefulness import Taught, Usefulness
from seedless.run.journal import Journal
from seedless.task import Task

__all__ = ["Given", "record_of_evaluation"]

READERS = ("minilm", "tfidf")  # the first of them that was trained says what the usefulness is


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an evaluation was given: as the arguments of `evaluate`, which they are."""

    data: Path
    task: Task
    train: Path | None = None
    test: Path | None = None
    direct: Path | None = None
    zero_shot: str | None = None
    api_base: str | None = None
    students: tuple[str, ...]
    seed: int = 0


def record_of_evaluation(found: Evaluation, given: Given, *, seconds: float = 0.0) -> Record:
    """The record of an evaluation of `given` that found `found`, after `seconds`.

    The same evaluation of the same rows is the same run. It is the run of the `generate` that made them which it belongs to, where they
    are a run's folder.

    Raises
    ------
    Untracked
        If the rows cannot be read any more.
    """
    task, student = given.task, None if found.usefulness is None else _student(found.usefulness)
    data = replace(DataSet.of(task.name, given.data, files_of(given.data)), rows=found.rows)
    splits = {name: _split(name, path, found) for name in ("train", "test", "direct") if (path := getattr(given, name)) is not None}
    params: dict[str, str | int | float | None] = {
        "task": task.name,
        "task_hash": task.hash,
        "students": ",".join(given.students),
        "student": student,
        "seed": given.seed,
        "splits": ",".join(splits) or "none",
        **{name: split.digest for name, split in splits.items()},
        **{f"{name}_rows": splits[name].rows for name in ("train", "test") if name in splits},
        "zero_shot_lm": given.zero_shot,
        "api_base": given.api_base,
    }
    determined = json.dumps([data.digest, params], sort_keys=True)
    params |= {"git_commit": commit(), "seedless": __version__}
    with_ = ", ".join([*splits, *([f"zero-shot {given.zero_shot}"] if given.zero_shot is not None else [])])
    return Record(
        key=f"evaluate-{hashlib.sha256(determined.encode()).hexdigest()[:16]}",
        kind="evaluate",
        task=task.name,
        name=f"evaluate {given.data.name} {params['students']} seed={given.seed}" + (f" with {with_}" if with_ else ""),
        params={name: value for name, value in params.items() if value is not None},
        metrics=_figures(found),
        data=data,
        splits=tuple(splits.values()),
        within=_run_of(given.data),
        findings=json.dumps(found.record(), ensure_ascii=False, indent=1),
        summary=found.told(),
        task_file=task.model_dump_json(indent=2),
        seconds=seconds,
    )


def _student(useful: Usefulness) -> str:
    """The student whose macro-F1 is the usefulness."""
    return next(name for name in (*READERS, *useful.students) if name in useful.students)


def _split(name: str, path: Path, found: Evaluation) -> DataSet:
    """What an evaluation was given beside the rows, with as many rows as it counted, which only a file of JSON lines has as lines."""
    split = DataSet.of(name, path, files_of(path))
    counted = found.contamination.splits.get(name) if found.contamination is not None else None
    return split if counted is None else replace(split, rows=counted.overlap.real_rows)


def _run_of(data: Path) -> str:
    """The name for good of the run whose folder `data` is; empty where it is none, or its journal cannot be read."""
    file = data / "run.db"
    if not file.is_file():
        return ""
    try:
        with closing(Journal(file)) as journal:
            return journal.run_id()
    except SeedlessError:  # another process writes it, or it is no journal: the evaluation stands by itself
        return ""


def _figures(found: Evaluation) -> dict[str, float]:
    """The key figures under flat names; `evaluation.json` has them all."""
    useful = {} if found.usefulness is None else _usefulness(found.usefulness)
    return flat({
        "rows": found.rows,
        **useful,
        "diversity": 1 - found.diversity.synthetic.self_bleu,
        "diversity_of": _diversity(found.diversity),
        "labels": _labels(found.label_quality),
        "difficulty": {"bits": _said(found.difficulty.own.bits)},
        "contamination": {} if found.contamination is None else _contamination(found.contamination),
    })  # fmt: skip


def _usefulness(useful: Usefulness) -> dict[str, Any]:
    """`usefulness` is what the rows taught one student, as macro-F1 on the real test rows; each student's figures stand under its name."""
    taught = useful.students[_student(useful)]
    asked = {} if useful.zero_shot is None else _scored("zero_shot", useful.zero_shot)
    return {
        "test_rows": useful.test_rows,
        "usefulness": _said(taught.arms["synthetic"]),
        "usefulness_ratio": _said(taught.ratio),
        **{name: _taught(each) for name, each in useful.students.items()},
        **asked,
    }


def _taught(taught: Taught) -> dict[str, Any]:
    arms = [_scored(name, score) for name, score in taught.arms.items()]
    figures = {name: figure for arm in arms for name, figure in arm.items()}
    return {**figures, "ratio": _said(taught.ratio), "gain": _said(taught.gain), "at_chance": int(taught.at_chance)}


def _scored(name: str, score: Score) -> dict[str, Any]:
    return {name: _said(score), f"{name}_accuracy": score.accuracy}


def _labels(quality: LabelQuality) -> dict[str, Any]:
    real, oracle, corrected = quality.real_disputes, quality.oracle, quality.correction
    return {
        "disputed": _said(quality.disputes.share),
        "disputed_real": None if real is None else _said(real.share),
        "oracle": None if oracle is None else _said(oracle.accuracy),
        "oracle_ceiling": None if oracle is None else _said(oracle.ceiling),
        "verifier_agreement": None if corrected is None else _said(corrected.agreement.drafts),
        "correction_gain": None if corrected is None or corrected.accuracy is None else _said(corrected.accuracy.gain),
    }


def _diversity(diverse: Diversity) -> dict[str, Any]:
    """Of all rows; `beside` and `real` are of as many of each label from both, and can be compared."""
    found: dict[str, Any] = {}
    for name, figures in (("", diverse.synthetic), ("beside_", diverse.beside), ("real_", diverse.real)):
        if figures is not None:
            found |= {
                f"{name}self_bleu": figures.self_bleu, f"{name}distinct_2": figures.distinct[1], f"{name}repeats": figures.near,
                f"{name}nearest_distance": None if figures.spread is None else figures.spread.nearest_distance,
            }  # fmt: skip
    return found


def _contamination(shared: Contamination) -> dict[str, Any]:
    return {
        name: {"exact": split.overlap.exact, "near": split.overlap.near, **{f"words_{run.n}": run.share for run in split.overlap.shared}}
        for name, split in shared.splits.items()
    }  # fmt: skip


def _said(figure: Score | Interval | None) -> Mapping[str, float] | None:
    """A figure with its interval, whichever analysis it is from, as `flat` reads it; None where it was not measured."""
    if figure is None:
        return None
    value = figure.macro_f1 if isinstance(figure, Score) else figure.value
    return {"value": value, "low": figure.low, "high": figure.high}
