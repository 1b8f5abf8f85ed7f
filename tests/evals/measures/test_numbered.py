"""Numbered texts: n-grams are those of the words, wherever they stand."""

from collections import Counter

import numpy as np
import pytest

from seedless.evals.measures.numbered import Vocabulary, joined
from seedless.text import words
from tests.evals.planted_rows import texts_of

TEXTS = [*texts_of(50, most=20), "", "One two", "one TWO!", "two one", "two one two one"]


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_ngrams_are_those_of_each_text(n: int) -> None:
    said = [words(text) for text in TEXTS]
    expected = [(i, tuple(text[j : j + n])) for i, text in enumerate(said) for j in range(len(text) - n + 1)]
    hashes, owners = Vocabulary().number(TEXTS).ngrams(n)
    assert owners.tolist() == [owner for owner, _ in expected]
    # The same run has the same hash and another run another, so that counts agree.
    pairs = set(zip(hashes.tolist(), (gram for _, gram in expected), strict=True))
    assert len(pairs) == len({h for h, _ in pairs}) == len({gram for _, gram in pairs})
    assert Counter(Counter(hashes.tolist()).values()) == Counter(Counter(gram for _, gram in expected).values())


def test_whole_texts_are_told_apart_by_words_alone() -> None:
    empty, first, same, turned, longer = Vocabulary().number(TEXTS).whole()[-5:]
    assert first == same
    assert len({empty, first, turned, longer}) == 4


def test_unknown_words_match_nothing() -> None:
    vocabulary = Vocabulary()
    known = vocabulary.number(["the cat sat"])
    asked = vocabulary.known(["dog the cat sat cow", "cow dog"])
    assert len(vocabulary) == 3
    assert np.isin(known.ngrams(3)[0], asked.ngrams(3)[0]).all()
    assert not np.isin(asked.ngrams(1)[0][asked.owners == 1], known.ngrams(1)[0]).any()


def test_no_text_and_texts_without_words() -> None:
    for texts in ([], ["", " "]):
        numbered = Vocabulary().number(texts)
        assert len(numbered) == len(texts)
        assert not len(numbered.ngrams(1)[0])
        assert len(numbered.whole()) == len(texts)


def test_texts_that_are_taken_and_joined_are_those_texts() -> None:
    vocabulary = Vocabulary()
    every = vocabulary.number(TEXTS)
    places = np.array([3, 0, 52, 50, 3])
    some = vocabulary.number([TEXTS[i] for i in places])
    for found in (every.take(places), joined([every.take(places[:2]), every.take(places[2:])])):
        assert found.flat.tolist() == some.flat.tolist()
        assert found.starts.tolist() == some.starts.tolist()
    assert len(every.take(places[:0])) == 0
