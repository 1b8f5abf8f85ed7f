"""Bounds on a run: LM calls, USD, and how often a position is refilled."""

from seedless.errors import BudgetEnded, UsageError

__all__ = ["CallBudget"]

UNPRICED = "given --max-cost, but the price of this LM is unknown, so the bound cannot be kept; use --max-calls instead"


class CallBudget:
    """Admits LM calls until `max_calls` are sent or `max_cost` USD are spent. Calls of earlier sessions count.

    Calls in flight when the cost is reached are still paid: the overshoot is at most theirs.
    """

    def __init__(self, *, max_calls: int | None, max_cost: float | None, calls: int = 0, cost: float | None = 0.0) -> None:
        self.max_calls = max_calls
        self.max_cost = max_cost
        self.calls = calls
        self.cost = cost
        self.ended: str | None = None
        if cost is None and max_cost is not None:
            raise UsageError(UNPRICED)

    def admit(self) -> None:
        """Count one more request.

        Raises
        ------
        BudgetEnded
            If there may be no more.
        """
        if self.max_calls is not None and self.calls >= self.max_calls:
            self.ended = f"the budget of {self.max_calls} LM calls is used up (--max-calls)"
        elif self.max_cost is not None and self.cost is not None and self.cost >= self.max_cost:
            self.ended = f"the budget of {self.max_cost} USD is used up (--max-cost)"
        if self.ended:
            raise BudgetEnded(self.ended)
        self.calls += 1

    def charge(self, cost: float | None) -> None:
        """Add an answer's price.

        Raises
        ------
        UsageError
            If the price is unknown while `max_cost` bounds the run.
        """
        if cost is None and self.max_cost is not None:
            raise UsageError(UNPRICED)
        self.cost = None if cost is None or self.cost is None else self.cost + cost
