"""What is installed: one package, all of it, and nothing else at the top level."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.package_tree import ROOT

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_every_folder_of_modules_is_listed() -> None:
    homes = {"seedless": ROOT / "programs", "seedless.evals": ROOT / "evals", "seedless.signatures": ROOT / "signatures"}
    found = set(homes)
    for name, home in homes.items():
        found |= {".".join([name, *f.parent.relative_to(home).parts]) for f in home.rglob("__init__.py") if f.parent != home}
    assert sorted(found) == sorted(CONFIG["tool"]["setuptools"]["packages"])


def test_every_module_is_in_a_package() -> None:
    strays = [
        f
        for home in ("programs", "evals", "signatures")
        for f in (ROOT / home).rglob("*.py")
        if not (f.parent / "__init__.py").exists()
    ]
    assert strays == []


def test_top_level_is_the_contract() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    top = {name.split("/")[0] for name in tracked}
    allowed = {"pyproject.toml", "README.md", "LICENSE", "programs", "signatures", "evals", "tests", "mlruns"}
    assert {name for name in top if not name.startswith(".")} <= allowed


@pytest.mark.slow
def test_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    uv = [sys.executable, "-m", "uv"] if _has_uv_module() else ["uv"]
    built = subprocess.run(
        [*uv, "build", "--wheel", "--out-dir", str(tmp_path), str(ROOT)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"seedless"}
    assert {
        "seedless/py.typed",
        "seedless/tasks/movie_reviews.yaml",
        "seedless/signatures/instance.py",
        "seedless/evals/__init__.py",
        "seedless/evals/reporting/report.html",
        "seedless/evals/reporting/report.css",
        "seedless/evals/reporting/report.js",
    } <= names
    assert not any(name.endswith((".db", ".jsonl", ".gguf")) for name in names)


def _has_uv_module() -> bool:
    return subprocess.run([sys.executable, "-c", "import uv"], capture_output=True, check=False).returncode == 0
