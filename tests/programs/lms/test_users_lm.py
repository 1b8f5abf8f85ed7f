"""A dspy.LM of the user's own: what it was given reaches the server, what no request can carry is refused before a run begins."""

from typing import Any

import dspy
import pytest

from seedless import UsageError, generate
from seedless.lms.spec import opened
from tests.openai_server import OpenAIServer


def own_lm(server: OpenAIServer, **options: Any) -> dspy.LM:
    return dspy.LM("openai/some-model", api_base=server.url, api_key="sk-planted-4711", cache=False, **options)


@pytest.mark.long  # DSPy sends these through LiteLLM, whose import takes long
def test_headers_and_a_servers_own_options_are_sent(openai_server: OpenAIServer, task: Any) -> None:
    extra = {"chat_template_kwargs": {"enable_thinking": False}}
    lm = own_lm(openai_server, extra_headers={"X-Team": "blue"}, extra_body=extra)
    assert len(generate(task, n=2, lm=lm)) == 2
    assert all({k.lower(): v for k, v in seen.headers.items()}["x-team"] == "blue" for seen in openai_server.seen)
    assert all(seen.body["chat_template_kwargs"] == extra["chat_template_kwargs"] for seen in openai_server.seen)


@pytest.mark.parametrize("option", [{"n": 2}, {"drop_params": True}])
def test_what_no_request_can_carry_is_refused(openai_server: OpenAIServer, task: Any, option: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(option))):
        generate(task, n=2, lm=own_lm(openai_server, **option))
    assert openai_server.requests == 0


def test_a_header_with_a_key_is_in_no_message(openai_server: OpenAIServer, task: Any) -> None:
    from seedless.lms.metered import metered

    own = metered(own_lm(openai_server, headers={"Authorization": "Bearer planted-4712"}), concurrency=1)
    assert "planted" not in own._cause(dspy.LMAuthError("no such key: planted-4712 or sk-planted-4711"))


@pytest.mark.parametrize("name", ["__call__", "acall", "forward", "aforward"])
def test_an_lm_with_a_way_of_its_own_to_ask_is_refused(name: str, openai_server: OpenAIServer, task: Any) -> None:
    own: type[dspy.LM] = type("Redacting", (dspy.LM,), {name: lambda *_args, **_kwargs: None})
    with pytest.raises(UsageError, match=f"given a Redacting as LM, whose own {name} a run would pass by"):
        generate(task, n=2, lm=own("openai/some-model", api_base=openai_server.url, api_key="none"))
    assert openai_server.requests == 0


def test_the_callbacks_of_an_lm_are_called(openai_server: OpenAIServer, task: Any) -> None:
    class Heard(dspy.utils.BaseCallback):  # type: ignore[misc]  # DSPy has no types
        calls = 0

        def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
            self.calls += 1

    heard = Heard()
    generate(task, n=2, lm=own_lm(openai_server, callbacks=[heard]))
    assert heard.calls == openai_server.requests


def test_an_lm_without_an_address_is_where_the_environment_leads(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    led = opened(dspy.LM("openai/some-model", api_key="none"))
    assert (led.address, led.identity, led.priced) == (openai_server.url, f"openai/some-model@{openai_server.url}", False)
    assert opened(dspy.LM("openai/some-model", api_base="http://127.0.0.1:1/v1", api_key="none")).address == "http://127.0.0.1:1/v1"
