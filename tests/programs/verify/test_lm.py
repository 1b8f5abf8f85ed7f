"""The LM that judges: what it is told, how much room it has, and what is made of its answers."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from seedless.lms.adapters import adapter_of
from seedless.lms.metered import MeteredLM
from seedless.lms.spec import EMBEDDED, HOSTED, LOCAL, Profile
from seedless.slot import Context, Draft, InstanceSeed, Slot, Verdict
from seedless.targen import TarGEN
from seedless.task import Task
from seedless.testing import FakeEngine
from seedless.verify.lm import LMVerifier
from seedless.verify.verifier import VerifyMode
from tests.programs.test_instance import PAIRS, PREMISE

MAIL = Task.model_validate(
    {
        "name": "mail",
        "description": "Short messages, sorted by what they ask for.",
        "fields": [{"name": "text", "description": "one short message"}],
        "labels": [
            {"name": "order", "meaning": "the writer says thank you or orders", "constraint": "Order."},
            {"name": "complaint", "meaning": "The writer complains!", "constraint": "Complain."},
        ],
        "contexts": {"hint": "shops"},
        "seeds": {"hint": "goods"},
    }
)
SLOT = Slot(0, 0, "order", InstanceSeed("a lamp", Context("a shop")))


class Recorder(FakeEngine):
    """Keeps whole requests."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        super().__init__(answer)
        self.requests: list[Any] = []

    def complete(self, request: Any) -> Any:
        self.requests.append(request)
        return super().complete(request)


class Weighing(Recorder):
    """Tells how likely each label is, as llama.cpp can."""

    supported_params = Recorder.supported_params | {"choices", "prefill"}


class Awaited:
    """An engine for DSPy's asynchronous side."""

    supports_response_schema = True

    def __init__(self, engine: Recorder) -> None:
        self.engine = engine
        self.supported_params = engine.supported_params

    async def complete(self, request: Any) -> Any:
        return self.engine.complete(request)


def lm_on(engine: Recorder) -> MeteredLM:
    return MeteredLM("fake", identity="fake", address="a fake", engine=engine, async_engine=Awaited(engine), free=True)


def judge_on(
    engine: Recorder, *, task: Task = MAIL, profile: Profile = LOCAL, mode: str = "blind", calibrates: bool = True
) -> LMVerifier:
    adapter = adapter_of(profile.adapter)
    return LMVerifier(task, profile, mode=VerifyMode.parse(mode), lm=lm_on(engine), adapter=adapter, calibrates=calibrates)


def weighing(said: dict[str, float] | Callable[[str], dict[str, float]]) -> Weighing:
    """An LM that gives each label the probability that is said."""
    return Weighing(lambda prompt: json.dumps(said(prompt) if callable(said) else said))


def read(
    text: str | dict[str, str],
    answer: str | Callable[[str], str],
    *,
    profile: Profile = LOCAL,
    mode: str = "blind",
    task: Task = MAIL,
) -> tuple[Verdict, Recorder]:
    """The verdict on `text` of an LM that says `answer`, and its requests."""
    engine = Recorder(answer if callable(answer) else lambda _: answer)
    judge = judge_on(engine, task=task, profile=profile, mode=mode)
    slot = replace(SLOT, label=task.label_names[0])
    return asyncio.run(judge.verdict(Draft({"text": text} if isinstance(text, str) else text), slot, 7)), engine


def verdict_of(judge: LMVerifier, text: str, asked: str = "order") -> Verdict:
    return asyncio.run(judge.verdict(Draft({"text": text}), replace(SLOT, label=asked), 7))


def prompt(engine: Recorder) -> str:
    return "\n".join(message.text for message in engine.requests[0].messages)


def keys(engine: Recorder) -> list[str]:
    """The keys of the JSON that the decoder is held to."""
    form = engine.requests[0].config.response_format
    return list(form["schema"]["required"])


# --- the label alone ------------------------------------------------------------------------------------------------


def test_a_local_model_is_asked_for_the_label_alone() -> None:
    verdict, engine = read("Two lamps, please", '{"label": "order"}')
    assert verdict == Verdict("order", "")
    assert prompt(engine) == (
        "Short messages, sorted by what they ask for. The labels are:\n- order: the writer says thank you or orders.\n"
        '- complaint: The writer complains!\n\nOne short message: "Two lamps, please"\n\n'
        'Answer with a JSON object with the keys "label" (one of the labels).'
    )
    assert keys(engine) == ["label"]
    assert "complaint" in str(engine.requests[0].config.response_format)
    assert engine.requests[0].config.temperature == 0.0
    assert engine.requests[0].config.max_tokens == 40


