"""What a compiled program may say otherwise than its task, and that it reaches the prompts and nothing else."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from seedless import TarGEN, UsageError
from seedless.lms.spec import EMBEDDED
from seedless.phrasing import Phrasing
from seedless.taskfile import load_task
from seedless.testing import fake_lm
from tests.openai_server import Author


def test_nothing_said_is_the_task_itself(task: Path) -> None:
    loaded = load_task(task)
    assert Phrasing().empty
    assert Phrasing().applied(loaded) == loaded
    program = TarGEN(loaded, lm=fake_lm(Author()))
    before = program.hash
    program.rephrase(Phrasing())
    assert program.hash == before


def test_other_words_reach_the_prompts(task: Path) -> None:
    lm = fake_lm(Author())
    program = TarGEN(task, lm=lm, verify="none")
    before = program.hash
    program.rephrase(
        Phrasing(
            constraints={"warm": "Let the word 'lantern' stand in it; think of {context}."},
            styles=("as a sailor would",),
            contexts_hint="harbours",
            seeds_hint="ropes in {context}",
        )
    )
    assert program.hash != before
    assert program(label="warm", rollout=1).ok
    contexts, seeds, written = lm.fake.prompts
    assert "harbours" in contexts
    assert "ropes in" in seeds
    assert "Let the word 'lantern' stand in it; think of " in written
    assert "think of {context}" not in written
    assert "as a sailor would" in written
    program(label="cold", seed="a tap", context="a kitchen")
    assert "Put the word 'compass' somewhere into it." in lm.fake.prompts[-1]
    program.rephrase(Phrasing())
    assert program.hash == before


def test_other_words_without_a_place_for_cues_deal_none() -> None:
    program = TarGEN("movie_reviews", lm=fake_lm(lambda _: "{}"), verify="none")
    assert all(label.cues for label in program.write_instance.task.labels)
    program.rephrase(Phrasing(constraints={"positive": "Praise {seed} of a {context}."}))
    assert [bool(label.cues) for label in program.write_instance.task.labels] == [False, True]


def test_the_echo_of_other_words_is_an_echo_too(task: Path) -> None:
    words = "Let the lantern be somewhere near the old wooden door."
    program = TarGEN(task, lm=fake_lm(lambda _: '{"text": "Near the old wooden door a lantern be."}'), verify="none")
    assert program(label="warm", seed="a", context="b").ok
    program.rephrase(Phrasing(constraints={"warm": words}))
    refused = program(label="warm", seed="a", context="b")
    assert {broken.assertion for broken in refused.outcome.broken} == {"echo"}


def test_sampling_bounds_and_openings_are_changed_where_they_are_named() -> None:
    program = TarGEN("question_type", lm=fake_lm(Author()), profile=EMBEDDED, verify="none")
    program.rephrase(Phrasing(openings=False, words={"text": (6, 12)}, sampling={"write": {"temperature": 0.4}}))
    instance = program.write_instance
    assert instance._config["temperature"] == 0.4
    assert instance._config["min_p"] == EMBEDDED.sampling["write"]["min_p"]
    assert instance._config["max_tokens"] == int(1.8 * 12 + 12)
    assert {(a.min_words, a.max_words) for a in instance.assertions if a.kind == "length"} == {(6, 12)}  # type: ignore[attr-defined]  # the union's one kind
    assert not any(label.openings for label in instance.task.labels)
    assert program.task == load_task("question_type")
    assert program.name_seeds.name_list.sampling == EMBEDDED.sampling["seeds"]


@pytest.mark.parametrize(
    ("phrasing", "says"),
    [
        ({"constraints": {"hot": "Write."}}, "names the label 'hot', the task 'rooms' has cold, warm"),
        ({"constraints": {"warm": "Write about {film}."}}, "given the place 'film', allowed are context, cue, seed"),
        ({"words": {"title": (1, 2)}}, "names the field 'title', the task 'rooms' has text"),
    ],
)
def test_words_that_do_not_fit_the_task_are_refused(phrasing: dict[str, Any], says: str, task: Path) -> None:
    with pytest.raises(UsageError, match=says):
        Phrasing.model_validate(phrasing).applied(load_task(task))


@pytest.mark.parametrize(
    "phrasing",
    [
        {"constraint": {}}, {"styles": "casually"}, {"styles": ["x" * 101]}, {"openings": 1}, {"sampling": {"write": {"temperature": "hot"}}},
        {"sampling": {"write": {"temperature": 3.0}}}, {"sampling": {"write": {"max_tokens": 10**9}}}, {"sampling": {"verify": {}}},
        {"words": {"text": [9, 3]}}, {"words": {"text": [0, 3]}}, {"constraints": {"warm": ""}}, {"constraints": {"warm": "x" * 2001}},
    ],
)  # fmt: skip
def test_anything_else_is_refused(phrasing: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Phrasing.model_validate(phrasing)
