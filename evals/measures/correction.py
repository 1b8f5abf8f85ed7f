"""Correction: from the labels that were asked for to those that were kept, and whether each change was right."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.errors import UsageError
from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.estimate import DRAWS, Estimate, share_of
from seedless.evals.measures.sampling import sampled

__all__ = ["Agreement", "Correction", "Flips", "Gain", "Reader", "Rightness", "correction"]

Bools = NDArray[np.bool_]
Places = NDArray[np.int64]
Reader = Callable[[LabelledRows], Places]
"""An oracle: the place of each row's label in the task's, shape (rows,)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the verifier agrees, as shares in [0, 1]. None where there is nothing to take a share of.

    `final` and `asked`: of the accepted rows with a verdict, those whose verdict is their final label, and the label that was asked
    for. (A run that refuses whatever the verifier rejects has 1 in both, by construction.) `drafts`: of all drafts on record with a
    verdict, the refused ones too, those whose verdict is the asked label. `unverified` counts accepted rows without a verdict.
    """

    final: Estimate | None
    asked: Estimate | None
    drafts: Estimate | None
    unverified: int


@dataclass(frozen=True, slots=True)
class Gain:
    """Label accuracy by the oracle before and after correction, in [0, 1], higher is better.

    `before`: asked labels of all drafts on record, accepted or refused by the verifier. `after`: final labels of the accepted ones.
    `gain` is after less before, with a bootstrap interval over drafts.
    """

    before: Estimate
    after: Estimate
    gain: Estimate


@dataclass(frozen=True, slots=True)
class Rightness:
    """Of drafts whose asked label was overruled: those for which the oracle agrees with the other label (`right`), with the asked one
    (`wrong`), with a third one (`neither`). `share` is right by right and wrong; None where both are 0."""

    right: int
    wrong: int
    neither: int
    share: Estimate | None


@dataclass(frozen=True, slots=True)
class Flips:
    """Labels that changed between asking and keeping.

    `matrix` counts accepted rows, the asked label down, the final one across, in the task's order; `relabelled` those off its
    diagonal. `refused` counts refused drafts with a verdict, the asked label down, the verdict across. `relabelling` and `refusing`
    say how often that was right; None without an oracle.
    """

    matrix: tuple[tuple[int, ...], ...]
    relabelled: int
    refused: tuple[tuple[int, ...], ...]
    relabelling: Rightness | None
    refusing: Rightness | None


@dataclass(frozen=True, slots=True)
class Correction:
    """What correction did to the labels of `drafts` drafts on record: the accepted rows and the drafts refused by the verifier.

    A slot's record is its last draft. Drafts that were revised, or passed over for a better one of the same slot, leave none: figures
    here are of relabelling and refusing alone. `untold` counts rows that do not say which label was asked for, `torn` refusals
    without their texts or with labels that the task has not; both are left out. `accuracy` is None without an oracle, and where no draft
    was verified.
    """

    drafts: int
    untold: int
    torn: int
    agreement: Agreement
    accuracy: Gain | None
    flips: Flips


@dataclass(frozen=True)
class _Drafts:
    """Labels are places in the task's, -1 for none: `final` of a refused draft, `verdict` where there is no readable one."""

    rows: LabelledRows
    asked: Places
    final: Places
    verdict: Places

    def take(self, places: Places) -> "_Drafts":
        return _Drafts(self.rows.take(places), self.asked[places], self.final[places], self.verdict[places])


def correction(
    rows: LabelledRows, refusals: Sequence[Mapping[str, Any]] = (), *, oracle: Reader | None = None, seed: int = 0
) -> Correction | None:
    """What correction did to the labels of a run's rows; None where no row says which label was asked for.

    Parameters
    ----------
    refusals
        The records of the run's `refusals.jsonl`.
    oracle
        Who knows the true labels, more or less. It reads a sample of at most 5,000 drafts.
    seed
        Of the sample and the bootstrap.

    Raises
    ------
    UsageError
        If a provenance cannot be read.
    """
    drafts, untold, torn = _on_record(rows, refusals)
    if untold == len(rows):
        return None
    read = drafts.take(sampled(len(drafts.asked), seed)) if oracle is not None else None
    said = oracle(read.rows) if oracle is not None and read is not None else None
    return Correction(
        drafts=len(drafts.asked),
        untold=untold,
        torn=torn,
        agreement=_agreement(drafts),
        accuracy=None if read is None or said is None else _gain(read, said, np.random.default_rng(seed)),
        flips=_flips(drafts, read, said),
    )


