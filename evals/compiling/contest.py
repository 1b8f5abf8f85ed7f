"""The contest of one stage: an optimiser tries candidates while its share of the budget lasts, and the best one wins."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import dspy

from seedless.errors import BudgetEnded
from seedless.evals.compiling.anchor import true_label_probability
from seedless.evals.compiling.board import Board, Halt, Standing
from seedless.evals.compiling.candidate import Candidate, Said, State
from seedless.evals.compiling.optimizers import Means, Proposer, optimise, quietly
from seedless.evals.compiling.purse import Purse
from seedless.evals.compiling.search import Space, search
from seedless.evals.compiling.team import Team
from seedless.evals.compiling.trial import Trial, of_constraints, of_predictor
from seedless.evals.compiling.tries import DraftTries, ListTries
from seedless.evals.compiling.workshop import CONTEXTS, GENERATE, REVISE, SEEDS, Workshop
from seedless.lms.metered import StepFailed

__all__ = ["PREDICTORS", "Contest", "Won"]

PREDICTORS = {"contexts": CONTEXTS, "seeds": SEEDS, "write": GENERATE, "revise": REVISE}
FINALISTS = 3  # candidates, the best of the search, that are tried on every example
PERFECT = 0.999  # mean score from which nothing is left to gain: 1 but for rounding
MARGIN = 0.01  # of what candidates are chosen by: less is not worth a report
SHOWN_ROWS = 2  # real rows of each label as demonstrations, where they are allowed


@dataclass(frozen=True, slots=True)
class Won:
    """How a contest ended: the state to go on with, a sentence on it, every candidate, and what ended a part of it early.

    `tried` tells whether the state that it began with was tried on every example.
    """

    state: State
    note: str
    candidates: tuple[Candidate, ...]
    ended: tuple[str, ...]
    tried: bool


class Contest:
    """One stage's contest. `stop` ends it from outside.

    Parameters
    ----------
    name
        `contexts`, `seeds`, `write` or `revise`.
    optimizer, seed
        Which optimiser proposes candidates, and the seed of its choices.
    search, finals
        Steps that the search may take, and those that trying the best on every example may take.
    number
        Gives the number of the candidate with a state's key.
    demos_from_dev
        Whether rows of the choosing half may be shown to the writer.
    """

    def __init__(
        self,
        name: str,
        *,
        workshop: Workshop,
        team: Team,
        purse: Purse,
        search: int,
        finals: int,
        optimizer: str,
        seed: int,
        number: Callable[[str], int],
        demos_from_dev: bool = False,
    ) -> None:
        self.name, self.optimizer, self.seed = name, optimizer, seed
        self.workshop, self.team, self.purse = workshop, team, purse
        self.search, self.finals = search, finals
        self.demos_from_dev = demos_from_dev
        self._number = number
        self._ended: list[str] = []
        self._asked: Collection[str] = ()  # proposals
        self._board: Board | None = None

    def stop(self) -> None:
        """Cancel what is under way and wait until it has let go."""
        if self._board is not None:
            self._board.stop()

    def run(self, tries: ListTries | DraftTries, state: State) -> Won:
        """The best candidate that starts from `state`, or `state` itself.

        Raises
        ------
        LMUnusable
            If an LM cannot be used.
        """
        board = Board(self.name, state, len(tries.examples()), tries, spent=self.purse.spent, number=self._number)
        self._board = board
        self.purse.part(self.search)
        self._search(board, tries)
        self.purse.part(self.finals)
        whole = self._finalists(board)
        whose = "the" if self.purse.ran_out else "its share of the"
        won, note = state, f"unchanged: {whose} budget ended before one candidate was tried on every example"
        if whole:
            worths = {standing.state.key: self._worth(standing) for standing in whole}
            best = max(whole, key=lambda standing: (worths[standing.state.key], standing.state.key == state.key))
            if worths[best.state.key] - worths[state.key] < MARGIN:
                best = board.standing(state)
            before, tried = board.standing(state).score, len(board.candidates())
            if best.state.key != state.key:
                won = best.state
                note = f"the best of {tried - 1} tried (candidate {best.number} of all stages): {before:.2f} before, {best.score:.2f} after, where it was chosen"
            elif before >= PERFECT:
                note = "unchanged: nothing is left to gain"
            elif tried == 1:
                note = "unchanged: no other candidate was tried"
            else:
                note = f"unchanged: none of {tried - 1} candidates did better than {before:.2f}"
        return Won(won, note, board.candidates(), tuple(self._ended), bool(whole))

    def _search(self, board: Board, tries: ListTries | DraftTries) -> None:
        """Let the optimiser try candidates until it ends or its share of the budget does."""
        try:
            board.whole(board.base)
            if board.standing(board.base).score < PERFECT:
                self._optimise(board, tries)
        except Halt as halt:
            self._halted(halt)
        except (dspy.AdapterParseError, StepFailed) as error:
            why = str(error) if isinstance(error, StepFailed) else "a proposal could not be read"
            self._end(f"{self.optimizer} ended early, {why}")
        board.reopen()
        if self._asked and len(board.ranked()) == 1:
            self._end(f"none of {len(self._asked)} proposals asked for could be used")

    def _optimise(self, board: Board, tries: ListTries | DraftTries) -> None:
        share = self.search // (self.team.calls_a_draft if isinstance(tries, DraftTries) else 1)
        if self.optimizer == "random":
            search(board, self._space(board), share, self.seed)
            return
        plain, profile = self.team.profile.wording == "plain", self.team.profile
        proposer = Proposer.of(self.team.proposer, self.seed)
        self._asked = proposer.asked
        means = Means(share, profile.concurrency, self.seed, proposer, self.team.teacher, plain=plain)
        per_label = plain and self.name == "write" and self.optimizer in {"gepa", "copro"}
        made = optimise(self.optimizer, self._trial(board, per_label=per_label), tries.examples(), means)
        with quietly():
            for index in range(board.count):
                made(index=index)

    def _halted(self, halt: Halt) -> None:
        if not isinstance(halt.cause, BudgetEnded) or self.purse.used_up:
            self.stop()
            raise halt.cause
        if not self._ended:  # of the search, or else of the finals
            self._end(str(halt.cause))

    def _end(self, why: str) -> None:
        """Note what ended a part of the contest early."""
        self._ended.append(f"{self.name}: {why}")

    def _finalists(self, board: Board) -> list[Standing]:
        """The best candidates, and the base, as far as they could be tried on every example."""
        states = [standing.state for standing in board.ranked()[:FINALISTS]]
        if self.demos_from_dev and self.name == "write" and states:
            states.insert(1, states[0].saying(GENERATE, self._shown(states[0])))
        for state in (board.base, *states):
            try:
                board.whole(state)
            except Halt as halt:
                self._halted(halt)
                board.reopen()
        whole = [standing for standing in board.ranked() if len(standing.tries) == board.count]
        return whole if any(standing.state.key == board.base.key for standing in whole) else []

    def _worth(self, standing: Standing) -> float:
        """What a candidate is chosen by: its mean score and, for the writer with real rows, the mean probability that a classifier taught by its drafts gives to their labels."""
        anchor = self.workshop.metric.anchor
        if self.name != "write" or anchor is None:
            return standing.score
        tries = [tried for _, tried in sorted(standing.tries.items())]
        learnt = self.workshop.learnt([t.text for t in tries], [t.label for t in tries], [t.scored.trust for t in tries])
        classifier = learnt.classifier(len(self.workshop.task.labels))
        return standing.score + true_label_probability(classifier(anchor.vectors), anchor.labels)

    def _trial(self, board: Board, *, per_label: bool) -> Trial:
        program, writer = self.workshop.program(board.base), self.team.writer.identity
        if per_label:
            said = program.write_instance.task
            fields = {field.name: field.description for field in said.written_fields}
            return of_constraints(board, writer, {label.name: label.constraint for label in said.labels}, fields)
        name = PREDICTORS[self.name]
        return of_predictor(board, writer, name, dict(program.named_predictors())[name])

    def _space(self, board: Board) -> Space:
        """What random search may draw from; accepted drafts of the base may be shown as demonstrations."""
        tries = [tried for tried in board.standing(board.base).tries.values() if tried.scored.accepted]
        best = sorted(tries, key=lambda tried: (-tried.scored.score, tried.text))[:8]
        demos = [
            {**exchange.inputs, **exchange.outputs, "augmented": True}
            for tried in best
            for exchange in tried.exchanges
            if exchange.name == GENERATE
        ]
        sampled = bool(self.team.profile.sampling)
        return Space(self.workshop.task, PREDICTORS[self.name], sampled, demos, self.workshop.metric.anchor)

    def _shown(self, state: State) -> Said:
        """The writer's words with rows of the choosing half as demonstrations."""
        task, anchor, demos = self.workshop.task, self.workshop.metric.anchor, []
        inputs = self.workshop.program(state).write_instance.write.generate.signature.input_fields
        for label in task.labels:
            for row in [row for row in anchor.rows if row.label == label.name][:SHOWN_ROWS] if anchor is not None else ():
                texts = {field.key: row.texts[field.name] for field in task.written_fields}
                seed = row.texts[task.seeds.field] if task.seeds.field is not None else ""
                asked = {
                    "description": task.description,
                    "constraint": label.meaning,
                    "seed": seed,
                    "attributes": [],
                    "given_fields": [f"{name}: {row.texts[name]}" for name in task.given_fields],
                }
                demos.append({**{name: asked.get(name, "") for name in inputs}, **texts, "augmented": True})
        return Said(state.said[GENERATE].instructions, tuple(demos))
