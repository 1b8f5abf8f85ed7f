"""How a compile's budget of LM requests is dealt out: so much to each stage, and enough kept back for the report."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from seedless.errors import BudgetEnded, UsageError
from seedless.evals.compiling.paired import FEWEST_PAIRS
from seedless.lms.metered import MeteredLM
from seedless.lms.step import Step
from seedless.planner import Plan
from seedless.run.budget import CallBudget
from seedless.run.journal import Journal
from seedless.task import Task

__all__ = ["LISTS", "Purse", "Sizes", "sizes"]

REPORT = 0.3  # share of the budget that is kept back for the report
CHOOSE = 0.11  # share that trying one candidate on every choosing slot may cost
SHARES = {"contexts": 0.7, "seeds": 0.7, "write": 6.0, "revise": 0.6}  # of what is left, by stage
MOST_CHOSEN, MOST_REPORTED = 60, 150  # slots
TRIED = 3  # drafts of other candidates that the search for the writer must be able to pay
LISTS = {"contexts": 4, "seeds": 6}  # examples of a stage that names lists


@dataclass(frozen=True, slots=True)
class Sizes:
    """`chosen` slots to choose with, `reported` ones to report with; the requests that each stage's search and finals may take, and
    those `kept` back for the report.
    """

    chosen: int
    reported: int
    search: Mapping[str, int]
    finals: Mapping[str, int]
    kept: int


def list_calls(task: Task, n: int, batch: int | None) -> int:
    """Requests that naming the contexts and seeds for `n` slots takes, about: `batch` items at a time, None where no LM is asked for any."""
    if batch is None:
        return 0
    plan = Plan(task, n, 0)
    own = task.gives_contexts
    contexts = len(task.contexts.given) or plan.context_count
    met = n if own else min(n, contexts)
    seeds = 0 if task.seeds.given else met * math.ceil(plan.seeds_per_context(contexts) / batch)
    return seeds + (0 if own else math.ceil(plan.context_count / batch))


def sizes(
    task: Task,
    budget: int,
    *,
    per_draft: int,
    revises: bool,
    batch: int | None,
    stages: Sequence[str],
    finalists: int = 1,
    given: str = "",
) -> Sizes:
    """What `budget` requests suffice for; a draft costs `per_draft` of them. `finalists` are to be tried on every example at the end.

    `given` is what a message calls the budget, where it was not given in requests.

    Raises
    ------
    UsageError
        If they do not suffice to try the uncompiled program and another one, and to report.
    """
    least = max(FEWEST_PAIRS, len(task.labels))
    pair = per_draft * (3 if revises else 2)  # a row of each program; where drafts are revised, one of them may be
    changed = 2 if {"contexts", "seeds"} & set(stages) else 1  # a program that names other lists asks for its own

    def lists(n: int) -> int:
        return list_calls(task, n, batch)

    def dealt(budget: int) -> Sizes:
        chosen = max(least, min(MOST_CHOSEN, int(CHOOSE * budget / per_draft)))
        reported = max(least, min(MOST_REPORTED, int((REPORT * budget - changed * lists(least)) / pair)))
        kept = changed * lists(reported) + reported * pair
        whole = {"contexts": 2, "seeds": 2, "write": finalists * chosen * per_draft, "revise": 4 * per_draft}
        finals = {name: whole[name] for name in stages}
        left = max(0, budget - lists(chosen) - chosen * per_draft - kept - sum(finals.values()))
        search = {name: int(left * SHARES[name] / sum(SHARES[each] for each in stages)) for name in stages}
        return Sizes(chosen, reported, search, finals, kept)

    parts = dealt(budget)
    if parts.search["write"] < TRIED * per_draft:
        needed = next(more for more in count(budget + 1) if dealt(more).search["write"] >= TRIED * per_draft)
        raise UsageError(
            f"given {given or f'--budget-calls {budget}'}, at least {needed} are needed to compile a program for {task.name!r}: fewer leave none to "
            "look for better words with; give more"
        )
    return parts


class Purse:
    """The one budget of all LMs of a compile, and the one place where their answers are kept.

    It bounds two things: the requests and USD of every session, for good; and the steps that the search may take, in all and part by part. A step counts
    the same whether it is asked for or recalled from the journal, and what an earlier session's report took counts for no search, so a compile that goes
    on takes the same way as one that was never stopped.

    Parameters
    ----------
    journal
        Keeps the answers, and counts the requests of every session.
    lms
        The LMs that pay from it.
    calls, usd
        Requests and USD at most, in all.
    kept
        Requests, and USD in proportion, that are out of reach until `release`.
    """

    def __init__(self, journal: Journal, lms: Iterable[MeteredLM], *, calls: int, usd: float | None, kept: int) -> None:
        self.journal = journal
        self.calls, self.usd = calls, usd
        self.steps = 0  # requests of this way, as many as they took
        self.paid = 0.0  # USD, of those steps
        self._met: set[str] = set()
        self._upto: int | None = None
        self._share = 0
        self._open: int | None = calls - kept
        self._held = False
        self._total = CallBudget(
            max_calls=calls, max_cost=usd, calls=journal.calls(), cost=journal.cost(), options=("--budget-calls", "--budget-usd")
        )
        for lm in lms:
            lm.steps = lm.budget = self

    def part(self, steps: int | None) -> None:
        """Begin a part that may take `steps` more; None: as many as there are."""
        self._share = steps or 0
        self._upto = None if steps is None else self.steps + steps

    def release(self) -> None:
        """Give out what was kept back."""
        self._open = None
        self.part(None)

    def spent(self) -> int:
        """Requests sent since the compile began, in all sessions."""
        return self._total.calls

    @property
    def ran_out(self) -> bool:
        """Whether a request was refused because of the whole budget, and not of a part's share: of all of it, or of all but what is kept back."""
        return self._held or self.used_up

    @property
    def used_up(self) -> bool:
        """Whether a request was refused because all of the budget was spent. Of a search: one that went on with prompts to be asked again."""
        return self._total.ended is not None

    # --- what an LM asks (the `Steps` and `Budget` protocols) -------------------------------------------------------

    def recall(self, key: str) -> Step | None:
        """The step kept under `key`; None where there is none, or where the part may not take it."""
        if key in self._met:
            return self.journal.recall(key)
        if self._over or self._closed or (step := self.journal.recall(key)) is None:
            return None
        self._met.add(key)
        self.steps += max(1, self.journal.asked(key))
        self.paid += step.cost or 0.0
        return step

    def answered(self, stage: str) -> bool:
        """Whether a step of that stage is kept."""
        return self.journal.answered(stage)

    def begin(self, key: str, stage: str) -> None:
        """Note that a request for `key` goes out now."""
        self._met.add(key)
        self.steps += 1
        self.journal.begin(key, stage)

    def forget(self, key: str) -> None:
        """Note that the request last begun for `key` did not go out."""
        self._met.discard(key)
        self.steps -= 1
        self.journal.forget(key)

    def pay(self, key: str, step: Step) -> None:
        """Note what an answer to `key` cost that cannot be kept."""
        self.paid += step.cost or 0.0
        self.journal.pay(key, step)

    def finish(self, key: str, step: Step) -> None:
        """Keep the answer to `key`."""
        self.paid += step.cost or 0.0
        self.journal.finish(key, step)

    def admit(self) -> None:
        """Let one more request go out.

        Raises
        ------
        BudgetEnded
            If there may be no more, in this part or at all.
        """
        if self._over:
            if not self._share:
                raise BudgetEnded("the budget leaves no LM call for its search")
            whole = f" of {self.calls}" if self.usd is None else ""
            raise BudgetEnded(f"its share of the budget ({self._share}{whole} LM calls) is used up")
        if self._closed:
            self._held = True
            raise BudgetEnded("the budget, but for what is kept back for the report, is used up")
        self._total.admit()

    def withdraw(self) -> None:
        """Take back one that was let out and did not go."""
        self._total.withdraw()

    def charge(self, cost: float | None) -> None:
        """Add an answer's price."""
        self._total.charge(cost)

    @property
    def _over(self) -> bool:
        return self._upto is not None and self.steps >= self._upto

    @property
    def _closed(self) -> bool:
        """Whether what is left is kept back for the report."""
        if self._open is None:
            return False
        dear = self.usd is not None and self.paid >= self.usd * self._open / self.calls
        return dear or self.steps >= self._open
