"""One compile from its journal to its program: the stages in order, the report, the guard."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import dspy
import numpy as np

from seedless import background
from seedless.errors import BudgetEnded, SetupError, UsageError
from seedless.evals.anchor import Anchor, Embedder, student_of, usefulness
from seedless.evals.board import Board, Halt, Standing
from seedless.evals.candidate import CandidateLog, Said, State
from seedless.evals.compile import CALLS, Compiled, CompileOptions
from seedless.evals.dev import DevRow, halves
from seedless.evals.guard import Comparison, Learnt, by_scores, by_usefulness
from seedless.evals.metric import DevMetric, Scored
from seedless.evals.optimizers import Means, Proposer, checked, optimise, quietly
from seedless.evals.purse import LISTS, Purse, Sizes, sizes
from seedless.evals.search import Space, search
from seedless.evals.stages import CONTEXTS, GENERATE, REVISE, SEEDS, DraftTries, ListTries, Workshop, readable
from seedless.evals.team import Team
from seedless.evals.trial import Trial, of_constraints, of_predictor
from seedless.kept import Kept
from seedless.lms.metered import StepFailed
from seedless.lms.step import MemorySteps, Unbounded
from seedless.outcome import Outcome, Row
from seedless.planner import Plan
from seedless.run.journal import Journal
from seedless.slot import Slot
from seedless.targen import TarGEN
from seedless.task import Task

__all__ = ["Session"]

FINALISTS = 3
PERFECT = 0.999
PREDICTORS = {"contexts": CONTEXTS, "seeds": SEEDS, "write": GENERATE, "revise": REVISE}
SHOWN_ROWS = 2  # real rows of each label as demonstrations, where they are allowed
FEWEST_PAIRS = 4


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
        self.plain = self.team.profile.wording == "plain"
        self.optimizer = options.optimizer or ("random" if self.plain else "gepa")
        checked(self.optimizer)
        self.stages, self.skipped = self._planned()
        self.sizes: Sizes = sizes(
            task,
            options.budget_calls or (CALLS if options.budget_usd is None else 2 * CALLS),
            per_draft=self.team.calls_a_draft,
            revises=self.team.profile.revise,
            batch=self.team.profile.list_batch,
            stages=self.stages,
        )
        self.embedder = embedder
        if embedder is None and (rows or self.team.reads_by_embedding):
            from seedless.lms.encoder import encoder

            self.embedder = encoder()
        self.choose, self.report = halves(rows, options.seed)
        self.journal = self._journal()
        self.purse = Purse(
            self.journal,
            self.team.lms,
            calls=options.budget_calls or (CALLS if options.budget_usd is None else 10**9),
            usd=options.budget_usd,
        )
        self.ended: list[str] = []
        self._numbers: dict[str, int] = {}
        self._board: Board | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._board is not None:
            self._board.stop()
        for lm in self.team.lms:
            lm.steps, lm.budget = MemorySteps(), Unbounded()
        self.journal.close()

    def run(self) -> TarGEN:
        """The program: compiled where the guard lets it pass, else uncompiled."""
        vectors = self._vectors([row.text for row in self.choose])
        self.anchor = Anchor(self.task, self.choose, vectors) if self.choose else None
        self.metric = DevMetric(anchor=self.anchor, embedder=self.embedder)
        reader = self.team.reader(self.task, self.embedder)
        self.workshop = Workshop(self.task, self.team.profile, self.team.writer, reader, self.metric)
        with dspy.context(lm=self.team.writer, adapter=self.workshop.plain().adapter, disable_history=True):
            base = State.of(self.workshop.plain())
            state, notes = base, dict(self.skipped)
            for name in self.stages:
                state, notes[name] = self._stage(name, base, state)
                self.say(f"{name}: {notes[name]}; {self.purse.spent()} LM calls so far")
            comparison, why = self._compared(base, state)
        kept = state if comparison is not None and comparison.better else base
        program = kept.apply(self.team.program(self.task))
        program.compiled = asdict(self._account(notes, comparison, why, changed=kept is not base))
        if self.out is not None:
            program.save(self.out)
        return program

    # --- before the first call ------------------------------------------------------------------------------------

    def _planned(self) -> tuple[tuple[str, ...], dict[str, str]]:
        """The stages to compile, in order, and why others are not."""
        task, skipped = self.task, dict[str, str]()
        if task.contexts.given or all(label.contexts for label in task.labels):
            skipped["contexts"] = "skipped: the task gives the contexts"
        if task.seeds.given:
            skipped["seeds"] = "skipped: the task gives the seeds"
        if not self.team.profile.revise:
            skipped["revise"] = "skipped: this LM is asked anew instead of revising"
        elif self.optimizer == "random":
            skipped["revise"] = "skipped: random search has no other words for it"
        skipped["verify"] = "skipped: it is what the candidates are measured by"
        return tuple(name for name in PREDICTORS if name not in skipped), skipped

    def _journal(self) -> Journal:
        path = Path(":memory:")
        if self.out is not None:
            path = self.out.with_name(self.out.name + ".db")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise SetupError(f"{path.parent}: cannot be made ({error.strerror}); give a file in a folder that can be written: -o FILE") from error  # fmt: skip
        journal = Journal(path)
        try:
            if self.options.fresh:
                journal.begin_anew()
            self._check(journal)
        except BaseException:
            journal.close()
            raise
        return journal

    def _check(self, journal: Journal) -> None:
        """Go on only with what was begun here; a larger budget is the same compile."""
        o, names = self.options, ("lm", "judge_lm", "teacher_lm", "reflection_lm")
        settings = {
            "task": self.task.name,
            "task_hash": self.task.hash,
            "optimizer": self.optimizer,
            "seed": o.seed,
            **{name: _named(getattr(o, name)) for name in names},
            "api_base": o.api_base,
            "verifier": "embedding" if self.team.reads_by_embedding else "lm",
            "dev": sorted([row.label, row.text] for row in self.rows),
            "demos_from_dev": o.demos_from_dev,
        }
        begun = journal.settings()
        if not begun:
            journal.begin_run(settings)
        elif differing := [name for name in settings if settings[name] != begun.get(name)]:
            raise UsageError(
                f"{self.out}: holds the beginnings of another compile (with another {', '.join(differing)}); give another file (-o FILE), or --fresh "
                "to begin this one anew"
            )

    # --- the stages -----------------------------------------------------------------------------------------------

    def _stage(self, name: str, base: State, state: State) -> tuple[State, str]:
        """The best state that a stage found, and what became of the stage."""
        limits = self.sizes.limits[name]
        self.purse.allow(limits.search)
        try:
            tries = self._tries(name, base, state)
        except BudgetEnded:
            return state, "unchanged: the budget ended before it"
        if tries is None:
            return state, "skipped: no first draft failed that could be revised"
        self._board = board = Board(name, state, len(tries.examples()), tries, spent=self.purse.spent, number=self._number)
        self._searched(name, board, tries)
        self.purse.allow(limits.finals)
        whole = self._finalists(board)
        for candidate in board.candidates():
            if self.log is not None:
                self.log.add(candidate)
        if not whole:
            return state, "unchanged: the budget ended before one candidate was tried on every example"
        best = max(whole, key=lambda standing: (self._worth(name, standing), standing.state.key == state.key))
        before = board.standing(state).score
        if before >= PERFECT:
            return state, "unchanged: nothing is left to gain"
        if best.state.key == state.key:
            return state, f"unchanged: none of {len(board.candidates()) - 1} candidates did better ({before:.2f})"
        return best.state, f"candidate {best.number} of {len(board.candidates())}: {before:.2f} before, {best.score:.2f} after, where it was chosen"

    def _tries(self, name: str, base: State, state: State) -> ListTries | DraftTries | None:
        plan = Plan(self.task, self.sizes.chosen, 2 * self.options.seed)
        batch = min(12, self.team.profile.list_batch)
        if name in LISTS:
            rollouts = [plan.rollout(f"compile/{name}", i) for i in range(LISTS[name])]
            if name == "contexts":
                return ListTries(self.workshop, CONTEXTS, [batch] * len(rollouts), rollouts)
            slots = self._within(self.workshop.slots(state, plan))
            contexts = list(dict.fromkeys(slot.seed.context for slot in slots))[: len(rollouts)]
            return ListTries(self.workshop, SEEDS, [batch] * len(contexts), rollouts, contexts)
        slots = self._within(self.workshop.slots(state, plan))
        rows = self._within(self._outcomes(base, slots))
        if name == "write":
            return DraftTries(self.workshop, slots, rows)
        first = self._within(self._outcomes(state, slots))
        failed = [slot for slot, outcome in zip(slots, first, strict=True) if not _accepted(outcome)]
        return DraftTries(self.workshop, failed, (), revised=True) if len(failed) >= 2 else None

    def _searched(self, name: str, board: Board, tries: ListTries | DraftTries) -> None:
        """Let the optimiser try candidates until it ends or its share of the budget does."""
        try:
            board.whole(board.base)
            if board.standing(board.base).score >= PERFECT:
                return
            cost = self.team.calls_a_draft if name in {"write", "revise"} else 1
            share = self.sizes.limits[name].share // cost
            if self.optimizer == "random":
                search(board, self._space(name, board), share, self.options.seed)
                return
            proposer = Proposer.of(self.team.proposer, self.options.seed)
            per_label = self.plain and name == "write" and self.optimizer in {"gepa", "copro"}
            means = Means(share, self.team.profile.concurrency, self.options.seed, proposer, self.team.teacher, plain=self.plain)
            made = optimise(self.optimizer, self._trial(name, board, per_label=per_label), tries.examples(), means)
            with quietly():
                for index in range(board.count):
                    made(index=index)
        except Halt as halt:
            self._halted(halt, board)
        except (dspy.AdapterParseError, StepFailed) as error:
            self.ended.append(f"{name}: {self.optimizer} ended early: a proposal could not be read ({type(error).__name__})")
        board.reopen()

    def _halted(self, halt: Halt, board: Board) -> None:
        if not isinstance(halt.cause, BudgetEnded):
            board.stop()
            raise halt.cause from halt
        self.ended.append(f"{board.stage}: the search ended with its share of the budget")

    def _finalists(self, board: Board) -> list[Standing]:
        """The best candidates, and the base, as far as they could be tried on every example."""
        states = [standing.state for standing in board.ranked()[:FINALISTS]]
        if self.options.demos_from_dev and board.stage == "write" and states:
            states.insert(1, states[0].saying(GENERATE, self._shown(states[0])))
        for state in (board.base, *states):
            try:
                board.whole(state)
            except Halt as halt:
                self._halted(halt, board)
                board.reopen()
        whole = [standing for standing in board.ranked() if len(standing.tries) == board.count]
        return whole if any(standing.state.key == board.base.key for standing in whole) else []

    def _worth(self, name: str, standing: Standing) -> float:
        """What a candidate is chosen by: its mean score and, for the writer with real rows, the usefulness of its drafts to a student."""
        if name != "write" or self.anchor is None:
            return standing.score
        tries = [tried for _, tried in sorted(standing.tries.items()) if tried.text]
        learnt = self._learnt([t.text for t in tries], [t.label for t in tries], [t.scored.trust for t in tries])
        kept = learnt.trust > 0
        student = student_of(learnt.vectors[kept], learnt.labels[kept], learnt.trust[kept], len(self.task.labels))
        return standing.score + usefulness(student(self.anchor.vectors), self.anchor.labels)

    def _trial(self, name: str, board: Board, *, per_label: bool) -> Trial:
        program, writer = self.workshop.program(board.base), self.team.writer.identity
        if per_label:
            said = program.write_instance.task
            fields = {field.name: field.description for field in said.written_fields}
            return of_constraints(board, writer, {label.name: label.constraint for label in said.labels}, fields)
        return of_predictor(board, writer, PREDICTORS[name], dict(program.named_predictors())[PREDICTORS[name]])

    def _space(self, name: str, board: Board) -> Space:
        """What random search may draw from; accepted drafts of the uncompiled program may be shown as demonstrations."""
        tries = [tried for tried in board.standing(board.base).tries.values() if tried.scored.accepted]
        best = sorted(tries, key=lambda tried: (-tried.scored.score, tried.text))[:8]
        demos = [{**step.inputs, **step.outputs, "augmented": True} for tried in best for step in tried.steps if step.name == GENERATE]
        return Space(self.task, PREDICTORS[name], bool(self.team.profile.sampling), demos, self.anchor)

    def _shown(self, state: State) -> Said:
        """The writer's words with rows of the choosing half as demonstrations."""
        own, demos = self.workshop.program(state), []
        inputs = own.write_instance.write.generate.signature.input_fields
        for label in self.task.labels:
            for row in [row for row in self.choose if row.label == label.name][:SHOWN_ROWS]:
                texts = {field.name: row.texts[field.name] for field in self.task.written_fields}
                seed = row.texts[self.task.seeds.field] if self.task.seeds.field is not None else ""
                asked = {"description": self.task.description, "constraint": label.meaning, "seed": seed, "attributes": []}
                demos.append({**{name: asked.get(name, "") for name in inputs}, **texts, "augmented": True})
        return Said(state.said[GENERATE].instructions, tuple(demos))

    # --- the report -----------------------------------------------------------------------------------------------

    def _compared(self, base: State, state: State) -> tuple[Comparison | None, str]:
        """Both programs on the reporting half, and what that means."""
        if state.key == base.key:
            return None, "no candidate did better than the uncompiled program where candidates are chosen, so the uncompiled program is kept"
        self.purse.allow(self.purse.calls)
        plan = Plan(self.task, self.sizes.reported, 2 * self.options.seed + 1)
        try:
            both = [self._within(self.workshop.slots(each, plan)) for each in (base, state)]
        except BudgetEnded:
            both = [(), ()]
        pairs = self._within(self._paired(base, state, both[0], both[1]))
        if len(pairs) < FEWEST_PAIRS:
            return None, "the budget ended before the compiled program could be compared, so the uncompiled program is kept"
        places = [slot.position for slot, _, _ in pairs]
        made = []
        for side, outcomes in ((0, [b for _, b, _ in pairs]), (1, [a for _, _, a in pairs])):
            slots = [slot for slot in both[side] if slot.position in places]
            settled = self.workshop.settled(outcomes, slots)
            made.append((settled, slots, self._within(self.workshop.scored(settled))))
        comparison = self._judged(made)
        gain = f"{comparison.metric} {comparison.before.value:.3f} before, {comparison.after.value:.3f} after, gain {comparison.gain.value:+.3f} [{comparison.gain.low:+.3f}, {comparison.gain.high:+.3f}]"  # fmt: skip
        if comparison.better:
            return comparison, f"the compiled program is better: {gain}"
        return comparison, f"the compiled program is not better with confidence ({gain}), so the uncompiled program is kept"

    async def _paired(
        self, base: State, state: State, first: Sequence[Slot], second: Sequence[Slot]
    ) -> list[tuple[Slot, Outcome, Outcome]]:
        """What both programs make of the same places, as far as the budget goes; a draft that fails is revised once where the LM revises."""
        attempts = 2 if self.team.profile.revise else 1
        asked = [
            self.workshop.outcome(program, slot, Kept(), attempts=attempts)
            for pair in zip(first, second, strict=True)
            for program, slot in zip((base, state), pair, strict=True)
        ]
        found = await asyncio.gather(*asked, return_exceptions=True)
        for outcome in found:
            if isinstance(outcome, BaseException) and not isinstance(outcome, BudgetEnded):
                raise outcome
        pairs = zip(first, found[::2], found[1::2], strict=True)
        return [(slot, b, a) for slot, b, a in pairs if not isinstance(b, BaseException) and not isinstance(a, BaseException)]

    def _judged(self, made: Sequence[tuple[Sequence[Outcome], Sequence[Slot], Sequence[Scored]]]) -> Comparison:
        scores = [[scored.score for scored in each] for _, _, each in made]
        accepted = tuple(sum(scored.accepted for scored in each) / len(each) for _, _, each in made)
        if self.anchor is None:
            found = by_scores(scores[0], scores[1], self.options.seed)
            return replace(found, figures={**found.figures, "accepted": (accepted[0], accepted[1])})
        learnt = []
        for outcomes, slots, scored in made:
            texts = ["\n".join(outcome.texts.values()) if readable(outcome) else "" for outcome in outcomes]
            trust = [s.trust if text else 0.0 for s, text in zip(scored, texts, strict=True)]
            learnt.append(self._learnt(texts, [slot.label for slot in slots], trust))
        labels = np.array([self.task.label_names.index(row.label) for row in self.report])
        found = by_usefulness(
            learnt[0], learnt[1], self._vectors([row.text for row in self.report]), labels, len(self.task.labels), self.options.seed
        )
        means = tuple(float(np.mean(each)) for each in scores)
        return replace(found, figures={**found.figures, "score": (means[0], means[1]), "accepted": (accepted[0], accepted[1])})

    def _account(self, notes: dict[str, str], comparison: Comparison | None, why: str, *, changed: bool) -> Compiled:
        o, stages = self.options, self.journal.stages()
        return Compiled(
            optimizer=self.optimizer,
            seed=o.seed,
            lm=self.team.writer.model,
            teacher_lm=_named(o.teacher_lm),
            reflection_lm=_named(o.reflection_lm),
            verifier="embedding" if self.team.reads_by_embedding else "lm",
            intrinsic=self.metric.intrinsic,
            distances="words" if self.embedder is None else "embeddings",
            dev_rows=len(self.rows),
            demos_from_dev=o.demos_from_dev,
            budget_calls=o.budget_calls if o.budget_usd is not None else o.budget_calls or CALLS,
            budget_usd=o.budget_usd,
            calls={name: count["calls"] for name, count in stages.items()},
            tokens={name: {"input": count["input_tokens"], "output": count["output_tokens"]} for name, count in stages.items()},
            repeated=self.journal.repeated(),
            cost_usd=self.journal.cost(),
            stages=notes,
            candidates=len(self._numbers),
            kept="compiled" if changed else "uncompiled",
            why=why,
            comparison=comparison.record() if comparison is not None else None,
            ended="; ".join(self.ended),
            versions={"dspy": version("dspy"), "seedless": version("seedless")},
        )

    # --- what the parts share -------------------------------------------------------------------------------------

    def _within(self, work: Any) -> Any:
        """`work` on the background loop, in DSPy's settings as they are here."""
        return background.run(work)

    async def _outcomes(self, state: State, slots: Sequence[Slot]) -> list[Outcome]:
        return await asyncio.gather(*(self.workshop.outcome(state, slot, Kept()) for slot in slots))

    def _vectors(self, texts: Sequence[str]) -> Any:
        if self.embedder is None or not texts:
            return np.zeros((0, 0))
        return background.run(self.embedder.aembed([text or " " for text in texts]))

    def _learnt(self, texts: Sequence[str], labels: Sequence[str], trust: Sequence[float]) -> Learnt:
        known = np.array([self.task.label_names.index(label) for label in labels], dtype=np.int64)
        return Learnt(self._vectors(texts), known, np.array(trust, dtype=np.float64))

    def _number(self, key: str) -> int:
        return self._numbers.setdefault(key, len(self._numbers))


def _accepted(outcome: Outcome) -> bool:
    return isinstance(outcome, Row) and outcome.label == outcome.provenance.asked_label


def _named(lm: Any) -> str | None:
    return None if lm is None else str(getattr(lm, "model", lm))
