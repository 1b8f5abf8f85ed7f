"""Made-up labelled rows whose labels are told by topic words, and the defects that analyses must find in them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.task import Task

__all__ = ["flipped", "relabelled", "shuffled", "topic_task", "topics"]

WORDS = 25  # of a topic, and twice as many that are in none


def topic_task(labels: int = 3, *, fields: Sequence[str] = ("text",)) -> Task:
    """A task with the labels `a`, `b`, ... (`t0`, `t1`, ... where there are many)."""
    names = "abcdefghij"[:labels] if labels <= 10 else [f"t{i}" for i in range(labels)]
    return Task(
        name="topics",
        description="Texts, sorted by topic.",
        fields=tuple({"name": name, "description": "a text", "form": "text"} for name in fields),
        labels=tuple(
            {"name": name, "meaning": f"the topic {name}", "constraint": f"Write about {{context}}, {name}."} for name in names
        ),
        contexts={"hint": "places"},
        seeds={"hint": "things"},
    )


def topics(n: int, *, labels: int = 3, clarity: float = 0.4, length: int = 8, seed: int = 0) -> LabelledRows:
    """`n` rows, labels in turn; each word is of the label's topic with the probability `clarity`."""
    task, rng = topic_task(labels), np.random.default_rng(seed)
    records = []
    for i in range(n):
        label = i % labels
        own = rng.random(length) < clarity
        drawn = [f"topic{label}x{rng.integers(WORDS)}" if mine else f"common{rng.integers(2 * WORDS)}" for mine in own.tolist()]
        records.append({"id": f"r{i}", "text": " ".join(drawn), "label": task.label_names[label]})
    return LabelledRows(task, tuple(records), "topics")


def relabelled(rows: LabelledRows, labels: NDArray[np.int64]) -> LabelledRows:
    """The same rows under other labels, given as places."""
    names = rows.task.label_names
    told = zip(rows.records, labels.tolist(), strict=True)
    return LabelledRows(rows.task, tuple({**record, "label": names[place]} for record, place in told), rows.source)


def shuffled(rows: LabelledRows, seed: int = 0) -> LabelledRows:
    """The same rows, their labels dealt out at random."""
    return relabelled(rows, np.random.default_rng(seed).permutation(rows.labels))


def flipped(rows: LabelledRows, share: float, seed: int = 0) -> tuple[LabelledRows, set[int]]:
    """The rows with a share of their labels changed, and the places of the changed ones."""
    rng = np.random.default_rng(seed)
    places = rng.choice(len(rows), int(share * len(rows)), replace=False)
    labels, count = rows.labels.copy(), len(rows.task.labels)
    labels[places] = (labels[places] + rng.integers(1, count, len(places))) % count
    return relabelled(rows, labels), set(places.tolist())
