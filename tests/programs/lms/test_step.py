"""Stages belong to the context in which a call is made."""

import asyncio
from dataclasses import FrozenInstanceError

import pytest

from seedless.lms.step import NoSteps, Step, Unbounded, current_stage, stage

STEP = Step("a", "stop", 1, 1, None)


def test_stages_nest_and_end() -> None:
    assert current_stage() == "other"
    with stage("write"):
        assert current_stage() == "write"
        with stage("verify"):
            assert current_stage() == "verify"
        assert current_stage() == "write"
    assert current_stage() == "other"


def test_a_stage_ends_with_an_error() -> None:
    with pytest.raises(ZeroDivisionError), stage("write"):
        _ = 1 // 0
    assert current_stage() == "other"


def test_calls_side_by_side_keep_their_stages() -> None:
    async def call(name: str) -> tuple[str, str]:
        with stage(name):
            before = current_stage()
            await asyncio.sleep(0)
            return before, current_stage()

    async def both() -> list[tuple[str, str]]:
        return list(await asyncio.gather(call("write"), call("verify")))

    assert asyncio.run(both()) == [("write", "write"), ("verify", "verify")]


def test_where_no_steps_are_kept_none_is_recalled() -> None:
    steps = NoSteps()
    steps.begin("k", "write")
    steps.finish("k", STEP)
    assert steps.recall("k") is None


def test_unbounded_admits() -> None:
    budget = Unbounded()
    for _ in range(100):
        budget.admit()
        budget.charge(None)


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        STEP.text = "b"  # type: ignore[misc]  # what must fail
