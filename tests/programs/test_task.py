"""The task model: strict, frozen, coherent."""

from typing import Any

import pytest
from pydantic import ValidationError

from seedless.errors import TaskError
from seedless.task import Field, Misfit, Task, fill, places


def given(**changes: Any) -> dict[str, Any]:
    """A whole task as data, with changes; a change to None takes the key away."""
    data: dict[str, Any] = {
        "name": "rooms",
        "description": "Lines about rooms.",
        "fields": [{"name": "text", "description": "one line"}],
        "labels": [
            {"name": "warm", "meaning": "it is warm", "constraint": "Praise {seed} in {context}."},
            {"name": "cold", "meaning": "it is cold", "constraint": "Blame {seed} in {context}."},
        ],
        "contexts": {"hint": "rooms"},
        "seeds": {"hint": "things"},
        **changes,
    }
    return {name: value for name, value in data.items() if value is not None}


def task(**changes: Any) -> Task:
    return Task.model_validate(given(**changes))


def labels(*names: str, constraint: str = "Write.") -> list[dict[str, Any]]:
    return [{"name": name, "meaning": f"m of {name}", "constraint": f"{constraint} It is {i}."} for i, name in enumerate(names)]


def test_a_whole_task() -> None:
    whole = task()
    assert whole.label_names == ("warm", "cold")
    assert whole.label("cold").meaning == "it is cold"
    assert [field.name for field in whole.written_fields] == ["text"]
    assert (whole.language, whole.attributes, whole.assertions) == ("en", (), ())


def test_labels_that_look_different_are_different() -> None:
    assert len(task(labels=labels("1²", "12", "can't", "can’t", "ｗ", "w")).labels) == 6


def test_an_unknown_label_is_told_with_the_known_ones() -> None:
    with pytest.raises(TaskError, match=r"no label 'hot'; its labels are \['warm', 'cold'\]"):
        task().label("hot")


PAIR = [{"name": "premise", "description": "d"}, {"name": "hypothesis", "description": "d"}]


def test_the_field_that_an_attribute_becomes_is_not_written() -> None:
    endings = task(
        fields=SHORT, seeds={"hint": "h", "field": "premise"}, attributes=[{**ASKED, "field": "asked_for"}], labels=labels("a", "b")
    )
    assert [field.name for field in endings.written_fields] == ["hypothesis"]
    assert endings.given_texts("It rained.", {"asked": "effect"}) == {"asked_for": "effect", "premise": "It rained."}
    assert "field" not in task(attributes=[ASKED]).model_dump()["attributes"][0], "tasks from before it keep their hash"


def test_the_field_that_the_seed_becomes_is_not_written() -> None:
    pair = task(fields=PAIR, seeds={"hint": "lines", "field": "premise"}, labels=labels("a", "b", constraint="Deny {premise}."))
    assert [field.name for field in pair.written_fields] == ["hypothesis"]


