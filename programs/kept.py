"""The rows kept so far, as far as a new draft must differ from them."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Indel
from rapidfuzz.process import extract

from seedless.text import normalized, run_of, tokens, words

__all__ = ["OPENING", "Kept"]

OPENING = 3  # words with which a text begins
UNHEARD = chr(0x10FFFF)  # a token that no kept text holds
Nth = tuple[str, int]  # a token, and which of its occurrences in a text it is


class Kept:
    """An index of accepted texts: exact repeats and the nearest one by ROUGE-L, over words and signs (`tokens`).

    ROUGE-L's F1 of two token sequences a, b is 2·LCS(a, b) / (|a| + |b|) (Lin 2004), in [0, 1], higher is more alike. A score of t needs
    t · (|a| + |b|) / 2 words in common, in whatever order: only texts with that many are compared, and none is missed.
    """

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}
        self._signs: list[str] = []  # what is compared of each text, with one character a token: rapidfuzz compares strings fastest
        self._whole: list[str] = []  # each text likewise, with what is given in it
        self._lengths = array("i")
        self._holding: defaultdict[Nth, array[int]] = defaultdict(lambda: array("i"))  # the numbers of the texts that hold it
        self._sign_of: dict[str, str] = {}
        self._openings: Counter[tuple[str, ...]] = Counter()

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, text: str, label: str, *, compared: str | None = None) -> None:
        """Keep `text` under `label`. Others are compared with `compared`, where only a part of the text is a row's own."""
        said = tokens(text)
        own = said if compared is None or compared == text else tokens(compared)
        for word in (*said, *own):
            self._sign_of.setdefault(word, chr(len(self._sign_of) % ord(UNHEARD)))
        self._whole.append(self._signed(said))
        self._labels[normalized(text)] = label
        for nth in _numbered(own):
            self._holding[nth].append(len(self._signs))
        self._signs.append(self._signed(own))
        self._lengths.append(len(own))
        self._openings[_opening(text if compared is None else compared)] += 1

    def opened_so(self, text: str) -> int:
        """Kept texts whose first three words (`run_of`) are those of `text`; none where it has no word."""
        return self._openings[opening] if (opening := _opening(text)) else 0

    def label_of(self, text: str) -> str | None:
        """The label under which the same text (`normalized`) is kept already; None where it is new."""
        return self._labels.get(normalized(text))

    def similarity(self, text: str, threshold: float, *, whole: str | None = None, short: int = 0) -> float:
        """ROUGE-L F1 to the nearest kept text, in [0, 1]; 0.0 where none reaches `threshold`.

        Of two texts with fewer than `short` tokens on average more is asked: what is reached rises evenly from the threshold to 1 for none.

        Where `text` says too little by itself, `whole` is the text that it is a part of, and a kept one is as near as the farther of both.
        """
        said = tokens(text)
        holding = [np.frombuffer(self._holding[nth], np.int32) for nth in _numbered(said) if nth in self._holding]
        if not holding:
            return 0.0
        shared = np.bincount(np.concatenate(holding), minlength=len(self._signs))
        lengths = np.frombuffer(self._lengths, np.int32) + len(said)
        near = np.flatnonzero(shared >= lengths * (_reached(threshold, lengths, short) / 2) - 1e-6)
        scores = self._scores(self._signed(said), {i: self._signs[i] for i in near.tolist()}, threshold, short)
        if whole is not None:
            around = self._scores(self._signed(tokens(whole)), {i: self._whole[i] for i in scores}, threshold, short)
            scores = {i: min(score, scores[i]) for i, score in around.items()}
        return round(max(scores.values(), default=0.0), 9)

    @staticmethod
    def _scores(signs: str, kept: Mapping[int, str], threshold: float, short: int) -> dict[int, float]:
        """The scores of those of `kept` that reach `threshold`, by their numbers."""
        found = extract(signs, kept, scorer=_rouge_l, processor=None, score_cutoff=threshold - 1e-6, limit=None)
        lengths = np.array([len(signs) + len(other) for other, _, _ in found])
        bars = _reached(threshold, lengths, short).tolist()
        return {number: float(score) for (_, score, number), bar in zip(found, bars, strict=True) if score >= bar - 1e-6}

    def _signed(self, said: Sequence[str]) -> str:
        return "".join(self._sign_of.get(word, UNHEARD) for word in said)


_rouge_l = Indel.normalized_similarity  # 1 - indel / (|a| + |b|) = 2·LCS / (|a| + |b|)


def _reached(threshold: float, lengths: NDArray[np.signedinteger[Any]], short: int) -> NDArray[np.float64]:
    """What two texts must reach, by the sum of their lengths."""
    lacking = np.clip(1 - lengths / (2 * short), 0, None) if short else np.zeros(len(lengths))
    return np.asarray(threshold + (1 - threshold) * lacking)


def _opening(text: str) -> tuple[str, ...]:
    return tuple(words(text)[: run_of(OPENING, text)])


def _numbered(said: Sequence[str]) -> Iterator[Nth]:
    """Each word with its number among its like: the second "the" of a text is another word than the first."""
    met: Counter[str] = Counter()
    for word in said:
        yield word, met[word]
        met[word] += 1
