"""Bias: what the rows' labels go with that they should not: shares, answer positions, pronouns, countries, names."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.answers import AnswerFields, SpanPosition, answer_fields, span_position
from seedless.evals.measures.divergence import (
    Association,
    Divergence,
    Mentioned,
    associations,
    divergence,
    from_real,
    jensen_shannon,
)
from seedless.evals.measures.matched import Pair, matched
from seedless.evals.measures.mentions import GROUPS, mentions
from seedless.planner import quotas
from seedless.wording import listed

__all__ = ["Balance", "Bias", "Group", "LabelShare", "Member", "balance", "bias"]

Said = Sequence[frozenset[str]]

WORDS = 100  # of a group, the most frequent; the others count as one
SHOWN = 10
UNEVEN = 0.07  # bits from the asked shares and from the real rows': 4 to 1 of two labels that are to have as many
UNEVEN_ALONE = 0.14  # where there are no real rows, which may be as uneven: 9 to 1


@dataclass(frozen=True, slots=True)
class LabelShare:
    """A label's rows, as a share of all, beside the share that the task asks for and that among real rows; in [0, 1]."""

    rows: int
    share: float
    asked: float
    real: float | None


@dataclass(frozen=True, slots=True)
class Balance:
    """The labels' shares. `from_asked` and `from_real`: Jensen-Shannon divergence in bits, in [0, 1], 0 where the shares are the same; `dealt`: what
    `from_asked` comes to where as many rows are dealt as evenly as can be."""

    per_label: Mapping[str, LabelShare]
    from_asked: float
    from_real: float | None
    dealt: float

    @property
    def skewed(self) -> bool:
        """Whether the shares are far from what the task asks for."""
        return self.from_asked - self.dealt >= UNEVEN

    @property
    def worth_a_note(self) -> bool:
        """Whether they are far from the real rows' as well, which may be as uneven; very far where there are none."""
        apart = self.from_asked - self.dealt
        return apart >= UNEVEN_ALONE if self.from_real is None else min(apart, self.from_real) >= UNEVEN


@dataclass(frozen=True, slots=True)
class Member:
    """A word of a group: the synthetic rows that have it, their share of all, and the share among real rows of the same labels."""

    word: str
    rows: int
    share: float
    real: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """One group of words: pronouns by gender, countries and nationalities, or names (`seedless.evals.measures.mentions` says how they are found).

    Parameters
    ----------
    mentioning, real_mentioning
        Share of rows with a word of the group.
    by_label
        The same for each label that has rows.
    members
        The ten most frequent.
    between_labels
        What the group tells about the label. Higher is worse where the label should not depend on it.
    beside_between_labels, real_between_labels
        The same over as many rows of each label from both; None where there are no real rows to compare with. `beside_between_labels` is
        None, too, where all rows are compared: it is `between_labels` then.
    from_real
        How far the synthetic rows' distribution is from the real rows', over as many rows of each label from both.
    strongest, telling
        The word and label that go together most, and (at most ten) all that chance does not explain.
    """

    name: str
    mentioning: float
    real_mentioning: float | None
    by_label: Mapping[str, float]
    members: tuple[Member, ...]
    between_labels: Divergence
    beside_between_labels: Divergence | None
    real_between_labels: Divergence | None
    from_real: Divergence | None
    strongest: Association | None
    telling: tuple[Association, ...]


@dataclass(frozen=True, slots=True)
class Bias:
    """What labels go with. `compared` counts the rows of each source in the comparison with real ones; 0 where there are none."""

    rows: int
    compared: int
    balance: Balance
    answer_fields: AnswerFields | None
    spans: tuple[SpanPosition, ...]
    groups: tuple[Group, ...]
    notes: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def bias(rows: LabelledRows, *, real: LabelledRows | None = None, seed: int = 0) -> Bias:
    """What the labels of `rows` go with: their shares, positions of answers, pronouns, countries, names.

    Parameters
    ----------
    rows
        At least one.
    real
        Real rows to compare with. Shares of labels are compared over all, everything else over as many rows of each label from both.
    seed
        Of draws, shuffles and the bootstrap.
    """
    rng = np.random.default_rng(seed)
    notes = _notes(rows, real)
    pair: Pair | None = None
    if real is not None:
        pair = matched(rows, real, rng)
        if not len(pair[0]):
            notes.append("the real rows have no label in common with these: only the labels' shares were compared")
            pair = None
        elif len(pair[0]) < len(rows):
            notes.append(
                f"{len(pair[0])} of the {len(rows)} rows are compared with real ones: there are no more real ones of their labels"
            )
    said, said_pair = _mentions(rows, pair)
    return Bias(
        rows=len(rows),
        compared=len(pair[0]) if pair is not None else 0,
        balance=balance(rows, real),
        answer_fields=answer_fields(rows, real),
        spans=tuple(span_position(field.name, source, rows, pair, rng) for field in rows.task.fields for source in field.sources),
        groups=tuple(_group(name, rows, said[name], pair, said_pair[name], rng) for name in GROUPS),
        notes=tuple(notes),
    )


