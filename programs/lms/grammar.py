"""Grammars (GBNF) that hold a small model to the form of a text while it decodes."""

__all__ = ["grammar_of_form", "grammar_of_list"]


def grammar_of_form(form: str, opening: str = "") -> str:
    r"""The grammar of one text of the given form, continuing `opening` where there is one; "" where the form is free.

    A `question` is one line that ends with its first question mark; a `sentence` is one line.

    >>> print(grammar_of_form("question"))
    root ::= [A-Z] [^?!\n:;\[\]{}<>_*#|]+ "?"
    """
    first = "" if opening else "[A-Z] "
    if form == "question":
        return rf'root ::= {first}[^?!\n:;\[\]{{}}<>_*#|]+ "?"'
    if form == "sentence":
        first = "" if opening else r"[A-Z0-9\"'$] "
        return rf"root ::= {first}[^\n\[\]{{}}<>_*#|]+"
    return r"root ::= [^\n\[\]{}<>_|]+" if form == "text" else ""


def grammar_of_list(count: int) -> str:
    """The grammar of a numbered list of `count` short lines."""
    lines = " ".join(f'"{i}. " item' for i in range(1, count + 1))
    return rf'root ::= {lines}{chr(10)}item ::= [A-Za-z] [A-Za-z0-9 \x27-]{{2,48}} "\n"'
