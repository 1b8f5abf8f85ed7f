"""The rows kept so far, as far as a new draft must differ from them."""

import zlib
from collections import Counter

import numpy as np
from rapidfuzz.distance import Indel
from rapidfuzz.process import extractOne

from seedless.text import run_of, words

__all__ = ["OPENING", "Kept"]

OPENING = 3  # words with which a text begins


class Kept:
    """An index of accepted texts: exact repeats and the nearest one by ROUGE-L.

    ROUGE-L's F1 of two token sequences a, b is 2·LCS(a, b) / (|a| + |b|) (Lin 2004), in [0, 1], higher is more alike. Texts are
    kept as 32-bit word hashes, and only those whose length allows the threshold are compared: a score of t needs the shorter
    to have at least t / (2 - t) of the longer one's words.
    """

    def __init__(self) -> None:
        self._labels: dict[tuple[int, ...], str] = {}
        self._by_length: dict[int, list[tuple[int, ...]]] = {}
        self._openings: Counter[tuple[str, ...]] = Counter()

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, text: str, label: str, *, compared: str | None = None) -> None:
        """Keep `text` under `label`. Others are compared with `compared`, where only a part of the text is a row's own."""
        self._labels[_hashes(text)] = label
        key = _hashes(text if compared is None else compared)
        self._by_length.setdefault(len(key), []).append(key)
        self._openings[_opening(text if compared is None else compared)] += 1

    def opened_so(self, text: str) -> int:
        """Kept texts whose first three words (`run_of`) are those of `text`."""
        return self._openings[_opening(text)]

    def label_of(self, text: str) -> str | None:
        """The label under which the same words are kept already; None where they are new."""
        return self._labels.get(_hashes(text))

    def similarity(self, text: str, threshold: float) -> float:
        """ROUGE-L F1 to the nearest kept text, in [0, 1]; 0.0 where none reaches `threshold`."""
        key = _hashes(text)
        if not key:
            return 0.0
        shortest, longest = len(key) * threshold / (2 - threshold), len(key) * (2 - threshold) / threshold
        best = 0.0
        for length in range(int(np.ceil(shortest - 1e-9)), int(longest + 1e-9) + 1):
            found = extractOne(
                key, self._by_length.get(length, ()), scorer=_rouge_l, processor=None, score_cutoff=max(threshold - 1e-6, best)
            )
            if found is not None:
                best = max(best, float(found[1]))
        return round(best, 9)


_rouge_l = Indel.normalized_similarity  # 1 - indel / (|a| + |b|) = 2·LCS / (|a| + |b|)


def _opening(text: str) -> tuple[str, ...]:
    return tuple(words(text)[: run_of(OPENING, text)])


def _hashes(text: str) -> tuple[int, ...]:
    return tuple(zlib.crc32(word.encode()) for word in words(text))
