"""Who gets what: exact quotas of labels and attributes, allotted by code before anything is generated."""

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from seedless.task import Task

__all__ = ["Allotment", "Plan", "quotas"]

T = TypeVar("T")

SHARING = 5  # labels at least that use the same contexts, if there are as many


def quotas(weights: Mapping[str, float], n: int) -> dict[str, int]:
    """`n` units dealt out by weight, exactly: the sum is `n`, each share within one of its due (largest remainder).

    >>> quotas({"a": 1, "b": 1, "c": 1}, 10)
    {'a': 4, 'b': 3, 'c': 3}
    """
    total = sum(weights.values())
    due = {name: n * weight / total for name, weight in weights.items()}
    dealt = {name: math.floor(share) for name, share in due.items()}
    left = n - sum(dealt.values())
    for name in sorted(due, key=lambda name: dealt[name] - due[name])[:left]:
        dealt[name] += 1
    return dealt


@dataclass(frozen=True, slots=True)
class Allotment:
    """What the position `position` of the data set must become: a label, and a value of each attribute.

    `ordinal` counts the positions of the same label before it.
    """

    position: int
    ordinal: int
    label: str
    attributes: Mapping[str, str]


class Plan:
    """The whole data set before it is written. The same task, n and seed give the same plan.

    Labels are dealt in turn, so that every prefix of the data set is as balanced as it can be; attribute values are dealt
    within each label, and those of one attribute within each combination of those before it, so that they tell nothing about the label or
    each other.
    """

    def __init__(self, task: Task, n: int, seed: int) -> None:
        self.task = task
        self.n = n
        self.seed = seed
        self.per_label = quotas({label.name: label.share for label in task.labels}, n)
        self._number = {label: number for number, label in enumerate(label for label, count in self.per_label.items() if count)}
        rng = random.Random(f"{seed}/plan")
        labels = _spread(self.per_label, rng)
        dealt = {label: _spread(cells, rng) for label, cells in self._combinations(rng).items()}
        seen = dict.fromkeys(self.per_label, 0)
        allotted: list[Allotment] = []
        for position, label in enumerate(labels):
            values = dict(zip((a.name for a in task.attributes), dealt[label][seen[label]], strict=True))
            allotted.append(Allotment(position, seen[label], label, values))
            seen[label] += 1
        self.allotments: Sequence[Allotment] = tuple(allotted)

    def _combinations(self, rng: random.Random) -> Mapping[str, Mapping[tuple[str, ...], int]]:
        """How many rows of each label have which values of all attributes, in their order."""
        combined: dict[str, dict[tuple[str, ...], int]] = {
            label: {(): count} if count else {} for label, count in self.per_label.items()
        }
        for attribute in self.task.attributes:
            shares = _shares(attribute.values, self.per_label, rng)
            for label, cells in combined.items():
                combined[label] = _split(cells, shares[label], rng)
        return combined

    @property
    def context_count(self) -> int:
        """Contexts to ask for: the square root of n, from 6 to 60."""
        return max(6, min(60, math.isqrt(self.n)))

    def rollout(self, what: str, *numbers: int) -> int:
        """A 63-bit number that makes one LM call the run's own; multiples of 4096 apart, so that a slot's calls have room."""
        digest = hashlib.sha256(f"{self.seed}/{what}/{'/'.join(map(str, numbers))}".encode()).digest()
        return (int.from_bytes(digest[:8], "big") & 0x7FFFFFFFFFFFFFFF) >> 12 << 12

    def seeds_per_context(self, contexts: int) -> int:
        """Seeds to ask for in each of `contexts` contexts: as many as a label takes there at the first round, from 4 to 40."""
        return max(4, min(40, math.ceil(max(self.per_label.values()) / contexts)))

    def context(self, allotment: Allotment, round_: int, available: int) -> int:
        """Index of a slot's context: each label goes through all `available` ones in turn; drawn after a refusal.

        All labels begin with the same one, so that they share those that they use. Labels too many for that, with fewer rows each than there
        are contexts, begin in groups, each group where the one before ends.
        """
        if round_ > 0:
            return random.Random(f"{self.seed}/context/{allotment.position}/{round_}").randrange(available)
        turn, place = divmod(self._turn(allotment, available), available)
        order = list(range(available))
        random.Random(f"{self.seed}/contexts/{turn}").shuffle(order)
        return order[place]

    def instance_seed(self, allotment: Allotment, round_: int, context: int, contexts: int, available: int) -> int:
        """Index of a slot's seed among its context's `available` ones: in turn, the same turn for every label; drawn after a refusal.

        Labels share seeds, so that what a text is about tells nothing of its label. Each context begins at a place of its own.
        """
        if round_ > 0:
            return random.Random(f"{self.seed}/seed/{allotment.position}/{round_}").randrange(available)
        first = random.Random(f"{self.seed}/seeds/{context}").randrange(available)
        return (first + self._turn(allotment, contexts) // contexts) % available

    def _turn(self, allotment: Allotment, contexts: int) -> int:
        """The slot's place in the succession of all contexts, again and again, that its label goes through."""
        labels = len(self._number)
        rows = self.n // labels
        groups = max(1, min(math.ceil(contexts / rows), labels // SHARING))
        return allotment.ordinal + self._number[allotment.label] * groups // labels * rows


def _shares(weights: Mapping[str, float], counts: Mapping[str, int], rng: random.Random) -> Mapping[str, Mapping[str, int]]:
    """Each name's count dealt out by weight, exactly, each share within one of its due; what rounding owes a value is made good at the next names."""
    total = sum(weights.values())
    owed = dict.fromkeys(weights, 0.0)
    shares = {}
    for name, count in counts.items():
        due = {value: count * weight / total for value, weight in weights.items()}
        dealt = {value: math.floor(share) for value, share in due.items()}
        order = sorted(
            (owed[value] + due[value] - dealt[value], rng.random(), value) for value in weights if due[value] > dealt[value]
        )
        left = count - sum(dealt.values())
        for _, _, value in order[len(order) - left :]:
            dealt[value] += 1
        for value in weights:
            owed[value] += due[value] - dealt[value]
        shares[name] = dealt
    return shares


def _split(cells: Mapping[tuple[str, ...], int], share: Mapping[str, int], rng: random.Random) -> dict[tuple[str, ...], int]:
    """The cells parted by a further attribute, of whose values `share` gives the counts over all of them; ties fall at random."""
    left, parted = dict(share), {}
    for cell in rng.sample(list(cells), len(cells)):
        drawn = quotas({value: left[value] for value in rng.sample(list(left), len(left))}, cells[cell])
        for value, count in drawn.items():
            left[value] -= count
            parted[*cell, value] = count
    return {cell: count for cell, count in parted.items() if count}


def _spread(counts: Mapping[T, int], rng: random.Random) -> list[T]:
    """Each name as often as its count, evenly spread, ties in random order."""
    places: list[tuple[float, float, T]] = []
    for name, count in counts.items():
        offset = rng.random()
        places += [((i + offset) / count, rng.random(), name) for i in range(count)]
    return [name for _, _, name in sorted(places, key=lambda place: place[:2])]
