"""Runs against a real HTTP server that fails in every way a server can: exact data sets, honest ledgers, and no key anywhere."""

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.command_line import KEY, CommandLine, Done, Running
from tests.openai_server import FAULTS, Fault, OpenAIServer, closed_port, task_file

QUOTAS = {"warm": 6, "cold": 6}
MIDDLE = 16  # of the 31 requests of an untroubled run of 12 rows: 1 for contexts, 6 for seeds, 12 to write, 12 to verify


def command(task: Path, out: Path, url: str, *more: str, n: int = 12, concurrency: int = 1) -> list[str | Path]:
    given = ["--lm", "openai/some-model", "--api-base", url, "--concurrency", str(concurrency), *more]
    return ["generate", task, "-n", str(n), "-o", out, *given]


def rows_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "rows.jsonl").read_text("utf-8").splitlines()]


def ledger_of(out: Path) -> dict[str, Any]:
    ledger: dict[str, Any] = json.loads((out / "ledger.json").read_text("utf-8"))
    return ledger


def check_complete(done: Done, out: Path, server: OpenAIServer, *, unsent: int = 0) -> None:
    """Exit code 0, exact quotas, each text under the label whose marker it holds, and every request of the server in the ledger; and in
    that at most `unsent` others, which were begun when the run ended."""
    assert done.code == 0, done.err
    rows = rows_of(out)
    assert Counter(row["label"] for row in rows) == QUOTAS
    assert len({row["id"] for row in rows}) == len({row["text"] for row in rows}) == 12
    markers = {"warm": "lantern", "cold": "compass"}
    assert [row for row in rows if f" {markers[row['label']]} " not in row["text"]] == []
    assert 0 <= sum(ledger_of(out)["calls"].values()) - server.requests <= unsent
    check_no_key(done, out)


def check_no_key(done: Done, *folders: Path) -> None:
    for folder in folders:
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert files
        assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    assert KEY not in done.out + done.err


@pytest.fixture(scope="module")
def hopeless(
    seedless: CommandLine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[OpenAIServer, Path, Running, str, Running]]:
    """Two runs that try for seven seconds before they give up, begun while other tests work: one meets 500s, one a closed port."""
    folder = tmp_path_factory.mktemp("hopeless")
    task = folder / "rooms.yaml"
    task.write_text(task_file(), "utf-8")
    with OpenAIServer(faults=lambda _: Fault(status=500, message="out of order")) as server, closed_port() as closed:
        failing = seedless.start(*command(task, folder / "failing", server.url))
        yield server, folder, failing, closed, seedless.start(*command(task, folder / "absent", closed))


@pytest.mark.usefixtures("hopeless")
@pytest.mark.parametrize("concurrency", [1, 32])
def test_an_untroubled_run_asks_once_for_each_step(
    concurrency: int, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.delay = 0.02
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url, concurrency=concurrency))
    check_complete(done, tmp_path / "out", openai_server)
    assert ledger_of(tmp_path / "out")["calls"] == {"contexts": 1, "seeds": 6, "write": 12, "verify": 12}
    assert ledger_of(tmp_path / "out")["tokens"]["write"]["output"] == 12 * 8  # `{"text":` and seven words
    assert ledger_of(tmp_path / "out")["cost_usd"] is None
    assert openai_server.busiest == 1 if concurrency == 1 else 2 <= openai_server.busiest <= 12
    assert {seen.headers["Authorization"] for seen in openai_server.seen} == {f"Bearer {KEY}"}
    assert len({json.dumps(seen.body, sort_keys=True) for seen in openai_server.seen}) == openai_server.requests


