"""What `seedless evaluate` found, as far as a report draws it: `evaluation.json`, read and checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from seedless.errors import UsageError
from seedless.files import parsed
from seedless.wording import listed

__all__ = ["ARMS", "Arm", "CurvePoint", "Findings", "Measured", "Taught", "read_findings"]

ARMS: Mapping[str, str] = {
    "real": "{many} real rows",
    "both": "real rows and these",
    "synthetic": "these rows",
    "direct": "{many} naive rows",
    "zero_shot": "the LM, asked directly",
    "majority": "commonest label",
}
"""What a student was trained on, by name, in the order in which a reader compares."""

ANALYSES: Mapping[str, str] = {
    "label_quality": "Label quality",
    "diversity": "Diversity",
    "difficulty": "Difficulty",
    "bias": "Bias",
    "contamination": "Contamination",
}

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Found(BaseModel):
    """A part of `evaluation.json`. What is not named here is left alone; null is what was not measured, as if it were not there."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _measured(cls, told: Any) -> Any:
        return {name: value for name, value in told.items() if value is not None} if isinstance(told, Mapping) else told


class Measured(Found):
    """A figure and its interval, where it has one."""

    value: Number
    low: Number | None = None
    high: Number | None = None


class Arm(Found):
    """One student's figures on the test rows after one kind of training: all in [0, 1], higher is better.

    `low` and `high` bound the macro-F1; `confusion` has the true label down and the predicted one across, in the order of `Findings.labels`.
    """

    n: int = 0
    accuracy: Share | None = None
    macro_f1: Share
    low: Share | None = None
    high: Share | None = None
    per_label: dict[str, Share] = {}
    confusion: tuple[tuple[int, ...], ...] = ()


class CurvePoint(Found):
    """Macro-F1 after `n` training rows."""

    n: Annotated[int, Field(ge=0)]
    synthetic: Share | None = None
    real: Share | None = None


class Taught(Found):
    """One student, and what each kind of training made of it."""

    synthetic: Arm | None = None
    real: Arm | None = None
    direct: Arm | None = None
    zero_shot: Arm | None = None
    majority: Arm | None = None
    both: Arm | None = None
    ratio: Measured | None = None
    gain: Measured | None = None
    at_chance: bool = False
    curve: tuple[CurvePoint, ...] = ()

    @property
    def arms(self) -> dict[str, Arm]:
        """The arms that were measured, in the order of `ARMS`."""
        return {name: arm for name in ARMS if (arm := getattr(self, name)) is not None}

    def called(self, arm: str) -> str:
        """What the arm was trained on, in words: as many rows as these, or only so many."""
        fewer = self.synthetic is not None and arm in self.arms and self.arms[arm].n < self.synthetic.n
        return ARMS[arm].format(many=f"only {self.arms[arm].n}" if fewer else "as many")


class Usefulness(Found):
    """The students, all on the same real rows."""

    test_rows: int | None = None
    students: dict[str, Taught] = {}
    notes: tuple[str, ...] = ()


class Findings(Found):
    """An evaluation. The analyses below usefulness are shown as they are; `notes` say what to mind. `digest` names the rows that it is of; an older
    one has neither that nor `labels`."""

    task: str | None = None
    labels: tuple[str, ...] = ()
    rows: int | None = None
    digest: str | None = None
    notes: tuple[str, ...] = ()
    usefulness: Usefulness = Usefulness()
    label_quality: Any = None
    diversity: Any = None
    difficulty: Any = None
    bias: Any = None
    contamination: Any = None

    def in_order(self, labels: tuple[str, ...]) -> "Findings":
        """The same with the students' matrices in the order of `labels`, which are its own."""
        places = [self.labels.index(name) for name in labels]

        def turned(arm: Arm) -> Arm:
            return arm.model_copy(
                update={"confusion": tuple(tuple(line[j] for j in places) for i in places for line in [arm.confusion[i]])}
            )

        students = {
            name: student.model_copy(update={arm: turned(each) for arm, each in student.arms.items() if each.confusion})
            for name, student in self.usefulness.students.items()
        }
        return self.model_copy(update={"labels": labels, "usefulness": self.usefulness.model_copy(update={"students": students})})

    @property
    def students(self) -> Mapping[str, Taught]:
        """The students, the one with sentence embeddings first: it is the nearer to what is used today."""
        return dict(sorted(self.usefulness.students.items(), key=lambda item: (item[0] != "minilm", item[0])))

    @property
    def analyses(self) -> dict[str, Any]:
        """The analyses that were made, by title."""
        return {title: found for name, title in ANALYSES.items() if (found := getattr(self, name))}


def read_findings(path: Path, *, task: str, labels: tuple[str, ...]) -> Findings:
    """The evaluation in `path`, of the task called `task` with these labels.

    Raises
    ------
    UsageError
        If it cannot be read, is no evaluation, or one of another task.
    """
    again = "give a file that `seedless evaluate` wrote"
    try:
        told = parsed(path.read_bytes(), constant=lambda _: None)
        found = Findings.model_validate(told)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); {again}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{path}: {where}: {first['msg'][0].lower()}{first['msg'][1:]}; {again}") from error
    except ValueError as error:
        raise UsageError(f"{path}: is torn or no JSON ({' '.join(str(error).split())}); {again}") from error
    if found.task is not None and found.task != task:
        raise UsageError(f"{path}: is an evaluation of the task {found.task!r}, the run's is {task!r}; {again} for this run")
    order = found.labels or labels  # an older evaluation says nothing of its task's order, which is the run's for the most part
    if set(order) != set(labels) or len(order) != len(labels):
        raise UsageError(
            f"{path}: is an evaluation of the labels {listed(order)}, the run has {listed(labels)}; {again} for this run"
        )
    for name, student in found.students.items():
        for arm, figures in student.arms.items():
            if figures.confusion and {len(figures.confusion), *map(len, figures.confusion)} != {len(labels)}:
                raise UsageError(
                    f"{path}: usefulness.students.{name}.{arm}.confusion: is not {len(labels)} by {len(labels)}, one for each label; "
                    f"{again} for this run"
                )
    return found.in_order(labels) if order != labels else found
