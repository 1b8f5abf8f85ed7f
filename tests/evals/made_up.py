"""Made-up labelled rows whose difficulty is known, for tests of the evaluation."""

from collections.abc import Sequence

import numpy as np

from seedless.evals.labelled import LabelledRows
from seedless.task import Task

__all__ = ["coined", "paired", "shuffled", "task_of", "topical"]

SYLLABLES = ("ba", "che", "dor", "fi", "gul", "hem", "jo", "ka", "lin", "mu", "nes", "pol", "qui", "ra", "so", "tev")


def task_of(*labels: str, fields: Sequence[str] = ("text",)) -> Task:
    """A task with these labels and fields."""
    return Task.model_validate(
        {
            "name": "made_up",
            "description": "Made-up lines.",
            "fields": [{"name": name, "description": f"one {name}"} for name in fields],
            "labels": [{"name": label, "meaning": f"it is {label}", "constraint": f"Write {label}."} for label in labels],
            "contexts": {"hint": "rooms"},
            "seeds": {"hint": "things"},
        }
    )


def rows_of(task: Task, texts: Sequence[Sequence[str]], labels: Sequence[int]) -> LabelledRows:
    """Rows with these texts, one for each field, and the labels at these places."""
    names = [field.name for field in task.fields]
    records = tuple(
        {**dict(zip(names, said, strict=True)), "label": task.label_names[label]} for said, label in zip(texts, labels, strict=True)
    )
    return LabelledRows(task, records, "made up")


def topical(n: int, *, labels: int = 2, telling: float = 0.3, noise: float = 0.0, words: int = 8, seed: int = 0) -> LabelledRows:
    """`n` rows, labels in turn. Each word is one of 20 of the label's own with probability `telling`, else one of 60 common ones;
    a share `noise` of the rows has a label drawn at random instead of its own."""
    rng = np.random.default_rng([seed, n, labels])
    common = [_word("c", i) for i in range(60)]
    own = [[_word("o", 20 * label + i) for i in range(20)] for label in range(labels)]
    texts, given = [], []
    for place in range(n):
        label = place % labels
        texts.append([" ".join(str(rng.choice(own[label] if rng.random() < telling else common)) for _ in range(words))])
        given.append(int(rng.integers(labels)) if rng.random() < noise else label)
    return rows_of(task_of(*(f"label{i}" for i in range(labels))), texts, given)


def coined(n: int, *, seed: int = 0) -> LabelledRows:
    """`n` rows of common words whose label is a coin's: nothing can be learnt."""
    rows = topical(n, telling=0.0, seed=seed)
    return rows_of(rows.task, [[text] for text in rows.texts], np.random.default_rng(seed).integers(2, size=n).tolist())


def paired(n: int, *, seed: int = 0) -> LabelledRows:
    """`n` rows of two fields, labels in turn: `same` where the second repeats four words of the first, `other` where it repeats
    none. Each field alone tells nothing."""
    rng = np.random.default_rng([seed, n])
    vocabulary = [_word("v", i) for i in range(80)]
    texts, labels = [], []
    for place in range(n):
        drawn = rng.permutation(vocabulary)
        first, fresh = drawn[:6], drawn[6:12]
        second = rng.permutation([*first[:4], *fresh[:2]]) if place % 2 == 0 else fresh
        texts.append([" ".join(first), " ".join(second)])
        labels.append(place % 2)
    return rows_of(task_of("same", "other", fields=("first", "second")), texts, labels)


def shuffled(rows: LabelledRows, *, seed: int = 0) -> LabelledRows:
    """The same texts under one another's labels."""
    labels = np.random.default_rng(seed).permutation(rows.labels).tolist()
    names = [field.name for field in rows.task.fields]
    return rows_of(rows.task, [[record[name] for name in names] for record in rows.records], labels)


def _word(kind: str, number: int) -> str:
    base = len(SYLLABLES)
    return kind + SYLLABLES[number // base % base] + SYLLABLES[number % base] + SYLLABLES[(number * 7 + 3) % base]
