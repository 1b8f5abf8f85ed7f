"""Prompts as text, and what a variant changed in them."""

import copy
from pathlib import Path

from seedless import TarGEN, load_task
from seedless.evals.recording.prompts import changes, prompt_text, stage_prompts
from seedless.testing import fake_lm

STAGE = "write_instance.write.generate"


def program(task: Path) -> dict[str, dict[str, object]]:
    state: dict[str, dict[str, object]] = TarGEN(str(task), lm=fake_lm(str)).dump_state()
    return state


def test_every_stage_is_there_with_its_instructions_fields_and_constraints(task: Path) -> None:
    prompts = {prompt.stage: prompt for prompt in stage_prompts(program(task), task=load_task(str(task)))}
    assert set(prompts) == set(program(task))
    text = prompts[STAGE].text
    assert text.startswith("Write one new instance")
    assert "- Seed: the element to build on" in text
    assert "- warm: Put the word 'lantern' somewhere into it." in text
    assert "lantern" not in prompts["write_instance.verifier.judge"].text
    assert "Asked for\n- places where people keep things" in prompts["name_contexts.name_list.name_list"].text
    assert "Asked for\n- things that stand in {context}" in prompts["name_seeds.name_list.name_list"].text


def test_a_stage_is_known_by_its_place_and_not_by_the_fields_that_a_task_gives_it(task: Path) -> None:
    named = load_task(str(task)).model_dump(mode="json")
    named["fields"] = [{"name": name, "description": "a word"} for name in ("seeds", "contexts", "text")]
    program = TarGEN(named, lm=fake_lm(str))
    prompts = {prompt.stage: prompt.text for prompt in stage_prompts(program.dump_state(), task=program.task)}
    assert "Constraint, by label\n- warm: " in prompts[STAGE]
    assert [stage for stage in prompts if "Asked for" in prompts[stage]] == [
        "name_contexts.name_list.name_list",
        "name_seeds.name_list.name_list",
    ]


def test_other_words_for_the_task_are_a_change_of_the_stages_that_say_them(task: Path) -> None:
    phrasing = {
        "constraints": {"warm": "Make it about a 'lantern'."}, "styles": ["in plain words"], "words": {"text": [4, 9]},
        "sampling": {"write": {"temperature": 0.9, "min_p": None}}, "seeds_hint": "objects",
    }  # fmt: skip
    state = program(task)
    changed = {p.stage: p.change for p in stage_prompts(state, state, task=load_task(str(task)), phrasing=phrasing) if p.change}
    assert set(changed) == {STAGE, "write_instance.write.revise", "name_seeds.name_list.name_list"}
    added = [line for line in changed[STAGE].splitlines() if line.startswith("+-")]
    assert added == ["+- warm: Make it about a 'lantern'.", "+- in plain words", "+- text: [4, 9]", "+- temperature: 0.9"]
    assert "+- objects" in changed["name_seeds.name_list.name_list"]


def test_first_words_of_a_built_in_task_are_there() -> None:
    state = TarGEN("movie_reviews", lm=fake_lm(str)).dump_state()
    openings = load_task("movie_reviews").labels[0].openings
    (told,) = [p.text for p in stage_prompts(state, task=load_task("movie_reviews")) if p.stage == STAGE]
    assert f"- positive: {' | '.join(openings)}" in told
    assert f"- positive: {' | '.join(load_task('movie_reviews').labels[0].cues)}" in told
    (silent,) = [
        p.text for p in stage_prompts(state, task=load_task("movie_reviews"), phrasing={"openings": False}) if p.stage == STAGE
    ]
    assert "First words" not in silent


def test_demonstrations_are_readable() -> None:
    demos = [{"augmented": True, "count": 3, "seeds": ["a lamp", "a rug"]}]
    text = prompt_text(
        STAGE,
        {"signature": {"instructions": " List. ", "fields": [{"prefix": "Count:", "description": "how many"}]}, "demos": demos},
    )
    assert text == 'List.\n\nFields\n- Count: how many\n\nDemonstration 1 of 1\n- count: 3\n- seeds: ["a lamp", "a rug"]\n'


def test_a_change_shows_as_a_diff_and_nothing_else_does(task: Path) -> None:
    parent = program(task)
    variant = copy.deepcopy(parent)
    variant[STAGE]["signature"]["instructions"] += "\nMind the tone."  # type: ignore[index]
    variant[STAGE]["demos"] = [{"text": "Hello."}]
    prompts = stage_prompts(variant, parent)
    assert [prompt.stage for prompt in prompts if prompt.change] == [STAGE]
    changed = changes(prompts).splitlines()
    assert changed[:2] == [f"--- parent/{STAGE}", f"+++ variant/{STAGE}"]
    assert [line for line in changed if line.startswith(("+", "-"))][2:] == [
        "+Mind the tone.",
        "+",
        "+Demonstration 1 of 1",
        "+- text: Hello.",
    ]
    assert changes(stage_prompts(parent, parent)) == changes(stage_prompts(parent)) == ""
