"""The budget of a compile: how it is dealt out, and that a step counts the same whether it is asked for or recalled."""

from pathlib import Path

import pytest

from seedless.errors import BudgetEnded, UsageError
from seedless.evals.compiling.purse import Purse, sizes
from seedless.lms.step import Step
from seedless.run.journal import Journal
from seedless.taskfile import load_task

STEP = Step("text", "stop", 1, 1, 0.25)


def ask(purse: Purse, key: str) -> bool:
    """As an LM asks: whether a request went out; raises where none may."""
    if purse.recall(key) is not None:
        return False
    purse.admit()
    purse.begin(key, "write")
    purse.finish(key, STEP)
    purse.charge(STEP.cost)
    return True


def purse(path: Path, *, calls: int = 10, usd: float | None = None, kept: int = 4) -> Purse:
    return Purse(Journal(path), [], calls=calls, usd=usd, kept=kept)


def test_a_part_ends_at_its_share_and_the_rest_is_kept_back_until_it_is_released(tmp_path: Path) -> None:
    own = purse(tmp_path / "db")
    own.part(2)
    assert [ask(own, key) for key in "aabb"] == [True, False, True, False]
    with pytest.raises(BudgetEnded, match=r"its share of the budget \(2 of 10 LM calls\) is used up"):
        ask(own, "c")
    own.part(None)
    assert [ask(own, key) for key in "cdef"] == [True] * 4
    with pytest.raises(BudgetEnded, match="but for what is kept back for the report, is used up"):
        ask(own, "g")
    own.release()
    assert [ask(own, key) for key in "ghij"] == [True] * 4
    with pytest.raises(BudgetEnded, match=r"10 LM calls is used up \(--budget-calls\)"):
        ask(own, "k")
    assert own.spent() == own.journal.calls() == 10
    assert own.ran_out


def test_a_part_that_ends_has_not_ended_the_budget(tmp_path: Path) -> None:
    own = purse(tmp_path / "db")
    own.part(2)
    assert [ask(own, key) for key in "ab"] == [True, True]
    with pytest.raises(BudgetEnded, match="its share"):
        ask(own, "c")
    assert not own.ran_out
    own.part(None)
    with pytest.raises(BudgetEnded, match="but for what is kept back"):
        [ask(own, key) for key in "cdefg"]
    own.release()
    assert own.ran_out


def test_what_is_recalled_counts_like_what_was_asked_so_a_part_ends_at_the_same_place(tmp_path: Path) -> None:
    first = purse(tmp_path / "db")
    first.part(3)
    assert all(ask(first, key) for key in "abc")
    first.part(None)
    assert ask(first, "d")
    first.journal.close()
    again = purse(tmp_path / "db")
    again.part(3)
    assert not any(ask(again, key) for key in "abcab")
    with pytest.raises(BudgetEnded, match="its share"):
        ask(again, "d")  # it is in the journal, but this part did not get so far
    again.part(None)
    assert not ask(again, "d")
    assert again.spent() == 4
    assert again.paid == first.paid == 4 * 0.25


def test_what_a_report_took_counts_for_no_search_that_goes_on(tmp_path: Path) -> None:
    """A prompt that was refused is asked again, at a moment at which the report had spent what was kept back."""
    first = purse(tmp_path / "db")
    first.admit()
    first.begin("refused", "write")
    assert all(ask(first, key) for key in "abc")
    first.release()
    assert all(ask(first, key) for key in "defg")
    first.journal.close()
    again = purse(tmp_path / "db")
    again.admit()
    again.begin("refused", "write")
    assert not any(ask(again, key) for key in "abc")
    assert ask(again, "h"), "of ten, nine were sent; of six for the search, four"
    with pytest.raises(BudgetEnded, match=r"10 LM calls is used up \(--budget-calls\)"):
        ask(again, "i")
    assert again.used_up


def test_usd_are_bounded_as_well(tmp_path: Path) -> None:
    own = purse(tmp_path / "db", calls=100, usd=2.5, kept=50)
    assert all(ask(own, str(i)) for i in range(5))
    with pytest.raises(BudgetEnded, match="but for what is kept back"):
        ask(own, "more")
    own.release()
    assert all(ask(own, f"{i}+") for i in range(5))
    with pytest.raises(BudgetEnded):
        ask(own, "more")
    with pytest.raises(UsageError, match="given --budget-usd, but the price of this LM is unknown"):
        own.charge(None)


@pytest.mark.parametrize("budget", [110, 150, 400, 1000, 5000])
@pytest.mark.parametrize("name", ["movie_reviews", "question_type", "emotion", "rooms"])
@pytest.mark.parametrize(("per_draft", "revises"), [(1, False), (2, True)])
def test_the_parts_never_exceed_the_whole(budget: int, name: str, per_draft: int, revises: bool, task: Path) -> None:
    stages = ("contexts", "seeds", "write", "revise") if name == "rooms" else ("write",)
    loaded = load_task(task) if name == "rooms" else load_task(name)
    made = sizes(loaded, budget, per_draft=per_draft, revises=revises, batch=20, stages=stages)
    assert made.kept + sum(made.search.values()) + sum(made.finals.values()) <= budget
    assert made.chosen >= len(loaded.labels)
    assert made.reported >= len(loaded.labels)
    assert set(made.search) == set(made.finals) == set(stages)
    if budget >= 400:
        assert made.search["write"] >= 2 * made.chosen * per_draft


def test_a_budget_that_is_too_small_is_refused_with_what_is_needed(task: Path) -> None:
    """A search of nothing was begun all the same: its share of the budget, 0 calls, was then said to be used up."""
    with pytest.raises(UsageError, match="given --budget-calls 20, at least 101 are needed to compile a program for 'rooms'"):
        sizes(load_task(task), 20, per_draft=2, revises=True, batch=20, stages=("contexts", "seeds", "write", "revise"))
    made = sizes(load_task(task), 101, per_draft=2, revises=True, batch=20, stages=("contexts", "seeds", "write", "revise"))
    assert made.search["write"] >= 6
