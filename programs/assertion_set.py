"""What the texts of a task must hold, and what a model is told of it beforehand."""

import re
from collections.abc import Iterator
from typing import Any

from seedless.assertions import (
    HANGING,
    Assertion,
    Complete,
    Conflict,
    Contains,
    Echo,
    FieldsDiffer,
    FreshOpening,
    Language,
    Length,
    Loops,
    Meta,
    NearDuplicate,
    NoLabelWord,
    Sentences,
    shows_blank,
    shows_strange_letters,
    telling,
)
from seedless.task import Field, Label, Task
from seedless.text import PLACE, says

__all__ = ["assertions_of", "assertions_of_seeds", "form_of", "forms_of", "language_of", "of_the_given"]

FORMS = {
    "sentence": "in one sentence of",
    "question": "as one question of",
    "text": "in",
    "phrase": "on one line, no full sentence unless it is asked for, in",
}


def assertions_of(task: Task) -> tuple[Assertion, ...]:
    """The assertions that a task's drafts must hold: those of its fields, the standard ones, and the task file's own but for those of given fields alone.

    One in the task file takes the place of the standard one of the same kind and field, unless it is for some labels only.
    """
    standard: list[Assertion] = []
    english = task.language == "en"
    for field in task.fields:
        standard += _of_its_form(field, task) if field in task.written_fields else ()
        standard += (Contains(field=source, value_of=field.name) for source in field.sources)
    said = tuple((label.name, text) for label in task.labels for text in (label.constraint, label.meaning))
    shown = (task.description, *(field.description for field in task.fields), *(PLACE.sub("", text) for _, text in said))
    standard += [Meta(blank=not any(map(shows_blank, shown))), Echo(constraints=said), Loops(doubles=english)]
    standard += [
        NoLabelWord(banned=tuple(label.name for label in task.labels if telling(label.name) and not _asked_for(label))),
        Language(code=task.language, scripts=not any(map(shows_strange_letters, (*shown, *_dealt_out(task))))),
    ]
    if len(task.fields) > 1:
        standard.append(FieldsDiffer())
    if not task.brief:
        standard.append(FreshOpening(dealt=tuple(label.name for label in task.labels if label.openings)))
    standard += [Conflict(), NearDuplicate(whole=True, short=0) if task.brief else NearDuplicate()]
    implied: dict[str, dict[str, Any]] = {
        a.kind: {name: getattr(a, name) for name in a.model_fields_set}
        for a in standard
        if isinstance(a, Echo | Language | NearDuplicate)
    }
    own = {
        a.name: a.model_copy(
            update={name: value for name, value in implied.get(a.kind, {}).items() if name not in a.model_fields_set}
        )
        for a in task.assertions
    }
    named = {a.name for a in standard}
    others = (a for a in task.assertions if a.name not in named and not of_the_given(a, task))
    return (*(own.get(a.name, a) for a in standard), *others)


def assertions_of_seeds(task: Task) -> tuple[Assertion, ...]:
    """What the LM's seeds must hold that become a field of the row: what the field's form implies, what holds of every text of the task, and the
    task file's own for the field, which take the place of those, but for those that are for some labels only. A writer cannot mend a seed."""
    if (field := task.seed_field) is None:
        return ()
    of_all = [a for a in assertions_of(task) if a.name in {"meta", "loops", "language"}]
    own = [a for a in task.assertions if a.named_fields() == (field.name,) and not a.labels]
    kinds = {a.kind for a in own}
    return (*(a for a in (*_of_its_form(field, task), *of_all) if a.kind not in kinds), *own)


def of_the_given(assertion: Assertion, task: Task) -> bool:
    """Whether an assertion looks at nothing but fields that are given."""
    named = assertion.named_fields()
    return bool(named) and set(named) <= set(task.given_fields)


def _of_its_form(field: Field, task: Task) -> Iterator[Assertion]:
    """What a field's bounds and form imply."""
    yield Length(field=field.name, min_words=field.min_words, max_words=field.max_words)
    yield Complete(field=field.name, form=field.form, hanging=HANGING if task.language == "en" else ())
    if field.form in {"sentence", "question"}:
        yield Sentences(field=field.name)


def _dealt_out(task: Task) -> Iterator[str]:
    """What a task's lists say."""
    for label in task.labels:
        yield from (label.name, *label.cues, *label.openings)


def _asked_for(label: Label) -> bool:
    """Whether a label's words ask for its name: in a constraint a phrase ("exchange rate") is what the text is about, one word ("positive") rarely
    is; a cue or first words ("drains the battery") are what the text says."""
    name = label.name.replace("_", " ")
    phrase = len(re.findall(r"\w+", name)) > 1
    return (phrase and says(label.constraint, name)) or any(says(said, name) for said in (*label.cues, *label.openings))


def form_of(field: Field, task: Task) -> str:
    """The form and length of a field's texts, in the words that a model is told."""
    fewest, most = field.min_words, field.max_words
    bounds = f"{fewest} to {most} {task.unit}" if fewest < most else f"{most} {task.unit if most > 1 else task.unit[:-1]}"
    return f"{FORMS[field.form]} {bounds}"


def language_of(task: Task) -> Iterator[str]:
    """The language in which is written, in the words that a model is told, where it is not English."""
    if task.language != "en":
        yield f"in the language {task.language!r} (ISO 639-1)"


def forms_of(task: Task) -> Iterator[str]:
    """What the assertions will ask of a text's form, told a model that can heed it before it writes: each field's form and length, and where its words
    are taken from."""
    for field in task.written_fields:
        of = f"{field.name} " if len(task.written_fields) > 1 else ""
        yield f"{of}{form_of(field, task)}"
        for source in field.sources:
            yield f"{field.name} copied word for word, sign for sign, from {'the seed' if source == task.seeds.field else source}"
    for field in task.fields:
        if field not in task.written_fields:
            yield from (f"{source} with the {field.name} in it, word for word, sign for sign" for source in field.sources)
