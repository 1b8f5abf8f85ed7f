"""The contest of one stage: what its parts may spend, which candidate wins, what random search may show."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seedless.errors import BudgetEnded
from seedless.evals.compiling.board import Board
from seedless.evals.compiling.candidate import State
from seedless.evals.compiling.contest import Contest, Won
from seedless.evals.compiling.search import Space
from seedless.evals.compiling.workshop import GENERATE, REVISE
from tests.evals.compiling.test_board import BASE, Tries, saying

TAUGHT = {"base": 0.5, "0.6": 0.5, "0.7": 0.1, "0.5": 0.9}  # what a classifier taught by a candidate's drafts gives to real labels


class Workshop:
    """Of a task with one real row, `anchor`; a candidate's drafts teach what `TAUGHT` says of its words."""

    def __init__(self, *, anchored: bool) -> None:
        anchor = SimpleNamespace(vectors=np.eye(1), labels=np.array([0])) if anchored else None
        self.metric = SimpleNamespace(anchor=anchor)
        self.task = SimpleNamespace(labels=("warm",))

    def learnt(self, texts: list[str], labels: list[str], trust: list[float]) -> Any:
        (words,) = set(texts)
        return SimpleNamespace(classifier=lambda _: lambda _: np.array([[TAUGHT[words]]]))


class Told(Tries):
    """Tries whose text is the candidate's words."""

    async def __call__(self, state: State, index: int, lm: Any, shift: int) -> Any:
        tried = await super().__call__(state, index, lm, shift)
        tried_text = state.said[GENERATE].instructions
        return type(tried)(tried.scored, tried.exchanges, tried_text, tried.label)

    def examples(self) -> list[int]:
        return [0, 1, 2, 3]


class Purse:
    """Notes the parts of a budget that are begun."""

    ran_out = used_up = False

    def __init__(self) -> None:
        self.parts: list[int] = []

    def spent(self) -> int:
        return 0

    def part(self, steps: int) -> None:
        self.parts.append(steps)


def held(
    monkeypatch: pytest.MonkeyPatch, *proposed: str, anchored: bool = False, tries: Told | None = None, examples: int = 4
) -> tuple[Won, Purse, list[Space]]:
    """How a contest for the writer ends in which random search tries `proposed`; its purse; and what the search was to draw from."""
    numbers: dict[str, int] = {}
    spaces: list[Space] = []
    purse = Purse()

    def search(board: Board, space: Space, share: int, seed: int) -> None:
        spaces.append(space)
        for words in proposed:
            board.whole(saying(words), range(examples))

    monkeypatch.setattr("seedless.evals.compiling.contest.search", search)
    team = SimpleNamespace(profile=SimpleNamespace(sampling={}))
    contest = Contest(
        "write", workshop=Workshop(anchored=anchored), team=team, purse=purse, search=30, finals=12, optimizer="random", seed=0,  # type: ignore[arg-type]  # as much of them as it takes
        number=lambda key: numbers.setdefault(key, len(numbers)),
    )  # fmt: skip
    return contest.run(tries or Told(), BASE), purse, spaces  # type: ignore[arg-type]  # the contest needs no more of them than these have


def test_the_search_and_the_finals_have_a_part_of_the_budget_each(monkeypatch: pytest.MonkeyPatch) -> None:
    assert held(monkeypatch, "0.6")[1].parts == [30, 12]


@pytest.mark.parametrize(
    ("anchored", "proposed", "best"),
    [
        (False, ("0.5", "0.7", "0.6"), "0.7"),
        (True, ("0.7", "0.6"), "0.6"),  # 0.4 + 0.5, 0.7 + 0.1, 0.6 + 0.5
        (True, ("0.7", "0.5"), "0.5"),
        (True, ("0.7",), "base"),
        (False, ("0.405",), "base"),
    ],
)
def test_a_writer_is_chosen_by_its_score_and_by_what_its_drafts_teach(
    anchored: bool, proposed: tuple[str, ...], best: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    TAUGHT["0.405"] = 0.5
    won, *_ = held(monkeypatch, *proposed, anchored=anchored)
    assert won.state.said[GENERATE].instructions == best
    assert (won.note.startswith("the best of")) == (best != "base")


@pytest.mark.parametrize(("last", "tried"), [(3, False), (4, True)])
def test_a_part_that_the_budget_ends_is_told_and_what_was_tried_whole_counts(
    last: int, tried: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the search, before the base was tried on all four examples; or in the finals, before another one was."""

    class Ending(Told):
        async def __call__(self, state: State, index: int, lm: Any, shift: int) -> Any:
            if index == last or (index == 3 and state != BASE):
                raise BudgetEnded("its share is used up")
            return await super().__call__(state, index, lm, shift)

    won, *_ = held(monkeypatch, "0.6", tries=Ending(), examples=3)
    assert (won.state, won.tried) == (BASE, tried)
    assert won.ended == ("write: its share is used up",)


def test_accepted_drafts_of_the_base_are_what_may_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    class Both(Told):
        async def __call__(self, state: State, index: int, lm: Any, shift: int) -> Any:
            tried = await super().__call__(state, index, lm, shift)
            (written,) = tried.exchanges
            scored = type(tried.scored)(tried.scored.score, "", {}, accepted=index != 2)
            revised = type(written)(REVISE, {"seed": "x"}, {"text": "revised"})
            return type(tried)(scored, (written, revised), tried.text, tried.label)

    _, _, (space,) = held(monkeypatch, tries=Both())
    assert [demo["text"] for demo in space.demos] == ["base 0", "base 1", "base 3"]
    assert all(demo["augmented"] and demo["seed"] for demo in space.demos)
