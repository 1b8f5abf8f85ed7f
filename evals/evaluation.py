"""The whole evaluation of a data set: what it teaches, whether its labels hold, how varied, hard, biased and clean it is."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seedless.dataset import task_for
from seedless.errors import SetupError, UsageError
from seedless.evals.bias import Bias, bias
from seedless.evals.contamination import Contamination, contamination
from seedless.evals.difficulty import Difficulty, difficulty
from seedless.evals.diversity import Diversity, diversity
from seedless.evals.label_quality import LabelQuality, label_quality
from seedless.evals.labelled import LabelledRows, digest_of, read_labelled
from seedless.evals.measures.crossvalidation import held_out
from seedless.evals.measures.sampling import sampled
from seedless.evals.students import STUDENTS, Student, student_names, student_of
from seedless.evals.summary import notes, told
from seedless.evals.usefulness import Usefulness, usefulness
from seedless.evals.zero_shot import zero_shot as asked_without_training
from seedless.files import read_ledger, read_refusals
from seedless.given import check_count, check_path
from seedless.text import normalized
from seedless.whole import whole

if TYPE_CHECKING:
    import dspy

    from seedless.task import Task
    from seedless.taskfile import TaskLike

__all__ = ["Evaluation", "evaluate"]

POOL = 4  # times as many real rows of each label as there are synthetic ones: draws of them differ, and few are embedded
MOST = 2500  # real rows of such a pool, unless there are more synthetic ones: as many as the oracle learns from
FEWEST_LABELS = 2  # of the rows' labels that the real rows must have: of a single one there is nothing to tell apart

Rows = str | Path | Iterable[Any]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every figure of one data set. `usefulness` is None where no real test rows were given, `contamination` where no real rows were.

    `labels` are the task's, in the order of every matrix; `digest` names the rows' texts and labels. `misread` has a sentence for each label
    whose drafts the run's verifier often read as another; none where the rows are no run's.
    """

    task: str
    labels: tuple[str, ...]
    rows: int
    digest: str
    source: str
    usefulness: Usefulness | None
    label_quality: LabelQuality
    diversity: Diversity
    difficulty: Difficulty
    bias: Bias
    contamination: Contamination | None
    misread: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Plain data: what `evaluation.json` holds."""
        parts = ("usefulness", "label_quality", "diversity", "difficulty", "bias", "contamination")
        found = {name: getattr(self, name) for name in parts}
        return {
            "task": self.task,
            "labels": list(self.labels),
            "rows": self.rows,
            "digest": self.digest,
            "source": self.source,
            **{name: part.record() if part is not None else None for name, part in found.items()},
            "notes": list(notes(self)),
        }

    def told(self) -> str:
        """The figures that matter most of each analysis, a line each."""
        return told(self)


def evaluate(
    data: Rows,
    task: "TaskLike | None" = None,
    *,
    train: Rows | None = None,
    test: Rows | None = None,
    direct: Rows | None = None,
    zero_shot: "str | dspy.BaseLM | None" = None,
    api_base: str | None = None,
    students: str | Sequence[str] = tuple(STUDENTS),
    seed: int = 0,
    out: str | Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Evaluate the rows in `data`.

    Parameters
    ----------
    data
        The folder of a run or of a data set, or a .jsonl, .csv or .parquet file with the task's fields and `label`; or the rows themselves: a list of
        mappings, a `datasets.Dataset` (as `generate` returns it) or a data frame.
    task
        A `Task`, the name of a built-in one, the path of a task file, or a mapping of what such a file holds; by default the built-in one that the run in `data` names.
    train, test
        Real labelled rows, given as `data` is. Usefulness needs `test`; what it is compared with, the oracle and the real rows' figures need `train`. Usefulness, label quality and
        diversity look at a draw of `train` with the synthetic rows' shares of labels, bias and contamination at all of it.
    direct
        Rows of the naive prompt, to compare with: a run of `--strategy direct`.
    zero_shot, api_base
        An LM to ask for the labels of the test rows, and where it is reached.
    students
        `tfidf`, `minilm` or both, as on the command line or one by one. MiniLM, where it is named, also reads labels and difficulty of English rows; without it nothing is embedded.
    seed
        Of every random choice.
    out
        File to write the figures to, as JSON; for a run's folder, its `evaluation.json` if left out.
    say
        Is told of each analysis as it begins.

    Raises
    ------
    UsageError
        If anything given cannot be used.
    LMUnusable
        If the LM to ask cannot be used.

    Examples
    --------
    >>> from seedless import evaluate
    >>> found = evaluate("out/movie_reviews", "movie_reviews", test="test.jsonl", train="train.jsonl")    # doctest: +SKIP
    >>> found.usefulness.students["tfidf"].ratio.value                                                    # doctest: +SKIP
    0.93
    """
    named = _students(students)
    _check(zero_shot, api_base, out, seed)
    path = Path(data) if isinstance(data, str | Path) else None
    given = _read(data, task_for(path, task), train=train, test=test, direct=direct, seed=seed)
    misread = read_ledger(path).misread(given.task.unled) if path is not None and (path / "ledger.json").is_file() else ()
    if given.test is None and (zero_shot is not None or given.naive is not None):
        raise UsageError("given --direct or --zero-shot without real rows to test on; give them with --test FILE")
    taught = {name: student_of(name) for name in named}
    useful = None
    if given.test is not None:
        useful = _usefulness(given, given.test, taught, zero_shot, api_base=api_base, seed=seed, say=say)
    reader = taught["minilm" if "minilm" in named and given.task.language == "en" else named[0]]
    say(f"label quality: {reader.name} reads the labels")
    read = held_out(given.rows.take(sampled(len(given.rows), seed)), reader, seed=seed)
    refused = _refusals(path) if path is not None else ()
    quality = label_quality(given.rows, train=given.beside, refusals=refused, student=reader, seed=seed, read=read)
    say("diversity: texts are compared with each other")
    varied = diversity(given.rows, real=given.beside, seed=seed, **({} if "minilm" in named else {"sample": 0}))
    say(f"difficulty: {reader.name} reads the texts")
    real = given.test if given.test is not None else given.beside
    hard = difficulty(given.rows, test=real, student=reader, seed=seed, read=read)
    say("bias: what the labels go with")
    biased = bias(given.rows, real=given.train, seed=seed)
    splits = {name: split for name, split in (("train", given.train), ("test", given.test)) if split is not None}
    if splits:
        say(f"contamination: texts are looked for in the real rows ({', '.join(splits)})")
    found = Evaluation(
        task=given.task.name,
        labels=given.task.label_names,
        rows=len(given.rows),
        digest=digest_of(given.rows.records, [field.name for field in given.task.fields]),
        source=given.rows.source,
        usefulness=useful,
        label_quality=quality,
        diversity=varied,
        difficulty=hard,
        bias=biased,
        contamination=contamination(given.rows, real=splits, seed=seed) if splits else None,
        misread=misread,
    )
    _write(found, Path(out) if out is not None else path / "evaluation.json" if path is not None and path.is_dir() else None)
    return found


