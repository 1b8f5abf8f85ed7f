"""One slot from constraint to outcome: what is asked, what is asserted, kept, relabelled or refused."""

import abc
import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import count, permutations
from typing import Literal

import dspy
import pytest

from seedless.assertion_set import assertions_of
from seedless.assertions import Echo, Excludes, Language, Meta, NearDuplicate, NoLabelWord
from seedless.errors import UsageError
from seedless.generation import Generation, Options
from seedless.kept import Kept
from seedless.label_words import LabelWords
from seedless.lms.spec import HOSTED, Profile
from seedless.outcome import Broken, Refusal, Row
from seedless.signatures import (
    DOCUMENTS_SHOWN,
    JudgeAnchored,
    JudgeBlind,
    ReviseBesideGiven,
    WriteBesideGiven,
    WriteInstanceInDocument,
)
from seedless.slot import Context, Draft, InstanceSeed, Slot
from seedless.targen import TarGEN
from seedless.task import RESERVED, SAID_BY_STAGES, TAKEN_BY_DSPY, Contexts, Seeds, Task
from seedless.taskfile import built_in_tasks, load_task
from seedless.testing import fake_lm
from tests.programs.lms.test_adapters import recorded
from tests.programs.lms.test_grammar import regex_of

PAIRS = Task(
    name="pairs",
    description="Premises and hypotheses, sorted by whether one follows from the other.",
    fields=(
        {"name": "premise", "description": "a statement", "form": "sentence"},
        {"name": "hypothesis", "description": "another statement", "form": "sentence"},
    ),
    labels=(
        {"name": "follows", "meaning": "it follows", "constraint": "Write a hypothesis that follows from: {premise}"},
        {
            "name": "open",
            "meaning": "it may be or not",
            "constraint": "Write a hypothesis that may be true or not, given: {premise}",
        },
    ),
    contexts={"hint": "fields of work"},
    seeds={"hint": "statements", "field": "premise"},
)
PREMISE = "The bakery on Mill Street opens at six."


def answers(*, label: str | Callable[[int], str], text: str = "People can buy bread there at seven.") -> Callable[[str], str]:
    """A writer that always writes `text` and a judge that says `label`, or what `label` says of the n-th judgement."""
    judged = 0

    def answer(prompt: str) -> str:
        nonlocal judged
        if "`reason`" not in prompt:
            return json.dumps({"hypothesis": text})
        judged += 1
        return json.dumps({"reason": "it says so", "label": label if isinstance(label, str) else label(judged)})

    return answer


def make(answer: Callable[[str], str], *, verify: str = "blind", label: str = "follows") -> tuple[dspy.Prediction, list[str]]:
    lm = fake_lm(answer)
    program = TarGEN(PAIRS, lm=lm, verify=verify, profile=HOSTED)
    return program(seed=PREMISE, context="trade", label=label), lm.fake.prompts


def test_the_seed_becomes_a_field_and_is_never_written() -> None:
    made, prompts = make(answers(label="follows"))
    assert made.ok
    assert made.premise == PREMISE
    assert list(made.outcome.texts) == ["premise", "hypothesis"]
    assert f"follows from: {PREMISE}" in prompts[0]
    assert "order of fields: `hypothesis`" in prompts[0]


def test_a_writer_is_told_which_field_is_given_and_stays() -> None:
    """A choice of facts of one's own works against what follows from a premise."""
    _, (writes, _, revises, *_) = make(answers(label=lambda n: "open" if n == 1 else "follows"))
    for prompt in (writes, revises):
        assert '["premise (a statement): the seed, word for word"]' in prompt
        assert "Some of the row's fields are given" in prompt
        assert "of words and of facts" not in prompt
    assert "change it so that this holds: it follows." in revises
    lm = fake_lm(lambda _: json.dumps({"text": "We won the cup."}))
    TarGEN(POSTS, lm=lm, verify="none", profile=HOSTED)(label="good")
    assert "of words and of facts" in lm.fake.prompts[-1]
    assert "given_fields" not in lm.fake.prompts[-1]


def test_the_judge_sees_both_fields_and_not_the_asked_label() -> None:
    _, prompts = make(answers(label="open"), label="open")
    judged = prompts[-1]
    assert PREMISE in judged
    assert "[[ ## given_label ## ]]" not in judged
    assert "constraint" not in judged


def test_a_field_that_is_called_like_a_stage_s_own_has_another_name_in_prompts_only() -> None:
    own = {
        name
        for one in (WriteBesideGiven, ReviseBesideGiven, WriteInstanceInDocument, JudgeBlind, JudgeAnchored)
        for name in one.fields
    }
    assert own | {"label", "reason", "weights"} == SAID_BY_STAGES


@pytest.mark.parametrize("name", sorted(SAID_BY_STAGES - RESERVED))
@pytest.mark.parametrize("verify", ["blind", "anchored"])
def test_a_field_may_be_called_like_a_stage_s_own(name: str, verify: str) -> None:
    text = "It is quite right, and I agree."
    task = POSTS.model_copy(update={"fields": (POSTS.fields[0].model_copy(update={"name": name}),)})

    def answer(prompt: str) -> str:
        judges = "`label` (must be" in prompt
        return json.dumps({"reason": "it says so", "label": "good"} if judges else {f"row_{name}": text})

    lm = fake_lm(answer)
    with dspy.context(trace=[]):
        made = TarGEN(task, lm=lm, verify=verify, profile=HOSTED)(label="good", seed="tomorrow", context="a fair")
        ((_, _, written), *_judged) = dspy.settings.trace
    assert made.ok
    assert made.outcome.texts == {name: text}
    assert dict(written) == {f"row_{name}": text}
    writes, judges = lm.fake.prompts
    assert all(said in writes for said in ("Write a post with good news.", "tomorrow", "a fair", "Short posts."))
    assert all(said in judges for said in (text, "good: good news", "Short posts."))


def test_a_reader_who_disagrees_once_is_a_revision() -> None:
    made, prompts = make(answers(label=lambda n: "open" if n == 1 else "follows"))
    assert made.ok
    assert made.label == "follows"
    assert made.outcome.provenance.attempts == 2
    assert made.outcome.provenance.broken == ("label",)
    revision = next(p for p in prompts if "violations" in p)
    assert (
        r"A reader who was not told the label read the text as 'open' (because: \"it says so\"); change it so that this holds: it follows."
        in revision
    )


