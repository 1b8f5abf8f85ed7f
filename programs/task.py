"""The task: what to write rows about, as data. A task file (YAML) holds the same model; loading one never runs code."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field as Attr,
    SerializerFunctionWrapHandler,
    StringConstraints,
    field_validator,
    model_serializer,
    model_validator,
)

from seedless.assertions import LanguageCode, Name, Stock
from seedless.errors import TaskError
from seedless.spelling import seen
from seedless.text import LETTERS, LONGEST, PER_WORD, PLACE, article, length, says

__all__ = [
    "MOST_SAID",
    "Attribute",
    "Contexts",
    "Declared",
    "Field",
    "Form",
    "Label",
    "Misfit",
    "Seeds",
    "Tag",
    "Task",
    "Text",
    "fill",
    "places",
]

Form = Literal["sentence", "question", "text", "phrase"]
MOST_SAID = 2000  # characters of a meaning, a constraint, a hint
Text = Annotated[str, StringConstraints(min_length=1, max_length=MOST_SAID, strip_whitespace=True)]
Passage = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST * LETTERS, strip_whitespace=True)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Share = Annotated[float, Attr(gt=0, le=1_000_000, strict=True, allow_inf_nan=False)]

RESERVED = frozenset({"id", "label", "ok", "outcome", "provenance"})
SAID_BY_STAGES = frozenset(
    {
        "about",
        "attributes",
        "constraint",
        "context",
        "description",
        "given_fields",
        "given_label",
        "label",
        "labels",
        "meaning",
        "opening",
    }
    | {"previous_attempt", "reason", "seed", "shown", "violations", "weights"}
)  # what the signatures to which a task's fields are added call their own
TAKEN_BY_DSPY = frozenset(
    {
        "append",
        "append_instructions",
        "delete",
        "dump_state",
        "equals",
        "fields",
        "input_fields",
        "insert",
        "instructions",
        "load_state",
        "output_fields",
    }
    | {"prepend", "signature", "with_instructions", "with_updated_fields"}  # of a signature
    | {"completions", "config", "demos", "instance", "lm", "new_signature", "prediction", "self"}  # of a call
    | {name for name in dir(BaseModel) if not name.startswith("_")}  # of what a signature is made from
)
UNSPACED = frozenset({"ja", "km", "lo", "my", "th", "zh"})  # languages that set no spaces between words
FEW = 3  # words that tell no row apart
BUILT_IN_PLACES = frozenset({"context", "cue", "seed"})
TORN = re.compile(r"\{\w+|\w+\}")
ARTICLED = re.compile(rf"""((?<![\w'’-])a|(?:(?<=[.!?:] )|(?<![^"“(\n]))A) {PLACE.pattern}""")  # an article before a place


class Misfit(ValueError):
    """Two parts of a task that do not go together, and the path of the one to mend, as in `("labels", 1, "name")`."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.path = path


class Declared(BaseModel):
    """A frozen part of a task: unknown keys and wrong types are refused, and nothing is coerced but lists to tuples."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Field(Declared):
    """One text field of a row.

    `form` is what a value looks like: one `sentence`, one `question`, free `text`, or a `phrase` that need be no sentence, such as a
    title, a search query or a command, of one word or more. `min_words` and `max_words` bound its
    length in words; in languages that set no spaces between words, in characters. `within` names another field that must contain
    the value word for word, sign for sign but for case, or several that all must: a span, a cloze answer, a word in two sentences.
    """

    name: Name
    description: Text
    form: Form = "text"
    min_words: Annotated[int, Attr(ge=1, le=LONGEST, strict=True)] = 3
    max_words: Annotated[int, Attr(ge=1, le=LONGEST, strict=True)] = 60
    within: Name | Annotated[tuple[Name, ...], Attr(min_length=1, max_length=20)] | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """The fields that `within` names."""
        return () if self.within is None else (self.within,) if isinstance(self.within, str) else self.within

    @property
    def key(self) -> str:
        """What a signature calls the field: its name, or `row_` and its name where a stage or DSPy has another use for that name."""
        return f"row_{self.name}" if self.name in SAID_BY_STAGES | TAKEN_BY_DSPY else self.name

    @field_validator("within", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        if given is None or isinstance(given, str | tuple | list):
            return given
        raise ValueError(f"given {given!r}, a field's name or a list of names is allowed; name the field that holds the text")

    @model_validator(mode="before")
    @classmethod
    def _sized(cls, given: Any) -> Any:
        """A phrase may be a single word where nothing else is said."""
        return {"min_words": 1, **given} if isinstance(given, Mapping) and given.get("form") == "phrase" else given

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError(f"min_words {self.min_words} is above max_words {self.max_words}; swap or widen them")
        return self


class Label(Declared):
    """One label: its name in the data set, what it means, and the instruction that makes it true.

    `meaning` is written for a reader who must recognise the label, `constraint` for the writer who must make it true. The
    constraint, and only it, may hold places in braces that code fills in: `{context}`, `{seed}`, `{cue}`, and the names of attributes and of
    the seed's field. `cues` are words for what makes the label true this time (a praised film may be moving, or clever), of which
    code draws one for each slot; `openings` are first words of which code draws one for each slot; `contexts` are this label's own
    contexts, asked of nobody. `share` is the label's weight in the data set.
    """

    name: Tag
    meaning: Text
    constraint: Text
    cues: tuple[Tag, ...] = ()
    openings: tuple[Tag, ...] = ()
    contexts: tuple[Tag, ...] = ()
    share: Share = 1.0

    @property
    def unled(self) -> tuple[str, ...]:
        """What lists of its own, of those that keep a writer to it, it lacks."""
        return tuple(name for name, listed in (("openings", self.openings), ("cues", self.cues)) if not listed)

    @property
    def described(self) -> str:
        """The name and the meaning, for a reader of one or the other kind."""
        return f"{self.name}: {self.meaning}"


class Listed(Declared):
    """What a stage lists: `hint` is what the LM is asked for, `given` the user's own list, which takes the place of its answer. One of them must be there."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["hint"], "properties": {"hint": {"minLength": 1}}},
                {"required": ["given"], "properties": {"given": {"minItems": 1}}},
            ]
        }
    )

    hint: Annotated[str, StringConstraints(max_length=MOST_SAID, strip_whitespace=True)] = ""
    given: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _there(self) -> Self:
        if not self.hint and not self.given:
            part = type(self).__name__.lower()
            raise Misfit("hint is missing: add it (what to ask the LM for), or given (the list itself)", part, "hint")
        return self


class Contexts(Listed):
    """Stage 1: the domains and settings that spread the data. `given` replaces the LM's answer by the user's own list."""

    given: tuple[Tag, ...] = ()


class Seeds(Listed):
    """Stage 2: the atomic elements on which instances are built. `field` names the field of the row that the seed becomes."""

    given: tuple[Passage, ...] = ()
    field: Name | None = None


class Attribute(Declared):
    """A property that code deals out before anything is written: length, register, person. Keys are values, numbers are weights.

    A value is put into the prompt as it stands, so write it as a phrase: `"in at most eight words"`. `field` names the field of the row that
    the value becomes, as it stands: what is asked of a premise (cause, effect), a stance's target.
    """

    name: Name
    values: Annotated[dict[Tag, Share], Attr(min_length=2, max_length=100)]
    field: Name | None = None

    @model_serializer(mode="wrap")
    def _said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Its keys without `field` where it has none, so that tasks from before it keep their hash."""
        return {name: value for name, value in handler(self).items() if name != "field" or value is not None}


class Task(Declared):
    """What to write rows about: fields, labels, hints for contexts and seeds, assertions.

    Examples
    --------
    >>> task = Task(
    ...     name="greetings", description="Short messages, sorted by what they do.",
    ...     fields=({"name": "text", "description": "a short message", "form": "sentence"},),
    ...     labels=(
    ...         {"name": "hello", "meaning": "the message greets", "constraint": "Greet {context}."},
    ...         {"name": "bye", "meaning": "the message says goodbye", "constraint": "Say goodbye to {context}."},
    ...     ),
    ...     contexts={"hint": "people one meets"}, seeds={"hint": "occasions"},
    ... )
    >>> task.label_names
    ('hello', 'bye')
    """

    name: Name
    description: Text
    fields: Annotated[tuple[Field, ...], Attr(min_length=1, max_length=20)]
    labels: Annotated[tuple[Label, ...], Attr(min_length=1, max_length=500)]
    contexts: Contexts
    seeds: Seeds
    attributes: Annotated[tuple[Attribute, ...], Attr(max_length=20)] = ()
    assertions: Annotated[tuple[Stock, ...], Attr(max_length=100)] = ()
    language: LanguageCode = "en"

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        _distinct("label", "labels", [label.name for label in self.labels])
        _distinct("attribute", "attributes", [attribute.name for attribute in self.attributes])
        self._check_fields()
        self._check_attributes()
        self._check_seeds()
        self._check_given()
        self._check_assertions()
        self._check_constraints()
        self._check_meanings()
        self._check_openings()
        return self

    def _check_fields(self) -> None:
        names = [field.name for field in self.fields]
        _distinct("field", "fields", names)
        _distinct("field", "fields", [field.key for field in self.fields])  # a field may be called like another one's key
        for i, field in enumerate(self.fields):
            if field.name in RESERVED:
                taken = f"field name {field.name!r} is one of a row's own keys {sorted(RESERVED)}; choose another"
                raise Misfit(taken, "fields", i, "name")
            for source in field.sources:
                _known("within", source, [name for name in names if name != field.name], "fields", i, "within")

    def _check_attributes(self) -> None:
        taken = {*(field.name for field in self.fields), *BUILT_IN_PLACES}
        for i, attribute in enumerate(self.attributes):
            if attribute.name in taken:
                clash = f"attribute {attribute.name!r} has the name of a field or of a place that code fills; choose another"
                raise Misfit(clash, "attributes", i, "name")

    def _check_seeds(self) -> None:
        if self.seeds.field is None:
            return
        _known("field", self.seeds.field, [field.name for field in self.fields], "seeds", "field")
        if len(self.fields) == 1:
            raise Misfit(f"{self.seeds.field!r} is the only field, so nothing is left to write; add a field", "seeds", "field")

    def _check_given(self) -> None:
        """What becomes a field of the row does so alone, fits it, and leaves something to write."""
        taken = {self.seeds.field: "the seed"} if self.seeds.field else {}
        for i, attribute in enumerate(self.attributes):
            if attribute.field is None:
                continue
            at = ("attributes", i, "field")
            _known("field", attribute.field, [field.name for field in self.fields], *at)
            if (
                other := taken.setdefault(attribute.field, f"the attribute {attribute.name!r}")
            ) != f"the attribute {attribute.name!r}":
                raise Misfit(f"given the field {attribute.field!r}, which {other} becomes already; name another", *at)
            field = next(field for field in self.fields if field.name == attribute.field)
            for value in attribute.values:
                if not field.min_words <= length(value) <= field.max_words:
                    bounds = (
                        f"{field.min_words} to {field.max_words} {self.unit} are allowed, the bounds of the field {field.name!r}"
                    )
                    raise Misfit(f"given the value {value!r}, {bounds}; mend the one or the other", *at)
        if not self.written_fields:
            raise Misfit("every field is given by the seed or an attribute, so nothing is left to write; add a field", "fields")
        for i, field in enumerate(self.fields):
            for source in field.sources:
                if {field.name, source} <= set(self.given_fields):
                    raise Misfit(
                        f"given the within {source!r}, and both fields are given, so no writer can see to it; leave within out",
                        *("fields", i, "within"),
                    )

    def _check_assertions(self) -> None:
        names = [field.name for field in self.fields]
        for i, assertion in enumerate(self.assertions):
            for field in assertion.named_fields():
                _known("field", field, names, "assertions", i)
            for name in assertion.labels:
                _known("label", name, list(self.label_names), "assertions", i, "labels")

    def _check_constraints(self) -> None:
        given = [self.seeds.field] if self.seeds.field else []
        allowed = [*sorted(BUILT_IN_PLACES), *(attribute.name for attribute in self.attributes), *given]
        unknown = [(i, place) for i, label in enumerate(self.labels) for place in places(label.constraint) if place not in allowed]
        others = dict.fromkeys(f"{{{place}}} of label {self.labels[i].name!r}" for i, place in unknown[1:5])
        for i, place in unknown:
            _known("place", place, allowed, "labels", i, "constraint", also=tuple(others))
        for i, label in enumerate(self.labels):
            at = ("labels", i, "constraint")
            if (torn := TORN.search(PLACE.sub("", label.constraint))) is not None:
                raise Misfit(
                    f"the brace in {torn[0]!r} has no partner; a place is a name in a pair of braces, such as {{context}}", *at
                )
            if ("cue" in places(label.constraint)) != bool(label.cues):
                one = "cues, and no place {cue} in its constraint" if label.cues else "the place {cue}, and no cues"
                raise Misfit(f"label {label.name!r} has {one}; give both or neither", *at)

    def _check_meanings(self) -> None:
        """A meaning is told as it stands, to readers as well: a place in it would never be filled in."""
        filled = {*BUILT_IN_PLACES, *(attribute.name for attribute in self.attributes), *(field.name for field in self.fields)}
        for i, label in enumerate(self.labels):
            for place in places(label.meaning):
                if place in filled:
                    raise Misfit(
                        f"given the place {{{place}}}, and nothing is filled in a meaning, which is for every text of the label; "
                        f"say it in words, such as the {place}, or put the place into the constraint",
                        *("labels", i, "meaning"),
                    )

    def _check_openings(self) -> None:
        most = max((field.max_words for field in self.written_fields), default=LONGEST)
        for i, label in enumerate(self.labels):
            for j, opening in enumerate(label.openings):
                if (count := length(opening)) > most:
                    raise Misfit(
                        f"given an opening of {count} {self.unit}, at most {most} are allowed, the field's max_words; "
                        "shorten the opening or raise max_words",
                        *("labels", i, "openings", j),
                    )

    @property
    def gives_contexts(self) -> bool:
        """Whether no LM is asked for contexts: the task lists them, or each of its labels does."""
        return bool(self.contexts.given) or all(label.contexts for label in self.labels)

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels, in the task's order."""
        return tuple(label.name for label in self.labels)

    @property
    def seed_field(self) -> Field | None:
        """The field that the seed becomes, if it becomes one."""
        return next((field for field in self.fields if field.name == self.seeds.field), None)

    @property
    def written_fields(self) -> tuple[Field, ...]:
        """Fields that the LM writes: all but those that are given."""
        return tuple(field for field in self.fields if field.name not in self.given_fields)

    @property
    def given_fields(self) -> tuple[str, ...]:
        """Names of the fields that are there before anything is written: what the seed becomes, and what attributes become."""
        named = {self.seeds.field, *(attribute.field for attribute in self.attributes)}
        return tuple(field.name for field in self.fields if field.name in named)

    def given_texts(self, seed: str, attributes: Mapping[str, str]) -> dict[str, str]:
        """What stands in the given fields, by name, where `seed` and `attributes` are dealt."""
        dealt = {attribute.field: attributes.get(attribute.name, "") for attribute in self.attributes}
        return {name: seed if name == self.seeds.field else dealt[name] for name in self.given_fields}

    @property
    def brief(self) -> bool:
        """Whether too little is written to tell rows apart by itself: spans of other fields, and texts of three words at most."""
        most = FEW * (PER_WORD if self.unit == "characters" else 1)
        return all(field.within is not None or field.max_words <= most for field in self.written_fields)

    @property
    def alike(self) -> tuple[str, ...]:
        """A sentence for each label that means what another one does, or is asked for in the same way: its rows will be the other's as well."""
        meant: dict[str, Label] = {}
        asked: dict[tuple[object, ...], Label] = {}
        said = []
        for label in self.labels:
            if (other := meant.setdefault(_folded(label.meaning), label)) is not label:
                said.append(
                    f"labels {other.name!r} and {label.name!r} have the same meaning, so no reader can tell them apart; "
                    "say what makes each one differ, or make them one label"
                )
            own = tuple(place for place, assertion in enumerate(self.assertions) if label.name in assertion.labels)
            dealt = (frozenset(map(_folded, words)) for words in (label.cues, label.openings, label.contexts))
            if (other := asked.setdefault((_folded(label.constraint), *dealt, own), label)) is not label:
                said.append(
                    f"labels {other.name!r} and {label.name!r} have the same constraint, so their texts will not differ; "
                    "share one only where cues, openings or contexts differ"
                )
        return tuple(said)

    @property
    def relational(self) -> bool:
        """Whether a label is how a row's fields relate: of several, one is given, two are named in a meaning, or a label is called like one."""
        names = [field.name.replace("_", " ") for field in self.fields]
        named = any(sum(says(label.meaning, name) for name in names) > 1 for label in self.labels)
        called = not {field.name for field in self.fields}.isdisjoint(self.label_names)
        return len(names) > 1 and (bool(self.given_fields) or named or called)

    @property
    def unit(self) -> str:
        """What lengths count in the task's language: words, or characters where no spaces part them."""
        return "characters" if self.language in UNSPACED else "words"

    @property
    def unled(self) -> dict[str, tuple[str, ...]]:
        """The lists that each label has none of, by its name (`Label.unled`)."""
        return {label.name: label.unled for label in self.labels}

    @property
    def led(self) -> bool:
        """Whether first words lead its instances."""
        return any(label.openings for label in self.labels)

    def label(self, name: str) -> Label:
        """The label called `name`.

        Raises
        ------
        TaskError
            If the task has no such label.
        """
        for label in self.labels:
            if label.name == name:
                return label
        raise TaskError(f"task {self.name!r} has no label {name!r}; its labels are {list(self.label_names)}; use one of them")

    def __hash__(self) -> int:
        return hash((self.name, self.label_names))  # `hash` tells apart in which order an attribute's values stand

    @property
    def hash(self) -> str:
        """SHA-256 (first 16 hexadecimal digits) of everything the task says."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def fill(pattern: str, values: dict[str, str], *, language: str = "") -> str:
    """`pattern` with each `{place}` replaced by its value; a plain look-up, so a value is never itself expanded. In English an "a" before a place
    becomes the value's own article.

    >>> fill("Greet {context}.", {"context": "the {seed} of a king"})
    'Greet the {seed} of a king.'
    >>> fill("You saw a {context}.", {"context": "art film"}, language="en")
    'You saw an art film.'
    """

    if language == "en":
        pattern = ARTICLED.sub(lambda match: f"{match[1]}{article(values.get(match[2], ''))[1:]} {{{match[2]}}}", pattern)
    return PLACE.sub(lambda match: values.get(match[1], match[0]), pattern)


def places(pattern: str) -> Iterator[str]:
    """Names of the places in `pattern`, in order."""
    yield from PLACE.findall(pattern)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _distinct(what: str, key: str, names: list[str]) -> None:
    met: dict[str, str] = {}
    for i, name in enumerate(names):
        if not (shown := seen(name)):
            raise Misfit(f"{what} {name!r} holds no sign that can be seen; write a name", key, i, "name")
        if (other := met.get(shown.casefold())) is not None:
            twin = (
                ""
                if other.casefold() == name.casefold()
                else ", which differs only in spaces and in signs that have no width of their own"
            )
            raise Misfit(
                f"{what} {name!r} is given twice (the first is {other!r}{twin}), each may stand once; rename one", key, i, "name"
            )
        met[shown.casefold()] = name


def _known(what: str, given: str, allowed: list[str], *path: str | int, also: tuple[str, ...] = ()) -> None:
    if given not in allowed:
        meant = next((name for name in allowed if name.casefold() == given.casefold()), None)
        mend = "name one of them" if meant is None else f"write {meant!r}"
        others = f", and mend {', '.join(also)} as well" if also else ""
        raise Misfit(f"given the {what} {given!r}, allowed are {', '.join(allowed)}; {mend}{others}", *path)
