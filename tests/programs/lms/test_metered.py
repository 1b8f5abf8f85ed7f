"""One LM on a server that fails: what is asked again, what ends a run, and what is said of it."""

import asyncio
import json
import re
import time
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dspy
import pytest

from seedless import background
from seedless.errors import LMUnusable
from seedless.lms.metered import MeteredLM, PromptRefused, StepFailed
from seedless.lms.spec import opened
from seedless.lms.step import Unbounded, stage
from seedless.run.budget import CallBudget
from seedless.run.journal import Journal
from seedless.testing import FakeEngine
from tests.openai_server import FAULTS, Fault, OpenAIServer, closed_port

ASKED = "[[ ## count ## ]]\n2\n\nRespond with a JSON object in the following order of fields: `contexts`."


def lm_of(server: OpenAIServer, *, tries: int = 1) -> MeteredLM:
    lm = opened("openai/some-model", api_base=server.url, concurrency=1)
    lm.tries = tries
    return lm


def test_answers_of_one_stage_do_not_forgive_failures_of_another(openai_server: OpenAIServer) -> None:
    lm = lm_of(openai_server)
    openai_server.script({number: Fault(status=400, message="no verdicts here") for number in range(2, 40, 2)})
    for _ in range(7):
        with stage("write"):
            lm(ASKED)
        with stage("verify"), pytest.raises(StepFailed, match="no verdicts here"):
            lm(ASKED)
    with stage("write"):
        lm(ASKED)
    with stage("verify"), pytest.raises(LMUnusable, match="no verdicts here"):
        lm(ASKED)


def test_an_answer_forgives_the_failures_before_it(openai_server: OpenAIServer) -> None:
    lm = lm_of(openai_server)
    openai_server.script({number: Fault(status=404, message="gone") for number in range(2, 40) if number % 4})
    failures = 0
    for number in range(1, 16):
        try:
            lm(ASKED, rollout_id=number)
        except StepFailed:
            failures += 1
    assert failures == 11


def test_a_stage_that_follows_an_answered_one_may_fail_throughout(openai_server: OpenAIServer) -> None:
    """Of few drafts that are revised, all may be ones that a filter refuses; where nothing was ever written, no draft was either."""
    for first, ends in (("write", False), ("verify", True)):
        lm = lm_of(openai_server)
        openai_server.script(
            lambda number, before=openai_server.requests: choice("content_filter") if number > before + 1 else None
        )
        with stage(first):
            lm(ASKED)
        for _ in range(3):
            lm.check_heard()
            with stage("revise"), pytest.raises(PromptRefused):
                lm(ASKED)
        with pytest.raises(LMUnusable, match="content_filter") if ends else nullcontext():
            lm.check_heard()


def test_an_answer_is_recalled_for_the_same_request_to_the_same_lm_whatever_its_key(openai_server: OpenAIServer) -> None:
    steps = Journal(Path(":memory:"))

    def asked(model: str, key: str, **how: Any) -> int:
        lm = opened(f"openai/{model}", api_base=openai_server.url)
        lm.steps, lm.kwargs["api_key"] = steps, key
        before = openai_server.requests
        lm(ASKED, **how)
        return openai_server.requests - before

    assert [asked("one", "a"), asked("one", "b"), asked("other", "a"), asked("one", "a", rollout_id=1)] == [1, 0, 1, 1]
    assert not any("api_" in name for seen in openai_server.seen for name in seen.body)


def test_each_rollout_has_a_seed_of_its_own(openai_server: OpenAIServer) -> None:
    rollouts = [0, 1, 64, 4096, 1 << 32, (1 << 32) + 4096, 1 << 44, (1 << 61) + 4096]
    lm = lm_of(openai_server)
    for rollout in rollouts:
        lm(ASKED, rollout_id=rollout)
    seeds = [seen.body["seed"] for seen in openai_server.seen]
    assert len(set(seeds)) == len(rollouts)
    assert all(0 <= seed < 1 << 31 for seed in seeds)