def test_a_reader_who_always_disagrees_relabels() -> None:
    made, _ = make(answers(label="open"))
    assert isinstance(made.outcome, Row)
    assert made.label == "open"
    assert made.outcome.provenance.asked_label == "follows"
    assert made.outcome.provenance.verdict == "open"


def test_a_local_model_s_word_gives_no_draft_another_label() -> None:
    """A 1.5B model that read real drafts was right about 6 to 42 % of those that it would have relabelled."""
    program = TarGEN(PAIRS, lm=fake_lm(answers(label="open")), profile=replace(HOSTED, relabels=False))
    made = program(seed=PREMISE, context="trade", label="follows")
    assert isinstance(made.outcome, Refusal)
    assert made.outcome.stage == "verify"
    assert made.outcome.provenance.verdict == "open"


def test_an_assertion_for_one_label_leaves_the_others_alone() -> None:
    digits = {"kind": "regex", "field": "hypothesis", "labels": ["follows"], "pattern": "[0-9]", "message": "Name a number."}
    task = PAIRS.model_copy(update={"assertions": Task.model_validate({**PAIRS.model_dump(), "assertions": [digits]}).assertions})
    assert [a.name for a in assertions_of(task)][-1] == "regex:hypothesis[follows]"
    for label, ok in (("follows", False), ("open", True)):
        program = TarGEN(task, lm=fake_lm(answers(label=label)), profile=HOSTED)
        made = program(seed=PREMISE, context="trade", label=label)
        assert made.ok == ok
        if not ok:
            assert {b.assertion for b in made.outcome.broken} == {"regex:hypothesis[follows]"}


@pytest.mark.parametrize("verify", ["blind", "anchored"])
def test_a_draft_gets_another_label_only_where_it_holds_what_is_asked_of_that_one(verify: str) -> None:
    own = [{"kind": "regex", "field": "hypothesis", "labels": ["open"], "pattern": "[0-9]", "message": "Name a number."}]
    task = Task.model_validate({**PAIRS.model_dump(), "assertions": own})
    for text, label in (("People can buy bread there at seven.", None), ("People can buy bread there at 7.", "open")):
        program = TarGEN(task, lm=fake_lm(answers(label="open", text=text)), profile=HOSTED, verify=verify)
        made = program(seed=PREMISE, context="trade", label="follows")
        assert made.outcome.provenance.verdict == "open"
        if label is None:
            assert isinstance(made.outcome, Refusal)
            assert made.outcome.stage == "verify"
            assert made.outcome.broken[-1] == Broken(
                "relabel", "The text reads as 'open', and of such a text is asked: In hypothesis: Name a number."
            )
        else:
            assert made.label == label


def test_one_for_some_labels_does_not_replace_the_standard_one() -> None:
    own = [{"kind": "length", "field": "hypothesis", "labels": ["open"], "min_words": 6}]
    task = Task.model_validate({**PAIRS.model_dump(), "assertions": own})
    assert [a.name for a in assertions_of(task) if a.kind == "length"] == ["length:hypothesis", "length:hypothesis[open]"]


def test_the_anchored_pass_relabels_at_once_and_writes_nothing_again() -> None:
    made, prompts = make(answers(label="open"), verify="anchored")
    assert made.label == "open"
    assert made.outcome.provenance.attempts == 1
    assert "[[ ## given_label ## ]]\nfollows" in prompts[-1]
    assert len(prompts) == 2


def test_a_majority_decides() -> None:
    made, prompts = make(answers(label=lambda n: "open" if n == 1 else "follows"), verify="vote-3")
    assert made.ok
    assert made.outcome.provenance.confidence == pytest.approx(2 / 3)
    assert len(prompts) == 4


def test_no_verification_asks_nobody() -> None:
    made, prompts = make(answers(label="open"), verify="none")
    assert made.label == "follows"
    assert made.outcome.provenance.verdict is None
    assert len(prompts) == 1


def test_a_judge_who_talks_rubbish_is_a_refusal_and_never_a_label() -> None:
    made, _ = make(
        lambda prompt: "no idea" if "`reason`" in prompt else json.dumps({"hypothesis": "People can buy bread there at seven."})
    )
    assert isinstance(made.outcome, Refusal)
    assert made.outcome.stage == "verify"


def test_a_broken_draft_is_refused_with_every_sentence() -> None:
    made, _ = make(answers(label="follows", text="As an AI language model, I cannot do that"))
    assert not made.ok
    names = [b.assertion for b in made.outcome.broken]
    assert "meta" in names
    assert "complete:hypothesis" in names
    assert all(b.sentence for b in made.outcome.broken)


def test_the_same_premise_with_another_hypothesis_is_no_duplicate() -> None:
    kept = Kept()
    kept.add(f"{PREMISE}\nPeople can buy bread there at seven.", "follows", compared="People can buy bread there at seven.")
    program = TarGEN(
        PAIRS, lm=fake_lm(answers(label="follows", text="Someone is at work on Mill Street early in the day.")), profile=HOSTED
    )
    slot = Slot(0, 0, "follows", InstanceSeed(PREMISE, Context("trade")))
    made = asyncio.run(program.acall(label="follows", slot=slot, kept=kept))
    assert made.ok
    again = TarGEN(PAIRS, lm=fake_lm(answers(label="follows")), profile=HOSTED)
    refused = asyncio.run(again.acall(label="follows", slot=slot, kept=kept))
    assert [b.assertion for b in refused.outcome.broken][-1] == "near_duplicate"


ASPECTS = ("food", "music", "staff", "price", "wine list")
ASPECT_TASK = Task(
    name="aspects",
    description="Sentences about restaurants and an aspect of each, sorted by what is thought of it.",
    fields=(
        {"name": "sentence", "description": "a sentence about a restaurant", "max_words": 40},
        {"name": "aspect", "description": "what is judged", "min_words": 1, "max_words": 3, "within": "sentence"},
    ),
    labels=(
        {"name": "good", "meaning": "It is praised.", "constraint": 'Name what is praised in "{sentence}".'},
        {"name": "poor", "meaning": "It is blamed.", "constraint": 'Name what is blamed in "{sentence}".'},
    ),
    contexts={"hint": "places", "given": ["a street"]},
    seeds={
        "hint": "sentences",
        "field": "sentence",
        "given": [
            f"Both the {one} {' '.join(f'word{i}{j}' for j in range(6))} the {two} too."
            for i, (one, two) in enumerate(permutations(ASPECTS, 2))
        ],
    },
)


