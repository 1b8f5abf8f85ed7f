"""Outcomes that tests of a run share."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest

from seedless.outcome import Broken, Provenance, Refusal, Row

MakeRow: TypeAlias = Callable[..., Row]
MakeRefusal: TypeAlias = Callable[..., Refusal]


def provenance(asked: str, broken: tuple[str, ...]) -> Provenance:
    """Where such an outcome comes from."""
    return Provenance(
        strategy="targen", context="hall", context_source="given", seed="lamp", attributes={}, asked_label=asked, verdict=asked,
        reason="it says so", confidence=0.9, attempts=1 + len(broken), broken=broken, lm="fake", program="0123",
    )  # fmt: skip


@pytest.fixture
def row() -> MakeRow:
    """Makes the row of a position."""

    def make(
        position: int, label: str = "warm", *, asked: str | None = None, broken: tuple[str, ...] = (), verdict: str | None = None
    ) -> Row:
        origin = replace(provenance(asked or label, broken), verdict=verdict)
        return Row(f"rooms-{position:06d}", {"text": f"Line {position} – “Zoë”."}, label, origin)

    return make


@pytest.fixture
def refusal() -> MakeRefusal:
    """Makes the refusal of a position's round."""

    def make(position: int, round_: int = 0, label: str = "warm", broken: tuple[str, ...] = ("length:text",)) -> Refusal:
        told = tuple(Broken(name, "Write another one.") for name in broken)
        return Refusal("write", position, round_, label, {"text": "x"}, told, provenance(label, broken))

    return make