GIVEN = "c0ffee-7b1d-40aa-9f3e"


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": GIVEN},
        {"azure_ad_key": GIVEN},
        {"headers": {"X-Whatever": f"Bearer {GIVEN}"}},
        {"extra_headers": {"X-Whatever": GIVEN}},
    ],
)
@pytest.mark.parametrize("before", ["", "x" * 290])
def test_what_the_server_repeats_of_a_key_is_told_nowhere(before: str, options: dict[str, Any]) -> None:
    """Not a part of it either, where what is said is cut."""
    lm = MeteredLM("openai/x", identity="x", address="there", **options)
    said = lm._cause(dspy.LMServerError(f"{before} the key {GIVEN} is wrong, see http://me:pass@there/"))
    assert "[secret]"[: 300 - len(before) - 9] in said
    assert GIVEN[:5] not in said
    assert "pass" not in said


@pytest.mark.parametrize(("header", "kept"), [("X-Api-Key", "[secret]"), ("X-Whatever", GIVEN)])
def test_of_an_answer_only_what_is_named_like_a_key_is_taken(header: str, kept: str) -> None:
    lm = MeteredLM("openai/x", identity="x", address="there", extra_headers={header: GIVEN})
    assert lm._masked(f"It is {GIVEN}.", answer=True) == f"It is {kept}."


def choice(finish: str, *, usage: Any = None, **message: Any) -> Fault:
    choices = [{"message": {"content": None, **message}, "finish_reason": finish}]
    return Fault(body=json.dumps({"choices": choices, "usage": usage}).encode())


CALL = {"id": "x", "type": "function", "function": {"name": "answer", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(body=b'{"choices": []}'), "the answer is empty"),
        (Fault(body=b'{"choices": null}'), "the answer is empty"),
        (Fault(edit=lambda _: " \n\t "), "the answer is empty"),
        (choice("stop", reasoning_content="Let me see."), "it holds thoughts alone"),
        (choice("tool_calls", tool_calls=[CALL]), "it calls a tool"),
        (choice("length", reasoning_content="Let me see."), "models that reason first"),
    ],
)
def test_an_answer_without_a_text_is_none(fault: Fault, said: str, openai_server: OpenAIServer) -> None:
    openai_server.script({1: fault})
    with pytest.raises(LMUnusable, match=said):
        lm_of(openai_server)(ASKED)


@pytest.mark.parametrize(
    ("fault", "said"),
    [(choice("stop", refusal="I can't help with that."), "I can't help with that"), (choice("content_filter"), "content_filter")],
)
def test_an_answer_that_is_refused_costs_its_step_and_all_of_a_stage_the_run(
    fault: Fault, said: str, openai_server: OpenAIServer
) -> None:
    lm = lm_of(openai_server, tries=5)
    openai_server.script(lambda number: fault if number != 9 else None)
    for _ in range(7):
        with stage("verify"), pytest.raises(PromptRefused, match=said):
            lm(ASKED)
    with stage("verify"), pytest.raises(LMUnusable, match=said):
        lm(ASKED)
    with stage("write"):
        lm(ASKED)
    for asked in ("write", "revise"):
        for _ in range(20):
            with stage(asked), pytest.raises(PromptRefused, match=said):
                lm(ASKED)
    assert openai_server.requests == 49, "what is refused is not asked for again"


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("The response was filtered due to the prompt triggering the content management policy.", PromptRefused),
        ("Unknown parameter: 'messages'.", LMUnusable),
    ],
)
def test_a_first_prompt_that_is_refused_for_what_it_holds_tells_nothing_of_others(
    message: str, error: type[Exception], openai_server: OpenAIServer
) -> None:
    openai_server.script({1: Fault(status=400, message=message)})
    with pytest.raises(error, match=message[:10]):
        lm_of(openai_server)(ASKED)