def test_rows_that_differ_in_what_is_given_may_share_a_span() -> None:
    def answer(prompt: str) -> str:
        inside = [aspect for aspect in ASPECTS if f" the {aspect} " in prompt]
        return json.dumps({"aspect": random.Random(len(lm.fake.prompts)).choice(inside)})

    lm = fake_lm(answer)
    with Generation(ASPECT_TASK, n=24, options=Options(lm=lm, verify="none", concurrency=1)) as generation:
        rows = [outcome for outcome in generation if isinstance(outcome, Row)]
    assert len(rows) == len({tuple(row.texts.values()) for row in rows}) == 24, "no pair stands twice, under whatever label"
    assert len(lm.fake.prompts) < 3 * 24


def test_what_a_task_file_says_of_whole_rows_stands() -> None:
    for whole in (True, False):
        own = NearDuplicate(threshold=0.8, whole=whole)
        told = Task.model_validate({**ASPECT_TASK.model_dump(), "assertions": [own.model_dump()]})
        (held,) = [a for a in assertions_of(told) if isinstance(a, NearDuplicate)]
        assert held.whole == whole
    assert "whole" not in NearDuplicate(threshold=0.8).model_dump()


def test_a_span_again_in_the_same_text_is_a_repeat_and_under_another_label_a_conflict() -> None:
    (sentence, *_, other) = ASPECT_TASK.seeds.given
    kept = Kept()
    kept.add(f"{sentence}\nfood", "good", compared="food")
    broken = {}
    for text, label in ((sentence, "good"), (sentence, "poor"), (other.replace("price", "food"), "poor")):
        lm = fake_lm(lambda _: json.dumps({"aspect": "food"}))
        slot = Slot(0, 0, label, InstanceSeed(text, Context("a street")))
        program = TarGEN(ASPECT_TASK, lm=lm, verify="none", profile=replace(HOSTED, attempts=1))
        made = asyncio.run(program.acall(label=label, slot=slot, kept=kept))
        broken[text == sentence, label] = [] if made.ok else [b.assertion for b in made.outcome.broken]
    assert broken == {(True, "good"): ["near_duplicate"], (True, "poor"): ["conflict", "near_duplicate"], (False, "poor"): []}


COPA = Task.model_validate(
    {
        "name": "copa",
        "description": "Events and two alternatives.",
        "fields": [
            {"name": "premise", "description": "an event", "form": "sentence"},
            {"name": "question", "description": "what is asked for", "form": "phrase", "max_words": 1},
            {"name": "choice1", "description": "an alternative", "form": "sentence"},
            {"name": "choice2", "description": "another alternative", "form": "sentence"},
        ],
        "labels": [
            {
                "name": name,
                "meaning": f"{name} is the likelier one.",
                "constraint": f'Make {name} the likelier {{asked}} of "{{premise}}".',
            }
            for name in ("choice1", "choice2")
        ],
        "contexts": {"hint": "places", "given": ["a street"]},
        "seeds": {
            "hint": "events",
            "field": "premise",
            "given": [f"The {one} met the {two} at noon." for one, two in permutations("abcd", 2)],
        },
        "attributes": [
            {"name": "asked", "field": "question", "values": {"cause": 1, "effect": 1}},
            {"name": "tone", "values": {"in plain words": 1, "in formal words": 1}},
        ],
        "assertions": [{"kind": "regex", "field": "question", "pattern": "^(cause|effect)$", "message": "It is neither."}],
    }
)


def test_an_attribute_becomes_a_field_that_code_fills_in() -> None:
    """In exact shares, told to the writer and the reader, and written by nobody."""
    numbers = count()

    def answer(prompt: str) -> str:
        if "`reason`" in prompt:
            return json.dumps({"reason": "it says so", "label": "choice1"})
        return json.dumps(
            {f"choice{i}": f"They {''.join(random.Random(next(numbers)).sample('abcdefgh', 6))} {i} times." for i in (1, 2)}
        )

    lm = fake_lm(answer)
    with Generation(COPA, n=8, options=Options(lm=lm, verify="none", concurrency=1)) as generation:
        rows = [outcome for outcome in generation if isinstance(outcome, Row)]
    assert sorted((row.texts["question"], row.label) for row in rows) == sorted(
        (asked, label) for asked in ("cause", "effect") for label in COPA.label_names for _ in range(2)
    )
    assert all(list(row.texts) == ["premise", "question", "choice1", "choice2"] for row in rows)
    assert all(row.provenance.attributes["asked"] == row.texts["question"] for row in rows)
    for row, prompt in zip(rows, lm.fake.prompts, strict=True):
        assert f'"question (what is asked for): {row.texts["question"]}"' in prompt
        assert f'the likelier {row.texts["question"]} of "{row.texts["premise"]}"' in prompt
        assert "order of fields: `choice1`, then `choice2`." in prompt
    read = TarGEN(COPA, lm=lm)(seed="The a met the b at noon.", context="a street", label="choice1", attributes={"asked": "effect"})
    assert read.question == "effect"
    assert "[[ ## question ## ]]\neffect\n" in lm.fake.prompts[-1]
    assert TarGEN(COPA, lm=lm, verify="none")(seed="The a met the b at noon.", label="choice1").question in {"cause", "effect"}


def test_a_document_holds_the_field_that_an_attribute_becomes() -> None:
    lm, engine = recorded('They had a plan."\nChoice2: "They had a cold."')
    profile = replace(PLAIN, document="always")
    made = TarGEN(COPA, lm=lm, verify="none", profile=profile)(
        seed="The a met the b at noon.",
        context="a street",
        label="choice1",
        attributes={"asked": "cause", "tone": "in plain words"},
    )
    assert made.ok
    (message,) = engine.requests[-1].messages
    assert message.text.endswith('Premise: "The a met the b at noon."\nQuestion: "cause"\nChoice1: "')
    assert "Write it in plain words." in message.text
    assert not any(a.field == "question" for a in assertions_of(COPA))


