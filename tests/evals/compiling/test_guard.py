"""The guard: two programs on fresh slots, and what both of them say in the same words."""

from pathlib import Path

from seedless import TarGEN
from seedless.evals.compiling.candidate import Said, State
from seedless.evals.compiling.guard import Guard
from seedless.evals.compiling.workshop import GENERATE, REVISE, Reader, Workshop
from seedless.evals.metric import DevMetric
from seedless.planner import Plan
from seedless.run.journal import Journal
from seedless.taskfile import load_task
from seedless.testing import FakeLM, fake_lm
from seedless.verify.lm import LMVerifier
from tests.openai_server import Author


def compared(task: Path, name: str, words: str) -> FakeLM:
    """The LM, after the guard has compared the uncompiled program with one whose predictor `name` says `words`."""
    lm = fake_lm(Author(), steps=Journal(Path(":memory:")), concurrency=8)
    loaded = load_task(task)
    program = TarGEN(loaded, lm=lm)
    base, mode, profile = State.of(program), program.mode, program.profile
    reader = Reader(lambda: LMVerifier(loaded, profile, mode=mode))
    guard = Guard(Workshop(loaded, profile, lm, reader, DevMetric()), (), attempts=2, at_once=4, seed=0)
    assert guard.compared(base, base.saying(name, Said(words)), Plan(loaded, 8, 0)).comparison is not None
    return lm


def test_what_two_programs_say_in_the_same_words_is_asked_once(task: Path) -> None:
    """They differ in nothing but how they revise: the lists, the first drafts and the verdicts on them are the same."""
    lm = compared(task, REVISE, "Revise it.")
    assert lm.fake.prompts
    assert len(lm.fake.prompts) == len(set(lm.fake.prompts)), "nothing is asked twice"


def test_what_two_programs_say_in_other_words_is_asked_of_each(task: Path) -> None:
    alike, other = (len(compared(task, name, "Write it.").fake.prompts) for name in (REVISE, GENERATE))
    assert other == alike + 2 * 8
