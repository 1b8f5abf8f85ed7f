"""Random search: what it draws fits the task, the same each time, and the best of what it draws is kept to the end."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from seedless.evals.compiling.board import Board, Tried
from seedless.evals.compiling.candidate import Said, State
from seedless.evals.compiling.search import Space, drawn, search
from seedless.evals.compiling.workshop import CONTEXTS, GENERATE, SEEDS
from seedless.evals.metric import Scored
from seedless.taskfile import built_in_tasks, load_task

BASE = State({name: Said("base") for name in (CONTEXTS, SEEDS, GENERATE)})
DEMO = {"constraint": "c", "text": "t", "augmented": True}


@pytest.mark.parametrize("name", [*built_in_tasks(), "rooms"])
@pytest.mark.parametrize("stage", [CONTEXTS, SEEDS, GENERATE])
def test_every_draw_fits_the_task(name: str, stage: str, task: Path) -> None:
    loaded = load_task(task) if name == "rooms" else load_task(name)
    space = Space(loaded, stage, sampled=True, demos=(DEMO,) * 3)
    states = [drawn(space, BASE, random.Random(i)) for i in range(80)]
    for state in states:
        said = state.phrasing.applied(loaded)
        assert said.label_names == loaded.label_names
    assert len({state.key for state in states}) > 15
    assert [drawn(space, BASE, random.Random(i)).key for i in range(80)] == [state.key for state in states]


def test_a_hosted_model_s_sampling_is_left_alone(task: Path) -> None:
    for stage in (CONTEXTS, SEEDS, GENERATE):
        space = Space(load_task(task), stage, sampled=False)
        assert not any(drawn(space, BASE, random.Random(i)).phrasing.sampling for i in range(80))


def test_the_best_wording_survives_and_the_budget_thins_the_others_out(task: Path) -> None:
    made: Counter[str] = Counter()
    loaded = load_task(task)

    async def tries(state: State, index: int, lm: Any, shift: int) -> Tried:
        made[state.key] += 1
        score = 0.9 if "Write one short note" in str(state.phrasing.constraints) else 0.2
        return Tried(Scored(score, "", {}, accepted=True), (), "t", "warm")

    def number(key: str) -> int:
        return 0

    board = Board("write", BASE, 12, tries, spent=lambda: made.total(), number=number)
    search(board, Space(loaded, GENERATE, sampled=False), 120, 0)
    best = board.ranked()[0]
    assert best.score == pytest.approx(0.9)
    assert len(best.tries) == 12
    assert 20 < len(made) <= 21
    assert made.total() < 12 * len(made) * 0.6
