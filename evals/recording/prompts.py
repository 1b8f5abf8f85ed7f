"""Prompts as people read them: each stage's instructions, fields and demonstrations as text, and what a variant changed in them.

A stage is a predictor of the program, named as in `named_predictors()`; its state is what `dump_state` gives.
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seedless.task import Task

__all__ = ["StagePrompt", "changes", "prompt_text", "stage_prompts"]

State = Mapping[str, Any]

STAGES = {"name_contexts.": "contexts", "name_seeds.": "seeds", "write_instance.write.": "write"}
"""Where the predictors of a stage stand in the program, and the stage as `phrasing` names it."""


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


def stage_prompts(
    program: State, parent: State | None = None, *, task: Task | None = None, phrasing: Mapping[str, Any] | None = None
) -> tuple[StagePrompt, ...]:
    """The prompts of all stages, in the program's order.

    Parameters
    ----------
    program
        `program.dump_state()`: predictor names to states.
    parent
        The state of the variant from which this one was made.
    task
        The task, whose constraints, openings and hints the stages are told.
    phrasing
        What the variant says otherwise than the task, as a program file has it; the parent says it as the task does.
    """
    prompts = []
    for stage, state in program.items():
        if isinstance(state, Mapping) and "signature" in state:
            before = (parent or program).get(stage, state)
            prompts.append(StagePrompt(stage, prompt_text(stage, state, task, phrasing), prompt_text(stage, before, task)))
    return tuple(prompts)


def prompt_text(stage: str, state: State, task: Task | None = None, phrasing: Mapping[str, Any] | None = None) -> str:
    """The instructions of the predictor `stage`, its fields, what the task tells it, and demonstrations, as readable text."""
    signature = state["signature"]
    fields = signature["fields"]
    parts = [signature["instructions"].strip(), _list("Fields", (f"{f['prefix']} {f['description']}" for f in fields))]
    parts += _told(stage, task, phrasing or {}) if task is not None else []
    demos = state.get("demos", [])
    for number, demo in enumerate(demos, 1):
        shown = (f"{name}: {_said(value)}" for name, value in demo.items() if name != "augmented")
        parts.append(_list(f"Demonstration {number} of {len(demos)}", shown))
    return "\n\n".join(part for part in parts if part) + "\n"


def _told(predictor: str, task: Task, phrasing: Mapping[str, Any]) -> list[str]:
    """What a predictor is told of the task, in the variant's words."""
    said: list[str] = []
    stage = next((stage for place, stage in STAGES.items() if predictor.startswith(place)), "")
    if stage == "write":
        constraints = phrasing.get("constraints", {})
        said.append(_list("Constraint, by label", (f"{la.name}: {constraints.get(la.name, la.constraint)}" for la in task.labels)))
        cues = (f"{la.name}: {' | '.join(la.cues)}" for la in task.labels if "{cue}" in constraints.get(la.name, la.constraint))
        said.append(_list("Cues, of which code deals one, by label", cues))
        dealt = (f"{label.name}: {' | '.join(label.openings)}" for label in task.labels if label.openings)
        said.append(_list("First words, of which code deals one, by label", dealt if phrasing.get("openings", True) else ()))
        said.append(_list("Style, of which code deals one", phrasing.get("styles", ())))
        said.append(_list("Bounds in words", (f"{name}: {bounds}" for name, bounds in phrasing.get("words", {}).items())))
    elif stage:
        hint = task.seeds.hint if stage == "seeds" else task.contexts.hint
        said.append(_list("Asked for", filter(None, (phrasing.get(f"{stage}_hint") or hint,))))
    sampling = phrasing.get("sampling", {}).get(stage, {})
    return [*said, _list("Sampling", (f"{name}: {value}" for name, value in sampling.items() if value is not None))]


def _list(title: str, items: Iterable[str]) -> str:
    """`items` below their title; empty where there are none."""
    lines = [f"- {item}" for item in items]
    return "\n".join([title, *lines]) if lines else ""


def changes(prompts: tuple[StagePrompt, ...]) -> str:
    """What a variant changed in all its prompts, as one unified diff; empty where nothing."""
    return "\n".join(prompt.change for prompt in prompts if prompt.change)


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