def test_a_small_model_is_told_the_value_of_a_field_that_its_constraint_leaves_out() -> None:
    said = COPA.model_dump(mode="json")
    for label in said["labels"]:
        label["constraint"] = 'Give two alternatives to "{premise}".'
    lm = fake_lm(lambda _: json.dumps({"choice1": "They had a plan.", "choice2": "They had a cold."}))
    asked = {"asked": "cause", "tone": "in plain words"}
    made = TarGEN(Task.model_validate(said), lm=lm, verify="none", profile=PLAIN)(
        seed="The a met the b at noon.", context="a street", label="choice1", attributes=asked
    )
    assert made.ok
    assert 'in plain words with the question "cause"' in lm.fake.prompts[-1]
    TarGEN(COPA, lm=lm, verify="none", profile=PLAIN)(
        seed="The a met the b at noon.", context="a street", label="choice1", attributes=asked
    )
    assert "with the question" not in lm.fake.prompts[-1], "the constraint says it"


SENSES = Task.model_validate(
    {
        "name": "senses",
        "description": "Pairs of sentences with one word.",
        "fields": [
            {"name": "word", "description": "a word", "form": "phrase", "max_words": 1, "within": ["first", "second"]},
            {"name": "first", "description": "a sentence", "form": "sentence"},
            {"name": "second", "description": "another sentence", "form": "sentence"},
        ],
        "labels": [
            {"name": "same", "meaning": "It has one sense in both.", "constraint": 'Use "{word}" in one sense.'},
            {"name": "other", "meaning": "It has two senses.", "constraint": 'Use "{word}" in two senses.'},
        ],
        "contexts": {"hint": "places"},
        "seeds": {"hint": "words", "field": "word"},
    }
)


@pytest.mark.parametrize(("second", "broken"), [("Money lies in the bank.", []), ("Money lies in the vault.", ["contains:second"])])
def test_the_word_that_a_seed_becomes_stands_in_each_field_that_it_is_within(second: str, broken: list[str]) -> None:
    lm = fake_lm(lambda _: json.dumps({"first": "We sat by the bank.", "second": second}))
    made = TarGEN(SENSES, lm=lm, verify="none", profile=replace(HOSTED, attempts=1))(seed="bank", context="a town", label="same")
    assert [b.assertion for b in getattr(made.outcome, "broken", ())] == broken
    assert all(f"{name} with the word in it, word for word" in lm.fake.prompts[0] for name in ("first", "second"))


def test_a_hosted_writer_is_told_beforehand_where_a_span_stands() -> None:
    lm = fake_lm(lambda _: json.dumps({"sentence": "The food was fine.", "aspect": "food"}))
    TarGEN(ASPECT_TASK, lm=lm, verify="none", profile=HOSTED)(
        label="good", seed="By the sea the food was fine.", context="a street"
    )
    assert "aspect copied word for word, sign for sign, from the seed" in lm.fake.prompts[0]
    written = ASPECT_TASK.model_copy(update={"seeds": Seeds(hint="occasions", given=("a feast",))})
    TarGEN(written, lm=lm, verify="none", profile=HOSTED)(label="good", context="a street")
    assert "aspect copied word for word, sign for sign, from sentence" in lm.fake.prompts[-1]
    small, engine = recorded('food"')
    TarGEN(ASPECT_TASK, lm=small, verify="none", profile=PLAIN)(
        label="good", seed="By the sea the food was fine.", context="a street"
    )
    assert "copied" not in engine.requests[0].messages[-1].text


def test_what_is_long_enough_to_tell_rows_apart_is_compared_alone() -> None:
    sentence, span = ASPECT_TASK.fields
    short, free = (span.model_copy(update={"within": None, "max_words": most}) for most in (3, 4))
    for field, brief in ((span, True), (span.model_copy(update={"max_words": 9}), True), (short, True), (free, False)):
        task = ASPECT_TASK.model_copy(update={"fields": (sentence, field)})
        for own in ((), (NearDuplicate(threshold=0.9),)):
            asserted = {a.kind: a for a in assertions_of(task.model_copy(update={"assertions": own}))}
            assert asserted["near_duplicate"].whole == brief
            assert ("fresh_opening" in asserted) != brief
    assert "whole" not in NearDuplicate().model_dump(), "tasks from before it keep their hash"


def test_a_task_s_own_assertion_takes_the_standard_one_s_place() -> None:
    task = Task.model_validate({**PAIRS.model_dump(), "assertions": ({"kind": "near_duplicate", "threshold": 0.9},)})
    found = [a for a in assertions_of(task) if a.kind == "near_duplicate"]
    assert [a.threshold for a in found] == [0.9]  # type: ignore[attr-defined]  # the union's one kind
    assert len(assertions_of(task)) == len(assertions_of(PAIRS))


def test_the_given_field_is_not_asserted() -> None:
    assert not any(a.field == "premise" for a in assertions_of(PAIRS))


POSTS = Task(
    name="posts",
    description="Short posts.",
    fields=({"name": "text", "description": "a short post", "form": "text", "min_words": 3, "max_words": 8},),
    labels=(
        {"name": "good", "meaning": "good news", "constraint": "Write a post with good news."},
        {"name": "bad", "meaning": "bad news", "constraint": "Write a post with bad news."},
    ),
    contexts={"hint": "events", "given": ("a party",)},
    seeds={"hint": "times", "given": ("today",)},
)
PLAIN = replace(HOSTED, adapter="plain", wording="plain", revise=False, attempts=1)


@pytest.mark.parametrize(
    ("written", "kept_text"),
    [
        ("We won the cup. All of us danced until the early morning.", "We won the cup."),
        ("We won the cup today.", "We won the cup today."),
        ("Yes! It rained. We won the cup. Nobody slept that night at all.", "Yes! It rained. We won the cup."),
        ("We won the cup today, and we danced until the morning!", "We won the cup today!"),
        ("Cancel the alarm for tomorrow, I'm ready to start my work.", "Cancel the alarm for tomorrow."),
        ("Turn off the light in here and let me finish my coffee", "Turn off the light in here"),
        ("Turn off the light in the hall, because I am going to bed now.", "Turn off the light in the hall."),
    ],
)
def test_a_plain_text_ends_with_the_last_sentence_or_clause_that_its_length_has_room_for(written: str, kept_text: str) -> None:
    made = TarGEN(POSTS, lm=fake_lm(lambda _: written), verify="none", profile=PLAIN)(label="good")
    assert made.ok
    assert made.text == kept_text


