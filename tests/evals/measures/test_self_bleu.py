"""Self-BLEU against figures of another implementation, and at its ends."""

import doctest

import pytest

from seedless.evals.measures import self_bleu as module
from seedless.evals.measures.self_bleu import self_bleu
from seedless.text import words

TEXTS = [
    "The kettle on the stove was already singing.",
    "The kettle on the stove was cold this morning.",
    "She left the kettle on the stove and went out.",
    "Nobody had left any tea.",
    "Tea!",
    "Rain fell on the roof, rain fell on the road.",
]


def test_as_sacrebleu_has_it() -> None:
    # sacrebleu 2.6.0: the mean of BLEU(tokenize="none", smooth_method="floor", smooth_value=0.1, effective_order=True).sentence_score
    # of each text against the others.
    assert self_bleu([words(text) for text in TEXTS]) == pytest.approx(0.28362211748668786, abs=1e-12)


def test_repeated_texts_score_one_and_unlike_ones_nothing() -> None:
    assert self_bleu([["a", "b", "c", "d", "e"]] * 3) == pytest.approx(1.0)
    assert self_bleu([["a", "b", "c"], ["d", "e"], ["f"], []]) == 0.0


def test_more_repetition_scores_higher() -> None:
    said = [words(text) for text in TEXTS]
    assert self_bleu([*said, said[3]]) > self_bleu(said)


@pytest.mark.parametrize("texts", [[], [["a"]]])
def test_too_few_texts(texts: list[list[str]]) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        self_bleu(texts)


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0
