"""Lists that a small model is asked for: shown what a list looks like, kept whole, and of what was asked."""

import asyncio

from seedless.lms.grammar import LONGEST_PHRASE
from seedless.lms.spec import EMBEDDED, HOSTED, LOCAL, Profile
from seedless.signatures import CONTEXTS_SHOWN, PASSAGES_SHOWN, SEEDS_SHOWN
from seedless.slot import Context
from seedless.targen import TarGEN
from seedless.task import Task
from seedless.testing import fake_lm

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


def asked(task: Task, profile: Profile, answer: str) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """The contexts, the seeds of the context `a hall`, and the prompts."""
    lm = fake_lm(lambda _: answer)
    program = TarGEN(task, lm=lm, profile=profile, verify="none")
    contexts = asyncio.run(program.contexts(count=2))
    seeds = asyncio.run(program.seeds(context=Context("a hall"), count=2))
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


def test_a_seed_that_becomes_a_short_field_is_a_phrase() -> None:
    word = PAIRS.model_copy(
        update={"fields": (PAIRS.fields[0].model_copy(update={"min_words": 1, "max_words": 2}), PAIRS.fields[1])}
    )
    _, seeds, prompts = asked(word, EMBEDDED, "1. bank\n2. a river bank\n3. spring water")
    assert seeds == ("bank", "spring water")
    assert "full sentence" not in prompts[-1]


def test_a_large_model_is_told_how_long_the_field_is_that_a_seed_becomes() -> None:
    _, _, prompts = asked(PAIRS, HOSTED, '{"contexts": ["work"], "seeds": ["Two boats were repaired."]}')
    assert "statements of facts, each of 3 to 60 words" in prompts[-1]


def test_a_seed_that_becomes_a_field_is_a_sentence() -> None:
    fact = "The ferry to the island, built in 1998, leaves at nine in the evening."
    _, seeds, prompts = asked(PAIRS, EMBEDDED, f"1. {fact}\n2. Two boats were repaired.")
    assert seeds == (fact, "Two boats were repaired.")
    assert "one full sentence" in prompts[-1]
    assert all(str(item) in prompts[-1] for shown in PASSAGES_SHOWN for item in shown["seeds"])
