"""Usefulness: what a student trained on the rows can do on real ones, beside what real rows and simpler ways would have taught it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.evals.bias import balance
from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.estimate import Interval
from seedless.evals.measures.scores import (
    Labels,
    Score,
    chance_of,
    interval_of,
    macro_f1,
    mean_of_draws,
    resampled_f1,
    score_of,
)
from seedless.evals.students import Student
from seedless.wording import listed

__all__ = ["Point", "Taught", "Usefulness", "usefulness"]

DRAWN = 2000  # real rows embedded for all draws together, about: of large sets fewer draws are needed


@dataclass(frozen=True, slots=True)
class Point:
    """Macro-F1 after `n` training rows. `real` is None where there are not as many real ones."""

    n: int
    synthetic: float
    real: float | None


@dataclass(frozen=True, slots=True)
class Taught:
    """One student.

    `arms` by name: `synthetic`, `real` (as many rows, the same counts of labels, mean of `draws`), `both` (the first draw and the synthetic
    rows), `direct` (the naive prompt's rows), `majority` (the commonest label of the training rows always). `ratio` is synthetic
    by real macro-F1; 1.0 means that the synthetic rows teach as much as real ones. `gain` is that ratio less the naive
    prompt's. `at_chance` says that whatever this student was trained on, real rows or the synthetic ones, what it learnt cannot be told from the
    majority, or from its own answers dealt to the test rows at random; `real_at_chance` says so of the real rows alone (False where there
    are none). `direct_learns` says that this student learnt more than that from the naive prompt's rows.
    """

    arms: Mapping[str, Score]
    draws: int
    ratio: Interval | None
    gain: Interval | None
    at_chance: bool
    real_at_chance: bool
    direct_learns: bool
    curve: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Usefulness:
    """Every student's figures on the same `test_rows` real rows, and the LM's own without any training where it was asked."""

    test_rows: int
    students: Mapping[str, Taught]
    zero_shot: Score | None = None
    notes: tuple[str, ...] = field(default=())

    def record(self) -> dict[str, Any]:
        """Plain data. Each student's arms stand beside its ratio and curve."""
        students = {}
        for name, taught in self.students.items():
            told = asdict(taught)
            students[name] = {**told.pop("arms"), **told}
            if self.zero_shot is not None:
                students[name]["zero_shot"] = asdict(self.zero_shot)
        return {"test_rows": self.test_rows, "students": students, "notes": list(self.notes)}


def usefulness(
    rows: LabelledRows,
    *,
    test: LabelledRows,
    students: Sequence[Student],
    train: LabelledRows | None = None,
    direct: LabelledRows | None = None,
    zero_shot: tuple[LabelledRows, Labels] | None = None,
    draws: int = 5,
    curve: bool = True,
    seed: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> Usefulness:
    """Train each student on `rows` and on what they are compared with, test all on the same real rows.

    Parameters
    ----------
    rows
        The synthetic rows.
    test
        Real rows to test on. None of them is trained on.
    train
        Real rows to draw as many from as there are synthetic ones, with the same counts of labels.
    direct
        Rows of the naive prompt (`--strategy direct`); as many of each label as in `rows` are used.
    zero_shot
        Test rows, and the places of the labels that the LM gave them (-1: none).
    draws
        Draws of real rows at most; fewer of large sets, whose draws differ less.
    curve
        Whether to train on parts of the rows as well.
    seed
        Of the draws and the bootstrap.
    say
        Is told of each student as it begins.
    """
    notes: list[str] = []
    rng = np.random.default_rng(seed)
    drawn = _drawn(rows, train, draws, rng, notes)
    if direct is not None:
        direct = _fitting("naive", direct.draw(rows.counts, rng), rows, notes)
    if missing := [
        name for name, here, there in zip(test.task.label_names, rows.counts, test.counts, strict=True) if there and not here
    ]:
        notes.append(f"no synthetic row has the label {listed(missing)}, test rows have: it cannot be learnt")
    found = {}
    for student in students:
        say(f"usefulness: {student.name} learns from {len(rows)} rows and is tested on {len(test)}")
        found[student.name] = _taught(student, rows, test, drawn, direct, curve=curve, seed=seed)
        notes += _at_chance(student.name, found[student.name], rows)
    asked = None
    if zero_shot is not None:
        of, told = zero_shot
        resampled = resampled_f1(of.labels, [told], len(of.task.labels), np.random.default_rng(seed))
        asked = score_of(0, of, [told], mean_of_draws(resampled, seed))
        if len(of) < len(test):
            notes.append(f"the LM was asked for the labels of {len(of)} of the {len(test)} test rows")
    return Usefulness(len(test), found, asked, tuple(notes))


def _drawn(
    rows: LabelledRows, train: LabelledRows | None, draws: int, rng: np.random.Generator, notes: list[str]
) -> list[LabelledRows]:
    """Draws of real rows with the labels of `rows`; none where there are no such rows."""
    if train is None:
        return []
    first = _fitting("real training", train.draw(rows.counts, rng), rows, notes)
    if first is None:
        return []
    more = max(1, min(draws, DRAWN // len(rows))) - 1
    return [first, *(train.draw(rows.counts, rng) for _ in range(more))]


def _fitting(kind: str, draw: LabelledRows, rows: LabelledRows, notes: list[str]) -> LabelledRows | None:
    """`draw`, with a note where it has fewer rows than asked for; None where it has none."""
    if len(draw) < len(rows):
        names = zip(rows.task.label_names, draw.counts.tolist(), rows.counts.tolist(), strict=True)
        lacking = listed([f"{name} {there} of {count}" for name, there, count in names if there < count], shown=3)
        notes.append(f"there are only {len(draw)} {kind} rows with the labels of the {len(rows)} synthetic ones: {lacking}")
    return draw if len(draw) else None


def _at_chance(student: str, taught: Taught, rows: LabelledRows) -> list[str]:
    """A note where the student, or what it is compared with, is at chance: whose fault that is, as far as the real rows can tell."""
    real = taught.arms.get("real")
    if taught.at_chance and taught.direct_learns:
        return [f"{student} is at chance with these rows and learns from the naive prompt's: the data is at fault, not the student"]
    if real is None:
        alone = f"{student} is at chance: without real training rows nobody can say whether the data is at fault or the student"
        return [alone] if taught.at_chance else []
    if not taught.at_chance:
        learnt = (
            f"{student} is at chance with the {real.n} real rows alone, not with all that it was trained on: its ratio says little"
        )
        return [learnt] if taught.real_at_chance else []
    if real.n < len(rows) or balance(rows).skewed:
        drawn = f"only {real.n} real ones" if real.n < len(rows) else "real ones in the same uneven shares of labels"
        return [
            f"{student} is at chance with these rows and with {drawn}: nobody can say whether the data is at fault or the student"
        ]
    return [f"{student} is at chance on this task, with real rows too: its ratio says nothing about the data"]


def _taught(
    student: Student,
    rows: LabelledRows,
    test: LabelledRows,
    drawn: Sequence[LabelledRows],
    direct: LabelledRows | None,
    *,
    curve: bool,
    seed: int,
) -> Taught:
    def predictions(training: LabelledRows) -> Labels:
        predicted: Labels = student.fit(training).probabilities(test).argmax(axis=1)
        return predicted

    trained: dict[str, tuple[int, list[Labels]]] = {"synthetic": (len(rows), [predictions(rows)])}
    if drawn:
        trained["real"] = (len(drawn[0]), [predictions(draw) for draw in drawn])
        both = LabelledRows(rows.task, (*drawn[0].records, *rows.records), rows.source)
        trained["both"] = (len(both), [predictions(both)])
    if direct is not None:
        trained["direct"] = (len(direct), [predictions(direct)])
    commonest = int((drawn[0] if drawn else rows).counts.argmax())
    trained["majority"] = (0, [np.full(len(test), commonest)])
    # Every arm is resampled on the same test rows, so that ratios are of pairs.
    every = [each for _, predicted in trained.values() for each in predicted]
    left = iter(resampled_f1(test.labels, every, len(test.task.labels), np.random.default_rng(seed)))
    arms: dict[str, Score] = {}
    resampled: dict[str, NDArray[np.float64]] = {}
    for name, (n, predicted) in trained.items():
        resampled[name] = mean_of_draws(np.stack([next(left) for _ in predicted]), seed)
        arms[name] = score_of(n, test, predicted, resampled[name])
    ratio = gain = None
    if drawn:
        ratio = interval_of(
            arms["synthetic"].macro_f1 / max(arms["real"].macro_f1, 1e-9),
            resampled["synthetic"] / np.maximum(resampled["real"], 1e-9),
        )
        if direct is not None:
            gain = interval_of(
                (arms["synthetic"].macro_f1 - arms["direct"].macro_f1) / max(arms["real"].macro_f1, 1e-9),
                (resampled["synthetic"] - resampled["direct"]) / np.maximum(resampled["real"], 1e-9),
            )
    points = _curve(rows, test, drawn, predictions, arms, np.random.default_rng(seed)) if curve else ()
    learnt = {
        name: arms[name].low > max(arms["majority"].macro_f1, chance_of(test, trained[name][1]))
        for name in ("synthetic", "real", "both", "direct")
        if name in arms
    }
    direct_learns = learnt.pop("direct", False)
    return Taught(
        arms, len(drawn), ratio, gain, at_chance=not any(learnt.values()), real_at_chance=not learnt.get("real", True),
        direct_learns=direct_learns, curve=points,
    )  # fmt: skip


def _curve(
    rows: LabelledRows,
    test: LabelledRows,
    drawn: Sequence[LabelledRows],
    predictions: Any,
    arms: Mapping[str, Score],
    rng: np.random.Generator,
) -> tuple[Point, ...]:
    """Macro-F1 after 25, 50, 100 ... rows with the shares of labels of all of them, and after all."""
    points: list[Point] = []
    labels = len(test.task.labels)
    size = 25
    while size < len(rows):
        counts = np.maximum(np.round(rows.counts * size / len(rows)), rows.counts > 0).astype(np.int64)
        size *= 2
        if not (points[-1].n if points else 0) < counts.sum() < len(rows):  # a row of each of many labels is more than 25
            continue
        part = rows.draw(counts, rng)
        real = drawn[0].draw(counts, rng) if drawn else None
        points.append(
            Point(
                len(part),
                macro_f1(test.labels, predictions(part), labels),
                None if real is None or len(real) < len(part) else macro_f1(test.labels, predictions(real), labels),
            )
        )
    enough = bool(drawn) and len(drawn[0]) == len(rows)
    points.append(Point(len(rows), arms["synthetic"].macro_f1, arms["real"].macro_f1 if enough else None))
    return tuple(points)
