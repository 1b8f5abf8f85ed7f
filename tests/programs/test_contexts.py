"""Lists that a small model is asked for: shown what a list looks like, kept whole, and of what was asked."""

import asyncio
import json

import pytest

from seedless.assertions import NoLabelWord
from seedless.contexts import phrase_objections
from seedless.lms.grammar import LONGEST_PHRASE
from seedless.lms.spec import EMBEDDED, HOSTED, LOCAL, Profile
from seedless.outcome import Refusal
from seedless.seeds import NoSeeds
from seedless.signatures import CONTEXTS_SHOWN, SEEDS_SHOWN, TEXTS_SHOWN
from seedless.slot import Context
from seedless.targen import TarGEN
from seedless.task import Task
from seedless.testing import fake_lm
from tests.openai_server import FIELD

LABELS = tuple({"name": name, "meaning": name, "constraint": f"Write {name}.", "openings": ["The"]} for name in "ab")
NOTES = Task(
    name="notes", description="Short notes.", fields=({"name": "text", "description": "a note"},), labels=LABELS,
    contexts={"hint": "rooms of a house"}, seeds={"hint": "things that break"},
)  # fmt: skip
PAIRS = Task(
    name="pairs", description="Pairs.", labels=LABELS, contexts={"hint": "fields of work"},
    fields=({"name": "premise", "description": "a statement"}, {"name": "hypothesis", "description": "a statement"}),
    seeds={"hint": "statements of facts", "field": "premise"},
)  # fmt: skip


FACT = "The ferry to the island, built in 1998, leaves at nine in the evening."


def given(field: dict[str, object]) -> Task:
    """`PAIRS` with another premise, which the seed becomes."""
    said = PAIRS.model_dump(mode="json", exclude_defaults=True)
    premise, hypothesis = said["fields"]
    return Task.model_validate({**said, "fields": [{**premise, **field}, hypothesis]})


def asked(task: Task, profile: Profile, answer: str, *, count: int = 2) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """The contexts, the seeds of the context `a hall`, and the prompts."""
    lm = fake_lm(lambda _: answer)
    program = TarGEN(task, lm=lm, profile=profile, verify="none")
    contexts = asyncio.run(program.contexts(count=2))
    seeds = asyncio.run(program.seeds(context=Context("a hall"), count=count))
    return tuple(c.text for c in contexts), tuple(s.text for s in seeds), lm.fake.prompts


def test_a_small_model_is_shown_lists_of_no_task() -> None:
    _, _, prompts = asked(NOTES, EMBEDDED, "1. the cellar\n2. the attic")
    assert all(str(item) in prompts[0] for shown in CONTEXTS_SHOWN for item in shown["contexts"])
    assert all(str(item) in prompts[-1] for shown in SEEDS_SHOWN for item in shown["seeds"])
    assert "rooms of a house" in prompts[0]


def test_a_hosted_model_is_shown_none() -> None:
    _, _, prompts = asked(NOTES, HOSTED, '{"contexts": ["the cellar", "the attic"], "seeds": ["a lamp", "a shelf"]}')
    assert not any("gold fish" in prompt or "burnt toast" in prompt for prompt in prompts)


def test_a_model_that_cannot_think_of_two_things_is_not_told_the_context() -> None:
    assert "a hall" not in asked(NOTES, EMBEDDED, "1. a lamp\n2. a shelf")[2][-1]
    assert "Think of a hall." in asked(NOTES, LOCAL, "1. a lamp\n2. a shelf")[2][-1]


def test_what_may_be_cut_and_what_the_context_says_is_left_out() -> None:
    cut = "the largest of all the rooms of any house"[: LONGEST_PHRASE + 1]
    contexts, seeds, _ = asked(NOTES, EMBEDDED, f"1. {cut}\n2. the attic\n3. a hall\n4. a lamp")
    assert contexts == ("the attic", "a hall")
    assert seeds == ("the attic", "a lamp")


STARS = NOTES.model_copy(
    update={
        "labels": tuple(
            label.model_copy(update={"name": name}) for label, name in zip(NOTES.labels, ("click_bait", "no"), strict=True)
        )
    }
)


