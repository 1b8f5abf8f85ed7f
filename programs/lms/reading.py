"""What an answer means: texts, lists and labels, however a model wraps them."""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal, TypeAlias, get_args, get_origin

import dspy
from dspy.adapters.utils import parse_value

from seedless.spelling import folded, seen, typed, unaccented

__all__ = ["chooses", "coerce", "label_of", "lines_of", "read", "unreadable", "unwrapped"]

Signature = type[dspy.Signature]
Spelling: TypeAlias = Callable[[str], str]

SPELLINGS: tuple[Spelling, ...] = (seen, typed)
Raw = str | Any | None  # whatever models put where a text is asked for
UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u2060\ufeff]"  # control characters, halves of surrogate pairs, marks of no line break
)
BLANK = (
    "".join(sign for sign in map(chr, range(0x3001)) if sign.isspace()) + "\u200b"
)  # a place where a line may break is one between words only
# Before the answer; some servers keep the first tag.
THOUGHTS = re.compile(r"^\s*(?:<think(?:ing)?>)?.*?</think(?:ing)?>\s*", re.DOTALL | re.IGNORECASE)
JSON_BEGINS = re.compile(r"^[^\S\n]*(?=[\[{])", re.MULTILINE)
LIST_MARK = re.compile(r"^\s*(?:[-*•]|\(?\d{1,3}[.):](?!\d))\s*")
LEAD = re.compile(
    r"^\s*(?:(?:sure|certainly)\s*[:!]|here(?:'s| is)[^\n:!.?]{0,80}:|(?:review|question|sentence|tweet|message|text|answer|output|example)\s*:)\s*",
    re.IGNORECASE,
)
QUOTES = {'"': '"', "“": "”", "'": "'", "«": "»", "`": "`", "*": "*", "**": "**"}


def unwrapped(text: str) -> str:
    r"""`text` without what a small model wraps around it: a lead-in ("Review:"), quotation marks, line breaks.

    >>> unwrapped('Question: "Who wrote it?"\n')
    'Who wrote it?'
    """
    bare = _unquoted_whole(LEAD.sub("", _printable(text), count=1))
    if len(bare) > 1 and bare[0] in '"“' and not any(mark in bare[1:] for mark in '"”'):
        bare = bare[1:].strip()
    return " ".join(bare.split())


def _unquoted_whole(text: str) -> str:
    """`text` without quotation marks, or marks of emphasis, around the whole of it."""
    bare = text.strip()
    while len(bare) > 2 and (mark := "**" if bare.startswith("**") else bare[0]) in QUOTES:
        inner = bare.removeprefix(mark).removesuffix(QUOTES[mark])
        if len(inner) != len(bare) - 2 * len(mark) or mark in inner or QUOTES[mark] in inner:
            break
        bare = inner.strip()
    return bare


def _as_text(value: Any) -> str | None:
    """A text, a number as it is written, a list of one text as that text; None for anything else."""
    if isinstance(value, list) and len(value) == 1:
        return _as_text(value[0])
    return _unquoted_whole(_printable(str(value))) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def _as_list(value: Any) -> list[str]:
    """The texts of a list: of its items, of its items' first texts, of an object's values, or a text's lines. What is none is left out."""
    if isinstance(value, str):
        try:
            value = parse_value(value, list[Any]) if value.lstrip().startswith("[") else lines_of(value)
        except ValueError:
            return lines_of(value)
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    texts = (_first_text(item) if isinstance(item, dict) and len(item) > 1 else _as_text(_only_value(item)) for item in items)
    return [text for text in texts if text]


def _only_value(item: Any) -> Any:
    """An item, or the only value of one that is an object."""
    return next(iter(item.values())) if isinstance(item, dict) and len(item) == 1 else item


def _first_text(item: Mapping[str, Any]) -> str | None:
    """The first value of an object that is said in words: no number, no code of it."""
    return next((_as_text(value) for value in item.values() if isinstance(value, str) and any(map(str.isalpha, value))), None)


def lines_of(text: str) -> list[str]:
    """The items of a list with a line for each, without numbers and marks; or of one in JSON, as some models answer whatever is asked."""
    return [item for line in _json_list(text) or text.splitlines() if (item := LIST_MARK.sub("", line).strip(" \t*\"'`"))]


def _json_list(text: str) -> list[str]:
    """The texts of a JSON list, or of the only one in a JSON object, that stands on lines of its own; none where there is no such thing."""
    begins, end = JSON_BEGINS.search(text), max(text.rfind("]"), text.rfind("}")) + 1
    if begins is None or text[end:].partition("\n")[0].strip():
        return []
    try:
        value = json.loads(text[begins.end() : end])
    except (ValueError, RecursionError):
        return []
    lists = [each for each in value.values() if isinstance(each, list)] if isinstance(value, dict) else []
    return _as_list(lists[0] if len(lists) == 1 else value)