@pytest.mark.parametrize(
    "written",
    [
        "We won the cup of our town today without any help from you.",
        "When the band came in, all of us danced until the early morning.",
        "So, we won the cup of our town today without any help.",
        "We won the cup and all of us danced until the morning.",
        "The clerks were anything but helpful to us when we came.",
        "The room was so small that we could not open the door.",
        "In the middle of the night, it rang and rang again.",
        "The hotel, which had five stars, was dirty and loud and cold.",
        "I do not know whether to laugh or cry about that movie.",
        "Yesterday in the evening my wife and I went to the cinema.",
        "I would not give it to anyone, unless they like the noise.",
        "I know just how nice it is, but we lost again.",
        "Walking home in the dark, I saw the cup in a window.",
    ],
)
def test_a_text_without_a_whole_sentence_or_clause_that_fits_is_refused(written: str) -> None:
    made = TarGEN(POSTS, lm=fake_lm(lambda _: written), verify="none", profile=PLAIN)(label="good")
    assert not made.ok
    assert [broken.assertion for broken in made.outcome.broken] == ["length:text"]


def test_clauses_are_told_apart_in_english_only() -> None:
    task = POSTS.model_copy(update={"language": "de"})
    made = TarGEN(
        task, lm=fake_lm(lambda _: "Wir haben den Pokal, and alle tanzten bis in den Morgen hinein."), verify="none", profile=PLAIN
    )(label="good")
    assert [broken.assertion for broken in made.outcome.broken] == ["length:text"]


