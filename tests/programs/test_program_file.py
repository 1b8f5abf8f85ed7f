"""Programs on disk: what is written is read back, and nothing else is."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dspy
import pytest

from seedless import TarGEN, UsageError
from seedless.lms.spec import LMSpec
from seedless.phrasing import Phrasing
from seedless.program_file import _checksum
from seedless.testing import fake_lm
from tests.openai_server import Author
from tests.programs.test_instance import PAIRS

CONTEXTS, SEEDS = "name_contexts.name_list.name_list", "name_seeds.name_list.name_list"
GENERATE = "write_instance.write.generate"
DEMO = {
    "constraint": "Put it in.",
    "seed": "a tap",
    "context": "a kitchen",
    "attributes": ["casually"],
    "text": "A lantern.",
    "augmented": True,
}


def saved(task: Path, path: Path) -> TarGEN:
    program = TarGEN(task, lm=fake_lm(Author()))
    predictor = dict(program.named_predictors())[GENERATE]
    predictor.signature = predictor.signature.with_instructions("Write as the ferryman would.")
    predictor.demos = [dspy.Example(**DEMO)]
    program.rephrase(Phrasing(styles=("as a sailor would",)))
    program.compiled = {"optimizer": "gepa", "kept": "compiled"}
    program.save(path)
    return program


def signed(said: dict[str, Any], path: Path) -> None:
    """Write `said` as a program whose checksum is right."""
    if isinstance(said["seedless"], dict):
        said["seedless"].pop("checksum", None)
        said["seedless"]["checksum"] = _checksum(said)
    path.write_text(json.dumps(said), "utf-8")


def test_everything_that_was_compiled_is_read_back(task: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "program.json"
    program, other = saved(task, path), TarGEN(task, lm=fake_lm(Author()))
    other.read(path)
    assert other.hash == program.hash
    assert other.phrasing == program.phrasing
    assert other.compiled == {"optimizer": "gepa", "kept": "compiled"}
    other.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
    loaded = TarGEN(task, lm=fake_lm(Author()))
    loaded.load(path)
    assert loaded.hash == program.hash


def test_dspy_itself_reads_the_predictors(task: Path, tmp_path: Path) -> None:
    saved(task, tmp_path / "program.json")
    other = TarGEN(task, lm=fake_lm(Author()))
    dspy.Module.load(other, tmp_path / "program.json")
    assert other.write_instance.write.generate.signature.instructions == "Write as the ferryman would."


def test_a_program_is_not_saved_as_something_that_runs_code(task: Path, tmp_path: Path) -> None:
    program = TarGEN(task, lm=fake_lm(Author()))
    for path, whole in ((tmp_path / "program.pkl", False), (tmp_path / "folder", True)):
        with pytest.raises(UsageError, match=r"saved as a \.json file"):
            program.save(path, save_program=whole)
    assert list(tmp_path.iterdir()) == [task]


def set_at(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(said: dict[str, Any]) -> None:
        for key in path[:-1]:
            said = said[key]
        said[path[-1]] = to

    return change


OF_A_FORGER = [
    (set_at("seedless", "format", to=2), "has the format 2, this seedless reads up to 1; update seedless"),
    (set_at("seedless", "format", to=True), "does not say which format"),
    (set_at("seedless", "format", to="1"), "does not say which format"),
    (set_at("seedless", to=None), "is no program of seedless"),
    (set_at("seedless", "more", to=1), "holds more than instructions"),
    (set_at("seedless", "dspy", to="3.9.0"), "was written with DSPy 3.9.0, here is"),
    (set_at("seedless", "dspy", to=None), "does not say which DSPy"),
    (set_at("seedless", "task", to={"name": "other", "hash": "0" * 16}), "was made for the task 'other', not for 'rooms'"),
    (
        set_at("seedless", "task", "hash", to="0" * 16),
        "was made for another version of the task 'rooms' .*: seedless compile TASK -o FILE",
    ),
    (set_at("seedless", "task", to="rooms"), "does not say for which task"),
    (set_at("seedless", "phrasing", to={"code": "import os"}), r"phrasing that cannot be taken \(code: Extra inputs"),
    (set_at("seedless", "phrasing", to={"constraints": {"hot": "Write."}}), "names the label 'hot'"),
    (set_at("seedless", "compiled", to=[]), "account that is no mapping"),
    (set_at("write_instance.spy", to={}), "was made for another LM; the LM fake here is asked or read in another way"),
    (set_at(GENERATE, "lm", to={"model": "openai/other", "api_base": "http://elsewhere.example"}), "names an LM of its own"),
    (set_at(GENERATE, "config", to={"api_base": "http://elsewhere.example"}), "holds more than instructions"),
    (set_at(GENERATE, "traces", to=[1]), "holds more than instructions"),
    (set_at(GENERATE, "signature", "instructions", to=7), "other fields, or without its instructions"),
    (set_at(GENERATE, "signature", "instructions", to="x" * 50_001), "other fields, or without its instructions"),
    (set_at(GENERATE, "signature", "fields", to=[]), "other fields"),
    (set_at(GENERATE, "demos", to=[{"text": {"py/object": "os.system"}}]), "the demonstrations of"),
    (set_at(GENERATE, "demos", to=[{"text": None}]), "the demonstrations of"),
    (set_at(GENERATE, "demos", to=[{"text": [["deep"]]}]), "the demonstrations of"),
    (set_at(GENERATE, "demos", to=[DEMO] * 201), "the demonstrations of"),
]


@pytest.mark.parametrize(("change", "says"), OF_A_FORGER)
def test_a_forged_file_is_refused_in_one_line_and_changes_nothing(
    change: Callable[[dict[str, Any]], None], says: str, task: Path, tmp_path: Path
) -> None:
    """Whoever forges a file can reckon its checksum anew: what it holds is looked at all the same."""
    path = tmp_path / "program.json"
    saved(task, path)
    said = json.loads(path.read_bytes())
    change(said)
    signed(said, path)
    program = TarGEN(task, lm=fake_lm(Author()))
    before = program.hash
    with pytest.raises(UsageError, match=says) as refused:
        program.read(path)
    assert str(path) in str(refused.value) or "compile the program for this task" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert program.hash == before


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "cannot be read as a program"),
        (b"\xff\xfe", "cannot be read as a program"),
        (b"[" * 100_000, "cannot be read as a program"),
        (rb'{"write": {"signature": {"instructions": "Write \ud800."}}}', "cannot be read as a program .*surrogates not allowed"),
        (b'{"seedless": {"format": NaN}}', "NaN is no number"),
        (b"[]", "is no program of seedless"),
        (b"{}", "is no program of seedless"),
        (b" " * (8 * 1024 * 1024 + 1), "has more than 8,388,608 bytes"),
    ],
)
def test_a_file_that_is_no_program_is_refused(raw: bytes, says: str, task: Path, tmp_path: Path) -> None:
    path = tmp_path / "program.json"
    path.write_bytes(raw)
    with pytest.raises(UsageError, match=says):
        TarGEN(task, lm=fake_lm(Author())).read(path)


@pytest.mark.parametrize(
    "half", [set_at(GENERATE, "signature", "instructions", to="\ud800"), set_at(GENERATE, "demos", to=[{"text": "\udfff"}])]
)
def test_half_a_character_is_no_text(half: Callable[[dict[str, Any]], None], task: Path, tmp_path: Path) -> None:
    path = tmp_path / "program.json"
    saved(task, path)
    said = json.loads(path.read_bytes())
    half(said)
    said["seedless"].pop("checksum")
    said["seedless"]["checksum"] = _checksum(said)
    path.write_text(json.dumps(said), "utf-8")
    with pytest.raises(UsageError, match=r"cannot be read as a program .*surrogates not allowed"):
        TarGEN(task, lm=fake_lm(Author())).read(path)


def test_a_program_for_another_kind_of_lm_is_refused_by_the_names_of_both(task: Path, tmp_path: Path) -> None:
    path = tmp_path / "program.json"
    program = saved(task, path)
    program.compiled = {"lm": "openai/some-model", "verifier": "lm"}
    program.save(path)
    embedded = LMSpec.parse("embedded").profile
    says = (
        "was made for the LM openai/some-model, read by an LM; the LM fake here is asked or read in another way; write with that LM"
    )
    for verify, profile in (("none", None), ("blind", replace(embedded, verifier="lm"))):  # another verifier, other fields
        with pytest.raises(UsageError, match=says):
            TarGEN(task, lm=fake_lm(Author()), verify=verify, profile=profile).read(path)


def test_a_program_from_before_lists_were_told_more_is_read(tmp_path: Path) -> None:
    path = tmp_path / "program.json"
    program = TarGEN(PAIRS, lm=fake_lm(Author()))
    seeds = dict(program.named_predictors())[SEEDS]
    seeds.signature = seeds.signature.with_instructions("Name what the ferryman sees.")
    program.save(path)
    said = json.loads(path.read_text("utf-8"))
    dropped = 0
    for name in (SEEDS, CONTEXTS):
        fields = said[name]["signature"]["fields"]
        said[name]["signature"]["fields"] = [field for field in fields if field["prefix"] not in {"Labels:", "Violations:"}]
        dropped += len(fields) - len(said[name]["signature"]["fields"])
    assert dropped == 3
    signed(said, path)
    other = TarGEN(PAIRS, lm=fake_lm(Author()))
    other.read(path)
    assert other.hash == program.hash
    said[SEEDS]["signature"]["fields"].pop()
    signed(said, path)
    with pytest.raises(UsageError, match="was saved for other fields"):
        other.read(path)


def test_one_changed_word_is_noticed(task: Path, tmp_path: Path) -> None:
    path = tmp_path / "program.json"
    saved(task, path)
    path.write_text(path.read_text("utf-8").replace("the ferryman", "a ferryman"), "utf-8")
    with pytest.raises(UsageError, match="was changed after it was written"):
        TarGEN(task, lm=fake_lm(Author())).read(path)
