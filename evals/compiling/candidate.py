"""A candidate: what one program says in its prompts, and what came of it. Whoever follows a compile is shown these."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import dspy

from seedless.phrasing import Phrasing
from seedless.targen import TarGEN

__all__ = ["Candidate", "CandidateLog", "Said", "State"]


@dataclass(frozen=True, slots=True)
class Said:
    """What one predictor says: its instructions, and its demonstrations as rows of words and numbers."""

    instructions: str
    demos: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, predictor: Any) -> "Said":
        """What one of DSPy's predictors says now."""
        demos = (demo.toDict() if hasattr(demo, "toDict") else demo for demo in predictor.demos)
        return cls(predictor.signature.instructions, tuple(map(dict, demos)))


@dataclass(frozen=True, slots=True)
class State:
    """Everything that a compile may change in a program: its predictors' words by their names, and its phrasing."""

    said: Mapping[str, Said]
    phrasing: Phrasing = field(default_factory=Phrasing)

    @classmethod
    def of(cls, program: TarGEN) -> "State":
        """The state of `program`."""
        return cls(
            {name: Said.of(predictor) for name, predictor in program.named_predictors()},
            program.phrasing,
        )

    def saying(self, name: str, said: Said) -> "State":
        """The same state, but for one predictor."""
        return replace(self, said={**self.said, name: said})

    def apply(self, program: TarGEN) -> TarGEN:
        """`program`, saying this. Predictors that the state does not name stay as they are.

        Raises
        ------
        UsageError
            If the phrasing does not fit the program's task.
        """
        program.rephrase(self.phrasing)
        for name, predictor in program.named_predictors():
            if (said := self.said.get(name)) is not None:
                predictor.signature = predictor.signature.with_instructions(said.instructions)
                predictor.demos = [dspy.Example(**demo) for demo in said.demos]
        return program

    @property
    def key(self) -> str:
        """The same for states that say the same."""
        said = {name: [s.instructions, list(s.demos)] for name, s in self.said.items()}
        text = json.dumps([said, self.phrasing.model_dump(mode="json")], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate of a compile, as its log is shown it.

    `number` counts from 0, the uncompiled program; `stage` is the one at which it was tried. `instructions` and `demos` (how many) are by predictor,
    `phrasing` holds what it says otherwise than the task. `score` in [0, 1] (higher is better) is the mean over `scored` examples of the
    choosing half, and `feedback` what some of them were told. `calls` are the LM requests spent when it was last tried.
    """

    number: int
    stage: str
    instructions: Mapping[str, str]
    demos: Mapping[str, int]
    phrasing: Mapping[str, Any]
    score: float
    scored: int
    feedback: tuple[str, ...]
    calls: int


class CandidateLog(Protocol):
    """Follows a compile: is shown each candidate of a stage when the stage ends, in the order of their numbers."""

    def add(self, candidate: Candidate) -> None:
        """Take note of `candidate`."""
