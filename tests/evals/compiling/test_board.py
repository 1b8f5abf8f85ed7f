"""The board and the trial: each try is made once, failures halt, and the best candidate is the one with the surest gain."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import dspy
import pytest

from seedless import TarGEN
from seedless.errors import BudgetEnded
from seedless.evals.compiling.board import Board, Exchange, Halt, Tried
from seedless.evals.compiling.candidate import Said, State
from seedless.evals.compiling.trial import of_constraints, of_predictor
from seedless.evals.compiling.workshop import GENERATE
from seedless.evals.metric import Scored
from seedless.testing import fake_lm
from tests.openai_server import Author

BASE = State({GENERATE: Said("base")})


class Tries:
    """Scores a candidate by what its instruction says: `0.5 0.9` is 0.5 on the first example and 0.9 on the others."""

    def __init__(self) -> None:
        self.made: Counter[tuple[str, int, bool, int]] = Counter()
        self.ended_at: int | None = None

    async def __call__(self, state: State, index: int, lm: Any, shift: int) -> Tried:
        await asyncio.sleep(0.01)
        said = state.said[GENERATE].instructions
        self.made[said, index, lm is not None, shift] += 1
        if self.ended_at is not None and index >= self.ended_at and said != "base":
            raise BudgetEnded("no more")
        figures = [float(word) for word in said.split() if word.replace(".", "").isdigit()] or [0.4]
        score = figures[min(index, len(figures) - 1)]
        exchange = Exchange(GENERATE, {"seed": f"s{index}"}, {"text": f"{said} {index}"})
        return Tried(Scored(score, f"scored {score}", {}, accepted=score > 0.5), (exchange,), "t", "warm")


def board(tries: Tries, count: int = 4) -> Board:
    numbers: dict[str, int] = {}
    return Board(
        "write",
        BASE,
        count,
        tries,
        spent=lambda: sum(tries.made.values()),
        number=lambda key: numbers.setdefault(key, len(numbers)),
    )


def saying(words: str) -> State:
    return BASE.saying(GENERATE, Said(words))


def test_each_try_is_made_once_however_often_it_is_asked_for() -> None:
    tries = Tries()
    own = board(tries)
    for _ in range(3):
        own.whole(BASE)
        own.tried(saying("0.7"), 2)
    assert set(tries.made.values()) == {1}
    assert len(tries.made) == 5
    assert own.tried(saying("0.7"), 2, shift=1) is not own.tried(saying("0.7"), 2)
    assert own.standing(saying("0.7")).score == 0.7
    assert len(own.standing(saying("0.7")).tries) == 1  # another rollout is no part of the candidate's score


def test_the_best_is_the_surest_gain_on_the_same_examples() -> None:
    tries = Tries()
    own = board(tries)
    own.whole(BASE)
    own.whole(saying("0.8"))
    own.tried(saying("0.95"), 0)  # more on one example, but on one only
    own.whole(saying("0.3"))
    assert [standing.state.said[GENERATE].instructions for standing in own.ranked()] == ["0.8", "0.95", "base", "0.3"]
    candidates = own.candidates()
    assert [(c.number, c.score, c.scored) for c in candidates] == [(0, 0.4, 4), (1, 0.8, 4), (2, 0.95, 1), (3, 0.3, 4)]
    assert candidates[1].instructions == {GENERATE: "0.8"}
    assert candidates[1].feedback == ("scored 0.8",) * 4
    assert candidates[3].calls == 13


def test_a_budget_that_ends_halts_and_what_was_tried_stays() -> None:
    tries = Tries()
    tries.ended_at = 2
    own = board(tries)
    own.whole(BASE)
    with pytest.raises(Halt, match="no more"):
        own.whole(saying("0.9"))
    with pytest.raises(Halt):
        own.tried(saying("0.8"), 0)  # nothing more, whoever asks
    own.reopen()
    assert sorted(own.standing(saying("0.9")).tries) == [0, 1]
    tries.ended_at = None
    own.whole(saying("0.9"))
    assert len(own.standing(saying("0.9")).tries) == 4
    assert tries.made["0.9", 0, False, 0] == 1


def test_a_stopped_board_takes_no_more() -> None:
    own = board(Tries())
    work = own.begin(BASE, 0)
    own.stop()
    assert work.future.done()
    with pytest.raises(Halt):
        own.tried(BASE, 1)


def test_an_optimiser_sees_predictors_scores_feedback_and_traces(task: Path) -> None:
    tries, lm = Tries(), fake_lm(Author())
    own = board(tries)
    predictor = TarGEN(task, lm=lm).write_instance.write.generate
    trial = of_predictor(own, lm.identity, GENERATE, predictor)
    assert [name for name, _ in trial.named_predictors()] == [f"asks['{GENERATE}']"]
    copy = trial.deepcopy()
    ((_, changed),) = copy.named_predictors()
    changed.signature = changed.signature.with_instructions("0.9")
    with dspy.context(lm=lm, trace=[]):
        made = copy(index=1)
        ((traced, inputs, outputs),) = dspy.settings.trace
    assert (made.score, made.feedback, made.accepted, made.text) == (0.9, "scored 0.9", True, "0.9 1")
    assert traced is changed
    assert (inputs, dict(outputs.items())) == ({"seed": "s1"}, {"text": "0.9 1"})
    with dspy.context(lm=lm):
        trial(index=1)
        changed.lm = lm.copy(rollout_id=5)
        copy(index=1)
    with dspy.context(lm=fake_lm(Author()).copy(identity="teacher")):
        trial(index=1)
    original = predictor.signature.instructions
    assert set(tries.made) == {("0.9", 1, False, 0), (original, 1, False, 0), ("0.9", 1, False, 5), (original, 1, True, 0)}


def test_a_constraint_is_the_instruction_of_its_label_s_predictor() -> None:
    seen: list[State] = []

    async def tries(state: State, index: int, lm: Any, shift: int) -> Tried:
        seen.append(state)
        return Tried(Scored(0.5, "", {}, accepted=True), (Exchange("cold", {"seed": "s"}, {"text": "t"}),), "t", "cold")

    own = Board("write", BASE, 1, tries, spent=lambda: 0, number=lambda _: 0)
    trial = of_constraints(own, "fake", {"warm": "Write  {seed}.", "cold": "Write {context}."}, {"text": "a note"})
    cold = trial.asks["cold"]
    with dspy.context(lm=fake_lm(Author()), trace=[]):
        trial(index=0)
        cold.signature = cold.signature.with_instructions("Write of {context},\nbut coldly.")
        trial(index=0)
        assert [step[0] for step in dspy.settings.trace] == [cold, cold]
    assert seen[0].phrasing.constraints == {}
    assert seen[1].phrasing.constraints == {"cold": "Write of {context}, but coldly."}
