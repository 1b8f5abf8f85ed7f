"""Adapters: what the LM is told, and what is read from its answer."""

import json
from dataclasses import replace
from typing import Any, Literal

import dspy
import pytest

from seedless.errors import UsageError
from seedless.lms.adapters import ADAPTERS, PlainAdapter, adapter_of
from seedless.lms.metered import MeteredLM, TokenLimitReached
from seedless.signatures import JudgeBlind, NameContexts, NameContextsPlainly, WriteInstanceInDocument, WriteInstancePlainly
from seedless.testing import FakeEngine, fake_lm

WRITE = WriteInstancePlainly.append("text", dspy.OutputField(desc="one line"), str)
DOCUMENT = WriteInstanceInDocument.append("text", dspy.OutputField(desc="one line"), str)
PAIR = WRITE.append("title", dspy.OutputField(desc="its title"), str)
JUDGE = JudgeBlind.append("reason", dspy.OutputField(desc="why"), str).append(
    "label", dspy.OutputField(desc="the label"), Literal["positive", "not_spam"]
)
PLAIN = PlainAdapter()


def asked(signature: Any, **inputs: Any) -> str:
    """The one user message that the inputs become."""
    (message,) = PLAIN.format(signature, [], inputs)
    assert message["role"] == "user"
    return str(message["content"])


def written(**inputs: Any) -> str:
    return asked(WRITE, **{"constraint": "Praise it.", "seed": "", "context": "", "attributes": [], "opening": "", **inputs})


# --- what the LM is told --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "Praise it."),
        ({"seed": "the ending"}, "Praise it. It is about the ending."),
        ({"seed": "the ending", "context": "a comedy"}, "Praise it. It is about the ending. The topic is a comedy."),
        ({"constraint": "Praise the ending.", "seed": "the ending"}, "Praise the ending."),  # said already
        ({"constraint": "Praise The Ending.", "seed": "the ending"}, "Praise The Ending."),
        ({"seed": "who?"}, "Praise it. It is about who?"),
        ({"seed": "  the ending \n"}, "Praise it. It is about the ending."),
        ({"attributes": ["in one line", "warmly"]}, "Praise it. Write it in one line warmly."),
        ({"opening": "Rarely"}, "Praise it. Begin with Rarely."),
        ({"constraint": "Praise {seed} of {it}.", "seed": "the ending"}, "Praise {seed} of {it}. It is about the ending."),
        ({"seed": "{constraint}"}, "Praise it. It is about {constraint}."),  # a value is never itself expanded
        ({"seed": "日本"}, "Praise it. It is about 日本."),
    ],
)
def test_plain_message(inputs: dict[str, Any], said: str) -> None:
    assert written(**inputs) == said


def test_a_part_of_another_word_does_not_say_an_input() -> None:
    """`art` stands in `party`, and yet the text says nothing of art."""
    assert "It is about art." in written(constraint="Praise the party.", seed="art")


def test_places_of_an_instruction_are_filled() -> None:
    assert asked(NameContextsPlainly, wanted="kinds of films", count=5) == (
        "Make a numbered list of 5 kinds of films. Each item has one to three words, and no item is repeated. One per line."
    )


def test_an_instruction_without_places_costs_no_new_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("made a signature")

    given = {"description": "Lines.", "labels": ["positive: it praises"]}
    before = adapter_of("json").format(JUDGE, [], given)
    monkeypatch.setattr(type(JUDGE), "with_instructions", refuse, raising=False)
    monkeypatch.setattr(dspy.Signature, "with_instructions", refuse)
    assert adapter_of("json").format(JUDGE, [], given) == before


def test_several_outputs_are_asked_for_as_json() -> None:
    said = asked(JUDGE, description="Film reviews.", labels=["positive: praise", "not_spam: other"])
    assert said.endswith('Answer with a JSON object with the keys "reason" (why), "label" (the label).')
    assert "positive: praise not_spam: other" in said


def test_demos_are_turns_before_the_question() -> None:
    demos = [{"constraint": "Blame it.", "text": " A bore. "}]
    messages = PLAIN.format(WRITE, demos, {"constraint": "Praise it."})
    assert [(m["role"], m["content"]) for m in messages] == [
        ("user", "Blame it."),
        ("assistant", "A bore."),
        ("user", "Praise it."),
    ]
    listed = PLAIN.format(NameContextsPlainly, [{"wanted": "a", "count": 2, "contexts": ["x", "y"]}], {"wanted": "b", "count": 3})
    assert listed[1]["content"] == "1. x\n2. y"
    judged = PLAIN.format(JUDGE, [{"reason": "ä", "label": "positive"}], {"labels": []})
    assert judged[1]["content"] == '{"reason": "ä", "label": "positive"}'