@pytest.mark.slow
def test_a_process_that_starts_from_nothing_does_the_same(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.script({MIDDLE: FAULTS["500"]})
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url, "--json"), cold=True)
    check_complete(done, tmp_path / "out", openai_server)
    assert json.loads(done.out)["accepted"] == 12  # nothing but one JSON object on stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_in_the_middle_is_survived(name: str, seedless: CommandLine, task: Path, tmp_path: Path) -> None:
    with OpenAIServer(faults={MIDDLE: FAULTS[name]}) as one, OpenAIServer(faults={MIDDLE: FAULTS[name]}) as many:
        runs = [
            (
                server,
                tmp_path / str(concurrency),
                seedless.start(*command(task, tmp_path / str(concurrency), server.url, concurrency=concurrency)),
            )
            for server, concurrency in ((one, 1), (many, 32))
        ]
        for server, out, run in runs:
            check_complete(run.wait(), out, server)
            assert server.faults_met == 1
            refused = [json.loads(line) for line in (out / "refusals.jsonl").read_text("utf-8").splitlines()]
            assert all(broken["sentence"] for refusal in refused for broken in refusal["broken"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["torn HTTP body", "connection closed", "empty content", "refusal", "a page instead of JSON", "usage that is no number"]
)
def test_faults_in_the_lists_of_contexts_and_seeds_are_survived(
    name: str, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.script({1: FAULTS[name], 3: FAULTS[name]})
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url))
    check_complete(done, tmp_path / "out", openai_server)
    assert openai_server.faults_met == 2


@pytest.mark.parametrize("finish", ["length", "stop"])
def test_a_list_that_was_cut_gives_no_scraps_of_json_as_contexts(
    finish: str, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    def cut(text: str) -> str:
        return json.dumps(json.loads(text), indent=2)[:-30]

    openai_server.script({1: Fault(edit=cut, finish=finish, stage="contexts")})
    check_complete(seedless.run(*command(task, tmp_path / "out", openai_server.url)), tmp_path / "out", openai_server)
    contexts = {row["provenance"]["context"] for row in rows_of(tmp_path / "out")}
    assert [context for context in contexts if not context.replace(" ", "").isalpha() or context == "contexts"] == []


@pytest.mark.slow
def test_an_lm_that_names_no_contexts_is_told_of(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    nothing = Fault(edit=lambda _: json.dumps({"contexts": []}), stage="contexts")
    openai_server.script({1: nothing, 2: nothing, 3: nothing})
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url))
    check_complete(done, tmp_path / "out", openai_server)
    assert "the LM named no contexts, so 12 rows are about the task's hint alone" in done.err
    assert ledger_of(tmp_path / "out")["unnamed"] == 12


@pytest.mark.slow
def test_an_lm_that_names_the_same_again_and_again_is_told_of(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    faults = {
        number: Fault(edit=lambda _, stage=stage: json.dumps({stage: ["the same"] * 4}), stage=stage)
        for number, stage in enumerate(("contexts",) * 4 + ("seeds",) * 4, 1)
    }
    openai_server.script(faults)
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url))
    check_complete(done, tmp_path / "out", openai_server)
    assert "the LM named few contexts and seeds: the rows rest on 1 of 6 contexts and 1 of 6 seeds; list some" in done.err
    assert "| named by the LM | 1 of 6 contexts and 1 of 6 seeds |" in (tmp_path / "out" / "dataset" / "README.md").read_text(
        "utf-8"
    )


