"""Label quality: what the verifier, confident learning and an oracle trained on real rows say of the labels, and what correction did."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.confident_learning import Disputes, confident_learning
from seedless.evals.measures.correction import Correction, Reader, correction
from seedless.evals.measures.crossvalidation import HeldOut, fitted, held_out
from seedless.evals.measures.estimate import Estimate, share_in_shares_of, share_of
from seedless.evals.measures.matched import matched
from seedless.evals.measures.sampling import sampled
from seedless.evals.students import Student, student_of
from seedless.text import normalized
from seedless.wording import listed

__all__ = ["LabelQuality", "Oracle", "label_quality"]

ORACLE_ROWS = 2500
SCARCE = 5  # real rows of a label that an oracle is to have at least, where there are as many
FEW = 0.5  # of its share of the rows: a label that has less of the real ones is hardly learnt


@dataclass(frozen=True, slots=True)
class Oracle:
    """A student trained on `trained_on` real rows reads the labels of the rows whose label these have.

    `accuracy` is the share of rows whose label it confirms, `ceiling` the share of the real rows' own labels that it confirms when
    cross-validated on them: about the most that true labels would get. In [0, 1], higher is better; by label as well. Both are of the
    rows' shares of labels, which the oracle expects, too, whatever shares it learnt from.
    """

    trained_on: int
    accuracy: Estimate
    by_label: Mapping[str, Estimate]
    ceiling: Estimate
    ceiling_by_label: Mapping[str, Estimate]

    @property
    def commonest(self) -> float:
        """What who always says the commonest label would confirm, in [0, 1]."""
        return max(each.rows for each in self.by_label.values()) / self.accuracy.rows

    @property
    def at_chance(self) -> bool:
        """Whether it knows the real rows' own labels no better than that."""
        return self.ceiling.low <= self.commonest

    @property
    def few(self) -> tuple[str, ...]:
        """The labels of which it saw less than half as many real rows as it would have in the rows' shares."""
        return tuple(
            name
            for name, each in self.by_label.items()
            if self.ceiling_by_label[name].rows / self.trained_on < FEW * each.rows / self.accuracy.rows
        )


@dataclass(frozen=True, slots=True)
class LabelQuality:
    """What is known of the labels of `rows` rows; `read` of them were read by the student named `student`.

    `conflicts` are texts (`seedless.text.normalized`: case, punctuation and spaces apart) that stand under two labels or more: one at most is right.
    `correction` needs rows that say which label was asked for. `oracle` and `real_disputes` need real rows: what confident learning disputes
    in as many of them with the same counts of labels, whose labels are right for the most part. Where there are fewer of a label,
    `beside_disputes` is of as many of the rows and compares with it; else None. `unread` counts the rows read that have a label which the
    real rows lack: the oracle cannot judge them. What is missing is None, and `notes` say why.
    """

    rows: int
    read: int
    student: str
    conflicts: int
    disputes: Disputes
    beside_disputes: Disputes | None
    real_disputes: Disputes | None
    oracle: Oracle | None
    unread: int
    correction: Correction | None
    notes: tuple[str, ...]

    @property
    def doubts(self) -> tuple[str, ...]:
        """Those of `notes` that its figures are to be taken with."""
        return tuple(_doubts(self))

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
        Real rows; `ORACLE_ROWS` of them, drawn at random, train the oracle, and a few more of labels that were hardly drawn.
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
    oracle, reader, beside, real_disputes, unread = None, None, None, None, 0
    if train is not None:
        rng = np.random.default_rng(seed)
        mixed = train.take(rng.permutation(len(train)))
        learnt = _learnt(mixed)
        known = chosen.take(np.flatnonzero(np.isin(chosen.labels, learnt.labels)))
        unread = len(chosen) - len(known)
        if len(known):
            oracle, reader = _oracle(known, learnt, kind, seed)
        some, real = matched(chosen, mixed, rng)
        real_disputes = confident_learning(real, student=kind, seed=seed)
        beside = confident_learning(some, student=kind, seed=seed) if len(some) < len(chosen) else None
    found = LabelQuality(
        rows=len(rows),
        read=len(chosen),
        student=kind.name,
        conflicts=_conflicts(rows),
        disputes=confident_learning(rows, student=kind, seed=seed, read=read),
        beside_disputes=beside,
        real_disputes=real_disputes,
        oracle=oracle,
        unread=unread,
        correction=correction(rows, refusals, oracle=reader, seed=seed),
        notes=(),
    )
    return replace(found, notes=(*_doubts(found), *_missing(found)))