def _on_record(rows: LabelledRows, refusals: Sequence[Mapping[str, Any]]) -> tuple[_Drafts, int, int]:
    names = {name: place for place, name in enumerate(rows.task.label_names)}

    def place_of(label: object) -> int:  # null is no label, though a label may be called None
        return names.get(label, -1) if isinstance(label, str) else -1

    records: list[Mapping[str, Any]] = []
    labels: list[tuple[int, int, int]] = []  # asked, final, verdict
    for record in rows.records:
        told = _provenance(record, rows.source)
        if (asked := place_of(told.get("asked_label"))) >= 0:
            records.append(record)
            labels.append((asked, names[record["label"]], place_of(told.get("verdict"))))
    untold, torn = len(rows) - len(records), 0
    for refusal in refusals:
        if refusal.get("stage") != "verify":  # its last draft broke an assertion, and was not judged
            continue
        asked, texts = place_of(refusal.get("asked_label")), refusal.get("texts")
        if asked < 0 or not isinstance(texts, Mapping) or not all(field.name in texts for field in rows.task.fields):
            torn += 1
            continue
        records.append({**texts, "label": refusal["asked_label"]})
        labels.append((asked, -1, place_of(_provenance(refusal, rows.source).get("verdict"))))
    found = np.asarray(labels, dtype=np.int64).reshape(-1, 3)
    return _Drafts(LabelledRows(rows.task, tuple(records), rows.source), found[:, 0], found[:, 1], found[:, 2]), untold, torn


def _provenance(record: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    """A record's provenance: an object, or its JSON text as data sets carry it; empty where there is none."""
    given = record.get("provenance") or {}
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            given = None
    if not isinstance(given, Mapping):
        raise UsageError(
            f"{source}: the provenance of {record.get('id', 'a row')!r} is no JSON object; give the file as the run wrote it, or drop the column"
        )
    return given


def _agreement(drafts: _Drafts) -> Agreement:
    verified, accepted = drafts.verdict >= 0, drafts.final >= 0
    kept = verified & accepted
    return Agreement(
        final=_share((drafts.verdict == drafts.final)[kept]),
        asked=_share((drafts.verdict == drafts.asked)[kept]),
        drafts=_share((drafts.verdict == drafts.asked)[verified]),
        unverified=int((accepted & ~verified).sum()),
    )


def _gain(drafts: _Drafts, said: Places, rng: np.random.Generator) -> Gain | None:
    """None where no draft was accepted, or none was verified."""
    kept = drafts.final >= 0
    if not kept.any() or (drafts.verdict < 0).all():
        return None
    before, after = (said == drafts.asked).astype(np.float64), (said == drafts.final).astype(np.float64)
    gains = []
    for _ in range(DRAWS):
        drawn = rng.integers(0, len(said), len(said))
        if kept[drawn].any():
            gains.append(after[drawn][kept[drawn]].mean() - before[drawn].mean())
    low, high = np.quantile(gains, [0.025, 0.975])
    return Gain(
        before=share_of(int(before.sum()), len(said)),
        after=share_of(int(after[kept].sum()), int(kept.sum())),
        gain=Estimate(float(after[kept].mean() - before.mean()), float(low), float(high), len(said)),
    )


def _flips(drafts: _Drafts, read: _Drafts | None, said: Places | None) -> Flips:
    accepted = drafts.final >= 0
    rejected = ~accepted & (drafts.verdict >= 0)
    relabelling = refusing = None
    if read is not None and said is not None:
        flipped = (read.final >= 0) & (read.final != read.asked)
        refused = (read.final < 0) & (read.verdict >= 0)
        relabelling = _rightness(read.asked[flipped], read.final[flipped], said[flipped])
        refusing = _rightness(read.asked[refused], read.verdict[refused], said[refused])
    labels = len(drafts.rows.task.labels)
    return Flips(
        matrix=_counts(drafts.asked[accepted], drafts.final[accepted], labels),
        relabelled=int((accepted & (drafts.asked != drafts.final)).sum()),
        refused=_counts(drafts.asked[rejected], drafts.verdict[rejected], labels),
        relabelling=relabelling,
        refusing=refusing,
    )


def _rightness(asked: Places, other: Places, said: Places) -> Rightness:
    right, wrong = int((said == other).sum()), int((said == asked).sum())
    return Rightness(right, wrong, len(said) - right - wrong, share_of(right, right + wrong) if right + wrong else None)


def _counts(down: Places, across: Places, labels: int) -> tuple[tuple[int, ...], ...]:
    found = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(found, (down, across), 1)
    return tuple(tuple(line) for line in found.tolist())


def _share(hits: Bools) -> Estimate | None:
    return share_of(int(hits.sum()), len(hits)) if len(hits) else None
