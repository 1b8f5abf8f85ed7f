"""Contamination: real rows that came back in the synthetic ones, or that prompts quote."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.nearest import THRESHOLD, Near, nearest
from seedless.evals.measures.numbered import Numbered, Vocabulary, joined

__all__ = ["Contamination", "Copy", "Overlap", "Quote", "Quoted", "Shared", "Split", "contamination", "prompts_contain"]

NGRAMS = (8, 13)  # the runs that PaLM's (Chowdhery et al. 2022) and GPT-3's (Brown et al. 2020) checks looked for
LEAST = 4  # words of a text that is looked for in prompts: shorter ones stand there by chance
SHOWN = 20
REFERENCE = 2000  # real rows of other splits, at most
TEXT = 300  # characters of a text in the result
PROMPTS = 1000  # prompts held at once


@dataclass(frozen=True, slots=True)
class Shared:
    """Rows that share a run of `n` words with a real row: their share of all rows, and how many rows are long enough to have one."""

    n: int
    share: float
    long_enough: int


@dataclass(frozen=True, slots=True)
class Copy:
    """A synthetic row and the real row most like it. `id` is the row's, or its number; rows are numbered from 1; `score` is ROUGE-L."""

    id: str
    row: int
    real_row: int
    score: float
    text: str
    real_text: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """What `rows` texts have in common with a real split of `real_rows`. Shares of `rows` in [0, 1], lower is better.

    Parameters
    ----------
    exact
        The text is a real row's (`seedless.text.normalized`): all fields' words, in order; case, punctuation and spaces apart.
    shared
        One entry for each n.
    near
        ROUGE-L with a real row of at least the threshold; exact ones are among them.
    """

    rows: int
    real_rows: int
    exact: float
    shared: tuple[Shared, ...]
    near: float


@dataclass(frozen=True, slots=True)
class Split:
    """One real split: the synthetic rows' overlap with it, the worst copies, and `reference`: the same figures for real rows of the
    other splits (None where there is none), which say how much two samples of the task have in common without any copying.
    """

    overlap: Overlap
    reference: Overlap | None
    worst: tuple[Copy, ...]


@dataclass(frozen=True, slots=True)
class Contamination:
    """Each real split by name. `threshold` is that of ROUGE-L."""

    threshold: float
    splits: Mapping[str, Split]

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Quote:
    """A row (numbered from 1) that a prompt (numbered from 1) holds in `field`: all of it, or a run of its words."""

    row: int
    field: str
    whole: bool
    prompt: int
    text: str


@dataclass(frozen=True, slots=True)
class Quoted:
    """Rows quoted in `prompts` prompts: `whole` and `ngram` are shares of the `checked` rows, in [0, 1]; `worst` the first 20.

    Rows none of whose fields has four words are not checked. A whole quote is among the n-gram ones even where it is shorter.
    """

    prompts: int
    rows: int
    checked: int
    n: int
    whole: float
    ngram: float
    worst: tuple[Quote, ...]

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def contamination(
    rows: LabelledRows,
    *,
    real: Mapping[str, LabelledRows],
    ngrams: Sequence[int] = NGRAMS,
    threshold: float = THRESHOLD,
    seed: int = 0,
) -> Contamination:
    """What `rows` have in common with each of the `real` splits, such as train and test.

    Parameters
    ----------
    rows
        The synthetic rows. Labels are not looked at.
    real
        Real rows by the split's name.
    ngrams
        Lengths, in words, of the runs that are looked for.
    threshold
        Of ROUGE-L, in (0, 1].
    seed
        Of the draw of real rows for the reference.
    """
    rng = np.random.default_rng(seed)
    number = Vocabulary().number
    ours, splits = number(rows.texts), {name: number(split.texts) for name, split in real.items()}
    found = {}
    for name, split in real.items():
        overlap, near = _overlap(ours, splits[name], ngrams, threshold)
        others = [each for other, each in splits.items() if other != name]
        count = sum(map(len, others))
        reference = None
        if count:
            drawn = rng.choice(count, min(count, REFERENCE), replace=False)
            reference, _ = _overlap(joined(others).take(drawn), splits[name], ngrams, threshold)
        found[name] = Split(overlap, reference, _worst(rows, split, near))
    return Contamination(threshold, found)


