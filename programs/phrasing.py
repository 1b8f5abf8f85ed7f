"""What a compiled program says otherwise than its task: label constraints, styles, hints, bounds and sampling, as data.

For a small model the words that matter are the task's own, not a signature's instruction. So a program can carry other words for
them, and an optimiser can choose among such words. A phrasing never changes what a label means or how a draft is judged.
"""

from typing import Annotated, Literal, Self

from pydantic import Field as Attr, ValidationError, model_validator

from seedless.assertions import Name
from seedless.errors import UsageError
from seedless.task import Declared, Tag, Task, Text
from seedless.text import LONGEST
from seedless.wording import listed

__all__ = ["Phrasing", "Sampled", "Stage"]

Stage = Literal["contexts", "seeds", "write"]
Words = Annotated[int, Attr(ge=1, le=LONGEST, strict=True)]


class Sampled(Declared):
    """How a stage's answers are drawn: `temperature` in [0, 2], `min_p` in [0, 1]. None leaves what the LM's profile says."""

    temperature: Annotated[float, Attr(ge=0, le=2, strict=True, allow_inf_nan=False)] | None = None
    min_p: Annotated[float, Attr(ge=0, le=1, strict=True, allow_inf_nan=False)] | None = None

    def over(self, sampling: dict[str, object]) -> dict[str, object]:
        """`sampling` with what is given here in its place."""
        return {**sampling, **self.model_dump(exclude_none=True)}


class Phrasing(Declared):
    """Other words for a task's prompts. What is left out stays as the task says it.

    `constraints` are constraints by label, with the same places in braces; `styles` are phrases of which code deals one to each
    draft ("Write it ..."), as it deals openings; `openings` tells whether the task's first words are dealt at all. `words` narrows a field's
    length, in words. `sampling` is each stage's.

    Examples
    --------
    >>> Phrasing(styles=("in plain words",), sampling={"write": {"temperature": 0.9}}).styles
    ('in plain words',)
    """

    constraints: dict[Tag, Text] = Attr(default_factory=dict, max_length=500)
    styles: Annotated[tuple[Tag, ...], Attr(max_length=50)] = ()
    openings: Annotated[bool, Attr(strict=True)] = True
    contexts_hint: Text | None = None
    seeds_hint: Text | None = None
    words: dict[Name, tuple[Words, Words]] = Attr(default_factory=dict, max_length=20)
    sampling: dict[Stage, Sampled] = Attr(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name, (least, most) in self.words.items():
            if least > most:
                raise ValueError(f"the bounds of {name!r} are {least} and {most}; give the smaller one first")
        return self

    @property
    def empty(self) -> bool:
        """Whether everything is said as the task says it."""
        return self == Phrasing()

    def sampled(self, stage: Stage, sampling: dict[str, object]) -> dict[str, object]:
        """A stage's sampling, changed as this phrasing has it."""
        return self.sampling[stage].over(sampling) if stage in self.sampling else dict(sampling)

    def applied(self, task: Task) -> Task:
        """`task` in these words: the same labels, fields and assertions.

        Raises
        ------
        UsageError
            If a label, field or place is named that the task does not have.
        """
        said = task.model_dump(mode="python")
        self._known("label", set(self.constraints), set(task.label_names), task)
        self._known("field", set(self.words), {field.name for field in task.written_fields}, task)
        for label in said["labels"]:
            label["constraint"] = self.constraints.get(label["name"], label["constraint"])
            label["openings"] = label["openings"] if self.openings else ()
            label["cues"] = label["cues"] if "{cue}" in label["constraint"] else ()
        for field in said["fields"]:
            if field["name"] in self.words:
                field["min_words"], field["max_words"] = self.words[field["name"]]
        said["contexts"]["hint"] = self.contexts_hint or task.contexts.hint
        said["seeds"]["hint"] = self.seeds_hint or task.seeds.hint
        try:
            return Task.model_validate(said)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in detail["loc"])
            cause = detail["msg"].removeprefix("Value error, ")
            raise UsageError(
                f"the phrasing does not fit the task {task.name!r} ({where}: {cause}); compile the program for this task"
            ) from error

    def _known(self, what: str, given: set[str], allowed: set[str], task: Task) -> None:
        if strangers := given - allowed:
            raise UsageError(
                f"the phrasing names the {what} {sorted(strangers)[0]!r}, the task {task.name!r} has {listed(sorted(allowed))}; "
                "compile the program for this task"
            )
