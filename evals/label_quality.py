"""Label quality: what the verifier, confident learning and an oracle trained on real rows say of the labels, and what correction did."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.confident_learning import Disputes, confident_learning
from seedless.evals.measures.correction import Correction, Reader, correction
from seedless.evals.measures.crossvalidation import HeldOut, fitted, held_out
from seedless.evals.measures.estimate import Estimate, share_of
from seedless.evals.measures.sampling import sampled
from seedless.evals.students import Student, student_of
from seedless.files import listed
from seedless.text import normalized

__all__ = ["LabelQuality", "Oracle", "label_quality"]

ORACLE_ROWS = 2500


@dataclass(frozen=True, slots=True)
class Oracle:
    """A student trained on `trained_on` real rows reads the labels.

    `accuracy` is the share of rows whose label it confirms, `ceiling` the share of the real rows' own labels that it confirms when
    cross-validated on them: about the most that true labels would get. In [0, 1], higher is better; by label as well.
    """

    trained_on: int
    accuracy: Estimate
    by_label: Mapping[str, Estimate]
    ceiling: Estimate
    ceiling_by_label: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class LabelQuality:
    """What is known of the labels of `rows` rows; `read` of them were read by the student named `student`.

    `conflicts` are texts (`seedless.text.normalized`: case, punctuation and spaces apart) that stand under two labels or more: one at most is right.
    `correction` needs rows that say which label was asked for. `oracle` and `real_disputes` need real rows: what confident learning disputes
    in as many of them with the same counts of labels (fewer where there are fewer), whose labels are right for the most part.
    What is missing is None, and `notes` say why.
    """

    rows: int
    read: int
    student: str
    conflicts: int
    disputes: Disputes
    real_disputes: Disputes | None
    oracle: Oracle | None
    correction: Correction | None
    notes: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def label_quality(
    rows: LabelledRows,
    *,
    train: LabelledRows | None = None,
    refusals: Sequence[Mapping[str, Any]] = (),
    student: str | Student = "minilm",
    seed: int = 0,
    read: HeldOut | None = None,
) -> LabelQuality:
    """Judge the labels of `rows`.

    Parameters
    ----------
    rows
        A run's rows with their provenance, or any labelled rows.
    train
        Real rows; `ORACLE_ROWS` of them, drawn at random, train the oracle.
    refusals
        The records of the run's `refusals.jsonl`.
    student
        The student that is cross-validated, and that becomes the oracle, or its name.
    seed
        Of the folds, the draws and the bootstrap.
    read
        That cross-validation of `rows` (of the sample that `seed` draws, where there are many), where there is one already: `confident_learning` says of it.

    Raises
    ------
    UsageError
        If there is no such student, or a provenance cannot be read.
    """
    kind = student_of(student)
    chosen = rows.take(sampled(len(rows), seed))
    oracle, reader, real_disputes = None, None, None
    if train is not None:
        rng = np.random.default_rng(seed)
        real = train.take(rng.permutation(len(train))[:ORACLE_ROWS])
        oracle, reader = _oracle(chosen, real, kind, seed)
        real_disputes = confident_learning(real.draw(chosen.counts, rng), student=kind, seed=seed)
    disputes = confident_learning(rows, student=kind, seed=seed, read=read)
    corrected = correction(rows, refusals, oracle=reader, seed=seed)
    return LabelQuality(
        rows=len(rows),
        read=len(chosen),
        student=kind.name,
        conflicts=_conflicts(rows),
        disputes=disputes,
        real_disputes=real_disputes,
        oracle=oracle,
        correction=corrected,
        notes=_notes(disputes, oracle, corrected, len(rows), len(chosen)),
    )


def _conflicts(rows: LabelledRows) -> int:
    labels: dict[str, set[int]] = defaultdict(set)
    for text, label in zip(rows.texts, rows.labels.tolist(), strict=True):
        labels[normalized(text)].add(label)
    return sum(len(under) > 1 for under in labels.values())


def _oracle(rows: LabelledRows, real: LabelledRows, kind: Student, seed: int) -> tuple[Oracle, Reader]:
    trained = fitted(kind, real)

    def said(given: LabelledRows) -> NDArray[np.int64]:
        found: NDArray[np.int64] = trained.probabilities(given).argmax(axis=1)
        return found

    confirmed = said(rows) == rows.labels
    own = held_out(real, kind, seed=seed).said == real.labels
    oracle = Oracle(
        trained_on=len(real),
        accuracy=share_of(int(confirmed.sum()), len(rows)),
        by_label=_by_label(rows, confirmed),
        ceiling=share_of(int(own.sum()), len(real)),
        ceiling_by_label=_by_label(real, own),
    )
    return oracle, said


def _by_label(rows: LabelledRows, hits: NDArray[np.bool_]) -> Mapping[str, Estimate]:
    names, counts = rows.task.label_names, rows.counts
    return {names[p]: share_of(int(hits[rows.labels == p].sum()), int(counts[p])) for p in np.flatnonzero(counts)}


def _notes(disputes: Disputes, oracle: Oracle | None, corrected: Correction | None, rows: int, read: int) -> tuple[str, ...]:
    notes = []
    if read < rows:
        notes.append(f"the student read {read} of the {rows} rows, drawn at random")
    if disputes.share is None:
        notes.append("fewer than two labels have as many rows as there are folds (5): confident learning can judge none")
    elif disputes.unjudged:
        notes.append(f"confident learning cannot judge labels with fewer rows than folds (5): {listed(disputes.unjudged)}")
    if oracle is None:
        notes.append("no real rows were given: there is no oracle")
    elif oracle.ceiling.low <= (commonest := max(each.rows for each in oracle.ceiling_by_label.values()) / oracle.ceiling.rows):
        notes.append(
            f"the oracle is at chance: it confirms {oracle.ceiling.value:.2f} of the real rows' own labels, and the commonest of them has "
            f"{commonest:.2f} of the rows; what it confirms says nothing about the data"
        )
    if corrected is None:
        notes.append("no row says which label was asked for: nothing is known of the verifier and of correction")
    elif corrected.agreement.drafts is None:
        notes.append("no draft was verified: there is no correction to judge")
    if corrected is not None and (corrected.untold or corrected.torn):
        notes.append(
            f"{corrected.untold} rows without an asked label and {corrected.torn} unreadable refusals are left out of correction"
        )
    return tuple(notes)
