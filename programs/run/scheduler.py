"""The loop over N: keeps slots in flight until every position of the plan has its row, or a budget ends."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace

import dspy

from seedless.errors import BudgetEnded, LMUnusable
from seedless.kept import Kept
from seedless.lms.metered import PromptRefused, StepFailed
from seedless.lms.step import NO_DRAFT, REFUSED, UNANSWERED
from seedless.outcome import Broken, Outcome, Provenance, Refusal, Row
from seedless.planner import Allotment, Plan
from seedless.run.journal import Journal, outcome_of
from seedless.run.places import Open, due_of
from seedless.run.pool import Pool
from seedless.slot import NO_SEED, Context, Draft, Slot
from seedless.targen import TarGEN
from seedless.wording import listed

__all__ = ["Scheduler"]

FRUITLESS = 100  # slots or refused prompts in a row, of a session, after which no row is to be hoped for, of the run or of a label


class Scheduler:
    """Runs a program over a plan.

    There is no barrier between stages: a slot is written as soon as its own seed exists. A refused position asks again, with another
    seed, behind all that wait, until it has its row: what cannot be had keeps nothing else waiting. Outcomes are final as soon as the journal
    has them. With one slot in flight, they come in the same order each time. Slots in flight and outcomes that nobody has read yet are
    `in_flight` together: whoever reads slowly, or breaks off, has little made ahead.

    Parameters
    ----------
    program
        The TarGEN module, with its LM.
    plan
        What each position must become.
    journal
        Where outcomes are kept; those it already has are not made again.
    in_flight
        Slots worked on at once.
    max_refills
        Refused slots at most, for each position that a label has due (and twenty more): past that, the label falls short. Slots
        that an LM without an answer cost, and those of refused prompts, are counted in this session only. As many without an answer
        end the run as resumable. So do a hundred prompts refused one after the other, of several labels that have had rows, and in several
        contexts where there are some: it is no longer what a prompt holds.
        However many are due, a label falls short after a hundred slots of a session without a row of it ever, or a hundred prompts
        refused in a row, and a run of which no row was ever accepted ends after a hundred slots.
    """

    def __init__(self, program: TarGEN, plan: Plan, journal: Journal, *, in_flight: int, max_refills: int) -> None:
        self.program = program
        self.plan = plan
        self.journal = journal
        self.kept = Kept()
        self._stopped: str | None = None  # why no more slots are begun
        self._identity = program.identity
        self._given = program.task.given_fields
        self._in_flight = in_flight
        self._max_refills = max_refills
        self._refused: Counter[str] = Counter()
        self._unanswered: Counter[str] = Counter()
        self._fruitless: Counter[str] = Counter()  # refused in this session
        self._refused_prompts: Counter[str] = Counter()  # in a row
        self._refused_in_a_row: Counter[tuple[str, str]] = Counter()  # prompts, by labels that have had rows, and contexts
        self._contexts = 0  # as many as a label has
        self._made: Counter[str] = Counter()
        self._gave_up: dict[str, str] = {}  # label to why
        self._failed = ""
        self._pool = Pool(program, plan)
        self._open = Open(())

    async def run(self) -> AsyncGenerator[Outcome, None]:
        """Each outcome as it is decided, those of earlier sessions aside.

        Raises
        ------
        LMUnusable
            If the LM cannot be used: it failed or refused too many slots, or gave no contexts. What was decided before is in the journal.
        UsageError
            If the journal holds what the plan has no room for.
        """
        await self._take_up()
        decided: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(self._in_flight)
        with dspy.context(trace=None, disable_history=True):  # neither grows with N
            workers = [asyncio.create_task(self._work(decided)) for _ in range(min(self._in_flight, max(1, len(self._open))))]
        for worker in workers:
            worker.add_done_callback(lambda _: decided.put_nowait(None))
        try:
            while not all(worker.done() for worker in workers) or not decided.empty():
                outcome = await decided.get()
                if outcome is not None:
                    self._room.release()
                    yield outcome
                elif _that_failed(workers) is not None:
                    break
            if (failed := _that_failed(workers)) is not None:  # the last one may have, right behind its last outcome
                self._failed = str(failed.exception())
                failed.result()
            if self._failed and self._stopped is None:
                raise LMUnusable(self._failed)
        finally:
            for worker in workers:
                worker.cancel()
            self._pool.close()
            await asyncio.gather(*workers, return_exceptions=True)

    @property
    def ended(self) -> str:
        """Why the run stopped, where rows are missing."""
        if self._stopped or self._failed:
            return self._stopped or self._failed
        if self._gave_up:
            whose: dict[str, list[str]] = {}
            for label, why in sorted(self._gave_up.items()):
                whose.setdefault(why, []).append(label)
            return "; ".join(f"{listed(labels)} {why}" for why, labels in whose.items())
        return "the run was interrupted"

    async def _take_up(self) -> None:
        """Go on where earlier sessions ended: what is accepted stays, what is due is what is left of the quotas, of labels and of attributes."""
        fields = tuple(field.name for field in self.program.task.fields)
        shared = frozenset(
            attribute.name for attribute in self.program.task.attributes
        )  # a row's cue is dealt as well, in no share
        left, taken = Counter(due_of(a.label, a.attributes) for a in self.plan.allotments), set[int]()
        remembered: list[tuple[str, str]] = []
        for position, record in self.journal.accepted(self.plan):
            row = outcome_of(record, fields)
            if not isinstance(row, Row):
                raise TypeError(f"the journal holds a refusal as the row at position {position}")
            self._keep(row)
            left[due_of(row.label, {name: value for name, value in row.provenance.attributes.items() if name in shared})] -= 1
            taken.add(position)
            remembered.append((row.draft.text, row.provenance.asked_label))
        self._rounds = self.journal.rounds()
        for record in self.journal.refused(self.plan):
            if {broken["assertion"] for broken in record["broken"]} - NO_DRAFT:
                self._refused[record["asked_label"]] += 1
        await self.program.write_instance.verifier.remember(remembered[-2000:])
        due_here, moved = list[Allotment](), list[Allotment]()
        for allotment in self.plan.allotments:
            if allotment.position in taken:
                continue
            if left[due := due_of(allotment.label, allotment.attributes)] > 0:
                left[due] -= 1
                due_here.append(allotment)
            else:
                moved.append(allotment)
        spare = [due for due, count in sorted(left.items()) for _ in range(count)]
        taking_over = [
            replace(allotment, label=label, attributes=dict(values))
            for allotment, (label, values) in zip(moved, spare, strict=True)
        ]
        # With one slot in flight an uninterrupted run would have come to this order, where no row was relabelled, or, of a task without attributes, one
        # way alone between two labels.
        self._open = Open(sorted((*due_here, *taking_over), key=lambda each: (self._rounds.get(each.position, 0), each.position)))

    async def _work(self, decided: asyncio.Queue[Outcome | None]) -> None:
        """Work on one slot after the other, none of them while as many outcomes as may be in flight wait for whoever reads them."""
        while self._open and self._stopped is None:
            await self._room.acquire()
            if not self._open or self._stopped is not None:
                self._room.release()
                return
            allotment = self._open.popleft()
            if self._gives_up(allotment.label):
                self._room.release()
                continue
            round_ = self._rounds.get(allotment.position, 0)
            try:
                outcome = await self._outcome(allotment, round_)
            except BudgetEnded as ended:
                self._stopped = str(ended)
                self._room.release()
                return
            self.journal.decide(allotment.position, round_, outcome)
            decided.put_nowait(outcome)
            if isinstance(outcome, Row):
                self._keep(outcome)
                self._refused_prompts[allotment.label] = 0
                self._refused_in_a_row.clear()
            else:
                self._rounds[allotment.position] = round_ + 1
                self._open.append(allotment)
                self._count(allotment.label, outcome)

    def _most(self, label: str) -> int:
        return self._max_refills * self.plan.per_label[label] + 20

    def _gives_up(self, label: str) -> bool:
        """Whether no more slots of a label are tried, as is then noted."""
        if self._unanswered[label] >= self._most(label):
            return True
        if self._refused[label] >= self._most(label):
            self._gave_up.setdefault(label, f"reached the bound of refused slots (--max-refills {self._max_refills})")
        elif self._refused_prompts[label] >= FRUITLESS:
            self._gave_up.setdefault(label, f"gave up after {FRUITLESS} prompts in a row that the LM's server refuses")
        elif self._fruitless[label] >= FRUITLESS and not self._made[label]:
            self._gave_up.setdefault(label, f"gave up after {FRUITLESS} slots without a row")
        return label in self._gave_up

    def _count(self, label: str, refusal: Refusal) -> None:
        """Count a refused slot of `label` for what may end the label, or the run."""
        broken = [each.assertion for each in refusal.broken]
        if set(broken) == {UNANSWERED}:
            self._unanswered[label] += 1
            if self._unanswered[label] == self._most(label):
                why = f"{refusal.broken[-1].sentence} (so ended {self._most(label)} slots of {label!r})"
                self._failed = f"{why}; mend the cause and give the same command again"
            return
        self._refused[label] += 1
        self._fruitless[label] += 1
        if broken[-1] == REFUSED:
            self._refused_prompts[label] += 1
            self._check_refused_prompts(label, refusal)
        else:
            self._refused_prompts[label] = 0
            self._refused_in_a_row.clear()
        if self._fruitless.total() == FRUITLESS and not len(self.kept):
            self._stopped = f"none of the first {FRUITLESS} slots came to a row"

    def _check_refused_prompts(self, label: str, refusal: Refusal) -> None:
        """Make sure that it is for what they hold that prompts are refused. A filter may refuse all of a label, or whatever is asked in a context,
        or most of all prompts, but hardly a hundred in a row by chance.

        Raises
        ------
        LMUnusable
            If they are refused whatever they hold.
        """
        if not self._made[label]:
            return
        self._refused_in_a_row[label, refusal.provenance.context] += 1
        times = self._refused_in_a_row.total()
        labels, contexts = (dict.fromkeys(each) for each in zip(*self._refused_in_a_row, strict=True))
        if times >= max(FRUITLESS, self._in_flight) and len(labels) > 1 and len(contexts) >= min(2, self._contexts):
            raise LMUnusable(
                f"{refusal.broken[-1].sentence} (so ended {times} slots in a row, of {listed(list(labels))}); mend the cause and give the same command again"
            )

    async def _outcome(self, allotment: Allotment, round_: int) -> Outcome:
        """What becomes of a position's next try. A context in which no seed could be had costs the try; without contexts there is no run."""
        try:
            place, contexts = await self._pool.contexts(allotment, round_)
        except PromptRefused as refused:
            raise LMUnusable(f"{refused}; list contexts in the task file (contexts: given), or name another model") from refused
        except StepFailed as failed:
            raise LMUnusable(f"{failed}; give the same command again to go on") from failed
        self._contexts = max(self._contexts, len(contexts))
        try:
            slot = await self._pool.slot(allotment, round_, place, contexts)
        except StepFailed as failed:
            return self._unseeded(allotment, round_, contexts[place], failed)
        prediction = await self.program.acall(label=slot.label, slot=slot, kept=self.kept, identity=self._identity)
        return self._settle(allotment, round_, prediction.outcome)

    def _unseeded(self, allotment: Allotment, round_: int, context: Context, failed: StepFailed) -> Refusal:
        where = Provenance(
            **self._identity, context=context.text, context_source=context.source, seed="", attributes=allotment.attributes,
            asked_label=allotment.label, verdict=None, reason="", confidence=None, attempts=0, broken=(failed.assertion,),
        )  # fmt: skip
        return Refusal("seeds", allotment.position, round_, allotment.label, {}, (Broken(failed.assertion, str(failed)),), where)

    def _settle(self, allotment: Allotment, round_: int, outcome: Outcome) -> Outcome:
        """Fit an outcome into the data set: others were accepted while it was written, and a relabelled row needs an open place."""
        if isinstance(outcome, Refusal):
            return outcome
        slot, draft = Slot(allotment.position, round_, outcome.label, NO_SEED), self._draft(outcome)
        for assertion in self.program.write_instance.of_the_set:
            if (sentence := assertion.check(draft, slot, self.kept)) is not None:
                return _refused(outcome, allotment, round_, assertion.name, sentence)
        if outcome.label != allotment.label and not self._swap(allotment, outcome.label):
            of_these = " with its attributes" if allotment.attributes else ""
            return _refused(
                outcome,
                allotment,
                round_,
                "quota",
                f"The text reads as {outcome.label!r}, of which the data set has enough{of_these}; write one that is clearly {allotment.label!r}.",
            )
        return replace(outcome, id=f"{self.program.task.name}-{allotment.position:06d}")

    def _swap(self, allotment: Allotment, label: str) -> bool:
        """Let a position that nobody works on yet take over `allotment`'s label, and give up `label`: one of the same attributes, so that their
        shares stay exact within each label. Whether there is one. The last of the plan does, as where a run is taken up again."""
        other = self._open.last(due_of(label, allotment.attributes))
        if other is None:
            return False
        self._open.change(replace(other, label=allotment.label))
        return True

    def _keep(self, row: Row) -> None:
        draft = self._draft(row)
        self.kept.add(draft.text, row.label, compared=draft.written)
        self._made[row.label] += 1

    def _draft(self, row: Row) -> Draft:
        return replace(row.draft, given=self._given)


def _that_failed(workers: Iterable[asyncio.Task[None]]) -> asyncio.Task[None] | None:
    """A worker that an error ended; None where there is none."""
    return next((w for w in workers if w.done() and not w.cancelled() and w.exception() is not None), None)


def _refused(row: Row, allotment: Allotment, round_: int, assertion: str, sentence: str) -> Refusal:
    return Refusal("keep", allotment.position, round_, allotment.label, row.texts, (Broken(assertion, sentence),), row.provenance)