def _conflicts(rows: LabelledRows) -> int:
    labels: dict[str, set[int]] = defaultdict(set)
    for text, label in zip(rows.texts, rows.labels.tolist(), strict=True):
        labels[normalized(text)].add(label)
    return sum(len(under) > 1 for under in labels.values())


def _learnt(mixed: LabelledRows) -> LabelledRows:
    """The real rows that an oracle learns: the first of them, and of labels of which these hold hardly any, the next ones, too."""
    taken, rest = mixed.labels[:ORACLE_ROWS], mixed.labels[ORACLE_ROWS:]
    scarce = [
        ORACLE_ROWS + place
        for label in range(len(mixed.task.labels))
        for place in np.flatnonzero(rest == label)[: max(0, SCARCE - int((taken == label).sum()))].tolist()
    ]
    return mixed.take([*range(len(taken)), *sorted(scarce)])


def _oracle(rows: LabelledRows, real: LabelledRows, kind: Student, seed: int) -> tuple[Oracle, Reader]:
    """The oracle that learnt from `real`, which has each label of `rows`. It knows the rows' shares of labels: else it would doubt every
    label of which there are more among the rows than it has seen."""
    trained = fitted(kind, real)
    expected = rows.counts * (len(real) / np.maximum(real.counts, 1))

    def said(given: LabelledRows) -> NDArray[np.int64]:
        found: NDArray[np.int64] = (trained.probabilities(given) * expected).argmax(axis=1)
        return found

    confirmed = said(rows) == rows.labels
    own = (held_out(real, kind, seed=seed).probabilities * expected).argmax(axis=1) == real.labels
    oracle = Oracle(
        trained_on=len(real),
        accuracy=share_of(int(confirmed.sum()), len(rows)),
        by_label=_by_label(rows, confirmed),
        ceiling=share_in_shares_of(np.bincount(real.labels[own], minlength=len(real.counts)), real.counts, rows.counts),
        ceiling_by_label=_by_label(real, own),
    )
    return oracle, said


def _by_label(rows: LabelledRows, hits: NDArray[np.bool_]) -> Mapping[str, Estimate]:
    names, counts = rows.task.label_names, rows.counts
    return {names[p]: share_of(int(hits[rows.labels == p].sum()), int(counts[p])) for p in np.flatnonzero(counts)}


def _doubts(found: LabelQuality) -> Iterator[str]:
    oracle = found.oracle
    if found.read < found.rows:
        yield f"the student read {found.read} of the {found.rows} rows, drawn at random"
    if found.unread:
        yield f"{found.unread} of the rows have labels that the real rows lack: the oracle cannot judge them, they are left out of what it confirms"
    if oracle is not None and oracle.at_chance:
        yield (
            f"the oracle is at chance: it confirms {oracle.ceiling.value:.2f} of the real rows' own labels, and the commonest of them has "
            f"{oracle.commonest:.2f} of the rows; what it confirms says nothing about the data"
        )
    elif oracle is not None and oracle.few:
        seen = [f"{name} {oracle.ceiling_by_label[name].rows}" for name in oracle.few]
        yield (
            f"the oracle has learnt some labels from few of its {oracle.trained_on} real rows ({listed(seen, shown=3)}): it may be wrong about "
            "them; both its shares count labels as often as these rows have them"
        )


def _missing(found: LabelQuality) -> Iterator[str]:
    corrected, disputes = found.correction, found.disputes
    if disputes.share is None:
        yield "fewer than two labels have as many rows as there are folds (5): confident learning can judge none"
    elif disputes.unjudged:
        yield f"confident learning cannot judge labels with fewer rows than folds (5): {listed(disputes.unjudged)}"
    if found.real_disputes is None:
        yield "no real rows were given: there is no oracle"
    elif found.oracle is None:
        yield "the real rows have no label in common with these: there is no oracle"
    if corrected is None:
        yield "no row says which label was asked for: nothing is known of the verifier and of correction"
        return
    if corrected.agreement.drafts is None:
        yield "no draft was verified: there is no correction to judge"
    if corrected.untold or corrected.torn:
        yield f"{corrected.untold} rows without an asked label and {corrected.torn} unreadable refusals are left out of correction"
