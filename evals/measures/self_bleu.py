"""Self-BLEU: how much each text repeats of the others (Zhu et al. 2018, Texygen)."""

from collections import Counter
from collections.abc import Sequence
from math import exp, log

__all__ = ["self_bleu"]

ORDER = 4
FLOOR = 0.1  # what an order without a match counts for, as in the first smoothing of Chen and Cherry (2014)

Gram = tuple[str, ...]


def self_bleu(texts: Sequence[Sequence[str]]) -> float:
    """Mean BLEU-4 of each text (a sequence of words) against all the others as references, in [0, 1]; lower is more diverse.

    A text shorter than four words is scored on the orders that it has. The references of all texts are counted once: the most that
    any other text has of an n-gram is the highest count, or the second highest where the text itself has the highest.

    Raises
    ------
    ValueError
        If there are fewer than two texts.

    Examples
    --------
    >>> self_bleu([["a", "b", "c", "d"], ["a", "b", "c", "d"]])
    1.0
    """
    if len(texts) < 2:
        raise ValueError(f"given {len(texts)} texts, Self-BLEU compares at least 2; give more")
    counts = [[Counter(_grams(text, n)) for n in range(1, ORDER + 1)] for text in texts]
    highest: dict[Gram, int] = {}
    second: dict[Gram, int] = {}
    for orders in counts:
        for grams in orders:
            for gram, count in grams.items():
                top = highest.get(gram, 0)
                highest[gram], second[gram] = max(top, count), max(second.get(gram, 0), min(top, count))
    lengths = Counter(len(text) for text in texts)
    return sum(_bleu(orders, highest, second, lengths) for orders in counts) / len(texts)


def _bleu(orders: Sequence[Counter[Gram]], highest: dict[Gram, int], second: dict[Gram, int], lengths: Counter[int]) -> float:
    """BLEU of one text, given as the counts of its n-grams."""
    length = orders[0].total()
    if length == 0:
        return 0.0
    logs: list[float] = []
    for grams in orders[:length]:
        matched = 0
        for gram, count in grams.items():
            other = second[gram] if highest[gram] == count else highest[gram]
            matched += min(count, other)
        if not matched and not logs:
            return 0.0  # no word in common with any other text
        logs.append(log((matched or FLOOR) / grams.total()))
    others = [other for other, rows in lengths.items() if other != length or rows > 1]
    closest = min(others, key=lambda other: (abs(other - length), other))
    return exp(sum(logs) / len(logs) + min(0.0, 1 - closest / length))


def _grams(text: Sequence[str], n: int) -> list[Gram]:
    return list(zip(*(text[i:] for i in range(n)), strict=False))
