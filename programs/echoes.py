"""What of an instruction comes back in a text that was written by it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from seedless.slips import MENTIONING
from seedless.text import PLACE, run_of, sentences, words

__all__ = ["repeats", "runs_of"]

DETERMINERS = frozenset({"a", "her", "his", "its", "my", "our", "the", "their", "your"})
LINKING = frozenset({"are", "be", "been", "can", "had", "has", "have", "is", "that", "was", "were", "which", "who", "will"})


def repeats(text: str, instructions: tuple[str, ...], values: Mapping[str, str], seed: str, *, run: int, things: bool) -> bool:
    """Whether `text` says `run` words in a row of an instruction again, or all of it where it is shorter, with its places filled in by `values`, others
    by the `seed`. With `things`, what two of the instructions name may be said again, as what stands in a place may."""
    said = f" {' '.join(_told(text))} "
    alone = {f" {' '.join(_told(sentence))} " for sentence in sentences(text)}
    named = _named_again(instructions) if things else frozenset()
    return any(
        any(f" {again} " in (alone if whole else said) for again, whole in _own_runs(instruction, named, values, seed, run))
        or (MENTIONING.search(instruction) and MENTIONING.search(text))
        for instruction in instructions
    )


def runs_of(said: Sequence[str], length: int) -> list[tuple[str, ...]]:
    """Each `length` words in a row.

    >>> runs_of(["to", "and", "fro"], 2)
    [('to', 'and'), ('and', 'fro')]
    """
    return [tuple(said[i : i + length]) for i in range(len(said) - length + 1)]


def _own_runs(
    instruction: str, things: Collection[tuple[str, ...]], values: Mapping[str, str], seed: str, run: int
) -> Iterator[tuple[str, bool]]:
    """What of an instruction no text may hold, and whether it may not as a whole sentence only."""
    pieces = PLACE.split(instruction)  # of its own at even places, names of what is filled in at odd ones
    enough = run_of(run, " ".join(pieces[::2]))
    parts: list[list[tuple[str, bool]]] = [[]]
    for i, piece in enumerate(pieces):
        if i % 2 and piece == "cue":
            parts.append([])
        elif i % 2:
            parts[-1] += [(word, False) for word in _told(values.get(piece, seed))]
        else:
            told = _told(piece)
            places = [(i, thing) for thing in things for i, each in enumerate(runs_of(told, len(thing))) if each == thing]
            of_things = {i + k for i, thing in places for k in range(len(thing))}
            parts[-1] += [(word, i not in of_things) for i, word in enumerate(told)]
    of_its_own = sum(own for part in parts for _, own in part)
    for part in parts:
        told = [word for word, _ in part]
        own = [i for i, (_, is_own) in enumerate(part) if is_own]
        if of_its_own >= enough:
            yield from ((" ".join(told[i : j + 1]), False) for i, j in zip(own, own[enough - 1 :], strict=False))
        elif len(parts) == 1 and len(told) >= 3 and len(own) >= 2:
            yield " ".join(told), len(pieces) > 1


@lru_cache(maxsize=1024)
def _named_again(instructions: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    """What more than one of the instructions name: an article or the like and two words at least, none of them a verb that joins; the longest there are."""
    segments = [tuple(_segments(instruction)) for instruction in instructions]
    found: set[tuple[str, ...]] = set()
    for i, mine in enumerate(segments):
        others = [said for other in (*segments[:i], *segments[i + 1 :]) for said in other]
        for said in mine:
            for start in (k for k, word in enumerate(said) if word in DETERMINERS):
                named = (said[start:end] for end in range(len(said), start + 2, -1))
                again = (
                    run for run in named if LINKING.isdisjoint(run) and any(run in runs_of(other, len(run)) for other in others)
                )
                found |= {run for run in [next(again, None)] if run}
    return frozenset(found)


def _segments(instruction: str) -> Iterator[tuple[str, ...]]:
    """The words between its places and its sentences' ends, without a sentence's first: what it begins with it is about, as "The writer" is."""
    for sentence in sentences(instruction):
        for i, piece in enumerate(PLACE.split(sentence)[::2]):
            yield tuple(_told(piece)[not i :])


def _told(text: str) -> list[str]:
    """Its words with one form of the English article: which stands before a place hangs on what fills it."""
    return ["a" if word == "an" else word for word in words(text)]