def _notes(rows: LabelledRows, real: LabelledRows | None) -> list[str]:
    notes = []
    if rows.task.language != "en":
        notes.append(f"the lists of pronouns and countries are English, the rows are in {rows.task.language!r}")
    names = rows.task.label_names
    few = [name for name, count in zip(names, rows.counts, strict=True) if count == 1]
    none = [name for name, count in zip(names, rows.counts, strict=True) if count == 0]
    for what, labels in (("one row", few), ("no row", none)):
        if labels:
            notes.append(f"of {what}: {listed(labels)}")
    for what, source in (("rows", rows), ("real rows", real)):
        if source is not None and not any(text != text.lower() for text in source.texts):
            notes.append(f"the {what} have no capitals, so no names are found in them")
    return notes


def _mentions(rows: LabelledRows, pair: Pair | None) -> tuple[Mapping[str, Said], Mapping[str, Said]]:
    """By group, what each of `rows` mentions, and what each of the pair's mentions, the synthetic ones first.

    All are read together: whether a word is a name is judged over all of them.
    """
    some, real = pair if pair is not None else (rows.take(()), rows.take(()))
    found = mentions([*rows.texts, *(() if some is rows else some.texts), *real.texts])
    own = {group: each[: len(rows)] for group, each in found.items()}
    return own, {group: each[0 if some is rows else len(rows) :] for group, each in found.items()}


def balance(rows: LabelledRows, real: LabelledRows | None = None) -> Balance:
    """The labels' shares of `rows`, at least one, beside the asked ones and those of `real`."""
    share = rows.counts / len(rows)
    asked = np.asarray([label.share for label in rows.task.labels])
    asked = asked / asked.sum()
    real_share = real.counts / len(real) if real is not None else None
    per_label = {
        name: LabelShare(
            int(rows.counts[i]), float(share[i]), float(asked[i]), None if real_share is None else float(real_share[i])
        )
        for i, name in enumerate(rows.task.label_names)
    }
    from_real = None if real_share is None else jensen_shannon(np.stack([share, real_share]))
    evenly = quotas({label.name: label.share for label in rows.task.labels}, len(rows))
    dealt = np.asarray([evenly[name] for name in rows.task.label_names]) / len(rows)
    return Balance(per_label, jensen_shannon(np.stack([share, asked])), from_real, jensen_shannon(np.stack([dealt, asked])))


def _group(name: str, rows: LabelledRows, said: Said, pair: Pair | None, said_pair: Said, rng: np.random.Generator) -> Group:
    own, of_pair = _rows_with(said), _rows_with(said_pair)
    frequent = (own + of_pair).most_common()
    words = sorted(word for word, _ in frequent[:WORDS])
    other = "(others)" if len(frequent) > WORDS else None
    apart = real_with = real_mentioning = beside = real = None

    def between(some: Said, labels: NDArray[np.int64], rng: np.random.Generator) -> Divergence:
        return divergence(Mentioned.of(some, words, other=other), labels, rng)

    if pair is not None:
        of_real = said_pair[len(pair[0]) :]
        real_with, real_mentioning = _rows_with(of_real), sum(map(bool, of_real)) / len(of_real)
        apart = from_real(Mentioned.of(said_pair, words, other=other), pair, rng)
        (own_rng,) = rng.spawn(1)  # the other figures are those of the same seed without these
        real = between(of_real, pair[1].labels, own_rng)
        if len(pair[0]) < len(rows):
            beside = between(said_pair[: len(pair[0])], pair[0].labels, own_rng)
    mentioning = np.asarray([bool(each) for each in said])
    every, telling = associations(said, words, rows.labels, rows.task.label_names)
    return Group(
        name,
        mentioning=float(mentioning.mean()),
        real_mentioning=real_mentioning,
        by_label={
            label: float(mentioning[rows.labels == i].mean()) for i, label in enumerate(rows.task.label_names) if rows.counts[i]
        },
        members=tuple(
            Member(word, count, count / len(rows), None if real_with is None or pair is None else real_with[word] / len(pair[1]))
            for word, count in sorted(own.items(), key=lambda each: (-each[1], each[0]))[:SHOWN]
        ),
        between_labels=between(said, rows.labels, rng),
        beside_between_labels=beside,
        real_between_labels=real,
        from_real=apart,
        strongest=every[0] if every else None,
        telling=telling[:SHOWN],
    )


def _rows_with(said: Said) -> Counter[str]:
    return Counter(member for members in said for member in members)