@pytest.mark.parametrize(
    "message",
    [
        "messages[0].role does not support system with this model.",
        "System role not supported",
        "Only user and assistant roles are supported, no system!",
    ],
)
def test_a_model_that_takes_no_system_s_message_has_a_way_out(message: str, openai_server: OpenAIServer) -> None:
    openai_server.script({1: Fault(status=400, message=message)})
    with pytest.raises(
        LMUnusable, match=rf"{re.escape(message)}; --adapter plain sends one user message and none of the system's$"
    ):
        lm_of(openai_server)(ASKED)


def test_a_model_that_is_gone_in_mid_run_is_no_refused_prompt(openai_server: OpenAIServer) -> None:
    lm = lm_of(openai_server)
    openai_server.script(lambda number: Fault(status=404, message="no such model") if number > 1 else None)
    lm(ASKED)
    for _ in range(7):
        with pytest.raises(StepFailed, match="no such model"):
            lm(ASKED)
    with pytest.raises(LMUnusable, match="no such model"):
        lm(ASKED)


def test_an_answer_without_a_text_is_paid_for_and_asked_for_again(openai_server: OpenAIServer) -> None:
    class Bill(Unbounded):
        charged = 0

        def charge(self, cost: float | None) -> None:
            self.charged += 1

    lm = lm_of(openai_server, tries=2)
    lm.budget = bill = Bill()
    read = []
    for script in ({1: FAULTS["empty content"]}, None):
        lm.steps = journal = Journal(Path(":memory:"))
        openai_server.script(script)
        with stage("write"):
            lm(ASKED)
        assert journal.stages()["write"]["answers"] == 1
        read.append(journal.stages()["write"]["input_tokens"])
    assert bill.charged == 3
    assert read[0] == 2 * read[1] > 0