@pytest.mark.parametrize("name", ["json", "chat"])
def test_the_other_adapters_fill_places_too(name: str) -> None:
    messages = adapter_of(name).format(NameContextsPlainly, [], {"wanted": "kinds of films", "count": 5})
    whole = "\n".join(str(message["content"]) for message in messages)
    assert "numbered list of 5 kinds of films" in whole
    assert "numbered list of {count}" not in whole


# --- what is read from an answer ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        '{"reason": "it praises", "label": "positive"}',
        'Sure! {"reason": "it praises", "label": "positive"} I hope that this helps.',
        '```json\n{"reason": "it praises", "label": "Positive"}\n```',
        '{"reason": "it praises", "label": " \\"POSITIVE\\". "}',
        '{"label": "positive", "reason": "it praises", "more": 1}',
    ],
)
@pytest.mark.parametrize("name", ["plain", "json"])
def test_json_is_read_with_prose_around_it(name: str, answer: str) -> None:
    assert adapter_of(name).parse(JUDGE, answer) == {"reason": "it praises", "label": "positive"}


@pytest.mark.parametrize("label", ["not spam", "Not_Spam", "NOT-SPAM.", "not  spam"])
@pytest.mark.parametrize("name", list(ADAPTERS))
def test_a_label_in_another_case_is_the_label(name: str, label: str) -> None:
    answer = f'{{"reason": "r", "label": "{label}"}}'
    if name == "chat":
        answer = f"[[ ## reason ## ]]\nr\n\n[[ ## label ## ]]\n{label}\n\n[[ ## completed ## ]]"
    assert adapter_of(name).parse(JUDGE, answer)["label"] == "not_spam"


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "positive or not_spam",
        "not positive",
        "It has positive things, and more",
        "{",
        "[]",
        '{"reason": "r"}',
        '{"reason": "r", "label": "neutral"}',
        '{"reason": "r", "label": ""}',
        '{"reason": "r", "label": null}',
        '{"reason": "r", "label": "positive or not_spam"}',
    ],
)
@pytest.mark.parametrize("name", ["plain", "json"])
def test_what_is_no_answer_is_refused(name: str, answer: str) -> None:
    with pytest.raises(dspy.AdapterParseError):
        adapter_of(name).parse(JUDGE, answer)


@pytest.mark.parametrize(
    "answer",
    [
        "positive",
        "Label: positive",
        "**Label:** Positive\n\nIt praises.",
        "<label>positive</label>",
        "<think>not_spam?</think>The label is positive.",
    ],
)
@pytest.mark.parametrize("name", ["plain", "json", "chat"])
def test_a_label_may_be_all_that_is_said(name: str, answer: str) -> None:
    assert adapter_of(name).parse(JUDGE, answer) == {"reason": "", "label": "positive"}


def test_a_cut_object_names_no_label() -> None:
    with pytest.raises(dspy.AdapterParseError):
        PLAIN.parse(JUDGE, '{"reason": "it is positive')


@pytest.mark.parametrize(
    "answer",
    [
        '{"label": "positive"}',
        '{"reason": "", "label": "positive"}',
        '{"reason": " \\n ", "label": "positive"}',
        '{"reason": null, "label": "positive"}',
        '{"reason": ["it praises", "twice"], "label": "positive"}',
        '{"reason": {"why": "it praises"}, "label": "positive"}',
        '{"label": "The label is POSITIVE."}',
    ],
)
@pytest.mark.parametrize("name", ["plain", "json"])
def test_a_label_without_a_readable_reason_is_a_label(name: str, answer: str) -> None:
    assert adapter_of(name).parse(JUDGE, answer) == {"reason": "", "label": "positive"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"A joy."', "A joy."),
        ('["A joy."]', "A joy."),
        ("12", "12"),
        ("1.5", "1.5"),
        ('"12"', "12"),
        ('"[laughs] A joy."', "[laughs] A joy."),
        ('"true"', "true"),
        ('"**A joy.**"', "A joy."),
        ('"\\"A joy.\\""', "A joy."),
        ('"A \\u001b[31mjoy\\u0000 \\ud800today."', "A [31mjoy today."),
        ('"A joy\\nto\\twatch."', "A joy\nto\twatch."),
    ],
)
@pytest.mark.parametrize("name", ["plain", "json"])
def test_a_text_in_json_is_read_as_text(name: str, value: str, text: str) -> None:
    assert adapter_of(name).parse(PAIR, f'{{"text": {value}, "title": "Joy"}}') == {"text": text, "title": "Joy"}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ('["A joy.", "A bore."]', "a list"),
        ("[]", "a list"),
        ('{"text": "A joy."}', "an object"),
        ("true", "a truth value"),
        ("null", "missing"),
    ],
)
def test_what_is_no_text_is_not_made_one(value: str, kind: str) -> None:
    with pytest.raises(dspy.AdapterParseError, match=f"text is {kind}, a text is asked for"):
        PLAIN.parse(PAIR, f'{{"text": {value}, "title": "Joy"}}')
    with pytest.raises(dspy.AdapterParseError):
        adapter_of("json").parse(PAIR, f'{{"text": {value}, "title": "Joy"}}')


