"""Two programs compared: a gain is seen where there is one, and none where there is none."""

import numpy as np
import pytest
from scipy.stats import t, ttest_ind

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


def test_a_gain_is_as_sure_as_the_same_loss() -> None:
    rng = np.random.default_rng(5)
    one, other = list(rng.exponential(0.1, 12)), list(rng.exponential(0.2, 12))
    gain, loss = by_scores(one, other, 0).gain, by_scores(other, one, 0).gain
    assert (gain.value, gain.low, gain.high) == pytest.approx((-loss.value, -loss.high, -loss.low))
    assert by_scores(one, other, 1).gain != gain, "the seed draws"


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
    better = by_probability(learnt(4), learnt(0), rows, labels, 2, 0, swaps=60)
    assert better.better
    assert better.metric == "true_label_probability"
    assert better.figures["macro_f1"][1] == pytest.approx(1.0)
    assert not by_probability(learnt(0), learnt(4), rows, labels, 2, 0, swaps=60).better
    assert not by_probability(learnt(2), learnt(2), rows, labels, 2, 0, swaps=60).better


@pytest.mark.parametrize(
    ("counts", "seed", "noise"), [((6, 5), 2, 0.4), ((6, 1), 2, 0.4), ((4, 1, 1), 5, 0.4), ((12, 1, 1, 1), 5, 0.2)]
)
def test_a_program_s_interval_is_welch_s_of_its_labels_means(counts: tuple[int, ...], seed: int, noise: float) -> None:
    """A label's only row varies as those of the others do, or as such rows do among each other."""
    rng, k = np.random.default_rng(seed), len(counts)
    centres, labels = np.eye(4), np.repeat(np.arange(k), counts)
    drafts = np.repeat(np.arange(k), 5)
    learnt = Learnt(near(centres[drafts], rng, noise), drafts, np.ones(len(drafts)))
    rows = near(centres[labels], rng, noise)
    found = by_probability(learnt, learnt, rows, labels, k, 0, swaps=1).before
    own = learnt.classifier(k)(rows)[np.arange(len(labels)), labels]
    groups = [own[labels == label] for label in range(k)]
    first = groups[0].var(ddof=1)
    if counts == (6, 5):
        test = ttest_ind(*groups, equal_var=False)
        variance, freedom = (np.mean(groups[0]) - np.mean(groups[1])) ** 2 / test.statistic**2, test.df
    else:
        alone = np.concatenate(groups[1:])
        guess, its = (first, counts[0] - 1)
        if len(alone) > 1 and alone.var(ddof=1) > first:
            guess, its = alone.var(ddof=1), len(alone) - 1
        parts = [(first / counts[0], counts[0] - 1), (len(alone) * guess, its)]
        variance = sum(part for part, _ in parts)
        freedom = variance**2 / sum(part**2 / n for part, n in parts)
    reach = t.ppf(0.975, freedom) * np.sqrt(variance) / k
    assert found.value == pytest.approx(np.mean([group.mean() for group in groups]), abs=1e-4)
    assert (found.low, found.high) == pytest.approx((max(0, found.value - reach), min(1, found.value + reach)), abs=2e-4)


def test_drafts_that_count_for_nothing_are_not_learnt_from() -> None:
    rows, labels = EMBED.embed(["the lantern", "the compass"] * 3), np.array([0, 1] * 3)
    full = learnt(0)
    nothing = Learnt(full.vectors, full.labels, np.zeros(20))
    found = by_probability(nothing, full, rows, labels, 2, 0, swaps=40)
    assert found.before.value == 0.5
    assert found.figures["rows_learnt_from"] == (0.0, 20.0)
    assert found.better


def near(centres: np.ndarray, rng: np.random.Generator, noise: float) -> np.ndarray:
    """Unit vectors around `centres`."""
    found = centres + noise * rng.normal(size=centres.shape)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_where_a_label_has_one_slot_and_one_row_chance_is_seen_as_such_and_a_gain_as_well() -> None:
    """To draw with replacement within each label finds no chance in a label of one: every difference was sure, half of them a gain."""
    slots, labels, centres = np.arange(7), np.repeat(np.arange(7), [9, 2, 1, 1, 1, 1, 1]), np.eye(7)
    better, found = 0, 0
    for seed in range(7):
        rng = np.random.default_rng(seed)
        real = near(centres[labels], rng, 0.2)
        first, second, worse = (Learnt(near(centres, rng, noise), slots, np.ones(7)) for noise in (0.2, 0.2, 2.0))
        better += by_probability(first, second, real, labels, 7, seed, swaps=19).better
        found += by_probability(worse, first, real, labels, 7, seed, swaps=19).better
    assert better <= 1
    assert found >= 5


def test_rows_on_which_two_programs_differ_widen_the_interval_though_all_drafts_agree() -> None:
    """Drafts that are the same again and again hold no chance; which rows there are does."""
    centres, labels = np.eye(4)[[0, 1]], np.array([0] * 6 + [1] * 6)
    other = np.eye(4)[[2, 3]]
    before, after = (Learnt(np.repeat(each, 10, axis=0), np.repeat([0, 1], 10), np.ones(20)) for each in (centres, other))
    rows = np.concatenate([np.repeat(np.eye(4)[[0, 2]], (2, 4), axis=0), np.repeat(np.eye(4)[[1, 3]], (2, 4), axis=0)])
    found = by_probability(before, after, rows, labels, 2, 0, swaps=39)
    assert found.gain.value > 0.05
    assert not found.better
    many = by_probability(before, after, np.tile(rows, (8, 1)), np.tile(labels, 8), 2, 0, swaps=39)
    assert many.better
