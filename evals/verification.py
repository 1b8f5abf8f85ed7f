"""Verification: how often a verifier gives real rows the label that they have, reading them blind."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless import background
from seedless.errors import UsageError
from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.blind import read_blind
from seedless.evals.measures.estimate import Estimate, share_of
from seedless.evals.measures.scores import macro_f1
from seedless.task import Task
from seedless.verify import Verifier

__all__ = ["LabelReading", "Verification", "verification"]


@dataclass(frozen=True, slots=True)
class LabelReading:
    """How the rows of one label were read. Figures in [0, 1], higher is better.

    `accuracy` is the share of its rows that were given the label (recall), `precision` the share of rows given the label that have
    it, 0 where none was given it; `f1` their harmonic mean.
    """

    accuracy: Estimate
    precision: float
    f1: float
    unanswered: int


@dataclass(frozen=True, slots=True)
class Verification:
    """How a verifier reads labelled rows.

    Parameters
    ----------
    rows
        Rows read.
    learnt
        Rows that it had learnt from before.
    accuracy
        Share of rows whose label it gives; higher is better. A row without an answer counts as wrong.
    macro_f1
        Mean F1 over the labels that the rows have, in [0, 1]; higher is better.
    unanswered
        Share of rows for which it gives none of the labels, or no answer within its tries; lower is better.
    by_label
        The labels that the rows have.
    confusion
        Rows by their label (down) and the one given (across), in the task's order; rows without an answer are in no column.
    """

    rows: int
    learnt: int
    accuracy: Estimate
    macro_f1: float
    unanswered: Estimate
    by_label: Mapping[str, LabelReading]
    confusion: tuple[tuple[int, ...], ...]

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def verification(
    task: Task,
    rows: LabelledRows,
    *,
    verifier: Verifier,
    learnt: LabelledRows | None = None,
    limit: int = 300,
    concurrency: int = 1,
    seed: int = 0,
) -> Verification:
    """Present rows to a verifier as drafts, blind, and compare its labels with theirs.

    The label that a row's slot asks for is drawn at random, without a look at the row's own.

    Parameters
    ----------
    task
        Whose labels it reads.
    rows
        Labelled rows, at least one. At most `limit` are read, drawn at random and read in random order.
    verifier
        A fresh one, in a mode that does not see the asked label. An `EmbeddingVerifier` with `learns=False`: it centres its cosines
        over the rows read so far, as it does in a run, and learns no label from them.
    learnt
        Rows that it learns from first, as it does from an earlier session's (`Verifier.remember`): a run's, to measure the reading
        that the run ended with.
    concurrency
        Rows read at once. 1 for a verifier that depends on the order of the rows, as the embedding verifier does.
    seed
        Of the draw and the order.

    Raises
    ------
    UsageError
        If the verifier would learn from, or see, the asked labels; or there are no rows.
    LMUnusable
        If its LM cannot be used.
    """
    if verifier.only_relabels or getattr(verifier, "learns", False):
        raise UsageError(
            f"given a {type(verifier).__name__} that sees or learns asked labels, a blind one is allowed; "
            "make it in the mode 'blind', or with learns=False"
        )
    if not len(rows):
        raise UsageError(f"{rows.source}: holds no rows, at least one is needed; give more")
    rng = np.random.default_rng(seed)
    chosen = rows.take(rng.permutation(len(rows))[:limit])
    asked = [task.label_names[place] for place in rng.integers(0, len(task.labels), len(chosen))]
    given = background.run(_read(chosen, asked, verifier, learnt, concurrency))
    return _compared(chosen, given, 0 if learnt is None else len(learnt))


async def _read(
    rows: LabelledRows, asked: list[str], verifier: Verifier, learnt: LabelledRows | None, concurrency: int
) -> NDArray[np.int64]:
    if learnt is not None:
        await verifier.remember(list(zip(learnt.texts, (record["label"] for record in learnt.records), strict=True)))
    return await read_blind(rows, verifier, concurrency=concurrency, asked=asked)


def _compared(rows: LabelledRows, given: NDArray[np.int64], learnt: int) -> Verification:
    names = rows.task.label_names
    answered = given >= 0
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(confusion, (rows.labels[answered], given[answered]), 1)
    by_label = {}
    for place in np.flatnonzero(rows.counts).tolist():
        right, true, said = int(confusion[place, place]), int(rows.counts[place]), int(confusion[:, place].sum())
        by_label[names[place]] = LabelReading(
            share_of(right, true),
            precision=right / max(said, 1),
            f1=2 * right / (true + said),
            unanswered=true - int(confusion[place].sum()),
        )
    return Verification(
        rows=len(rows),
        learnt=learnt,
        accuracy=share_of(int(np.trace(confusion)), len(rows)),
        macro_f1=macro_f1(rows.labels, given, len(names)),
        unanswered=share_of(int((~answered).sum()), len(rows)),
        by_label=by_label,
        confusion=tuple(tuple(line) for line in confusion.tolist()),
    )