def _overlap(ours: Numbered, theirs: Numbered, ngrams: Sequence[int], threshold: float) -> tuple[Overlap, tuple[Near, ...]]:
    said = ours.lengths > 0
    exact = said & np.isin(ours.whole(), theirs.whole())
    shared = []
    for n in ngrams:
        grams, owners = ours.ngrams(n)
        having = np.unique(owners[np.isin(grams, theirs.ngrams(n)[0])])
        shared.append(Shared(n, len(having) / len(ours), int((ours.lengths >= n).sum())))
    near = nearest(ours, theirs, threshold=threshold)
    return Overlap(len(ours), len(theirs), float(exact.mean()), tuple(shared), len(near) / len(ours)), near


def _worst(rows: LabelledRows, real: LabelledRows, near: Sequence[Near]) -> tuple[Copy, ...]:
    return tuple(
        Copy(
            rows.name_of(each.place),
            each.place + 1,
            each.other + 1,
            each.score,
            rows.texts[each.place][:TEXT],
            real.texts[each.other][:TEXT],
        )
        for each in sorted(near, key=lambda each: (-each.score, each.place))[:SHOWN]
    )


def prompts_contain(prompts: Iterable[str], rows: LabelledRows, *, n: int = 8) -> Quoted:
    """Which of `rows` are quoted in prompts: a field's text in full, or a run of `n` of its words; case and punctuation apart.

    Parameters
    ----------
    prompts
        Texts of prompts; read once, a thousand at a time.
    rows
        Real rows that prompts should not hold: dev rows, test rows.
    """
    search = _Search(rows, n)
    count = 0
    reading = iter(prompts)
    while batch := list(islice(reading, PROMPTS)):
        search.read(batch, count)
        count += len(batch)
    return search.quoted(count)


class _Search:
    """Looks for each field of each row in prompts. A unit is one field of one row."""

    def __init__(self, rows: LabelledRows, n: int) -> None:
        self._rows, self._n = rows, n
        self._names = [field.name for field in rows.task.fields]
        self._vocabulary = Vocabulary()
        self._units = self._vocabulary.number(str(record[name]) for record in rows.records for name in self._names)
        self._whole = self._units.whole()
        self._grams, self._owners = self._units.ngrams(n)
        # The prompt in which each unit was found first, from 1; 0: in none.
        self._in_full = np.zeros(len(self._units), dtype=np.int64)
        self._in_part = np.zeros(len(self._units), dtype=np.int64)

    def read(self, prompts: Sequence[str], before: int) -> None:
        """Look through the next prompts; `before` were read already."""
        numbered = self._vocabulary.known(prompts)
        lengths = self._units.lengths
        for length in np.unique(lengths[lengths >= LEAST]).tolist():
            of_length = np.flatnonzero(lengths == length)
            _note(self._in_full, of_length, self._whole[of_length], numbered, length, before)
        _note(self._in_part, self._owners, self._grams, numbered, self._n, before)

    def quoted(self, prompts: int) -> Quoted:
        """What was found in `prompts` prompts."""
        fields = len(self._names)
        in_part = np.where((self._in_full > 0) & (self._in_part == 0), self._in_full, self._in_part)
        checked = int((self._units.lengths >= LEAST).reshape(-1, fields).any(axis=1).sum())
        units = sorted(np.flatnonzero(in_part).tolist(), key=lambda unit: (not self._in_full[unit], unit))
        return Quoted(
            prompts,
            rows=len(self._rows),
            checked=checked,
            n=self._n,
            whole=float(self._in_full.reshape(-1, fields).any(axis=1).sum() / max(1, checked)),
            ngram=float(in_part.reshape(-1, fields).any(axis=1).sum() / max(1, checked)),
            worst=tuple(self._quote(unit, int(in_part[unit])) for unit in units[:SHOWN]),
        )

    def _quote(self, unit: int, in_part: int) -> Quote:
        row, field = divmod(unit, len(self._names))
        name = self._names[field]
        full = int(self._in_full[unit])
        return Quote(row + 1, name, full > 0, full or in_part, str(self._rows.records[row][name])[:TEXT])


def _note(
    found: NDArray[np.int64], units: NDArray[np.int64], hashes: NDArray[np.uint64], prompts: Numbered, length: int, before: int
) -> None:
    """Write into `found` the first prompt that holds each of `hashes`, for its unit, where none is written yet."""
    runs, owners = prompts.ngrams(length)
    distinct, first = np.unique(runs, return_index=True)
    if not len(distinct):
        return
    places = np.minimum(np.searchsorted(distinct, hashes), len(distinct) - 1)
    there = distinct[places] == hashes
    for unit, prompt in zip(units[there].tolist(), (owners[first[places[there]]] + before + 1).tolist(), strict=True):
        found[unit] = found[unit] or prompt
