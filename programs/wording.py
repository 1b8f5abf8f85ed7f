"""How messages say how many, and which."""

from collections.abc import Sequence

__all__ = ["counted", "listed"]


def counted(count: int, noun: str) -> str:
    """How many of what `noun` names, for a message.

    >>> counted(1, "slot"), counted(0, "LM call")
    ('1 slot', '0 LM calls')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


def listed(names: Sequence[str], shown: int = 12) -> str:
    """The names for a message: all of them, or the first `shown` and how many more there are.

    >>> listed(["b", "a"]), listed(["c", "b", "a"], shown=1)
    ('b, a', 'c and 2 more')
    """
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
