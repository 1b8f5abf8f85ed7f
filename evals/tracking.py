"""MLflow, which no other module imports: runs, tables, prompts and traces below `mlruns/`, all of it on this machine.

Records come in as plain data (`record`), and runs go out as plain data (`TrackedRun`). `python -m seedless.evals.tracking DIR` is the
background process that `outbox` starts.
"""

import hashlib
import json
import logging
import math
import os
import select
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit
from urllib.request import url2pathname

from seedless.errors import UsageError
from seedless.evals.recording.artifacts import TABLES, note, write_artifacts
from seedless.evals.recording.outbox import MLRUNS, QUIET, Outbox
from seedless.evals.recording.places import settle
from seedless.evals.recording.record import Record, Untracked, without_secrets

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = ["TrackedRun", "Tracker", "main"]

KEY, KIND, DATA, PARENT = "seedless.run", "seedless.kind", "seedless.data", "mlflow.parentRunId"
LATER = "seedless.later."  # before a parameter's name: its value since the run was brought up to date
CHAMPION, IN_USE = "champion", "in-use"
LONGEST_PROMPT = 100_000  # characters, MLflow's own bound
SAMPLING = "MLFLOW_TRACE_SAMPLING_RATIO"
GRACE = 1.0  # seconds in which a lock is tried for: who only looks whether it is taken has it for a moment
PAUSE = 0.1  # seconds, twice as long as the time between two tries for a lock
GLANCE = 1.0  # seconds between two looks at what others leave in the outbox

Version: TypeAlias = tuple[Path, int]
"""A file, and which of those that took each other's place there it is."""


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """One run as MLflow has it. `data` is the digest of its data set, `parent` the `run_id` of the run around it, empty where there is none.

    `params` and `metrics` are those of the newest record of the run.
    """

    run_id: str
    key: str
    kind: str
    task: str
    name: str
    status: str
    started: float
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    data: str
    parent: str


