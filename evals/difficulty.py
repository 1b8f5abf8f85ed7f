"""Difficulty: what a student can use of each text to tell its label, the hardest and the easiest rows, and the words that give labels away."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.artefacts import Artefact, ArtefactStudent, artefacts
from seedless.evals.measures.crossvalidation import HeldOut, held_out
from seedless.evals.measures.estimate import Estimate, mean_of
from seedless.evals.measures.information import Information, carried_bits, information, own_bits
from seedless.evals.measures.matched import matched
from seedless.evals.measures.sampling import sampled
from seedless.evals.students import Student, student_of
from seedless.wording import listed

__all__ = ["Artefacts", "Difficulty", "RowInformation", "difficulty"]

SHOWN = 10  # hardest and easiest rows
LISTED = 20  # artefact words of a label


@dataclass(frozen=True, slots=True)
class RowInformation:
    """A row and its PVI in bits: by its `id`, or its number from 1 where it has none."""

    id: str
    label: str
    text: str
    pvi: float


@dataclass(frozen=True, slots=True)
class Artefacts:
    """Words that give a label away.

    Parameters
    ----------
    by_label
        The 20 most significant of each label that has any.
    words
        How many there are in all.
    bits
        V-information of a student that sees which of them a text holds and nothing else (it finds them in the rows that it learns from), cross-validated.
        Near the text's own V-information means that the labels are told by single words.
    carried
        Bits of the real rows, read by such a student that learnt from the rows. Far below `bits`, or negative: habits of the
        writer's, which mislead on real text. None without real rows.
    """

    by_label: Mapping[str, tuple[Artefact, ...]]
    words: int
    bits: Estimate
    carried: Estimate | None


@dataclass(frozen=True, slots=True)
class Difficulty:
    """How hard `rows` rows are for the student named `student`, which read `read` of them.

    Parameters
    ----------
    own
        Of the rows, cross-validated.
    beside, real
        Of as many rows and real rows of each label, cross-validated: what is learnt, and what there is to know, depends on how many
        rows there are of each. `beside` is None where all rows are compared (`own` it is then), both are without real rows.
    carried
        Of the real rows, read by a student that learnt from the rows; None without them.
    hardest, easiest
        The ten rows with the lowest and the highest PVI, the extreme first.
    artefacts
        Words that give a label away.
    notes
        What could not be computed, or rests on a sample.
    """

    rows: int
    read: int
    student: str
    own: Information
    beside: Information | None
    real: Information | None
    carried: Information | None
    hardest: tuple[RowInformation, ...]
    easiest: tuple[RowInformation, ...]
    artefacts: Artefacts
    notes: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def difficulty(
    rows: LabelledRows,
    *,
    test: LabelledRows | None = None,
    student: str | Student = "minilm",
    seed: int = 0,
    read: HeldOut | None = None,
) -> Difficulty:
    """Measure how hard rows are to label from their texts.

    Parameters
    ----------
    rows
        At least two. At most 5,000 of them, drawn at random, are looked at.
    test
        Real rows to set beside them; at most 5,000, drawn at random.
    student
        The student that reads them, or its name.
    seed
        Of the folds, the samples and the bootstrap.
    read
        Its cross-validation of `rows` (of the sample that `seed` draws, where there are many) with that seed, where there is one already.

    Raises
    ------
    UsageError
        If there is no such student.
    """
    kind = student_of(student)
    places = sampled(len(rows), seed)
    chosen = rows.take(places)
    said = read if read is not None else held_out(chosen, kind, seed=seed)
    bits = own_bits(chosen.labels, said)
    order = np.argsort(bits, kind="stable")
    notes = [f"{len(chosen)} of the {len(rows)} rows were looked at, drawn at random"] if len(chosen) < len(rows) else []
    if single := [name for name, count in zip(rows.task.label_names, chosen.counts, strict=True) if count == 1]:
        notes.append(f"labels with a single row, of which no student can learn: {listed(single)}; their PVI is 0 by definition")
    beside = real = over = others = None
    if test is None:
        notes.append("no real rows were given to set beside these")
    else:
        others = test.take(sampled(len(test), seed))
        some, drawn = matched(chosen, others, np.random.default_rng(seed))
        if len(drawn) > 1:
            real = information(drawn, own_bits(drawn.labels, held_out(drawn, kind, seed=seed)), seed=seed)
            if len(some) < len(chosen):
                beside = information(some, own_bits(some.labels, held_out(some, kind, seed=seed)), seed=seed)
        over = information(others, carried_bits(chosen, said, kind, others), seed=seed)
    return Difficulty(
        rows=len(rows),
        read=len(chosen),
        student=kind.name,
        own=information(chosen, bits, seed=seed),
        beside=beside,
        real=real,
        carried=over,
        hardest=_told(rows, places, bits, order[:SHOWN]),
        easiest=_told(rows, places, bits, order[::-1][:SHOWN]),
        artefacts=_artefacts(chosen, others, seed),
        notes=tuple(notes),
    )


def _told(
    rows: LabelledRows, places: NDArray[np.int64], bits: NDArray[np.float64], chosen: NDArray[np.int64]
) -> tuple[RowInformation, ...]:
    found = []
    for i in chosen.tolist():
        record, place = rows.records[places[i]], int(places[i])
        found.append(RowInformation(rows.name_of(place), str(record["label"]), rows.texts[place], float(bits[i])))
    return tuple(found)


def _artefacts(rows: LabelledRows, real: LabelledRows | None, seed: int) -> Artefacts:
    found, reader = artefacts(rows, real=real), ArtefactStudent()
    by_label: dict[str, list[Artefact]] = {}
    for artefact in found:
        by_label.setdefault(artefact.label, []).append(artefact)
    rng = np.random.default_rng(seed)
    said = held_out(rows, reader, seed=seed)
    return Artefacts(
        by_label={name: tuple(by_label[name][:LISTED]) for name in rows.task.label_names if name in by_label},
        words=len({artefact.word for artefact in found}),
        bits=mean_of(own_bits(rows.labels, said), rng),
        carried=mean_of(carried_bits(rows, said, reader, real), rng) if real is not None else None,
    )