def test_a_key_that_an_answer_repeats_is_not_kept_and_a_word_is(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, kept in (("sk-fake-5f2d9c0b7e4a1836", "[secret]"), ("lm-studio", "lm-studio")):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        openai_server.script({openai_server.requests + 1: Fault(edit=lambda _, key=key: f"The key is {key}.")})
        assert lm_of(openai_server)(ASKED) == [f"The key is {kept}."]
    monkeypatch.setenv("TOKENIZER_REVISION", "2024-06-01")  # no secret, whatever its name
    openai_server.script({openai_server.requests + 1: Fault(edit=lambda _: "The bill of 2024-06-01.")})
    assert lm_of(openai_server)(ASKED) == ["The bill of 2024-06-01."]


@pytest.mark.parametrize("status", [401, 429])
def test_what_the_server_says_is_told_without_the_client_s_remedies(status: int, openai_server: OpenAIServer) -> None:
    lm = lm_of(openai_server)
    lm.patience = 0.0
    openai_server.script({1: Fault(status=status, message="not for you")})
    with pytest.raises(LMUnusable, match=rf"cannot be used: HTTP {status}, \w+: not for you; mend the cause"):
        lm(ASKED)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_more_time_than_a_run_waits_ends_it_at_once(status: int, openai_server: OpenAIServer) -> None:
    lm = lm_of(openai_server, tries=5)
    openai_server.script({2: Fault(status=status, headers={"Retry-After": "3600"}, message="quota spent")})
    lm(ASKED)
    before = datetime.now().astimezone() + timedelta(seconds=3599)
    with pytest.raises(LMUnusable, match=r"no request in the next 3600 s.* waits 600 s at most .*quota spent") as caught:
        lm(ASKED, rollout_id=1)
    until = datetime.fromisoformat(str(caught.value).rpartition("give the same command again after ")[2]).astimezone()
    assert before <= until <= datetime.now().astimezone() + timedelta(seconds=3600)
    assert openai_server.requests == 2


def test_a_server_that_names_no_time_of_this_world_ends_the_run(openai_server: OpenAIServer) -> None:
    openai_server.script({1: Fault(status=429, headers={"Retry-After": "9" * 300})})
    with pytest.raises(LMUnusable, match="give the same command again"):
        lm_of(openai_server)(ASKED)


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were to be waited; none are."""
    waits: list[float] = []
    sleep = asyncio.sleep

    async def at_once(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr("seedless.lms.metered.asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": at_once}))
    return waits


def test_one_request_that_comes_too_soon_holds_back_the_others(openai_server: OpenAIServer, no_sleep: list[float]) -> None:
    lm = lm_of(openai_server, tries=5)
    openai_server.script({1: Fault(status=429, headers={"Retry-After": "30"})})
    lm(ASKED)
    no_sleep.clear()
    lm(ASKED, rollout_id=1)
    assert [round(wait) for wait in no_sleep] == [30]


def test_a_server_out_of_order_is_given_the_time_that_it_asks_for(
    openai_server: OpenAIServer, no_sleep: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedless.lms.metered.time", SimpleNamespace(**{**vars(time), "monotonic": lambda: sum(no_sleep)}))
    lm = opened("openai/some-model", api_base=openai_server.url, concurrency=2)
    lm(ASKED)
    openai_server.script({number: Fault(status=503, headers={"Retry-After": "60"}) for number in range(2, 9)})
    assert asyncio.run(failures_of(lm, 2)) == []
    assert sum(no_sleep) == 7 * 60


@pytest.mark.parametrize("status", [500, 503, 529])
def test_an_outage_in_mid_run_is_waited_for(status: int, openai_server: OpenAIServer, no_sleep: list[float]) -> None:
    lm = opened("openai/some-model", api_base=openai_server.url, concurrency=2)
    stalled = dict.fromkeys(range(2, 12), 0.1)  # so that neither of two has used up its tries before the other one fails at all
    openai_server.script({number: Fault(status=status, stall=stalled.get(number, 0.0)) for number in range(2, 26)})
    lm(ASKED)
    assert asyncio.run(failures_of(lm, 2)) == []
    assert openai_server.requests == 27
    assert max(no_sleep) == 30.0


def test_a_server_that_is_gone_in_mid_run_ends_it_in_minutes(
    openai_server: OpenAIServer, no_sleep: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedless.lms.metered.time", SimpleNamespace(**{**vars(time), "monotonic": lambda: sum(no_sleep)}))
    lm = opened("openai/some-model", api_base=openai_server.url, concurrency=1)
    lm(ASKED)
    openai_server.script(lambda _: Fault(status=503))
    failed = [failure for rollout in range(1, 9) for failure in asyncio.run(failures_of(lm, 1, rollout))]
    assert [type(failure) for failure in failed] == [*[StepFailed] * 7, LMUnusable]
    assert sum(no_sleep) < 250


def test_a_prompt_that_the_server_always_fails_at_is_asked_for_as_often_as_ever(
    openai_server: OpenAIServer, no_sleep: list[float]
) -> None:
    """Nobody else is answered meanwhile, as at a run's end."""
    lm = lm_of(openai_server, tries=5)
    lm(ASKED)
    openai_server.script(lambda _: Fault(status=500))
    with pytest.raises(StepFailed, match="HTTP 500"):
        lm(ASKED, rollout_id=1)
    assert openai_server.requests == 6


def test_an_outage_that_is_over_is_no_excuse_for_a_later_prompt(
    openai_server: OpenAIServer, no_sleep: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedless.lms.metered.time", SimpleNamespace(**{**vars(time), "monotonic": lambda: sum(no_sleep)}))
    lm = opened("openai/some-model", api_base=openai_server.url, concurrency=2)
    lm.tries = 5
    lm(ASKED)
    openai_server.script({2: Fault(status=503), 3: Fault(status=503)})
    assert asyncio.run(failures_of(lm, 2)) == []
    before = openai_server.requests
    openai_server.script(lambda _: Fault(status=500))
    with pytest.raises(StepFailed, match="HTTP 500"):
        lm(ASKED, rollout_id=1)
    assert openai_server.requests - before == 5


async def failures_of(lm: MeteredLM, count: int, rollout: int = 1) -> list[BaseException]:
    """What `count` requests that are sent side by side end in, where it is no answer."""
    asked = (lm.acall(ASKED, rollout_id=100 * rollout + each) for each in range(count))
    return [found for found in await asyncio.gather(*asked, return_exceptions=True) if isinstance(found, BaseException)]


def test_an_outage_at_the_start_is_not_waited_for(openai_server: OpenAIServer, no_sleep: list[float]) -> None:
    openai_server.script(lambda _: Fault(status=503))
    with pytest.raises(LMUnusable, match="HTTP 503"):
        lm_of(openai_server, tries=5)(ASKED)
    assert openai_server.requests == 5


def test_a_server_that_fails_at_one_prompt_and_answers_others_is_asked_for_it_as_often_as_ever(
    openai_server: OpenAIServer, no_sleep: list[float]
) -> None:
    lm = opened("openai/some-model", api_base=openai_server.url, concurrency=2)
    openai_server.script(lambda number: Fault(status=500) if "poison" in str(openai_server.seen[number - 1].body) else None)
    lm(ASKED)

    async def both() -> StepFailed:
        asked = asyncio.create_task(lm.acall(f"poison: {ASKED}"))
        for rollout in range(1, 1000):
            await lm.acall(ASKED, rollout_id=rollout)
            if asked.done():
                break
        with pytest.raises(StepFailed, match="HTTP 500") as caught:
            await asked
        return caught.value

    asyncio.run(both())
    assert sum("poison" in str(seen.body) for seen in openai_server.seen) < 30


@pytest.mark.parametrize(
    "said",
    [
        {"error": {"message": "Unsupported parameter: 'seed'", "param": "seed"}},
        {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
    ],
)
def test_a_server_that_takes_no_seed_is_sent_none_and_that_is_told_once(
    said: dict[str, Any], openai_server: OpenAIServer, caplog: pytest.LogCaptureFixture
) -> None:
    openai_server.script({1: Fault(status=422, body=json.dumps(said).encode())})
    for lm in (lm_of(openai_server), lm_of(openai_server)):
        lm(ASKED, rollout_id=5)
    assert ["seed" in seen.body for seen in openai_server.seen] == [True, False, False]
    assert [record.getMessage().partition(" (HTTP 422, ")[0] for record in caplog.records if record.name == "seedless"] == [
        f"the LM at {openai_server.url} takes no seed, so none is sent from here on"
    ]


def test_a_prompt_with_the_word_seed_that_is_refused_costs_no_seed(openai_server: OpenAIServer) -> None:
    """Filters quote prompts, and a server that answered a request with a seed takes them."""
    lm = lm_of(openai_server)
    openai_server.script({2: Fault(status=400, message="the prompt 'about the seed: a lantern' was filtered")})
    lm(ASKED, rollout_id=5)
    with pytest.raises(StepFailed, match="was filtered"):
        lm(ASKED, rollout_id=6)
    lm(ASKED, rollout_id=7)
    assert ["seed" in seen.body for seen in openai_server.seen] == [True, True, True]


@pytest.mark.long
@pytest.mark.parametrize(
    ("model", "fault", "said"),
    [
        ("cohere/x", Fault(body=b'{"other": "form"}'), "Provider: the answer has another form than LiteLLM reads of this provider"),
        ("azure/x", Fault(body=b'{"other": "form"}'), "Server: provider returned a response with no 'choices'"),
        ("cohere/x", Fault(status=500, message="out of order"), "HTTP 500, Server: .*out of order"),
        ("together_ai/x", Fault(status=404, message="no such model"), "HTTP 404, UnsupportedModel: .*no such model"),
        ("azure/x", None, r"cannot be used: Transport: \[Errno 111\] Connect call failed \('127.0.0.1', \d+\); mend"),
        ("together_ai/x", None, r"cannot be used: Transport: \[Errno 111\] Connect call failed"),
    ],
)
def test_what_litellm_says_is_told_in_our_words(
    model: str, fault: Fault | None, said: str, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for provider in ("AZURE", "COHERE", "TOGETHERAI"):
        monkeypatch.setenv(f"{provider}_API_KEY", "sk-fake-1234567890")
    openai_server.script(lambda _: fault)
    with closed_port() as closed:
        lm = opened(model, api_base=openai_server.url if fault else closed)
        lm.tries = 1
        with pytest.raises(LMUnusable, match=said) as caught:
            lm(ASKED)
    for raw in ("Traceback", "litellm.", "Exception - ", "HTTP 500" if fault is None or fault.status == 200 else "HTTP 200"):
        assert raw not in str(caught.value)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ('no room\n\nTraceback (most recent call last):\n  File "a.py", line 1\nKeyError: 1', "Server: no room; mend"),
        ('Traceback (most recent call last):\n  File "a.py", line 1, in f\nKeyError: 1\n', "Server: KeyError: 1; mend"),
        ("Traceback (most recent call last):", "no reason that could be read; mend"),
    ],
)
def test_a_server_s_traceback_is_cut(message: str, told: str, openai_server: OpenAIServer) -> None:
    openai_server.script({1: Fault(status=500, message=message)})
    with pytest.raises(LMUnusable, match=told):
        lm_of(openai_server)(ASKED)


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}])
def test_an_answer_without_a_count_of_tokens_has_no_known_price(usage: Any, openai_server: OpenAIServer) -> None:
    lm = opened("openai/gpt-4o-mini", api_base=openai_server.url)
    lm.priced = True
    lm.steps = journal = Journal(Path(":memory:"))
    lm(ASKED)
    assert journal.cost()
    openai_server.script(lambda _: choice("stop", content="text", usage=usage))
    lm(ASKED, rollout_id=1)
    assert journal.cost() is None
    assert journal.stages()["other"]["input_tokens"] is None


