"""Grammars (GBNF) that hold a small model to the form of a text while it decodes."""

import json
import re
import string
from collections.abc import Collection, Mapping, Sequence

__all__ = ["FEW", "LONGEST_PHRASE", "grammar_of_choice", "grammar_of_document", "grammar_of_form", "grammar_of_list"]

LONGEST_PHRASE = 33  # characters of an item in a list of phrases
ROOM = 48  # characters after which the grammar ends an item: what it cuts is then too long anyway, wherever the last word began

FEW = 3  # words of a phrase that is letters only
LONG_WORD = 12  # characters of a word with the space after it, on average over an item, that none comes to
LONGEST_ITEM = 480  # characters of a phrase or a sentence in a list

LETTERS = 4  # of a word with the space after it, at least: a first sentence of fewer is taken for the end too early

MARKUP = r"\[\]{}<>_*#|"
WITHIN = rf'?!.\n{MARKUP}"'  # what no sentence in a quotation holds
CHARACTERS = string.ascii_letters + string.digits + "$@"
POINT = '[0-9] "." [0-9] | [A-Z] "." [A-Z] "." | ("Mr" | "Mrs" | "Ms" | "Dr" | "St") ". "'  # a point that ends no sentence


def grammar_of_form(form: str, opening: str = "", *, sentences: int = 3) -> str:
    r"""The grammar of one text of the given form, continuing `opening` where there is one.

    A `question` ends with its first question mark, a `sentence` with its first full stop or the like (a point within a number
    or an abbreviation aside), a `phrase` with its line, a `text` with its line or its last allowed sentence. None holds markup or places to fill in.

    >>> print(grammar_of_form("question", opening="Who"))
    root ::= body "?"
    body ::= ([^?!.\n:;"\[\]{}<>_*#|] | [0-9] "." [0-9] | [A-Z] "." [A-Z] "." | ("Mr" | "Mrs" | "Ms" | "Dr" | "St") ". ")+
    """
    if form == "question":
        start = "" if opening else "[A-Z] "
        return rf'root ::= {start}body "?"{chr(10)}body ::= ([^?!.\n:;"{MARKUP}] | {POINT})+'
    body = rf"body ::= ([^?!.\n{MARKUP}] | {POINT})+"
    if form == "sentence":
        start = "" if opening else '["A-Z0-9$] '
        return f'root ::= {start}body [.!?] ["]?\n{body}'
    start = "" if opening else '["A-Za-z0-9$@] '
    if form == "phrase":
        return f"root ::= {start}body [?!]?\n{body}"
    return f'root ::= {start}body (mark body){{0,{sentences - 1}}} mark?\n{body}\nmark ::= [.!?]+ ["]?'


def grammar_of_document(
    forms: Mapping[str, str],
    *,
    sentences: int = 3,
    least: Mapping[str, int] | None = None,
    opening: str = "",
    unlike: Sequence[str] = (),
    starts: Mapping[str, Sequence[str]] | None = None,
) -> str:
    r"""The grammar of the texts with which a document goes on, to the quotation mark that closes each.

    `forms` maps the fields' names to their forms: the first text continues `opening`, each other stands on a line of its own that begins with
    the field's name. An empty form is any line. `least` says how many words a text has at least, its opening's among them, `unlike` with which
    letters none begins, `starts` (field name to words) with which words a text does where it has no opening.

    >>> print(grammar_of_document({"Premise": "sentence", "Hypothesis": "question"}).splitlines()[0])
    root ::= [A-Z0-9$] body [.!?] "\"" "\nHypothesis: \"" [A-Z0-9$] body "?" "\""
    """
    (first, *others) = forms
    begun = {
        name: "" if name == first and opening else _start(form, unlike, (starts or {}).get(name, ()))
        for name, form in forms.items()
    }
    lacking = {**(least or {}), first: max(0, (least or {}).get(first, 0) - len(opening.split()))}
    parts = {name: _closed(form, begun[name], lacking.get(name, 0), sentences) for name, form in forms.items()}
    lines = [parts[first], *(rf'"\n{name}: \"" {parts[name]}' for name in others)]
    return f"""root ::= {" ".join(lines)}\nbody ::= ([^{WITHIN}] | {POINT})+\nmark ::= [.!?]+"""


