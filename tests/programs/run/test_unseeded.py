"""Contexts in which no seed can be had: the try is refused with the reason, others go on, and the run ends."""

import json
import random
from collections import Counter
from itertools import count

from seedless import Generation, Options, Refusal, Row, Task
from seedless.testing import fake_lm

TASK = Task(
    name="replies",
    description="Questions and replies.",
    fields=(
        {"name": "question", "description": "a question", "form": "question"},
        {"name": "reply", "description": "a reply", "form": "sentence"},
    ),
    labels=(
        {"name": "a", "meaning": "It is of the first kind.", "constraint": 'Reply to "{question}" in the first way.'},
        {"name": "b", "meaning": "It is of the second kind.", "constraint": 'Reply to "{question}" in the second way.'},
    ),
    contexts={"hint": "places", "given": ["a street", "a shop", "a room"]},
    seeds={"hint": "questions", "field": "question"},
)
WORDS = [
    "lamp",
    "door",
    "coat",
    "cup",
    "shelf",
    "clock",
    "chair",
    "stove",
    "broom",
    "rug",
    "bell",
    "vase",
    "desk",
    "bench",
    "fence",
    "gate",
    "roof",
    "wall",
    "shed",
    "barn",
]


def run(barren: tuple[str, ...]) -> tuple[list[Row], list[Refusal], list[str], str]:
    made = count()

    def answer(prompt: str) -> str:
        rng = random.Random(next(made))
        if "`seeds`" not in prompt:
            return json.dumps({"reply": f"{' '.join(rng.sample(WORDS, 6)).capitalize()}."})
        silent = any(f"\n{context}\n" in prompt for context in barren)
        return json.dumps({"seeds": [] if silent else [f"Where are {' '.join(rng.sample(WORDS, 4))}?" for _ in range(4)]})

    lm = fake_lm(answer)
    with Generation(TASK, n=8, options=Options(lm=lm, verify="none", concurrency=1, max_refills=3)) as generation:
        found = list(generation)
        shortfall = generation.ledger().shortfall
    return [o for o in found if isinstance(o, Row)], [o for o in found if isinstance(o, Refusal)], lm.fake.prompts, shortfall


def test_a_context_without_seeds_costs_a_try_and_no_row() -> None:
    rows, refusals, prompts, _ = run(("a shop",))
    assert Counter(row.label for row in rows) == {"a": 4, "b": 4}
    assert all(row.texts["question"] != "a shop" for row in rows), "a context is no question"
    assert {(r.stage, r.provenance.context, r.provenance.broken) for r in refusals} == {("seeds", "a shop", ("seeds",))}
    assert "named no question for 'a shop'" in refusals[0].broken[0].sentence
    asked = [prompt for prompt in prompts if "`seeds`" in prompt and "\na shop\n" in prompt]
    assert len(asked) == 3, "three answers in a row brought nothing; it is not asked again for each slot"


def test_a_run_in_which_no_context_has_seeds_ends() -> None:
    rows, refusals, prompts, shortfall = run(("a street", "a shop", "a room"))
    assert rows == []
    assert {r.stage for r in refusals} == {"seeds"}
    assert len(prompts) == 9
    assert "what the LM named for seeds is kept: another --seed, or --lm, asks for others" in shortfall, "the same command does not"
