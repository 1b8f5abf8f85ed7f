"""Zero-shot: an LM's own labels for real rows, from a fake and from a server that fails."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import dspy
import numpy as np
import pytest

from seedless.errors import LMUnusable, UsageError
from seedless.evals.labelled import LabelledRows
from seedless.evals.zero_shot import zero_shot
from seedless.lms.metered import MeteredLM
from seedless.lms.spec import LMSpec
from seedless.taskfile import load_task
from seedless.testing import FakeEngine, fake_lm
from tests.evals.made_up import rows_of, task_of
from tests.openai_server import Fault, OpenAIServer

TASK = task_of("up", "down", "still")
TEXT = re.compile(r"\[\[ ## text ## \]\]\n(\w+) (\d+)")


def rows(n: int) -> LabelledRows:
    """`n` rows whose text begins with its label, labels in turn."""
    return rows_of(TASK, [[f"{TASK.label_names[i % 3]} {i}"] for i in range(n)], [i % 3 for i in range(n)])


def reader(*, wrong: int = -1, rubbish: int = -1) -> MeteredLM:
    """Reads each text's first word as its label; calls the row of number `wrong` still, and raves at the row of number `rubbish`."""

    def answer(prompt: str) -> str:
        found = TEXT.search(prompt)
        assert found is not None, prompt
        if int(found[2]) == rubbish:
            return "I would say that it depends."
        return json.dumps({"reason": "It says so.", "label": "still" if int(found[2]) == wrong else found[1].upper()})

    return fake_lm(answer)


class Awaited:
    """An engine for DSPy's asynchronous side."""

    supports_response_schema = True
    supported_params = FakeEngine.supported_params

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine

    async def complete(self, request: Any) -> Any:
        return self.engine.complete(request)


def test_the_labels_that_the_lm_gives() -> None:
    given = rows(12)
    asked, told = zero_shot(given, reader(wrong=3))
    assert told.dtype == np.int64
    assert len(asked) == len(told) == 12
    assert {text for text, label, mine in zip(asked.texts, asked.labels, told, strict=True) if label != mine} == {"up 3"}
    assert told[asked.texts.index("up 3")] == 2
    assert sorted(asked.texts) == sorted(given.texts)


def test_an_answer_that_cannot_be_read_is_no_label() -> None:
    asked, told = zero_shot(rows(12), reader(rubbish=4))
    assert told[asked.texts.index("down 4")] == -1
    assert (told == asked.labels).sum() == 11


def test_at_most_so_many_rows_are_asked_drawn_at_random() -> None:
    lm = reader()
    asked, told = zero_shot(rows(90), lm, limit=20)
    assert len(asked) == len(told) == len(lm.fake.prompts) == 20
    assert len(set(asked.texts)) == 20
    assert asked.texts != rows(90).texts[:20]
    assert zero_shot(rows(90), lm, limit=20)[0].texts == asked.texts, "the seed's draw"
    assert zero_shot(rows(90), lm, limit=20, seed=1)[0].texts != asked.texts
    with pytest.raises(UsageError, match="given limit 0, at least 1 is allowed"):
        zero_shot(rows(9), lm, limit=0)


def test_the_lm_is_told_the_labels_and_not_the_label() -> None:
    lm = reader()
    zero_shot(rows(3), lm)
    for prompt in lm.fake.prompts:
        assert all(f'"{name}: it is {name}.' in prompt for name in TASK.label_names)
        assert "given_label" not in prompt
        assert "constraint" not in prompt


def test_every_field_is_read() -> None:
    task = task_of("same", "other", fields=("first", "second"))
    given = rows_of(task, [[f"one {i}", f"two {i}"] for i in range(4)], [0, 1] * 2)
    lm = fake_lm(lambda _: json.dumps({"reason": "r", "label": "same"}))
    _, told = zero_shot(given, lm)
    assert told.tolist() == [0] * 4
    assert all("[[ ## first ## ]]\none " in prompt and "[[ ## second ## ]]\ntwo " in prompt for prompt in lm.fake.prompts)


def test_a_local_model_is_asked_for_the_label_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lm = fake_lm(lambda prompt: json.dumps({"label": re.findall(r'One text: "(\w+) ', prompt)[0]}))
    monkeypatch.setattr(LMSpec, "open", lambda *_, **__: lm)
    asked, told = zero_shot(rows(6), "embedded")
    assert told.tolist() == asked.labels.tolist()
    assert all("reason" not in prompt for prompt in lm.fake.prompts)


def test_any_dspy_lm_may_be_asked() -> None:
    engine = FakeEngine(lambda _: json.dumps({"reason": "r", "label": "down"}))
    _, told = zero_shot(rows(5), dspy.LM("fake/one", engine=engine, async_engine=Awaited(engine)))
    assert told.tolist() == [1] * 5
    with pytest.raises(UsageError, match="given a int as LM"):
        zero_shot(rows(5), 5)  # type: ignore[arg-type]  # what a caller without types may do
    with pytest.raises(UsageError, match="given api_base with an LM object"):
        zero_shot(rows(5), reader(), api_base="http://127.0.0.1:1/v1")


def test_it_works_inside_a_running_loop() -> None:
    async def inside() -> int:
        return len(zero_shot(rows(6), reader())[1])

    assert asyncio.run(inside()) == 6


def test_a_row_without_an_answer_is_no_wrong_one() -> None:
    """The LM fails at one row for good: that is said, no label is made of it, and the rest is not asked for nothing."""
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        if len(asked) == 10:
            raise dspy.LMServerError("out of order")
        return json.dumps({"reason": "r", "label": "up"})

    with pytest.raises(LMUnusable, match=r"gave no answer: Server: out of order; .*asked for again"):
        zero_shot(rows(600), fake_lm(answer, tries=1, concurrency=1), limit=600)
    asyncio.run(asyncio.sleep(0.2))
    assert len(asked) < 60


# --- a real server --------------------------------------------------------------------------------------------------


@pytest.fixture
def real(task: Path) -> LabelledRows:
    """Rows that the server can read: each holds its label's marker."""
    texts = [[f"The {word} number {i}."] for i in range(20) for word in ("lantern", "compass")]
    return rows_of(load_task(task), texts, [0, 1] * 20)


def test_a_server_reads_them_side_by_side(openai_server: OpenAIServer, real: LabelledRows) -> None:
    openai_server.delay = 0.1
    asked, told = zero_shot(real, "openai/some-model", api_base=openai_server.url)
    assert told.tolist() == asked.labels.tolist()
    assert openai_server.requests == 40
    assert 8 < openai_server.busiest <= 32
    assert {seen.stage for seen in openai_server.seen} == {"verify"}


def test_a_server_that_fails_now_and_then(openai_server: OpenAIServer, real: LabelledRows) -> None:
    """One answer is cut, one is prose, one 429: two rows without a label, and a request more."""
    openai_server.script(
        {
            5: Fault(edit=lambda text: text[: len(text) // 2], finish="length"),
            9: Fault(edit=lambda _: "I cannot tell."),
            12: Fault(status=429, headers={"Retry-After": "0.1"}),
        }
    )
    asked, told = zero_shot(real, "openai/some-model", api_base=openai_server.url)
    assert (told == -1).sum() == 2
    assert (told == asked.labels).sum() == 38
    assert openai_server.requests == 41


def test_a_server_that_refuses(openai_server: OpenAIServer, real: LabelledRows) -> None:
    openai_server.script(lambda _: Fault(status=401, message="no such key"))
    with pytest.raises(LMUnusable, match=r"cannot be used: HTTP 401, .*no such key"):
        zero_shot(real, "openai/some-model", api_base=openai_server.url)
