"""The command line. Every verb is a thin layer over a function of the package; nothing heavy is imported before a verb runs."""

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Never

import typer

from seedless.console import (
    Delayed,
    harmless,
    open_streams,
    say,
    show,
    show_account,
    show_compiled,
    show_json,
    show_ledger,
    show_preview,
    unwritten,
)
from seedless.errors import BudgetEnded, LMUnusable, SeedlessError, UsageError
from seedless.given import check_share
from seedless.offline import stay_offline
from seedless.resources import exhausted

if TYPE_CHECKING:
    from seedless.evals.recording.tracked import Tracked
    from seedless.evals.tracking import Tracker
    from seedless.generation import Generation, Options
    from seedless.ledger import Ledger
    from seedless.task import Task

__all__ = ["app", "main"]

UNREAD = 141  # 128 and SIGPIPE's number
PATIENCE = 2.0  # seconds in which a second SIGTERM is the first one again
KEPT = {
    "generate": "rows accepted so far are kept",
    "generate --preview": "a preview keeps no rows",
    "compile": "what the LM answered so far is kept",
    "evaluate": "figures are kept only once all are there",
}
"""What stays of a verb that was cut short."""

app = typer.Typer(
    name="seedless",
    help="Labelled text data sets from a task description alone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; progress and messages on stderr.")]
Track = Annotated[
    bool, typer.Option("--track/--no-track", envvar="SEEDLESS_TRACK", help="Record the run in MLflow, below ./mlruns.")
]
TaskName = Annotated[
    str,
    typer.Argument(metavar="TASK", help="A built-in task's name (see `seedless tasks`) or the path of a task file."),
]


def main() -> Never:
    """The console script: run a verb, turn errors into one line and their exit code. SIGTERM, as `timeout` or a scheduler sends it, is as Ctrl-C.

    Where stdout was closed by its reader (`seedless tasks | head -1`) the verb does its work to the end; the exit code is then 141, as
    a shell has it for other tools.
    """
    signal.signal(signal.SIGTERM, _Interrupt())
    open_streams()
    code = _run(_kept(sys.argv[1:]))
    if (lost := unwritten()) is not None and code == 0:
        code = UNREAD
        if not isinstance(lost, BrokenPipeError):
            code = UsageError.exit_code
            say(f"seedless: stdout cannot be written ({lost.strerror}); what was to be said there is lost, what was made is not")
    sys.exit(code)


def _run(kept: str) -> int:
    """Run the verb that the command line names, and return its exit code; `kept` is what stays where it is cut short."""
    try:
        code = app(standalone_mode=False)
        if code == 130:
            raise KeyboardInterrupt  # the command-line library has turned one into this code
        return code if isinstance(code, int) else 0
    except SeedlessError as error:
        say(f"seedless: {error}" + (f"; {kept}" if kept and isinstance(error, LMUnusable) else ""))
        return error.exit_code
    except KeyboardInterrupt:
        say("seedless: interrupted" + (f"; {kept}: give the same command again to go on" if kept else ""))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(130)  # an LM in this process may still be decoding for a request that nobody waits for
    except Exception as error:
        if limit := exhausted(error):
            say(f"seedless: {limit}, and give the same command again" + (f"; {kept}" if kept else ""))
            return UsageError.exit_code
        if type(error).__module__.partition(".")[0] not in {"click", "typer"} or not hasattr(error, "format_message"):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            show(error.format_message())
            return 2
        say(f"seedless: {error.format_message()}; `seedless --help` lists what is allowed")
        return 2


def _kept(args: Sequence[str]) -> str:
    """What stays of the command `args` when it is cut short; empty for verbs that make nothing."""
    verb = args[0] if args else ""
    previews = any(arg.partition("=")[0] == "--preview" for arg in args)
    return KEPT.get(f"{verb} --preview" if previews else verb, "")