@pytest.mark.parametrize(("written", "kept_text"), [("We won the cup. And then", "We won the cup."), ("We won the big", None)])
def test_what_the_token_limit_cut_is_not_whole(written: str, kept_text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    lm = fake_lm(lambda _: written)
    whole = lm.fake.complete
    monkeypatch.setattr(lm.fake, "complete", lambda request: replace(whole(request), finish_reason="length"))
    made = TarGEN(POSTS, lm=lm, verify="none", profile=PLAIN)(label="good")
    assert (made.text if made.ok else None) == kept_text


def test_only_the_plain_adapter_trims() -> None:
    profile = replace(HOSTED, attempts=1)
    answer = json.dumps({"text": "We won the cup. All of us danced until the early morning."})
    made = TarGEN(POSTS, lm=fake_lm(lambda _: answer), verify="none", profile=profile)(label="good")
    assert not made.ok, "a model that can revise is told, and writes anew"


OPENED = POSTS.model_copy(
    update={
        "labels": tuple(
            label.model_copy(update={"openings": ("Today we", "Look, we", "At last we", "Guess what,")}) for label in POSTS.labels
        )
    }
)


@pytest.mark.parametrize(
    "profile",
    [
        replace(HOSTED, adapter="plain", wording="plain"),
        replace(HOSTED, adapter="plain", wording="plain", revise=False),
        replace(HOSTED, adapter="plain", wording="plain", document="always"),
        HOSTED,
    ],
    ids=["plain", "anew", "document", "full"],
)
def test_a_small_model_s_next_try_begins_with_other_words(profile: Profile) -> None:
    """It repeats the whole draft where it must begin with the same ones; a large model is told to keep what was good."""
    answer = "Too short." if profile.adapter == "plain" else json.dumps({"text": "Too short."})
    openings = OPENED.labels[0].openings
    for rollout in range(20):
        lm = fake_lm(lambda _: answer)
        made = TarGEN(OPENED, lm=lm, verify="none", profile=profile)(label="good", seed="today", context="a party", rollout=rollout)
        assert not made.ok
        first, *revisions = [next(o for o in openings if o in prompt) for prompt in lm.fake.prompts]
        assert len(revisions) == 2
        assert (first in revisions) == (profile.wording == "full")
        told = ["Too short." in prompt for prompt in lm.fake.prompts[1:]]
        assert told == [profile.revise and profile.document == "never"] * 2, (
            "a document is begun anew: it has no place for objections"
        )


@pytest.mark.parametrize(
    ("name", "constraint", "banned"),
    [
        ("positive", "Write a positive review.", True),  # "a positive review" names the label, and reviews rarely say it
        ("exchange_rate", "A customer asks about the exchange rate.", False),  # this is what the text is about
        ("exchange_rate", "A customer asks what a euro costs.", True),
        ("rate", "A customer asks what a euro costs.", True),
        ("rate", "A customer complains that {cue}.", False),  # by its cue
    ],
)
def test_a_label_s_name_is_left_out_unless_it_is_a_phrase_that_the_constraint_asks_for(
    name: str, constraint: str, banned: bool
) -> None:
    cues = ("the rate is too high",) if "{cue}" in constraint else ()
    label = POSTS.labels[0].model_copy(update={"name": name, "constraint": constraint, "cues": cues})
    task = POSTS.model_copy(update={"labels": (label, POSTS.labels[1])})
    (assertion,) = [a for a in assertions_of(task) if a.name == "no_label_word"]
    slot = Slot(position=0, round=0, label=name, seed=InstanceSeed(context=Context("a bank", "given"), text="today"))
    said = assertion.check(Draft({"text": f"What is the {name.replace('_', ' ')} today?"}), slot, Kept())
    assert (said is not None) == banned


@pytest.mark.parametrize(
    ("task", "profile", "document"),
    [
        (POSTS, replace(PLAIN, document="unled"), True),
        (POSTS, PLAIN, False),
        (POSTS, HOSTED, False),
        (POSTS, replace(PLAIN, document="unled", adapter="json"), False),
        (OPENED, replace(PLAIN, document="unled"), False),
        (OPENED, replace(PLAIN, document="always"), True),
        (OPENED, replace(PLAIN, document="always", adapter="json"), False),
        (
            PAIRS.model_copy(update={"seeds": PAIRS.seeds.model_copy(update={"field": None})}),
            replace(PLAIN, document="unled"),
            True,
        ),
    ],
    ids=["document", "plain", "full", "json", "opened", "always", "always in json", "two fields"],
)
def test_what_is_written_in_a_document(task: Task, profile: Profile, document: bool) -> None:
    program = TarGEN(task, lm=fake_lm(lambda _: ""), verify="none", profile=profile)
    instructions = program.write_instance.write.generate.signature.instructions
    assert instructions.endswith('{shown} "{opening}') == document


def test_a_document_shows_the_field_that_the_seed_became() -> None:
    lm = fake_lm(lambda _: "")
    TarGEN(PAIRS, lm=lm, verify="none", profile=replace(PLAIN, document="unled"))(seed="It rains.", context="weather", label="open")
    assert lm.fake.prompts[-1].startswith("Premises and hypotheses")
    assert 'open: it may be or not\nContext: weather\nPremise: "It rains."\nHypothesis: "' in lm.fake.prompts[-1]


def test_a_document_says_what_its_texts_are_held_to() -> None:
    lm, engine = recorded('We won the cup."')
    made = TarGEN(POSTS, lm=lm, verify="none", profile=replace(PLAIN, document="unled"))(label="good")
    assert made.text == "We won the cup."
    extensions = engine.requests[-1].config.extensions
    assert extensions["avoid"] == ["good", "bad"]
    assert "{12}" in extensions["grammar"]  # three words


def test_what_a_task_excludes_is_kept_from_the_decoder_where_it_can_be() -> None:
    excluded = POSTS.model_copy(
        update={
            "assertions": (
                Excludes(field="text", any_of=("cup",)),
                Excludes(field="text", any_of=("rain",), labels=("bad",)),
                NoLabelWord(banned=("party",)),
            )
        }
    )
    lm, engine = recorded('We won the match."')
    assert TarGEN(excluded, lm=lm, verify="none", profile=replace(PLAIN, document="unled"))(label="good").ok
    assert sorted(engine.requests[-1].config.extensions["avoid"]) == ["cup", "party"]


@pytest.mark.parametrize("written", ["word " * 100_000, "x" * 500_000, "\n" * 400 + "We won it."])
@pytest.mark.parametrize("adapter", ["json", "plain"])
def test_a_text_without_an_end_is_refused_as_cut_and_goes_no_further(written: str, adapter: Literal["json", "plain"]) -> None:
    answer = json.dumps({"text": written}) if adapter == "json" else written
    lm = fake_lm(lambda _: answer)
    made = TarGEN(POSTS, lm=lm, verify="none", profile=replace(PLAIN, adapter=adapter, revise=True, attempts=2))(label="good")
    assert made.ok == written.endswith("it.")  # nothing but white space is before it
    if not made.ok:
        assert {"complete:text", "length:text"} & {broken.assertion for broken in made.outcome.broken}
        assert 0 < len(made.outcome.texts["text"]) <= 8 * 40
        assert max(map(len, lm.fake.prompts)) < 3000


ENDINGS = Task.model_validate(
    {
        **PAIRS.model_dump(mode="json", exclude_defaults=True),
        "fields": [
            {"name": "premise", "description": "an event", "form": "sentence"},
            {"name": "choice1", "description": "an end.", "form": "sentence", "max_words": 9},
            {"name": "choice2", "description": "another end", "form": "sentence"},
        ],
    }
)


def test_of_several_fields_the_one_that_is_too_long_is_blamed() -> None:
    answer = json.dumps({"choice1": f"People can buy bread {'and cake ' * 60}there.", "choice2": "Nobody is hungry."})
    made = TarGEN(ENDINGS, lm=fake_lm(lambda _: answer), verify="none", profile=replace(HOSTED, attempts=1))(
        seed=PREMISE, context="trade", label="open"
    )
    broken = {broken.assertion: broken.sentence for broken in made.outcome.broken}
    assert {"complete:choice1", "length:choice1"} <= set(broken)
    assert broken["complete:choice1"].startswith("In choice1: The text was cut off")
    assert not any(name.endswith("choice2") for name in broken)


def test_an_answer_that_is_cut_before_its_last_field_is_told_that_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = '{"choice1": "People can buy bread there.", "cho'
    lm = fake_lm(lambda _: raw)
    whole = lm.fake.complete
    monkeypatch.setattr(lm.fake, "complete", lambda request: replace(whole(request), finish_reason="length"))
    made = TarGEN(ENDINGS, lm=lm, verify="none", profile=replace(HOSTED, attempts=2))(seed=PREMISE, context="trade", label="open")
    assert [broken.assertion for broken in made.outcome.broken] == ["not_cut", "not_cut"]
    revision = lm.fake.prompts[-1]
    assert revision.count("cut off at the token limit") == 1
    assert f"\n{raw}\n" in revision, "as it was written, and not as the first field's"


def test_a_revision_is_shown_what_was_written_under_its_fields_names() -> None:
    answer = json.dumps({"choice1": "People can buy bread there.", "choice2": "Nobody in the town is hungry"})
    lm = fake_lm(lambda _: answer)
    TarGEN(ENDINGS, lm=lm, verify="none", profile=replace(HOSTED, attempts=2))(seed=PREMISE, context="trade", label="open")
    attempt = lm.fake.prompts[-1].partition("[[ ## previous_attempt ## ]]\n")[2].rpartition("[[ ## previous_attempt ## ]]\n")[2]
    assert attempt.startswith("choice1: People can buy bread there.\nchoice2: Nobody in the town is hungry\n\n")


@pytest.mark.parametrize(("form", "text"), [("sentence", "We won the cup."), ("text", "We won\nthe cup.")])
def test_a_sentence_stands_on_one_line(form: Literal["sentence", "text"], text: str) -> None:
    field = POSTS.fields[0].model_copy(update={"form": form})
    lm = fake_lm(lambda _: json.dumps({"text": "We won\nthe cup."}))
    assert TarGEN(POSTS.model_copy(update={"fields": (field,)}), lm=lm, verify="none")(label="good").text == text


def test_a_document_does_not_begin_again_as_too_many_rows_do() -> None:
    lm, engine = recorded("We've won the cup.\"")
    profile = replace(PLAIN, document="unled", attempts=3)
    kept = Kept()
    for what in ("cup", "game", "match"):
        kept.add(f"We've won the {what} today.", "good")
    made = TarGEN(POSTS, lm=lm, verify="none", profile=profile)(label="good", kept=kept)
    assert not made.ok
    begins = [regex_of(r.config.extensions["grammar"]).fullmatch("We've won the cup.\"") is not None for r in engine.requests[-3:]]
    assert begins == [True, False, False]


def test_a_document_that_first_words_lead_needs_no_word_that_tells_the_label() -> None:
    lm, engine = recorded(' lost the cup today."')
    program = TarGEN(OPENED, lm=lm, verify="none", profile=replace(PLAIN, document="always"))
    made = program(seed="today", context="a party", label="bad")
    assert "cue" not in made.outcome.provenance.attributes
    (message,) = engine.requests[-1].messages
    assert "Context: a party\n" in message.text
    (opening,) = [opening for opening in OPENED.labels[0].openings if message.text.endswith(f'Example: "{opening}')]
    assert made.text == f"{opening} lost the cup today."


@pytest.mark.slow
def test_a_document_is_about_a_word_that_tells_the_label() -> None:
    lm = fake_lm(lambda _: "We won the cup today.")
    program = TarGEN(POSTS, lm=lm, verify="none", profile=replace(PLAIN, document="unled"))
    dealt = set()
    for rollout in range(6):
        made = program(seed="today", context="a party", label="bad", rollout=rollout)
        word = made.outcome.provenance.attributes["cue"]
        assert f"Context: a party, {word}\n" in lm.fake.prompts[-1]
        dealt.add(word)
    assert len(dealt) > 1


NAMING_NONE = replace(PLAIN, document="unled", names=False)
BARE = POSTS.model_copy(update={"contexts": Contexts(hint="events"), "seeds": Seeds(hint="times")})


@pytest.mark.slow
def test_contexts_and_seeds_of_a_model_that_names_poor_ones_are_label_words() -> None:
    lm = fake_lm(lambda _: "We won the cup today.")
    program = TarGEN(BARE, lm=lm, verify="none", profile=NAMING_NONE)
    words = LabelWords(BARE, contexts=True)
    assert {c.text for c in asyncio.run(program.contexts(label="bad", count=2))} == set(words.of("bad"))
    for label in ("good", "bad"):
        made = program(label=label).outcome.provenance
        assert made.context_source == "words"
        assert {made.context, made.seed} <= set(words.of(label))
        assert made.context != made.seed
        assert f'{label}: {label} news\nContext: {made.context}, {made.seed}\nExample: "' in lm.fake.prompts[-1]
        assert "cue" not in made.attributes, "two words are enough"
        assert all(text in lm.fake.prompts[-1] for _, text in DOCUMENTS_SHOWN[BARE.fields[0].form])
    assert len(lm.fake.prompts) == 2, "no list was asked for"


@pytest.mark.parametrize(
    ("task", "profile"),
    [
        (BARE, replace(NAMING_NONE, names=True)),
        (BARE, replace(NAMING_NONE, document="never")),
        (POSTS, NAMING_NONE),
        (PAIRS, NAMING_NONE),
        (BARE.model_copy(update={"language": "de"}), NAMING_NONE),
        (
            BARE.model_copy(update={"labels": tuple(label.model_copy(update={"openings": ("We",)}) for label in BARE.labels)}),
            NAMING_NONE,
        ),
    ],
    ids=["names good ones", "writes in a chat", "given", "pairs", "in German", "led"],
)
def test_who_else_names_contexts(task: Task, profile: Profile) -> None:
    assert not TarGEN(task, lm=fake_lm(lambda _: ""), verify="none", profile=profile).worded


CUED = PAIRS.model_copy(
    update={
        "labels": tuple(
            label.model_copy(update={"constraint": f"Say {{cue}} of {label.name}: {{premise}}", "cues": ("dull", "bright", "odd")})
            for label in PAIRS.labels
        )
    }
)


def test_a_slot_is_dealt_one_cue_and_its_row_says_which() -> None:
    lm = fake_lm(answers(label="follows"))
    program = TarGEN(CUED, lm=lm, verify="none", profile=HOSTED)
    dealt = []
    for rollout in range(24):
        made = program(seed=PREMISE, context="trade", label="follows", rollout=rollout)
        cue = made.outcome.provenance.attributes["cue"]
        assert f"Say {cue} of follows: {PREMISE}" in lm.fake.prompts[-1]
        dealt.append(cue)
    assert set(dealt) == {"dull", "bright", "odd"}
    again = program(seed=PREMISE, context="trade", label="follows", rollout=3)
    assert again.outcome.provenance.attributes["cue"] == dealt[3]


@pytest.mark.parametrize("verifier", ["embedding", "both"])
def test_votes_are_refused_where_nobody_votes(verifier: str) -> None:
    with pytest.raises(UsageError, match="do not vote"):
        TarGEN("movie_reviews", lm=fake_lm(lambda _: ""), verify="vote-3", profile=replace(HOSTED, verifier=verifier))


def test_an_lm_votes_in_whatever_form_it_is_asked() -> None:
    """With the plain adapter a hosted one was refused as a model in this process."""
    votes = iter(("positive", "negative", "positive"))

    def answer(prompt: str) -> str:
        if "Write" in prompt and "labels" not in prompt:
            return "A joy from the first scene to the last, and a cast that never puts a foot wrong."
        return json.dumps({"reason": "It praises.", "label": next(votes)})

    program = TarGEN("movie_reviews", lm=fake_lm(answer), verify="vote-3", profile=replace(HOSTED, adapter="plain"))
    outcome = program(seed="the cast", context="comedies", label="positive").outcome
    assert outcome.provenance.verdict == "positive"
    assert outcome.provenance.confidence == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "name",
    ["append", "completions", "config", "copy", "demos", "fields", "instance", "instructions", "items", "lm", "model_config", "new_signature",
     "prediction", "schema", "self", "signature"],
)  # fmt: skip
def test_a_field_may_be_called_what_dspy_calls_its_own(name: str) -> None:
    """The writer and the verifier see it, and the row has it under its name."""
    labels = (
        {"name": "qa", "meaning": "It is lit.", "constraint": "Write light."},
        {"name": "qb", "meaning": "It is dark.", "constraint": "Write darkness."},
    )
    task = Task(
        name="t", description="d", fields=({"name": name, "description": "a line", "min_words": 1},), labels=labels, contexts={"hint": "h"}, seeds={"hint": "h"}
    )  # fmt: skip
    prompts: list[str] = []

    def answer(prompt: str) -> str:
        prompts.append(prompt)
        return json.dumps(
            {"reason": "So it is.", "label": "qa"} if "`label`" in prompt else {task.fields[0].key: "The lamp is lit."}
        )

    made = TarGEN(task, lm=fake_lm(answer))(label="qa", seed="a lamp", context="a room")
    assert (made.ok, made[name]) == (True, "The lamp is lit.")
    assert "The lamp is lit." in prompts[-1], "the verifier reads it"


