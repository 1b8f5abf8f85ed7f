"""How a compile's budget of LM requests is dealt out: so much to each stage, and enough kept back for the report."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seedless.errors import UsageError
from seedless.lms.metered import MeteredLM
from seedless.planner import Plan
from seedless.run.budget import CallBudget
from seedless.run.journal import Journal
from seedless.task import Task

__all__ = ["Limits", "Purse", "Sizes", "sizes"]

REPORT = 0.3  # share of the budget that is kept back for the report
CHOOSE = 0.11  # share that trying one candidate on every choosing slot may cost
SHARES = {"contexts": 0.7, "seeds": 0.7, "write": 6.0, "revise": 0.6}  # of what is left, by stage
MOST_CHOSEN, MOST_REPORTED = 60, 150  # slots
FEWEST = 6  # slots
LISTS = {"contexts": 4, "seeds": 6}  # examples of a stage that names lists


@dataclass(frozen=True, slots=True)
class Limits:
    """A stage's share of the requests, and the counts at which its search ends and at which what it left half tried must be done.

    An optimiser is set up by the share: it is the same when a compile goes on, whatever was spent before.
    """

    share: int
    search: int
    finals: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """`chosen` slots to choose with, `reported` ones to report with, and each stage's limits."""

    chosen: int
    reported: int
    limits: Mapping[str, Limits]


def list_calls(task: Task, n: int, batch: int) -> int:
    """Requests that naming the contexts and seeds for `n` slots takes, about."""
    plan = Plan(task, n, 0)
    own = task.contexts.given or all(label.contexts for label in task.labels)
    contexts = len(task.contexts.given) or plan.context_count
    met = min(n, contexts * (1 if task.contexts.given else len(task.labels) if own else 1))
    seeds = 0 if task.seeds.given else met * math.ceil(plan.seeds_per_context(contexts) / batch)
    return seeds + (0 if own else math.ceil(plan.context_count / batch))


def sizes(task: Task, budget: int, *, per_draft: int, revises: bool, batch: int, stages: Sequence[str]) -> Sizes:
    """What `budget` requests suffice for; a draft costs `per_draft` of them.

    Raises
    ------
    UsageError
        If they do not suffice to try the uncompiled program and to report.
    """
    least = max(FEWEST, len(task.labels))
    pair = per_draft * (3 if revises else 2)  # a row of each program; where drafts are revised, one of them may be

    def lists(n: int) -> int:
        return list_calls(task, n, batch)

    needed = lists(least) * 2 + least * (2 * per_draft + pair)
    if budget < needed:
        raise UsageError(
            f"given --budget-calls {budget}, at least {needed} are needed to compile a program for {task.name!r}; give more"
        )
    changed = 2 if {"contexts", "seeds"} & set(stages) else 1
    chosen = max(least, min(MOST_CHOSEN, int(CHOOSE * budget / per_draft)))
    reported = max(least, min(MOST_REPORTED, int((REPORT * budget - changed * lists(least)) / pair)))
    cursor = lists(chosen) + chosen * per_draft
    kept = changed * lists(reported) + reported * pair
    done = {"contexts": 2, "seeds": 2, "write": chosen * per_draft, "revise": 4 * per_draft}
    finals = {name: done[name] for name in stages}
    left = max(0, budget - cursor - kept - sum(finals.values()))
    limits: dict[str, Limits] = {}
    for name in stages:
        share = int(left * SHARES[name] / sum(SHARES[each] for each in stages))
        cursor += share
        limits[name] = Limits(share, min(cursor, budget - kept), min(cursor + finals[name], budget - kept))
        cursor += finals[name]
    return Sizes(chosen, reported, limits)


class Purse:
    """The one budget of all LMs of a compile, opened phase by phase.

    Parameters
    ----------
    journal
        Counts the requests of every session.
    lms
        The LMs that pay from it.
    calls, usd
        Requests and USD at most, in all.
    """

    def __init__(self, journal: Journal, lms: Iterable[MeteredLM], *, calls: int, usd: float | None) -> None:
        self.journal = journal
        self.lms = tuple(lms)
        self.calls = calls
        self.usd = usd
        for lm in self.lms:
            lm.steps = journal
        self.allow(calls)

    def allow(self, upto: int) -> None:
        """Let requests go out until `upto` have been sent since the compile began; USD in proportion."""
        usd = self.usd * min(1.0, upto / self.calls) if self.usd is not None else None
        budget = CallBudget(
            max_calls=upto,
            max_cost=usd,
            calls=self.journal.calls(),
            cost=self.journal.cost(),
            options=("--budget-calls", "--budget-usd"),
        )
        for lm in self.lms:
            lm.budget = budget
        self._budget = budget

    def spent(self) -> int:
        """Requests sent since the compile began."""
        return self._budget.calls