def test_a_wrong_label_is_told_with_the_allowed_ones() -> None:
    with pytest.raises(dspy.AdapterParseError, match="label is 'neutral', allowed are positive, not_spam"):
        PLAIN.parse(JUDGE, '{"reason": "r", "label": "neutral"}')


@pytest.mark.parametrize("answer", ["", "  \n", "Review:", "Text: \n"])
def test_an_empty_text_is_refused(answer: str) -> None:
    with pytest.raises(dspy.AdapterParseError, match="text is empty"):
        PLAIN.parse(WRITE, answer)


@pytest.mark.parametrize("name", ["plain", "json"])
@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("A joy.\u200b", "A joy."),
        ("\ufeffA joy.\u2060\ufeff", "A joy."),
        ("\u200b \u201cA joy.\u201d \u200b", "A joy."),
        ("A\u2060 joy\ufeff.", "A joy."),
        ("A\u200bjoy.", "A\u200bjoy."),
        ("می\u200cخواهم 👨\u200d👩", "می\u200cخواهم 👨\u200d👩"),
    ],
)
def test_what_has_no_width_is_no_part_of_a_text(name: str, said: str, read: str) -> None:
    assert PLAIN.parse(WRITE, said) == {"text": read}
    answer = json.dumps({"text": said, "title": "Joy"})
    assert adapter_of(name).parse(PAIR, answer) == {"text": read, "title": "Joy"}
    assert adapter_of("json").parse(NameContexts, json.dumps({"contexts": [said, "\u200b"]})) == {"contexts": [read]}


def test_one_text_is_read_as_it_is() -> None:
    assert PLAIN.parse(WRITE, ' Review: "A joy\nto watch." ') == {"text": "A joy to watch."}


def test_several_texts_are_read_from_json() -> None:
    assert PLAIN.parse(PAIR, '{"text": "A joy.", "title": "Joy"}') == {"text": "A joy.", "title": "Joy"}
    with pytest.raises(dspy.AdapterParseError, match="title is empty"):
        PLAIN.parse(PAIR, '{"text": "A joy.", "title": ""}')


@pytest.mark.parametrize(
    ("answer", "items"),
    [
        ("1. a hall\n2) a room\n- a den\n• a loft\n(5) a shed", ["a hall", "a room", "a den", "a loft", "a shed"]),
        ("\n1. \n2. **a hall**\n\n", ["a hall"]),
        ("1. 3.5 mm jack", ["3.5 mm jack"]),
        ("2001: A Space Odyssey", ["2001: A Space Odyssey"]),
        ("a hall\na room", ["a hall", "a room"]),
    ],
)
def test_a_list_is_read_by_lines(answer: str, items: list[str]) -> None:
    assert PLAIN.parse(NameContextsPlainly, answer) == {"contexts": items}


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ('["a hall", "a room"]', ["a hall", "a room"]),
        ('[{"context": "a hall"}, {"context": "a room"}]', ["a hall", "a room"]),
        ('{"1": "a hall", "2": "a room"}', ["a hall", "a room"]),
        ('"1. a hall\\n2. a room"', ["a hall", "a room"]),
        ('[null, "a hall", {"name": "x", "why": "y"}, ["a room"], true, 1984]', ["a hall", "x", "a room", "1984"]),
        ('[{"id": "1", "name": "a hall"}, {"rank": 2, "name": "a room"}]', ["a hall", "a room"]),
    ],
)
def test_a_list_in_json_is_read_for_its_texts(value: str, items: list[str]) -> None:
    assert adapter_of("json").parse(NameContexts, f'{{"contexts": {value}}}') == {"contexts": items}


@pytest.mark.parametrize("value", ["[]", "null", "{}", "true", '[{"a": 1, "b": "2"}]', '""'])
def test_a_list_without_a_text_is_empty(value: str) -> None:
    with pytest.raises(dspy.AdapterParseError, match="contexts is empty"):
        adapter_of("json").parse(NameContexts, f'{{"contexts": {value}}}')


