"""The LMs of a compile: where each is reached."""

import pytest

from seedless.evals.compile import CompileOptions
from seedless.evals.compiling.team import Team

HERE = "http://127.0.0.1:9/v1"


def test_every_lm_of_the_writers_provider_is_reached_where_the_writer_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
    given = CompileOptions(lm="openai/a", api_base=HERE, judge_lm="openai/b", teacher_lm="openai/c", reflection_lm="openai/d")
    assert [(lm.model, lm.address) for lm in Team.of(given).lms] == [(f"openai/{name}", HERE) for name in "adcb"]
    other = CompileOptions(lm="openai/a", api_base=HERE, teacher_lm="anthropic/c", reflection_lm="anthropic/d")
    assert [lm.address for lm in Team.of(other).lms] == [HERE, "anthropic", "anthropic"]


def test_without_another_one_the_writer_proposes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    team = Team.of(CompileOptions(lm="openai/a", api_base=HERE))
    assert team.proposer is team.writer
    assert team.lms == (team.writer,)
