"""What stands around DSPy's optimisers: the proposer, the missing package, and the quiet."""

import asyncio
import importlib.util
import sys
import threading
from typing import Any

import dspy
import pytest
from dspy.lm15 import Request

from seedless.errors import BudgetEnded, LMUnusable, SetupError
from seedless.evals.compiling.board import Halt
from seedless.evals.compiling.optimizers import PlainProposer, Proposer, _Hushed, checked, quietly
from seedless.lms.metered import MeteredLM, StepFailed
from seedless.lms.step import Step, current_stage
from seedless.testing import fake_lm


class Notes:
    """Keeps every step, and ends after `most` requests."""

    def __init__(self, most: int = 100) -> None:
        self.most = most
        self.begun: list[tuple[str, str]] = []
        self.kept: dict[str, Step] = {}

    def recall(self, key: str) -> Step | None:
        return self.kept.get(key)

    def begin(self, key: str, stage: str) -> None:
        self.begun.append((key, stage))

    def forget(self, key: str) -> None:
        """Every request goes out."""

    def finish(self, key: str, step: Step) -> None:
        self.kept[key] = step

    def admit(self) -> None:
        if len(self.begun) >= self.most:
            raise BudgetEnded("over")

    def withdraw(self) -> None:
        """Every request goes out."""

    def charge(self, cost: float | None) -> None:
        """Count nothing."""


def proposer(notes: Notes, seed: int = 0) -> Proposer:
    lm = fake_lm(lambda prompt: f"{prompt} answered")
    lm.steps = lm.budget = notes
    return Proposer.of(lm, seed)


def test_a_proposer_answers_n_times_under_n_keys_and_its_requests_are_proposals() -> None:
    notes = Notes()
    own = proposer(notes)
    assert own("hello", n=3) == ["hello answered"] * 3
    assert len({key for key, _ in notes.begun}) == 3
    assert {stage for _, stage in notes.begun} == {"propose"}
    own("hello", n=3)
    own.copy(rollout_id=0)("hello")
    assert len(notes.begun) == 3
    own.copy(rollout_id=7)("hello")
    proposer(notes, seed=1)("hello")
    assert len({key for key, _ in notes.begun}) == 5
    assert current_stage() == "other"


def test_a_proposer_halts_the_optimiser_where_the_budget_ends_or_the_lm_cannot_be_used() -> None:
    own = proposer(Notes(most=2))
    own("one", n=2)
    with pytest.raises(Halt) as halted:
        own("two")
    assert isinstance(halted.value.cause, BudgetEnded)

    class Broken(MeteredLM):
        async def _ask(self, key: str, request: Request) -> Step:
            raise LMUnusable("gone")

    broken = Broken("fake", identity="x", address="y", engine=fake_lm(str).engine)
    with pytest.raises(LMUnusable):
        asyncio.run(broken.acall("x"))

    class Unusable(Proposer):
        _ask = Broken._ask

    with pytest.raises(Halt) as halted:
        Unusable.of(broken, 0)("three")
    assert isinstance(halted.value.cause, LMUnusable)


def failing(cause: dspy.LMError) -> Proposer:
    """A proposer whose requests find no answer within their tries, or are refused."""

    class Failing(Proposer):
        async def _ask(self, key: str, request: Request) -> Step:
            raise StepFailed("the LM at y gave no answer: HTTP 503") from cause

    return Failing.of(fake_lm(str), 0)


def test_a_proposer_that_is_gone_halts_the_optimiser_though_the_writer_was_answered() -> None:
    with pytest.raises(Halt) as halted:
        failing(dspy.LMServerError("gone"))("one")
    assert isinstance(halted.value.cause, LMUnusable)
    assert str(halted.value.cause).startswith("asked for a proposal, the LM at y gave no answer: HTTP 503; mend the cause")
    own = failing(dspy.LMInvalidRequestError("too long"))
    for copy in (own, own, own.copy(rollout_id=1)):
        with pytest.raises(StepFailed):  # of this one prompt: an optimiser goes on
            copy("one")
    assert len(own.asked) == 2


def test_a_proposer_gives_what_there_is_of_a_cut_answer() -> None:
    notes = Notes()
    own = proposer(notes)
    own("long")
    ((key, step),) = notes.kept.items()
    notes.kept[key] = Step("Write a lon", "length", 1, 1, None)
    assert own("long") == ["Write a lon"]
    assert step.finish == "stop"


def test_a_missing_package_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "optuna" else object())
    with pytest.raises(SetupError, match=r"needs the package optuna, which is not installed; install it with `pip install optuna`"):
        checked("miprov2")
    for name in ("bootstrap", "random", "gepa", "copro", "simba"):
        checked(name)


def test_a_small_model_is_asked_for_better_words_in_plain_ones() -> None:
    prompts: list[str] = []

    def answer(prompt: str) -> str:
        prompts.append(prompt)
        return ' "Ask about\n{context}, and say when." '

    examples = [{"Inputs": {"seed": "x"}, "Generated Outputs": {"text": "What is it?"}, "Feedback": "The text has 3 words."}]
    with dspy.context(lm=fake_lm(answer)):
        found = PlainProposer()({"NUM": "Ask {context}."}, {"NUM": examples}, ["NUM", "LOC"])
    assert found == {"NUM": "Ask about {context}, and say when."}
    for said in ("Ask {context}.", "It wrote: What is it?", "What was wrong: The text has 3 words.", "Keep every word in braces"):
        assert said in prompts[0]


def test_an_optimiser_s_noise_is_dropped_and_others_are_heard(capsys: pytest.CaptureFixture[str]) -> None:
    held: list[Any] = []
    with quietly():
        sys.stderr.write("a bar\n")
        sys.stdout.write("a print\n")
        held.append(sys.stderr)
        other = threading.Thread(target=lambda: sys.stdout.write("a word of someone else\n"))
        other.start()
        other.join()
    held[0].write("late\n")  # a bar that is collected after its time
    sys.stdout.write("after\n")
    assert isinstance(held[0], _Hushed)
    captured = capsys.readouterr()
    assert captured.out == "a word of someone else\nafter\n"
    assert captured.err == ""
