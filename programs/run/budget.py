"""Bounds on a run: LM calls and USD."""

from seedless.errors import BudgetEnded, UsageError

__all__ = ["CallBudget"]

OPTIONS = ("--max-calls", "--max-cost")


class CallBudget:
    """Admits LM calls until `max_calls` are sent or `max_cost` USD are spent. Calls of earlier sessions count.

    Calls in flight when the cost is reached are still paid: the overshoot is at most theirs. `options` are what messages call the two bounds.
    """

    def __init__(
        self,
        *,
        max_calls: int | None,
        max_cost: float | None,
        calls: int = 0,
        cost: float | None = 0.0,
        options: tuple[str, str] = OPTIONS,
    ) -> None:
        self.max_calls = max_calls
        self.max_cost = max_cost
        self.calls = calls
        self.cost = cost
        self.options = options
        self.ended: str | None = None
        if cost is None and max_cost is not None:
            raise self._unpriced()

    def admit(self) -> None:
        """Count one more request.

        Raises
        ------
        BudgetEnded
            If there may be no more.
        """
        if self.max_calls is not None and self.calls >= self.max_calls:
            self.ended = f"the budget of {self.max_calls} LM calls is used up ({self.options[0]})"
        elif self.max_cost is not None and self.cost is not None and self.cost >= self.max_cost:
            self.ended = f"the budget of {self.max_cost} USD is used up ({self.options[1]})"
        if self.ended:
            raise BudgetEnded(self.ended)
        self.calls += 1

    def withdraw(self) -> None:
        """Take back a request that was counted and did not go out."""
        self.calls -= 1

    def charge(self, cost: float | None) -> None:
        """Add an answer's price.

        Raises
        ------
        UsageError
            If the price is unknown while `max_cost` bounds the run.
        """
        if cost is None and self.max_cost is not None:
            raise self._unpriced()
        self.cost = None if cost is None or self.cost is None else self.cost + cost

    def _unpriced(self) -> UsageError:
        calls, cost = self.options
        return UsageError(f"given {cost}, but the price of this LM is unknown, so the bound cannot be kept; use {calls} instead")
