"""The index of kept texts, against a longest common subsequence computed by hand."""

import random

import pytest

from seedless.kept import Kept
from tests.programs.test_text import f1


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.95, 1.0])
def test_nearest_equals_brute_force(threshold: float) -> None:
    rng = random.Random(f"nearest/{threshold}")
    found = 0
    for _ in range(40):
        texts = [" ".join(rng.choices("abcdef", k=rng.randint(1, 30))) for _ in range(12)]
        kept = Kept()
        for text in texts:
            kept.add(text, "label")
        asked = rng.choice(texts).split()
        asked = [w for w in asked if rng.random() < 0.85] or ["a"]
        best = max(f1(text.split(), asked) for text in texts)
        if abs(best - threshold) < 1e-9 < abs(best - 1):
            continue  # on the threshold itself: the next test's case
        got = kept.similarity(" ".join(asked), threshold)
        assert got == (pytest.approx(best) if best >= threshold else 0.0)
        found += got > 0
    assert found > 0 or threshold == 1.0


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.95])
def test_nearest_equals_brute_force_where_more_is_asked_of_short_texts(threshold: float) -> None:
    rng = random.Random(f"short/{threshold}")
    found = refused = 0
    for _ in range(150):
        texts = [" ".join(rng.choices("abcdefgh", k=rng.randint(1, 20))) for _ in range(12)]
        kept = Kept()
        for text in texts:
            kept.add(text, "label")
        asked = [w for w in rng.choice(texts).split() if rng.random() < 0.85] or ["a"]
        scored = []
        for text in texts:
            score, mean = f1(text.split(), asked), (len(text.split()) + len(asked)) / 2
            scored.append((score, threshold + (1 - threshold) * max(0, 1 - mean / 12)))
        if any(abs(score - bar) < 1e-6 for score, bar in scored):
            continue
        best = max((score for score, bar in scored if score >= bar), default=0.0)
        assert kept.similarity(" ".join(asked), threshold, short=12) == pytest.approx(best)
        found += best > 0
        refused += best < kept.similarity(" ".join(asked), threshold)
    assert found > 0
    assert refused > 0


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9])
def test_length_window_holds_every_pair_on_the_threshold(threshold: float) -> None:
    """The shorter text's words all stand in the longer one: 2 * short / (short + long) is the best score of that length."""
    missed = []
    on_it = 0
    for short in range(1, 41):
        for long in range(short + 1, 81):
            if 2 * short / (short + long) < threshold:
                break
            on_it += 2 * short / (short + long) == threshold
            for a, b in ((short, long), (long, short)):
                kept = Kept()
                kept.add(" ".join(f"w{i}" for i in range(a)), "label")
                if kept.similarity(" ".join(f"w{i}" for i in range(b)), threshold) < threshold:
                    missed.append((a, b))
    assert on_it > 0
    assert missed == []


def test_similarity_of_the_same_words() -> None:
    kept = Kept()
    kept.add("It's GOOD, isn't it?", "positive")
    assert kept.similarity("it s good isn t it", 0.7) == 1.0
    assert kept.similarity("", 0.7) == 0.0
    assert Kept().similarity("anything", 0.7) == 0.0


def test_label_of() -> None:
    kept = Kept()
    kept.add("The cast is superb.", "positive")
    assert kept.label_of("the CAST is superb") == "positive"
    assert kept.label_of("The cast is not superb.") is None
    kept.add("the cast is superb", "negative")
    assert kept.label_of("The cast is superb.") == "negative"
    assert len(kept) == 1


@pytest.mark.parametrize("text", ["😀🎉🎈", "❤️", ":)", "?!", "== !=", "...", "+1 😀"])
def test_an_identical_text_is_a_repeat_whatever_it_is_made_of(text: str) -> None:
    kept = Kept()
    kept.add(text, "joy")
    assert kept.similarity(text, 0.7) == 1.0
    assert kept.label_of(text) == "joy"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("😀🎉🎈", "😢💔🌧"),
        ("❤️", "💔"),
        (":)", ":("),
        ("if x == 0: return 1", "if x != 0: return 1"),
        ("if x = 0: return 1", "if x != 0: return 1"),
        ("a / b", "a * b"),
        ("return -1", "return 1"),
        ("I write C++", "I write C#"),
        ("Great film :)", "Great film :("),
        ("So you came 😀", "So you came 😡"),
    ],
)
def test_signs_tell_texts_apart(first: str, second: str) -> None:
    kept = Kept()
    kept.add(first, "joy")
    assert kept.label_of(second) is None
    assert kept.similarity(second, 0.7) < 1.0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Great film.", "Great film!"),
        ("Super film !", "Super film..."),
        ("Great, well-known film", "great well known “film”"),
        ("A (great) film", "A great film"),
        ("A **great** #film", "A great film"),
        ("So happy 😀", "So happy 😀😀 😀"),
        ("我很好，谢谢。", "我很好谢谢！"),
    ],
)
def test_punctuation_tells_no_texts_apart(first: str, second: str) -> None:
    kept = Kept()
    kept.add(first, "joy")
    assert kept.label_of(second) == "joy"
    assert kept.similarity(second, 0.7) == 1.0


def test_texts_without_words_begin_alike_with_none() -> None:
    kept = Kept()
    for text in ("😀🎉🎈", "❤️❤️❤️", "😢", "👨‍👩‍👧 👍🏽"):
        kept.add(text, "joy")
    assert kept.opened_so("❤️💔🌧") == 0


def test_a_part_of_a_row_is_as_near_as_the_whole() -> None:
    kept = Kept()
    first, second = "The food was cold and the music too loud.", "We waited an hour, then the food came."
    kept.add(f"{first}\nfood", "poor", compared="food")
    assert kept.similarity("food", 0.7) == 1.0
    assert kept.similarity("food", 0.7, whole=f"{first}\nfood") == 1.0
    assert kept.similarity("food", 0.7, whole=f"{second}\nfood") == 0.0
    assert kept.similarity("music", 0.7, whole=f"{first}\nmusic") == 0.0


def test_of_a_part_and_the_whole_the_farther_one_counts() -> None:
    kept = Kept()
    given = "The food was cold and the music too loud."
    kept.add(f"{given}\nwe went home early", "poor", compared="we went home early")
    assert kept.similarity("we went home late", 0.7, whole=f"{given}\nwe went home late") == 0.75


def test_what_is_given_is_no_opening() -> None:
    kept = Kept()
    kept.add("The food was cold.\nWe went home early.", "poor", compared="We went home early.")
    assert kept.opened_so("We went home at last.") == 1
    assert kept.opened_so("The food was good.") == 0
