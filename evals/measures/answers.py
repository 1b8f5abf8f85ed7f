"""Answers: which field holds them, and where in a text they stand."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.divergence import Divergence, Mentioned, divergence, from_real
from seedless.evals.measures.matched import Pair
from seedless.text import standing

__all__ = ["AnswerFields", "SpanPosition", "answer_fields", "span_position"]

FIFTHS = ("first fifth", "second fifth", "third fifth", "fourth fifth", "last fifth")


@dataclass(frozen=True, slots=True)
class AnswerFields:
    """Of a task whose labels name fields: how often each field holds the answer, as shares of these rows.

    `uneven` is what the shares' entropy lacks of its most, in bits: 0 where each field holds the answer as often.
    """

    shares: Mapping[str, float]
    uneven: float
    real: Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class SpanPosition:
    """Where the text of `field` stands in that of `within`, of the `found` rows in which it does; the first time counts.

    0 is the beginning, 1 the end; `fifths` are shares of rows. `between_labels` and `from_real` compare the fifths; `beside_between_labels`
    and `real_between_labels` do as the first over as many rows of each label from both: None where there are no real rows, and the first also where those are all the rows.
    """

    field: str
    within: str
    found: int
    mean: float | None
    fifths: tuple[float, ...]
    by_label: Mapping[str, float]
    between_labels: Divergence
    beside_between_labels: Divergence | None
    real_between_labels: Divergence | None
    real_mean: float | None
    from_real: Divergence | None


def answer_fields(rows: LabelledRows, real: LabelledRows | None) -> AnswerFields | None:
    """None where fewer than two labels name fields, or no row has one of these."""
    fields = {field.name for field in rows.task.fields}
    places = [i for i, name in enumerate(rows.task.label_names) if name in fields]
    counts = rows.counts[places]
    if len(places) < 2 or not counts.sum():
        return None
    names = [rows.task.label_names[i] for i in places]

    def shares(source: LabelledRows) -> dict[str, float]:
        found = source.counts[places]
        return dict(zip(names, (found / max(1, found.sum())).tolist(), strict=True))

    own = shares(rows)
    entropy = -sum(share * log2(share) for share in own.values() if share)
    return AnswerFields(own, max(0.0, log2(len(places)) - entropy), shares(real) if real is not None else None)


def span_position(field: str, within: str, rows: LabelledRows, pair: Pair | None, rng: np.random.Generator) -> SpanPosition:
    """Where the rows' `field` stands in their `within`, beside the pair's real rows where there is one."""
    positions = _positions(rows, field, within)
    there = ~np.isnan(positions)
    fifths = [set() if np.isnan(each) else {_fifth(each)} for each in positions]
    counts = Counter(fifth for each in fifths for fifth in each)
    by_label = {
        name: float(positions[there & (rows.labels == i)].mean())
        for i, name in enumerate(rows.task.label_names)
        if (there & (rows.labels == i)).any()
    }
    real_mean = apart = beside = real = None
    if pair is not None:
        both = [_positions(each, field, within) for each in pair]
        real_mean = _mean(both[1])
        said = [set() if np.isnan(each) else {_fifth(each)} for each in np.concatenate(both)]
        own, (own_rng,) = len(pair[0]), rng.spawn(1)  # the other figures are those of the same seed without these
        beside = divergence(Mentioned.of(said[:own], FIFTHS), pair[0].labels, own_rng) if own < len(rows) else None
        real = divergence(Mentioned.of(said[own:], FIFTHS), pair[1].labels, own_rng)
        apart = from_real(Mentioned.of(said, FIFTHS), pair, rng)
    return SpanPosition(
        field,
        within,
        found=int(there.sum()),
        mean=_mean(positions),
        fifths=tuple(counts[fifth] / max(1, counts.total()) for fifth in FIFTHS),
        by_label=by_label,
        between_labels=divergence(Mentioned.of(fifths, FIFTHS), rows.labels, rng),
        beside_between_labels=beside,
        real_between_labels=real,
        real_mean=real_mean,
        from_real=apart,
    )


def _positions(rows: LabelledRows, field: str, within: str) -> NDArray[np.float64]:
    """Where each row's span begins (its words, not a part of a word), as a share of the places where it could; not a number where it
    is not found, or is the whole.
    """
    found = np.full(len(rows), np.nan)
    for i, (span, text) in enumerate(zip(rows.column(field), rows.column(within), strict=True)):
        there = standing(span.strip()).search(text)
        if there is not None and (room := len(text) - len(there[0])) > 0:
            found[i] = there.start() / room
    return found


def _fifth(position: float) -> str:
    return FIFTHS[min(len(FIFTHS) - 1, int(position * len(FIFTHS)))]


def _mean(positions: NDArray[np.float64]) -> float | None:
    there = positions[~np.isnan(positions)]
    return float(there.mean()) if len(there) else None
