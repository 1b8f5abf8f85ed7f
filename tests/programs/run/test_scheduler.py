"""The loop over N tells what ends it."""

import random
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from seedless import Generation, Options, SetupError
from seedless.planner import Allotment
from seedless.run.places import Open
from seedless.testing import fake_lm
from tests.openai_server import Author


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
