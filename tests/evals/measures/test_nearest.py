"""Nearest texts: the same as comparing all pairs, in less time."""

import doctest

import numpy as np
import pytest

from seedless.errors import UsageError
from seedless.evals.measures import nearest as module
from seedless.evals.measures.nearest import Near, nearest_earlier
from seedless.evals.measures.numbered import Vocabulary
from seedless.kept import Kept
from seedless.text import rouge_l, words
from tests.evals.planted_rows import texts_of


def similar_texts(n: int, seed: int, *, most: int = 14) -> list[str]:
    """Texts of few words, many of them alike: every kind of pair around the threshold."""
    rng = np.random.default_rng(seed)
    bases = [rng.integers(0, 60, size=rng.integers(1, most)).tolist() for _ in range(max(1, n // 8))]
    found = []
    for _ in range(n):
        text = list(bases[rng.integers(len(bases))])
        for _ in range(rng.integers(0, 5)):
            place = int(rng.integers(0, len(text) + 1))
            if rng.random() < 0.5 or not text:
                text.insert(place, int(rng.integers(60)))
            else:
                text.pop(min(place, len(text) - 1))
        found.append(" ".join(f"w{word}" for word in text))
    return found


def nearest(texts: list[str], among: list[str], *, threshold: float = 0.7) -> tuple[Near, ...]:
    number = Vocabulary().number
    return module.nearest(number(texts), number(among), threshold=threshold)


def best(text: str, among: list[str]) -> float:
    return (
        max((round(rouge_l(words(text), words(other)), 9) for other in among if words(other)), default=0.0) if words(text) else 0.0
    )


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9, 1.0])
def test_no_near_text_is_missed_and_none_is_invented(threshold: float) -> None:
    texts, among = similar_texts(250, 1), similar_texts(300, 2)
    expected = {i: score for i, text in enumerate(texts) if (score := best(text, [*among, *texts[:20]])) >= threshold}
    found = nearest(texts, [*among, *texts[:20]], threshold=threshold)
    assert {near.place: near.score for near in found} == expected
    assert all(
        round(rouge_l(words(texts[near.place]), words([*among, *texts[:20]][near.other])), 9) == near.score for near in found
    )


def test_earlier_texts_only() -> None:
    texts = ["", *similar_texts(300, 3), "", "w1"]
    found = {near.place: near for near in nearest_earlier(Vocabulary().number(texts))}
    assert {place: near.score for place, near in found.items()} == {
        i: score for i, text in enumerate(texts) if (score := best(text, texts[:i])) >= 0.7
    }
    assert all(near.other < near.place for near in found.values())


def test_the_generator_refuses_the_same_rows() -> None:
    texts = similar_texts(200, 4)
    kept, refused = Kept(), []
    for place, text in enumerate(texts):
        if kept.similarity(text, 0.7) >= 0.7:
            refused.append(place)
        kept.add(text, "a")
    assert [near.place for near in nearest_earlier(Vocabulary().number(texts))] == refused


def test_asked_places_only() -> None:
    numbered = Vocabulary().number(similar_texts(300, 5))
    asked = np.arange(7, 300, 7)
    every = [near for near in nearest_earlier(numbered) if near.place % 7 == 0 and near.place]
    assert list(nearest_earlier(numbered, asked=asked)) == every


def test_in_pieces_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = similar_texts(200, 6)
    at_once = nearest(texts, texts[50:150])
    monkeypatch.setattr(module, "MEMORY", 100)
    assert nearest(texts, texts[50:150]) == at_once


def test_a_crowd_of_candidates_hides_no_near_text() -> None:
    rare = "alpha beta gamma delta epsilon zeta eta theta iota kappa"
    # The crowd shares all of the text's words in another order, the near one fewer of them in its order.
    crowd = [" ".join(np.random.default_rng(i).permutation(rare.split())) for i in range(400)]
    crowd = [text for text in crowd if rouge_l(text.split(), rare.split()) < 0.7]
    near = "alpha beta gamma delta epsilon zeta eta theta"
    assert len(crowd) > 2 * module.FIRST
    (found,) = nearest([rare], [*crowd, near])
    assert found.other == len(crowd)


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.1])
def test_an_impossible_threshold(threshold: float) -> None:
    with pytest.raises(UsageError, match="ROUGE-L lies in"):
        nearest(["a"], ["b"], threshold=threshold)


def test_nothing_to_compare() -> None:
    assert nearest([], ["a b"]) == nearest(["a b"], []) == nearest([" "], [" "]) == ()
    assert not nearest(texts_of(100), texts_of(100, seed=1))


def test_texts_that_differ_in_a_sign_alone_are_two() -> None:
    assert nearest(["\U0001f600", "\U0001f621"], ["\U0001f389"]) == ()
    assert [near.score for near in nearest(["\U0001f600"], ["\U0001f600"])] == [1.0]


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0
