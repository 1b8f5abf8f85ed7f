"""Compile a program for a task: optimise its prompts against the dev metric, and keep the result only if it is better.

Stage by stage (contexts, seeds, the writer, its revisions), candidates are tried on the choosing half; the winner and the uncompiled
program are compared on the reporting half, and the guard decides. Every LM request passes one door: it is counted, bounded and
kept in a journal, so a compile that was killed goes the same way again without paying twice.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedless.errors import UsageError
from seedless.evals.compiling.dev import DevRow, dev_rows, read_dev
from seedless.given import check_amount, check_choice, check_count, check_path, plain
from seedless.lms.spec import configured
from seedless.offline import be_quiet
from seedless.taskfile import TaskLike, task_of
from seedless.verify import one_reader

if TYPE_CHECKING:
    import dspy

    from seedless.evals.compiling.anchor import Embedder
    from seedless.evals.compiling.candidate import CandidateLog
    from seedless.targen import TarGEN

__all__ = ["CALLS", "CompileOptions", "Compiled", "compile"]

OPTIMIZERS = ("bootstrap", "random", "gepa", "copro", "simba", "miprov2")
CALLS = 400  # where no budget is given


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileOptions:
    """How a program is compiled. `None` means: what suits the LM.

    Parameters
    ----------
    optimizer
        `bootstrap`, `random`, `gepa`, `copro`, `simba` or `miprov2`; by default `random` for a model in this process, `gepa` for a hosted one.
    lm, api_base, judge_lm
        As `Options` has them: the LM that writes, where it and any other LM of its provider are reached, and the one that verifies.
    teacher_lm
        The LM whose drafts become demonstrations (`bootstrap`, `miprov2`); by default the one that writes.
    reflection_lm
        The LM that proposes instructions (`gepa`, `copro`, `simba`, `miprov2`); by default the one that writes.
    verifier
        `lm` or `embedding`.
    budget_calls, budget_usd
        LM requests and USD at most, over all sessions.
    demos_from_dev
        Whether rows of the choosing half may stand in prompts, as demonstrations.
    seed
        Of every random choice.
    concurrency, timeout
        LM requests in flight, and seconds for one answer. With a model in this process the same compile gives the same program only with one
        in flight: what is decoded side by side changes answers a little.
    fresh
        Begin anew what was begun before.
    """

    optimizer: str | None = None
    lm: "str | dspy.BaseLM | None" = None
    api_base: str | None = None
    judge_lm: "str | dspy.BaseLM | None" = None
    teacher_lm: "str | dspy.BaseLM | None" = None
    reflection_lm: "str | dspy.BaseLM | None" = None
    verifier: str | None = None
    budget_calls: int | None = None
    budget_usd: float | None = None
    demos_from_dev: bool = False
    seed: int = 0
    concurrency: int | None = None
    timeout: float = 120.0
    fresh: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "lm", configured() if self.lm is None else self.lm)
        check_choice("optimizer", self.optimizer, OPTIMIZERS, optional=True)
        check_choice("verifier", self.verifier, ("lm", "embedding"), optional=True)
        one_reader(self.verifier, self.judge_lm)
        for name in ("budget_calls", "budget_usd", "seed", "concurrency", "timeout"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        check_count({"budget_calls": self.budget_calls, "concurrency": self.concurrency}, least=1)
        check_count({"seed": self.seed}, least=0, optional=False)
        check_amount({"budget_usd": self.budget_usd, "timeout": self.timeout})


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The account of a compile.

    `kept` is `compiled` or `uncompiled`, `why` says so in a sentence. `comparison` holds the metric before and after with
    intervals, None where nothing was chosen or too little could be compared. `quoted` tells which dev rows the program's prompts hold (its stages in order, then the task's words), as
    `contamination.Quoted` has it, None without dev rows. `intrinsic` tells whether no real row had a say; `distances` by what
    texts are told apart. `dev` is the digest of the dev rows, in whatever order, empty where there are none. `stages` says what became of each;
    `calls` and `tokens` are per stage of the journal; `cost_usd` is None where a price is unknown; `ended` says what ended a part of
    which stage early (its share of the budget, proposals that could not be used), empty where nothing did, and `ran_out` whether the whole budget did.
    """

    optimizer: str
    seed: int
    lm: str
    judge_lm: str | None
    teacher_lm: str | None
    reflection_lm: str | None
    verifier: str
    intrinsic: bool
    distances: str
    dev_rows: int
    dev: str
    demos_from_dev: bool
    budget_calls: int | None
    budget_usd: float | None
    calls: dict[str, int]
    tokens: dict[str, dict[str, int | None]]
    repeated: int
    cost_usd: float | None
    stages: dict[str, str]
    candidates: int
    kept: str
    why: str
    comparison: dict[str, Any] | None
    quoted: dict[str, Any] | None
    ended: str = ""
    ran_out: bool = False
    versions: dict[str, str] = field(default_factory=dict)


