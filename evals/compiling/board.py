"""The board of one stage: every candidate that was tried, on which example, and how it did. Each try is made once."""

import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import wait
from dataclasses import dataclass, field
from typing import Any, Protocol

from seedless import background
from seedless.errors import SeedlessError
from seedless.evals.compiling.candidate import Candidate, State
from seedless.evals.metric import Scored

__all__ = ["Board", "Exchange", "Halt", "Standing", "Tried"]

SHRINK = 2.0  # examples that a candidate's gain over the uncompiled program counts for as if there were none
SHOWN = 5  # examples' feedback that a candidate shows


class Halt(BaseException):
    """Ends an optimiser from within, whatever exceptions it swallows; `cause` tells why."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Exchange:
    """What passed between a try and one predictor: its name on the trial, what it was asked, what it answered."""

    name: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate on one example: its score, its exchanges with predictors, and the text that came out with its label (empty for lists)."""

    scored: Scored
    exchanges: tuple[Exchange, ...]
    text: str = ""
    label: str = ""


class Try(Protocol):
    """Runs a candidate on one example. `lm` takes the writer's place where it is given; `shift` makes the call another rollout."""

    def __call__(self, state: State, index: int, lm: Any, shift: int) -> Awaitable[Tried]:
        """The try. It raises what the LM raises."""


@dataclass(slots=True)
class Standing:
    """A candidate and its tries so far, by example."""

    number: int
    state: State
    tries: dict[int, Tried] = field(default_factory=dict)
    calls: int = 0

    @property
    def score(self) -> float:
        """The mean score so far, in [0, 1]; higher is better."""
        return sum(t.scored.score for t in self.tries.values()) / max(1, len(self.tries))


class Board:
    """Tries candidates and remembers them.

    Parameters
    ----------
    stage
        The stage that the candidates are for.
    base
        The state that they start from: the candidate 0 of the compile, or the best so far.
    count
        Examples, numbered from 0.
    run
        Runs a candidate on an example. For the same arguments and LM answers it gives the same.
    spent
        LM requests so far.
    number
        Gives the number of the candidate with a state's key.
    """

    def __init__(
        self, stage: str, base: State, count: int, run: Try, *, spent: Callable[[], int], number: Callable[[str], int]
    ) -> None:
        self.stage = stage
        self.base = base
        self.count = count
        self._run = run
        self._spent = spent
        self._number = number
        self._lock = threading.Lock()
        self._works: dict[tuple[str, int, int, int], background.Work[Tried]] = {}
        self._standings: dict[str, Standing] = {}
        self._halted: Exception | None = None

    def begin(self, state: State, index: int, *, lm: Any = None, shift: int = 0) -> background.Work[Tried]:
        """The try of `state` on an example, begun now unless it was before.

        Raises
        ------
        Halt
            If the stage was halted.
        """
        key = state.key
        with self._lock:
            if self._halted is not None:
                raise Halt(self._halted)
            if key not in self._standings and lm is None and not shift:
                self._standings[key] = Standing(self._number(key), state)
            slot = (key, index, id(lm), shift)
            if slot not in self._works:
                self._works[slot] = background.start(self._try(state, index, lm, shift))
            return self._works[slot]

    def tried(self, state: State, index: int, *, lm: Any = None, shift: int = 0) -> Tried:
        """The try of `state` on an example; waits for it.

        Raises
        ------
        Halt
            If it cannot be made: a budget has ended, the LM cannot be used. Every later try halts as well.
        """
        work = self.begin(state, index, lm=lm, shift=shift)
        try:
            return work.result()
        except Exception as error:  # noqa: BLE001  raised again as a halt, which no optimiser's own handler takes: none may be swallowed
            with self._lock:
                self._halted = self._halted or error
            raise Halt(error) from None  # whoever raises the cause again must not close a circle

    def whole(self, state: State, indices: range | None = None) -> None:
        """Try `state` on every example, side by side.

        Raises
        ------
        Halt
            As `tried`.
        """
        chosen = range(self.count) if indices is None else indices
        for index in chosen:
            self.begin(state, index)
        for index in chosen:
            self.tried(state, index)

    def reopen(self) -> None:
        """Wait for tries under way, forget those that failed, and take new ones."""
        with self._lock:
            works = dict(self._works)
        wait([work.future for work in works.values()])
        with self._lock:
            self._works = {slot: work for slot, work in works.items() if work.future.exception() is None}
            self._halted = None

    def stop(self) -> None:
        """Cancel tries under way and wait until they have let go."""
        with self._lock:
            self._halted = self._halted or SeedlessError("the compile was stopped")
            works = list(self._works.values())
        for work in works:
            if not work.future.done():
                work.stop()

    def ranked(self) -> list[Standing]:
        """Candidates by their gain over the base on the same examples, best first; the base where nothing gains.

        A gain is shrunk by `SHRINK` examples without any, so that one lucky draft does not win.
        """
        with self._lock:
            standings = list(self._standings.values())
        base = self._standings.get(self.base.key)
        if base is None:
            return []

        def gain(standing: Standing) -> float:
            both = [i for i in standing.tries if i in base.tries]
            gains = [standing.tries[i].scored.score - base.tries[i].scored.score for i in both]
            return sum(gains) / (len(gains) + SHRINK)

        return sorted(standings, key=lambda s: (-round(gain(s), 9), s.state.key != self.base.key, s.state.key))

    def standing(self, state: State) -> Standing:
        """What is known of `state`."""
        return self._standings[state.key]

    def candidates(self) -> tuple[Candidate, ...]:
        """Every candidate that has a score, in the order of their numbers."""
        return tuple(
            Candidate(
                s.number,
                self.stage,
                {name: said.instructions for name, said in s.state.said.items()},
                {name: len(said.demos) for name, said in s.state.said.items() if said.demos},
                s.state.phrasing.model_dump(mode="json", exclude_defaults=True),
                round(s.score, 6),
                len(s.tries),
                tuple(tried.scored.feedback for _, tried in sorted(s.tries.items())[:SHOWN]),
                s.calls,
            )
            for s in sorted(self._standings.values(), key=lambda s: s.number)
            if s.tries
        )

    async def _try(self, state: State, index: int, lm: Any, shift: int) -> Tried:
        tried = await self._run(state, index, lm, shift)
        if lm is None and not shift:
            with self._lock:
                standing = self._standings[state.key]
                standing.tries[index] = tried
                standing.calls = self._spent()
        return tried