@pytest.mark.parametrize("model", ["openai/x", "ollama/x", "ollama_chat/x"])
def test_a_base_without_a_path_where_nothing_is_found_is_told_of_v1(model: str, openai_server: OpenAIServer) -> None:
    openai_server.script(lambda _: Fault(status=404, message="page not found"))
    base = openai_server.url.removesuffix("/v1")
    with pytest.raises(LMUnusable, match=f"page not found; the API base has no path.* ends in /v1: --api-base {base}/v1$"):
        opened(model, api_base=f"{base}/")(ASKED)
    with pytest.raises(LMUnusable) as caught:
        opened(model, api_base=openai_server.url)(ASKED)
    assert "no path" not in str(caught.value)


def test_a_request_that_is_cancelled_counts_where_nobody_can_tell_whether_it_went_out() -> None:
    class Slow:
        supported_params = FakeEngine.supported_params

        async def complete(self, request: Any) -> Any:
            asked.set()
            await asyncio.Event().wait()

    asked = asyncio.Event()
    lm = MeteredLM("fake", identity="fake", address="a fake", engine=FakeEngine(str), async_engine=Slow(), free=True)
    lm.steps = journal = Journal(Path(":memory:"))
    lm.budget = budget = CallBudget(max_calls=None, max_cost=None)

    async def cancelled() -> None:
        asking = asyncio.create_task(lm.acall(ASKED))
        await asked.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    asyncio.run(cancelled())
    assert journal.calls() == budget.calls == 1


def test_requests_that_did_not_go_out_are_not_counted(openai_server: OpenAIServer) -> None:
    """Many at once wait for a thread of the client's, and then for a connection."""
    lm = opened("openai/some-model", api_base=openai_server.url, concurrency=150)
    lm(ASKED)
    openai_server.delay = 2.0
    lm.steps = journal = Journal(Path(":memory:"))
    lm.budget = budget = CallBudget(max_calls=None, max_cost=None)

    async def interrupted(after: float) -> None:
        asking = [asyncio.create_task(lm.acall(ASKED, rollout_id=number)) for number in range(1, 151)]
        await asyncio.sleep(after)
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    background.run(interrupted(0.0))
    assert journal.calls() == budget.calls <= 10
    before = openai_server.requests
    background.run(interrupted(1.5))
    assert openai_server.requests - before == 150, "as many as may be in flight"
    assert 150 <= journal.calls() == budget.calls
