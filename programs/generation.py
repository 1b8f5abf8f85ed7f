"""From a task to a data set: `generate` and `stream`, for the command line and for Python."""

import asyncio
import atexit
import concurrent.futures.thread  # noqa: F401  so that its end comes after this module's
import contextvars
import logging
import os
import queue
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

from seedless import background
from seedless.errors import BudgetEnded, CutShort, SeedlessError, SetupError, UsageError
from seedless.given import check_amount, check_choice, check_count, check_path, plain
from seedless.ledger import Ledger, Settings
from seedless.lms.spec import LMSpec, configured, opened
from seedless.offline import be_quiet
from seedless.outcome import Outcome
from seedless.planner import Plan
from seedless.run.accounting import ledger_of
from seedless.run.budget import CallBudget
from seedless.run.folder import RunFolder
from seedless.strategy import STRATEGIES, Strategy
from seedless.taskfile import TaskLike, task_of
from seedless.verify import VerifyMode, one_reader

if TYPE_CHECKING:
    import dspy
    from datasets import Dataset

    from seedless.run.scheduler import Scheduler
    from seedless.targen import TarGEN

__all__ = ["Generation", "Options", "astream", "generate", "stream"]

LARGEST = 1_000_000

LOG = logging.getLogger("seedless")

_open: WeakSet["Generation"] = WeakSet()


def _close_left() -> None:
    """Close what a script leaves open at its end; a thread that still runs closes its own."""
    for generation in tuple(_open):
        if generation._thread is threading.current_thread() or not generation._thread.is_alive():
            _told(generation.close)


def _told(close: Callable[[], None]) -> None:
    """Close where nobody is left to catch an error: it is logged."""
    try:
        close()
    except SeedlessError as error:
        LOG.warning("%s", error)


