"""Records in a real MLflow database, read back with MLflow's own functions."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from filelock import FileLock

from seedless import Generation, Options, UsageError
from seedless.evals import tracking
from seedless.evals.recording.account import record_of_generation
from seedless.evals.recording.outbox import Outbox, Recorder, quiet_environment
from seedless.evals.recording.record import Record, Untracked
from seedless.evals.tracking import Tracker
from seedless.testing import fake_lm
from tests.command_line import CommandLine
from tests.evals.conftest import MakeRun, sulky
from tests.evals.recording.test_outbox import locked
from tests.openai_server import Author, Fault, OpenAIServer

STAGES = {
    "name_contexts.name_list.name_list", "name_seeds.name_list.name_list", "write_instance.write.generate", "write_instance.write.revise",
    "write_instance.verifier.judge",
}  # fmt: skip


@pytest.fixture
def mlflow(tracker: Tracker) -> Iterator[Any]:
    """MLflow's own functions, on the tracker's database."""
    import mlflow

    mlflow.set_tracking_uri(tracker.uri)
    mlflow.set_registry_uri(tracker.uri)
    yield mlflow
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)


def test_a_run_is_there_with_all_that_belongs_to_it(tracker: Tracker, run: MakeRun, mlflow: Any, tmp_path: Path) -> None:
    generation = run("out", n=20, answer=sulky(4), attempts=1)
    (tmp_path / "out" / "report.html").write_text("<h1>Report</h1>", "utf-8")
    record = record_of_generation(generation)
    run_id = tracker.record(record)
    (found,) = mlflow.search_runs(experiment_names=["rooms"]).to_dict("records")
    assert found["run_id"] == run_id
    assert found["status"] == "FINISHED"
    assert {name.removeprefix("metrics."): value for name, value in found.items() if name.startswith("metrics.")} == record.metrics
    params = {name.removeprefix("params."): value for name, value in found.items() if name.startswith("params.")}
    assert params == {name: str(value) for name, value in record.params.items()}
    client, experiment = mlflow.MlflowClient(), mlflow.get_experiment_by_name("rooms").experiment_id
    rows, refusals = (client.load_table(experiment, f"{name}.json", [run_id]) for name in ("rows", "refusals"))
    assert list(rows["text"]) == [row["text"] for row in record.rows]
    assert len(rows) == 20
    assert list(refusals["sentence"]) == [refusal["sentence"] for refusal in record.refusals]
    assert len(refusals) > 2
    kept = mlflow.artifacts.list_artifacts(run_id=run_id, artifact_path="prompts")
    assert {Path(file.path).stem for file in kept} == STAGES, "one text a stage, and no diff where nothing changed"
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/report.html") == "<h1>Report</h1>"
    assert json.loads(mlflow.artifacts.load_text(f"runs:/{run_id}/task.json"))["name"] == "rooms"
    (data,) = mlflow.get_run(run_id).inputs.dataset_inputs
    assert record.data is not None
    assert (data.dataset.name, data.dataset.digest) == ("rooms", record.data.digest)
    (seen,) = tracker.runs("rooms")
    assert (seen.run_id, seen.key, seen.kind, seen.data) == (run_id, generation.run_id, "generate", record.data.digest)
    assert seen.metrics == record.metrics
    artifacts = Path(mlflow.get_run(run_id).info.artifact_uri.removeprefix("file://"))
    assert artifacts.is_relative_to(tracker.folder / "artifacts")


def test_a_run_that_is_taken_up_again_is_one_run(tracker: Tracker, task: Path, tmp_path: Path) -> None:
    records = []
    for budget in (8, 100):
        given = Options(lm=fake_lm(Author(budget)), max_calls=budget)
        with Generation(task, n=6, out=tmp_path / "out", options=given) as generation:
            for _ in generation:
                pass
        records.append(record_of_generation(generation))
        tracker.record(records[-1])
    (found,) = tracker.runs()
    assert [record.status for record in records] == ["KILLED", "FINISHED"]
    assert records[0].metrics["rows"] < 6
    assert found.status == "FINISHED"
    assert found.metrics["rows"] == 6
    assert found.params["budget_calls"] == "100"
    kept = tracker._client().get_run(found.run_id).data
    assert (kept.params["budget_calls"], kept.tags["seedless.later.budget_calls"]) == ("8", "100")
    with Generation(task, n=6, out=tmp_path / "out", options=Options(lm=fake_lm(Author()), fresh=True)) as anew:
        for _ in anew:
            pass
    tracker.record(record_of_generation(anew))
    assert len(tracker.runs()) == 2


def test_a_run_s_newest_record_is_what_it_is(tracker: Tracker) -> None:
    """A parameter that changes, one that changes back, and a figure that is there no more."""
    record = Record(
        key="k", kind="compile", task="rooms", name="gepa", params={"program": "old", "seed": 0}, metrics={"metric": 0.4}, ended=1e9
    )
    seen = []
    for later, (program, metrics) in enumerate(
        [("old", {"metric": 0.4, "gain": 0.1}), ("new", {"metric": 0.8}), ("old", {"calls": 9.0})]
    ):
        tracker.record(replace(record, params={"program": program, "seed": 0}, metrics=metrics, ended=record.ended + later))
        (run,) = tracker.runs("rooms")
        seen.append((run.params, run.metrics))
    assert seen == [
        ({"program": "old", "seed": "0"}, {"metric": 0.4, "gain": 0.1}),
        ({"program": "new", "seed": "0"}, {"metric": 0.8}),
        ({"program": "old", "seed": "0"}, {"calls": 9.0}),
    ]


def test_a_folder_that_was_copied_or_moved_takes_its_artifacts_along(
    tracker: Tracker, variants: tuple[Record, ...], tmp_path: Path
) -> None:
    for record in variants:
        tracker.record(record)
    before = {run.run_id: tracker.changes(run.run_id) for run in tracker.runs()}
    assert any(before.values())
    shutil.copytree(tracker.folder, tmp_path / "a copy" / "mlruns")
    files = sorted(tracker.folder.rglob("*"))
    copy = Tracker(tmp_path / "a copy" / "mlruns")
    run_id = copy.record(replace(variants[1], key="another"))
    assert sorted(tracker.folder.rglob("*")) == files, "nothing is written into the old place"
    assert list((copy.folder / "artifacts" / "rooms" / run_id).rglob("changes.diff"))
    shutil.move(tracker.folder, tmp_path / "moved")
    for there in (copy, Tracker(tmp_path / "moved")):
        found = {run.run_id: there.changes(run.run_id) for run in there.runs()}
        assert {name: found[name] for name in before} == before


def test_a_copy_that_cannot_be_written_can_be_looked_at(
    tracker: Tracker, variants: tuple[Record, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a read-only file system, which root cannot lay out by permissions: SQLite is told that the file is for reading."""
    for record in variants:
        tracker.record(record)
    before = {run.run_id: tracker.changes(run.run_id) for run in tracker.runs()}
    place = tmp_path / "a copy" / "mlruns"
    shutil.copytree(tracker.folder, place)
    connect = sqlite3.connect

    def reading(file: Any, *more: Any, **options: Any) -> sqlite3.Connection:
        if not str(file).startswith(str(place)):
            return connect(file, *more, **options)
        return connect(f"file:{quote(str(file))}?mode=ro", *more, uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", reading)
    there, whole = Tracker(place), (place / "mlflow.db").read_bytes()
    assert {run.run_id: there.changes(run.run_id) for run in there.runs()} == before
    assert (place / "mlflow.db").read_bytes() == whole
    assert not there.uri.endswith(f"{place}/mlflow.db")


def test_another_process_that_records_is_told_as_that(tracker: Tracker, run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    import filelock

    tracker.outbox.put(record_of_generation(run()))
    soon = filelock.FileLock
    monkeypatch.setattr(filelock, "FileLock", lambda path, **_: soon(path, timeout=0.1))
    with soon(tracker.outbox.path / "lock"):
        (said,) = tracker.drain()
    assert said == f"{tracker.outbox.folder}: another process is recording there; give the command again when it has ended"
    assert tracker.drain() == ()


def test_what_is_put_while_another_process_records_is_recorded_too(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    record, met = tracker.record, list[str]()

    def meanwhile(each: Record) -> str:
        if not met:
            tracker.outbox.put(replace(each, metrics={"rows": 3.0}))  # the same run again, and another
            tracker.outbox.put(replace(each, key="another"))
        met.append(each.key)
        return record(each)

    monkeypatch.setattr(tracker, "record", meanwhile)
    tracker.outbox.put(Record(key="one", kind="generate", task="rooms", name="x", params={}, metrics={"rows": 2.0}))
    assert tracker.drain() == ()
    assert sorted(met) == ["another", "one", "one"]
    assert tracker.outbox.pending() == ()
    assert {run.key: run.metrics["rows"] for run in tracker.runs()} == {"one": 3.0, "another": 2.0}


def test_who_waits_for_another_process_that_records_waits_for_one_record_and_not_for_all(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has the lowest priority: on a busy machine all of them took minutes."""
    other, mine, begun = Tracker(tracker.folder, pause=0.15), Tracker(tracker.folder), threading.Event()

    def slow(_: Record) -> str:
        begun.set()
        time.sleep(0.2)
        return ""

    quick: list[str] = []
    monkeypatch.setattr(other, "record", slow)
    monkeypatch.setattr(mine, "record", lambda record: quick.append(record.key) or "")
    for number in range(8):
        tracker.outbox.put(replace(ONE, key=str(number)))
    process = threading.Thread(target=other.drain)
    process.start()
    begun.wait(30)
    assert mine.drain() == ()
    process.join(10)
    assert quick
    assert tracker.outbox.pending() == ()


ONE = Record(key="one", kind="generate", task="rooms", name="x", params={}, metrics={"rows": 2.0})
ANOTHER = replace(ONE, key="another")


def test_a_second_recording_process_ends_before_it_loads_mlflow(tracker: Tracker) -> None:
    tracker.outbox.put(ONE)
    code = (
        f"import sys, seedless.evals.tracking as tracking; sys.argv[1:] = [{str(tracker.folder)!r}]; tracking.main();"
        "print('mlflow' in sys.modules)"
    )
    with FileLock(tracker.outbox.recorder):
        done = subprocess.run([sys.executable, "-c", code], input="go\n", capture_output=True, text=True, check=True)
    said, loaded = done.stdout.splitlines()
    assert (json.loads(said)["elsewhere"], loaded) == (True, "False")
    assert len(tracker.outbox.pending()) == 1


def test_what_is_left_to_a_recording_process_at_its_end_is_recorded(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its last look at the outbox and its end another process finds that it is there, and ends."""
    said: list[Any] = []

    def tell(what: Any) -> None:
        said.append(what)
        tracker.outbox.put(ANOTHER)
        command = [sys.executable, "-m", "seedless.evals.tracking", str(tracker.folder)]
        said.append(json.loads(subprocess.run(command, input="go\n", capture_output=True, text=True, check=True).stdout))

    read, write = os.pipe()
    os.write(write, b"go\n")
    monkeypatch.setattr(tracking, "_give_way", lambda: None)
    monkeypatch.setattr(tracking, "_tell", tell)
    monkeypatch.setattr(sys, "argv", ["", str(tracker.folder)])
    with open(read) as stdin, open(write, "w"):
        monkeypatch.setattr(sys, "stdin", stdin)
        tracker.outbox.put(ONE)
        tracking.main()
    assert said == [{"failed": ()}, {"failed": [], "elsewhere": True}]
    assert tracker.outbox.pending() == ()
    assert {run.key for run in tracker.runs()} == {"one", "another"}


def test_a_recording_process_that_waits_for_its_own_run_records_those_of_others(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    read, write = os.pipe()
    monkeypatch.setattr(tracking, "_give_way", lambda: None)
    monkeypatch.setattr(tracking, "_tell", said.append)
    monkeypatch.setattr(tracking, "GLANCE", 0.05)
    monkeypatch.setattr(sys, "argv", ["", str(tracker.folder)])
    with open(read) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        process = threading.Thread(target=tracking.main)
        process.start()
        tracker.outbox.put(ONE)
        until = time.monotonic() + 120
        while tracker.outbox.pending() and time.monotonic() < until:
            time.sleep(0.05)
        assert (tracker.outbox.pending(), tracker.outbox.busy(), said) == ((), True, [])
        tracker.outbox.put(ANOTHER)
        os.close(write)
        process.join(120)
    assert said == [{"failed": ()}]
    assert not tracker.outbox.busy()
    assert {run.key for run in tracker.runs()} == {"one", "another"}


def test_candidates_are_children(tracker: Tracker, mlflow: Any) -> None:
    child = Record(key="c1", kind="compile", task="rooms", name="candidate 1", params={"candidate": 1}, metrics={"metric": 0.4})
    children = (child, replace(child, key="c2", metrics={"metric": 0.6}))
    parent = Record(
        key="p", kind="compile", task="rooms", name="gepa", params={"optimizer": "gepa"}, metrics={"metric": 0.6}, children=children
    )
    run_id = tracker.record(parent)
    assert tracker.record(parent) == run_id
    found = mlflow.search_runs(experiment_names=["rooms"], filter_string=f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert sorted(found["metrics.metric"]) == [0.4, 0.6]
    assert len(tracker.runs()) == 3
    assert {each.parent for each in tracker.runs()} == {"", run_id}


def test_the_registry_holds_each_prompt_once_and_its_aliases_move(
    tracker: Tracker, variants: tuple[Record, ...], mlflow: Any
) -> None:
    plain, vivid, terse, *_ = variants
    for record in (plain, vivid, terse, plain):
        tracker.record(record)
    writer = "rooms.write_instance.write.generate"
    assert {prompt.name for prompt in mlflow.genai.search_prompts()} == {"rooms", *(f"rooms.{stage}" for stage in STAGES)}
    assert [int(v.version) for v in mlflow.MlflowClient().search_prompt_versions(writer)] == [3, 2, 1]
    assert len(mlflow.MlflowClient().search_prompt_versions("rooms.write_instance.verifier.judge")) == 1
    assert "a child would choose" in mlflow.genai.load_prompt(f"prompts:/{writer}@champion", cache_ttl_seconds=0).template
    assert mlflow.genai.load_prompt(f"prompts:/{writer}@in-use", cache_ttl_seconds=0).version == 1
    run = next(each for each in tracker.runs() if each.key == vivid.key)
    linked = json.loads(tracker._client().get_run(run.run_id).data.tags["mlflow.linkedPrompts"])
    assert {"name": writer, "version": "2"} in linked
    assert "+Choose words that a child would choose." in tracker.changes(run.run_id).splitlines()


def test_a_program_of_the_registry_writes_the_next_run(
    tracker: Tracker, variants: tuple[Record, ...], task: Path, tmp_path: Path
) -> None:
    for record in variants:
        tracker.record(record)
    for given, record in (("prompts:/rooms@champion", variants[1]), ("prompts:/rooms/3", variants[2])):
        with tracker.program_file(given) as path:
            assert path is not None
            generation = Generation(task, n=2, out=tmp_path / path.stem, options=Options(lm=fake_lm(Author()), program=path))
            generation.close()
            assert generation.program.hash == record.params["program"]
        assert not path.exists()
    with tracker.program_file("compiled.json") as path:
        assert path == Path("compiled.json")


REFUSED = {
    "prompts:/rooms": "prompts:/NAME@ALIAS",
    "prompts:/rooms@": "prompts:/NAME@ALIAS",
    "prompts:/@champion": "prompts:/NAME@ALIAS",
    "prompts:/rooms/1/2": "prompts:/NAME@ALIAS",
    "prompts:/rooms@best": "has no @best of 'rooms' (programs: rooms)",
    "prompts:/rooms/99": "has no /99 of 'rooms'",
    "prompts:/halls@champion": "of 'halls' (programs: rooms)",
}


def test_a_program_that_is_not_there_is_refused(tracker: Tracker, run: MakeRun) -> None:
    tracker.record(record_of_generation(run()))
    for given, said in REFUSED.items():
        with pytest.raises(UsageError) as refused:
            tracker.program(given)
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)


def test_nothing_tracked_is_said_and_makes_no_database(tmp_path: Path) -> None:
    tracker = Tracker(tmp_path / "mlruns")
    for ask in (tracker.runs, lambda: tracker.program("prompts:/rooms@champion")):
        with pytest.raises(UsageError, match="holds no tracked runs"):
            ask()
    assert not (tmp_path / "mlruns").exists()


def test_an_unknown_task_is_refused_with_those_that_are_there(tracker: Tracker, run: MakeRun) -> None:
    tracker.record(record_of_generation(run()))
    with pytest.raises(UsageError, match=r"given the task 'room'.*are rooms"):
        tracker.runs("room")


def test_an_experiment_that_was_deleted_comes_back(tracker: Tracker, run: MakeRun) -> None:
    record = record_of_generation(run())
    tracker.record(record)
    tracker._client().delete_experiment(tracker._experiment("rooms"))
    tracker.record(replace(record, key="another"))
    assert len(tracker.runs("rooms")) == 2


# --- a database that does not do its part ------------------------------------------------------------------------------


def test_what_cannot_be_recorded_waits_and_is_recorded_later(tracker: Tracker, run: MakeRun, mlruns: Path) -> None:
    outbox = Outbox(mlruns)
    outbox.put(record_of_generation(run()))
    with locked(mlruns / "mlflow.db"):
        assert tracker.drain() == (f"{mlruns}/mlflow.db: database is locked",)
    assert len(outbox.pending()) == 1
    assert tracker.drain() == ()
    assert outbox.pending() == ()
    assert len(tracker.runs()) == 1


def test_one_record_that_cannot_be_read_holds_up_no_other(tracker: Tracker, run: MakeRun, mlruns: Path) -> None:
    outbox = Outbox(mlruns)
    outbox.put(record_of_generation(run()))
    (outbox.path / "torn.json").write_text("{", "utf-8")
    (said,) = tracker.drain()
    assert said.startswith("torn.json: a record that cannot be read")
    assert [file.name for file in outbox.pending()] == ["torn.json"]
    assert len(tracker.runs()) == 1


def test_a_record_that_mlflow_refuses_is_told(tracker: Tracker) -> None:
    record = Record(key="k", kind="generate", task="rooms", name="x", params={}, metrics={"//": 1.0})
    with pytest.raises(Untracked, match="Invalid value"):
        tracker.record(record)


def test_a_program_too_long_for_the_registry_is_an_artifact_only(tracker: Tracker, run: MakeRun) -> None:
    record = replace(record_of_generation(run()), program=json.dumps({"x": "y" * 100_000}))
    run_id = tracker.record(record)
    tags = tracker._client().get_run(run_id).data.tags
    assert tags["seedless.unregistered.rooms"] == "100009 characters, at most 100000"
    assert len(json.loads(tags["mlflow.linkedPrompts"])) == len(STAGES)
    assert "program.json" in {file.path for file in tracker._client().list_artifacts(run_id)}


def test_a_database_that_is_torn_is_told(tracker: Tracker, run: MakeRun, mlruns: Path) -> None:
    tracker.record(record_of_generation(run()))
    (mlruns / "mlflow.db").write_bytes((mlruns / "mlflow.db").read_bytes()[:100_000])
    with pytest.raises(Untracked, match=r"mlflow\.db"):
        Tracker(mlruns).runs()


def test_a_database_is_made_whole_by_one_of_those_who_make_it_at_once(tmp_path: Path) -> None:
    """What a process left that was killed while it made one is in nobody's way."""
    (tmp_path / "mlruns").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "mlruns" / "mlflow.partial")) as half:
        half.execute("CREATE TABLE experiments (experiment_id INTEGER)")
    trackers = [Tracker(tmp_path / "mlruns") for _ in range(3)]
    seen: list[int] = []

    def ask(tracker: Tracker) -> None:
        until = time.monotonic() + 60
        while not (tmp_path / "mlruns" / "mlflow.db").exists() and tracker is trackers[2] and time.monotonic() < until:
            time.sleep(0.001)  # the third one opens it as soon as there is one
        tracker.load()
        seen.append(len(tracker.runs()))

    threads = [threading.Thread(target=ask, args=(tracker,)) for tracker in trackers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert seen == [0, 0, 0]
    assert not list((tmp_path / "mlruns").glob("*.partial"))


def test_a_database_of_another_mlflow_is_told(tracker: Tracker, mlruns: Path) -> None:
    with contextlib.closing(sqlite3.connect(mlruns / "mlflow.db", isolation_level=None)) as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(Untracked, match="is of another version of MLflow"):
        tracker.load()


@pytest.mark.slow
def test_a_wait_for_another_process_that_records_is_told(tracker: Tracker, seedless: CommandLine, tmp_path: Path) -> None:
    tracker.record(ONE)
    tracker.outbox.put(ANOTHER)
    with FileLock(tracker.outbox.lock):
        run = seedless.start("compare", cwd=tmp_path)
        until = time.monotonic() + 50
        while "waiting for another process" not in run._err.read_text("utf-8") and time.monotonic() < until:
            time.sleep(0.1)
        assert run._err.read_text("utf-8") == (
            "seedless: recording 1 earlier run in mlruns, or waiting for another process that does\n"
        )
    done = run.wait(60)
    assert done.code == 0
    assert tracker.outbox.pending() == ()


NEWER = ("found ffffffffffff, this one writes", "); move it away, and a new one is made")
OLDER = ("found 451aebb31d03, this one writes", "); upgrade it with `mlflow db upgrade sqlite:///mlruns/mlflow.db`, or move it away, and a new one is made")  # fmt: skip
TORN = ("file is not a database; move it away, and a new one is made",)


@pytest.mark.parametrize("said", [NEWER, OLDER, TORN])
def test_a_database_that_mlflow_cannot_use_is_told_once_with_what_to_do(
    said: tuple[str, ...], mlruns: Path, tmp_path: Path, seedless: CommandLine, task: Path, openai_server: OpenAIServer
) -> None:
    if said is TORN:
        (mlruns / "mlflow.db").write_bytes(b"torn " * 1000)
    else:
        with contextlib.closing(sqlite3.connect(mlruns / "mlflow.db", isolation_level=None)) as database:
            database.execute("UPDATE alembic_version SET version_num = ?", (said[0].split()[1].strip(","),))
    outbox = Outbox(mlruns)
    outbox.put(ONE)
    outbox.put(ANOTHER)
    made = ("generate", task, "-n", "4", "-o", tmp_path / "out", "--lm", "openai/some-model", "--api-base", openai_server.url)
    for command, code in ((("compare",), 2), (("ui",), 2), (made, 0)):
        done = seedless.run(*command, cwd=tmp_path, env={"SEEDLESS_TRACK": "1"})
        assert done.code == code
        (line,) = [line for line in done.err.splitlines() if "mlruns/mlflow.db: " in line]
        assert all(part in line for part in said), line
        assert "--port" not in line
    assert len(outbox.pending()) == 3
    (mlruns / "mlflow.db").rename(mlruns / "before.db")
    assert Tracker(mlruns).drain() == ()
    assert outbox.pending() == ()


# --- traces ------------------------------------------------------------------------------------------------------------


def test_traces_are_marked_masked_and_end_with_the_context(
    tracker: Tracker, task: Path, mlflow: Any, mlruns: Path, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is in the LM's own settings, and the model repeats it, once in an answer that cannot be read."""
    import dspy

    monkeypatch.setenv("OPENAI_API_KEY", "sk-fake-trace-key")
    mlflow.set_tracking_uri(None)

    def repeated(text: str) -> str:
        return json.dumps({**json.loads(text), "reason": "It says sk-fake-trace-key."})

    unread = Fault(edit=lambda _: "Error, key sk-fake-trace-key", stage="write")
    openai_server.script(lambda number: unread if number == 4 else Fault(edit=repeated, stage="verify"))
    options = Options(lm="openai/some-model", api_base=openai_server.url)
    with Generation(task, n=4, options=options) as generation, tracker.tracing("rooms", generation.run_id) as problems:
        for _ in generation:
            pass
    assert {seen.headers["Authorization"] for seen in openai_server.seen} == {"Bearer sk-fake-trace-key"}
    assert problems == []
    assert not mlflow.tracking.is_tracking_uri_set()
    assert "MLFLOW_TRACE_SAMPLING_RATIO" not in os.environ
    assert not any("mlflow" in type(callback).__module__ for callback in dspy.settings.callbacks)
    mlflow.set_tracking_uri(tracker.uri)
    experiment = mlflow.get_experiment_by_name("rooms").experiment_id
    traces = mlflow.search_traces(locations=[experiment], return_type="list")
    written = [trace for trace in traces if trace.data.spans[0].name == "TarGEN.forward"]
    assert len(written) == 4
    assert {trace.info.trace_metadata["seedless.run"] for trace in written} == {generation.run_id}
    assert any("lantern" in json.dumps(span.inputs, default=str) for span in written[0].data.spans)
    told = "".join(json.dumps(trace.to_dict(), default=str) for trace in traces)
    assert "It says [secret]." in told
    assert "sk-fake-trace-key" not in told
    assert "Error, key [secret]" in told
    assert [path for path in mlruns.rglob("*") if path.is_file() and b"sk-fake-trace-key" in path.read_bytes()] == []


def test_a_share_of_nothing_traces_nothing_and_a_locked_database_stops_no_run(
    tracker: Tracker, task: Path, mlflow: Any, mlruns: Path
) -> None:
    with tracker.tracing("rooms", "k", share=0.0), Generation(task, n=2, options=Options(lm=fake_lm(Author()))) as generation:
        assert len(list(generation)) == 2
    mlflow.set_tracking_uri(tracker.uri)
    assert mlflow.search_traces(locations=[mlflow.get_experiment_by_name("rooms").experiment_id], return_type="list") == []
    with (
        locked(mlruns / "mlflow.db"),
        Tracker(mlruns).tracing("halls", "k") as problems,
        Generation(task, n=2, options=Options(lm=fake_lm(Author()))) as generation,
    ):
        assert len(list(generation)) == 2
    (problem,) = problems
    assert problem.startswith("no traces in MLflow, or not all: ")
    assert "locked" in problem


# --- the process of its own --------------------------------------------------------------------------------------------

WATCH = """
import os, sys
def hook(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        with open(os.path.join(os.path.dirname(__file__), "seen"), "a") as file:
            file.write(f"{event} {args[1:] if event != 'socket.getaddrinfo' else args}\\n")
sys.addaudithook(hook)
os.setpriority = lambda *given: None  # whatever else the machine does, this process is waited for
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this system has no groups of processes by session")
def test_the_process_gives_way_within_its_session_and_among_sessions() -> None:
    code = "import os, seedless.evals.tracking as t; t._give_way(); print(os.nice(0), open('/proc/self/autogroup').read())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, start_new_session=True)
    assert done.stdout.split()[0] == "19"
    assert done.stdout.rstrip().endswith("nice 19")


@pytest.mark.slow
def test_the_process_makes_the_database_offline_and_keeps_no_key(
    run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "sk-fake-0987654321"  # noqa: S105  made up, to be looked for where none may be
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "watch"))
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    monkeypatch.setenv("PLANTED_SETTING", "planted-value-4711")
    control = "import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(('127.0.0.1', 9))"
    subprocess.run([sys.executable, "-c", control], check=True, env=quiet_environment())
    seen = tmp_path / "watch" / "seen"
    assert "socket.connect" in seen.read_text("utf-8"), "the watch must see an attempt where there is one"
    seen.unlink()
    record = record_of_generation(run())
    with Recorder(Outbox(tmp_path / "mlruns")) as recorder:
        disclosing = replace(record, program=f'{{"key": "{secret}"}}', summary=f"It said {secret}.")
        told = recorder.record(disclosing, patience=120)
        assert len(told) == 1, told
        assert "the program of generate of rooms" in told[0]
    assert not seen.exists(), seen.read_text("utf-8")
    assert Outbox(tmp_path / "mlruns").pending() == ()
    assert len(Tracker(tmp_path / "mlruns").runs("rooms")) == 1
    holding = [file for file in (tmp_path / "mlruns").rglob("*") if file.is_file()]
    assert len(holding) > 5
    for hidden in (secret, "planted-value-4711", "PLANTED_SETTING"):
        assert [file for file in holding if hidden.encode() in file.read_bytes()] == []
    assert any(b"[secret]" in file.read_bytes() for file in holding)
    shutil.rmtree(tmp_path / "mlruns")
    with Recorder(Outbox(tmp_path / "mlruns")) as recorder:
        assert recorder.flush() == ()
    assert not (tmp_path / "mlruns").exists()
