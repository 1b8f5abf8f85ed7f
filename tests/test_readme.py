"""The README tells the truth: its commands exist, its Python runs, its task file loads, its tree is the repository's."""

import ast
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
import typer

from seedless.cli import app
from seedless.taskfile import read_task
from tests.package_tree import ROOT
from tests.readme import README, blocks, walk

LONGEST = 120  # characters that the tree says of a module


def commands() -> list[str]:
    inline = re.findall(r"`(seedless (?!--help)[^`]+)`", README)
    indented = [line.strip() for line in README.splitlines() if re.match(r"    (uv run )?seedless ", line)]
    walked = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    return sorted({*inline, *(line.removeprefix("uv run ") for line in indented), *walked})


def test_there_are_commands() -> None:
    assert len(commands()) > 8


@pytest.mark.parametrize("command", commands())
def test_command_is_one_that_the_command_line_takes(command: str) -> None:
    words = shlex.split(command.replace("TASK", "movie_reviews").replace("…", ""))[1:]
    root = typer.main.get_command(app)
    assert isinstance(root, click.Group) or hasattr(root, "commands")
    verb = root.commands[words[0]]
    if len(words) == 1:
        return
    verb.make_context(words[0], words[1:], resilient_parsing=False)


def test_first_two_commands() -> None:
    told = [line.strip() for line in README.splitlines() if line.startswith("    pip install uv")]
    assert told == ["pip install uv && uv run seedless generate movie_reviews -n 40", "pip install uv && uv run pytest"]
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert all(line.split("&& ")[1] in script for line in told)


@pytest.mark.parametrize("source", blocks("python"))
def test_python_runs(source: str) -> None:
    exec(compile(source, "README.md", "exec"), {})  # noqa: S102  our own README


@pytest.mark.parametrize("source", blocks("yaml"))
def test_task_file_loads(source: str) -> None:
    task = read_task(source, "README.md")
    assert len(task.labels) >= 2


def tree() -> dict[str, str]:
    """Each path in the README's tree, and what is said of it."""
    (body,) = [body for body in blocks("") if body.startswith("seedless/")]
    told: dict[str, str] = {}
    parents: list[str] = []
    for line in body.splitlines()[1:]:
        if (found := re.match(r"^( *)(\S+) *(.*)", line)) is not None:
            parents = [*parents[: len(found[1]) // 2 - 1], found[2]]
            told["".join(parents)] = found[3]
    return told


def first_sentence(path: Path) -> str:
    """That of a module's docstring; of one over 120 characters as many of its parts as fit, none of them within parentheses."""
    said = " ".join((ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n\n")[0].split())
    sentence = re.split(r"\.(?: (?=[A-Z])|$)", said)[0]
    if len(sentence) <= LONGEST:
        return sentence
    ends = [end.start() for end in re.finditer(r"[,:;] ", sentence[: LONGEST + 2])]
    return sentence[: max(end for end in ends if sentence[:end].count("(") == sentence[:end].count(")"))]


def test_tree_names_every_module_and_nothing_else() -> None:
    told = set(tree())
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    modules = {
        name
        for name in tracked
        if name.startswith(("programs/", "signatures/", "evals/")) and name.endswith(".py") and not name.endswith("__init__.py")
    }
    named = {name for name in told if name.endswith(".py") and not name.startswith("tests/")}
    assert named == modules
    folders = {name for name in told if name.endswith("/")}
    assert all((ROOT / name).is_dir() for name in folders)
    assert {f"{Path(name).parts[0]}/" for name in tracked if "/" in name and not name.startswith(".")} <= folders


def test_tree_says_of_each_module_what_its_docstring_says() -> None:
    told = {name: said for name, said in tree().items() if name.endswith(".py")}
    told |= {
        f"{name}__init__.py": said
        for name, said in tree().items()
        if (ROOT / name / "__init__.py").exists() and name.count("/") > 1
    }
    assert told == {name: first_sentence(ROOT / name) for name in told}


def test_the_walk_through_is_there_to_be_run() -> None:
    """It takes minutes, so only `.ci/run` runs it; that it can be read shows here."""
    task, commands = walk()
    assert read_task(task, "README.md").name == "parking_complaints"
    assert [command.split()[1] for command, _ in commands] == ["compile", "generate", "generate", "generate", "compare"]