# By the time of `atexit` executors take no more work, without which DSPy asks no LM; their own threads, and what these left, end before it.
getattr(threading, "_register_atexit", atexit.register)(_close_left)
atexit.register(_close_left)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open.clear)  # they are the parent's


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How rows are made. `None` means: what suits the LM.

    Parameters
    ----------
    lm, api_base, judge_lm
        Which model writes (`embedded`, `gguf:PATH`, `hf:OWNER/REPO/FILE.gguf`, DSPy's `provider/model`, or a DSPy LM object; by default the
        one that DSPy is configured with, else the embedded one), where it is reached, and which one verifies.
    strategy
        `targen`; `direct`, one naive prompt for each label; or the method less a part: `no-contexts`, `no-seeds`,
        `no-correction`, `no-filters`.
    verify, verifier
        `blind`, `vote-K`, `anchored` or `none`; by an `lm`, by sentence `embedding`s, or by `both` together.
    program
        A `program.json` to write with.
    seed
        Of every random choice.
    concurrency
        LM requests in flight. With 1, the same seed, task and program give the same rows in the same order.
    max_calls, max_cost
        LM requests and USD at most, over all sessions of the run. Requests in flight when the USD are spent are paid beside.
    max_refills
        Refused slots at most for each row that a label has due (and twenty more), after which it falls short.
    timeout
        Seconds that a server may take for one answer.
    drafts, attempts, adapter
        Overrule how the LM is spoken to, where the strategy leaves it open: `direct` is one plain prompt and one draft.
    fresh
        Begin the run in this folder anew.
    """

    lm: "str | dspy.BaseLM | None" = None
    api_base: str | None = None
    judge_lm: "str | dspy.BaseLM | None" = None
    strategy: str = "targen"
    verify: str = "blind"
    verifier: str | None = None
    program: str | Path | None = None
    seed: int = 0
    concurrency: int | None = None
    max_calls: int | None = None
    max_cost: float | None = None
    max_refills: int = 10
    timeout: float = 120.0
    drafts: int | None = None
    attempts: int | None = None
    adapter: str | None = None
    fresh: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "lm", configured() if self.lm is None else self.lm)
        check_choice("strategy", self.strategy, tuple(STRATEGIES))
        check_choice("verifier", self.verifier, ("lm", "embedding", "both"), optional=True)
        check_choice("adapter", self.adapter, ("json", "chat", "plain"), optional=True)
        one_reader(self.verifier, self.judge_lm)
        VerifyMode.parse(self.verify)
        for name in ("seed", "concurrency", "max_calls", "max_cost", "max_refills", "timeout", "drafts", "attempts"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        object.__setattr__(self, "program", check_path("program", self.program))
        if self.program is not None:
            fitting = [each.name for each in STRATEGIES.values() if each.contexts and each.seeds and each.constraint]
            if self.strategy not in fitting:
                raise UsageError(
                    f"given a program with the strategy {self.strategy!r}, which changes the task that the program was made for; "
                    f"allowed are {', '.join(fitting)}: name one of them, or leave the program out"
                )
        check_count({name: getattr(self, name) for name in ("concurrency", "max_calls", "drafts", "attempts")}, least=1)
        check_count({"seed": self.seed, "max_refills": self.max_refills}, least=0, optional=False)
        check_amount({"max_cost": self.max_cost, "timeout": self.timeout})
        if max(self.drafts or 1, self.attempts or 1) > 1 and not STRATEGIES[self.strategy].correction:
            raise UsageError(
                f"given drafts or attempts with the strategy {self.strategy!r}, which writes each row once; leave them out or give 1"
            )
        if not isinstance(self.fresh, bool):
            raise UsageError(f"given fresh = {self.fresh!r}, True or False is allowed; give one")
        if (self.drafts or 1) > 32:
            raise UsageError(f"given drafts {self.drafts}, at most 32 are allowed; give a smaller number")


class Generation:
    """One run, from its folder to its ledger: a context manager that is iterated once.

    `run_id` names it for good, over all sessions; `uncompiled` is the program's state before `options.program` was read into it.

    Parameters
    ----------
    task
        A `Task`, the name of a built-in one, the path of a task file, or a mapping of what such a file holds.
    n
        Rows to make, at least 1.
    out
        The run's folder; without one the journal lives in memory.
    options
        How rows are made.

    Raises
    ------
    UsageError
        If anything given cannot be used; nothing is written then.
    SetupError
        If there is no folder for temporary files.
    """

    def __init__(self, task: TaskLike, *, n: int, out: str | Path | None = None, options: Options | None = None) -> None:
        self.options = options or Options()
        be_quiet()
        n = _rows(n)
        out = check_path("out", out)
        _check_temporary_folder()
        self.task = task_of(task)
        strategy = Strategy.named(self.options.strategy)
        self.plan = Plan(strategy.task(self.task), n, self.options.seed)
        spec = LMSpec.of(self.options.lm, api_base=self.options.api_base)
        o = self.options
        self.spec = spec.with_profile(
            verifier=o.verifier, drafts=o.drafts, attempts=o.attempts, adapter=o.adapter, concurrency=o.concurrency
        )
        self.program = self._program()
        self.uncompiled: dict[str, Any] = self.program.dump_state()
        if o.program is not None:
            self.program.read(Path(o.program))
        self.settings: Settings = {
            "task": self.task.name,
            "task_hash": self.task.hash,
            "n": n,
            "seed": o.seed,
            "lm": self.program.identity["lm"],
            "api_base": self.spec.api_base,
            "judge_lm": str(getattr(o.judge_lm, "model", o.judge_lm)) if o.judge_lm is not None else None,
            "strategy": o.strategy,
            "verify": o.verify if strategy.correction else "none",
            "program": self.program.hash,
        }
        self.folder = RunFolder(out, self.settings, fresh=o.fresh)
        self.run_id = self.folder.run_id
        with ExitStack() as unless:
            unless.callback(self.folder.close)
            self._budget = CallBudget(
                max_calls=o.max_calls,
                max_cost=o.max_cost,
                calls=self.folder.journal.calls(),
                cost=self.folder.journal.cost(),
            )
            unless.pop_all()
        for lm in self.program.lms():
            lm.steps, lm.budget = self.folder.journal, self._budget
        self._scheduler: Scheduler | None = None
        self._work: background.Work[None] | None = None
        self._thread = threading.current_thread()
        self._started = self._decided = time.monotonic()
        _open.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def limits(self) -> tuple[str, ...]:
        """A sentence for each thing that the task asks for and that cannot be done, or not by the LM or by what reads its drafts, and one where
        words near its labels' meanings must lead a small model, since the task lists none."""
        from seedless.label_words import LabelWords

        found, judged = list(self.task.alike), self.settings["verify"] != "none" and self.options.judge_lm is None
        if self.spec.profile.english and self.task.language != "en":
            found.append(
                f"the LM {self.options.lm} writes English alone: rows in {self.task.language!r} will be no language; name a larger one with --lm"
            )
        profile, task = self.program.profile, self.program.task
        if not profile.names and (words := LabelWords.leading(task, profile)) is not None:
            lists = {"openings": True, "contexts": words.contexts, "cues": not any(label.cues for label in task.labels)}
            found.append(
                f"the task lists {', '.join(f'no {name}' for name, lacking in lists.items() if lacking)}: words near each label's meaning lead the LM "
                f"{self.options.lm}, and such rows teach a classifier less; list some in the task file, openings first, or name a larger LM with --lm"
            )
        if judged and self.spec.profile.verifier == "embedding" and self.task.relational:
            found.append(
                "sentence embeddings read the drafts, which judge what a text is about and not how a row's fields relate: its labels are hardly checked; "
                "name an LM that reads with --judge-lm, or a larger one with --lm"
            )
        return tuple(found)

    @property
    def latency(self) -> float | None:
        """Seconds that the writing LM's server took for an answer on average in this session; None of an engine in this process."""
        return self.program.lms()[0].latency

    @property
    def accepted_before(self) -> int:
        """Rows that earlier sessions of the run accepted."""
        self._check_open()
        return sum(1 for _ in self.folder.journal.accepted())

    async def outcomes(self) -> AsyncGenerator[Outcome, None]:
        """Each row and refusal of this session, as it is decided.

        Raises
        ------
        LMUnusable
            If the LM cannot be used. What was decided before is kept.
        """
        from seedless.run.scheduler import Scheduler

        self._check_open()
        self._scheduler = Scheduler(
            self.program,
            self.plan,
            self.folder.journal,
            in_flight=self.spec.profile.concurrency,
            max_refills=self.options.max_refills,
        )
        try:
            async with _Inner(self._scheduler.run()) as running:
                async for outcome in running:
                    self.folder.add(outcome)
                    self._decided = time.monotonic()
                    yield outcome
        finally:
            for lm in self.program.lms():
                await lm.aclose()  # its connections belong to this loop

    def __iter__(self) -> Generator[Outcome, None, None]:
        """As `outcomes`, for synchronous callers, inside a running event loop too. Closing the iterator stops the run."""
        decided: queue.SimpleQueue[Outcome | None] = queue.SimpleQueue()
        room = asyncio.Semaphore()  # for one that is not taken yet: the scheduler has its own bound
        self._thread = threading.current_thread()

        async def drive() -> None:
            async with aclosing(self.outcomes()) as outcomes:
                async for outcome in outcomes:
                    await room.acquire()
                    decided.put(outcome)

        work = self._work = background.start(drive())
        work.future.add_done_callback(lambda _: decided.put(None))
        try:
            while (outcome := decided.get()) is not None:
                work.call(room.release)
                yield outcome
            work.result()
        finally:
            work.stop()  # until the last worker has let go of the journal

    def _program(self) -> "TarGEN":
        from seedless.targen import TarGEN

        options = self.options
        lm_of = partial(opened, concurrency=self.spec.profile.concurrency, timeout=options.timeout)
        judge = lm_of(options.judge_lm, api_base=self.spec.reaches(options.judge_lm)) if options.judge_lm is not None else None
        judge_profile = LMSpec.of(options.judge_lm).profile if options.judge_lm is not None else None
        return TarGEN(
            self.task,
            lm=lm_of(options.lm, api_base=options.api_base),
            verify=options.verify,
            judge_lm=judge,
            judge_profile=judge_profile,
            profile=self.spec.profile,
            strategy=options.strategy,
        )

    def ledger(self) -> Ledger:
        """The account so far."""
        self._check_open()
        return self._account(self._scheduler)

    def complete(self) -> None:
        """Make sure that no row is missing.

        Raises
        ------
        BudgetEnded
            If a budget ended short of `n`.
        """
        if shortfall := self.ledger().shortfall:
            raise BudgetEnded(shortfall)

    def _check_open(self) -> None:
        if self not in _open:
            raise UsageError("given a Generation that is closed, and one is used while it is open; open another to go on")

    def _account(self, scheduler: "Scheduler | None") -> Ledger:
        self.folder.journal.spend(self._decided - self._started)
        return ledger_of(self.folder.journal, self.plan, self.settings, ended=scheduler.ended if scheduler else None)

    def close(self) -> None:
        """Stop what still runs, write the files in their final form and close them."""
        _open.discard(self)
        if self._work is not None:
            self._work.stop()
            if background.within():  # freed there by the garbage collector: the work has yet to let go of the journal
                self._work.future.add_done_callback(lambda _: _told(self._finish))
                return
        self._finish()

    def _finish(self) -> None:
        scheduler, self._scheduler = self._scheduler, None
        try:
            if scheduler is not None:
                self.folder.finish(self._account(scheduler))
        finally:
            self.folder.close()


