"""One finished LM call, what keeps it, and what bounds how many there may be."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

__all__ = ["NO_DRAFT", "REFUSED", "UNANSWERED", "Budget", "NoSteps", "Step", "Steps", "Unbounded", "current_stage", "stage"]

UNANSWERED = "lm"  # what is broken where the LM has no answer
REFUSED = "refused_prompt"  # what is broken where it refuses what it is asked
NO_DRAFT = frozenset({UNANSWERED, REFUSED})  # the LM, and not a draft, is at fault: in another session it may be otherwise


@dataclass(frozen=True, slots=True)
class Step:
    """An LM's answer to one call. `cost` is in USD, None where the price is unknown, as is a count of tokens that the server did not tell; `finish`
    is `stop`, `length` or the server's word."""

    text: str
    finish: str
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None


class Steps(Protocol):
    """Keeps finished steps under the hash of everything that determined them."""

    def recall(self, key: str) -> Step | None:
        """The step kept under `key`; None where there is none."""

    def answered(self, stage: str) -> bool:
        """Whether a step of that stage is kept."""

    def begin(self, key: str, stage: str) -> None:
        """Note that a request for `key` goes out now."""

    def forget(self, key: str) -> None:
        """Note that the request last begun for `key` did not go out."""

    def pay(self, key: str, step: Step) -> None:
        """Note what an answer to `key` cost that cannot be kept."""

    def finish(self, key: str, step: Step) -> None:
        """Keep the answer to `key`."""


class Budget(Protocol):
    """Bounds a run's LM calls."""

    def admit(self) -> None:
        """Let one more request go out.

        Raises
        ------
        BudgetEnded
            If there may be no more.
        """

    def withdraw(self) -> None:
        """Take back one that was let out and did not go."""

    def charge(self, cost: float | None) -> None:
        """Count one answered request of `cost` USD (None: the price is unknown)."""


class NoSteps:
    """What the module uses outside a run: no step is kept, so each call is made."""

    def recall(self, key: str) -> Step | None:
        """None: every call is a new one."""
        return None

    def answered(self, stage: str) -> bool:
        """No: none is kept."""
        return False

    def begin(self, key: str, stage: str) -> None:
        """Keep no note."""

    def forget(self, key: str) -> None:
        """Keep no note."""

    def pay(self, key: str, step: Step) -> None:
        """Keep no note."""

    def finish(self, key: str, step: Step) -> None:
        """Keep no answer."""


class Unbounded:
    """A budget without bounds."""

    def admit(self) -> None:
        """Let the request go out."""

    def withdraw(self) -> None:
        """Count nothing."""

    def charge(self, cost: float | None) -> None:
        """Count nothing."""


_stage: ContextVar[str] = ContextVar("seedless_stage", default="other")


@contextmanager
def stage(name: str) -> Iterator[None]:
    """LM calls within belong to the stage `name`, in the ledger and the journal."""
    token = _stage.set(name)
    try:
        yield
    finally:
        _stage.reset(token)


def current_stage() -> str:
    """The stage to which an LM call made now belongs."""
    return _stage.get()
