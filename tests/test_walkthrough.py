"""The README's walk-through, run as written on the embedded LM: minutes, so `.ci/run` asks for it by its marker."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.readme import walk


@pytest.mark.walkthrough
@pytest.mark.timeout(600)
def test_the_walk_through_ends_with_its_variants_side_by_side(tmp_path: Path) -> None:
    task, commands = walk()
    (tmp_path / "parking_complaints.yaml").write_text(task, "utf-8")
    env = {name: value for name, value in os.environ.items() if name != "SEEDLESS_TRACK"}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"

    def output(command: str) -> list[str]:
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "not recorded" not in done.stderr
        print(f"$ {command}", done.stdout, sep="\n")  # noqa: T201  what the README shows: `-s` shows it
        return done.stdout.splitlines()

    said = [output(command) for command, _ in commands]
    told = [lines for _, lines in commands]
    assert said[0][0].partition(":")[0] == told[0][0].partition(":")[0] == "program.json"
    for here, there in zip(said[1:4], told[1:4], strict=True):  # counts are exact; how many calls they take depends on the machine
        assert here[-1].partition(";")[0] == there[-1].partition(";")[0]
    compiled = json.loads((tmp_path / "program.json").read_text("utf-8"))["seedless"]["compiled"]
    assert 0 < sum(compiled["calls"].values()) <= compiled["budget_calls"]
    columns, shown = (next(line.split() for line in lines if "program" in line.split()[1:2]) for lines in (said[4], told[4]))
    assert columns == shown, "the columns of the comparison; whether there is a metric depends on what so small a compile comes to"
    (comparison,) = json.loads("".join(output(f"{commands[4][0]} --json")))["comparisons"]
    assert {variant["name"] for variant in comparison["variants"]} == {"program", "uncompiled", "direct"}
    assert any(variant["on_front"] for variant in comparison["variants"])