def _start(form: str, unlike: Sequence[str], words: Sequence[str]) -> str:
    """How a text begins: with one of `words`, else with a letter or the like; and with the words of none of `unlike`, in either case."""
    phrases = {phrase.lower() for phrase in unlike if re.fullmatch(r"\w[\w'’ ,]*", phrase)}  # no sign of the grammar's own
    if following := {word: rest for word in words if (rest := _behind(word, phrases)) is not None}:
        return "({}) ".format(" | ".join(f'"{word} "{rest}' for word, rest in following.items()))
    first = "A-Za-z0-9$@" if form in {"text", "phrase"} else "A-Z0-9$"
    if not phrases:
        return f"[{first}] "
    leading = {phrase[0] for phrase in phrases}
    others = "".join(c for c in CHARACTERS if re.match(f"[{first}]", c) and c.lower() not in leading)
    return f"{_other_than(phrases, f'[{others}]')} "


def _behind(word: str, phrases: Collection[str]) -> str | None:
    """What stands behind a text's first `word`, so that it begins with none of `phrases`; None where the word alone is one."""
    if word.lower() in phrases:
        return None
    rest = {phrase.removeprefix(f"{word.lower()} ") for phrase in phrases if phrase.startswith(f"{word.lower()} ")}
    return f" {_other_than(rest)}" if rest else ""


def _other_than(phrases: Collection[str], others: str | None = None) -> str:
    """What is none of `phrases`, to the first letter in which it differs from all of them. `others` are the letters that begin none."""
    after = {letter: {phrase[1:] for phrase in phrases if phrase[0] == letter} for letter in sorted({p[0] for p in phrases})}
    differ = others or f"[^{WITHIN}{''.join(f'{c.upper()}{c}' for c in after)}]"
    follow = [f"[{c.upper()}{c}] {_other_than(rest)}" for c, rest in after.items() if "" not in rest]
    return f"({' | '.join([differ, *follow])})"


def _closed(form: str, start: str, least: int, sentences: int) -> str:
    """A text of at least `least` words in a quotation that is open, and the mark that closes it."""
    if not form:
        return r'[^"\n]+ "\""'
    letters = min(LETTERS * least, ROOM)
    room = f"[^{WITHIN}]{{{letters}}} " if letters else ""
    many = f" (mark body){{0,{sentences - 1}}}" if form == "text" else ""
    end = {"text": '("..." | [.!?])?', "question": '"?"', "phrase": "[?!]?"}.get(form, "[.!?]")
    return rf'{start}{room}body{many} {end} "\""'


def grammar_of_choice(texts: Sequence[str]) -> str:
    r"""The grammar of any one of `texts`.

    >>> print(grammar_of_choice(['lost"', 'arrival"']))
    root ::= "lost\"" | "arrival\""
    """
    return f"root ::= {' | '.join(json.dumps(text, ensure_ascii=False) for text in texts)}"


def grammar_of_list(count: int, form: str = "phrase", *, longest: int | None = None, sentences: tuple[int, int] = (1, 1)) -> str:
    """The grammar of a numbered list of `count` lines in the given form: short phrases, or texts as a field holds them.

    A phrase of three words at most, and one of which no more is said, is letters; of one, a single word. A `text` has so many `sentences`, at
    least and at most. `longest` is how many words an item has at most: what the grammar ends is longer.
    """
    lines = " ".join(f'"{i}. " item' for i in range(1, count + 1))
    root = f"root ::= {lines}\nitem ::= "
    if form == "phrase" and (longest is None or longest <= FEW):
        more, least = ("", 1) if longest == 1 else (" ", 2)
        return rf'{root}[A-Za-z] [A-Za-z{more}\x27-]{{{least},{ROOM - 1}}} "\n"'
    room = LONGEST_ITEM if longest is None else min(LONGEST_ITEM, LONG_WORD * longest)
    if form == "phrase":
        return rf'{root}[A-Za-z0-9$@] ([^.?!\n{MARKUP}] | {POINT}){{2,{room}}} [?!]? "\n"'
    end = '"?"' if form == "question" else "[.!?]"
    said = rf"[A-Z0-9$] ([^.!?\n{MARKUP}] | {POINT}){{10,{room}}} {end}"
    if form != "text":
        return rf'{root}{said} "\n"'
    fewest, most = sentences
    return rf'{root}said (" " said){{{fewest - 1},{most - 1}}} "\n"{chr(10)}said ::= {said}'