class _Interrupt:
    """Stops as on Ctrl-C, once in `PATIENCE` seconds: `timeout` sends its signal twice, and the second must not break off what the first set going."""

    def __init__(self) -> None:
        self._last = -math.inf

    def __call__(self, _number: int, _frame: object) -> None:
        now = time.monotonic()
        if now - self._last >= PATIENCE:
            self._last = now
            raise KeyboardInterrupt


@app.command()
def tasks(
    name: Annotated[str | None, typer.Argument(help="Show this task.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of task files.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the built-in tasks, show one, or print the task file's JSON schema."""
    from seedless.taskfile import built_in_tasks, load_task, task_schema

    if schema:
        if name is not None:
            raise UsageError(f"given the task {name!r} with --schema, which is the same for all; leave one of them out")
        show_json(task_schema(), indent=2)
    elif name is not None:
        task = load_task(name)
        if as_json:
            show_json(task.model_dump(mode="json"))
            return
        show(f"{task.name}: {task.description}\n\nfields")
        for field in task.fields:
            show(f"  {field.name:18} {field.description} ({field.form}, {field.min_words} to {field.max_words} {task.unit})")
        show("labels")
        for label in task.labels:
            show(f"  {label.name:18} {label.meaning}")
        for doubt in task.alike:
            say(f"seedless: {doubt}")
    else:
        known = {each: load_task(each) for each in built_in_tasks()}
        if as_json:
            show_json({each: {"description": t.description, "labels": list(t.label_names)} for each, t in known.items()})
            return
        for each, task in known.items():
            show(f"{each:20} {task.description} [{', '.join(task.label_names)}]")


@app.command()
def generate(
    task: TaskName,
    n: Annotated[int, typer.Option("-n", help="Rows to make.", metavar="N")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder of the run.  [default: out/TASK]", metavar="DIR")] = None,
    lm: Annotated[
        str,
        typer.Option(
            help="embedded, gguf:PATH, hf:OWNER/REPO/FILE.gguf, or a DSPy model string such as openai/NAME.",
            metavar="SPEC",
        ),
    ] = "embedded",
    api_base: Annotated[
        str | None,
        typer.Option(
            help="Address of the server for a DSPy model string, and for a --judge-lm of the same provider.", metavar="URL"
        ),
    ] = None,
    judge_lm: Annotated[str | None, typer.Option(help="The LM that verifies, if it is another one.", metavar="SPEC")] = None,
    strategy: Annotated[
        str,
        typer.Option(
            help="targen; direct (one naive prompt a label); no-contexts, no-seeds, no-correction, no-filters.", metavar="NAME"
        ),
    ] = "targen",
    verify: Annotated[str, typer.Option(help="blind, vote-K, anchored or none.", metavar="MODE")] = "blind",
    verifier: Annotated[
        str | None,
        typer.Option(
            help="lm, embedding or both.  [default: embedding for the embedded LM, both for a GGUF file, else lm]", metavar="KIND"
        ),
    ] = None,
    program: Annotated[
        str | None,
        typer.Option(
            help="A compiled program to write with: a file, or prompts:/TASK@champion from MLflow's registry.", metavar="FILE"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    concurrency: Annotated[
        int | None, typer.Option(help="LM requests in flight.  [default: what suits the LM]", metavar="INT")
    ] = None,
    max_calls: Annotated[int | None, typer.Option(help="LM requests at most.", metavar="INT")] = None,
    max_cost: Annotated[
        float | None, typer.Option(help="USD at most; requests in flight when they are spent are paid beside.", metavar="USD")
    ] = None,
    max_refills: Annotated[int, typer.Option(help="Refused slots at most, for each row a label has due.", metavar="INT")] = 10,
    timeout: Annotated[float, typer.Option(help="Seconds that a server may take for one answer.", metavar="S")] = 120.0,
    drafts: Annotated[int | None, typer.Option(help="Drafts for each try, of which the best is taken.", metavar="INT")] = None,
    attempts: Annotated[int | None, typer.Option(help="Tries for each slot.", metavar="INT")] = None,
    adapter: Annotated[
        str | None, typer.Option(help="plain, json or chat: the prompts' form (direct has its own).", metavar="NAME")
    ] = None,
    preview: Annotated[
        int | None, typer.Option(help="Make K rows, show them with cost and time, keep nothing.", metavar="K")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin the run in DIR anew; answers that fit are reused.")] = False,
    track: Track = True,
    trace: Annotated[
        float | None, typer.Option(help="Share of the instances whose LM calls are traced in MLflow.", metavar="SHARE")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make exactly N labelled rows of TASK. The same command in the same DIR goes on where it stopped."""
    from seedless.evals.tracking import Tracker
    from seedless.generation import Options
    from seedless.taskfile import load_task

    if preview is not None and preview < 1:
        raise UsageError(f"given --preview {preview}, at least 1 is allowed; give the number of rows to look at")
    check_share({"trace": trace})
    if trace is not None and (preview is not None or not track):
        beside = "--preview" if preview is not None else "--no-track (or SEEDLESS_TRACK=0)"
        raise UsageError(f"given --trace beside {beside}, which records nothing; leave one of them out")
    stay_offline(lm, judge_lm)
    loaded = load_task(task)
    with Tracker().program_file(program) as file:
        options = Options(
            lm=lm, api_base=api_base, judge_lm=judge_lm, strategy=strategy, verify=verify, verifier=verifier, program=file, seed=seed,
            concurrency=concurrency, max_calls=max_calls, max_cost=max_cost, max_refills=max_refills, timeout=timeout, drafts=drafts,
            attempts=attempts, adapter=adapter, fresh=fresh,
        )  # fmt: skip
        if preview is not None:
            _preview(loaded, n, preview, options, as_json=as_json)
        else:
            _make(loaded, n, out or Path("out") / loaded.name, options, trace=(trace or 0.0) if track else None, as_json=as_json)


def _preview(task: "Task", n: int, rows: int, options: "Options", *, as_json: bool) -> None:
    """Make and show `rows` of `n` rows and what all would take, and keep nothing."""
    from seedless.generation import Generation
    from seedless.planner import Plan

    with Generation(task, n=min(n, rows), options=options) as generation:
        shown = _watch(generation, as_json=as_json, keep=True)
        ledger = generation.ledger()
    looked_at = max(1, len({row["provenance"]["context"] for row in shown}))
    used = min(n, Plan(task, n, options.seed).context_count)
    whole, in_flight = ledger.accepted == n, generation.spec.profile.concurrency
    latency = None if whole else generation.latency  # where all rows were made their seconds are known
    estimate = ledger.projected(n, contexts=1.0 if whole else used / looked_at, latency=latency, concurrency=in_flight)
    per_row = dict(ledger.per_row)
    if latency is not None and estimate["seconds"] is not None:  # these few rows kept fewer requests in flight
        per_row["seconds"] = estimate["seconds"] / n
    show_preview(shown, per_row, n, estimate, in_flight=in_flight if latency is not None else None, as_json=as_json)
    if ledger.shortfall:
        raise _short(
            ledger,
            "a preview keeps none: raise the budget, or give the same command without --preview, which says why others are not",
        )


def _make(task: "Task", n: int, folder: Path, options: "Options", *, trace: float | None, as_json: bool) -> None:
    """Make the rows in `folder`; recorded in MLflow unless `trace` is None."""
    from seedless.dataset import write_dataset
    from seedless.evals.recording.tracked import Tracked
    from seedless.generation import Generation

    with ExitStack() as stack:
        generation = stack.enter_context(Generation(task, n=n, out=folder, options=options))
        tracked = Tracked(generation, trace=trace) if trace is not None else None
        if tracked is not None:
            stack.callback(_say_all, tracked.said)
            stack.enter_context(tracked)
        _watch(generation, as_json=as_json, tracked=tracked)
        ledger = generation.ledger()
        if not ledger.shortfall:
            write_dataset(folder / "dataset", task, (record for _, record in generation.folder.journal.accepted()), ledger)
    if ledger.shortfall:
        if as_json:
            show_ledger(ledger, folder)
        raise _short(
            ledger,
            "rows are kept, refusals.jsonl says why others are not: mend that or raise the budget, and give the same command again",
        )
    show_account(ledger, folder, task.unled, as_json=as_json)


def _short(ledger: "Ledger", kept: str) -> BudgetEnded:
    return BudgetEnded(f"{ledger.accepted} of {ledger.requested} rows; {ledger.shortfall}; {kept}")


@app.command("compile")
def compile_(
    task: TaskName,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The program.  [default: out/TASK.program.json]", metavar="FILE")
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            help="bootstrap, random, gepa, copro, simba or miprov2.  [default: random in this process, gepa for a hosted LM]",
            metavar="NAME",
        ),
    ] = None,
    dev: Annotated[
        Path | None,
        typer.Option(
            help="20 to 200 labelled rows that the metric is anchored in, in a file as `evaluate` takes it.", metavar="FILE"
        ),
    ] = None,
    demos_from_dev: Annotated[
        bool, typer.Option("--demos-from-dev", help="Let rows of FILE's choosing half stand in prompts, as demonstrations.")
    ] = False,
    lm: Annotated[str, typer.Option(help="The LM that writes, as for `generate`.", metavar="SPEC")] = "embedded",
    api_base: Annotated[
        str | None,
        typer.Option(help="Address of the server for a DSPy model string, and for other LMs of the same provider.", metavar="URL"),
    ] = None,
    judge_lm: Annotated[str | None, typer.Option(help="The LM that verifies, if it is another one.", metavar="SPEC")] = None,
    teacher_lm: Annotated[
        str | None, typer.Option(help="The LM whose drafts become demonstrations, if it is another one.", metavar="SPEC")
    ] = None,
    reflection_lm: Annotated[
        str | None, typer.Option(help="The LM that proposes instructions, if it is another one.", metavar="SPEC")
    ] = None,
    verifier: Annotated[str | None, typer.Option(help="lm or embedding.", metavar="KIND")] = None,
    budget_calls: Annotated[
        int | None, typer.Option(help="LM requests at most.  [default: 400, unless --budget-usd is given]", metavar="N")
    ] = None,
    budget_usd: Annotated[float | None, typer.Option(help="USD at most.", metavar="X")] = None,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    concurrency: Annotated[
        int | None,
        typer.Option(
            help="LM requests in flight; a model in this process gives the same program twice only with 1.  [default: what suits the LM]",
            metavar="INT",
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that a server may take for one answer.", metavar="S")] = 120.0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew; answers that fit are reused.")] = False,
    track: Track = True,
    as_json: AsJson = False,
) -> None:
    """Optimise the prompts for TASK against the dev metric; the same command goes on where it stopped."""
    from seedless.evals.compile import compile  # noqa: A004  the verb that it is
    from seedless.evals.recording.compile_account import Candidates
    from seedless.evals.recording.tracked import track_compile
    from seedless.taskfile import load_task

    stay_offline(lm, judge_lm, teacher_lm, reflection_lm)
    loaded, stderr = load_task(task), sys.stderr  # this one: while an optimiser runs another stands in its place, and says nothing
    path = out or Path("out") / f"{loaded.name}.program.json"

    def told(text: str) -> None:
        stderr.write(harmless(f"{loaded.name}: {text}\n"))
        stderr.flush()

    candidates, started = Candidates(), time.monotonic()
    program = compile(
        loaded, dev=dev, out=path, say=told, log=candidates, optimizer=optimizer, demos_from_dev=demos_from_dev, lm=lm, api_base=api_base,
        judge_lm=judge_lm, teacher_lm=teacher_lm, reflection_lm=reflection_lm, verifier=verifier, budget_calls=budget_calls,
        budget_usd=budget_usd, seed=seed, concurrency=concurrency, timeout=timeout, fresh=fresh,
    )  # fmt: skip
    if track:
        _say_all(track_compile(program, candidates, path, seconds=time.monotonic() - started))
    show_compiled(program.compiled, path, as_json=as_json)


@app.command()
def evaluate(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Folder of a run or of a data set, or a .jsonl, .csv or .parquet file.")
    ],
    task: Annotated[
        str | None, typer.Option(help="The rows' task.  [default: the built-in one that the run names]", metavar="TASK")
    ] = None,
    train: Annotated[Path | None, typer.Option(help="Real labelled rows to compare with.", metavar="FILE")] = None,
    test: Annotated[Path | None, typer.Option(help="Real labelled rows to test on.", metavar="FILE")] = None,
    direct: Annotated[Path | None, typer.Option(help="A run of --strategy direct to compare with.", metavar="DATA")] = None,
    zero_shot: Annotated[str | None, typer.Option(help="An LM to ask for the labels of the test rows.", metavar="SPEC")] = None,
    api_base: Annotated[str | None, typer.Option(help="Address of the server for that LM.", metavar="URL")] = None,
    students: Annotated[str, typer.Option(help="tfidf, minilm, or both.", metavar="NAMES")] = "tfidf,minilm",
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Where the figures go.  [default: evaluation.json in a run's folder]", metavar="FILE"),
    ] = None,
    track: Track = True,
    as_json: AsJson = False,
) -> None:
    """Say what rows are worth: usefulness, label quality, diversity, difficulty, bias, contamination."""
    from seedless.dataset import task_for
    from seedless.evals.evaluation import evaluate as evaluated
    from seedless.evals.recording.evaluation_account import Given
    from seedless.evals.recording.tracked import track_evaluation
    from seedless.evals.students import student_names

    stay_offline(zero_shot)
    loaded = task_for(data, task)
    names, started = student_names(students), time.monotonic()
    with Delayed() as progress:
        found = evaluated(
            data, loaded, train=train, test=test, direct=direct, zero_shot=zero_shot, api_base=api_base, students=names, seed=seed, out=out,
            say=lambda part: progress.say(f"{loaded.name}: {part}"),
        )  # fmt: skip
    if track:
        given = Given(
            data=data, task=loaded, train=train, test=test, direct=direct, zero_shot=zero_shot, api_base=api_base, students=names, seed=seed
        )  # fmt: skip
        _say_all(track_evaluation(found, given, seconds=time.monotonic() - started))
    if as_json:
        show_json(found.record())
    else:
        show(found.told())


@app.command()
def compare(
    task: Annotated[
        str | None, typer.Argument(metavar="[TASK]", help="A tracked task's name, or its file.  [default: all of them]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the variants tracked below ./mlruns side by side: their figures, their cost, what they changed in the prompts."""
    from seedless.evals.compare import compare as compared
    from seedless.evals.tracking import Tracker
    from seedless.taskfile import load_task

    name = load_task(task).name if task is not None and Path(task).suffix in {".yaml", ".yml"} else task
    tracker = Tracker()
    _drain(tracker)
    found = compared(name, tracker=tracker)
    if as_json:
        show_json({"comparisons": [comparison.record() for comparison in found]})
    else:
        show("\n\n".join(comparison.table() for comparison in found))


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Of the address on this machine.")] = 5000,
    as_json: AsJson = False,
) -> None:
    """Open MLflow's own UI on the runs below ./mlruns, until Ctrl-C. No network is needed."""
    from seedless.evals.tracking import Tracker
    from seedless.evals.ui import ui as served

    _drain(Tracker())
    with suppress(KeyboardInterrupt), served(port=port) as shown:
        pages = "".join(f"\n  {name:20} {page}" for name, page in shown.pages.items())
        if as_json:
            show_json({"url": shown.url, "pages": dict(shown.pages)})
        else:
            show(f"MLflow's UI is at {shown.url} until Ctrl-C; the runs of{pages}")
        sys.stdout.flush()
        threading.Event().wait()


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run.")],
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="jsonl, csv, parquet (a Hugging Face data set with its card) or sft (chat messages).",
            metavar="FORMAT",
        ),
    ],
    task: Annotated[
        str | None, typer.Option(help="The run's task.  [default: the built-in one that the run names]", metavar="TASK")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", "--to", help="File, or folder for parquet.  [default: DIR/export.csv or the like]", metavar="PATH"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's rows in another form."""
    from seedless.dataset import export as exported
    from seedless.wording import counted

    done = exported(folder, format_, task, to=out)  # type: ignore[arg-type]  # it checks the format
    if done.formulas:
        say(
            f"seedless: {counted(done.formulas, 'cell')} of {done.path} may look like a formula to a spreadsheet (=, +, - or @ comes first); "
            "the file has what the rows have, so import the columns as text"
        )
    if as_json:
        show_json({"rows": done.rows, "path": str(done.path)})
    else:
        show(f"{counted(done.rows, 'row')} in {done.path}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run that has ended.")],
    task: Annotated[
        str | None, typer.Option(help="The run's task.  [default: the built-in one that the run names]", metavar="TASK")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The page.  [default: DIR/report.html]", metavar="FILE")] = None,
    evaluation: Annotated[
        Path | None, typer.Option(help="What `evaluate` wrote.  [default: DIR/evaluation.json, if there]", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write one self-contained HTML page on a run: what is in it, what it cost, what it is worth."""
    from seedless.evals.report import compose, page_path, write

    target = page_path(folder, out)
    made = compose(folder, task, evaluation=evaluation, say=say)
    write(made, target)
    if as_json:
        show_json({"path": str(target), "rows": made.rows, "headline": made.headline, "notes": made.notes})
    else:
        show(f"{made.headline}\n{target}")


def _watch(
    generation: "Generation", *, as_json: bool, keep: bool = False, tracked: "Tracked | None" = None
) -> list[dict[str, Any]]:
    """Follow a run on stderr, a bar on a terminal and a line now and then elsewhere; `keep` returns this session's rows."""
    from seedless.outcome import Row
    from seedless.progress import Progress

    rows: list[dict[str, Any]] = []
    before = generation.accepted_before
    for limit in generation.limits if not before else ():
        say(f"seedless: {limit}")
    try:
        with Progress(total=generation.plan.n, done=before, title=generation.task.name, stream=sys.stderr) as progress:
            if before:
                progress.say(f"going on: {before} of {generation.plan.n} rows were accepted before")
            for outcome in generation:
                progress.add(outcome)
                if tracked is not None:
                    tracked.add(outcome)
                if keep and isinstance(outcome, Row):
                    rows.append(outcome.record())
    except LMUnusable:
        if as_json:
            show_ledger(generation.ledger(), generation.folder.given)
        raise
    return rows


def _drain(tracker: "Tracker") -> None:
    """Record what waits, and say what that is where it takes its time, and what could not be recorded.

    Raises
    ------
    Untracked
        If the database is none that MLflow can use.
    """
    from seedless.wording import counted

    tracker.outbox.check_version()
    if tracker.outbox.pending():
        with Delayed(every=15.0) as progress:
            progress.say(
                lambda: (
                    f"seedless: recording {counted(len(tracker.outbox.pending()), 'earlier run')} in {tracker.outbox.folder}, or waiting for another process that does"
                )
            )
            problems = tracker.drain()
        _say_all(problems)


def _say_all(problems: Iterable[str]) -> None:
    for problem in problems:
        say(f"seedless: {problem}")
