"""What callers give, checked: each complaint says what was given, what is allowed, what to do."""

import math
from collections.abc import Iterator, Mapping, Sequence

from seedless.errors import UsageError

__all__ = ["check_amount", "check_choice", "check_count", "check_share"]


def check_choice(name: str, given: object, allowed: Sequence[str], *, optional: bool = False) -> None:
    """That `given` is one of `allowed`, or None where it is `optional`.

    Raises
    ------
    UsageError
        If it is not.
    """
    if not (given in allowed or (optional and given is None)):
        raise UsageError(f"given the {name} {given!r}, allowed are {', '.join(allowed)}; name one of them")


def check_count(counts: Mapping[str, object], *, least: int | None = None) -> None:
    """That each of `counts` is None or a whole number, `least` at least.

    Raises
    ------
    UsageError
        If one is not.
    """
    for said, given in _named(counts):
        if isinstance(given, bool) or not isinstance(given, int):
            raise UsageError(f"given {said} {given!r}, a whole number is allowed; give one")
        if least is not None and given < least:
            raise UsageError(f"given {said} {given}, at least {least} is allowed; give a larger number")


def check_amount(amounts: Mapping[str, object]) -> None:
    """That each of `amounts` is None or a finite number above 0.

    Raises
    ------
    UsageError
        If one is not.
    """
    for said, given in _named(amounts):
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise UsageError(f"given {said} {given!r}, a number is allowed; give one")
        if not (math.isfinite(given) and given > 0):
            raise UsageError(f"given {said} {given}, a number above 0 is allowed; give one or leave it out")


def check_share(shares: Mapping[str, object]) -> None:
    """That each of `shares` is None or a number in [0, 1].

    Raises
    ------
    UsageError
        If one is not.
    """
    for said, given in _named(shares):
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
            raise UsageError(f"given {said} {given}, 0 to 1 is allowed; give a share")


def _named(values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """What is given, each under its option's name on the command line."""
    return ((f"--{name.replace('_', '-')}", given) for name, given in values.items() if given is not None)
