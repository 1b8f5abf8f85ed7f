"""The whole source, as its tools see it: style, types, floors."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.package_tree import ROOT, lay_out

PACKAGES = {"programs": "seedless", "signatures": "seedless.signatures", "evals": "seedless.evals"}
SOURCES = (*PACKAGES, "tests")


def run(*command: str, cwd: Path = ROOT, **env: str) -> None:
    """Run one of the environment's tools; its output is the failure's text."""
    tool = str(Path(sys.executable).parent / command[0])
    done = subprocess.run([tool, *command[1:]], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_lint() -> None:
    run("ruff", "check", *SOURCES)


def test_format() -> None:
    run("ruff", "format", "--check", *SOURCES)


@pytest.mark.parametrize("floor", PACKAGES)
def test_what_other_modules_import_is_exported(floor: str) -> None:
    """Each public name that one module of the package takes from another one stands in the `__all__` of its home."""
    modules = {name: tree for each in PACKAGES for name, tree in _modules(each)}
    taken = {
        (str(node.module), alias.name)
        for tree in modules.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if f"{node.module}.{alias.name}" not in modules and not alias.name.startswith("__")
    }
    own = {name: _exported(tree) for name, tree in _modules(floor)}
    assert own
    assert [f"{home}.{name}" for home, name in sorted(taken) if home in own and name not in own[home]] == []


def _modules(floor: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / floor).rglob("*.py")):
        parts = path.relative_to(ROOT / floor).with_suffix("").parts
        yield ".".join([PACKAGES[floor], *parts]).removesuffix(".__init__"), ast.parse(path.read_text("utf-8"))


def _exported(module: ast.Module) -> frozenset[str]:
    lists = [node.value for node in module.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"]
    return frozenset(name for each in lists for name in ast.literal_eval(each))


@pytest.mark.long
def test_types(tmp_path: Path) -> None:
    run("mypy", "--config-file", str(ROOT / "pyproject.toml"), "-p", "seedless", cwd=lay_out(tmp_path))


@pytest.mark.slow
def test_floors(tmp_path: Path) -> None:
    folder = lay_out(tmp_path)
    run("lint-imports", "--config", str(ROOT / "pyproject.toml"), "--no-cache", cwd=folder, PYTHONPATH=str(folder))
