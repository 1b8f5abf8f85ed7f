"""Texts as numbered words in one flat array, so that the n-grams of 50,000 rows are counted and compared in one go."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from seedless.text import tokens

__all__ = ["Numbered", "Vocabulary", "joined"]

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

FACTOR = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
INVERSE = pow(FACTOR, -1, 1 << 64)


class _Numbers(dict[str, int]):
    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


class Vocabulary:
    """Numbers words as they come. Only texts that the same one numbered can be compared."""

    def __init__(self) -> None:
        self._numbers = _Numbers()

    def __len__(self) -> int:
        return len(self._numbers)

    def numbers(self, known: Iterable[str]) -> list[int]:
        """The numbers of those of the words that have one."""
        return [self._numbers[word] for word in known if word in self._numbers]

    @property
    def words(self) -> tuple[str, ...]:
        """The words, in the order of their numbers."""
        return tuple(self._numbers)

    def number(self, texts: Iterable[str]) -> "Numbered":
        """The words of `texts`, and the signs that tell them apart (`seedless.text.tokens`); new ones get a number."""
        number = self._numbers.__getitem__
        return _numbered([list(map(number, tokens(text))) for text in texts])

    def known(self, texts: Iterable[str]) -> "Numbered":
        """The words of `texts`, where every word without a number has the same one, which is no known word's."""
        numbers, unknown = self._numbers, len(self._numbers)
        return _numbered([[numbers.get(word, unknown) for word in tokens(text)] for text in texts])


@dataclass(frozen=True)
class Numbered:
    """Texts as numbers of words. Text i is `flat[starts[i]:starts[i + 1]]`; `len(starts)` is the number of texts and one."""

    flat: Places
    starts: Places

    def __len__(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def lengths(self) -> Places:
        """Words of each text, shape (texts,)."""
        return np.diff(self.starts)

    @cached_property
    def owners(self) -> Places:
        """The text of each word, shape (words,)."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.lengths)

    def take(self, places: Places) -> "Numbered":
        """The texts at `places`, in that order."""
        lengths = self.lengths[places]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
        return Numbered(self.flat[np.repeat(self.starts[places], lengths) + within], starts)

    def ngrams(self, n: int) -> tuple[Hashes, Places]:
        """Hashes (64 bits) of all runs of `n` words within one text, and the text of each; both of shape (runs,)."""
        begins = np.arange(len(self.flat), dtype=np.int64)
        begins = begins[begins + n <= self.starts[1:][self.owners]]
        return self._hashes(begins, np.full(len(begins), n, dtype=np.int64)), self.owners[begins]

    def whole(self) -> Hashes:
        """A hash (64 bits) of each text's words, shape (texts,): equal for those that are the same (`seedless.text.normalized`)."""
        return self._hashes(self.starts[:-1], self.lengths)

    def _hashes(self, begins: Places, counts: Places) -> Hashes:
        # sum of word[i]·FACTOR^i over the run, then divided by FACTOR^begin: the same words hash alike wherever they stand
        found: Hashes = (self._sums[begins + counts] - self._sums[begins]) * self._undo[begins]
        return found

    @cached_property
    def _sums(self) -> Hashes:
        powers = np.cumprod(np.full(len(self.flat), FACTOR, dtype=np.uint64), dtype=np.uint64)
        return np.concatenate([np.zeros(1, np.uint64), np.cumsum(_scattered(self.flat) * powers, dtype=np.uint64)])

    @cached_property
    def _undo(self) -> Hashes:
        return np.cumprod(np.full(len(self.flat) + 1, INVERSE, dtype=np.uint64), dtype=np.uint64)


def joined(parts: Sequence[Numbered]) -> Numbered:
    """All texts of `parts`, at least one, in order."""
    ends = np.cumsum([0, *(len(part.flat) for part in parts)])
    starts = [part.starts[1:] + end for part, end in zip(parts, ends, strict=False)]
    return Numbered(np.concatenate([part.flat for part in parts]), np.concatenate([ends[:1], *starts]))


def _numbered(texts: list[list[int]]) -> Numbered:
    starts = np.zeros(len(texts) + 1, dtype=np.int64)
    starts[1:] = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return Numbered(np.fromiter(chain.from_iterable(texts), dtype=np.int64, count=int(starts[-1])), starts)


def _scattered(numbers: Places) -> Hashes:
    """Small numbers as 64 mixed bits (the finaliser of SplitMix64), so that sums of them do not meet by accident."""
    mixed = numbers.astype(np.uint64) + np.uint64(FACTOR)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