def chooses(signature: Signature) -> bool:
    """Whether an output is one of a closed set."""
    return any(get_origin(field.annotation) is Literal for field in signature.output_fields.values())


def read(signature: Signature, completion: str, parse: Callable[[Signature, str], dict[str, Any]]) -> dict[str, Any]:
    """The outputs that `parse` finds in an answer, each as it was asked for. `parse` is given the signature with whatever is said for a text,
    a list or a label left as it is: DSPy would make a text of its `repr`, and fail at a label in another case.

    Raises
    ------
    dspy.AdapterParseError
        If an output is missing, empty, or not what was asked for. Only a text beside a choice may be missing: a choice without a reason is one.
    """
    answer = THOUGHTS.sub("", completion, count=1)
    try:
        found = parse(_unread(signature), answer)  # type: ignore[arg-type]  # a class has a hash; mypy looks for its instances'
    except dspy.AdapterParseError:
        if not (found := _choice_alone(signature, answer)):
            raise
    if not any(found.values()):  # DSPy's chat form leaves out what has no heading of its own
        found = _choice_alone(signature, answer) or found
    settled: dict[str, Any] = {}
    for name, field in signature.output_fields.items():
        value = found.get(name)
        if field.annotation is str:
            settled[name] = _printable(_as_text(value) or "")
            if not settled[name] and not chooses(signature):
                kind = {dict: "an object", list: "a list", bool: "a truth value", type(None): "missing"}.get(type(value))
                raise unreadable(signature, completion, f"{name} is {f'{kind}, a text is asked for' if kind else 'empty'}")
        elif field.annotation == list[str]:
            settled[name] = [text for item in _as_list(value) if (text := _printable(item))]
            if not settled[name]:
                raise unreadable(signature, completion, f"{name} is empty")
        elif get_origin(field.annotation) is Literal:
            allowed = get_args(field.annotation)
            settled[name] = label_of("" if value is None else str(value), allowed)
            if settled[name] not in allowed:
                raise unreadable(signature, completion, f"{name} is {settled[name]!r}, allowed are {', '.join(allowed)}")
        else:
            settled[name] = value
    return settled


def _choice_alone(signature: Signature, answer: str) -> dict[str, Any]:
    """The choice that an answer names without the form that was asked for, where all that is missing beside it is texts; else nothing."""
    choices = {
        name: get_args(field.annotation)
        for name, field in signature.output_fields.items()
        if get_origin(field.annotation) is Literal
    }
    if (
        len(choices) != 1
        or "{" in answer
        or any(f.annotation is not str for name, f in signature.output_fields.items() if name not in choices)
    ):
        return {}
    ((name, allowed),) = choices.items()
    return {name: label} if (label := label_of(answer, allowed)) in allowed else {}


@lru_cache(maxsize=256)  # to make a signature anew for each answer takes three milliseconds
def _unread(signature: Signature) -> Signature:
    """The signature with its texts, lists of them and choices of any type."""
    for name, field in signature.output_fields.items():
        if field.annotation in {str, list[str]} or get_origin(field.annotation) is Literal:
            signature = signature.with_updated_fields(name, type_=Raw)
    return signature


def _printable(text: str) -> str:
    """`text` without control characters and halves of characters, and without what has no width around it: no text of the kind that is asked for
    holds any. Joiners stay, which Persian and many emoji are written with.
    """
    return UNPRINTABLE.sub("", text).strip(BLANK)


def label_of(answer: str, allowed: tuple[str, ...]) -> str:
    """The one of `allowed` that an answer means, or the answer as it is: what `coerce` sets right, and what is said before or behind
    the label ("The label is ..."), or behind it where "Label:" stands before it, as long as that names no other one and denies nothing. A sign
    beside a label makes it another one.

    >>> label_of("The label is positive.", ("positive", "negative")), label_of("Label: positive (it praises)", ("positive", "negative"))
    ('positive', 'positive')
    >>> label_of("The label is -1.", ("-1", "0", "1")), label_of("It is non-spam.", ("spam", "ham"))
    ('-1', 'It is non-spam.')
    """
    exact = coerce(answer, allowed)
    if exact in allowed:
        return exact
    for spelled in SPELLINGS:
        for said in (plain := UNPRINTABLE.sub("", answer), LED.sub(f" {HERE} ", plain)):
            named = _named(_bare(said, spelled), allowed, spelled)
            if len(named) == 1:
                return named[0]
    return answer


