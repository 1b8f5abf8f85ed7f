"""Words that speak for one label: what a small model is led by where a task names no cues of its own."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedless.lms.spec import Profile
from seedless.task import Task
from seedless.text import words

__all__ = ["LabelWords", "in_document", "telling_words"]

NEAREST = 200  # words that have to do with a label at all
TELLING = 30  # words of a label


class LabelWords:
    """For each label of a task, the common words that are near what it is and what the data set holds, and nearer than any other label's.

    They are looked up in the embedder's vocabulary, so no LM is asked and no labelled row is needed. Words that begin like a word of a
    label's name are left out: they would give the label away. Where they are `contexts`, they are the contexts and seeds of a small model, which
    names poor ones; otherwise a word stands beside the LM's own context.
    """

    def __init__(self, task: Task, *, contexts: bool = False) -> None:
        self.task = task
        self.contexts = contexts
        self._found: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: what was looked up holds for every copy of a program."""
        return self

    @classmethod
    def leading(cls, task: Task, profile: Profile) -> "LabelWords | None":
        """The words that lead `task`'s writer; None where first words do, or where one word tells nothing.

        A word tells what a lone text is about; what two texts have to do with each other it does not. The vocabulary is English.
        """
        if not in_document(task, profile) or task.led or task.language != "en" or len(task.labels) == 1 or len(task.fields) > 1:
            return None
        return cls(task, contexts=not (profile.names or task.contexts.given or any(label.contexts for label in task.labels)))

    async def aof(self, label: str | None) -> tuple[str, ...]:
        """As `of`, without holding up others while it looks up."""
        return await asyncio.to_thread(self.of, label)

    def of(self, label: str | None) -> tuple[str, ...]:
        """The label's words, the most telling first; of all labels where none is named. The first call looks all labels' up, some ten seconds once on a machine."""
        with self._lock:
            if not self._found:
                self._found = self._look_up()
            if label is None:
                return tuple(dict.fromkeys(word for found in self._found.values() for word in found))
            return self._found[label]

    def _look_up(self) -> dict[str, tuple[str, ...]]:
        from seedless.lms.encoder import encoder, vocabulary

        names = [word for label in self.task.labels for word in words(label.name.replace("_", " "))]
        known, vectors = vocabulary()
        found = telling_words(
            vectors, encoder().embed([f"{self.task.description} {label.described}" for label in self.task.labels])
        )
        return {
            label.name: tuple(known[i] for i in order if not any(_kin(known[i], name) for name in names))[:TELLING]
            for label, order in zip(self.task.labels, found, strict=True)
        }


def in_document(task: Task, profile: Profile) -> bool:
    """Whether an instance is written as the next words of a document."""
    return profile.adapter == "plain" and (profile.document == "always" or (profile.document == "unled" and not task.led))


def telling_words(vectors: NDArray[np.float32], meanings: NDArray[np.float32]) -> Sequence[Sequence[int]]:
    """For each label, the numbers of its nearest words, by how much nearer they are than any other label is, the largest margin first.

    `vectors` (words) and `meanings` (labels, at least two) hold unit vectors in rows. A label's cosines are centred over all words, so
    that no label is near everything.
    """
    cosines = vectors @ meanings.T
    cosines -= cosines.mean(axis=0)
    found = []
    for label in range(len(meanings)):
        margin = cosines[:, label] - np.delete(cosines, label, axis=1).max(axis=1)
        nearest = np.argsort(-cosines[:, label], kind="stable")[:NEAREST]
        found.append([int(i) for i in nearest[np.argsort(-margin[nearest], kind="stable")]])
    return found


def _kin(word: str, name: str) -> bool:
    """Whether two words are forms of one, as far as their first letters tell."""
    stem = min(len(word), len(name), 5)
    return stem >= 3 and word[:stem] == name[:stem]
