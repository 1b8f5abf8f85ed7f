"""What callers give, checked: each complaint says what was given, what is allowed, what to do."""

import math
import numbers
import os
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from seedless.errors import UsageError

__all__ = ["check_amount", "check_choice", "check_count", "check_path", "check_share", "plain"]


def check_choice(name: str, given: object, allowed: Sequence[str], *, optional: bool = False) -> None:
    """That `given` is one of `allowed`, or None where it is `optional`.

    Raises
    ------
    UsageError
        If it is not.
    """
    if not (given in allowed or (optional and given is None)):
        raise UsageError(f"given the {name} {given!r}, allowed are {', '.join(allowed)}; name one of them")


def plain(given: object) -> object:
    """`given` as Python's own number where it is one of numpy's or a `Decimal`; anything else as it is.

    >>> plain(Decimal("2.5"))
    2.5
    """
    if isinstance(given, int | float):
        return given
    if isinstance(given, numbers.Integral):
        return int(given)
    return float(given) if isinstance(given, numbers.Real | Decimal) else given


def check_path(name: str, given: object) -> Path | None:
    """The path that `given` means, None where it is None.

    Raises
    ------
    UsageError
        If it means none.
    """
    if given is None:
        return None
    said = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if not isinstance(said, str) or "\0" in said:
        raise UsageError(f"given the {name} {given!r}, a path is allowed; give one or leave it out")
    return Path(said)


def check_count(counts: Mapping[str, object], *, least: int, optional: bool = True) -> None:
    """That each of `counts` is a whole number, `least` at least, or None where it is `optional`.

    Raises
    ------
    UsageError
        If one is not.
    """
    for said, given in _named(counts, optional=optional):
        if isinstance(given, bool) or not isinstance(given, int):
            raise UsageError(f"given {said} {given!r}, a whole number is allowed; give one")
        if given < least:
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


def _named(values: Mapping[str, object], *, optional: bool = True) -> Iterator[tuple[str, object]]:
    """What is given, each under its option's name on the command line."""
    return ((f"--{name.replace('_', '-')}", given) for name, given in values.items() if not optional or given is not None)