def compile(  # noqa: A001  the verb that it is
    task: TaskLike,
    *,
    dev: "Iterable[Any] | str | Path | None" = None,
    out: str | Path | None = None,
    log: "CandidateLog | None" = None,
    say: Callable[[str], None] | None = None,
    embedder: "Embedder | None" = None,
    **options: Any,
) -> "TarGEN":
    """A program for `task` whose prompts were optimised, or the uncompiled one where nothing did better with confidence.

    Parameters
    ----------
    task
        A `Task`, the name of a built-in one, the path of a task file, or a mapping of what such a file holds.
    dev
        20 to 200 labelled rows: mappings with the task's fields and `label`, a `datasets.Dataset`, or the path of a file as `evaluate` takes it. One half of
        them chooses, the other reports; none enters a prompt, but for rows of the choosing half where `demos_from_dev` lets them. Without them the metric is intrinsic.
    out
        Where `program.json` is written; its journal stands beside it, and the same call goes on where it was stopped.
    log
        Is shown every candidate.
    say
        Is told how it goes, a line at a time.
    embedder
        What tells texts apart, where it shall not be MiniLM.
    **options
        The fields of `CompileOptions`: `optimizer="gepa"`, `budget_calls=300`, ...

    Returns
    -------
    The program, with its LM; its `compiled` holds the account, as `Compiled` has it.

    Raises
    ------
    UsageError
        If anything given cannot be used.
    BudgetEnded
        If the budget ends before the uncompiled program is tried on every example of a stage.
    LMUnusable
        If an LM cannot be used.

    Examples
    --------
    >>> from seedless import compile
    >>> program = compile("question_type", optimizer="random", budget_calls=300)    # doctest: +SKIP
    >>> program.compiled["kept"]                                                    # doctest: +SKIP
    'compiled'
    """
    given = CompileOptions(**options)
    be_quiet()
    loaded = task_of(task)
    rows: tuple[DevRow, ...] = ()
    if dev is not None:
        rows = read_dev(Path(dev), loaded) if isinstance(dev, str | Path) else dev_rows(dev, loaded)
    elif given.demos_from_dev:
        raise UsageError(
            "given --demos-from-dev without dev rows, of which demonstrations could be made; give them with --dev FILE"
        )
    path = check_path("out", out)
    if path is not None:
        check_target(path)
    from seedless.evals.compiling.session import Session

    with Session(loaded, rows, path, given, log=log, say=say or (lambda _: None), embedder=embedder) as session:
        return session.run()


def check_target(path: Path) -> None:
    """Refuse to write a program over what is none.

    Raises
    ------
    UsageError
        If `path` is no .json file, or one that holds something else.
    """
    if path.suffix != ".json":
        raise UsageError(f"given the file {str(path)!r}, a program is written to a .json file; give one: -o program.json")
    if not path.exists():
        return
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or "seedless" not in said:
        raise UsageError(f"{path}: is there already and is no program; give another file: -o FILE")
