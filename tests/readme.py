"""The README as tests read it: its text, and what stands in its fences."""

import re

from tests.package_tree import ROOT

__all__ = ["README", "blocks", "walk"]

README = (ROOT / "README.md").read_text("utf-8")
FENCED = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def blocks(language: str) -> list[str]:
    """What stands in the fences of that language, in order."""
    return [body for kind, body in FENCED.findall(README) if kind == language]


def walk() -> tuple[str, list[tuple[str, list[str]]]]:
    """The walk-through: its task file, and its commands, each with what the README says that came out."""
    (block,) = blocks("console")
    (task,) = [body for body in blocks("yaml") if body.startswith("name: parking_complaints\n")]
    commands: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            commands.append((line.removeprefix("$ "), []))
        elif line:
            commands[-1][1].append(line)
    return task, commands
