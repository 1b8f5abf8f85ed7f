"""The package as Python code uses it: functions, the DSPy module, event loops, traces, saved programs."""

import asyncio
import contextlib
import inspect
import itertools
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import dspy
import pytest

from seedless import (
    BudgetEnded,
    Generation,
    LMUnusable,
    Options,
    Refusal,
    Row,
    SetupError,
    TarGEN,
    TaskError,
    UsageError,
    astream,
    background,
    export,
    generate,
    load_task,
    stream,
)
from seedless.lms.metered import MeteredLM
from seedless.run.budget import CallBudget
from seedless.testing import fake_lm
from tests.openai_server import FIELD, Author, Fault, OpenAIServer, answer_to, stage_of
from tests.package_tree import ROOT

QUOTAS = {"warm": 3, "cold": 3}


def scripted(*drafts: str, verdicts: tuple[str, ...] = ()) -> Callable[[str], str]:
    """An author that writes `drafts` in turn, and whose verdicts are given where there are any."""
    left, judged, rng = list(drafts), list(verdicts), random.Random(0)

    def answer(prompt: str) -> str:
        if stage_of(prompt) == "write":
            return json.dumps({"text": left.pop(0)})
        if stage_of(prompt) == "verify" and judged:
            return json.dumps({"reason": "It reads so.", "label": judged.pop(0)})
        return answer_to(prompt, rng)

    return answer


def test_a_program_is_named_by_its_path_as_a_text_too(task: Path, tmp_path: Path) -> None:
    TarGEN(task, lm=fake_lm(str)).save(tmp_path / "program.json")
    assert len(generate(task, n=2, lm=fake_lm(Author()), program=str(tmp_path / "program.json"))) == 2
    for strategy in ("direct", "no-contexts", "no-seeds"):
        with pytest.raises(UsageError, match=f"'{strategy}', which changes the task"):
            Options(program=tmp_path / "program.json", strategy=strategy)
    assert len(generate(task, n=2, lm=fake_lm(Author()), program=tmp_path / "program.json", strategy="no-filters")) == 2


def test_generate_gives_a_data_set_with_class_labels(task: Path, tmp_path: Path) -> None:
    rows = generate(task, n=6, out=tmp_path / "out", lm=fake_lm(Author()))
    assert rows.features["label"].names == ["warm", "cold"]
    assert Counter(rows.features["label"].int2str(rows["label"])) == QUOTAS
    written = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text("utf-8").splitlines()]
    assert [row["text"] for row in written] == list(rows["text"])
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_text("utf-8"))
    assert ledger["cost_usd"] == 0.0
    assert ledger["calls"] == {"contexts": 1, "seeds": 3, "verify": 6, "write": 6}