ASKED = {"name": "asked", "values": {"cause": 1, "effect": 1}}
SHORT = [{"name": "asked_for", "description": "d", "form": "phrase", "max_words": 1}, *PAIR]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": None}, "Field required"),
    ({"labels": []}, "at least 1 item"),
    ({"fields": []}, "at least 1 item"),
    ({"colour": "red"}, "Extra inputs"),
    ({"name": 7}, "valid string"),
    ({"name": "two words"}, "pattern"),
    ({"name": "über"}, "pattern"),
    ({"description": "   "}, "at least 1 character"),
    ({"description": "x" * 2001}, "at most 2000"),
    ({"seeds": {"hint": "passages", "given": ["x" * 80_001]}}, "at most 80000"),
    ({"language": "english"}, "pattern"),
    ({"labels": labels("a", "a")}, "given twice"),
    ({"labels": labels("Spam", "spam")}, "given twice .the first is 'Spam'"),
    ({"labels": labels("STRASSE", "straße")}, "given twice"),
    ({"labels": labels("a", " a ")}, "given twice"),
    ({"labels": labels("n\u00e9", "ne\u0301")}, "given twice .* no width of their own"),
    ({"labels": labels("not spam", "not  spam")}, "given twice .* no width of their own"),
    ({"labels": labels("spam", "sp\u200bam")}, "given twice .* no width of their own"),
    ({"labels": labels("spam", "\u200b\u2060")}, "no sign that can be seen; write a name"),
    ({"labels": [*labels("a"), {"name": "b", "meaning": "m"}]}, "Field required"),
    ({"labels": [*labels("a"), {**labels("b")[0], "share": 0}]}, "greater than 0"),
    ({"labels": [*labels("a"), {**labels("b")[0], "share": "1"}]}, "valid number"),
    ({"labels": [*labels("a"), {**labels("b")[0], "share": True}]}, "valid number"),
    ({"labels": [*labels("a"), {**labels("b")[0], "share": float("nan")}]}, "finite|greater"),
    ({"labels": labels("a", "b", constraint="Write about {topic}.")}, "given the place 'topic', allowed are context, cue, seed"),
    (
        {"labels": labels("a", "b", constraint="Write {topic} {Seed}.")},
        "name one of them, and mend {Seed} of label 'a', {topic} of label 'b', {Seed} of label 'b' as well",
    ),
    ({"labels": labels("a", "b", constraint="Write {Seed}.")}, "allowed are context, cue, seed; write 'seed', and mend"),
    ({"labels": labels("a", "b", constraint="Write {}.")}, "given the place ''"),
    ({"labels": labels("a", "b", constraint="Write {text}.")}, "given the place 'text'"),
    ({"labels": labels("a", "b", constraint="Write {cue}.")}, "label 'a' has the place .cue., and no cues; give both or neither"),
    ({"labels": [{**labels("a")[0], "cues": ["dull"]}]}, "label 'a' has cues, and no place .cue. in its constraint"),
    (
        {
            "fields": [{"name": "text", "description": "d", "max_words": 4}],
            "labels": [{**each, "openings": ["I said that too", "And so I said that"]} for each in labels("a", "b")],
        },
        "given an opening of 5 words, at most 4 are allowed, the field's max_words",
    ),
    ({"attributes": [{"name": "cue", "values": {"a": 1, "b": 1}}]}, "has the name of a field or of a place"),
    ({"fields": [{"name": "label", "description": "d"}]}, "a row's own keys"),
    ({"fields": [{"name": "id", "description": "d"}]}, "a row's own keys"),
    ({"fields": [PAIR[0], PAIR[0]]}, "field 'premise' is given twice"),
    ({"fields": [{"name": "text", "description": "d", "form": "poem"}]}, "'sentence', 'question', 'text' or 'phrase'"),
    ({"fields": [{"name": "text", "description": "d", "min_words": 9, "max_words": 2}]}, "min_words 9 is above max_words 2"),
    ({"fields": [{"name": "text", "description": "d", "min_words": 3.0}]}, "valid integer"),
    ({"fields": [{"name": "text", "description": "d", "within": "text"}]}, "given the within 'text'"),
    ({"fields": [{"name": "text", "description": "d", "within": "passage"}]}, "given the within 'passage'"),
    ({"fields": [{"name": "text", "description": "d", "within": ["text"]}]}, "given the within 'text'"),
    ({"fields": [{"name": "text", "description": "d", "within": []}]}, "at least 1 item"),
    ({"fields": [{"name": "text", "description": "d", "within": 5}]}, "given 5, a field's name or a list of names"),
    ({"seeds": {"hint": "h", "field": "premise"}}, "given the field 'premise'"),
    ({"seeds": {"hint": "h", "field": "text"}}, "is the only field"),
    ({"attributes": [{"name": "size", "values": {"short": 1}}]}, "at least 2"),
    ({"attributes": [{"name": "size", "values": {"short": 1, "long": -1}}]}, "greater than 0"),
    ({"attributes": [{**ASKED, "field": "query"}]}, "given the field 'query'"),
    ({"fields": SHORT[:1], "attributes": [{**ASKED, "field": "asked_for"}]}, "nothing is left to write"),
    (
        {"fields": PAIR, "attributes": [{**ASKED, "field": "premise"}]},
        "given the value 'cause', 3 to 60 words are allowed",
    ),
    (
        {"fields": SHORT, "attributes": [{**ASKED, "field": "asked_for"}, {**ASKED, "name": "b", "field": "asked_for"}]},
        "the attribute 'asked' becomes",
    ),
    (
        {"fields": SHORT, "attributes": [{**ASKED, "field": "asked_for"}], "seeds": {"hint": "h", "field": "asked_for"}},
        "the seed becomes",
    ),
    (
        {
            "fields": [{**SHORT[0], "within": "premise"}, *PAIR],
            "attributes": [{**ASKED, "field": "asked_for"}],
            "seeds": {"hint": "h", "field": "premise"},
        },
        "both fields are given",
    ),
    ({"attributes": [{"name": "seed", "values": {"a": 1, "b": 1}}]}, "has the name of a field or of a place"),
    ({"attributes": [{"name": "text", "values": {"a": 1, "b": 1}}]}, "has the name of a field or of a place"),
    ({"attributes": [{"name": "Size", "values": {"a": 1, "b": 1}}, {"name": "size", "values": {"a": 1, "b": 1}}]}, "given twice"),
    ({"assertions": [{"kind": "length", "field": "body"}]}, "given the field 'body', allowed are text"),
    ({"assertions": [{"kind": "contains", "field": "text", "value_of": "answer"}]}, "given the field 'answer'"),
    ({"assertions": [{"kind": "rhyme"}]}, "rhyme"),
    ({"assertions": [{"kind": "length", "labels": ["hot"]}]}, "given the label 'hot', allowed are warm, cold"),
    ({"assertions": [{"kind": "near_duplicate", "labels": ["warm"]}]}, "looks at the whole data set; leave labels out"),
    ({"assertions": [{"kind": "length", "least": 1}]}, "Extra inputs"),
]