@pytest.mark.parametrize(
    ("item", "objection"),
    [
        ("the cellar", None),
        ("Click-bait of a cellar", "gives a label away with the word 'click_bait'"),
        ("no cellar", None),  # an everyday word
        ("room of a house", "says what was asked for"),
        ("Rooms of a houses", "says what was asked for"),
        ("house", None),
        ("dark rooms of a house", None),
        ("?", "has no words"),
        (" ".join("abcdefghijklm"), "more than 12"),
    ],
)
def test_what_is_objected_to_a_context(item: str, objection: str | None) -> None:
    found = phrase_objections(STARS, "rooms of a house")(item)
    assert found is None if objection is None else objection in str(found)


def test_a_label_that_is_in_what_is_wanted_may_be_named() -> None:
    assert phrase_objections(STARS, "sections with click bait")("click bait on cars") is None


def test_a_task_that_bans_other_words_bans_them_from_what_is_dealt_to_all_labels() -> None:
    own = STARS.model_copy(update={"assertions": (NoLabelWord(banned=("cellar",)), NoLabelWord(banned=("attic",), labels=("no",)))})
    objection = phrase_objections(own, "rooms of a house")
    assert "'cellar'" in str(objection("the cellar"))
    assert objection("the attic") is objection("click bait") is None


def test_lists_name_no_label_and_the_lm_is_asked_for_others() -> None:
    answers = ["a hall", "click bait in halls", "no stairs", "lamps"]
    lm = fake_lm(lambda prompt: json.dumps({"contexts" if '"contexts"' in prompt else "seeds": answers}))
    program = TarGEN(STARS, lm=lm, profile=HOSTED, verify="none")
    assert [c.text for c in asyncio.run(program.contexts(count=4))] == ["a hall", "no stairs", "lamps"]
    assert '"click bait in halls"' in lm.fake.prompts[1]  # among those to avoid
    assert [s.text for s in asyncio.run(program.seeds(context=Context("lamps"), count=4))] == ["a hall", "no stairs"]


@pytest.mark.parametrize(
    ("field", "named", "left_out", "told", "kind"),
    [
        ({"form": "phrase", "max_words": 1}, "bank", "river bank", "Each item is one single word,", "word"),
        ({"form": "phrase", "min_words": 1, "max_words": 2}, "river bank", "a river bank", "Each item has 1 to 2 words,", "term"),
        ({"form": "phrase", "max_words": 9}, "Rain barrels, 12 of them", "Barrels [insert more]", "has 1 to 9 words,", "phrase"),
        (
            {"form": "sentence"},
            "The ferry, built in 1998, costs $2.5 million.",
            "The ferry leaves",
            "is one full sentence,",
            "sentence",
        ),
        ({"form": "question"}, "What does the ferry cost?", "The ferry leaves at nine.", "is one full question,", "question"),
        (
            {"min_words": 22, "max_words": 60},
            f"{FACT} In winter it runs on Fridays and Sundays only.",
            FACT,
            "is a text of 2 to 4 full sentences,",
            "text",
        ),
        ({"min_words": 3, "max_words": 25}, FACT, "premise 3", "is one full sentence,", "sentence"),
    ],
)
def test_a_seed_that_becomes_a_field_is_named_in_its_form(
    field: dict[str, object], named: str, left_out: str, told: str, kind: str
) -> None:
    """The list says it, shows it, and keeps nothing else."""
    task = given(field)
    _, seeds, prompts = asked(task, LOCAL, f"1. {left_out}\n2. {named}")
    assert seeds == (named,)
    assert told in prompts[-1]
    assert all(str(item) in prompts[-1] for shown in TEXTS_SHOWN[kind] for item in shown["seeds"])


@pytest.mark.parametrize(
    "text",
    [
        "Passage: [insert passage here], which is of some length.",
        "Two boats were repaired",
        "The boat, the boat, the boat, the boat, the boat, the boat and the boat were repaired.",
        "Zwei Boote wurden im letzten Winter auf der Werft am Hafen repariert.",
        "Two boats.",
    ],
)
def test_a_seed_that_becomes_a_field_must_hold_what_holds_of_the_field(text: str) -> None:
    whole = "Two boats were repaired in the yard."
    task = given({"form": "sentence"})
    assert asked(task, LOCAL, f"1. {text}\n2. {whole}")[1] == (whole,)
    with pytest.raises(NoSeeds, match="of 1 none holds, the last one being"):
        asked(task, LOCAL, f"1. {text}")