class Tracker:
    """The runs below `folder` (`mlruns/`): a SQLite database, `mlflow.db`, and `artifacts/`.

    Nothing is read or made before it is asked for. Between two records that wait it makes a `pause` of so many seconds, in which another
    process may take over. Settings of MLflow's in the environment are not looked at.

    Raises
    ------
    Untracked
        From each method, if MLflow or its database cannot do it.
    """

    def __init__(self, folder: Path = MLRUNS, *, pause: float = 0.0) -> None:
        self._pause = pause
        self.outbox = Outbox(folder)
        self._opened: MlflowClient | None = None
        self._copy: tempfile.TemporaryDirectory[str] | None = None  # with the database, where it cannot be written in its place

    @cached_property
    def folder(self) -> Path:
        """`mlruns/`, wherever the process goes next."""
        try:
            return self.outbox.folder.absolute()
        except FileNotFoundError as error:
            raise Untracked(f"{self.outbox.folder}: is in no folder, the current one was deleted; change to another") from error

    @property
    def uri(self) -> str:
        """The database's address, for MLflow's own functions: `mlflow.set_tracking_uri(tracker.uri)`."""
        return f"sqlite:///{Path(self._copy.name) if self._copy is not None else self.folder}/mlflow.db"

    # --- in ---------------------------------------------------------------------------------------------------------

    def record(self, record: Record) -> str:
        """Write one run, or bring it up to date, and return MLflow's id of it. Runs within it are written as its children."""
        with self._reported():
            return self._record(record, parent=self._run_id(record.task, record.within))

    def load(self) -> None:
        """Import MLflow and open the database, which is made where there is none."""
        with self._reported():
            self._client()

    def drain(self) -> tuple[str, ...]:
        """Record what waits in the outbox, and what comes there meanwhile, and say why for each that cannot be. What is recorded is taken out."""
        try:
            return self.empty(set()) if self.outbox.pending() else ()
        except Untracked as error:
            return (str(error),)

    def empty(self, tried: set[Version]) -> tuple[str, ...]:
        """As `drain`, of the records that were not `tried`, to which those that are now are added.

        Raises
        ------
        Untracked
            If none can be recorded now.
        """
        from filelock import FileLock

        failed: dict[str, str] = {}
        self.outbox.check()
        with self._reported():
            while waiting := self.untried(tried):
                for file, version in waiting:
                    tried.add((file, version))
                    # Held for one record at a time: a command that waits is not to wait for all of them at the background's priority.
                    with FileLock(self.outbox.lock, timeout=60), suppress(FileNotFoundError):  # another process has recorded it
                        version = _version_of(file)[1]
                        tried.add((file, version))
                        try:
                            self.record(Record.read(file.read_bytes()))
                        except Untracked as error:
                            failed[file.name] = f"{file.name}: {error}"
                        else:
                            failed.pop(file.name, None)
                            if _version_of(file) == (file, version):  # else a newer record of the same run has come, and is next
                                file.unlink()
                    time.sleep(self._pause)
        return tuple(failed.values())

    def untried(self, tried: set[Version]) -> list[Version]:
        """The records that wait and are not among `tried`, oldest first."""
        found = []
        for file in self.outbox.pending():
            with suppress(FileNotFoundError):  # recorded in the meantime
                found.append(_version_of(file))
        return [each for each in found if each not in tried]

    def _record(self, record: Record, *, parent: str) -> str:
        from mlflow.entities import Metric, Param, RunTag

        client = self._client()
        run_id = self._run(record)
        written = client.get_run(run_id).data
        now = int(record.ended * 1000)
        params = {name: str(value) for name, value in record.params.items()}
        # MLflow changes no parameter and takes no metric back: tags tell what became of the one, NaN that there is none of the other.
        tags = {
            f"{LATER}{name}": value
            for name, value in params.items()
            if written.params.get(name, value) != value or f"{LATER}{name}" in written.tags
        }
        metrics = {**dict.fromkeys(written.metrics, math.nan), **record.metrics}
        client.log_batch(
            run_id,
            metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
            params=[Param(name, value) for name, value in params.items() if name not in written.params],
            tags=[
                RunTag(name, value) for name, value in (tags | self._tags(record) | ({PARENT: parent} if parent else {})).items()
            ],
        )
        self._log_data(run_id, record)
        with tempfile.TemporaryDirectory() as folder:
            write_artifacts(Path(folder), record)
            client.log_artifacts(run_id, folder)
        if not parent:  # candidates are runs, not versions: the registry holds what was or may be in use
            self._register(run_id, record)
        client.set_terminated(run_id, record.status, end_time=now)
        for child in record.children:
            self._record(child, parent=run_id)
        return run_id

    def _run(self, record: Record) -> str:
        """The id of the record's run, which is made where there is none."""
        if found := self._run_id(record.task, record.key):
            return found
        started, experiment = int((record.ended - record.seconds) * 1000), self._experiment(record.task)
        made = self._client().create_run(experiment, start_time=started, tags={KEY: record.key}, run_name=record.name)
        return str(made.info.run_id)

    def _run_id(self, task: str, key: str) -> str:
        """The id of the task's run with that key; empty where there is none."""
        if not key:
            return ""
        found = self._client().search_runs([self._experiment(task)], f"tags.`{KEY}` = '{key}'", max_results=1)
        return str(found[0].info.run_id) if found else ""

    def _experiment(self, task: str) -> str:
        client = self._client()
        found = client.get_experiment_by_name(task)
        if found is None:
            where = (self.folder / "artifacts" / task).as_uri()
            kind = {"mlflow.experimentKind": "custom_model_development"}  # else the UI asks, and hides the runs behind traces
            return str(client.create_experiment(task, artifact_location=where, tags=kind))
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _tags(self, record: Record) -> dict[str, str]:
        tags = {KIND: record.kind, "mlflow.note.content": note(record), "mlflow.source.name": f"seedless {record.kind}"}
        tables = [{"path": f"{name}.json", "type": "table"} for name in TABLES if getattr(record, name)]
        if tables:
            tags["mlflow.loggedArtifacts"] = json.dumps(tables)
        if record.data is not None:
            tags[DATA] = record.data.digest
        if "git_commit" in record.params:
            tags["mlflow.source.git.commit"] = str(record.params["git_commit"])
        return tags

    def _log_data(self, run_id: str, record: Record) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        given = [(data, data.name) for data in record.splits]
        if record.data is not None:
            given.append((record.data, "made" if record.kind == "generate" else "read"))
        inputs = []
        for data, role in given:
            source, profile = json.dumps({"uri": data.source}), json.dumps({"num_rows": data.rows})
            kept = Dataset(name=data.name, digest=data.digest, source_type="local", source=source, profile=profile)
            inputs.append(DatasetInput(dataset=kept, tags=[InputTag("mlflow.data.context", role)]))
        if inputs:
            self._client().log_inputs(run_id, inputs)

    # --- the prompt registry ----------------------------------------------------------------------------------------

    def _register(self, run_id: str, record: Record) -> None:
        """Put each stage's prompt and the whole program into the registry; what is there word for word is no new version."""
        texts = {f"{record.task}.{prompt.stage}": prompt.text for prompt in record.prompts}
        if record.program:
            texts[record.task] = record.program
        linked = []
        for name, text in texts.items():
            if len(text) > LONGEST_PROMPT:
                self._client().set_tag(run_id, f"seedless.unregistered.{name}", f"{len(text)} characters, at most {LONGEST_PROMPT}")
                continue
            mark = f"text-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
            prompt = self._version(name, mark)
            if prompt is None:
                tags = {"program": str(record.params.get("program", "")), "lm": str(record.params.get("lm", ""))}
                prompt = self._client().register_prompt(name, text, commit_message=record.name, tags=tags)
                self._client().set_prompt_alias(name, mark, prompt.version)
            if record.champion or self._version(name, CHAMPION) is None:
                self._client().set_prompt_alias(name, CHAMPION, prompt.version)
            if record.kind == "generate":
                self._client().set_prompt_alias(name, IN_USE, prompt.version)
            linked.append({"name": name, "version": str(prompt.version)})
        if linked:  # as link_prompt_version_to_run writes it, which looks for the run in another database: the process's default
            self._client().set_tag(run_id, "mlflow.linkedPrompts", json.dumps(linked))

    def _version(self, name: str, version: str) -> Any:
        """A prompt's version by alias or number; None where there is none."""
        from mlflow.exceptions import MlflowException

        try:
            if version.isdigit():
                return self._client().get_prompt_version(name, version)
            return self._client().get_prompt_version_by_alias(name, version)
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}:
                return None
            raise

    def program(self, uri: str) -> str:
        """The program, as JSON, that the registry holds under `prompts:/NAME@ALIAS` or `prompts:/NAME/VERSION`.

        Raises
        ------
        UsageError
            If `uri` has another form, or there is no such program.
        """
        name, mark, version = uri.removeprefix("prompts:/").partition("@" if "@" in uri else "/")
        if not (uri.startswith("prompts:/") and name and version and "/" not in name + version):
            raise UsageError(f"given the program {uri!r}, allowed are prompts:/NAME@ALIAS and prompts:/NAME/VERSION; give one")
        self.drain()
        self._must_exist(f"the program {uri}")
        with self._reported():
            found = self._version(name, version)
            if found is None:
                known = ", ".join(sorted(p.name for p in self._client().search_prompts() if "." not in p.name)) or "none"
                raise UsageError(
                    f"given the program {uri!r}, the registry in {self.outbox.folder} has no {mark}{version} of {name!r} "
                    f"(programs: {known}); `seedless ui` shows what it has"
                )
            return str(found.template)

    @contextmanager
    def program_file(self, given: str | None) -> Iterator[Path | None]:
        """The file that `--program` means: a path as it is, a program of the registry in a file for as long as the context."""
        if given is None or not given.startswith("prompts:"):
            yield Path(given) if given is not None else None
            return
        text = self.program(given)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{given.removeprefix('prompts:/').replace('/', '-v')}.json"
            path.write_text(text, "utf-8")
            yield path

    # --- out --------------------------------------------------------------------------------------------------------

    def runs(self, task: str | None = None) -> tuple[TrackedRun, ...]:
        """The runs of a task, or of all, newest first.

        Raises
        ------
        UsageError
            If there is nothing tracked here, or nothing of this task.
        """
        self._must_exist("runs")
        with self._reported():
            experiments = {e.experiment_id: e.name for e in self._client().search_experiments() if task in {None, e.name}}
            if task is not None and not experiments:
                if self._client().get_experiment_by_name(task) is not None:
                    raise UsageError(
                        f"given the task {task!r}, whose experiment in {self.outbox.folder} is deleted; the next run of the task that is tracked brings it back, "
                        "or name another task"
                    )
                known = ", ".join(sorted(e.name for e in self._client().search_experiments() if e.name != "Default")) or "none"
                raise UsageError(f"given the task {task!r}, tracked in {self.outbox.folder} are {known}; name one of them")
            found: list[Any] = []
            token: str | None = ""
            while token is not None:
                page = self._client().search_runs(list(experiments), max_results=1000, page_token=token or None)
                found += page
                token = page.token or None
        return tuple(
            TrackedRun(
                run_id=run.info.run_id, key=run.data.tags[KEY], kind=run.data.tags[KIND], task=experiments[run.info.experiment_id],
                name=run.info.run_name, status=run.info.status, started=run.info.start_time / 1000, params=_params(run.data),
                metrics={name: value for name, value in run.data.metrics.items() if math.isfinite(value)}, data=run.data.tags.get(DATA, ""), parent=run.data.tags.get(PARENT, ""),
            )
            for run in found
            if KEY in run.data.tags and KIND in run.data.tags
        )  # fmt: skip

    def changes(self, run_id: str) -> str:
        """What a run's variant changed in the prompts, as a unified diff; empty where nothing."""
        with self._reported():
            uri = self._client().get_run(run_id).info.artifact_uri
        file = (
            Path(url2pathname(urlsplit(uri).path)) / "prompts" / "changes.diff"
        )  # asked for through MLflow it takes a quarter of a second
        try:
            return file.read_text("utf-8") if file.is_file() else ""
        except (OSError, ValueError) as error:
            raise Untracked(f"{file}: cannot be read ({error})") from error

    # --- traces -----------------------------------------------------------------------------------------------------

    @contextmanager
    def tracing(self, task: str, key: str, *, share: float = 1.0) -> Iterator[list[str]]:
        """DSPy's steps within are traced into the task's experiment, marked with the run's `key`: all, or a random `share` of them.

        Yields the reasons for which something is not traced, to which more may come until the end; everything else goes on as
        without. A traced program costs some 0.2 s of computing, so generation traces a small share, if any.
        """
        problems: list[str] = []
        stack = ExitStack()

        def attempt(step: Callable[[], None]) -> None:
            try:
                with self._reported():
                    step()
            except Untracked as error:
                problems.append(f"no traces in MLflow, or not all: {error}")

        def begin() -> None:
            self.outbox.check()
            self._trace(stack, task, key, share)

        attempt(begin)
        try:
            yield problems
        finally:
            attempt(stack.close)

    def _trace(self, stack: ExitStack, task: str, key: str, share: float) -> None:
        _prepare()
        import dspy
        import mlflow.dspy
        from mlflow.entities.trace_location import MlflowExperimentLocation

        experiment = self._experiment(task)
        address = mlflow.get_tracking_uri() if mlflow.tracking.is_tracking_uri_set() else None
        usage, sampled = dspy.settings.track_usage, os.environ.get(SAMPLING)

        def restore() -> None:
            mlflow.flush_trace_async_logging()
            mlflow.dspy.autolog(disable=True, silent=True)
            dspy.settings.configure(track_usage=usage)
            os.environ.pop(SAMPLING)
            os.environ.update({SAMPLING: sampled} if sampled is not None else {})
            mlflow.set_tracking_uri(address)
            mlflow.tracing.reset()

        os.environ[SAMPLING] = str(share)
        stack.callback(restore)
        mlflow.set_tracking_uri(self.uri)
        mlflow.tracing.reset()
        mlflow.tracing.set_destination(MlflowExperimentLocation(experiment_id=experiment))
        mlflow.dspy.autolog(log_traces=True, log_traces_from_compile=True, log_traces_from_eval=True, silent=True)
        mlflow.tracing.configure(span_processors=[_mask])
        stack.enter_context(mlflow.tracing.context(metadata={KEY: key}))

    def _client(self) -> "MlflowClient":
        if self._opened is None:
            _prepare()
            from mlflow.tracking import MlflowClient

            self.outbox.check_version()
            self._make_database()
            self.settle()
            self._opened = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
        return self._opened

    def _make_database(self) -> None:
        """Make the database, whole or not at all: of a half-made one, which a killed process leaves, MLflow can make nothing."""
        from filelock import FileLock
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        database = self.folder / "mlflow.db"
        self.folder.mkdir(parents=True, exist_ok=True)
        if database.exists():
            return
        with FileLock(self.folder / "mlflow.lock", timeout=60):
            part = self.folder / "mlflow.partial"
            part.unlink(missing_ok=True)
            if not database.exists():  # another process may have made it meanwhile
                SqlAlchemyStore(f"sqlite:///{part}", (self.folder / "artifacts").as_uri()).engine.dispose()
                part.replace(database)

    def settle(self) -> None:
        """Let artifacts be where the database is: MLflow notes where they were when an experiment began, and folders are copied and moved.

        It is done wherever the database is opened. One that cannot be written is read from a copy, in which that is done.
        """
        with self._reported():
            try:
                settle(self.folder / "mlflow.db", self.folder / "artifacts")
            except sqlite3.OperationalError as error:
                if not getattr(error, "sqlite_errorname", "").startswith("SQLITE_READONLY"):
                    raise
                self._copy = tempfile.TemporaryDirectory()
                copied = Path(self._copy.name) / "mlflow.db"
                shutil.copyfile(self.folder / "mlflow.db", copied)
                settle(copied, self.folder / "artifacts")

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """What MLflow, its database or the file system cannot do becomes one line."""
        _prepare()
        from filelock import Timeout

        try:
            from mlflow.exceptions import MlflowException
            from sqlalchemy.exc import SQLAlchemyError
        except ImportError as error:
            raise Untracked(f"MLflow cannot be loaded ({error}); install it: pip install 'mlflow>=3.17'") from error
        try:
            yield
        except Timeout as error:
            raise Untracked(
                f"{self.outbox.folder}: another process is recording there; give the command again when it has ended"
            ) from error
        except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
            said = str(getattr(error, "orig", None) or error).split("[SQL:")[0]
            raise Untracked(f"{self.outbox.database}: {' '.join(said.split())[:300]}") from error

    def _must_exist(self, what: str) -> None:
        if not (self.folder / "mlflow.db").exists():
            raise UsageError(f"{self.outbox.folder}: holds no tracked runs, so no {what}; `seedless generate` makes one")