def test_a_decimal_at_the_start_of_an_item_is_no_number_of_the_list() -> None:
    assert PLAIN.parse(NameContextsPlainly, "a phone\n3.5 mm jack") == {"contexts": ["a phone", "3.5 mm jack"]}


# --- with an LM -----------------------------------------------------------------------------------------------------


class Recorder(FakeEngine):
    """Keeps whole requests, as an engine that takes a grammar and an opening."""

    supported_params = FakeEngine.supported_params | {"avoid", "document", "grammar", "prefill", "min_p"}

    def __init__(self, answer: str) -> None:
        super().__init__(lambda _prompt: answer)
        self.requests: list[Any] = []

    def complete(self, request: Any) -> Any:
        self.requests.append(request)
        return super().complete(request)


class AsyncRecorder:
    """The same for DSPy's asynchronous side."""

    supports_response_schema = True
    supported_params = Recorder.supported_params

    def __init__(self, engine: Recorder) -> None:
        self.engine = engine

    async def complete(self, request: Any) -> Any:
        return self.engine.complete(request)


def recorded(answer: str) -> tuple[MeteredLM, Recorder]:
    engine = Recorder(answer)
    lm = MeteredLM("fake", identity="fake", address="a fake", engine=engine, async_engine=AsyncRecorder(engine), free=True)
    return lm, engine


def test_an_opening_becomes_the_answers_first_words() -> None:
    lm, engine = recorded("is it this good.")
    with dspy.context(lm=lm, adapter=PlainAdapter()):
        found = dspy.Predict(WRITE)(
            constraint="Praise it.", seed="", context="", attributes=[], opening="Rarely ", config={"form": {"text": "sentence"}}
        )
    assert found.text == "Rarely is it this good."
    (request,) = engine.requests
    assert request.messages[-1].text.strip() == "Rarely"
    assert request.config.extensions["grammar"].startswith("root ::= body [.!?]")


GIVEN = {
    "description": "Film reviews.",
    "constraint": "Praise the ending.",
    "label": "positive",
    "meaning": "It praises.",
    "about": "a comedy, splendid",
    "shown": "Example:",
    "seed": "the ending",
    "context": "a comedy",
    "attributes": [],
    "opening": "",
}
TOLD = 'Film reviews.\n\nPraise the ending.\n\npositive: It praises.\nContext: a comedy, splendid\nExample: "'


@pytest.mark.parametrize("answer", ['A joy to watch."', "A joy to watch."])
def test_a_document_goes_on_with_the_text(answer: str) -> None:
    lm, engine = recorded(answer)
    with dspy.context(lm=lm, adapter=PlainAdapter()):
        found = dspy.Predict(DOCUMENT)(**GIVEN, config={"form": {"text": "text"}, "document": True})
    assert found.text == "A joy to watch."
    (request,) = engine.requests
    assert [message.text for message in request.messages] == [TOLD]
    assert request.config.extensions["document"] is True
    assert request.config.extensions["grammar"].startswith("root ::= [A-Za-z0-9$@] body")


def test_a_document_ends_with_the_opening_and_says_what_the_constraint_leaves_out() -> None:
    lm, engine = recorded("is it this good.")
    with dspy.context(lm=lm, adapter=PlainAdapter()):
        found = dspy.Predict(DOCUMENT)(
            **{**GIVEN, "seed": "the cast", "attributes": ["warmly"], "opening": "Rarely "}, config={"document": True}
        )
    assert found.text == "Rarely is it this good."
    told = engine.requests[0].messages[0].text
    assert told.endswith('Example: "Rarely')
    assert "\n\nPraise the ending. It is about the cast. Write it warmly.\n\npositive: " in told


class Cut(Recorder):
    """Stops at the token limit."""

    def complete(self, request: Any) -> Any:
        return replace(super().complete(request), finish_reason="length")


@pytest.mark.parametrize("document", [True, False], ids=["document", "chat"])
@pytest.mark.parametrize("answer", [" is it this good, and", "Rarely is it this good, and"])
def test_an_answer_that_is_cut_keeps_its_opening(document: bool, answer: str) -> None:
    engine = Cut(answer)
    lm = MeteredLM("fake", identity="fake", address="a fake", engine=engine, async_engine=AsyncRecorder(engine), free=True)
    signature = DOCUMENT if document else WRITE
    given = {name: value for name, value in {**GIVEN, "opening": "Rarely"}.items() if name in signature.input_fields}
    with dspy.context(lm=lm, adapter=PlainAdapter()), pytest.raises(TokenLimitReached) as cut:
        dspy.Predict(signature)(**given, config={"form": {"text": "text"}, "document": document})
    repeated = "Rarely" if document and answer.startswith("Rarely") else ""
    assert cut.value.text == f"{repeated}Rarely is it this good, and"