@pytest.mark.parametrize(("changes", "said"), WRONG, ids=[said[:40] for _, said in WRONG])
def test_what_breaks_the_model_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        task(**changes)


@pytest.mark.parametrize(
    "own",
    [
        {"constraint": "{cue}", "cues": [["dull"], ["clever"]]},
        {"constraint": "Write.", "openings": [["I like"], ["I hate"]]},
        {"constraint": "Write about {context}.", "contexts": [["a match"], ["a bank"]]},
    ],
)
def test_a_constraint_is_shared_where_something_else_tells_the_labels_apart(own: dict[str, Any]) -> None:
    given = [
        {**each, **{name: values if isinstance(values, str) else values[i] for name, values in own.items()}}
        for i, each in enumerate(labels("a", "b"))
    ]
    assert task(labels=given).label_names == ("a", "b")


def test_attributes_are_places() -> None:
    sized = task(
        attributes=[{"name": "size", "values": {"short": 1, "long": 2}}],
        labels=labels("a", "b", constraint="Write {size} of {seed}."),
    )
    assert dict(sized.attributes[0].values) == {"short": 1.0, "long": 2.0}


@pytest.mark.parametrize("part", [task(), task().labels[0], task().fields[0], task().contexts, task().seeds])
def test_frozen(part: Any) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(part, next(iter(type(part).model_fields)), "other")


def test_hash_says_everything_that_the_task_says() -> None:
    assert task().hash == task().hash
    assert len(task().hash) == 16
    changed = [
        task(description="Lines about other rooms."),
        task(language="de"),
        task(contexts={"hint": "rooms", "given": ["a hall"]}),
        task(labels=list(reversed(given()["labels"]))),
        task(assertions=[{"kind": "meta"}]),
    ]
    assert len({task().hash, *(other.hash for other in changed)}) == 1 + len(changed)


@pytest.mark.parametrize(
    ("pattern", "values", "filled"),
    [
        ("Greet {context}.", {"context": "the {seed} of a king", "seed": "x"}, "Greet the {seed} of a king."),
        ("{a}{a} {b}", {"a": "1"}, "11 {b}"),
        ("no place { here", {"here": "x"}, "no place { here"),
        ("", {"a": "1"}, ""),
        ("{__class__.__mro__} {0}", {"a": "1"}, "{__class__.__mro__} {0}"),
        ("{a}", {"a": r"\1 \g<0>"}, r"\1 \g<0>"),
    ],
)
def test_fill(pattern: str, values: dict[str, str], filled: str) -> None:
    assert fill(pattern, values) == filled