def coerce(value: str, allowed: tuple[str, ...]) -> str:
    """The one of `allowed` that `value` is, or `value` as it is. One that it is exactly comes first, then one but for case, quotation marks, full stops,
    spaces and hyphens between words and what cannot be seen (`spelling.seen`), then one but for typographic signs, too (`spelling.typed`), then, of
    a `value` without accents, one but for them (`spelling.unaccented`).

    >>> coerce(' "Positive". ', ("positive", "negative"))
    'positive'
    >>> coerce("«warm»", ("warm", "cold"))
    'warm'
    """
    if value in allowed:
        return value
    for spelled in (*SPELLINGS, *((unaccented,) if unaccented(value) == typed(value) else ())):
        key = _parted(_bare(value, spelled))
        meant = [one for one in allowed if _parted(_own(one, spelled)) == key]
        if meant:
            return meant[0] if len(meant) == 1 else value
    return value


def _named(key: str, allowed: tuple[str, ...], spelled: Spelling) -> list[str]:
    """Which of `allowed` an answer names, where it begins or ends with one, or says that here it is, and denies nothing."""
    own = {one: _own(one, spelled) for one in allowed}
    named, rest, all_own = [], key, set(own.values())
    for one in sorted(allowed, key=len, reverse=True):  # "not spam" before "spam"
        whole = _standing(_parted(own[one]), signed=f"-{own[one]}" in all_own)
        if whole.search(rest):
            named += [other for other in allowed if _parted(own[other]) == _parted(own[one])]
            rest = whole.sub("\0", rest)
    said = rest.startswith("\0") or rest.endswith("\0") or EDGES.sub("", rest).endswith("\0") or SAID_HERE.search(rest)
    return named if said and not DENIES.search(rest) else []


DENIES = re.compile(r"\b(?:not?|never|neither|nor|none|without|cannot|unlike|rather|instead|or)\b|n['’]t\b")
AROUND = r"""\s"'`“”„‟‘’‚‛«»‹›「」『』《》〈〉*:;,()\[\]{}"""
EDGES = re.compile(rf"^(?:[{AROUND}]|\.(?!\d))+|[{AROUND}.]+$")
DASHES = re.compile("[\u2010-\u2013\u2212]")  # hyphens, the dash that may be a minus, the minus sign
JOINT = re.compile(r"(?<=[^\W_])-+(?=[^\W_])")
HERE = "\1"
SAID_HERE = re.compile(rf"{HERE}[{AROUND}]*\0")
CALLED = r"(?:label|answer|category|classification)"
LED = re.compile(  # what a label is said behind, at the beginning of a line or of a sentence, or as a tag around it
    rf"</?{CALLED}>|(?:^|(?<=[.!?;)]))[ \t*_#>\"'`-]*(?:(?:the|my|final|correct) )*{CALLED}[ \t*_\"'`]*[:：=]",
    re.IGNORECASE | re.MULTILINE,
)


def _bare(value: str, spelled: Spelling) -> str:
    """`value`, so spelled, without what stands around it, case folded, with one sign for a hyphen and one for a space."""
    shown = spelled(value)
    return folded(re.sub(r"[\s_]+", " ", DASHES.sub("-", EDGES.sub("", shown) or shown)))


@lru_cache(maxsize=2048)
def _own(label: str, spelled: Spelling) -> str:
    """`_bare` of a label."""
    return _bare(label, spelled)


def _parted(bare: str) -> str:
    """`bare` with hyphens between words, and none of the others, as spaces."""
    return JOINT.sub(" ", bare)


@lru_cache(maxsize=1024)
def _standing(label: str, *, signed: bool) -> re.Pattern[str]:
    """A pattern for a label where no sign beside it makes it another one, as those of "-1", "1.5", "1-2", "C++", "A+" and "non-spam" do.

    A dash with a space behind it is a minus where there is a label with one (`signed`), or a number before it; else it leads to the label.
    """
    dash = r"(?<!-[ =])" if signed else r"(?<!\d-[ =])(?<!\d -[ =])"
    number = "" if label[:1].isalpha() else rf"(?<![.,+<>≤≥±~-])(?<![+<>≤≥±~][ =])(?<![<>]= ){dash}"
    words = "(?: |-+)".join(map(re.escape, label.split()))
    return re.compile(rf"(?<![\w/-]){number}{words}(?![\w+#%/-])(?![.,:]\d)(?! - ?\d)")


def unreadable(signature: Signature, completion: str, why: str) -> dspy.AdapterParseError:
    """The error that an answer is not what was asked for."""
    return dspy.AdapterParseError(adapter_name="seedless", signature=signature, lm_response=completion, message=why)