def main() -> None:
    """Load MLflow, wait for a line on stdin, empty the outbox, and say what could not be recorded as one JSON object.

    One process does so at a time, and has the lock before it loads anything; another says that the outbox is emptied elsewhere, and ends. Whoever finds
    the lock taken has put its record into the outbox before. So who has it looks there once more when it has let go, and goes on if there is anything new.
    """
    from filelock import FileLock, Timeout

    _give_way()
    tracker, tried = Tracker(Path(sys.argv[1]), pause=PAUSE), set[Version]()
    told = False
    try:
        tracker.outbox.path.mkdir(parents=True, exist_ok=True)
        while not told or tracker.untried(tried):
            with FileLock(tracker.outbox.recorder, timeout=GRACE):
                failed = tracker.empty(tried) if told else _first(tracker, tried)
                if not told:
                    _tell({"failed": failed})
                    told = True
    except Timeout:
        if not told:
            _tell({"failed": (), "elsewhere": True})
    except (Untracked, OSError) as error:
        if not told:
            _tell({"failed": (str(error),)})


def _first(tracker: Tracker, tried: set[Version]) -> tuple[str, ...]:
    """Load MLflow, and record what is handed over; while it is waited for, what others leave in the outbox."""
    tracker.load()
    others = set[Version]()
    while not select.select([sys.stdin], [], [], GLANCE)[0]:
        if tracker.untried(others):
            with suppress(Untracked):  # it is tried again
                tracker.empty(others)
    return tracker.empty(tried) if tracker.outbox.pending() else ()


