"""Who gets what: exact quotas of labels and attributes, allotted by code before anything is generated."""

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seedless.task import Task

__all__ = ["Allotment", "Plan", "quotas"]


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
    within each label, so that they tell nothing about it.
    """

    def __init__(self, task: Task, n: int, seed: int) -> None:
        self.task = task
        self.n = n
        self.seed = seed
        self.per_label = quotas({label.name: label.share for label in task.labels}, n)
        rng = random.Random(f"{seed}/plan")
        labels = _spread(self.per_label, rng)
        dealt: dict[tuple[str, str], list[str]] = {}
        for attribute in task.attributes:
            for label, count in self.per_label.items():
                dealt[label, attribute.name] = _spread(quotas(attribute.values, count), rng)
        seen = dict.fromkeys(self.per_label, 0)
        allotted: list[Allotment] = []
        for position, label in enumerate(labels):
            values = {a.name: dealt[label, a.name][seen[label]] for a in task.attributes}
            allotted.append(Allotment(position, seen[label], label, values))
            seen[label] += 1
        self.allotments: Sequence[Allotment] = tuple(allotted)

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
        """Index of a slot's context: each label goes through all `available` ones in turn; drawn after a refusal."""
        if round_ > 0:
            return random.Random(f"{self.seed}/context/{allotment.position}/{round_}").randrange(available)
        turn, place = divmod(allotment.ordinal, available)
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
        return (first + allotment.ordinal // contexts) % available


def _spread(counts: Mapping[str, int], rng: random.Random) -> list[str]:
    """Each name as often as its count, evenly spread, ties in random order."""
    places: list[tuple[float, float, str]] = []
    for name, count in counts.items():
        offset = rng.random()
        places += [((i + offset) / count, rng.random(), name) for i in range(count)]
    return [name for _, _, name in sorted(places)]