def generate(task: TaskLike, *, n: int, out: str | Path | None = None, **options: Any) -> "Dataset":
    """A labelled data set of exactly `n` rows, as a `datasets.Dataset` whose `label` is a `ClassLabel`.

    Parameters
    ----------
    task
        A `Task`, the name of a built-in one, the path of a task file, or a mapping of what such a file holds.
    n
        Rows to make.
    out
        Folder of the run: the same call goes on where it was stopped. Without one, nothing is written.
    **options
        The fields of `Options`: `lm="openai/NAME"`, `seed=1`, ...

    Raises
    ------
    UsageError
        If anything given cannot be used.
    BudgetEnded
        If a budget ended short of `n`.
    LMUnusable
        If the LM cannot be used. As with `BudgetEnded`, the error's `rows` are the accepted ones, and with `out` they are in its
        `rows.jsonl` too.

    Examples
    --------
    >>> from seedless import generate
    >>> rows = generate("movie_reviews", n=40)      # doctest: +SKIP
    >>> rows.features["label"].names                # doctest: +SKIP
    ['positive', 'negative']
    """
    from seedless.dataset import dataset_of

    with Generation(task, n=n, out=out, options=Options(**options)) as generation:

        def accepted() -> "Dataset":
            return dataset_of(generation.task, (record for _, record in generation.folder.journal.accepted()))

        try:
            for _ in generation:
                pass
            generation.complete()
        except CutShort as error:
            error.rows = accepted()
            raise
        return accepted()


