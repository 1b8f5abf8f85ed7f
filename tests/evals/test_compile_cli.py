"""`seedless compile` as a process: what it prints, `kill -9` in the middle and the same command again, and programs that are refused."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.coachable_server import QUALITY, CoachableServer
from tests.command_line import KEY, CommandLine, Done
from tests.openai_server import Fault

CONCURRENCY = 4
SEED = "2"
MOMENTS = (20, 48, 70)  # requests at which a compile is killed: when it reads lists, drafts, proposals


def command(task: Path, out: Path, server: CoachableServer, *more: str) -> list[str | Path]:
    given = ["--lm", "openai/some-model", "--api-base", server.url, "--optimizer", "gepa", "--budget-calls", "150", "--seed", SEED]
    return ["compile", task, "-o", out, *given, "--concurrency", str(CONCURRENCY), *more]


def bodies(server: CoachableServer) -> Counter[str]:
    return Counter(json.dumps(seen.body, sort_keys=True) for seen in server.seen)


def words_of(path: Path) -> dict[str, Any]:
    """What a program says, without the account of how it came about."""
    said: dict[str, Any] = json.loads(path.read_text("utf-8"))
    own = said.pop("seedless")
    return {
        "predictors": said,
        "phrasing": own["phrasing"],
        "comparison": own["compiled"]["comparison"],
        "stages": own["compiled"]["stages"],
    }


@dataclass(frozen=True)
class Untroubled:
    """A compile that was left in peace: its task, how it ended, its program, the requests that it took, and the server, still there."""

    task: Path
    done: Done
    program: Path
    requests: int
    server: CoachableServer


@pytest.fixture(scope="module")
def untroubled(seedless: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Untroubled]:
    folder = tmp_path_factory.mktemp("untroubled")
    task = write_task(folder)
    with CoachableServer(seed=2) as server:
        done = seedless.run(*command(task, folder / "program.json", server, "--json"), timeout=120)
        yield Untroubled(task, done, folder / "program.json", server.requests, server)


def write_task(folder: Path) -> Path:
    from tests.openai_server import task_file

    path = folder / "rooms.yaml"
    path.write_text(task_file(), "utf-8")
    return path


@pytest.mark.slow
def test_the_verb_prints_one_json_object_and_keeps_no_key(untroubled: Untroubled) -> None:
    done, program, requests = untroubled.done, untroubled.program, untroubled.requests
    assert max(bodies(untroubled.server).values()) == 1
    assert done.code == 0, done.err
    account = json.loads(done.out)
    assert account["program"] == str(program)
    assert account["kept"] == "compiled"
    assert sum(account["calls"].values()) == requests <= 150
    assert QUALITY in program.read_text("utf-8")
    assert [line.split(":")[1].strip() for line in done.err.splitlines()] == ["contexts", "seeds", "write", "revise"]
    files = [path for path in program.parent.iterdir() if path.is_file()]
    assert {path.name for path in files} >= {"program.json", "program.json.db"}
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    assert KEY not in done.out + done.err


@pytest.mark.slow
def test_a_killed_compile_goes_the_same_way_again_and_pays_for_nothing_twice(
    untroubled: Untroubled, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    program, requests = untroubled.program, untroubled.requests
    out = tmp_path / "program.json"
    with CoachableServer(seed=2, delay=0.03) as server:
        for moment in MOMENTS:
            running = seedless.start(*command(task, out, server))
            deadline = time.monotonic() + 100
            while server.requests < moment and time.monotonic() < deadline:
                time.sleep(0.005)
            running.signal(9)
            assert running.wait().code == -9
            assert not out.exists()
        done = seedless.run(*command(task, out, server, "--json"), timeout=120)
        assert done.code == 0, done.err
        account = json.loads(done.out)
        again = [body for body, count in bodies(server).items() if count > 1]
        assert len(again) <= CONCURRENCY * len(MOMENTS)
        unsent = account["repeated"] - len(again)  # noted, and killed before the server had them: the account never tells too few
        assert 0 <= unsent <= CONCURRENCY * len(MOMENTS) - len(again)
        assert requests <= server.requests <= requests + len(again)
        assert sum(account["calls"].values()) == server.requests + unsent
        assert words_of(out) == words_of(program)


@pytest.mark.slow
def test_an_interrupted_compile_says_so_and_goes_on(
    untroubled: Untroubled, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    program, requests = untroubled.program, untroubled.requests
    out = tmp_path / "program.json"
    with CoachableServer(seed=2, delay=0.03) as server:
        running = seedless.start(*command(task, out, server))
        deadline = time.monotonic() + 100
        while server.requests < 40 and time.monotonic() < deadline:
            time.sleep(0.005)
        running.signal(2)
        done = running.wait()
        assert done.code == 130, done.err
        assert done.last.endswith("interrupted; what the LM answered so far is kept: give the same command again to go on")
        assert "Traceback" not in done.err
        assert seedless.run(*command(task, out, server), timeout=120).code == 0
        assert server.requests <= requests + CONCURRENCY
        assert words_of(out) == words_of(program)


@pytest.mark.slow
def test_a_model_that_cannot_be_used_is_told_without_a_word_of_rows(seedless: CommandLine, task: Path, tmp_path: Path) -> None:
    with CoachableServer() as server:
        server.script(lambda _: Fault(status=401))
        done = seedless.run(*command(task, tmp_path / "program.json", server), timeout=120)
    assert done.code == 4, done.err
    assert "HTTP 401" in done.last
    assert done.last.endswith("mend the cause and give the same command again; what the LM answered so far is kept")
    assert "rows" not in done.last


@pytest.mark.slow
def test_the_same_command_again_asks_for_nothing_another_one_is_refused_and_fresh_begins_anew(
    untroubled: Untroubled, seedless: CommandLine
) -> None:
    task, out, server = untroubled.task, untroubled.program, untroubled.server
    before = words_of(out)
    other = seedless.run(*command(task, out, server, "--seed", "3"), timeout=120)
    assert other.code == 2
    assert other.err.count("\n") == 1
    assert "another compile was begun there (with another seed)" in other.err
    assert "--fresh" in other.err
    again = seedless.run(*command(task, out, server), timeout=120)
    assert again.code == 0
    assert "the compiled program is better" in again.out
    assert words_of(out) == before
    anew = seedless.run(*command(task, out, server, "--fresh", "--json"), timeout=120)
    assert anew.code == 0
    assert sum(json.loads(anew.out)["calls"].values()) == 0  # every answer was there
    assert words_of(out) == before
    assert server.requests == untroubled.requests


@pytest.mark.slow
def test_generate_writes_with_the_program_and_refuses_one_that_is_not_its_own(
    untroubled: Untroubled, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    program = untroubled.program
    with CoachableServer(seed=2) as server:
        given = ["--lm", "openai/some-model", "--api-base", server.url, "--program"]
        done = seedless.run("generate", task, "-n", "6", "-o", tmp_path / "out", *given, program, "--json")
        assert done.code == 0, done.err
        assert json.loads(done.out)["calls"] == {"contexts": 1, "seeds": 3, "write": 6, "verify": 6}
        assert all(QUALITY in json.dumps(seen.body) for seen in server.seen if seen.stage == "write")
        asked = server.requests
        said = json.loads(program.read_text("utf-8"))
        forged, newer, other = (json.loads(json.dumps(said)) for _ in range(3))
        forged["seedless"]["compiled"]["kept"] = "uncompiled"
        newer["seedless"]["format"] = 99
        renamed = tmp_path / "other.yaml"
        renamed.write_text(task.read_text("utf-8").replace("name: rooms", "name: halls"), "utf-8")
        for name, what, of, says in (
            ("forged", forged, task, "was changed after it was written"),
            ("newer", newer, task, "has the format 99, this seedless reads up to 1"),
            ("other", other, renamed, "was made for the task 'rooms', not for 'halls'"),
        ):
            path = tmp_path / f"{name}.json"
            path.write_text(json.dumps(what), "utf-8")
            refused = seedless.run("generate", of, "-n", "6", "-o", tmp_path / name, *given, path)
            assert refused.code == 2, refused.err
            assert refused.err.count("\n") == 1
            assert says in refused.err
            assert str(path) in refused.err
        assert server.requests == asked


@pytest.mark.slow
def test_what_cannot_be_used_is_one_line_before_the_first_call(seedless: CommandLine, task: Path, tmp_path: Path) -> None:
    (tmp_path / "dev.jsonl").write_text('{"text": "A note.", "label": "hot"}\n', "utf-8")
    (tmp_path / "taken.json").write_text("[]", "utf-8")
    with CoachableServer() as server:
        for more, says in (
            (("--optimizer", "adam"), "given the optimizer 'adam'"),
            (("--budget-calls", "12"), "at least 101 are needed"),
            (("--dev", str(tmp_path / "dev.jsonl")), "dev.jsonl:1: has the label 'hot'"),
            (("--dev", str(tmp_path / "none.jsonl")), "none.jsonl: cannot be read"),
            (("--demos-from-dev",), "without dev rows"),
            (("-o", str(tmp_path / "taken.json")), "taken.json: is there already and is no program"),
            (("-o", str(tmp_path / "program.pkl")), "a program is written to a .json file"),
            (("-o", "/proc/no/program.json"), "give a file in a folder that can be written"),
            (("--teacher-lm", "openai/x"), "given --teacher-lm with the optimizer 'gepa'"),
        ):
            done = seedless.run(*command(task, tmp_path / "program.json", server, *more))
            assert done.code == 2, (more, done.err)
            assert done.err.count("\n") == 1, done.err
            assert says in done.err
        assert server.requests == 0