def test_dspys_own_names_are_known() -> None:
    own = {name for name in dir(type(dspy.Signature)) + dir(dspy.Signature) if not name.startswith("_")} - set(dir(abc.ABCMeta))
    assert own <= TAKEN_BY_DSPY


def test_assertions_of_the_whole_draft_leave_the_given_field_alone() -> None:
    """A premise that holds a label's word is nothing that the writer can change, and is the same under every label."""
    labels = ({"name": "warm", "meaning": "m", "constraint": "Write."}, {"name": "cold", "meaning": "n", "constraint": "Say."})
    fields = ({"name": "premise", "description": "p"}, {"name": "text", "description": "t"})
    task = Task(
        name="t", description="d", fields=fields, labels=labels, contexts={"hint": "h"}, seeds={"hint": "h", "field": "premise"}
    )
    program = TarGEN(task, lm=fake_lm(lambda _: json.dumps({"text": "Nobody lit the lamp."})), verify="none")
    assert program(label="warm", seed="It was warm, my", context="a room").ok
    named = task.model_copy(update={"assertions": (NoLabelWord(field="premise", banned=("warm",)),)})
    program = TarGEN(named, lm=fake_lm(lambda _: json.dumps({"text": "Nobody lit the lamp."})), verify="none")
    assert not program(label="warm", seed="It was warm, my", context="a room").ok, "one that names the field looks at it"


