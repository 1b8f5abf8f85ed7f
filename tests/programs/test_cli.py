"""The verbs, as a user types them."""

import csv
import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import typer

from seedless.cli import _kept, _run
from seedless.console import show_account, show_compiled, show_json
from seedless.ledger import Ledger
from tests.command_line import CommandLine
from tests.openai_server import Fault, OpenAIServer, task_file


@pytest.fixture
def lm(openai_server: OpenAIServer) -> list[str]:
    return ["--lm", "openai/some-model", "--api-base", openai_server.url]


def test_tasks_lists_shows_and_prints_the_format(seedless: CommandLine) -> None:
    listed = json.loads(seedless.run("tasks", "--json").out)
    assert len(listed) >= 9
    assert listed["movie_reviews"]["labels"] == ["positive", "negative"]
    assert "question_type" in seedless.run("tasks").out
    shown = seedless.run("tasks", "emotion").out
    assert "anger" in shown
    assert "furious" in shown
    schema = json.loads(seedless.run("tasks", "--schema").out)
    assert {"labels", "fields", "contexts", "seeds"} <= set(schema["required"])


def test_the_package_is_run_as_the_script_is(seedless: CommandLine) -> None:
    done = subprocess.run([sys.executable, "-m", "seedless", "tasks", "emotion"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, seedless.run("tasks", "emotion").out)


INTERRUPTED_EARLY = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.{handler})
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv = ["seedless", "tasks", "emotion"]
from {module} import main
main()
"""


@pytest.mark.parametrize("handler", ["default_int_handler", "SIG_IGN"])
def test_ctrl_c_while_the_command_line_is_loaded_ends_with_130_and_a_line(handler: str) -> None:
    script = (Path(sys.executable).parent / "seedless").read_text("utf-8")
    (module,) = [line.split()[1] for line in script.splitlines() if line.startswith("from ")]
    code = INTERRUPTED_EARLY.format(handler=handler, module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if handler == "SIG_IGN":  # as behind `nohup`
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "seedless: interrupted\n")


def test_preview_shows_rows_and_an_estimate_and_keeps_nothing(
    seedless: CommandLine, task: Path, tmp_path: Path, lm: list[str]
) -> None:
    out = tmp_path / "run"
    done = seedless.run("generate", task, "-n", "500", "-o", out, "--preview", "3", *lm)
    assert done.code == 0, done.err
    assert not out.exists()
    assert "500 rows: about" in done.out
    assert "cost unknown" in done.out
    assert sum(line.startswith(("warm", "cold")) for line in done.out.splitlines()) == 3
    told = json.loads(seedless.run("generate", task, "-n", "500", "-o", out, "--preview", "2", "--json", *lm).out)
    assert len(told["rows"]) == 2
    assert told["per_row"]["calls"] == pytest.approx(2), "each is written and read"
    assert told["estimate"]["calls"] == pytest.approx(500 * 2 + 2 * 22), "two lists for the one context of 22 that was looked at"
    assert told["estimate"]["usd"] is None


def test_a_preview_reckons_with_the_requests_in_flight(
    seedless: CommandLine, task: Path, lm: list[str], openai_server: OpenAIServer
) -> None:
    openai_server.delay = 0.1
    given = ["generate", task, "-n", "960", "--concurrency", "32", "--preview", "2", *lm]
    told = json.loads(seedless.run(*given, "--json").out)
    calls = told["estimate"]["calls"]
    assert calls * 0.1 / 32 < told["estimate"]["seconds"] < 3 * calls * 0.1 / 32, "960 rows one after the other take 200 s"
    assert told["per_row"]["seconds"] == pytest.approx(told["estimate"]["seconds"] / 960)
    assert " s if the server answers 32 requests at once as fast, " in seedless.run(*given).out


def test_a_preview_of_every_row_took_what_it_says(
    seedless: CommandLine, task: Path, lm: list[str], openai_server: OpenAIServer
) -> None:
    told = json.loads(seedless.run("generate", task, "-n", "2", "--preview", "2", "--json", *lm).out)
    assert told["estimate"]["calls"] == pytest.approx(openai_server.requests)
    told = json.loads(seedless.run("generate", task, "-n", "4", "--preview", "2", "--json", *lm).out)
    assert told["estimate"]["calls"] <= 4 * 2 + 2 * 4, "four rows need four contexts at most"


def test_a_preview_that_a_budget_ends_is_one_object_and_keeps_nothing(
    seedless: CommandLine, task: Path, tmp_path: Path, lm: list[str]
) -> None:
    out = tmp_path / "run"
    done = seedless.run(
        "generate", task, "-n", "9", "-o", out, "--preview", "6", "--max-calls", "12", "--concurrency", "1", "--json", *lm
    )
    assert done.code == 3, done.err
    assert 0 < len(json.loads(done.out)["rows"]) < 6
    assert "of 6 rows" in done.last
    assert "a preview keeps none" in done.last
    assert "rows are kept" not in done.last
    assert not out.exists()


def test_json_is_json_whatever_it_holds_and_wherever_it_goes(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = "\x07 \x7f \x92 \x9b \u202e \u2066 \ud800 é 🎉"
    show_json({"text": held})
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"text": held}
    assert not set("\x07\x7f\x92\x9b\u202e\u2066") & set(shown)
    assert "é 🎉" in shown
    openai_server.script(lambda _: Fault(edit=lambda text: text.replace("The ", "The 🎉é "), stage="write"))
    lm = ("--lm", "openai/some-model", "--api-base", openai_server.url)
    for env in ({}, {"PYTHONIOENCODING": "ascii"}):
        done = seedless.run("generate", task, "-n", "2", "--preview", "2", "--json", *lm, env=env, cold=bool(env))
        assert all("🎉é" in row["text"] for row in json.loads(done.out)["rows"])


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("generate rooms -n 2", "rows accepted so far are kept"),
        ("generate rooms -n 2 --preview 2", "a preview keeps no rows"),
        ("generate rooms -n 2 --preview=2", "a preview keeps no rows"),
        ("compile rooms", "what the LM answered so far is kept"),
        ("evaluate out/rooms", "figures are kept only once all are there"),
        ("compare", ""),
        ("", ""),
    ],
)
def test_each_verb_says_what_stays_of_it(command: str, kept: str) -> None:
    assert _kept(command.split()) == kept


def test_a_limit_of_the_machine_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    error = OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/some/module.py")
    monkeypatch.setattr("seedless.cli.app", Mock(side_effect=error))
    assert _run("rows accepted so far are kept") == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    for said in ("--concurrency", "same command", "rows accepted so far are kept"):
        assert said in told


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "no such file"), ImportError("no module"), RuntimeError("odd")])
def test_a_fault_of_ours_keeps_its_traceback(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedless.cli.app", Mock(side_effect=error))
    with pytest.raises(type(error)):
        _run("")


def test_export_in_every_form(seedless: CommandLine, task: Path, tmp_path: Path, lm: list[str]) -> None:
    out = tmp_path / "run"
    assert seedless.run("generate", task, "-n", "4", "-o", out, *lm).code == 0
    rows = [json.loads(line) for line in (out / "rows.jsonl").read_text("utf-8").splitlines()]
    for form in ("jsonl", "csv", "sft", "parquet"):
        done = seedless.run("export", out, "--format", form, "--task", task)
        assert done.code == 0, done.err
    with (out / "export.csv").open(encoding="utf-8", newline="") as file:
        assert [(r["text"], r["label"]) for r in csv.DictReader(file)] == [(r["text"], r["label"]) for r in rows]
    plain = [json.loads(line) for line in (out / "export.jsonl").read_text("utf-8").splitlines()]
    assert [(r["text"], r["label"]) for r in plain] == [(r["text"], r["label"]) for r in rows]
    chats = [json.loads(line)["messages"] for line in (out / "export.sft.jsonl").read_text("utf-8").splitlines()]
    assert [(c[0]["role"], c[1]["content"]) for c in chats] == [("user", r["label"]) for r in rows]
    assert all(r["text"] in c[0]["content"] for c, r in zip(chats, rows, strict=True))
    assert (out / "export.dataset" / "data" / "train.parquet").exists()
    again = seedless.run("generate", task, "-n", "4", "-o", out, *lm)
    assert again.code == 0, "an export in the run's folder is no stranger to it"
    assert seedless.run("export", out, "--format", "csv", "--task", task).err == ""
    lines = (out / "rows.jsonl").read_text("utf-8")
    (out / "rows.jsonl").write_text(lines.replace('"text": "', '"text": "=', 1), "utf-8")
    told = seedless.run("export", out, "--format", "csv", "--task", task).err
    assert "1 cell of" in told
    assert "a formula to a spreadsheet" in told


def test_the_same_command_asks_for_nothing_again(
    seedless: CommandLine, task: Path, tmp_path: Path, lm: list[str], openai_server: OpenAIServer
) -> None:
    command = ["generate", task, "-n", "4", "-o", tmp_path / "run", *lm]
    assert seedless.run(*command).code == 0
    before = openai_server.requests
    done = seedless.run(*command)
    assert done.code == 0
    assert "4 of 4 rows were accepted before" in done.err
    assert openai_server.requests == before


def test_a_model_s_text_does_not_steer_the_terminal(seedless: CommandLine, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text('name: x\ndescription: "\\e[31m\\e]0;owned\\a"\n', "utf-8")
    done = seedless.run("tasks", bad)
    assert done.code == 2
    assert "\x1b" not in done.out + done.err
    assert "\x07" not in done.out + done.err


def account_of(*accepted: int) -> Ledger:
    each = {"missing": 0, "broken_most": {}, "read": 0, "read_otherwise": 0}
    return account({f"label{i}": {"requested": n, "accepted": n, **each} for i, n in enumerate(accepted)})


def account(per_label: dict[str, dict[str, Any]]) -> Ledger:
    made = sum(share["accepted"] for share in per_label.values())
    return Ledger.model_validate(
        {
            "requested": made, "accepted": made, "per_label": per_label, "refused": {}, "broken": {}, "flips": {}, "calls": {"write": 40},
            "tokens": {}, "repeated": 0, "cost_usd": 0.0, "wall_s": 1.0,
            "settings": {
                "task": "rooms", "task_hash": "h", "n": made, "seed": 0, "lm": "x", "strategy": "targen", "verify": "blind", "program": "p",
            },
        }
    )  # fmt: skip


def test_an_account_of_many_labels_does_not_name_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    show_account(account_of(*[1] * 77), Path("run"), {}, as_json=False)
    assert "77 rows in run (label0 1, label1 1, " in (said := capsys.readouterr().out)
    assert "label11 1 and 65 more); 0 slots refused" in said


def test_labels_that_no_row_was_asked_of_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    show_account(account_of(1, 1, 0, 0), Path("run"), {}, as_json=False)
    assert (
        "2 rows are too few for 4 labels: none was asked for of 2 of them (label2, label3); ask for more" in capsys.readouterr().err
    )
    show_account(account_of(1, 0), Path("run"), {}, as_json=False)
    said = capsys.readouterr()
    assert said.out.startswith("1 row in run (")
    assert "1 row is too few for 2 labels: none was asked for of 1 of them (label1); ask for more" in said.err
    show_account(account_of(1, 1), Path("run"), {}, as_json=False)
    assert not capsys.readouterr().err


@pytest.mark.parametrize(("otherwise", "told"), [(9, True), (8, False)])
def test_a_label_that_its_drafts_often_miss_is_told(otherwise: int, told: bool, capsys: pytest.CaptureFixture[str]) -> None:
    share = {"requested": 9, "accepted": 9, "missing": 0, "broken_most": {}, "read": 20, "read_otherwise": otherwise}
    few = {**share, "read": 19, "read_otherwise": 19}
    ledger = account({"warm": share, "cold": few})
    show_account(ledger, Path("run"), {"warm": ("cues",), "cold": ("openings", "cues")}, as_json=False)
    said = capsys.readouterr().err
    assert ("9 of the 20 drafts asked for 'warm' read as another label" in said) == told
    assert ("Cues in the task file, or a larger model, make a writer keep" in said) == told, "it names what the label lacks"
    assert "'cold'" not in said, "too few to say"


@pytest.mark.parametrize(("otherwise", "told"), [(5, True), (4, False)])
def test_labels_of_few_drafts_each_are_told_together(otherwise: int, told: bool, capsys: pytest.CaptureFixture[str]) -> None:
    share = {"requested": 9, "accepted": 9, "missing": 0, "broken_most": {}, "read": 10, "read_otherwise": otherwise}
    full = {**share, "read": 20, "read_otherwise": 0}
    show_account(account({"warm": share, "cold": {**share, "read_otherwise": 4}, "dry": full}), Path("run"), {}, as_json=False)
    said = "9 of the 20 drafts asked for 2 labels of fewer than 20 drafts each read as another label (45%); look at their rows"
    assert (said in (err := capsys.readouterr().err)) == told
    assert ("A clearer constraint in the task file, or a larger model, make" in err) == told


@pytest.mark.parametrize(
    ("refused", "broken", "said"),
    [
        ({"echo": 15, "length": 5}, {"length": 31, "echo": 42, "meta": 2}, "20 slots refused (drafts broke most often: echo 42 times, length 31 times), 40"),
        ({"echo": 5}, {"echo": 1}, "5 slots refused (drafts broke most often: echo 1 time), 40"),
        ({"echo": 4}, {"echo": 4}, "4 slots refused, 40"),
        ({}, {"label": 11}, "0 slots refused (drafts broke most often: label 11 times), 40"),
        ({}, {"label": 10}, "0 slots refused, 40"),
        ({"echo": 1}, {"echo": 1}, "; 1 slot refused, 40"),
    ],
)  # fmt: skip
def test_what_drafts_broke_most_is_told_where_much_was_refused(
    refused: dict[str, int], broken: dict[str, int], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = account_of(5, 5).model_copy(update={"refused": refused, "broken": broken})
    show_account(ledger, Path("run"), {}, as_json=False)
    assert said in capsys.readouterr().out


def test_a_terminal_without_a_models_characters_is_no_end(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.script(lambda _: Fault(edit=lambda text: text.replace("The ", "The 🎉 "), stage="write"))
    lm = ("--lm", "openai/some-model", "--api-base", openai_server.url)
    done = seedless.run("generate", task, "-n", "9", "--preview", "2", *lm, env={"PYTHONIOENCODING": "ascii"}, cold=True)
    assert done.code == 0, done.err
    assert "\\U0001f389" in done.out


@pytest.mark.parametrize("name", ["rooms", "emotion"])
def test_a_run_of_a_task_of_ones_own_is_not_taken_for_a_built_in_one(
    name: str, openai_server: OpenAIServer, seedless: CommandLine, tmp_path: Path
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(task_file(name=name), "utf-8")
    lm = ("--lm", "openai/some-model", "--api-base", openai_server.url)
    assert seedless.run("generate", own, "-n", "4", "-o", tmp_path / "run", *lm).code == 0
    for verb in (("export", tmp_path / "run", "--format", "sft"), ("evaluate", tmp_path / "run")):
        done = seedless.run(*verb)
        assert done.code == 2
        assert f"is a run of a task '{name}' that is no built-in one of this version; name it: --task FILE" in done.last
    assert seedless.run("export", tmp_path / "run", "--format", "sft", "--task", own).code == 0


@pytest.mark.parametrize(
    ("quoted", "said"),
    [
        (None, "the metric is intrinsic; 7 LM calls"),
        ({"checked": 24, "whole": 0.0, "ngram": 0.0}, "anchored in 24 real rows; 7 LM calls"),
        (
            {"checked": 24, "whole": 0.125, "ngram": 0.25},
            "24 real rows (3 of them stand in its prompts word for word, 3 in part); 7",
        ),
    ],
)
def test_a_compile_tells_whether_its_prompts_hold_dev_rows(
    quoted: dict[str, Any] | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    account = {
        "kept": "compiled",
        "why": "better",
        "intrinsic": quoted is None,
        "dev_rows": 24,
        "quoted": quoted,
        "calls": {"write": 7},
    }
    show_compiled(account, Path("program.json"), as_json=False)
    assert said in capsys.readouterr().out
    show_compiled(account, Path("program.json"), as_json=True)
    assert json.loads(capsys.readouterr().out)["quoted"] == quoted


def test_an_end_of_file_in_a_verb_is_no_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command-line library takes it for one of a question to the user, and there are none."""

    def torn() -> None:
        raise EOFError("No data left in file")

    monkeypatch.setattr("seedless.taskfile.built_in_tasks", torn)
    monkeypatch.setattr(sys, "argv", ["seedless", "tasks"])
    with pytest.raises(typer.Abort) as caught:
        _run("")
    assert isinstance(caught.value.__cause__, EOFError)
