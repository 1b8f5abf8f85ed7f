"""Grammars (GBNF) that hold a small model to the form of a text while it decodes."""

from collections.abc import Mapping

__all__ = ["LONGEST_PHRASE", "QUOTATION", "grammar_of_fields", "grammar_of_form", "grammar_of_list"]

LONGEST_PHRASE = 33  # characters of an item in a list of phrases
ROOM = 48  # characters after which the grammar ends an item: what it cuts is then too long anyway, wherever the last word began

LETTERS = 4  # of a word with the space after it, at least: a first sentence of fewer is taken for the end too early

MARKUP = r"\[\]{}<>_*#|"
QUOTATION = r'root ::= [^"\n]+ "\""'  # any line, to the quotation mark that closes it
POINT = '[0-9] "." [0-9] | [A-Z] "." [A-Z] "." | ("Mr" | "Mrs" | "Ms" | "Dr" | "St") ". "'  # a point that ends no sentence


def grammar_of_form(form: str, opening: str = "", *, sentences: int = 3, quoted: bool = False) -> str:
    r"""The grammar of one text of the given form, continuing `opening` where there is one.

    A `question` ends with its first question mark, a `sentence` with its first full stop or the like (a point within a number
    or an abbreviation aside), a `text` with its line or its last allowed sentence. None holds markup or places to fill in.
    A text that is `quoted` ends with the quotation mark that closes it.

    >>> print(grammar_of_form("question", opening="Who"))
    root ::= body "?"
    body ::= ([^?!.\n:;"\[\]{}<>_*#|] | [0-9] "." [0-9] | [A-Z] "." [A-Z] "." | ("Mr" | "Mrs" | "Ms" | "Dr" | "St") ". ")+
    """
    close = (
        ' ["]?' if quoted or form != "question" else ""
    )  # one token is full stop and quotation mark: without it a sentence runs on
    if form == "question":
        start = "" if opening else "[A-Z] "
        return rf'root ::= {start}body "?"{close}{chr(10)}body ::= ([^?!.\n:;"{MARKUP}] | {POINT})+'
    mark = "" if quoted else '"'  # within a quotation, a quotation mark ends it
    start = "" if opening else rf"[{mark}A-Za-z0-9$@] " if form == "text" else rf"[{mark}A-Z0-9$] "
    body = rf"""body ::= ([^?!.\n{MARKUP}{'"' if quoted else ""}] | {POINT})+"""
    if form == "sentence":
        return f"root ::= {start}body [.!?]{close}\n{body}"
    end, mark = ("""([.!?] ["]? | ["])""", "[.!?]+") if quoted else ("mark?", f"[.!?]+{close}")
    return f"root ::= {start}body (mark body){{0,{sentences - 1}}} {end}\n{body}\nmark ::= {mark}"


def grammar_of_fields(forms: Mapping[str, str], *, sentences: int = 3, least: Mapping[str, int] | None = None) -> str:
    r"""The grammar of the texts of several fields in a document: each closed by its quotation mark, each but the first on a line of its own
    that begins with the field's name. `forms` maps names to forms, an empty form is any line; `least` to the words that a text has at least.

    >>> print(grammar_of_fields({"Premise": "sentence", "Hypothesis": "question"}).splitlines()[0])
    root ::= [A-Z0-9$] body [.!?] "\"" "\nHypothesis: \"" [A-Z0-9$] body "?" "\""
    """
    (first, *others) = forms
    parts = {name: _closed(form, (least or {}).get(name, 0), sentences) for name, form in forms.items()}
    lines = [parts[first], *(rf'"\n{name}: \"" {parts[name]}' for name in others)]
    return f"""root ::= {" ".join(lines)}\nbody ::= ([^?!.\\n{MARKUP}"] | {POINT})+\nmark ::= [.!?]+"""


def _closed(form: str, least: int, sentences: int) -> str:
    """A text of at least `least` words in a quotation that is open, and the mark that closes it."""
    if not form:
        return r'[^"\n]+ "\""'
    letters = min(LETTERS * least, ROOM)
    room = rf'[^?!.\n{MARKUP}"]{{{letters}}} ' if letters else ""
    if form == "text":
        return rf'[A-Za-z0-9$@] {room}body (mark body){{0,{sentences - 1}}} [.!?]? "\""'
    end = '"?"' if form == "question" else "[.!?]"
    return rf'[A-Z0-9$] {room}body {end} "\""'


def grammar_of_list(count: int, form: str = "phrase") -> str:
    """The grammar of a numbered list of `count` lines: short phrases, or whole sentences of at most 240 characters."""
    lines = " ".join(f'"{i}. " item' for i in range(1, count + 1))
    if form == "sentence":
        return rf'root ::= {lines}{chr(10)}item ::= [A-Z] [^.!?\n{MARKUP}]{{10,238}} "." "\n"'
    return rf'root ::= {lines}{chr(10)}item ::= [A-Za-z] [A-Za-z \x27-]{{2,{ROOM - 1}}} "\n"'