def asking(first: str, *names: str) -> Task:
    """A task of one text whose first label is asked for in these words."""
    return Task(
        name="t",
        description="d",
        fields=({"name": "text", "description": "t"},),
        labels=tuple(
            {"name": name, "meaning": f"It is {name}.", "constraint": said}
            for name, said in zip(names, (first, "Write."), strict=True)
        ),
        contexts={"hint": "h"},
        seeds={"hint": "h"},
    )


def test_what_the_task_shows_is_no_slip() -> None:
    task = asking("Write with ____ for the word.", "1", "no")
    program = TarGEN(task, lm=fake_lm(lambda _: json.dumps({"text": "There was no ____ at 1 p.m. today."})), verify="none")
    assert program(label="1", seed="a lamp", context="a room").ok


def test_a_task_s_own_echo_looks_for_what_the_task_says() -> None:
    task = asking("Ask what 書 means.", "a", "b").model_copy(update={"assertions": (Echo(run=9),)})
    (echo,) = [each for each in assertions_of(task) if isinstance(each, Echo)]
    assert (echo.run, [label for label, _ in echo.constraints]) == (9, ["a", "a", "b", "b"])


def test_a_script_that_the_task_itself_shows_is_no_slip() -> None:
    task = asking("Ask what 書 means.", "a", "b")
    assert [each.scripts for each in assertions_of(task) if isinstance(each, Language)] == [False]
    own = task.model_copy(update={"assertions": (Language(min_words=12),)})
    assert [(each.scripts, each.min_words) for each in assertions_of(own) if isinstance(each, Language)] == [(False, 12)]
    assert all(each.scripts for name in built_in_tasks() for each in assertions_of(load_task(name)) if isinstance(each, Language))


def test_a_place_that_code_fills_is_no_blank_that_the_task_shows() -> None:
    for name in built_in_tasks():
        (meta,) = [each for each in assertions_of(load_task(name)) if isinstance(each, Meta)]
        assert meta.blank, name


def test_a_writer_is_told_a_constraint_with_the_article_of_what_fills_it() -> None:
    task = load_task("movie_reviews")
    program = TarGEN(task, lm=fake_lm(lambda _: ""), profile=HOSTED)
    for context, said in (("art film", "You saw an art film at"), ("western", "You saw a western at")):
        slot = Slot(0, 0, "positive", InstanceSeed("the plot", Context(context)), {"cue": "moving"})
        assert program.write_instance.constraint(slot).startswith(said)


@pytest.mark.parametrize(
    ("meaning", "reason", "said"),
    [
        ("The customer wants money back.", 'It says "a lamp".', "'praise' (because: \"It says 'a lamp'\"); change it so that this holds: The customer wants money back."),
        ("what is paid, when and how", "", "'praise'; change it so that this holds: what is paid, when and how."),
        ("Is it late?", "it asks", "'praise' (because: \"it asks\"); change it so that this holds: Is it late?"),
    ],
)  # fmt: skip
def test_an_objection_quotes_its_reason_and_says_the_meaning_as_it_stands(meaning: str, reason: str, said: str) -> None:
    labels = [
        {"name": "asked", "meaning": meaning, "constraint": "Write it."},
        {"name": "praise", "meaning": "it praises", "constraint": "Praise."},
    ]
    task = Task(
        name="notes", description="Notes.", fields=({"name": "text", "description": "a note"},), labels=labels,
        contexts={"hint": "places"}, seeds={"hint": "things"},
    )  # fmt: skip
    lm = fake_lm(lambda prompt: json.dumps({"reason": reason, "label": "praise"} if "`reason`" in prompt else {"text": "Bread rises in warm ovens."}))  # fmt: skip
    made = TarGEN(task, lm=lm, verify="blind", profile=replace(HOSTED, relabels=False))(seed="a", context="b", label="asked")
    assert isinstance(made.outcome, Refusal)
    assert {b.sentence for b in made.outcome.broken} == {f"A reader who was not told the label read the text as {said}"}


@pytest.mark.parametrize("said", ["I can't help with that.", "I’m sorry. I won't write content of that kind."])
@pytest.mark.parametrize("lets_through", [False, True])
def test_a_refusal_in_prose_is_called_one(said: str, lets_through: bool) -> None:
    """A support desk's reply that is no JSON is no refusal, and was not in the form that was asked for."""
    assertions = (Meta(field="hypothesis", refusal=False),) if lets_through else ()
    task = PAIRS.model_copy(update={"assertions": assertions})
    lm = fake_lm(lambda _: said)
    made = TarGEN(task, lm=lm, verify="none", profile=HOSTED)(seed=PREMISE, context="trade", label="follows")
    assert isinstance(made.outcome, Refusal)
    assert {b.assertion for b in made.outcome.broken} == {"form" if lets_through else "refusal"}
    told = "was not in the form" if lets_through else "The answer declines the request and holds no instance"
    assert told in lm.fake.prompts[-1]
    assert not made.outcome.provenance.verdict


def test_an_answer_that_cannot_be_read_and_declines_nothing_is_no_refusal() -> None:
    made, _ = make(lambda _: "Bread, bread, bread")
    assert {b.assertion for b in made.outcome.broken} == {"form"}