@dataclass(frozen=True, slots=True)
class _Given:
    """What is evaluated, and what with: `beside` are the rows of `train` that usefulness, label quality and diversity draw on."""

    task: "Task"
    rows: LabelledRows
    train: LabelledRows | None
    test: LabelledRows | None
    beside: LabelledRows | None
    naive: LabelledRows | None


def _read(data: Rows, task: "Task", *, train: Rows | None, test: Rows | None, direct: Rows | None, seed: int) -> _Given:
    rows = read_labelled(data, task)
    real_train = read_labelled(train, task, called="train row") if train is not None else None
    real_test = read_labelled(test, task, called="test row") if test is not None else None
    beside = _pool(real_train, rows, seed) if real_train is not None else None
    if beside is not None and (labels := int((beside.counts > 0).sum())) < FEWEST_LABELS:
        raise UsageError(
            f"{beside.source}: has rows of {labels} of the labels that {rows.source} has, two at least are needed; give real rows of the same labels"
        )
    naive = read_labelled(direct, task, called="direct row") if direct is not None else None
    return _Given(task, rows, real_train, real_test, beside, naive)


def _students(given: str | Sequence[str]) -> tuple[str, ...]:
    """The students' names, one at least."""
    if not (named := student_names(given)):
        raise UsageError(f"given no student, allowed are {', '.join(STUDENTS)}; name one of them")
    return named


def _check(zero_shot: "str | dspy.BaseLM | None", api_base: str | None, out: str | Path | None, seed: int) -> None:
    """Told before hours are spent, not after."""
    check_count({"seed": seed}, least=0, optional=False)
    out = check_path("out", out)
    if api_base is not None and zero_shot is None:
        raise UsageError(
            "given --api-base without --zero-shot, which names the LM that is reached there; name it, or leave the address out"
        )
    if out is not None and not out.parent.is_dir():
        raise SetupError(f"{out}: its folder does not exist; make it or give another file")
    if out is not None and out.is_dir():
        raise SetupError(f"{out}: cannot be written (it is a folder); give another file")


def _usefulness(
    given: _Given,
    test: LabelledRows,
    students: Mapping[str, Student],
    zero_shot: "str | dspy.BaseLM | None",
    *,
    api_base: str | None,
    seed: int,
    say: Callable[[str], None],
) -> Usefulness:
    """What the rows teach, beside the LM's own labels where it is asked, with what is to be minded."""
    asked = None
    if zero_shot is not None:
        say(f"zero-shot: {zero_shot} is asked for labels of the test rows")
        asked = asked_without_training(test, zero_shot, api_base=api_base, seed=seed)
    found = usefulness(
        given.rows, test=test, students=list(students.values()), train=given.beside, direct=given.naive, zero_shot=asked, seed=seed,
        say=say,
    )  # fmt: skip
    return replace(found, notes=(*found.notes, *_to_mind(given, test, students)))


def _to_mind(given: _Given, test: LabelledRows, students: Iterable[str]) -> Iterator[str]:
    """What usefulness on the test rows is to be taken with."""
    known = set(map(normalized, given.train.texts)) if given.train is not None else set()
    if copied := sum(normalized(text) in known for text in test.texts):
        yield f"{copied} of the {len(test)} test rows stand word for word in the train file: real rows look better for it"
    if "minilm" in students and given.task.language != "en":
        yield f"minilm is an English encoder, the rows are in {given.task.language!r}: judge by tfidf"


def _pool(train: LabelledRows, rows: LabelledRows, seed: int) -> LabelledRows:
    """The real rows beside `rows`: `POOL` times as many of each label, `MOST` in all or as many as there are of `rows`."""
    times = max(1.0, min(POOL, MOST / len(rows)))
    return train.draw([round(times * int(count)) for count in rows.counts], np.random.default_rng(seed))


def _refusals(folder: Path) -> list[dict[str, Any]]:
    return list(read_refusals(folder)) if (folder / "refusals.jsonl").is_file() else []


def _write(found: Evaluation, file: Path | None) -> None:
    if file is None:
        return
    try:
        with whole(file) as part:
            part.write_text(json.dumps(found.record(), ensure_ascii=False, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise SetupError(f"{file}: cannot be written ({error.strerror}); give another file") from error
