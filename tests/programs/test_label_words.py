"""Words that tell one label from the others."""

import numpy as np
import pytest

from seedless.label_words import LabelWords, telling_words
from seedless.task import Task

TOPICS = Task(
    name="topics",
    description="Short news items, sorted by topic.",
    fields=({"name": "text", "description": "a short news item", "form": "text"},),
    labels=(
        {"name": "sports", "meaning": "The news is about sports.", "constraint": "Write about sports."},
        {"name": "money", "meaning": "The news is about business.", "constraint": "Write about business."},
    ),
    contexts={"hint": "subjects"},
    seeds={"hint": "details"},
)


def unit(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_the_nearest_words_come_by_how_much_nearer_they_are_than_to_another_label() -> None:
    words = unit(-30, 0, 44, 46, 90, 120, 225)
    first, second = telling_words(words, unit(0, 90))
    assert first[0] == 0, "at -30 degrees it is 30 from the first label and 120 from the second"
    assert second[0] == 5
    assert first.index(1) < first.index(2) < first.index(3) < first.index(4)
    assert sorted(first) == sorted(second) == list(range(7))


def test_a_label_near_all_words_is_not_given_them_all() -> None:
    """Its cosines are centred: what counts is what is nearer to it than words are as a rule."""
    words = unit(0, 10, 20, 30)
    _, far = telling_words(words, unit(15, 90))
    assert far[0] == 3


@pytest.mark.slow
def test_words_of_topics() -> None:
    words = LabelWords(TOPICS)
    assert {"baseball", "football", "hockey"} & set(words.of("sports"))
    assert {"profits", "economy", "market", "markets"} & set(words.of("money"))
    assert not set(words.of("sports")) & set(words.of("money"))


@pytest.mark.slow
def test_no_word_gives_a_label_away() -> None:
    assert not any(word.startswith(("sport", "money")) for label in ("sports", "money") for word in LabelWords(TOPICS).of(label))
