"""Runs under tracking: recorded in MLflow when they end, the LM calls of `generate` traced where that is asked for."""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from seedless.errors import LMUnusable, UsageError
from seedless.evals.recording.account import record_of_generation
from seedless.evals.recording.compile_account import Candidates, record_of_compile
from seedless.evals.recording.outbox import MLRUNS, Outbox, Recorder, patience
from seedless.evals.recording.record import Record
from seedless.generation import Generation
from seedless.given import check_share
from seedless.outcome import Outcome, Row
from seedless.run.journal import Journal
from seedless.targen import TarGEN

if TYPE_CHECKING:
    from seedless.evals.evaluation import Evaluation
    from seedless.evals.recording.evaluation_account import Given

__all__ = ["Tracked", "track_compile", "track_evaluation"]


class Tracked:
    """Around the iteration of a `Generation` that has a folder. Leaving it closes the generation and records the run.

    What goes wrong with MLflow never ends the run: `said` holds a line for each thing that was not recorded, and why. A run that is
    interrupted is recorded when it is taken up again and ends.

    Parameters
    ----------
    generation
        The run.
    trace
        Share of the instances, in [0, 1], whose LM calls are traced. Anything above 0 loads MLflow into this process, which takes seconds.
    folder
        MLflow's, `mlruns/` of the current directory by default.

    Examples
    --------
    >>> with Generation("movie_reviews", n=40, out=Path("out")) as run, Tracked(run) as tracked:   # doctest: +SKIP
    ...     for outcome in run:
    ...         tracked.add(outcome)
    """

    def __init__(self, generation: Generation, *, trace: float = 0.0, folder: Path = MLRUNS) -> None:
        check_share({"trace": trace})
        self.said: list[str] = []
        self._generation = generation
        self._trace = trace
        self._folder = folder
        self._recorder = Recorder(Outbox(folder))
        self._left = generation.plan.n - generation.accepted_before
        self._made = 0
        self._first = 0.0  # when the first row was there: what goes before it tells nothing of the pace
        self._stack = ExitStack()
        self._untraced: list[str] = []

    def __enter__(self) -> Self:
        if self._trace:
            from seedless.evals.tracking import Tracker

            tracing = Tracker(self._folder).tracing(self._generation.task.name, self._generation.run_id, share=self._trace)
            self._untraced = self._stack.enter_context(tracing)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()
        self.said += self._untraced
        with self._recorder:
            if error is None or (isinstance(error, LMUnusable) and self._made):
                self._generation.close()
                self._record(failed=error is not None)

    def add(self, outcome: Outcome) -> None:
        """Note an outcome: MLflow begins to load when the rest will take no longer than that, and its record will be waited for."""
        if isinstance(outcome, Row):
            self._made += 1
            self._left -= 1
            now = time.monotonic()
            if self._made == 1:
                self._first = now
            elif self._made >= self._left:  # earlier, rows that come in bursts tell little of the pace
                seconds, since = now - self._first, self._made - 1
                self._recorder.expect(left=self._left * seconds / since, patience=patience(seconds, since))

    def _record(self, *, failed: bool) -> None:
        try:
            record = record_of_generation(self._generation, status="FAILED" if failed else None)
        except UsageError as error:
            self.said.append(f"not recorded in MLflow: {error}")
            return
        rows = record.data.rows if record.data else 0
        self.said += self._recorder.record(record, patience=patience(record.seconds, rows))


def track_compile(program: TarGEN, candidates: Candidates, path: Path, *, seconds: float, folder: Path = MLRUNS) -> tuple[str, ...]:
    """Record a compile that wrote `program` to `path`, and return a line for what was not recorded yet, and why. Waits as `patience` has it."""

    def made() -> Record:
        with closing(Journal(path.with_name(path.name + ".db"))) as journal:
            key = journal.run_id()
        return record_of_compile(program, candidates, key=key, variant=path.stem, seconds=seconds)

    return _recorded(made, folder, seconds)


def track_evaluation(found: "Evaluation", given: "Given", *, seconds: float, folder: Path = MLRUNS) -> tuple[str, ...]:
    """Record an evaluation of `given` that found `found`, and return a line for what was not recorded yet, and why. Waits as `patience` has it."""
    # The analyses are slow to load, and no part of `generate`.
    from seedless.evals.recording.evaluation_account import record_of_evaluation

    return _recorded(lambda: record_of_evaluation(found, given, seconds=seconds), folder, seconds)


def _recorded(made: Callable[[], Record], folder: Path, seconds: float) -> tuple[str, ...]:
    try:
        record = made()
    except UsageError as error:
        return (f"not recorded in MLflow: {error}",)
    with Recorder(Outbox(folder)) as recorder:
        return recorder.record(record, patience=patience(seconds))