def test_demos_stand_before_a_document() -> None:
    lm, engine = recorded('A joy."')
    predict = dspy.Predict(DOCUMENT)
    predict.demos = [dspy.Example(**GIVEN, text="A pearl.")]
    with dspy.context(lm=lm, adapter=PlainAdapter()):
        predict(**GIVEN, config={"document": True})
    assert engine.requests[0].messages[0].text == f'{TOLD}A pearl."\n\n{TOLD}'


TWO_TEXTS = WriteInstanceInDocument.append("premise", dspy.OutputField(desc="a fact"), str).append(
    "second_text", dspy.OutputField(desc="another"), str
)


def test_a_document_holds_a_line_for_each_text() -> None:
    lm, engine = recorded('It rained all day."\nSecond text: "It was wet: very wet."')
    predict = dspy.Predict(TWO_TEXTS)
    predict.demos = [dspy.Example(**GIVEN, premise="The shop is shut.", second_text="Nobody can buy bread.")]
    with dspy.context(lm=lm, adapter=PlainAdapter()):
        found = predict(
            **GIVEN, config={"form": {"premise": "text", "second_text": "sentence"}, "least": {"premise": 3}, "document": True}
        )
    assert (found.premise, found.second_text) == ("It rained all day.", "It was wet: very wet.")
    (request,) = engine.requests
    assert request.messages[0].text == f'{TOLD}The shop is shut."\nSecond text: "Nobody can buy bread."\n\n{TOLD}'
    assert '"\\nSecond text: \\"" [A-Z0-9$] body' in request.config.extensions["grammar"]
    assert "{12}" in request.config.extensions["grammar"]
    assert request.config.response_format is None


@pytest.mark.parametrize("answer", ['It rained all day."', 'It rained."\nThird text: "It was wet."', ""])
def test_a_document_without_all_its_lines_is_not_read(answer: str) -> None:
    lm, _engine = recorded(answer)
    with dspy.context(lm=lm, adapter=PlainAdapter()), pytest.raises(dspy.AdapterParseError):
        dspy.Predict(TWO_TEXTS)(**GIVEN, config={"document": True})


def test_an_lm_that_only_chats_is_asked_with_the_same_words() -> None:
    lm = fake_lm(lambda _prompt: "A joy.")
    with dspy.context(lm=lm, adapter=PlainAdapter()):
        dspy.Predict(DOCUMENT)(**GIVEN, config={"document": True})
    assert lm.fake.prompts == [TOLD]


def test_several_outputs_are_held_to_a_schema() -> None:
    lm, engine = recorded('{"reason": "r", "label": "positive"}')
    with dspy.context(lm=lm, adapter=PlainAdapter()):
        assert dspy.Predict(JUDGE)(description="d", labels=["positive: p"]).label == "positive"
    schema = str(engine.requests[0].config.response_format)
    assert "not_spam" in schema
    assert "'minLength': 1" in schema


def test_an_lm_without_grammars_is_asked_in_words() -> None:
    lm = fake_lm(lambda prompt: prompt)
    with dspy.context(lm=lm, adapter=PlainAdapter()):
        dspy.Predict(WRITE)(
            constraint="Praise it.", seed="", context="", attributes=[], opening="Rarely", config={"form": {"text": "text"}}
        )
    assert lm.fake.prompts == ["Praise it. Begin with Rarely."]


def test_adapter_of() -> None:
    assert isinstance(adapter_of("plain"), PlainAdapter)
    assert {type(adapter_of(name)) for name in ADAPTERS} == set(ADAPTERS.values())
    with pytest.raises(UsageError, match="given the adapter 'xml', allowed are plain, json, chat"):
        adapter_of("xml")


@pytest.mark.parametrize("name", ["json", "chat"])
def test_a_closed_set_is_listed_where_the_answer_is_asked_for_and_nowhere_else(name: str) -> None:
    signature = JudgeBlind.append("label", dspy.OutputField(desc="one of the labels"), Literal["warm", "cold"])
    system, user = adapter_of(name).format(signature, [], {"description": "Notes.", "labels": ["warm: it is", "cold: it is not"]})
    assert "warm" not in system["content"]
    assert user["content"].count("warm") == 2, "what it means, and what may be answered"
    assert "Literal['warm', 'cold']" in user["content"]
