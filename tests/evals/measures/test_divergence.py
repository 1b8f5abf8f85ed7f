"""Divergence and association: present where planted, absent where shuffled, bounded by the right ends."""

import doctest
from math import log

import numpy as np
import pytest

from seedless.evals.measures import divergence as module
from seedless.evals.measures.divergence import Mentioned, associations, divergence, from_real, jensen_shannon
from tests.evals.planted_rows import rows_of, task_of

WORDS = ("she", "he")


def said_of(n: int, share: float, *, seed: int, words: tuple[str, ...] = WORDS) -> list[set[str]]:
    """`n` rows; the given share says one of the words, any of them as likely."""
    rng = np.random.default_rng(seed)
    return [{words[int(rng.integers(len(words)))]} if rng.random() < share else set() for _ in range(n)]


def test_each_row_spends_one() -> None:
    mentioned = Mentioned.of([{"she"}, {"she", "he"}, set(), {"they", "it"}, {"they", "he"}], WORDS, other="(others)")
    assert mentioned.words == ("she", "he", "(others)", "(none)")
    assert mentioned.by_side(np.array([0, 1, 0, 1, 1])).tolist() == [[1.0, 0, 0, 1], [0.5, 1.0, 1.5, 0]]
    assert Mentioned.of([{"they"}], WORDS).by_side(np.array([0])).tolist() == [[0.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    ("spent", "bits"),
    [
        ([[5.0, 0.0], [0.0, 5.0]], 1.0),
        ([[5.0, 1.0], [50.0, 10.0]], 0.0),
        ([[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]], 2.0),
        ([[3.0, 0.0], [0.0, 0.0]], 0.0),
    ],
)
def test_jensen_shannon(spent: list[list[float]], bits: float) -> None:
    assert jensen_shannon(np.array(spent)) == pytest.approx(bits, abs=1e-9)


def test_a_planted_word_shows_and_shuffled_labels_do_not() -> None:
    said = [*[{"she"}] * 50, *said_of(50, 0.2, seed=0)]
    labels = np.repeat([0, 1], 50)
    mentioned = Mentioned.of(said, WORDS)
    planted = divergence(mentioned, labels, np.random.default_rng(0))
    assert planted.shows
    assert 0.3 < planted.low < planted.bits < planted.high <= 1.1
    shuffled = divergence(mentioned, np.random.default_rng(1).permutation(labels), np.random.default_rng(0))
    assert not shuffled.shows
    assert shuffled.low == 0.0
    assert shuffled.bits < 0.03


@pytest.mark.parametrize("labels", [2, 7, 60])
def test_false_alarms_are_rare(labels: int) -> None:
    names = tuple(f"n{i}" for i in range(20))
    shows, bits, uncorrected = 0, 0.0, 0.0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        mentioned, side = Mentioned.of(said_of(120, 0.5, seed=seed, words=names), names), rng.integers(labels, size=120)
        found = divergence(mentioned, side, rng)
        shows += found.shows
        bits += found.bits
        uncorrected += jensen_shannon(mentioned.by_side(side))
    assert shows <= 2, "one in a hundred is expected"
    assert bits < 0.15 * uncorrected, "few rows of many words differ by chance alone: that is taken off"


def test_more_rows_narrow_the_interval_and_leave_the_figure() -> None:
    found = []
    for n in (200, 5000):
        said = [*said_of(n, 0.6, seed=1, words=("she",)), *said_of(n, 0.2, seed=2, words=("she",))]
        found.append(divergence(Mentioned.of(said, ("she",)), np.repeat([0, 1], n), np.random.default_rng(0)))
    few, many = found
    assert few.low < many.bits < few.high
    assert many.high - many.low < 0.4 * (few.high - few.low)


def test_real_rows_are_compared_label_by_label() -> None:
    # What is said depends on the label only: within a label, both sources say the same.
    said = [{"she"} if i % 2 else {"he"} for i in range(200)]
    rows = rows_of([f"a{i}" for i in range(100)])
    alike = from_real(Mentioned.of(said, WORDS), (rows, rows), np.random.default_rng(0))
    assert (alike.bits, alike.low) == (0.0, 0.0)
    turned = from_real(Mentioned.of([*said[:100], *[{"she"}] * 100], WORDS), (rows, rows), np.random.default_rng(0))
    assert turned.shows
    assert turned.bits == pytest.approx(0.31, abs=0.02)


def test_what_labels_say_does_not_hide_a_difference() -> None:
    # 40 labels of three rows, each with a word of its own; one row in each of ten labels says another, in one source only.
    task = task_of(*(f"l{i}" for i in range(40)))
    rows = rows_of([f"t{i}" for i in range(120)], task=task)
    own = [{f"w{i % 40}"} for i in range(120)]
    other = [{"x"} if i < 10 else each for i, each in enumerate(own)]
    words = ("x", *(f"w{i}" for i in range(40)))
    found = from_real(Mentioned.of([*other, *own], words), (rows, rows), np.random.default_rng(0))
    assert found.shows
    assert not from_real(Mentioned.of([*own, *own], words), (rows, rows), np.random.default_rng(0)).shows


def test_log_odds_by_hand() -> None:
    said = [*[{"she"}] * 8, *[set[str]()] * 2, {"she"}, *[set[str]()] * 19]
    (found, *rest), _ = associations(said, WORDS, np.repeat([0, 1], [10, 20]), ("red", "green"))
    assert not rest  # he: no row has it; green mirrors red
    assert (found.word, found.label, found.with_word, found.rows, found.elsewhere, found.others) == ("she", "red", 8, 10, 1, 20)
    assert found.log_odds == pytest.approx(log(8.5 / 2.5) - log(1.5 / 19.5))
    assert found.z == pytest.approx(found.log_odds / (1 / 8.5 + 1 / 2.5 + 1 / 1.5 + 1 / 19.5) ** 0.5)


def test_telling_words_are_those_that_chance_does_not_explain() -> None:
    names = tuple(f"n{i}" for i in range(30))
    said = said_of(300, 0.5, seed=3, words=names)
    labels = np.random.default_rng(4).integers(3, size=300)
    every, telling = associations(said, names, labels, ("a", "b", "c"))
    assert len(every) == 90
    assert not telling
    planted = [members | {"she"} if label == 1 else members for members, label in zip(said, labels.tolist(), strict=True)]
    _, telling = associations(planted, (*names, "she"), labels, ("a", "b", "c"))
    assert {each.word for each in telling} == {"she"}
    assert (telling[0].label, telling[0].elsewhere) == ("b", 0)
    assert telling[0].log_odds > 0 > telling[1].log_odds


def test_nothing_said() -> None:
    mentioned = Mentioned.of([set()] * 20, WORDS)
    found = divergence(mentioned, np.repeat([0, 1], 10), np.random.default_rng(0))
    assert (found.bits, found.low, found.high, found.p, found.shows) == (0.0, 0.0, 0.0, 1.0, False)
    assert associations([set()] * 20, WORDS, np.repeat([0, 1], 10), ("a", "b")) == ((), ())


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0
