"""Prompts as text, and what a variant changed in them."""

import copy
from pathlib import Path

from seedless import TarGEN, load_task
from seedless.evals.prompts import changes, prompt_text, stage_prompts
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


def test_demonstrations_are_readable() -> None:
    demos = [{"augmented": True, "count": 3, "seeds": ["a lamp", "a rug"]}]
    text = prompt_text(
        {"signature": {"instructions": " List. ", "fields": [{"prefix": "Count:", "description": "how many"}]}, "demos": demos}
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
