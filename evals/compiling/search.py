"""Random search over what a program may say otherwise than its task: wordings, styles, sampling, demonstrations. No LM proposes.

Candidates are drawn from a seeded generator and thinned out by successive halving (Jamieson and Talwalkar, arXiv 1502.07943): all are
tried on a few examples, the better half on more, and so on. It is what serves a writer too small to reflect.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedless.errors import UsageError
from seedless.evals.compiling.anchor import Anchor
from seedless.evals.compiling.board import Board
from seedless.evals.compiling.candidate import Said, State
from seedless.evals.compiling.workshop import CONTEXTS, GENERATE
from seedless.phrasing import Phrasing
from seedless.task import MOST_SAID, Task, places

__all__ = ["Space", "drawn", "search"]

STYLES: tuple[tuple[str, ...], ...] = (
    ("in plain words", "with an unusual choice of words"),
    ("with a concrete detail", "with a name or a number in it"),
    ("in a few words", "at some length"),
    ("casually", "formally"),
    ("as an expert would", "as a beginner would"),
    ("in plain words", "in a few words", "with a concrete detail", "casually"),
)
TEMPERATURES = (0.5, 0.7, 0.85, 1.0, 1.2)
MIN_PS = (0.03, 0.05, 0.1, 0.15)
HINTS = ("{hint}", "well-known {hint}", "common and rare {hint}", "very different {hint}", "{hint} in everyday life")


@dataclass(frozen=True, slots=True)
class Space:
    """From what candidates of a stage are drawn.

    `sampled` tells whether the writer's sampling may change: a hosted model may refuse settings. `demos` are rows that the writer may be
    shown as demonstrations. With an `anchor`, lengths are drawn from the real rows' own.
    """

    task: Task
    stage: str
    sampled: bool
    demos: Sequence[Mapping[str, Any]] = ()
    anchor: Anchor | None = None


def search(board: Board, space: Space, tries: int, seed: int) -> None:
    """Draw candidates and try them until they are thinned out to the best; `tries` of one candidate on one example, about.

    Raises
    ------
    Halt
        If a budget has ended, or the LM cannot be used. What was tried is on the board.
    """
    rng = random.Random(f"{seed}/search/{space.stage}")
    board.whole(board.base)
    size = max(2, min(64, 2 * tries // max(1, board.count)))
    left: list[State] = []
    for _ in range(20 * size):
        state = drawn(space, board.base, rng)
        if len(left) < size and state.key != board.base.key and all(state.key != other.key for other in left):
            left.append(state)
    upto = max(2, board.count // 4)
    while left:
        examples = range(min(upto, board.count))
        for state in left:
            for index in examples:
                board.begin(state, index)
        for state in left:
            board.whole(state, examples)
        if len(examples) == board.count:
            return
        keys = [standing.state.key for standing in board.ranked()]
        left = sorted(left, key=lambda state: keys.index(state.key))[: max(1, (len(left) + 1) // 2)]
        upto *= 2


def drawn(space: Space, base: State, rng: random.Random) -> State:
    """One candidate: `base` with some things said otherwise. It always fits the task."""
    if space.stage == GENERATE:
        return _written(space, base, rng)
    name = "contexts" if space.stage == CONTEXTS else "seeds"
    hint = space.task.contexts.hint if name == "contexts" else space.task.seeds.hint
    changes: dict[str, Any] = {}
    if (said := rng.choice(HINTS).replace("{hint}", hint)) != hint:
        changes[f"{name}_hint"] = said
    if space.sampled and rng.random() < 0.7:
        changes["sampling"] = {name: {"temperature": rng.choice(TEMPERATURES), "min_p": rng.choice(MIN_PS)}}
    return State(base.said, _changed(base.phrasing, changes))


def _written(space: Space, base: State, rng: random.Random) -> State:
    changes: dict[str, Any] = {}
    if rng.random() < 0.6:
        changes["constraints"] = rng.choice(_wordings(space.task))
    if rng.random() < 0.5:
        changes["styles"] = rng.choice(_styles(space))
    if any(label.openings for label in space.task.labels) and rng.random() < 0.25:
        changes["openings"] = False
    if (bounds := _bounds(space)) is not None and rng.random() < 0.5:
        changes["words"] = bounds
    if space.sampled and rng.random() < 0.7:
        changes["sampling"] = {"write": {"temperature": rng.choice(TEMPERATURES), "min_p": rng.choice(MIN_PS)}}
    try:
        phrasing = _changed(base.phrasing, changes)
        phrasing.applied(space.task)
    except UsageError:  # a description with braces of its own makes no wording
        phrasing = base.phrasing
    state = State(base.said, phrasing)
    if space.demos and rng.random() < 0.4:
        shown = rng.sample(list(space.demos), min(rng.choice((2, 4)), len(space.demos)))
        state = state.saying(GENERATE, Said(base.said[GENERATE].instructions, tuple(shown)))
    return state


def _wordings(task: Task) -> list[dict[str, str]]:
    """Other words for all of a task's constraints, a manner each. Places stay what they are."""
    what = " and ".join(field.description for field in task.written_fields)
    found = [
        {label.name: f"{label.constraint} {label.meaning}" for label in task.labels},
        {label.name: f"{label.meaning} {label.constraint}" for label in task.labels},
        {label.name: f"{label.constraint} Use concrete details." for label in task.labels},
        {label.name: f"{label.constraint} Write it as a real person would." for label in task.labels},
    ]
    if all(set(places(label.constraint)) <= {"context", "seed"} for label in task.labels):
        mention = any("{seed}" in label.constraint for label in task.labels)
        about = " about {context}" + (" and {seed}" if mention else "")
        found += [
            {label.name: f"Write {what}{about}. {label.meaning}" for label in task.labels},
            {label.name: f"{label.meaning} Write {what} of this kind{about}." for label in task.labels},
        ]
    return [{name: " ".join(text.split())[:MOST_SAID] for name, text in wording.items()} for wording in found]


def _styles(space: Space) -> list[tuple[str, ...]]:
    """Sets of phrases, of which one set is dealt; the real rows' lengths make one of their own."""
    found = list(STYLES)
    if space.anchor is not None:
        least, most = space.anchor.bounds()
        if 0 < least < most:
            found += [(f"in about {least} words", f"in about {(least + most) // 2} words", f"in about {most} words")] * 2
    return found


def _bounds(space: Space) -> dict[str, tuple[int, int]] | None:
    """The real rows' lengths as bounds of the one written field, within the task's own; None where there is no saying."""
    (field, *others) = space.task.written_fields
    if space.anchor is None or others or len(space.task.fields) > 1:
        return None
    least, most = space.anchor.bounds()
    least, most = max(field.min_words, least), min(field.max_words, most)
    return {field.name: (least, most)} if least < most and (least, most) != (field.min_words, field.max_words) else None


def _changed(phrasing: Phrasing, changes: Mapping[str, Any]) -> Phrasing:
    said = phrasing.model_dump()
    sampling = {**said["sampling"], **changes.get("sampling", {})}
    return Phrasing.model_validate({**said, **changes, "sampling": sampling})
