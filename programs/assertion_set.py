"""What the texts of a task must hold, and what a model is told of it beforehand."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from seedless.assertions import (
    HANGING,
    Assertion,
    Complete,
    Conflict,
    Contains,
    Echo,
    Excludes,
    FieldsDiffer,
    FreshOpening,
    Language,
    Length,
    Loops,
    Meta,
    NearDuplicate,
    NoLabelWord,
    Regex,
    Sentences,
    shows_blank,
    shows_strange_letters,
    telling,
)
from seedless.task import Field, Label, Task
from seedless.text import PLACE, says, unspaced

__all__ = ["asked_of", "assertions_of", "assertions_of_seeds", "form_of", "forms_of", "language_of", "of_any_label", "of_the_given"]

FORMS = {
    "sentence": "in one sentence of",
    "question": "as one question of",
    "text": "in",
    "phrase": "on one line, no full sentence unless it is asked for, in",
}


def assertions_of(task: Task, *, things: bool = True) -> tuple[Assertion, ...]:
    """The assertions that a task's drafts must hold: those of its fields, the standard ones, and the task file's own but for those of given fields alone.
    Without `things` an echo is also what a label's constraint and meaning both name: what a writer of a few words says instead of speaking of it.

    One in the task file takes the place of the standard one of the same kind and field, unless it is for some labels only.
    """
    standard: list[Assertion] = []
    english = task.language == "en"
    for field in task.fields:
        standard += _of_its_form(field, task) if field in task.written_fields else ()
        standard += (Contains(field=source, value_of=field.name) for source in field.sources)
    said = tuple((label.name, text) for label in task.labels for text in (label.constraint, label.meaning))
    shown = (task.description, *(field.description for field in task.fields), *(PLACE.sub("", text) for _, text in said))
    objections = (
        (name, a.message) for a in task.assertions if isinstance(a, Regex) and a.absent for name in a.labels or task.label_names
    )
    standard += [
        Meta(blank=not any(map(shows_blank, shown))),
        Echo(constraints=(*said, *objections), things=things),
        Loops(doubles=english),
    ]
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


def of_any_label(task: Task, wanted: str) -> NoLabelWord:
    """What may not stand in texts of any label, and so not in what is dealt to all of them: the names of labels, or what the task file bans in their
    place, but for what it says itself of what is wanted."""
    own = next((a for a in task.assertions if isinstance(a, NoLabelWord) and a.name == a.kind), None)
    banned = own.banned if own is not None else tuple(name for name in task.label_names if telling(name))
    return NoLabelWord(banned=tuple(word for word in banned if not says(wanted, word.replace("_", " "))))


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


def form_of(field: Field, task: Task, assertions: Sequence[Assertion]) -> str:
    """The form and length that `assertions` ask of a field's texts, in the words that a model is told."""
    of_it = [a for a in assertions if a.field in {None, field.name}]
    fewest = max((a.min_words for a in of_it if isinstance(a, Length)), default=field.min_words)
    most = min((a.max_words for a in of_it if isinstance(a, Length)), default=field.max_words)
    bounds = f"{fewest} to {most} {task.unit}" if fewest < most else f"{most} {task.unit if most > 1 else task.unit[:-1]}"
    several = field.form == "sentence" and any(a.maximum > 1 for a in of_it if isinstance(a, Sentences))
    return f"{FORMS['text' if several else field.form]} {bounds}"


def language_of(task: Task) -> Iterator[str]:
    """The language in which is written, in the words that a model is told, where it is not English."""
    if task.language != "en":
        yield f"in the language {task.language!r} (ISO 639-1)"


def forms_of(task: Task, assertions: Sequence[Assertion]) -> Iterator[str]:
    """What `assertions`, those that concern one label, will ask of its texts, told a model that can heed it before it writes: each field's form and
    length, where its words are taken from, and what the task's own assertions ask."""
    several = len(task.written_fields) > 1
    for field in task.written_fields:
        yield f"{field.name if several else ''} {form_of(field, task, assertions)}".strip()
        for source in field.sources:
            yield f"{field.name} copied word for word, sign for sign, from {'the seed' if source == task.seeds.field else source}"
    for field in task.fields:
        if field not in task.written_fields:
            yield from (f"{source} with the {field.name} in it, word for word, sign for sign" for source in field.sources)
    yield from asked_of(task, assertions, named=several)


def asked_of(task: Task, assertions: Sequence[Assertion], *, named: bool) -> Iterator[str]:
    """What `assertions` ask of a text beside its form, a line each and each once: what it holds, what it does not, how many sentences it has, and
    what the message of a pattern that it must hold says. With `named`, a line begins with the field that it is about."""
    unwanted: dict[str, dict[str, str]] = {}
    for a in assertions:
        of = f"{a.field} " if named and a.field else ""
        words = (word for word in a.unwanted if len(word) > 1 or not unspaced(word))
        unwanted.setdefault(of, {}).update((word.casefold().replace("_", " "), word.replace("_", " ")) for word in words)
    told = (line for a in assertions for line in _told(a, task, f"{a.field} " if named and a.field else "", unwanted))
    banned = (
        f"{of}without the word{'s' if len(words) > 1 else ''} {_quoted(words.values(), 'and')}"
        for of, words in unwanted.items()
        if words
    )
    yield from dict.fromkeys((*told, *banned))


def _told(a: Assertion, task: Task, of: str, unwanted: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """The line of one assertion, but for what it wants left out."""
    match a:
        case Sentences():
            forms = {field.form for field in task.fields if a.field in {None, field.name}}
            if not (a.maximum == 1 and forms <= {"sentence", "question"}):  # which are called so already
                bounds = str(a.maximum) if a.minimum == a.maximum else f"{a.minimum} to {a.maximum}"
                yield f"{of}in {bounds} sentence{'s' if a.maximum > 1 else ''}"
        case Contains(value_of=str() as name) if a.field not in next(field.sources for field in task.fields if field.name == name):
            yield f"{a.field} {'without' if isinstance(a, Excludes) else 'with'} the {name} in it, word for word"
        case Contains(value_of=None) if not isinstance(a, Excludes):
            left_out = {*unwanted.get("", {}), *unwanted.get(of, {})}
            wanted = [word for word in a.any_of if word.casefold() not in left_out] or a.any_of
            yield f"{of}with {_quoted(wanted, 'or')} in it, word for word"
        case Regex() if not a.absent:  # what hardly any text holds comes into some by being named
            yield f'{of}so that nobody has to object: "{a.message}"'
        case FieldsDiffer() if a in task.assertions:
            yield "with no two fields that say the same"


def _quoted(words: Iterable[str], joint: str) -> str:
    """The words in quotation marks, "a", "b" or "c"."""
    *others, last = (f'"{word}"' for word in words)
    return f"{', '.join(others)} {joint} {last}" if others else last
