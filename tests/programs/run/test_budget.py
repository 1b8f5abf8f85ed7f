"""The budget admits so many requests and no more, and keeps no bound that it cannot keep."""

import pytest

from seedless.errors import BudgetEnded, UsageError
from seedless.run.budget import CallBudget


def test_calls_are_admitted_up_to_the_bound() -> None:
    budget = CallBudget(max_calls=3, max_cost=None)
    for _ in range(3):
        budget.admit()
    assert budget.ended is None
    for _ in range(2):  # it has ended for good
        with pytest.raises(BudgetEnded, match=r"the budget of 3 LM calls is used up \(--max-calls\)"):
            budget.admit()
    assert budget.calls == 3
    assert budget.ended is not None


def test_calls_of_earlier_sessions_count() -> None:
    budget = CallBudget(max_calls=3, max_cost=None, calls=2)
    budget.admit()
    with pytest.raises(BudgetEnded):
        budget.admit()
    with pytest.raises(BudgetEnded):
        CallBudget(max_calls=3, max_cost=None, calls=4).admit()


def test_calls_of_an_unknown_price_are_bounded_by_their_number() -> None:
    budget = CallBudget(max_calls=3, max_cost=None, calls=2, cost=None)
    budget.admit()
    budget.charge(None)
    with pytest.raises(BudgetEnded):
        budget.admit()
    assert budget.cost is None


def test_cost_is_bounded() -> None:
    budget = CallBudget(max_calls=None, max_cost=1.0)
    for price in (0.4, 0.4, 0.4):
        budget.admit()
        budget.charge(price)
    with pytest.raises(BudgetEnded, match=r"the budget of 1.0 USD is used up \(--max-cost\)"):
        budget.admit()


def test_cost_of_earlier_sessions_counts() -> None:
    with pytest.raises(BudgetEnded):
        CallBudget(max_calls=None, max_cost=1.0, cost=1.0).admit()
    CallBudget(max_calls=None, max_cost=1.0, cost=0.99).admit()


def test_a_cost_bound_needs_a_price() -> None:
    budget = CallBudget(max_calls=None, max_cost=1.0)
    budget.admit()
    with pytest.raises(UsageError, match=r"price of this LM is unknown.*use --max-calls instead"):
        budget.charge(None)


def test_a_cost_bound_is_not_kept_in_silence_over_an_unknown_past() -> None:
    """Where an earlier session's price is unknown, the bound cannot be kept either."""

    def spend() -> None:
        budget = CallBudget(max_calls=None, max_cost=1.0, cost=None)
        for _ in range(10):
            budget.admit()
            budget.charge(0.5)

    with pytest.raises(UsageError, match="max-cost"):
        spend()


def test_an_unknown_price_stays_unknown() -> None:
    budget = CallBudget(max_calls=9, max_cost=None)
    budget.charge(None)
    budget.charge(0.5)
    assert budget.cost is None


def test_without_bounds_everything_is_admitted() -> None:
    budget = CallBudget(max_calls=None, max_cost=None)
    for _ in range(1000):
        budget.admit()
        budget.charge(1.0)
    assert (budget.calls, budget.cost, budget.ended) == (1000, 1000.0, None)