@pytest.mark.parametrize("text", ["Thank you", "order", "complains!", "short"])
def test_a_text_whose_words_were_said_already_is_still_read(text: str) -> None:
    _, engine = read(text, '{"label": "order"}')
    assert f'One short message: "{text}"' in prompt(engine)


def test_every_field_is_told_apart() -> None:
    _, engine = read({"premise": PREMISE, "hypothesis": PREMISE}, '{"label": "open"}', task=PAIRS)
    assert f'Premise (a statement): "{PREMISE}"\n\nHypothesis (another statement): "{PREMISE}"' in prompt(engine), (
        "by the names that the meanings call them by; twice, though the second says nothing new"
    )


def test_a_hosted_model_gives_its_reason_first() -> None:
    verdict, engine = read("Two lamps.", '{"reason": "It  asks for\\nlamps.", "label": "order"}', profile=HOSTED)
    assert verdict == Verdict("order", "It asks for lamps.")
    assert keys(engine) == ["reason", "label"]
    assert engine.requests[0].config.max_tokens is None
    assert "[[ ## text ## ]]\nTwo lamps." in prompt(engine)
    assert "given_label" not in prompt(engine)


@pytest.mark.parametrize("given", ["ORDER", " order. ", '\\"Order\\"'])
def test_a_label_in_other_letters_is_the_label(given: str) -> None:
    assert read("Two lamps.", f'{{"label": "{given}"}}')[0].label == "order"
    assert read("Two lamps.", f'Sure: {{"label": "{given}"}} I hope that this helps.')[0].label == "order"


def test_a_label_without_its_json_is_the_label() -> None:
    assert [read("Two lamps.", answer)[0].label for answer in ("order", '"Order".', " Answer: complaint\n")] == [
        "order",
        "order",
        "complaint",
    ]


@pytest.mark.parametrize(
    "answer",
    ["", "{", '{"label": "praise"}', '{"label": ""}', "{order}", "order or complaint", '{"reason": "order"}', "I cannot tell."],
)
def test_an_unreadable_answer_is_no_label(answer: str) -> None:
    assert read("Two lamps.", answer)[0] == Verdict("", "the verifier's answer could not be read")


def test_a_disagreement_without_a_reason_is_told_without_one() -> None:
    asked: list[str] = []

    def answer(said: str) -> str:
        asked.append(said)
        return '{"label": "complaint"}' if "JSON" in said else "The lamp came on Monday morning."

    profile = replace(LOCAL, attempts=2, verifier="lm", document="never")  # a document is not revised
    made = TarGEN(MAIL, lm=lm_on(Recorder(answer)), profile=profile)(label="order", context="a shop", seed="a lamp")
    assert (made.ok, made.outcome.provenance.verdict, made.outcome.provenance.reason) == (False, "complaint", "")
    revision = next(said for said in asked if "Do better" in said)
    assert "read the text as 'complaint'; change it so that the writer says thank you or orders." in revision


# --- room -----------------------------------------------------------------------------------------------------------


def long_labels(length: int) -> Task:
    labels = [{"name": letter * length, "meaning": f"it is {letter}.", "constraint": letter} for letter in "äb"]
    return Task.model_validate({**MAIL.model_dump(), "labels": labels})


@pytest.mark.parametrize("profile", [LOCAL, EMBEDDED])
def test_the_longest_label_has_room(profile: Profile) -> None:
    for length, bytes_ in ((5, 10), (100, 200)):
        _, engine = read("x", "{}", profile=profile, task=long_labels(length))
        assert engine.requests[0].config.max_tokens >= bytes_ + 20, "a token a byte at most, and the form"


def test_the_anchored_pass_has_room_for_its_reason_and_sees_the_label() -> None:
    verdict, engine = read("Two lamps.", '{"reason": "It asks.", "label": "order"}', mode="anchored")
    assert verdict == Verdict("order", "It asks.")
    assert engine.requests[0].config.max_tokens >= 200
    assert "the label that the instance was given order." in prompt(engine), "though the labels' list has said the word"
    assert "Two lamps." in prompt(engine)


