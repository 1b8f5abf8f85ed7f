"""Bad input of every kind: exit code 2, one line on stderr that says what was given and what to do, and nothing written."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.command_line import KEY, SCRIPT, CommandLine
from tests.openai_server import OpenAIServer, task_file

LM = ("--lm", "openai/some-model", "--api-base", "http://127.0.0.1:9/v1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A command and what its message must say. `{task}` and `{dir}` stand for a good task file and an empty folder's `out`."""

    args: tuple[str, ...]
    says: tuple[str, ...]
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    env: Mapping[str, str | None] = field(default_factory=dict)


def generate(*more: str, task: str = "{task}", n: str = "2", out: str = "{dir}/out", lm: tuple[str, ...] = LM) -> tuple[str, ...]:
    return ("generate", task, "-n", n, "-o", out, *lm, *more)


def task_with(old: str, new: str) -> str:
    text = task_file()
    assert old in text
    return text.replace(old, new, 1)


def bad_task(text: str | bytes, *says: str) -> Bad:
    return Bad(args=generate(task="{dir}/bad.yaml"), files={"bad.yaml": text}, says=("bad.yaml", *says))


BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

CASES: Mapping[str, Bad] = {
    # the task
    "unknown task": Bad(args=generate(task="movie_review"), says=("'movie_review'", "movie_reviews")),
    "unknown task with a long name": Bad(args=generate(task="x" * 300), says=("xxx",)),
    "no such file": Bad(args=generate(task="{dir}/none.yaml"), says=("none.yaml", "No such file")),
    "a folder as task": Bad(args=generate(task="{dir}"), says=("folder", "task file")),
    "not UTF-8": bad_task(b"name: \xff\xfe\n", "UTF-8"),
    "not YAML": bad_task("name: [rooms\nfields: }", ":2:", "YAML"),
    "empty file": bad_task("", "empty", "labels"),
    "a list": bad_task("- one\n- two\n", "the task"),
    "a single word": bad_task("rooms\n", "mapping"),
    "duplicate label": bad_task(task_with("name: cold", "name: Warm"), ":11:", "'Warm'", "twice"),
    "duplicate key": bad_task(task_with("seeds:\n", "contexts:\n"), "'contexts'", "twice"),
    "unknown key": bad_task(task_with("    form: sentence", "    from: sentence"), ":6:", "unknown key", "from"),
    "missing field": bad_task(
        task_with("description: Short notes about things that people keep, sorted by how they feel to the hand.\n", ""),
        "description",
        "missing",
    ),
    "wrong type": bad_task(task_with("    form: sentence", "    form: sentence\n    min_words: many"), ":7:", "'many'", "integer"),
    "a number as name": bad_task(task_with("name: rooms", "name: 12"), ":1:", "12", "quotes"),
    "wrong choice": bad_task(task_with("form: sentence", "form: haiku"), ":6:", "'haiku'", "sentence"),
    "a share that is no number": bad_task(
        task_with("    meaning: the note holds the word 'compass'", "    meaning: cold\n    share: .nan"), "share"
    ),
    "unknown place": bad_task(
        task_with("hint: things that stand in {context}", "hint: things\n").replace("Put the word 'lantern'", "Put {thing}"),
        "'thing'",
        "seed",
    ),
    "unknown kind of assertion": bad_task(task_file() + "assertions:\n  - kind: rhyme\n", "'rhyme'", "length"),
    "a pattern that is no regular expression": bad_task(
        task_file() + "assertions:\n  - {kind: regex, pattern: '(', message: no}\n", "'('", "regular expression"
    ),
    "10 MB": bad_task("# " + "x" * 10_000_000 + "\n" + task_file(), "10,000,", "262,144"),
    "alias bomb": bad_task(BOMB + task_file(), "anchors"),
    "a tag that runs code": bad_task("name: !!python/object/apply:os.system ['touch pwned']\n", "tag"),
    "deep nesting": bad_task("name: " + "[" * 500 + "]" * 500 + "\n", "nested"),
    "very deep nesting": bad_task("name: " + "[" * 100_000 + "]" * 100_000 + "\n", "nested"),
    "a number of 5,000 digits": bad_task(
        task_with("    form: sentence", f"    form: sentence\n    min_words: {'9' * 5000}"), ":7:"
    ),
    # how many
    "no rows": Bad(args=generate(n="0"), says=("0", "1 to 1,000,000")),
    "minus three rows": Bad(args=generate(n="-3"), says=("-3", "1 to 1,000,000")),
    "x rows": Bad(args=generate(n="x"), says=("-n", "integer")),
    "half a row": Bad(args=generate(n="0.5"), says=("-n", "integer")),
    "too many rows": Bad(args=generate(n="1000001"), says=("1000001", "1,000,000")),
    "no -n at all": Bad(args=("generate", "{task}", *LM), says=("-n",)),
    "preview of none": Bad(args=generate("--preview", "0"), says=("--preview 0", "at least 1")),
    # the folder
    "a folder below a file": Bad(args=generate(out="{dir}/file/below"), files={"file": "mine"}, says=("file/below", "-o DIR")),
    "a file as folder": Bad(args=generate(out="{dir}/file"), files={"file": "mine"}, says=("file", "-o DIR")),
    "a folder with strangers": Bad(args=generate(out="{dir}"), files={"thesis.tex": "mine"}, says=("thesis.tex", "-o DIR")),
    "a folder with a data set of somebody else": Bad(
        args=generate(out="{dir}"), files={"dataset/train.csv": "mine"}, says=("dataset", "-o DIR")
    ),
    "a folder with rows of somebody else": Bad(
        args=generate(out="{dir}"), files={"rows.jsonl": '{"mine": 1}\n'}, says=("rows.jsonl", "-o DIR")
    ),
    "a journal that is none": Bad(args=generate(out="{dir}"), files={"run.db": "mine " * 1000}, says=("run.db", "another folder")),
    # the LM
    "missing weights": Bad(args=generate(lm=("--lm", "gguf:/nowhere.gguf")), says=("/nowhere.gguf", "No such file", "gguf:PATH")),
    "weights that are none": Bad(
        args=generate(lm=("--lm", "gguf:{dir}/w.gguf")), files={"w.gguf": "not GGUF"}, says=("w.gguf", "not a GGUF file")
    ),
    "a fetch without its file": Bad(
        args=generate(lm=("--lm", "hf:somebody/something")), says=("hf:somebody/something", "hf:OWNER/REPO/FILE.gguf")
    ),
    "missing API key": Bad(
        args=generate(lm=("--lm", "openai/gpt-4o-mini")), env={"OPENAI_API_KEY": None}, says=("OPENAI_API_KEY",)
    ),
    "empty API key": Bad(
        args=generate(lm=("--lm", "anthropic/claude")), env={"ANTHROPIC_API_KEY": ""}, says=("ANTHROPIC_API_KEY",)
    ),
    "a judge without its key": Bad(args=generate("--judge-lm", "groq/llama"), says=("GROQ_API_KEY",)),
    "a spec that means nothing": Bad(args=generate(lm=("--lm", "gpt-4o")), says=("'gpt-4o'", "openai/NAME", "embedded")),
    "an empty spec": Bad(args=generate(lm=("--lm", "")), says=("''", "openai/NAME")),
    "a judge that means nothing": Bad(args=generate("--judge-lm", "gpt 4"), says=("'gpt 4'", "openai/NAME")),
    "an address with the embedded LM": Bad(
        args=generate(lm=("--lm", "embedded", "--api-base", "http://127.0.0.1:9/v1")), says=("--api-base", "'embedded'")
    ),
    "an address that is none": Bad(
        args=generate(lm=("--lm", "openai/m", "--api-base", "localhost:8000")), says=("'localhost:8000'", "http://")
    ),
    # the other options
    "verify mode": Bad(args=generate("--verify", "twice"), says=("'twice'", "blind", "vote-K")),
    "no votes": Bad(args=generate("--verify", "vote-0"), says=("'vote-0'", "vote-K")),
    "verifier": Bad(args=generate("--verifier", "human"), says=("'human'", "lm, embedding, both")),
    "judge and embeddings": Bad(
        args=generate("--verifier", "both", "--judge-lm", "openai/x"), says=("'both'", "judge LM", "leave one")
    ),
    "strategy": Bad(args=generate("--strategy", "magic"), says=("'magic'", "targen")),
    "adapter": Bad(args=generate("--adapter", "xml"), says=("'xml'", "json")),
    "concurrency": Bad(args=generate("--concurrency", "0"), says=("concurrency 0", "at least 1")),
    "calls": Bad(args=generate("--max-calls", "0"), says=("max-calls 0", "at least 1")),
    "a negative cost": Bad(args=generate("--max-cost", "-1"), says=("max-cost -1", "above 0")),
    "no cost": Bad(args=generate("--max-cost", "0"), says=("max-cost 0", "above 0")),
    "a cost that is no number": Bad(args=generate("--max-cost", "nan"), says=("nan",)),
    "seed": Bad(args=generate("--seed", "-1"), says=("seed -1", "at least 0")),
    "refills": Bad(args=generate("--max-refills", "-1"), says=("max-refills -1", "at least 0")),
    "drafts": Bad(args=generate("--drafts", "33"), says=("drafts 33", "at most 32")),
    "attempts": Bad(args=generate("--attempts", "0"), says=("attempts 0", "at least 1")),
    "a share of traces": Bad(args=generate("--trace", "7"), says=("trace 7", "0 to 1"), env={"SEEDLESS_TRACK": "1"}),
    "traces of what is not tracked": Bad(
        args=generate("--trace", "0.5", "--no-track"), says=("--trace", "--no-track", "leave one")
    ),
    "traces of a preview": Bad(args=generate("--trace", "0.5", "--preview", "1"), says=("--trace", "--preview", "leave one")),
    "a seed that is no number": Bad(args=generate("--seed", "lucky"), says=("--seed", "integer")),
    "no such program": Bad(args=generate("--program", "{dir}/none.json"), says=("none.json", "No such file")),
    "a program that is no JSON": Bad(args=generate("--program", "{dir}/p.json"), files={"p.json": "{"}, says=("p.json",)),
    "a program of another kind": Bad(
        args=generate("--program", "{dir}/p.json"),
        files={"p.json": "{}"},
        says=("p.json", "is no program of seedless", "seedless compile"),
    ),
    "a program with another task's strategy": Bad(
        args=generate("--program", "{dir}/p.json", "--strategy", "direct"),
        files={"p.json": "{}"},
        says=("'direct'", "changes the task", "targen, no-correction, no-filters", "leave the program out"),
    ),
    "unknown option": Bad(args=generate("--turbo"), says=("--turbo", "--help")),
    "an option without its value": Bad(args=generate("--seed"), says=("--seed",)),
    "unknown verb": Bad(args=("generete", "{task}"), says=("generete", "--help")),
    "too many arguments": Bad(args=generate("another"), says=("another",)),
    "tasks: unknown task": Bad(args=("tasks", "movie_review"), says=("movie_review", "movie_reviews")),
    "export: no run": Bad(
        args=("export", "{dir}", "--format", "csv", "--task", "{task}"), says=("rows.jsonl", "seedless generate")
    ),
    "export: unknown format": Bad(args=("export", "{dir}", "--format", "xml", "--task", "{task}"), says=("'xml'", "parquet")),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_with_one_line(name: str, seedless: CommandLine, task: Path, tmp_path: Path) -> None:
    case = CASES[name]
    folder = tmp_path / "here"
    folder.mkdir()
    for file, content in case.files.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = _contents(folder)
    args = [arg.replace("{task}", str(task)).replace("{dir}", str(folder)) for arg in case.args]
    done = seedless.run(*args, cwd=folder, env=case.env, timeout=10)
    assert "Traceback" not in done.err, done.err[-2000:]
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("seedless: ")
    assert done.err.count("\n") == 1, done.err
    assert len(done.err) < 1000
    assert [said for said in case.says if said not in done.err] == [], done.err
    assert KEY not in done.err
    assert _contents(folder) == before


def test_a_folder_of_another_run_is_left_as_it_is(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    lm = ("--lm", "openai/some-model", "--api-base", openai_server.url)
    assert seedless.run("generate", task, "-n", "2", "-o", out, *lm).code == 0
    before, asked = _contents(out), openai_server.requests
    done = seedless.run("generate", "movie_reviews", "-n", "2", "-o", out, *lm)
    assert done.code == 2
    assert done.err.count("\n") == 1
    for said in (str(out), "rooms", "movie_reviews", "-o DIR", "--fresh"):
        assert said in done.err
    assert {name: data for name, data in _contents(out).items() if name != "run.db"} == {
        k: v for k, v in before.items() if k != "run.db"
    }
    assert openai_server.requests == asked


@pytest.mark.slow
@pytest.mark.parametrize("room", [1_000, 45_000, 60_000, 100_000])
def test_a_disk_that_is_full_is_said_so_and_the_run_goes_on_when_there_is_room(
    room: int, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    """No file may grow over `room` bytes: SQLite and Python meet it as they meet a full disk, with a write that fails."""
    out = tmp_path / "out"
    given = (
        "generate",
        task,
        "-n",
        "12",
        "-o",
        out,
        "--lm",
        "openai/some-model",
        "--api-base",
        openai_server.url,
        "--concurrency",
        "1",
    )
    done = seedless.run(*given, file_size=room)
    assert "Traceback" not in done.err, done.err[-3000:]
    assert done.code == 2, "the bound was not met"
    assert "make room" in done.last
    assert str(out) in done.last
    assert sum(line.startswith("seedless:") for line in done.err.splitlines()) == 1
    kept = (
        [json.loads(line) for line in (out / "rows.jsonl").read_text("utf-8").splitlines()] if (out / "rows.jsonl").exists() else []
    )
    done = seedless.run(*given)
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in (out / "rows.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == 12
    assert [row for row in kept if row not in rows] == []


@pytest.mark.slow
def test_a_process_that_starts_from_nothing_refuses_alike(seedless: CommandLine, task: Path, tmp_path: Path) -> None:
    done = seedless.run("generate", task, "-n", "2", "-o", tmp_path / "out", "--lm", "gguf:/nowhere.gguf", cold=True)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "/nowhere.gguf" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("track", ["0", "1"])
def test_a_working_directory_that_was_deleted_ends_no_run(
    track: str, openai_server: OpenAIServer, task: Path, tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    command = f"cd {tmp_path}/gone && rmdir {tmp_path}/gone && {SCRIPT} generate {task} -n 2 -o {tmp_path}/out --lm openai/m --api-base {openai_server.url}"
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "OPENAI_API_KEY": KEY, "SEEDLESS_TRACK": track}
    done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert ("not recorded in MLflow" in done.stderr) == (track == "1")
    assert len((tmp_path / "out" / "rows.jsonl").read_text("utf-8").splitlines()) == 2


@pytest.mark.parametrize("args", [(), ("--help",), ("generate", "--help")])
def test_help_is_help(args: tuple[str, ...], seedless: CommandLine) -> None:
    done = seedless.run(*args)
    assert "Usage: seedless" in done.out + done.err
    assert "seedless: " not in done.err
    assert done.code == (0 if args else 2)


def test_messages_steer_no_terminal(seedless: CommandLine, tmp_path: Path) -> None:
    done = seedless.run("generate", "\x1b[2Jgone.yaml", "-n", "2", cwd=tmp_path)
    assert done.code == 2
    assert "\x1b" not in done.err
    assert "\\x1b" in done.err


def test_messages_turn_no_text_around(seedless: CommandLine, tmp_path: Path) -> None:
    done = seedless.run("generate", "\u202elmay.enog\u2069.yaml", "-n", "2", cwd=tmp_path)
    assert done.code == 2
    assert "\\u202elmay.enog\\u2069.yaml" in done.err


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()} | {
        str(path.relative_to(folder)): b"" for path in folder.rglob("*") if path.is_dir()
    }
