"""The interface behind which each kind of verifier stands."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seedless.errors import UsageError
from seedless.slot import Draft, Slot, Verdict

__all__ = ["NoVerifier", "Verifier", "VerifyMode", "one_reader"]


class Verifier(Protocol):
    """Reads drafts and says which label they have."""

    relabels: bool
    """Whether its word is good enough to give a draft another label than the asked one."""

    only_relabels: bool
    """Whether nothing is written again for its sake: its label is taken as it is (the paper's pass)."""

    @property
    def doubt(self) -> float:
        """A draft that reads as another label is refused only where the asked label's confidence is below this; 1.0: always."""

    async def verdict(self, draft: Draft, slot: Slot, rollout: int) -> Verdict | None:
        """The label of `draft`, and why; None where it does not judge. The asked label in `slot` plays no part in it, unless the mode is `anchored`."""

    async def remember(self, rows: Sequence[tuple[str, str]]) -> None:
        """Take up where an earlier session ended: `rows` are the texts that it accepted, with their asked labels."""


class NoVerifier:
    """Judges nothing: every draft keeps the asked label (`--verify none`)."""

    relabels = False
    doubt = 1.0
    only_relabels = False

    async def verdict(self, draft: Draft, slot: Slot, rollout: int) -> Verdict | None:
        """None: no verdict."""
        return None

    async def remember(self, rows: Sequence[tuple[str, str]]) -> None:
        """Nothing to remember."""


def one_reader(verifier: str | None, judge_lm: object) -> None:
    """Check that a kind of verifier is not named beside a judge LM, which reads alone.

    Raises
    ------
    UsageError
        If one is named that would not read.
    """
    if judge_lm is not None and verifier not in (None, "lm"):
        raise UsageError(
            f"given the verifier {verifier!r} and a judge LM, which reads alone; leave one of them out or give the verifier lm"
        )


@dataclass(frozen=True, slots=True)
class VerifyMode:
    """`blind` (one reading), `vote-K` (the majority of K), `anchored` (the paper's pass, which sees the label and only relabels), `none`.

    >>> VerifyMode.parse("vote-3").votes
    3
    """

    name: str
    votes: int = 1

    @classmethod
    def parse(cls, given: str) -> "VerifyMode":
        """The mode that `given` means.

        Raises
        ------
        UsageError
            If it means none.
        """
        if given in ("blind", "anchored", "none"):
            return cls(given)
        if isinstance(given, str) and (found := re.fullmatch(r"vote-([1-9]\d?)", given)) is not None:
            return cls("vote", int(found[1]))
        raise UsageError(
            f"given the verify mode {given!r}, allowed are blind, vote-K (K from 1 to 99), anchored, none; name one of them"
        )
