"""Usefulness: what a student trained on the rows can do on real ones, beside what real rows and simpler ways would have taught it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.students import Student

__all__ = ["Interval", "Point", "Score", "Taught", "Usefulness", "macro_f1", "usefulness"]

Labels = NDArray[np.int64]
RESAMPLES = 1000
DRAWN = 2000  # real rows embedded for all draws together, about: of large sets fewer draws are needed


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Score:
    """How predictions fare on the test rows. All figures in [0, 1], higher is better.

    `n` counts training rows; `low` and `high` bound the macro-F1 (95 %, bootstrap over test rows and, for real rows, draws); `confusion`
    counts test rows, shape (labels, labels), the true label down, the predicted one across; of several draws it is the first one's.
    """

    n: int
    accuracy: float
    macro_f1: float
    low: float
    high: float
    per_label: Mapping[str, float]
    confusion: tuple[tuple[int, ...], ...]


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
    prompt's. `at_chance` says that even real rows teach this student nothing that the majority does not know.
    """

    arms: Mapping[str, Score]
    draws: int
    ratio: Interval | None
    gain: Interval | None
    at_chance: bool
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
    """
    notes: list[str] = []
    draws = max(1, min(draws, DRAWN // max(1, len(rows)))) if train is not None else 0
    rng = np.random.default_rng(seed)
    drawn = [train.draw(rows.counts, rng) for _ in range(draws)] if train is not None else []
    if drawn and len(drawn[0]) < len(rows):
        notes.append(f"there are only {len(drawn[0])} real training rows with the labels of the {len(rows)} synthetic ones")
    if direct is not None:
        direct = direct.draw(rows.counts, rng)
    found = {}
    for student in students:
        found[student.name] = _taught(student, rows, test, drawn, direct, curve=curve, seed=seed)
        if found[student.name].at_chance:
            notes.append(f"{student.name} is at chance on this task, with real rows too: its ratio says nothing about the data")
    asked = None
    if zero_shot is not None:
        asked = _score(0, zero_shot[0], [zero_shot[1]], np.random.default_rng(seed))[0]
        if len(zero_shot[0]) < len(test):
            notes.append(f"the LM was asked for the labels of {len(zero_shot[0])} of the {len(test)} test rows")
    return Usefulness(len(test), found, asked, tuple(notes))


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

    arms: dict[str, Score] = {}
    resampled: dict[str, NDArray[np.float64]] = {}
    trained: dict[str, tuple[int, list[Labels]]] = {"synthetic": (len(rows), [predictions(rows)])}
    if drawn:
        trained["real"] = (len(drawn[0]), [predictions(draw) for draw in drawn])
        both = LabelledRows(rows.task, (*drawn[0].records, *rows.records), rows.source)
        trained["both"] = (len(both), [predictions(both)])
    if direct is not None:
        trained["direct"] = (len(direct), [predictions(direct)])
    commonest = int((drawn[0] if drawn else rows).counts.argmax())
    trained["majority"] = (0, [np.full(len(test), commonest)])
    for name, (n, predicted) in trained.items():
        # The same seed for each arm: every arm is resampled on the same test rows, so that ratios are of pairs.
        arms[name], resampled[name] = _score(n, test, predicted, np.random.default_rng(seed))
    ratio = gain = None
    if drawn:
        ratio = _interval(
            arms["synthetic"].macro_f1 / max(arms["real"].macro_f1, 1e-9),
            resampled["synthetic"] / np.maximum(resampled["real"], 1e-9),
        )
        if direct is not None:
            gain = _interval(
                (arms["synthetic"].macro_f1 - arms["direct"].macro_f1) / max(arms["real"].macro_f1, 1e-9),
                (resampled["synthetic"] - resampled["direct"]) / np.maximum(resampled["real"], 1e-9),
            )
    points = _curve(rows, test, drawn, predictions, arms, np.random.default_rng(seed)) if curve else ()
    reference = arms.get("real", arms["synthetic"])
    return Taught(arms, len(drawn), ratio, gain, at_chance=reference.low <= arms["majority"].macro_f1, curve=points)


def _curve(
    rows: LabelledRows,
    test: LabelledRows,
    drawn: Sequence[LabelledRows],
    predictions: Any,
    arms: Mapping[str, Score],
    rng: np.random.Generator,
) -> tuple[Point, ...]:
    """Macro-F1 after 25, 50, 100 ... rows with the shares of labels of all of them, and after all."""
    points = []
    size = 25
    while size < len(rows):
        counts = np.maximum(np.round(rows.counts * size / len(rows)), rows.counts > 0).astype(np.int64)
        part = rows.draw(counts, rng)
        real = drawn[0].draw(counts, rng) if drawn else None
        points.append(
            Point(
                len(part),
                macro_f1(test.labels, predictions(part), len(test.task.labels)),
                None if real is None or len(real) < len(part) else macro_f1(test.labels, predictions(real), len(test.task.labels)),
            )
        )
        size *= 2
    points.append(Point(len(rows), arms["synthetic"].macro_f1, arms["real"].macro_f1 if drawn else None))
    return tuple(points)


def macro_f1(true: Labels, predicted: Labels, labels: int) -> float:
    """Mean F1 over the labels that `true` holds, in [0, 1]. A prediction of -1 is wrong for every label.

    >>> macro_f1(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), 2)
    0.7333333333333334
    """
    return float(_f1(_confusion(true, predicted, labels)).mean())


def _confusion(true: Labels, predicted: Labels, labels: int) -> NDArray[np.int64]:
    """Counts, shape (labels, labels + 1): the last column holds rows without a prediction."""
    places = true * (labels + 1) + np.where(predicted < 0, labels, predicted)
    return np.bincount(places, minlength=labels * (labels + 1)).reshape(labels, labels + 1).astype(np.int64)


def _f1(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of each label that has true rows."""
    right = np.diag(confusion)
    true, predicted = confusion.sum(axis=1), confusion[:, :-1].sum(axis=0)
    found: NDArray[np.float64] = (2 * right / np.maximum(true + predicted, 1))[true > 0]
    return found


def _score(n: int, test: LabelledRows, predicted: Sequence[Labels], rng: np.random.Generator) -> tuple[Score, NDArray[np.float64]]:
    """The score of one arm, a mean over its draws, and the macro-F1 of each resample of test rows and draws."""
    true, labels = test.labels, len(test.task.labels)
    confusions = [_confusion(true, each, labels) for each in predicted]
    f1 = np.mean([_f1(confusion).mean() for confusion in confusions])
    resampled = np.empty(RESAMPLES)
    draws = np.random.default_rng(len(predicted))
    for i in range(RESAMPLES):
        chosen = rng.integers(len(true), size=len(true))
        some = draws.integers(len(predicted), size=len(predicted))
        resampled[i] = np.mean([_f1(_confusion(true[chosen], predicted[d][chosen], labels)).mean() for d in some])
    names = [name for name, count in zip(test.task.label_names, confusions[0].sum(axis=1), strict=True) if count]
    per_label = np.mean([_f1(confusion) for confusion in confusions], axis=0)
    interval = _interval(float(f1), resampled)
    return (
        Score(
            n,
            accuracy=float(np.mean([(each == true).mean() for each in predicted])),
            macro_f1=float(f1),
            low=interval.low,
            high=interval.high,
            per_label=dict(zip(names, per_label.tolist(), strict=True)),
            confusion=tuple(tuple(int(count) for count in line[:-1]) for line in confusions[0]),
        ),
        resampled,
    )


def _interval(value: float, resampled: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(resampled, (0.025, 0.975))
    return Interval(value, float(low), float(high))