def test_generate_without_a_folder_writes_nothing(task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert len(generate(task, n=6, lm=fake_lm(Author()))) == 6
    assert list((tmp_path / "here").iterdir()) == []


def test_one_request_at_a_time_gives_the_same_rows_again(task: Path) -> None:
    first, again, other = (generate(task, n=6, lm=fake_lm(Author()), concurrency=1, seed=seed) for seed in (1, 1, 2))
    assert first.to_list() == again.to_list()
    assert first["provenance"] != other["provenance"]


def test_the_clock_stops_when_the_last_slot_is_decided(task: Path, tmp_path: Path) -> None:
    seconds = []
    for _ in range(2):
        with Generation(task, n=4, out=tmp_path / "out", options=Options(lm=fake_lm(Author()))) as generation:
            for _outcome in generation:
                pass
            seconds.append(generation.ledger().wall_s)
            time.sleep(0.05)
        seconds.append(json.loads((tmp_path / "out" / "ledger.json").read_text("utf-8"))["wall_s"])
    assert seconds[0] > 0
    assert seconds == seconds[:1] * 4


def test_generate_works_inside_a_running_loop(task: Path) -> None:
    async def inside() -> int:
        return len(generate(task, n=6, lm=fake_lm(Author())))

    assert asyncio.run(inside()) == 6


def test_stream_yields_rows_and_refusals(task: Path) -> None:
    author, written = Author(), 0

    def answer(prompt: str) -> str:
        nonlocal written
        written += stage_of(prompt) == "write"
        return json.dumps({"text": "I'm sorry, but I can't assist with that."}) if written == 3 else author(prompt)

    outcomes = list(stream(task, n=6, lm=fake_lm(answer), concurrency=1, attempts=1))
    rows = [outcome for outcome in outcomes if isinstance(outcome, Row)]
    assert Counter(row.label for row in rows) == QUOTAS
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert [[broken.assertion for broken in refusal.broken] for refusal in refusals] == [["meta"]]
    assert refusals[0].texts == {"text": "I'm sorry, but I can't assist with that."}


def test_astream_yields_the_same(task: Path) -> None:
    async def collect() -> list[Any]:
        return [outcome async for outcome in astream(task, n=6, lm=fake_lm(Author()), concurrency=1)]

    assert asyncio.run(collect()) == list(stream(task, n=6, lm=fake_lm(Author()), concurrency=1))


def test_a_stream_waits_for_whoever_reads_it(task: Path) -> None:
    def slots(lm: Any) -> int:
        return sum(stage_of(prompt) == "write" for prompt in lm.fake.prompts)

    given: dict[str, Any] = {"n": 60, "concurrency": 4, "verify": "none"}
    lm = fake_lm(Author())
    running = stream(task, lm=lm, **given)
    for _ in range(3):
        next(running)
        time.sleep(0.3)
    assert 3 <= slots(lm) <= 3 + 4 + 2
    assert sum(isinstance(outcome, Row) for outcome in running) == 57
    running = stream(task, lm=fake_lm(Author()), **given)
    next(running)
    time.sleep(0.3)  # all wait
    running.close()

    async def slowly() -> int:
        lm = fake_lm(Author())
        async with contextlib.aclosing(astream(task, lm=lm, **given)) as running:
            for _ in range(3):
                await anext(running)
                await asyncio.sleep(0.3)
        return slots(lm)

    assert 3 <= asyncio.run(slowly()) <= 3 + 4 + 1


def test_two_streams_run_side_by_side(task: Path) -> None:
    counts: dict[int, Counter[str]] = {}

    def run(seed: int) -> None:
        counts[seed] = Counter(o.label for o in stream(task, n=6, seed=seed, lm=fake_lm(Author(seed))) if isinstance(o, Row))

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert counts == {0: QUOTAS, 1: QUOTAS, 2: QUOTAS}


CLOSE_EARLY = """
import json, sys, time
from pathlib import Path
from seedless import Row, stream
from seedless.testing import fake_lm
from tests.openai_server import Author

task, out = Path(sys.argv[1]), Path(sys.argv[2])
for turn in range(30):  # closing meets the run at another moment each time
    lm = fake_lm(Author(turn))
    going = stream(task, n=300, out=out / str(turn), lm=lm, concurrency=4)
    first = [next(going) for _ in range(1 + turn % 4)]
    going.close()
    asked = len(lm.fake.prompts)
    time.sleep(0.02)
    assert len(lm.fake.prompts) - asked <= 4, "the run goes on"
    assert asked < 300
    kept = [json.loads(line) for line in (out / str(turn) / "rows.jsonl").read_text("utf-8").splitlines()]
    assert {row.id for row in first if isinstance(row, Row)} <= {row["id"] for row in kept}
print("closed")
"""


@pytest.mark.long
def test_closing_a_stream_stops_its_run_and_the_same_call_goes_on(task: Path, tmp_path: Path) -> None:
    """In a process of its own: a journal that is closed while the run still writes to it ends a process with a signal."""
    given = [sys.executable, "-c", CLOSE_EARLY, str(task), str(tmp_path / "out")]
    done = subprocess.run(given, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "closed\n"), done.stderr[-1500:]
    assert done.stderr == ""
    before = len((tmp_path / "out" / "0" / "rows.jsonl").read_text("utf-8").splitlines())
    rest = list(stream(task, n=300, out=tmp_path / "out" / "0", lm=fake_lm(Author(99)), concurrency=4))
    assert before + sum(isinstance(outcome, Row) for outcome in rest) == 300


LEAVE_OPEN = """
import sys
from concurrent.futures import ThreadPoolExecutor
from seedless import stream
from seedless.testing import fake_lm
from tests.openai_server import Author

def begun(out):
    going = stream(sys.argv[1], n=60, out=out, lm=fake_lm(Author()), concurrency=4)
    next(going)
    return going

here, there = begun(sys.argv[2]), ThreadPoolExecutor(1).submit(begun, sys.argv[2] + "-pool").result()
"""


@pytest.mark.slow
def test_a_script_that_leaves_a_stream_open_ends_and_the_same_call_goes_on(task: Path, tmp_path: Path) -> None:
    given = [sys.executable, "-c", LEAVE_OPEN, str(task), str(tmp_path / "out")]
    done = subprocess.run(given, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for out in (tmp_path / "out", tmp_path / "out-pool"):
        ledger = json.loads((out / "ledger.json").read_text("utf-8"))
        assert "interrupted" in ledger["shortfall"]
        assert len((out / "rows.jsonl").read_text("utf-8").splitlines()) == ledger["accepted"] < 60
    assert len(generate(task, n=60, out=tmp_path / "out", lm=fake_lm(Author(99)), concurrency=4)) == 60


def test_a_stream_that_is_freed_on_the_background_loop_stops_and_others_go_on(task: Path, tmp_path: Path) -> None:
    rows = [stream(task, n=200, out=tmp_path / "out", lm=fake_lm(Author()))]
    next(rows[0])

    async def free() -> None:
        rows.clear()

    background.start(free()).future.result(timeout=60)
    assert len(generate(task, n=6, lm=fake_lm(Author()))) == 6
    assert (tmp_path / "out" / "ledger.json").exists()
    assert len(generate(task, n=200, out=tmp_path / "out", lm=fake_lm(Author()))) == 200


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt])
def test_an_exit_within_an_lm_reaches_the_caller_and_later_calls_work(raised: type[BaseException], task: Path) -> None:
    def leave(_: str) -> str:
        raise raised("no key")

    with pytest.raises(raised, match="no key"):
        generate(task, n=2, lm=fake_lm(leave))
    assert len(generate(task, n=2, lm=fake_lm(Author()))) == 2


def test_a_stream_checks_what_it_is_given_and_takes_dspy_s_lm_at_the_call(task: Path) -> None:
    for verb in (stream, astream):
        for given in ({"seed": None}, {"verify": "twice"}, {"n": 0}, {"task": "no_such_task"}):
            with pytest.raises(UsageError):
                verb(**{"task": task, "n": 2, "lm": fake_lm(Author()), **given})  # type: ignore[operator]
    with dspy.context(lm=fake_lm(Author())):
        rows = stream(task, n=2)
    outcome = next(rows)
    rows.close()
    assert outcome.provenance.lm == "fake"


