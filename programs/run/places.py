"""Positions of the plan that nobody works on, in the order in which they are to be tried."""

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping

from seedless.planner import Allotment

__all__ = ["Due", "Open", "due_of"]

Due = tuple[str, tuple[tuple[str, str], ...]]  # a label, and attributes by name


def due_of(label: str, attributes: Mapping[str, str]) -> Due:
    """What is due at a position, whatever the order in which its attributes are named."""
    return label, tuple(sorted(attributes.items()))


class Open:
    """Positions that nobody works on, in the order in which they are to be tried, and by what is due there."""

    def __init__(self, allotments: Iterable[Allotment]) -> None:
        self._order = deque[int]()
        self._at: dict[int, Allotment] = {}
        # Heaps of negated positions. What is no longer so is dropped when it is met.
        self._by_due: defaultdict[Due, list[int]] = defaultdict(list)
        for allotment in allotments:
            self.append(allotment)

    def __len__(self) -> int:
        return len(self._order)

    def append(self, allotment: Allotment) -> None:
        """Try `allotment` behind all others."""
        self._order.append(allotment.position)
        self.change(allotment)

    def change(self, allotment: Allotment) -> None:
        """Let something else be due at an open position."""
        self._at[allotment.position] = allotment
        heapq.heappush(self._by_due[due_of(allotment.label, allotment.attributes)], -allotment.position)

    def popleft(self) -> Allotment:
        """Take the one that is to be tried next."""
        return self._at.pop(self._order.popleft())

    def last(self, due: Due) -> Allotment | None:
        """The last position of the plan at which `due` is; None where it is at none that is open."""
        positions = self._by_due[due]
        while positions:
            allotment = self._at.get(-positions[0])
            if allotment is not None and due_of(allotment.label, allotment.attributes) == due:
                return allotment
            heapq.heappop(positions)
        return None
