"""A retry with several drafts each round: the best one goes back to the writer, and the best of the last round is what is left."""

import asyncio
import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import dspy
import pytest

from seedless.outcome import Broken
from seedless.retry import AssertedRetry, Judged, Retried
from seedless.run.journal import Journal
from seedless.slot import Draft
from seedless.testing import fake_lm

SCORES = {0: 0.1, 1: 0.9, 2: 0.4, 3: 0.3, 4: 0.8, 5: 0.2}  # of each draft, in the order in which they are written


def retried(*, drafts: int, holds: int | None = None) -> tuple[Retried, list[str], list[Any]]:
    """Two rounds of drafts "draft 0", "draft 1", ..., of which number `holds` breaks nothing; what was asked; and DSPy's trace."""
    written = count()
    lm = fake_lm(lambda _: json.dumps({"text": f"draft {next(written)}"}))
    retry = AssertedRetry(
        "constraint -> text", "constraint, previous_attempt, violations: list[str] -> text", attempts=2, drafts=drafts
    )

    async def judge(draft: Draft) -> Judged:
        number = int(draft.text.split()[1])
        broken = () if number == holds else (Broken("label", f"Draft {number} is read otherwise."),)
        return Judged(draft, broken, score=SCORES[number])

    with dspy.context(lm=lm, adapter=dspy.JSONAdapter(), trace=[]):
        found = dspy.syncify(retry)(judge=judge, rollout=0, config=lambda _: {}, constraint="Write.")
        return found, lm.fake.prompts, list(dspy.settings.trace)


@pytest.mark.parametrize(("drafts", "sent_back", "left"), [(1, 0, 1), (2, 1, 2), (3, 1, 4)])
def test_the_best_draft_of_a_round_counts(drafts: int, sent_back: int, left: int) -> None:
    found, prompts, trace = retried(drafts=drafts)
    for prompt in prompts[drafts:]:
        assert f"draft {sent_back}\n" in prompt
        assert f"Draft {sent_back} is read otherwise." in prompt
        assert prompt.count("is read otherwise") == 1
    assert not found.ok
    assert found.last.draft.text == f"draft {left}"
    assert found.drafts == len(found.history)
    assert {judged.draft.text for judged in found.history} == {f"draft {number}" for number in range(2 * drafts)}
    assert found.history[-1] is found.last
    assert [step[2].text for step in trace] == [f"draft {left}"]


def test_each_draft_is_an_answer_of_its_own_and_decoded_by_what_was_drafted_before() -> None:
    """Where all are asked for in the same words, and what was answered is kept."""
    written = count()
    lm = fake_lm(lambda _: json.dumps({"text": f"draft {next(written)}"}), steps=Journal(Path(":memory:")))
    retry = AssertedRetry("constraint -> text", "constraint -> text", attempts=2, drafts=3, revises=False)
    before: list[int] = []

    async def judge(draft: Draft) -> Judged:
        return Judged(draft, (Broken("label", "It is read otherwise."),))

    def config(drafts: Sequence[Judged]) -> dict[str, Any]:
        before.append(len(drafts))
        return {}

    with dspy.context(lm=lm, adapter=dspy.JSONAdapter()):
        found = dspy.syncify(retry)(judge=judge, rollout=0, config=config, constraint="Write.")
    assert len(set(lm.fake.prompts)) == 1
    assert {judged.draft.text for judged in found.history} == {f"draft {number}" for number in range(6)}
    assert before == [0, 1, 2, 3, 4, 5]


def test_a_draft_that_holds_is_better_than_any_that_does_not() -> None:
    found, prompts, trace = retried(drafts=3, holds=2)
    assert found.ok
    assert found.last.draft.text == "draft 2"
    assert len(prompts) == 3
    assert [step[2].text for step in trace] == ["draft 2"]


def test_retries_side_by_side_leave_each_other_s_steps_in_the_trace() -> None:
    written = count()
    lm = fake_lm(lambda _: json.dumps({"text": f"draft {next(written)}"}))
    retry = AssertedRetry("constraint -> text", "constraint, previous_attempt, violations: list[str] -> text", attempts=3)

    async def judge(draft: Draft) -> Judged:
        await asyncio.sleep(0.01)
        return Judged(draft, () if int(draft.text.split()[1]) >= 2 else (Broken("label", "It is read otherwise."),))

    async def both() -> list[Retried]:
        asked = (retry.acall(judge=judge, rollout=number, config=lambda _: {}, constraint="Write.") for number in (0, 1000))
        return await asyncio.gather(*asked)

    with dspy.context(lm=lm, adapter=dspy.JSONAdapter(), trace=[]):
        found = asyncio.run(both())
        assert {step[2].text for step in dspy.settings.trace} == {each.last.draft.text for each in found}
        assert len(dspy.settings.trace) == 2