@pytest.mark.parametrize(
    ("pattern", "found"), [("{a} and {b c} {}", ["a", "b c", ""]), ("{{a}}", ["a"]), ("none", []), ("{a", []), ("}{", [])]
)
def test_places(pattern: str, found: list[str]) -> None:
    assert list(places(pattern)) == found


def test_misfit_names_the_path_of_the_part_to_mend() -> None:
    with pytest.raises(ValidationError) as caught:
        task(labels=labels("a", "b", "A"))
    (detail,) = caught.value.errors()
    misfit = detail["ctx"]["error"]
    assert isinstance(misfit, Misfit)
    assert misfit.path == ("labels", 2, "name")


@pytest.mark.parametrize("constraint", ["Write about {context", "Write about context}.", "About {seed} and {cont"])
def test_a_brace_without_a_partner_is_refused(constraint: str) -> None:
    labels = ({"name": "a", "meaning": "m", "constraint": constraint}, {"name": "b", "meaning": "n", "constraint": "c"})
    with pytest.raises(ValidationError, match="has no partner"):
        Task(
            name="t",
            description="d",
            fields=({"name": "text", "description": "d"},),
            labels=labels,
            contexts={"hint": "h"},
            seeds={"hint": "h"},
        )


def test_a_phrase_may_be_a_word_unless_the_task_says_otherwise() -> None:
    said = {"name": "title", "description": "a title"}
    assert [Field.model_validate({**said, "form": form}).min_words for form in ("phrase", "text")] == [1, 3]
    assert Field.model_validate({**said, "form": "phrase", "min_words": 2}).min_words == 2


@pytest.mark.parametrize("place", ["context", "seed", "cue", "text", "tone"])
def test_a_place_in_a_meaning_is_refused(place: str) -> None:
    """Nobody would fill it in, and readers would be told the braces."""
    said = task(labels=labels("a", "b")).model_dump(mode="json")
    said["attributes"] = [{"name": "tone", "values": {"in plain words": 1, "in formal words": 1}}]
    said["labels"][1]["meaning"] = f"It is about {{{place}}}."
    with pytest.raises(ValidationError) as caught:
        Task.model_validate(said)
    (detail,) = caught.value.errors()
    assert detail["ctx"]["error"].path == ("labels", 1, "meaning")
    assert f"given the place {{{place}}}" in detail["msg"]
    said["labels"][1]["meaning"] = 'It is code, such as {"a": 1} or {x}.'
    Task.model_validate(said)


def test_equal_tasks_have_the_same_hash() -> None:
    said = {"attributes": [{"name": "size", "values": {"in at most eight words": 1, "in at least twenty words": 2}}]}
    assert len({task(**said), task(**said), task()}) == 2
    turned = {"attributes": [{"name": "size", "values": {"in at least twenty words": 2, "in at most eight words": 1}}]}
    assert task(**turned) == task(**said)
    assert hash(task(**turned)) == hash(task(**said))


@pytest.mark.parametrize(
    ("pattern", "value", "filled"),
    [
        ("You saw a {context} at the cinema.", "art film", "You saw an art film at the cinema."),
        ("You saw a {context} at the cinema.", "crime story", "You saw a crime story at the cinema."),
        ("It is late. A {context} waits.", "hour", "It is late. An hour waits."),
        ("A {context}", "university", "A university"),
        ("vitamin A {context}, as in la{context} or a  {context}", "apple", "vitamin A apple, as in laapple or a  apple"),
        ("a {other}", "apple", "a {other}"),
    ],
)
def test_an_english_article_goes_with_what_is_filled_in(pattern: str, value: str, filled: str) -> None:
    assert fill(pattern, {"context": value}, language="en") == filled
    assert fill(pattern, {"context": value}, language="hu") == pattern.replace("{context}", value), (
        "a Hungarian one is no English one"
    )
