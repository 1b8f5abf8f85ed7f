"""Fakes for tests, yours and ours: an LM that answers with what a function says. No network, no weights."""

import asyncio
from collections.abc import Callable
from typing import Any

from dspy.lm15 import Message, Request, Response, TextPart, Usage

from seedless.lms.metered import MeteredLM

__all__ = ["FakeEngine", "FakeLM", "fake_lm"]

Answer = Callable[[str], str]


class FakeEngine:
    """A DSPy engine whose answers come from `answer(prompt)`; `prompts` holds every prompt it was asked, in order.

    The prompt is the messages' texts, a blank line between two.
    """

    supports_response_schema = True
    supported_params = frozenset({"temperature", "max_tokens", "seed", "response_format"})

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.prompts: list[str] = []

    def complete(self, request: Request) -> Response:
        """The answer to one request, with a token for each word."""
        prompt = "\n\n".join([str(request.system or ""), *(m.text or "" for m in request.messages)]).strip()
        self.prompts.append(prompt)
        text = self.answer(prompt)
        usage = Usage(input_tokens=len(prompt.split()), output_tokens=len(text.split()))
        return Response(
            id=None, model=request.model, message=Message.assistant([TextPart(text)]), finish_reason="stop", usage=usage
        )


class _AsyncFakeEngine:
    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine

    async def complete(self, request: Request) -> Response:
        await asyncio.sleep(0)
        return self.engine.complete(request)


class FakeLM(MeteredLM):
    """What `fake_lm` makes; `fake` is its engine."""

    fake: FakeEngine


def fake_lm(answer: Answer, **options: Any) -> FakeLM:
    """A `MeteredLM` on a `FakeEngine`, for `TarGEN(task, lm=...)` and `generate(task, n=..., lm=...)`.

    >>> lm = fake_lm(lambda prompt: prompt.upper())
    >>> lm("hello")
    ['HELLO']
    """
    engine = FakeEngine(answer)
    lm = FakeLM(
        "fake",
        identity="fake",
        address="a fake",
        engine=engine,
        async_engine=_AsyncFakeEngine(engine),
        free=True,
        **options,
    )
    lm.fake = engine
    return lm
