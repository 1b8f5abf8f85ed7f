"""Nearest texts by ROUGE-L: every text that has one above a threshold, found without comparing all pairs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.errors import UsageError
from seedless.evals.measures.numbered import Numbered, joined

__all__ = ["THRESHOLD", "Near", "nearest", "nearest_earlier"]

Places = NDArray[np.int64]
Sparse = Any  # a scipy sparse matrix: scipy is imported where it is used

THRESHOLD = 0.7  # Self-Instruct's
SHARED = 3  # rare words that two texts must share before they are compared; 2 compares more pairs, 4 sorts longer
FIRST = 100  # the texts that share most rare words, compared before the others
MEMORY = 4_000_000  # pairs held at once


@dataclass(frozen=True, slots=True)
class Near:
    """The text at `place` and the one most like it, at `other`: `score` is their ROUGE-L F1, in [0, 1], higher is more alike."""

    place: int
    other: int
    score: float


def nearest(texts: Numbered, among: Numbered, *, threshold: float = THRESHOLD) -> tuple[Near, ...]:
    """Each of `texts` with the most alike of `among`, numbered by the same vocabulary, for those that have one at or above `threshold`, in order.

    A ROUGE-L of t needs t · (|a| + |b|) / 2 common words; two texts with that many share some of the rarest words of each (the prefix
    filter of set-similarity joins: Chaudhuri et al. 2006), so only those that do are compared, and no text is missed. Where more than a
    hundred remain, the hundred that share most rare words come first, and the others only if none of these is near: then `score`
    may be below the best.

    >>> from seedless.evals.measures.numbered import Vocabulary
    >>> number = Vocabulary().number
    >>> nearest(number(["the cat sat on a mat"]), number(["dogs bark", "the cat sat on the mat"]))
    (Near(place=0, other=1, score=0.833333333),)

    Raises
    ------
    UsageError
        If the threshold is not in (0, 1].
    """
    return tuple(_search(texts, among, threshold))


def nearest_earlier(texts: Numbered, *, asked: Places | None = None) -> tuple[Near, ...]:
    """Each text with the most alike of those before it, as `nearest` finds it; `asked` are the places to look at, in order (all).

    >>> from seedless.evals.measures.numbered import Vocabulary
    >>> texts = Vocabulary().number(["the cat sat on a mat", "dogs bark", "the cat sat on the mat", "Dogs bark!"])
    >>> nearest_earlier(texts)
    (Near(place=2, other=0, score=0.833333333), Near(place=3, other=1, score=1.0))
    """
    _, first, same = np.unique(texts.whole(), return_index=True, return_inverse=True)
    places = np.arange(len(texts)) if asked is None else asked
    earliest = first[same][places]
    repeated = (earliest < places) & (texts.lengths[places] > 0)
    found = [Near(int(place), int(other), 1.0) for place, other in zip(places[repeated], earliest[repeated], strict=True)]
    kept = np.sort(first)  # a repeat is as like anything as its first
    fresh = places[earliest == places]
    alike = _search(texts.take(fresh), texts.take(kept), THRESHOLD, (fresh, kept))
    found += [Near(int(fresh[near.place]), int(kept[near.other]), near.score) for near in alike]
    return tuple(sorted(found, key=lambda near: near.place))


def _search(asked: Numbered, among: Numbered, threshold: float, order: tuple[Places, Places] | None = None) -> Iterator[Near]:
    """`order` gives both sides places: then only texts of `among` with a lower one count."""
    if not 0 < threshold <= 1:
        raise UsageError(f"given the threshold {threshold}, a ROUGE-L lies in (0, 1]; give one of these")
    if not len(asked.flat) or not len(among.flat):
        return
    rare, rare_among, least, least_among = _rare(asked, among, threshold)
    transposed = rare_among.T.tocsr()
    signs, signs_among = _signs(asked), _signs(among)
    lengths, lengths_among = asked.lengths, among.lengths
    # What a row's product holds at most: how often its rare words stand in the other texts.
    spread = np.concatenate([[0], np.cumsum(rare @ np.diff(transposed.indptr))])
    start = 0
    while start < len(asked):
        stop = max(start + 1, int(np.searchsorted(spread, spread[start] + MEMORY, side="right")) - 1)
        product = rare[start:stop] @ transposed
        row = np.repeat(np.arange(start, stop), np.diff(product.indptr))
        other, shared = product.indices.astype(np.int64), product.data
        likely = shared >= np.minimum(least[row], least_among[other])
        shorter, longer = np.minimum(lengths[row], lengths_among[other]), np.maximum(lengths[row], lengths_among[other])
        likely &= shorter * (2 - threshold) >= longer * threshold - 1e-6
        if order is not None:
            likely &= order[1][other] < order[0][row]
        yield from _best(row[likely], other[likely], shared[likely], signs, signs_among, threshold)
        start = stop


def _rare(asked: Numbered, among: Numbered, threshold: float) -> tuple[Sparse, Sparse, Places, Places]:
    """The rare words of each text as matrices of ones, shape (texts, words), and how many of them a near one must share.

    A near text shares at least `need` = |a| · t / (2 - t) of a's words. Put each text's words in one order, rarest first: of the common ones
    the k-th is among the first |a| - need + k of a, and likewise of b. The second "the" of a text counts as another word than the first.
    """
    from scipy.sparse import csr_array

    both = joined((asked, among))
    by_word = np.lexsort((both.flat, both.owners))
    word, owner = both.flat[by_word], both.owners[by_word]
    place = np.arange(len(word))
    fresh = np.concatenate([[True], (word[1:] != word[:-1]) | (owner[1:] != owner[:-1])])
    nth = place - np.maximum.accumulate(np.where(fresh, place, 0))
    _, token = np.unique(word * (int(nth.max()) + 1) + nth, return_inverse=True)
    frequency = np.bincount(token[owner >= len(asked)], minlength=int(token.max()) + 1)
    by_rarity = np.lexsort((token, frequency[token], owner))
    need = np.ceil(both.lengths * threshold / (2 - threshold) - 1e-6).astype(np.int64)
    least = np.minimum(SHARED, need)
    rank = place - both.starts[owner]  # the owners are in order either way
    chosen = rank < (both.lengths - need + least)[owner]
    columns = token[by_rarity][chosen]
    ends = np.concatenate([[0], np.cumsum(np.bincount(owner[chosen], minlength=len(both)))])
    matrix = csr_array((np.ones(len(columns), np.int32), columns, ends), shape=(len(both), len(frequency)))
    return matrix[: len(asked)], matrix[len(asked) :], least[: len(asked)], least[len(asked) :]


def _best(row: Places, other: Places, shared: Places, signs: list[str], signs_among: list[str], threshold: float) -> Iterator[Near]:
    """The best pair of each row, among pairs that may be near. The first of equals."""
    by_shared = np.lexsort((other, -shared, row))
    row, other = row[by_shared], other[by_shared]
    fresh = np.concatenate([[True], row[1:] != row[:-1]]) if len(row) else np.zeros(0, bool)
    place = np.arange(len(row))
    early = place - np.maximum.accumulate(np.where(fresh, place, 0)) < FIRST
    scores = np.zeros(len(row))
    scores[early] = _scores(row[early], other[early], signs, signs_among, threshold)
    late = ~early & ~np.isin(row, row[scores > 0])
    scores[late] = _scores(row[late], other[late], signs, signs_among, threshold)
    near = scores > 0
    row, other, scores = row[near], other[near], scores[near]
    by_score = np.lexsort((other, -scores, row))
    for i in by_score[np.unique(row[by_score], return_index=True)[1]]:
        yield Near(int(row[i]), int(other[i]), float(scores[i]))


def _scores(row: Places, other: Places, signs: list[str], signs_among: list[str], threshold: float) -> NDArray[np.float64]:
    """ROUGE-L of each pair; 0.0 below the threshold."""
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cpdist

    given = [signs[i] for i in row.tolist()], [signs_among[i] for i in other.tolist()]
    # 1 - indel / (|a| + |b|) = 2·LCS / (|a| + |b|): see seedless.kept
    scores = np.round(cpdist(*given, scorer=Indel.normalized_similarity, score_cutoff=threshold - 1e-6, dtype=np.float64), 9)
    found: NDArray[np.float64] = np.where(scores >= threshold, scores, 0.0)
    return found


def _signs(texts: Numbered) -> list[str]:
    """Each text as a string with one character a word: rapidfuzz compares strings fastest."""
    folded = (texts.flat % 0x110000).astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return [folded[start:stop] for start, stop in zip(texts.starts[:-1], texts.starts[1:], strict=True)]
