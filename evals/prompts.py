"""Prompts as people read them: each stage's instructions, fields and demonstrations as text, and what a variant changed in them.

A stage is a predictor of the program, named as in `named_predictors()`; its state is what `dump_state` gives.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seedless.task import Task

__all__ = ["StagePrompt", "changes", "prompt_text", "stage_prompts"]

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StagePrompt:
    """One stage's prompt as text, and the parent variant's. Where there is no parent, `parent` is the text itself."""

    stage: str
    text: str
    parent: str

    @property
    def change(self) -> str:
        """What the variant changed, as a unified diff against its parent; empty where nothing."""
        return "\n".join(
            difflib.unified_diff(
                self.parent.splitlines(), self.text.splitlines(), f"parent/{self.stage}", f"variant/{self.stage}", lineterm=""
            )
        )


def stage_prompts(program: State, parent: State | None = None, *, task: Task | None = None) -> tuple[StagePrompt, ...]:
    """The prompts of all stages, in the program's order.

    Parameters
    ----------
    program
        `program.dump_state()`: predictor names to states.
    parent
        The state of the variant from which this one was made.
    task
        Whose label constraints the writing stages are told.
    """
    return tuple(
        StagePrompt(stage, prompt_text(state, task=task), prompt_text((parent or program).get(stage, state), task=task))
        for stage, state in _predictors(program)
    )


def prompt_text(state: State, *, task: Task | None = None) -> str:
    """One predictor's instructions, fields and demonstrations as readable text."""
    signature = state["signature"]
    fields = signature["fields"]
    parts = [signature["instructions"].strip(), "\n".join(["Fields", *(f"- {f['prefix']} {f['description']}" for f in fields)])]
    if task is not None and any(field["prefix"] == "Constraint:" for field in fields):
        parts.append("\n".join(["Constraint, by label", *(f"- {label.name}: {label.constraint}" for label in task.labels)]))
    demos = state.get("demos", [])
    for number, demo in enumerate(demos, 1):
        shown = (f"- {name}: {_said(value)}" for name, value in demo.items() if name != "augmented")
        parts.append("\n".join([f"Demonstration {number} of {len(demos)}", *shown]))
    return "\n\n".join(parts) + "\n"


def changes(prompts: tuple[StagePrompt, ...]) -> str:
    """What a variant changed in all its prompts, as one unified diff; empty where nothing."""
    return "\n".join(prompt.change for prompt in prompts if prompt.change)


def _predictors(program: State) -> Iterator[tuple[str, State]]:
    return ((name, state) for name, state in program.items() if isinstance(state, Mapping) and "signature" in state)


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