def test_an_asynchronous_stream_begins_beside_its_caller_s_loop(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[threading.Thread] = []
    monkeypatch.setattr("seedless.generation.be_quiet", lambda: begun.append(threading.current_thread()))

    async def first() -> Any:
        with dspy.context(lm=fake_lm(Author())):
            async with contextlib.aclosing(astream(task, n=2)) as outcomes:
                return await anext(outcomes)

    assert asyncio.run(first()).provenance.lm == "fake"
    assert begun[0] is not threading.current_thread()


def test_a_run_closes_its_connections(openai_server: OpenAIServer, task: Path) -> None:
    lm = dspy.LM("openai/some-model", api_base=openai_server.url, api_key="none", cache=False)
    with Generation(task, n=200, options=Options(lm=lm, judge_lm=lm)) as generation:
        outcomes = iter(generation)
        next(outcomes)
        assert any(each._engine_store for each in generation.program.lms())
        outcomes.close()
        assert not any(each._engine_store for each in generation.program.lms())


def test_closing_an_asynchronous_stream_stops_its_run(task: Path, tmp_path: Path) -> None:
    lm = fake_lm(Author())
    complaints: list[dict[str, Any]] = []

    async def close_early() -> tuple[int, int]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        going = astream(task, n=300, out=tmp_path / "out", lm=lm, concurrency=2)
        for _ in range(3):
            await anext(going)
        await going.aclose()  # type: ignore[attr-defined]  # an asynchronous generator
        asked = len(lm.fake.prompts)
        await asyncio.sleep(0.3)
        return asked, len(lm.fake.prompts)

    asked, later = asyncio.run(close_early())
    assert later - asked <= 2
    assert later < 300
    assert complaints == []


def test_an_asynchronous_stream_left_half_read_is_closed_with_its_loop(
    task: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop's end closes every asynchronous generator that it knows, at once."""
    given: dict[str, Any] = {"n": 12, "out": tmp_path / "out"}
    left = astream(task, lm=fake_lm(Author()), **given)

    async def begin() -> Any:
        return await anext(left)

    assert isinstance(asyncio.run(begin()), Row)
    assert caplog.messages == []
    lm = fake_lm(Author())
    assert len(generate(task, lm=lm, **given)) == 12, "it has let go of the folder"
    assert sum(stage_of(prompt) == "write" for prompt in lm.fake.prompts) < 12


@pytest.mark.parametrize(
    ("part", "error"),
    [
        ("asyncio.new_event_loop", OSError("too many open files")),
        ("threading.Thread.start", RuntimeError("can't start new thread")),
    ],
)
def test_a_loop_that_cannot_begin_is_told_and_tried_again(part: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing() -> None:
        pass

    monkeypatch.setattr(background, "_loop", None)
    monkeypatch.setattr(background, "_thread", None)
    with monkeypatch.context() as full:
        full.setattr(part, Mock(side_effect=error))
        work = nothing()
        with pytest.raises(type(error)):
            background.run(work)
        assert inspect.getcoroutinestate(work) == "CORO_CLOSED", "else Python warns of it"
    background.start(nothing()).future.result(timeout=10)


def test_a_run_that_is_given_up_while_it_begins_is_closed(task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin, going = Generation.__init__, threading.Event()

    def slowly(self: Generation, *args: Any, **kwargs: Any) -> None:
        going.set()
        time.sleep(0.3)
        begin(self, *args, **kwargs)

    async def give_up() -> None:
        beginning = asyncio.ensure_future(anext(astream(task, n=4, out=tmp_path / "out", lm=fake_lm(Author()))))
        await asyncio.to_thread(going.wait)
        beginning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beginning

    monkeypatch.setattr(Generation, "__init__", slowly)
    asyncio.run(give_up())
    time.sleep(1)  # the run is opened, and closed, in a thread that nobody waits for
    assert len(generate(task, n=4, out=tmp_path / "out", lm=fake_lm(Author()))) == 4


def test_a_label_that_always_fails_ends_in_an_error_with_the_account(task: Path, tmp_path: Path) -> None:
    author = Author()

    def answer(prompt: str) -> str:
        return json.dumps({"text": "Sorry. No."}) if stage_of(prompt) == "write" and "'compass'" in prompt else author(prompt)

    with pytest.raises(BudgetEnded) as caught:
        generate(task, n=6, out=tmp_path / "out", lm=fake_lm(answer), attempts=1, max_refills=1)
    for said in ("cold lacks 3 of 3", "sentences:text", "--max-refills 1"):
        assert said in str(caught.value)
    assert "warm" not in str(caught.value)
    assert caught.value.exit_code == 3
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_text("utf-8"))
    assert ledger["per_label"]["warm"]["missing"] == 0
    assert ledger["per_label"]["cold"]["broken_most"]["sentences:text"] == sum(ledger["refused"].values()) >= 23
    assert len((tmp_path / "out" / "rows.jsonl").read_text("utf-8").splitlines()) == 3
    assert caught.value.rows is not None
    assert caught.value.rows.features["label"].int2str(caught.value.rows["label"]) == ["warm"] * 3


def refusing(prompt: str) -> str:
    raise dspy.LMInvalidRequestError("filtered")


def declining(_prompt: str) -> str:
    return "I can't help with that."


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize(
    ("meets", "said"),
    [
        (
            refusing,
            r"cold gave up after 100 prompts in a row that the LM's server refuses: cold lacks 30 of 30 \(broken most: refused_prompt .*filtered",
        ),
        (declining, r"cold gave up after 100 slots without a row: cold lacks 30 of 30 \(broken most: refusal"),
    ],
)
def test_a_label_that_cannot_be_had_costs_no_other_its_rows(
    meets: Callable[[str], str], said: str, concurrency: int, task: Path, tmp_path: Path
) -> None:
    """Thirty rows of it might have cost 320 slots, with nothing written beside them."""
    author, asked = Author(), itertools.count()

    def answer(prompt: str) -> str:
        if stage_of(prompt) == "write" and "'compass'" in prompt:
            next(asked)
            return meets(prompt)
        return author(prompt)

    folder = tmp_path / "out"
    with pytest.raises(BudgetEnded, match=said) as caught:
        generate(task, n=60, out=folder, lm=fake_lm(answer), concurrency=concurrency, attempts=1)
    assert len(caught.value.rows or ()) == 30
    assert 100 <= next(asked) < 100 + concurrency
    with pytest.raises(BudgetEnded):
        generate(task, n=60, out=tmp_path / "bounded", lm=fake_lm(answer), concurrency=concurrency, attempts=1, max_calls=115)
    rows = (tmp_path / "bounded" / "rows.jsonl").read_text("utf-8").splitlines()
    assert len(rows) == 30, "what cannot be had goes behind what can"


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_server_that_refuses_whatever_it_is_asked_ends_the_run_and_costs_no_label(
    concurrency: int, task: Path, tmp_path: Path
) -> None:
    """A lapsed account is refused with HTTP 400 by some: what is refused then is asked for again later."""
    author, asked = Author(), itertools.count(1)

    def answer(prompt: str) -> str:
        if next(asked) > 40:
            raise dspy.LMInvalidRequestError("the credit balance is too low", status=400)
        return author(prompt)

    with pytest.raises(
        LMUnusable, match=r"credit balance is too low.* slots in a row, of (cold, warm|warm, cold)\); mend the cause"
    ):
        generate(task, n=40, out=tmp_path / "out", lm=fake_lm(answer), concurrency=concurrency)
    assert next(asked) < 40 + 100 + 2 * concurrency
    assert len(generate(task, n=40, out=tmp_path / "out", lm=fake_lm(author), concurrency=concurrency)) == 40


def blocked() -> dspy.LMInvalidRequestError:
    return dspy.LMInvalidRequestError("blocked by a content filter", status=400)


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_filter_that_refuses_one_label_and_some_prompts_of_another_costs_that_label_alone(concurrency: int, task: Path) -> None:
    author, rng = Author(), random.Random(1)

    def answer(prompt: str) -> str:
        if stage_of(prompt) == "write" and ("'compass'" in prompt or rng.random() < 0.3):
            raise blocked()
        return author(prompt)

    with pytest.raises(
        BudgetEnded, match="cold gave up after 100 prompts in a row that the LM's server refuses: cold lacks 30 of 30"
    ):
        generate(task, n=60, lm=fake_lm(answer), concurrency=concurrency)


@pytest.mark.parametrize(("warm", "cold"), [(0.6, 0.6), (0.3, 0.95)])
def test_a_filter_that_refuses_many_prompts_ends_no_run_as_one_whose_lm_cannot_be_used(
    warm: float, cold: float, task: Path
) -> None:
    """Eight refused in a row are nothing rare then."""
    author, rng = Author(), random.Random(3)

    def answer(prompt: str) -> str:
        if stage_of(prompt) == "write" and rng.random() < (cold if "'compass'" in prompt else warm):
            raise blocked()
        return author(prompt)

    rows = generate(task, n=60, lm=fake_lm(answer), concurrency=8, verify="none", max_refills=40)
    assert len(rows) == 60


@pytest.mark.parametrize("refusal", [blocked, lambda: json.dumps({"text": "Sorry. No."})])
def test_refused_prompts_are_counted_in_a_row(refusal: Callable[[], Exception | str], task: Path) -> None:
    """Of a hundred and more that are refused in one run, rows or drafts that fail stand between."""
    author, asked = Author(), itertools.count()

    def answer(prompt: str) -> str:
        if stage_of(prompt) != "write":
            return author(prompt)
        number = next(asked)
        if number < 40 or number > 400:
            return author(prompt)
        if number % 25 == 0:
            failing = refusal()
            return failing if isinstance(failing, str) else author(prompt)
        raise blocked()

    rows = generate(task, n=60, lm=fake_lm(answer), concurrency=1, attempts=1, verify="none", max_refills=40)
    assert len(rows) == 60


@pytest.mark.parametrize("stage", ["seeds", "write"])
def test_a_filter_that_refuses_one_context_costs_no_run(stage: str, task: Path) -> None:
    """Ten labels are asked for in it one after the other."""
    author, rooms, contexts = Author(), load_task(task).model_dump(), list[str]()
    labels = [
        {"name": f"label {letter}", "meaning": f"it holds 'x{letter}z'", "constraint": f"Put the word 'x{letter}z' into it."}
        for letter in "abcdefghij"
    ]

    def answer(prompt: str) -> str:
        context = dict(FIELD.findall(prompt)).get("context", "")
        if context and context not in contexts:
            contexts.append(context)
        if stage_of(prompt) == stage and context in contexts[1:2]:
            raise blocked()
        return author(prompt)

    rows = generate({**rooms, "labels": labels}, n=150, lm=fake_lm(answer), concurrency=1, verify="none")
    assert (len(rows), len(contexts)) == (150, 12)


def test_prompts_that_were_refused_are_no_bar_to_a_later_session(task: Path, tmp_path: Path) -> None:
    author = Author()

    def answer(prompt: str) -> str:
        if stage_of(prompt) == "write" and "'compass'" in prompt:
            raise blocked()
        return author(prompt)

    how: dict[str, Any] = {"n": 4, "out": tmp_path / "out", "concurrency": 1, "max_refills": 0}
    with pytest.raises(BudgetEnded, match="cold reached the bound of refused slots"):
        generate(task, lm=fake_lm(answer), **how)
    assert len(generate(task, lm=fake_lm(author), **how)) == 4


def test_a_later_session_meets_the_same_filter_and_says_the_same(task: Path, tmp_path: Path) -> None:
    """In it nothing but the filtered label is open, so that nothing is answered."""
    author = Author()

    def answer(prompt: str) -> str:
        if stage_of(prompt) == "write" and "'compass'" in prompt:
            raise blocked()
        return author(prompt)

    for _ in range(2):
        with pytest.raises(BudgetEnded, match="cold gave up after 100 prompts in a row that the LM's server refuses"):
            generate(task, n=20, out=tmp_path / "out", lm=fake_lm(answer), concurrency=1)


def test_contexts_that_a_filter_refuses_are_to_be_listed(task: Path) -> None:
    """The same command would meet the same refusal."""

    def answer(prompt: str) -> str:
        raise dspy.LMInvalidRequestError("blocked by a content filter", status=None)

    with pytest.raises(LMUnusable, match=r"refuses this prompt: .*; list contexts in the task file"):
        generate(task, n=4, lm=fake_lm(answer))


def test_a_run_that_was_cut_comes_to_the_rows_of_one_that_was_not(task: Path, tmp_path: Path) -> None:
    """Some drafts are refused, and their positions go behind the others. What a run decided that nobody has read yet is in its folder."""

    def answer(prompt: str) -> str:
        if stage_of(prompt) == "write" and zlib.crc32(prompt.encode()) % 7 == 3:
            return json.dumps({"text": "Sorry. No."})
        return answer_to(prompt, random.Random(prompt))

    def decided(folder: Path) -> list[list[tuple[str, str]]]:
        lines = [(folder / name).read_text("utf-8").splitlines() for name in ("rows.jsonl", "refusals.jsonl")]
        return [
            sorted((each["provenance"]["seed"], json.dumps(each.get("text"))) for each in map(json.loads, some)) for some in lines
        ]

    how: dict[str, Any] = {"n": 20, "concurrency": 1, "attempts": 1, "verify": "none", "lm": fake_lm(answer)}
    list(stream(task, out=tmp_path / "whole", **how))
    for _ in range(4):
        running = stream(task, out=tmp_path / "cut", **how)
        list(itertools.islice(running, 9))
        running.close()
    assert decided(tmp_path / "whole")[1], "some are refused"
    assert decided(tmp_path / "cut") == decided(tmp_path / "whole")


def test_an_lm_that_fails_between_answers_ends_the_run_as_resumable(task: Path, tmp_path: Path) -> None:
    author, verdicts = Author(), itertools.count()

    def answer(prompt: str) -> str:
        if stage_of(prompt) != "verify":
            return author(prompt)
        if next(verdicts) % 3:
            raise dspy.LMServerError("overloaded")
        return json.dumps({"reason": "It reads so.", "label": "lukewarm"})

    how: dict[str, Any] = {"n": 2, "out": tmp_path / "out", "concurrency": 1, "attempts": 1, "max_refills": 0}
    with pytest.raises(LMUnusable, match=r"overloaded.*20 slots of '(cold|warm)'.*same command"):
        generate(task, lm=fake_lm(answer, tries=1), **how)
    assert len(generate(task, lm=fake_lm(author), **how)) == 2


def test_a_run_without_a_folder_that_is_cut_short_hands_over_its_rows(openai_server: OpenAIServer, task: Path) -> None:
    lm = dspy.LM("openai/some-model", api_base=openai_server.url, api_key="none", cache=False)
    with pytest.raises(BudgetEnded) as ended:
        generate(task, n=6, lm=lm, max_calls=14, concurrency=1)
    openai_server.script(lambda number: Fault(status=401) if number >= 14 + 14 else None)
    with pytest.raises(LMUnusable) as broken:
        generate(task, n=6, lm=lm, concurrency=1)
    for error in (ended.value, broken.value):
        assert error.rows is not None
        assert 1 <= len(error.rows) < 6
        assert all(error.rows["text"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"n": 0}, "n = 0"),
        ({"n": True}, "n = True"),
        ({"n": 2.0}, "n = 2.0"),
        ({"lm": 7}, "int"),
        ({"verify": "twice"}, "'twice'"),
        ({"max_cost": float("nan")}, "nan"),
        ({"max_cost": "2.50"}, "'2.50'"),
        ({"seed": "x"}, "seed 'x'"),
        ({"max_calls": 10.5}, "max-calls 10.5"),
        ({"api_base": "http://127.0.0.1:9/v1"}, "api_base"),
    ],
)
def test_wrong_arguments_are_told(given: dict[str, Any], says: str, task: Path) -> None:
    with pytest.raises(UsageError, match=says):
        generate(task, **{"n": 2, "lm": fake_lm(Author()), **given})


def test_the_module_makes_one_instance_in_both_ways(task: Path) -> None:
    program = TarGEN(task, lm=fake_lm(Author()))
    made = program(label="warm", seed="a kettle", context="a kitchen")
    assert (made.ok, made.label) == (True, "warm")
    assert " lantern " in made.text
    assert isinstance(made.outcome, Row)
    assert (made.outcome.provenance.context, made.outcome.provenance.seed) == ("a kitchen", "a kettle")

    async def inside() -> tuple[Any, Any]:
        return await program.acall(label="cold"), program(label="cold", seed="a tap")

    for each in asyncio.run(inside()):
        assert (each.ok, each.label) == (True, "cold")
        assert " compass " in each.text


def test_the_module_is_told_what_it_cannot_use(task: Path) -> None:
    for given in ({"lm": 3}, {"lm": fake_lm(Author()), "judge_lm": 3}):
        with pytest.raises(UsageError, match="given a int as LM"):
            TarGEN(task, **given)
    with pytest.raises(TaskError, match="given the attribute 'nope', the task 'rooms' has none"):
        TarGEN(task, lm=fake_lm(Author()))(label="warm", attributes={"nope": "x"})


def test_the_module_refuses_with_reasons(task: Path) -> None:
    program = TarGEN(task, lm=fake_lm(scripted("One. Two.", "Three. Four.", "Five. Six.")))
    made = program(label="warm", seed="a kettle", context="a kitchen")
    assert not made.ok
    assert isinstance(made.outcome, Refusal)
    assert {broken.assertion for broken in made.outcome.broken} >= {"sentences:text"}
    with pytest.raises(UsageError, match="'lukewarm'"):
        program(label="lukewarm", seed="a kettle", context="a kitchen")


def test_optimisers_see_the_predictors(task: Path) -> None:
    names = [name for name, _ in TarGEN(task, lm=fake_lm(Author())).named_predictors()]
    assert sorted(names) == sorted(
        [
            "name_contexts.name_list.name_list",
            "name_seeds.name_list.name_list",
            "write_instance.write.generate",
            "write_instance.write.revise",
            "write_instance.verifier.judge",
        ]
    )


def test_an_instruction_that_an_optimiser_changed_is_asked(task: Path) -> None:
    lm = fake_lm(Author())
    program = TarGEN(task, lm=lm)
    before = program.hash
    predictor = program.write_instance.write.generate
    predictor.signature = predictor.signature.with_instructions("Write as the ferryman would.")
    program(label="warm", seed="a kettle", context="a kitchen")
    assert any("Write as the ferryman would." in prompt for prompt in lm.fake.prompts)
    assert program.hash != before


GOOD = "The old kettle kept a lantern company."


def steps_of(trace: list[Any], field: str) -> list[Any]:
    return [prediction for _, inputs, prediction in trace if field in inputs]


def test_the_trace_holds_the_accepted_draft_only(task: Path) -> None:
    program = TarGEN(task, lm=fake_lm(scripted("One. Two.", "No lantern here. None.", GOOD)))
    with dspy.context(trace=[]):
        made = program(label="warm", seed="a kettle", context="a kitchen")
        trace = list(dspy.settings.trace)
    assert made.text == GOOD
    assert made.outcome.provenance.attempts == 3
    assert [step.text for step in steps_of(trace, "constraint")] == [GOOD]


def test_the_trace_of_a_relabelled_row_holds_its_draft_only(task: Path) -> None:
    drafts = ("The first kettle kept a lantern company.", "Some other kettle met a lantern today.", GOOD)
    program = TarGEN(task, lm=fake_lm(scripted(*drafts, verdicts=("cold", "cold", "cold"))))
    with dspy.context(trace=[]):
        made = program(label="warm", seed="a kettle", context="a kitchen")
        trace = list(dspy.settings.trace)
    assert (made.ok, made.label, made.text) == (True, "cold", GOOD)
    assert [step.text for step in steps_of(trace, "constraint")] == [GOOD]


def test_a_saved_program_is_read_back(task: Path, tmp_path: Path) -> None:
    program = TarGEN(task, lm=fake_lm(Author()))
    predictor = program.write_instance.write.generate
    predictor.signature = predictor.signature.with_instructions("Write as the ferryman would.")
    predictor.demos = [
        dspy.Example(constraint="Put it in.", seed="a tap", context="a kitchen", text="A demonstration of a lantern.")
    ]
    program.save(tmp_path / "program.json")
    lm = fake_lm(Author())
    other = TarGEN(task, lm=lm)
    assert other.hash != program.hash
    other.read(tmp_path / "program.json")
    assert other.hash == program.hash
    other(label="warm", seed="a kettle", context="a kitchen")
    assert any("Write as the ferryman would." in prompt and "A demonstration of a lantern." in prompt for prompt in lm.fake.prompts)


def _tampered(name: str, state: dict[str, Any]) -> Any:
    own = state["write_instance.write.generate"]
    match name:
        case "a list":
            return [state]
        case "nothing":
            return None
        case "a predictor is missing":
            return {key: value for key, value in state.items() if key != "write_instance.write.generate"}
        case "a predictor too many":
            return {**state, "write_instance.spy": own}
        case "a predictor is a text":
            return {**state, "write_instance.write.generate": "import os"}
        case "an LM of its own":
            own["lm"] = {"model": "openai/other", "api_base": "http://elsewhere.example"}
        case "another field":
            own["signature"]["fields"][0]["prefix"] = "Other:"
        case "a field too few":
            own["signature"]["fields"].pop()
        case "fields that are texts":
            own["signature"]["fields"] = ["context"]
        case "a signature that is a list":
            own["signature"] = []
        case "no instructions":
            del own["signature"]["instructions"]
        case "instructions that are a number":
            own["signature"]["instructions"] = 7
        case "demos that are a text":
            own["demos"] = "none"
        case "a demo that is a number":
            own["demos"] = [1]
        case "an attribute of the module":
            own["forward"] = "none"
        case "settings of calls":
            own["config"] = {"api_base": "http://elsewhere.example/v1", "max_tokens": 10**9}
    return state


@pytest.mark.parametrize(
    "name",
    [
        "a list", "nothing", "a predictor is missing", "a predictor too many", "a predictor is a text", "an LM of its own", "another field", "a field too few",
        "fields that are texts", "a signature that is a list", "no instructions", "instructions that are a number", "demos that are a text",
        "a demo that is a number", "an attribute of the module", "settings of calls",
    ],
)  # fmt: skip
def test_a_tampered_program_is_refused_and_changes_nothing(name: str, task: Path, tmp_path: Path) -> None:
    path = tmp_path / "program.json"
    TarGEN(task, lm=fake_lm(Author())).save(path)
    path.write_text(json.dumps(_tampered(name, json.loads(path.read_text("utf-8")))), "utf-8")
    program = TarGEN(task, lm=fake_lm(Author()))
    before = program.hash
    with pytest.raises(UsageError, match=r"program\.json"):
        program.read(path)
    assert program.hash == before


def test_a_program_of_another_task_is_refused(task: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(task.read_text("utf-8").replace("name: text", "name: note"), "utf-8")
    TarGEN(other, lm=fake_lm(Author())).save(tmp_path / "program.json")
    with pytest.raises(UsageError, match="another version of the task 'rooms'"):
        TarGEN(task, lm=fake_lm(Author())).read(tmp_path / "program.json")


def test_a_run_of_which_nothing_comes_ends_long_before_its_bound_and_goes_on(
    openai_server: OpenAIServer, task: Path, tmp_path: Path
) -> None:
    """Every answer is cut by a server's own limit: 60 rows would have cost 640 slots."""
    openai_server.script(lambda _: Fault(stage="write", finish="length", edit=lambda said: said[: len(said) // 2]))
    given: Any = {
        "lm": "openai/some-model",
        "api_base": openai_server.url,
        "out": tmp_path / "out",
        "attempts": 1,
        "concurrency": 8,
    }
    with pytest.raises(BudgetEnded, match=r"none of the first 100 slots came to a row: .*broken most: complete:text"):
        generate(task, n=60, **given)
    assert openai_server.requests < 125
    openai_server.script(None)
    assert len(generate(task, n=60, **given)) == 60


def test_a_dspy_lm_is_counted_bounded_and_left_alone(openai_server: OpenAIServer, task: Path, tmp_path: Path) -> None:
    lm = dspy.LM("openai/some-model", api_base=openai_server.url, api_key="none", cache=False)
    assert len(generate(task, n=6, out=tmp_path / "out", lm=lm)) == 6
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_text("utf-8"))
    assert sum(ledger["calls"].values()) == openai_server.requests == 16
    assert type(lm) is dspy.LM
    with pytest.raises(BudgetEnded):
        generate(task, n=6, lm=lm, max_calls=10)
    assert openai_server.requests == 26


@pytest.mark.parametrize("metered", [True, False])
def test_a_judge_is_counted_bounded_and_left_alone(metered: bool, openai_server: OpenAIServer, task: Path, tmp_path: Path) -> None:
    author, judge = fake_lm(Author()), fake_lm(Author())
    if not metered:
        judge = dspy.LM("openai/some-model", api_base=openai_server.url, api_key="none", cache=False)
    rows = generate(task, n=6, out=tmp_path / "out", lm=author, judge_lm=judge)
    assert len(rows) == 6
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_text("utf-8"))
    assert ledger["calls"].get("verify") == (len(judge.fake.prompts) if metered else openai_server.requests) == 6
    judge(author.fake.prompts[0])  # the caller's own object works on after the run


@pytest.mark.slow
def test_a_stall_longer_than_the_timeout_is_survived(task: Path) -> None:
    with OpenAIServer(faults={10: Fault(stall=30)}) as server:
        lm = dspy.LM("openai/some-model", api_base=server.url, api_key="none", cache=False, timeout=0.5)
        begun = time.monotonic()
        assert len(generate(task, n=6, lm=lm, concurrency=1)) == 6
        assert 0.5 < time.monotonic() - begun < 10
        assert server.requests == 17


def test_a_429_does_not_make_a_known_price_unknown() -> None:
    with OpenAIServer(faults={1: Fault(status=429, headers={"Retry-After": "0.05"})}) as server:
        budget = CallBudget(max_calls=None, max_cost=5.0)
        lm = MeteredLM("openai/gpt-4o-mini", identity="x", address=server.url, budget=budget, api_base=server.url, api_key="none")
        prompt = "[[ ## count ## ]]\n2\n\nRespond with a JSON object in the following order of fields: `seeds`."
        assert len(json.loads(lm(prompt)[0])["seeds"]) == 2
        assert server.requests == 2
        assert budget.cost is not None
        assert 0 < budget.cost < 0.01


def test_more_requests_in_flight_than_the_model_brought_along(task: Path) -> None:
    with OpenAIServer(delay=0.05) as server:
        lm = MeteredLM(
            "openai/some-model", identity="x", address=server.url, api_base=server.url, api_key="none", priced=False, concurrency=2
        )
        generate(task, n=24, lm=lm, concurrency=16)
        assert 2 < server.busiest <= 16


def test_a_server_that_refuses_ends_in_an_error_and_the_rows_are_kept(task: Path, tmp_path: Path) -> None:
    with OpenAIServer(faults=lambda number: Fault(status=401) if number > 14 else None) as server:
        lm = dspy.LM("openai/some-model", api_base=server.url, api_key="none", cache=False)
        with pytest.raises(LMUnusable, match="HTTP 401"):
            generate(task, n=6, out=tmp_path / "out", lm=lm, concurrency=1)
        server.script(None)
        with Generation(task, n=6, out=tmp_path / "out", options=Options(lm=lm)) as going:
            before = going.accepted_before
            assert 0 < before < 6
            assert before + sum(isinstance(outcome, Row) for outcome in going) == 6
            assert going.ledger().shortfall == ""


def test_a_budget_that_is_refused_leaves_the_folder_free(task: Path, tmp_path: Path) -> None:
    with OpenAIServer() as server:
        how: dict[str, Any] = {"lm": "openai/some-model", "api_base": server.url, "out": tmp_path / "out"}
        with pytest.raises(UsageError) as kept:  # as a notebook keeps the last error
            generate(task, n=6, max_cost=1.0, **how)
        assert len(generate(task, n=6, **how)) == 6
        assert kept.value is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forked processes on this system")
def test_a_forked_process_generates_as_well(task: Path) -> None:
    assert len(generate(task, n=2, lm=fake_lm(Author()))) == 2
    child = multiprocessing.get_context("fork").Process(target=generate, args=(task,), kwargs={"n": 2, "lm": fake_lm(Author())})
    child.start()
    child.join(30)
    if child.is_alive():
        child.kill()
    assert child.exitcode == 0


@pytest.mark.parametrize("verb", [generate, lambda *args, **given: next(stream(*args, **given))])
def test_no_lm_is_asked_where_no_temporary_folder_can_be_written(
    verb: Any, task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "nowhere")])
    lm = fake_lm(Author())
    with pytest.raises(SetupError, match=r"No usable temporary directory found .* set TMPDIR"):
        verb(task, n=6, out=tmp_path / "out", lm=lm)
    assert lm.fake.prompts == []
    assert not (tmp_path / "out").exists()


def test_a_stream_that_ends_short_says_so(task: Path) -> None:
    def how() -> dict[str, Any]:
        return {"n": 6, "lm": fake_lm(Author()), "max_calls": 12, "concurrency": 1}

    async def read(into: list[Row | Refusal]) -> None:
        async for outcome in astream(task, **how()):
            into.append(outcome)  # noqa: PERF401  # what came before the error counts

    one: list[Row | Refusal] = []
    other: list[Row | Refusal] = []
    with pytest.raises(BudgetEnded, match="--max-calls"):
        one.extend(stream(task, **how()))
    with pytest.raises(BudgetEnded, match="--max-calls"):
        asyncio.run(read(other))
    assert 0 < len(one) == len(other) < 6


def test_every_verb_has_the_same_function_in_python() -> None:
    import seedless
    from seedless.cli import app

    verbs = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    assert verbs - {"tasks"} <= set(seedless.__all__), "`tasks` is `built_in_tasks` and `load_task`"
    assert all(callable(getattr(seedless, name)) for name in verbs - {"tasks"})


def test_export_takes_the_task_that_the_run_names(tmp_path: Path) -> None:
    said = iter(
        (
            "The script is dull.",
            "A warm and clever story.",
            "Nobody acts well here.",
            "Its songs are lovely.",
            "Far too long for me.",
            "I laughed all evening.",
        )
    )
    lm = fake_lm(lambda _: json.dumps({"text": next(said)}))
    generate("movie_reviews", n=6, out=tmp_path / "out", lm=lm, verify="none", concurrency=1)
    done = export(tmp_path / "out", "csv")
    assert (done.rows, done.path) == (6, tmp_path / "out" / "export.csv")
    assert len(done.path.read_text("utf-8").splitlines()) == 7


def test_export_of_an_own_task_needs_it_named(task: Path, tmp_path: Path) -> None:
    generate(task, n=6, out=tmp_path / "out", lm=fake_lm(Author()))
    with pytest.raises(UsageError, match="no built-in one of this version; name it"):
        export(tmp_path / "out", "jsonl")
    assert export(tmp_path / "out", "jsonl", task, to=tmp_path / "rows.jsonl").rows == 6


def test_a_run_that_is_still_going_is_not_exported(task: Path, tmp_path: Path) -> None:
    rows = stream(task, n=200, out=tmp_path / "out", lm=fake_lm(Author()))
    next(rows)
    with pytest.raises(UsageError, match="the run is still going; wait for its end"):
        export(tmp_path / "out", "jsonl", task)
    rows.close()
    assert export(tmp_path / "out", "jsonl", task).rows >= 1


def test_a_closed_generation_says_so(task: Path) -> None:
    with Generation(task, n=2, options=Options(lm=fake_lm(Author()))) as generation:
        assert len(list(generation)) == 2
    for use in (lambda: list(generation), generation.ledger, lambda: generation.accepted_before):
        with pytest.raises(UsageError, match="given a Generation that is closed"):
            use()
