"""Rows of made-up words with nothing planted in them, for tests to plant something in."""

from collections.abc import Iterable, Sequence

import numpy as np

from seedless.evals.labelled import LabelledRows
from seedless.task import Task

LABELS = ("red", "green")
SYLLABLES = ("ba", "do", "fi", "gu", "ke", "lo", "ma", "ni", "po", "ra", "su", "ti", "ve", "wo", "zu")
LEXICON = tuple(a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES)


def task_of(*labels: str, fields: Sequence[dict[str, str]] = ({"name": "text", "description": "a text"},), **more: object) -> Task:
    """A task with these labels."""
    return Task.model_validate(
        {
            "name": "planted",
            "description": "Texts to plant something in.",
            "fields": tuple(fields),
            "labels": tuple(
                {"name": name, "meaning": f"it is {name}", "constraint": f"Make it {name}."} for name in labels or LABELS
            ),
            "contexts": {"hint": "places"},
            "seeds": {"hint": "things"},
            **more,
        }
    )


def texts_of(n: int, *, seed: int = 0, least: int = 8, most: int = 16) -> list[str]:
    """`n` texts of words drawn by Zipf's law from 3,375 made-up ones."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(10, 10 + len(LEXICON))
    lengths = rng.integers(least, most + 1, size=n)
    drawn = iter(rng.choice(len(LEXICON), size=int(lengths.sum()), p=weights / weights.sum()).tolist())
    return [" ".join(LEXICON[next(drawn)] for _ in range(length)) for length in lengths.tolist()]


def rows_of(texts: Iterable[str], labels: Iterable[str] | None = None, *, task: Task | None = None) -> LabelledRows:
    """Rows of a single field; labels in turn if none are given."""
    task = task or task_of()
    texts = list(texts)
    given = list(labels) if labels is not None else [task.label_names[i % len(task.labels)] for i in range(len(texts))]
    records = [
        {"id": f"planted-{i:05d}", "text": text, "label": label} for i, (text, label) in enumerate(zip(texts, given, strict=True))
    ]
    return LabelledRows(task, tuple(records), "planted")


def clean(n: int = 400, *, seed: int = 0) -> LabelledRows:
    """`n` rows whose texts say nothing about their labels."""
    return rows_of(texts_of(n, seed=seed))
