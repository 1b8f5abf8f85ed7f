"""Confident learning: the rows whose labels a student disputes that learnt from the others (arXiv 1911.00068, by cleanlab)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.crossvalidation import HeldOut, held_out
from seedless.evals.measures.estimate import Estimate, share_of
from seedless.evals.measures.sampling import sampled
from seedless.evals.students import Student

__all__ = ["Disputed", "Disputes", "confident_learning"]


@dataclass(frozen=True, slots=True)
class Disputed:
    """A row whose label is disputed: by its `id`, or its number from 1 where it has none. `self_confidence` in [0, 1] is the probability
    that the student gives to the row's own label; lower is more doubtful."""

    id: str
    label: str
    suggested: str
    self_confidence: float


@dataclass(frozen=True, slots=True)
class Disputes:
    """What confident learning disputes.

    Parameters
    ----------
    share
        Share of the judged rows, in [0, 1]; lower is better. It is not 0 on clean rows: hard ones are disputed too. None where nothing
        could be judged.
    by_label
        The same for the rows of each label that was judged.
    rows
        The disputed rows, the most doubtful one first.
    unjudged
        Labels with fewer rows than folds, left out with their rows: a student gives a label that it hardly knows so little that any other row
        would seem to belong to it.
    of
        Rows that there were; more than `share.rows` where a sample was drawn or labels are unjudged.
    """

    share: Estimate | None
    by_label: Mapping[str, Estimate]
    rows: tuple[Disputed, ...]
    unjudged: tuple[str, ...]
    of: int


def confident_learning(
    rows: LabelledRows, *, student: Student, folds: int = 5, seed: int = 0, read: HeldOut | None = None
) -> Disputes:
    """The rows whose labels are probably wrong.

    The confident joint counts the rows that the student reads as another label with more than that label's own mean probability;
    calibrated to the labels' counts it estimates how many rows of each label belong to which other. As many are disputed, those with the
    lowest self-confidence and the largest margin both (the paper's C+NR). In 400 rows of the train splits of seven public sets, with
    a tenth of the labels flipped on purpose, this found 0.38 to 0.88 of the flipped ones (both students), and 0.16 to 1.00 of what it disputed
    was flipped; the other ways to choose the rows were more precise and found fewer, or the reverse.

    Parameters
    ----------
    student
        Whose probabilities are cross-validated over `folds` folds.
    seed
        Of the folds, and of the sample where there are many rows.
    read
        The student's cross-validation of that sample over as many folds with the same seed, where there is one already. It is used where all
        labels are judged.
    """
    names, places = rows.task.label_names, sampled(len(rows), seed)
    chosen = rows.take(places)
    known = np.flatnonzero(chosen.counts >= folds)
    unjudged = tuple(names[place] for place in np.flatnonzero((chosen.counts > 0) & (chosen.counts < folds)))
    places = places[np.isin(chosen.labels, known)]
    if len(known) < 2:
        return Disputes(None, {}, (), unjudged, len(rows))
    judged = rows.take(places)
    if read is None or len(judged) < len(chosen):
        read = held_out(judged, student, folds=folds, seed=seed)
    probabilities = read.probabilities[:, known]
    labels = np.searchsorted(known, judged.labels)
    said = probabilities.argmax(axis=1)

    from cleanlab.filter import find_label_issues

    doubted = find_label_issues(labels, probabilities, filter_by="both", n_jobs=1) & (said != labels)
    sure = probabilities[np.arange(len(labels)), labels]
    listed = sorted(np.flatnonzero(doubted).tolist(), key=lambda i: (float(sure[i]), i))
    return Disputes(
        share=share_of(int(doubted.sum()), len(judged)),
        by_label={names[known[k]]: share_of(int(doubted[labels == k].sum()), int((labels == k).sum())) for k in range(len(known))},
        rows=tuple(
            Disputed(rows.name_of(int(places[i])), names[judged.labels[i]], names[known[said[i]]], float(sure[i])) for i in listed
        ),
        unjudged=unjudged,
        of=len(rows),
    )