def test_the_task_file_s_own_assertions_bind_the_seeds_and_no_writer() -> None:
    clause = "Everybody thinks that two boats were repaired."
    own = {"kind": "contains", "field": "premise", "any_of": ["thinks", "knows"]}
    form = {"kind": "complete", "field": "premise", "form": "text"}
    dated = {"kind": "regex", "field": "premise", "pattern": r"\d", "absent": True, "message": "The text holds a number."}
    task = Task.model_validate(
        {**given({"form": "sentence"}).model_dump(mode="json"), "assertions": [own, form, dated, {**dated, "pattern": "nobody"}]}
    )
    assert asked(task, LOCAL, f"1. Nobody knows the 2 boats.\n2. Two boats were repaired in the yard.\n3. {clause[:-1]}")[1] == (
        clause[:-1],
    )
    lm = fake_lm(lambda _: '{"hypothesis": "Some of the boats are whole again."}')
    program = TarGEN(task, lm=lm, profile=HOSTED, verify="none")
    assert program(seed=clause, context="a hall", label="a").ok
    unfit = program(seed="Two boats were repaired in the yard.", context="a hall", label="a").outcome
    assert isinstance(unfit, Refusal)
    assert (unfit.stage, [broken.assertion for broken in unfit.broken]) == ("seeds", ["contains:premise"])
    assert len(lm.fake.prompts) == 1, "nothing is written for it"


def test_passages_are_asked_for_as_many_as_there_is_room_for() -> None:
    """Twenty texts of 130 words are no answer of 1,600 tokens."""
    prompts = asked(given({"min_words": 3, "max_words": 130}), LOCAL, "1. Two boats were repaired in the yard.", count=30)[2]
    assert "Make a numbered list of 6 statements" in prompts[-1]


def test_a_hosted_model_is_told_what_becomes_of_the_texts_that_it_names() -> None:
    task = given({"description": "a note of two sentences.", "min_words": 3, "max_words": 60})
    _, _, prompts = asked(task, HOSTED, '{"contexts": ["work"], "seeds": ["Two boats were repaired."]}')
    assert "the premise of a row (a note of two sentences), in 3 to 60 words, which stands there as it is named here" in prompts[-1]
    assert "word for word as it is named" in prompts[-1]
    word = asked(given({"form": "phrase", "max_words": 1}), HOSTED, '{"contexts": ["work"], "seeds": ["bank"]}')[2]
    assert "in 1 word, which" in word[-1]


# --- what a hosted model is told ------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [NOTES, PAIRS], ids=lambda task: str(task.name))
def test_a_hosted_model_is_told_the_labels_and_a_language_that_is_not_english(task: Task) -> None:
    answer = '{"contexts": ["die Halle", "der Keller"], "seeds": ["Die Lampe steht im Keller.", "Das Regal ist sehr alt."]}'
    for language, times in (("en", 0), ("de", 1)):
        _, _, prompts = asked(task.model_copy(update={"language": language}), HOSTED, answer)
        assert len(prompts) == 2
        assert {prompt.count(f"in the language {language!r}") for prompt in prompts} == {times}
        assert all('["a", "b"]' in prompt for prompt in prompts)
    _, _, plain = asked(task.model_copy(update={"language": "de"}), LOCAL, "1. die alte Halle\n2. ein kalter Keller")
    assert not any("language" in prompt for prompt in plain), "a small model writes what it was measured with"


def test_a_seed_that_was_refused_is_objected_to_at_the_next_request_for_the_same_list() -> None:
    bad = "The hall."
    good = (
        "A clock hangs by the old door.",
        "Nobody has swept the stone floor.",
        "Wine is kept behind iron bars.",
        "Two barrels stand on the left.",
    )
    answers = iter([[bad, good[0]], [good[1]], [good[2]], [good[3]]])
    lm = fake_lm(lambda _: json.dumps({"seeds": next(answers)}))
    program = TarGEN(given({"min_words": 5}), lm=lm, profile=HOSTED, verify="none")
    for context in ("a hall", "a cellar"):
        assert len(asyncio.run(program.seeds(context=Context(context), count=2))) == 2
    told = [json.loads(dict(FIELD.findall(prompt))["violations"]) for prompt in lm.fake.prompts]
    assert told == [[], [f'"{bad}": The text has 2 words; write at least 5.'], [], []]
