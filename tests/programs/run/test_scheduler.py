"""The loop over N tells what ends it."""

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from seedless import Generation, Options, SetupError, TarGEN, generate
from seedless.lms.metered import StepFailed
from seedless.outcome import Row
from seedless.planner import Allotment, Plan
from seedless.run.journal import Journal
from seedless.run.places import Open
from seedless.run.pool import Pool
from seedless.run.scheduler import Scheduler
from seedless.seeds import NoSeeds
from seedless.slot import Context, InstanceSeed, Slot
from seedless.task import Task
from seedless.taskfile import load_task
from seedless.testing import fake_lm
from seedless.verify import NoVerifier
from tests.openai_server import Author, stage_of


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("most", range(3, 10))
def test_a_journal_that_is_full_ends_the_run(most: int, concurrency: int, task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it happens: also right behind an outcome, when the last worker ends before anyone has seen that outcome."""
    begun = count(1)
    with Generation(task, n=6, options=Options(lm=fake_lm(Author()), verify="none", concurrency=concurrency)) as generation:
        begin = generation.folder.journal.begin

        def begin_until_full(key: str, stage: str) -> None:
            if next(begun) > most:
                raise SetupError("run.db: cannot be written (database or disk is full)")
            begin(key, stage)

        monkeypatch.setattr(generation.folder.journal, "begin", begin_until_full)
        with pytest.raises(SetupError, match="disk is full"):
            list(generation)


def test_open_positions_are_found_by_what_is_due_there() -> None:
    rng = random.Random(4)
    plan = [Allotment(position, 0, rng.choice("abc"), {"tone": rng.choice("xy")}) for position in range(60)]
    opened, known = Open(plan), list(plan)
    for _ in range(400):
        if known and rng.random() < 0.4:
            taken = opened.popleft()
            assert taken == known.pop(0)
            if rng.random() < 0.8:
                opened.append(taken)
                known.append(taken)
        label, tone = rng.choice("abc"), rng.choice("xy")
        there = [each for each in known if (each.label, each.attributes["tone"]) == (label, tone)]
        last = max(there, key=lambda each: each.position, default=None)
        assert opened.last((label, (("tone", tone),))) == last
        if last is not None:
            other = replace(last, label=rng.choice("abc"))
            opened.change(other)
            known[known.index(last)] = other
        assert len(opened) == len(known)


class Lists:
    """The lists of a program: notes what is asked for, and for whom; `failing` is raised for the first requests for seeds."""

    def __init__(self, task: Task, *failing: Exception, worded: bool = False) -> None:
        self.task, self.worded = task, worded
        self.failing = list(failing)
        self.asked: list[tuple[str, ...]] = []

    async def contexts(self, *, label: str, count: int, rollout: int) -> tuple[Context, ...]:
        self.asked.append(("contexts", label))
        await asyncio.sleep(0)
        return (Context(f"where {label} is"),)

    async def seeds(self, *, label: str, context: Context, count: int, rollout: int) -> tuple[InstanceSeed, ...]:
        self.asked.append(("seeds", context.text, label))
        await asyncio.sleep(0)
        if self.failing:
            raise self.failing.pop(0)
        return (InstanceSeed(f"{label} in {context.text}", context),)


def pooled(lists: Lists, labels: Sequence[str]) -> list[Slot | BaseException]:
    """The slots, or why there is none, of one position for each of `labels`, asked for side by side."""
    pool = Pool(lists, Plan(lists.task, 4, 0))  # type: ignore[arg-type]  # a program's lists alone

    async def slot(position: int, label: str) -> Slot:
        allotment = Allotment(position, 0, label, {})
        place, contexts = await pool.contexts(allotment, 0)
        return await pool.slot(allotment, 0, place, contexts)

    async def slots() -> list[Slot | BaseException]:
        return await asyncio.gather(*(slot(*each) for each in enumerate(labels)), return_exceptions=True)

    return asyncio.run(slots())


def about(slots: Sequence[Slot | BaseException]) -> list[str]:
    return [slot.seed.text for slot in slots if isinstance(slot, Slot)]


def test_labels_share_lists_unless_they_have_contexts_of_their_own_or_words(task: Path) -> None:
    rooms = load_task(task)
    said = rooms.model_dump()
    own = Task.model_validate(
        {**said, "labels": [{**label, "contexts": (f"where {label['name']} is",)} for label in said["labels"]]}
    )
    two = ["warm", "cold"]
    assert about(pooled(shared := Lists(rooms), two)) == ["warm in where warm is"] * 2
    assert shared.asked == [("contexts", "warm"), ("seeds", "where warm is", "warm")]
    for lists in (Lists(own), Lists(rooms, worded=True)):
        assert about(pooled(lists, two)) == [f"{label} in where {label} is" for label in two]


def test_labels_of_a_worded_program_share_no_seeds_in_a_context_that_they_share(task: Path) -> None:
    class OneContext(Lists):
        async def contexts(self, *, label: str, count: int, rollout: int) -> tuple[Context, ...]:
            return (Context("a hall"),)

    rooms, two = load_task(task), ["warm", "cold"]
    assert about(pooled(OneContext(rooms, worded=True), two)) == ["warm in a hall", "cold in a hall"]
    assert about(pooled(OneContext(rooms), two)) == ["warm in a hall"] * 2


def test_seeds_that_a_failing_lm_owes_are_asked_for_again_by_the_next_slot(task: Path) -> None:
    """Those that wait for the same request fail with it, and ask once more together; what was answered is not asked again."""

    async def asked(lists: Lists) -> list[list[type]]:
        pool, context = Pool(lists, Plan(lists.task, 4, 0)), Context("a hall")  # type: ignore[arg-type]  # a program's lists alone

        async def tried(position: int) -> list[type]:
            found: list[type] = []
            for _ in range(3):
                try:
                    found.append(type(await pool.slot(Allotment(position, 0, "warm", {}), 0, 0, (context,))))
                except StepFailed as failed:
                    found.append(type(failed))
            return found

        return await asyncio.gather(tried(0), tried(1))

    rooms = load_task(task)
    lists = Lists(rooms, StepFailed("out of order"))
    assert asyncio.run(asked(lists)) == [[StepFailed, Slot, Slot]] * 2
    assert len(lists.asked) == 2
    lists = Lists(rooms, NoSeeds("named none"))
    assert asyncio.run(asked(lists)) == [[NoSeeds] * 3] * 2
    assert len(lists.asked) == 1


def test_a_verifier_takes_up_texts_with_the_labels_that_they_were_asked_for(task: Path, row: Callable[..., Row]) -> None:
    class Own(NoVerifier):
        met: Sequence[tuple[str, str]] = ()

        async def remember(self, rows: Sequence[tuple[str, str]]) -> None:
            self.met = rows

    own, loaded, journal = Own(), load_task(task), Journal(Path(":memory:"))
    kept = [row(0, "cold", asked="warm"), row(1, "warm")]
    for position, each in enumerate(kept):
        journal.decide(position, 0, each)
    program = TarGEN(loaded, lm=fake_lm(Author()), verifier=own)
    scheduler = Scheduler(program, Plan(loaded, 4, 0), journal, in_flight=1, max_refills=1)

    async def outcomes() -> list[Any]:
        return [outcome async for outcome in scheduler.run()]

    assert len(asyncio.run(outcomes())) == 2
    assert own.met == [(kept[0].draft.text, "warm"), (kept[1].draft.text, "warm")]


def test_a_label_that_had_a_row_is_not_given_up_for_a_hundred_slots_without_one(task: Path) -> None:
    author, asked = Author(), count()

    def answer(prompt: str) -> str:
        if stage_of(prompt) == "write" and "'compass'" in prompt and 0 < next(asked) <= 105:
            return json.dumps({"text": "Sorry. No."})
        return author(prompt)

    assert len(generate(task, n=4, lm=fake_lm(answer), concurrency=1, attempts=1, verify="none", max_refills=60)) == 4
