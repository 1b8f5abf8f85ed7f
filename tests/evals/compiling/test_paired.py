"""The paired bootstrap: it sees a gain where there is one, and none where there is none."""

import numpy as np
import pytest

from seedless.evals.compiling.paired import Learnt, by_probability, by_scores
from tests.word_embedder import WordEmbedder


def test_a_sure_gain_is_seen_and_chance_is_not() -> None:
    rng = np.random.default_rng(0)
    before = rng.uniform(0.2, 0.6, 30)
    sure = by_scores(list(before), list(before + 0.2 + rng.normal(0, 0.05, 30)), 0)
    assert sure.better
    assert sure.gain.low < 0.2 < sure.gain.high + 0.05
    assert sure.before.low < sure.before.value < sure.before.high
    none = by_scores(list(before), list(rng.permutation(before)), 0)
    assert not none.better
    assert none.gain.low < 0 < none.gain.high
    worse = by_scores(list(before), list(before - 0.2), 0)
    assert worse.gain.high < 0
    assert not worse.better
    assert by_scores(list(before), list(before), 0).gain.value == 0.0


def test_the_same_rows_and_seed_give_the_same_interval() -> None:
    one, other = [0.1, 0.5, 0.9, 0.3], [0.2, 0.5, 0.8, 0.9]
    assert by_scores(one, other, 3) == by_scores(one, other, 3)


def test_three_lucky_slots_of_six_are_no_gain() -> None:
    """An ordinary percentile interval would pass them: all three are drawn away in 1.6 of 100 cases only."""
    assert not by_scores([0.0] * 6, [1.0, 1.0, 1.0, 0.0, 0.0, 0.0], 0).better
    assert by_scores([0.0] * 6, [1.0] * 6, 0).better


def test_chance_alone_passes_in_at_most_5_of_100_cases() -> None:
    rng = np.random.default_rng(1)
    passed = sum(by_scores(list(rng.random(8) < 0.4), list(rng.random(8) < 0.4), i).better for i in range(200))
    assert passed <= 10


EMBED = WordEmbedder()
NOUNS = ("attic", "cellar", "garden", "kitchen", "parlour", "study", "porch", "barn", "loft", "hall")


def learnt(wrong: int) -> Learnt:
    """Twenty drafts, of which the first `wrong` of each label are of the other one."""
    texts = [
        f"a {'lantern glow' if (i >= wrong) == (j == 0) else 'compass needle'} {noun}"
        for j in (0, 1)
        for i, noun in enumerate(NOUNS)
    ]
    return Learnt(EMBED.embed(texts), np.array([0] * 10 + [1] * 10), np.ones(20))


def test_classifiers_tell_right_labels_from_wrong_ones_on_real_rows() -> None:
    rows = EMBED.embed([f"the {thing} near a {noun}" for thing in ("lantern", "compass") for noun in NOUNS])
    labels = np.array([0] * 10 + [1] * 10)
    better = by_probability(learnt(4), learnt(0), rows, labels, 2, 0, fits=60)
    assert better.better
    assert better.metric == "true_label_probability"
    assert better.figures["macro_f1"][1] == pytest.approx(1.0)
    assert not by_probability(learnt(0), learnt(4), rows, labels, 2, 0, fits=60).better
    assert not by_probability(learnt(2), learnt(2), rows, labels, 2, 0, fits=60).better


def test_drafts_that_count_for_nothing_are_not_learnt_from() -> None:
    rows, labels = EMBED.embed(["the lantern", "the compass"] * 3), np.array([0, 1] * 3)
    full = learnt(0)
    nothing = Learnt(full.vectors, full.labels, np.zeros(20))
    found = by_probability(nothing, full, rows, labels, 2, 0, fits=40)
    assert found.before.value == 0.5
    assert found.figures["rows_learnt_from"] == (0.0, 20.0)
    assert found.better
