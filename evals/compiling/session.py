"""One compile from its journal to its program: the stages in order, then the guard."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import dspy

from seedless import background
from seedless.errors import BudgetEnded, SetupError, UsageError
from seedless.evals.compile import CALLS, Compiled, CompileOptions
from seedless.evals.compiling.anchor import Anchor, Embedder
from seedless.evals.compiling.candidate import CandidateLog, State
from seedless.evals.compiling.contest import PREDICTORS, Contest
from seedless.evals.compiling.dev import DevRow, halves
from seedless.evals.compiling.guard import Decision, Guard
from seedless.evals.compiling.optimizers import PROPOSERS, TEACHERS, checked
from seedless.evals.compiling.paired import FEWEST_PAIRS
from seedless.evals.compiling.purse import LISTS, Purse, Sizes, sizes
from seedless.evals.compiling.team import Team
from seedless.evals.compiling.tries import DraftTries, ListTries
from seedless.evals.compiling.workshop import CONTEXTS, SEEDS, Workshop
from seedless.evals.contamination import prompts_contain
from seedless.evals.labelled import LabelledRows
from seedless.evals.metric import DevMetric
from seedless.kept import Kept
from seedless.label_words import LabelWords
from seedless.lms.spec import LMSpec
from seedless.lms.step import NoSteps, Unbounded
from seedless.outcome import Outcome, Row
from seedless.planner import Plan
from seedless.run.journal import Journal
from seedless.targen import TarGEN
from seedless.task import Task

__all__ = ["Session"]

UNBOUNDED = 10**9  # requests, where USD alone bound a compile
KEPT = 0.35  # share of the USD that is kept back for the report then


class Session:
    """A compile, open: a context manager whose `run` gives the program.

    Parameters
    ----------
    task, rows
        What to compile for, and the user's labelled rows, if any.
    out
        Where the program goes; the journal stands beside it (`program.json.db`), or in memory where there is none.
    options, log, say, embedder
        As `compile` has them.

    Raises
    ------
    UsageError
        If anything given cannot be used. No LM has been asked then.
    """

    def __init__(
        self,
        task: Task,
        rows: Sequence[DevRow],
        out: Path | None,
        options: CompileOptions,
        *,
        log: CandidateLog | None,
        say: Callable[[str], None],
        embedder: Embedder | None,
    ) -> None:
        self.task, self.rows, self.out, self.options = task, tuple(rows), out, options
        self.log, self.say = log, say
        self.team = Team.of(options)
        self.optimizer = options.optimizer or ("random" if self.team.profile.wording == "plain" else "gepa")
        checked(self.optimizer)
        for name, given, users in (
            ("teacher-lm", options.teacher_lm, TEACHERS),
            ("reflection-lm", options.reflection_lm, PROPOSERS),
        ):
            if given is not None and self.optimizer not in users:
                raise UsageError(
                    f"given --{name} with the optimizer {self.optimizer!r}, which has no use for one ({', '.join(users)} have); leave it out"
                )
        words = LabelWords.leading(task, self.team.profile)
        self._worded = words is not None and words.contexts
        self.stages, self.skipped = self._planned()
        calls = options.budget_calls or (CALLS if options.budget_usd is None else UNBOUNDED)
        self.sizes = self._sized(calls)
        if embedder is None and (rows or self.team.reads_by_embedding):
            from seedless.lms.encoder import encoder

            embedder = encoder()
        self.choose, self.report = halves(rows, options.seed)
        self.embedder = embedder
        self.journal = self._journal()
        kept = self.sizes.kept if options.budget_calls is not None or options.budget_usd is None else int(UNBOUNDED * KEPT)
        with ExitStack() as unless:
            unless.callback(self.journal.close)
            self.purse = Purse(self.journal, self.team.lms, calls=calls, usd=options.budget_usd, kept=kept)
            unless.pop_all()
        self._left = 0  # steps that stages left over
        self._numbers: dict[str, int] = {}
        self._ended: list[str] = []
        self._tried = False
        self._contest: Contest | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._contest is not None:
            self._contest.stop()
        for lm in self.team.lms:
            lm.steps, lm.budget = NoSteps(), Unbounded()
            background.run(lm.aclose())  # what the program asks later opens connections of its own
        self.journal.close()

    def run(self) -> TarGEN:
        """The program: compiled where the guard lets it pass, else uncompiled.

        Raises
        ------
        BudgetEnded
            If no stage could try the uncompiled program on every example.
        LMUnusable
            If an LM cannot be used. What was asked before is kept.
        """
        self.metric = DevMetric(anchor=self._anchor(), embedder=self.embedder)
        reader = self.team.reader(self.task, self.embedder)
        self.workshop = Workshop(self.task, self.team.profile, self.team.writer, reader, self.metric)
        uncompiled = self.workshop.uncompiled()
        with dspy.context(lm=self.team.writer, adapter=uncompiled.adapter, disable_history=True):
            base = state = State.of(uncompiled)
            if self.options.budget_usd is not None:
                self._afford(base, self.options.budget_usd)
            notes = dict(self.skipped)
            for name in self.stages:
                state, notes[name] = self._stage(name, base, state)
                self.say(f"{name}: {notes[name]}; {self.purse.spent()} LM calls so far")
                self._check_answers()
            if not self._tried:
                raise self._untried()
            self.purse.release()
            attempts = 2 if self.team.profile.revise else 1
            at_once = self.sizes.reported if self.options.budget_usd is None else FEWEST_PAIRS
            guard = Guard(self.workshop, self.report, attempts=attempts, at_once=at_once, seed=self.options.seed)
            decision = guard.compared(
                base,
                state,
                Plan(self.task, self.sizes.reported, 2 * self.options.seed + 1),
                others=len(self._numbers) > 1,
                ended=self._ended,
            )
        self._check_answers()
        if reader.unread > reader.verdicts / 2:
            count = "none" if reader.unread == reader.verdicts else f"only {reader.verdicts - reader.unread}"
            why = f"{decision.why}; {count} of the verifier's {reader.verdicts} answers names one of the labels: name another model with --judge-lm, or another reader with --verifier"
            decision = replace(decision, why=why)
        program = (state if decision.better else base).apply(self.team.program(self.task))
        program.compiled = asdict(self._account(notes, decision, self._quoted(program)))
        if self.out is not None:
            program.save(self.out)
        return program

    def _planned(self) -> tuple[tuple[str, ...], dict[str, str]]:
        """The stages to compile, in order, and why others are not."""
        task, skipped = self.task, dict[str, str]()
        if task.gives_contexts:
            skipped["contexts"] = "skipped: the task gives the contexts"
        if self._worded:
            skipped |= dict.fromkeys(("contexts", "seeds"), "skipped: this LM names poor ones, so label words take their place")
        if task.seeds.given:
            skipped["seeds"] = "skipped: the task gives the seeds"
        if not self.team.profile.revise:
            skipped["revise"] = "skipped: this LM writes anew instead of revising"
        elif self.optimizer == "random":
            skipped["revise"] = "skipped: random search has no other words for it"
        skipped["verify"] = "skipped: it is what candidates are measured by"
        return tuple(name for name in PREDICTORS if name not in skipped), skipped

    def _sized(self, calls: int, given: str = "") -> Sizes:
        """The parts of a compile that may send `calls` requests. Where it may send any number, it takes twice as many as by default."""
        return sizes(
            self.task,
            calls if self.options.budget_calls is not None else min(calls, 2 * CALLS),
            per_draft=self.team.calls_a_draft,
            revises=self.team.profile.revise,
            batch=None if self._worded else self.team.profile.list_batch,
            stages=self.stages,
            finalists=2 if self.options.demos_from_dev else 1,
            given=given,
        )

    def _afford(self, base: State, usd: float) -> None:
        """Fit the parts to the requests that `usd` pay for, at the price of the first ones: one draft, and the lists that it takes.

        Raises
        ------
        BudgetEnded
            If they are too few.
        """
        try:
            (slot, *_) = background.run(self.workshop.slots(base, Plan(self.task, len(self.task.labels), 2 * self.options.seed)))
            background.run(self.workshop.outcome(base, slot, Kept()))
        except BudgetEnded as error:
            raise self._untried() from error
        if not self.purse.paid:
            return
        calls = min(self.purse.calls, int(usd * self.purse.steps / self.purse.paid))
        try:
            self.sizes = self._sized(
                calls, f"--budget-usd {usd}, some {calls} LM calls at the price of the first {self.purse.steps}"
            )
        except UsageError as error:
            raise BudgetEnded(str(error)) from error

    def _check_answers(self) -> None:
        """Make sure that the LMs answer: a budget that failures used up is no budget that was too small.

        Raises
        ------
        LMUnusable
            If one fails throughout.
        """
        for lm in self.team.lms:
            lm.check_heard()

    def _untried(self) -> BudgetEnded:
        self._check_answers()
        return BudgetEnded(
            f"the budget ended after {self.purse.spent()} LM calls, before the uncompiled program was tried on every example of a stage; "
            "raise it and give the same command again"
        )

    def _anchor(self) -> Anchor | None:
        if self.embedder is None or not self.choose:
            return None
        return Anchor(self.task, self.choose, background.run(self.embedder.aembed([row.text for row in self.choose])))

    def _stage(self, name: str, base: State, state: State) -> tuple[State, str]:
        """The best state that a stage found, and what became of the stage."""
        self.purse.part(None)
        try:
            tries = self._tries(name, base, state)
        except BudgetEnded:
            if self.purse.used_up:
                raise
            self._ended.append(f"{name}: the budget ended before it")
            return state, "unchanged: the budget ended before it"
        if tries is None:
            return state, "skipped: no first draft failed that could be revised"
        search, finals = self.sizes.search[name] + self._left, self.sizes.finals[name]
        begun = self.purse.steps
        self._contest = Contest(
            name, workshop=self.workshop, team=self.team, purse=self.purse, search=search, finals=finals, optimizer=self.optimizer,
            seed=self.options.seed, number=lambda key: self._numbers.setdefault(key, len(self._numbers)),
            demos_from_dev=self.options.demos_from_dev,
        )  # fmt: skip
        won = self._contest.run(tries, state)
        self._left = max(0, search + finals - (self.purse.steps - begun))
        self._ended += won.ended
        self._tried = self._tried or won.tried
        for candidate in won.candidates:
            if self.log is not None:
                self.log.add(candidate)
        return won.state, won.note

    def _tries(self, name: str, base: State, state: State) -> ListTries | DraftTries | None:
        """How candidates of a stage are tried; None where a stage has nothing to try.

        Raises
        ------
        BudgetEnded
            If the budget ends before the examples are there.
        """
        plan = Plan(self.task, self.sizes.chosen, 2 * self.options.seed)
        batch = min(12, self.team.profile.list_batch)
        if name == "contexts":
            rollouts = [plan.rollout("compile/contexts", i) for i in range(LISTS[name])]
            return ListTries(self.workshop, CONTEXTS, [batch] * len(rollouts), rollouts)
        slots = background.run(self.workshop.slots(state, plan))
        if name == "seeds":
            contexts = list(dict.fromkeys(slot.seed.context for slot in slots))[: LISTS[name]]
            rollouts = [plan.rollout("compile/seeds", i) for i in range(len(contexts))]
            return ListTries(self.workshop, SEEDS, [batch] * len(contexts), rollouts, contexts)
        if name == "write":
            return DraftTries(self.workshop, slots, background.run(self.workshop.outcomes(base, slots)))
        first = background.run(self.workshop.outcomes(state, slots))
        failed = [slot for slot, outcome in zip(slots, first, strict=True) if not _accepted(outcome)]
        return DraftTries(self.workshop, failed, (), revised=True) if len(failed) >= 2 else None

    def _quoted(self, program: TarGEN) -> dict[str, Any] | None:
        """The dev rows that the program's prompts hold, stage by stage and then in the task's words; None without dev rows."""
        if not self.rows:
            return None
        records = tuple({**row.texts, "label": row.label} for row in self.rows)
        said = [*program.dump_state().values(), program.phrasing.applied(program.task).model_dump()]
        return prompts_contain(
            ("\n".join(_texts(each)) for each in said), LabelledRows(self.task, records, "the dev rows")
        ).record()

    def _account(self, notes: dict[str, str], decision: Decision, quoted: dict[str, Any] | None) -> Compiled:
        o, stages = self.options, self.journal.stages()
        return Compiled(
            optimizer=self.optimizer,
            seed=o.seed,
            lm=self.team.writer.model,
            judge_lm=_named(o.judge_lm),
            teacher_lm=_named(o.teacher_lm),
            reflection_lm=_named(o.reflection_lm),
            verifier="embedding" if self.team.reads_by_embedding else "lm",
            intrinsic=self.metric.intrinsic,
            distances="words" if self.embedder is None else "embeddings",
            dev_rows=len(self.rows),
            dev=self._digest()[:32] if self.rows else "",
            demos_from_dev=o.demos_from_dev,
            budget_calls=None if self.purse.calls == UNBOUNDED else self.purse.calls,
            budget_usd=o.budget_usd,
            calls={name: count["calls"] for name, count in stages.items()},
            tokens={name: {"input": count["input_tokens"], "output": count["output_tokens"]} for name, count in stages.items()},
            repeated=self.journal.repeated(),
            cost_usd=self.journal.cost(),
            stages=notes,
            candidates=len(self._numbers),
            kept="compiled" if decision.better else "uncompiled",
            why=decision.why,
            comparison=decision.comparison.record() if decision.comparison is not None else None,
            quoted=quoted,
            ended="; ".join(self._ended),
            ran_out=self.purse.ran_out,
            versions={"dspy": version("dspy"), "seedless": version("seedless")},
        )

    def _digest(self) -> str:
        """That of the dev rows, in whatever order they were given."""
        return hashlib.sha256(json.dumps(sorted([row.label, row.text] for row in self.rows)).encode()).hexdigest()

    def _journal(self) -> Journal:
        path = Path(":memory:")
        if self.out is not None:
            path = self.out.with_name(self.out.name + ".db")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise SetupError(f"{path.parent}: cannot be made ({error.strerror}); give a file in a folder that can be written: -o FILE") from error  # fmt: skip
        journal = Journal(path)
        with ExitStack() as unless:
            unless.callback(journal.close)
            if self.options.fresh:
                journal.begin_anew()
            self._check(journal)
            unless.pop_all()
        return journal

    def _check(self, journal: Journal) -> None:
        """Go on only with what was begun here; with a larger budget it is the same compile."""
        o = self.options
        settings: dict[str, Any] = {
            "task": self.task.name,
            "task_hash": self.task.hash,
            "optimizer": self.optimizer,
            "seed": o.seed,
            **{name: _named(getattr(o, name)) for name in ("lm", "judge_lm", "teacher_lm", "reflection_lm")},
            "api_base": LMSpec.of(o.lm, api_base=o.api_base).api_base,
            "verifier": "embedding" if self.team.reads_by_embedding else "lm",
            "dev": self._digest(),
            "demos_from_dev": o.demos_from_dev,
        }
        begun = journal.settings()
        if not begun:
            journal.begin_run(settings)
        elif differing := [name for name in settings if settings[name] != begun.get(name)]:
            raise UsageError(
                f"{self.out}: another compile was begun there (with another {', '.join(differing)}); give another file (-o FILE), or --fresh to begin "
                "this one anew"
            )


def _texts(value: Any) -> Iterator[str]:
    """Every text in nested data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _accepted(outcome: Outcome) -> bool:
    return isinstance(outcome, Row) and outcome.label == outcome.provenance.asked_label


def _named(lm: Any) -> str | None:
    return None if lm is None else str(getattr(lm, "model", lm))