class Busy:
    """429 for `seconds` from the tenth request on."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.begun: float | None = None

    def __call__(self, number: int) -> Fault | None:
        if number < 10:
            return None
        self.begun = self.begun or time.monotonic()
        return FAULTS["429 with Retry-After"] if time.monotonic() - self.begun < self.seconds else None


@pytest.mark.slow
def test_three_seconds_of_429_are_survived(seedless: CommandLine, task: Path, tmp_path: Path) -> None:
    with OpenAIServer(faults=Busy(3)) as one, OpenAIServer(faults=Busy(3)) as many:
        runs = [
            (
                server,
                tmp_path / str(concurrency),
                seedless.start(*command(task, tmp_path / str(concurrency), server.url, concurrency=concurrency)),
            )
            for server, concurrency in ((one, 1), (many, 32))
        ]
        for server, out, run in runs:
            check_complete(run.wait(), out, server)
            assert not any(ledger_of(out)["refused"].values())
            assert 4 < server.faults_met < 16 * 13  # it went on asking, each worker as often as it was told to


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_refuses_ends_the_run_at_once(
    status: int, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.script(lambda _: Fault(status=status, message="no such thing for you"))
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url, concurrency=32))
    assert done.code == 4
    assert openai_server.requests == 1
    assert done.err.count("\n") == 1
    for said in (openai_server.url, "some-model", f"HTTP {status}", "no such thing for you", "same command"):
        assert said in done.err
    assert ledger_of(tmp_path / "out")["calls"] == {"contexts": 1}
    assert rows_of(tmp_path / "out") == []
    check_no_key(done, tmp_path / "out")


@pytest.mark.parametrize("status", [401, 404])
def test_a_refusal_in_the_middle_keeps_the_rows_and_the_same_command_goes_on(
    status: int, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.script({MIDDLE: Fault(status=status)})
    out = tmp_path / "out"
    done = seedless.run(*command(task, out, openai_server.url))
    if done.code != 0:
        assert done.code == 4
        assert f"HTTP {status}" in done.last
        kept = rows_of(out)
        assert 0 < len(kept) < 12
        assert "--max-refills" not in ledger_of(out)["shortfall"]  # no label reached its bound
        done = seedless.run(*command(task, out, openai_server.url))
        assert rows_of(out)[: len(kept)] == kept
    check_complete(done, out, openai_server)


def test_a_server_that_repeats_the_key_does_not_bring_it_into_files_or_messages(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.script(lambda _: Fault(status=401, message=f"Incorrect API key provided: {KEY}."))
    done = seedless.run(*command(task, tmp_path / "refused", openai_server.url, "--json"))
    assert done.code == 4
    assert json.loads(done.out)["accepted"] == 0
    check_no_key(done, tmp_path / "refused")
    openai_server.script({openai_server.requests + MIDDLE: Fault(status=422, message=f"Bad request with the key {KEY}.")})
    done = seedless.run(*command(task, tmp_path / "went on", openai_server.url))
    check_no_key(done, tmp_path / "went on")


@pytest.mark.parametrize("proxy", ["socks5h://user:{}@127.0.0.1:1080", "http://user:{}@127.0.0.1:0"])
def test_a_proxy_s_password_reaches_no_file_and_no_message(
    proxy: str, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    password = "ProxyPassw0rd"  # noqa: S105  made up, to be looked for where none may be
    out = tmp_path / "out"
    done = seedless.run(*command(task, out, openai_server.url), env={"ALL_PROXY": proxy.format(password)})
    assert done.code == 4
    assert "the proxy in the environment variable ALL_PROXY cannot be used" in done.last
    assert sum(ledger_of(out)["calls"].values()) == 1, "it is tried once"
    assert password not in done.out + done.err
    assert [path for path in out.rglob("*") if path.is_file() and password.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("concurrency", [1, 32])
def test_a_budget_of_calls_is_kept_and_a_larger_one_completes(
    concurrency: int, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = seedless.run(*command(task, out, openai_server.url, "--max-calls", "15", concurrency=concurrency))
    assert done.code == 3
    assert openai_server.requests == 15
    ledger = ledger_of(out)
    assert sum(ledger["calls"].values()) == 15
    assert ledger["accepted"] == len(rows_of(out)) < 12
    short = [label for label, account in ledger["per_label"].items() if account["missing"]]
    assert short
    for said in (*short, "--max-calls"):
        assert said in ledger["shortfall"]
        assert said in done.last
    again = seedless.run(*command(task, out, openai_server.url, "--max-calls", "15", concurrency=concurrency))
    assert again.code == 3
    assert openai_server.requests == 15  # what is used up stays used up
    kept = {row["id"]: row for row in rows_of(out)}
    done = seedless.run(*command(task, out, openai_server.url, "--max-calls", "200", concurrency=concurrency))
    check_complete(done, out, openai_server)
    assert kept.items() <= {row["id"]: row for row in rows_of(out)}.items()
    assert openai_server.requests == 31  # nothing was asked twice


def test_a_bound_on_the_cost_of_a_model_without_a_price_is_refused(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url, "--max-cost", "1"))
    assert done.code == 2
    assert "--max-calls" in done.last
    assert openai_server.requests <= 1


def test_a_verifier_that_never_agrees_ends_the_run_with_the_account(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    contrary = Fault(edit=lambda text: json.dumps({**json.loads(text), "label": "warm"}), stage="verify")
    openai_server.script(lambda number: contrary if number > 7 else None)
    few = ("--max-refills", "1", "--attempts", "1")  # readings, too few to tell that it is the verifier
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url, *few, concurrency=32))
    assert done.code == 3
    ledger = ledger_of(tmp_path / "out")
    assert ledger["per_label"]["warm"]["accepted"] <= 6
    assert ledger["per_label"]["cold"]["accepted"] == 0
    assert "cold lacks 6 of 6" in done.last
    refused = [json.loads(line) for line in (tmp_path / "out" / "refusals.jsonl").read_text("utf-8").splitlines()]
    assert len(refused) == sum(ledger["refused"].values()) > 0
    assert sum(ledger["calls"].values()) == openai_server.requests


def test_every_second_answer_fails_and_the_data_set_is_exact(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    kinds = itertools.cycle(
        [fault for name, fault in FAULTS.items() if fault.status == 200 and not fault.stall and not fault.stage]
    )
    openai_server.script(lambda number: next(kinds) if number % 2 == 0 and number > 8 else None)
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url, concurrency=32))
    check_complete(done, tmp_path / "out", openai_server)


@pytest.mark.slow
def test_a_server_that_always_fails_and_one_that_is_not_there_end_with_4(
    hopeless: tuple[OpenAIServer, Path, Running, str, Running],
) -> None:
    server, folder, failing, closed, absent = hopeless
    for done, address, cause in ((failing.wait(), server.url, "out of order"), (absent.wait(), closed, "failed to connect")):
        assert done.code == 4
        assert done.err.count("\n") == 1
        assert address in done.err
        assert cause in done.err
        check_no_key(done, folder)
    assert sum(ledger_of(folder / "failing")["calls"].values()) == server.requests
    assert 1 < server.requests < 10


@pytest.mark.long
def test_a_library_s_log_stays_off_the_terminal(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    given = command(task, tmp_path / "out", openai_server.url, "--lm", "together_ai/x")
    done = seedless.run(*given, env={"TOGETHERAI_API_KEY": KEY})
    check_complete(done, tmp_path / "out", openai_server)
    assert "LiteLLM" not in done.out + done.err


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "openai/o3"])
def test_a_model_that_dspy_knows_to_take_schemas_is_read(
    model: str, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url, "--lm", model))
    check_complete(done, tmp_path / "out", openai_server)
    assert openai_server.requests == 31  # DSPy hands on as data, not as text, what is held to a schema with a choice


@pytest.mark.parametrize("end", ["\n", "\r\n", " "])
def test_a_key_from_a_file_with_a_line_break_works_and_is_not_told(
    end: str, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    key = "sk-fake/+/0d1e2f3a4b5c6d7e"
    openai_server.script(
        {5: Fault(status=500, message=f"{key} is busy"), MIDDLE: Fault(status=422, message=f"no {quote(key, safe='')}")}
    )
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url), env={"OPENAI_API_KEY": key + end})
    assert done.code == 0, done.err
    assert {seen.headers["Authorization"] for seen in openai_server.seen} == {f"Bearer {key}"}
    texts = [file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file()]
    for form in (key, quote(key, safe="")):
        assert form not in done.out + done.err
        assert not any(form.encode() in text for text in texts)


def test_one_prompt_that_is_refused_costs_its_slot(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.script({MIDDLE: Fault(status=400, stage="write", message="The response was filtered by the content policy.")})
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url))
    check_complete(done, tmp_path / "out", openai_server)
    (refusal,) = [json.loads(line) for line in (tmp_path / "out" / "refusals.jsonl").read_text("utf-8").splitlines()]
    assert "filtered by the content policy" in json.dumps(refusal)


@pytest.mark.parametrize(("fault", "requests"), [(Fault(status=429, headers={"Retry-After": "86400"}), 2), (Fault(status=400), 8)])
def test_an_outage_while_seeds_are_asked_ends_with_4_and_the_same_command_goes_on(
    fault: Fault, requests: int, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.script(lambda _: replace(fault, stage="seeds", message="out of order"))
    given = command(task, tmp_path / "out", openai_server.url, concurrency=4)
    done = seedless.run(*given)
    assert done.code == 4
    assert "out of order" in done.last
    assert "same command" in done.last
    assert [seen.stage for seen in openai_server.seen] == ["contexts"] + ["seeds"] * (openai_server.requests - 1)
    assert openai_server.requests >= requests
    openai_server.script(None)
    check_complete(seedless.run(*given), tmp_path / "out", openai_server, unsent=3)


def test_a_server_that_says_try_at_once_is_not_stormed(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.script({number: Fault(status=429, headers={"Retry-After": "0"}) for number in (5, 6, 7)})
    began = time.monotonic()
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url))
    check_complete(done, tmp_path / "out", openai_server)
    assert time.monotonic() - began > 3.0  # half a second, one, two


def test_an_answer_that_comes_byte_by_byte_is_asked_for_again(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.script({MIDDLE: Fault(drip=0.2)})  # a minute in all, and never a second without a byte
    began = time.monotonic()
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url, "--timeout", "1"))
    check_complete(done, tmp_path / "out", openai_server)
    assert time.monotonic() - began < 30
    assert not (tmp_path / "out" / "refusals.jsonl").read_text("utf-8")


@pytest.mark.parametrize("status", [409, 425])
def test_a_server_that_is_not_ready_is_asked_again(
    status: int, openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.script({1: Fault(status=status), MIDDLE: Fault(status=status)})
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url))
    check_complete(done, tmp_path / "out", openai_server)
    assert not (tmp_path / "out" / "refusals.jsonl").read_text("utf-8")


def test_a_wait_that_the_server_asks_for_is_told_once(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    openai_server.script({number: Fault(status=429, headers={"Retry-After": "6"}) for number in (5, 6, 7)})
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url, concurrency=8))
    check_complete(done, tmp_path / "out", openai_server)
    waits = [line for line in done.err.splitlines() if "waiting" in line]
    assert waits, done.err
    assert all(f"waiting 6 s for the LM at {openai_server.url} (HTTP 429)" in line for line in waits)
    assert len(waits) < 3, "one line for all that wait"


def test_a_judge_of_the_same_provider_is_asked_at_the_same_address(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url, "--judge-lm", "openai/another-model"))
    check_complete(done, tmp_path / "out", openai_server)
    assert {seen.body["model"] for seen in openai_server.seen if seen.stage == "verify"} == {"another-model"}


def test_thoughts_before_an_answer_are_not_the_answer(
    openai_server: OpenAIServer, seedless: CommandLine, task: Path, tmp_path: Path
) -> None:
    guess = json.dumps({"text": "Bad.", "reason": "a guess", "label": "cold", "contexts": ["..."], "seeds": ["..."]})
    openai_server.script(lambda _: Fault(edit=lambda text: f"<think>First guess: {guess}. But no.</think>\n{text}"))
    done = seedless.run(*command(task, tmp_path / "out", openai_server.url))
    check_complete(done, tmp_path / "out", openai_server)
    assert openai_server.requests == 31