def stream(task: TaskLike, *, n: int, out: str | Path | None = None, **options: Any) -> Generator[Outcome, None, None]:
    """Each row or refusal as it is decided; `generate`'s arguments. Works in a notebook; closing the iterator stops the run.

    No more slots are begun while outcomes wait to be taken: with those in flight they are `concurrency` and two at most.

    The run begins with the first one, with the LM that DSPy was configured with at the call. What earlier sessions of the run decided is in
    its folder, and not said again.

    Raises
    ------
    UsageError
        If anything given cannot be used.
    BudgetEnded
        After the last outcome, if a budget ended short of `n`.
    LMUnusable
        If the LM cannot be used.
    """
    begun = _asked(task, n, out, options)

    def outcomes() -> Generator[Outcome, None, None]:
        with begun() as generation:
            yield from generation
            generation.complete()

    return outcomes()


def astream(task: TaskLike, *, n: int, out: str | Path | None = None, **options: Any) -> AsyncGenerator[Outcome, None]:
    """As `stream`, for asynchronous callers, whose loop runs on while the run begins."""
    begun = _asked(task, n, out, options)

    async def outcomes() -> AsyncGenerator[Outcome, None]:
        beginning = _in_a_thread(begun)
        try:
            generation = await asyncio.wrap_future(beginning)
        except asyncio.CancelledError:
            beginning.add_done_callback(_close_unused)
            raise
        with generation:
            generation._thread = threading.current_thread()
            async with _Inner(generation.outcomes()) as decided:
                async for outcome in decided:
                    yield outcome
            generation.complete()

    return outcomes()


class _Inner:
    """An asynchronous generator that another one reads and closes, as `aclosing` has it, and that the event loop does not know.

    The loop closes all that it knows at its end, at once: an inner one for itself while the outer one closes it, too.
    """

    def __init__(self, generator: AsyncGenerator[Outcome, None]) -> None:
        self._generator = generator

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._generator.aclose()

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[Outcome]:
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, None)  # by these a loop comes to know a generator when it is first read
        try:
            return self._generator.__anext__()
        finally:
            sys.set_asyncgen_hooks(*hooks)


def _asked(task: TaskLike, n: int, out: str | Path | None, options: Mapping[str, Any]) -> Callable[[], Generation]:
    """What opens the run: what is given is checked, and DSPy's LM taken, before."""
    return partial(Generation, task_of(task), n=_rows(n), out=check_path("out", out), options=Options(**options))


def _in_a_thread(begun: Callable[[], Generation]) -> Future[Generation]:
    """The run, opened in a thread of its own, in a copy of the caller's context."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="seedless-begin")
    try:
        return thread.submit(contextvars.copy_context().run, begun)
    finally:
        thread.shutdown(wait=False)


def _close_unused(begun: Future[Generation]) -> None:
    """Close a run that nobody waits for any more."""
    if not begun.cancelled() and begun.exception() is None:
        _told(begun.result().close)


def _check_temporary_folder() -> None:
    """Find the folder for temporary files before an LM is paid: telling languages, and writing a data set, take one."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise SetupError(f"no folder for temporary files can be written ({error.strerror}); set TMPDIR to one that can") from error


def _rows(n: object) -> int:
    """A number of rows.

    Raises
    ------
    UsageError
        If it is none that can be made.
    """
    given = plain(n)
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= LARGEST:
        raise UsageError(f"given n = {n!r}, a whole number from 1 to {LARGEST:,} is allowed; give the number of rows to make")
    return given