def test_votes_of_a_local_model_may_differ() -> None:
    answers = iter(["order", "complaint", "order"])
    verdict, engine = read("Two lamps.", lambda _: json.dumps({"label": next(answers)}), mode="vote-3")
    assert verdict.label == "order"
    assert verdict.confidence == pytest.approx(2 / 3)
    assert [request.config.temperature for request in engine.requests] == [0.7] * 3, "greedy votes would be one vote three times"
    assert len({request.config.seed for request in engine.requests}) == 3
    assert read("x", '{"label": "order", "reason": "r"}', mode="vote-3", profile=HOSTED)[1].requests[0].config.temperature is None


# --- weighed --------------------------------------------------------------------------------------------------------


def test_a_model_that_can_weigh_is_asked_a_question_whose_answer_is_begun() -> None:
    engine = weighing({"order": 0.7, "complaint": 0.3})
    judge = judge_on(engine)
    assert judge.doubt == 1.0
    assert verdict_of(judge, "Two lamps, please") == Verdict("order", "", pytest.approx(0.7))
    (request,) = engine.requests
    told, begun = (message.text for message in request.messages)
    assert told.endswith('One short message: "Two lamps, please"\n\nWhich label is right?')
    assert begun == 'The label is "'
    assert request.config.extensions["choices"] == ["order", "complaint"]
    assert judge.doubt == 0.2


def test_what_a_model_leans_to_is_taken_off() -> None:
    """It says "complaint" of everything, of an order only a little less."""

    def said(prompt: str) -> dict[str, float]:
        order = 0.3 if "lamp" in prompt.split("message:")[1] else 0.1
        return {"order": order, "complaint": 1 - order}

    judge, plain = judge_on(weighing(said)), judge_on(weighing(said), calibrates=False)
    for i in range(40):
        for each in (judge, plain):
            verdict_of(each, f"{'A lamp' if i % 2 else 'Too late'}, number {i}.")
    assert [verdict_of(judge, text).label for text in ("The lamp, please.", "It came too late.")] == ["order", "complaint"]
    assert verdict_of(plain, "The lamp, please.") == Verdict("complaint", "", pytest.approx(0.3))
    assert verdict_of(plain, "The lamp, please.", asked="complaint").confidence == pytest.approx(0.7)


def test_a_strong_leaning_is_found_in_a_few_texts() -> None:
    """By the arithmetic mean of probabilities it would take some forty."""

    def said(prompt: str) -> dict[str, float]:
        order = 0.2 if "lamp" in prompt.split("message:")[1] else 0.02
        return {"order": order, "complaint": 1 - order}

    judge = judge_on(weighing(said))
    for i in range(12):
        verdict_of(judge, f"{'A lamp' if i % 2 else 'Too late'}, number {i}.")
    assert [verdict_of(judge, text).label for text in ("The lamp, please.", "It came too late.")] == ["order", "complaint"]


def test_one_sure_reading_is_no_leaning() -> None:
    judge = judge_on(
        weighing(lambda prompt: {"order": 0.6, "complaint": 0.4} if "lamp" in prompt else {"order": 1e-9, "complaint": 1.0})
    )
    verdict_of(judge, "It came too late.")
    assert verdict_of(judge, "The lamp, please.").confidence == pytest.approx(0.6, abs=0.15)


def test_a_vote_of_a_model_that_weighs_is_one_reading() -> None:
    engine = weighing({"order": 0.6, "complaint": 0.4})
    assert verdict_of(judge_on(engine, mode="vote-5"), "Two lamps.").confidence == pytest.approx(0.6)
    assert len(engine.requests) == 1


def test_a_small_doubt_refuses_nothing() -> None:
    """The asked label stands from a probability of 0.2 on."""
    made = {}
    for likely in (0.1, 0.25):
        writer, judge = (
            lm_on(Recorder(lambda _: "The lamp came on Monday morning.")),
            judge_on(weighing({"order": likely, "complaint": 1 - likely})),
        )
        program = TarGEN(MAIL, lm=writer, profile=replace(LOCAL, attempts=1), verifier=judge)
        made[likely] = program(label="order", context="a shop", seed="a lamp").ok
    assert made == {0.1: False, 0.25: True}


def test_a_reading_is_a_probability_whatever_the_model_tells() -> None:
    def reading(engine: Recorder) -> Any:
        return asyncio.run(judge_on(engine).read(Draft({"text": "Two lamps."}), SLOT, 1))

    assert reading(weighing({"order": 0.9, "complaint": 0.1})) == pytest.approx([0.9, 0.1])
    assert reading(Recorder(lambda _: '{"label": "complaint"}')) == pytest.approx([0.2, 0.8]), "only named: likely, not certain"
    assert reading(Recorder(lambda _: "{")) is None