def _tell(said: Mapping[str, Any]) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def _version_of(file: Path) -> Version:
    """The file as it is now: each record is whole, and another file."""
    found = file.stat()
    return file, hash((found.st_ino, found.st_mtime_ns))


def _params(data: Any) -> dict[str, str]:
    """A run's parameters as its newest record has them."""
    return dict(data.params) | {tag.removeprefix(LATER): value for tag, value in data.tags.items() if tag.startswith(LATER)}


def _give_way() -> None:
    """Take the lowest priority: whoever generates rows goes first.

    Linux may share out processors among sessions before it looks at priorities within them, and this process has a session of its own.
    """
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text("19", "ascii")


def _prepare() -> None:
    """What must be so before MLflow's first import: no look-ups on a network, and no lines on stderr that nobody asked for."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _mask(span: Any) -> None:
    """Take what the environment keeps secret out of a traced step, and out of the errors that it met."""
    for get, put in ((span.inputs, span.set_inputs), (span.outputs, span.set_outputs)):
        if get is not None:
            put(without_secrets(get))
    told = {name: value for name, value in span.attributes.items() if isinstance(value, str | list | dict)}
    span.set_attributes({name: without_secrets(value) for name, value in told.items()})
    for event in span._span.events:  # MLflow gives copies of them, and has no way to change one
        event._attributes = without_secrets(event.attributes or {})
    if span.status.description:
        span.set_status(type(span.status)(span.status.status_code, without_secrets(span.status.description)))


if __name__ == "__main__":
    main()
