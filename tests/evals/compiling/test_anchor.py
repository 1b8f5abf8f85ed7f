"""What real rows say of drafts, and what a student makes of them: each figure moves with the defect that it is for."""

from pathlib import Path

import numpy as np
import pytest

from seedless.evals.compiling.anchor import Anchor, classifier_of, true_label_probability
from seedless.evals.compiling.dev import DevRow
from seedless.taskfile import load_task
from tests.word_embedder import WordEmbedder

EMBED = WordEmbedder()
PLACES = ("attic", "cellar", "garden", "kitchen", "parlour", "study", "porch", "barn", "loft", "hall")
REAL = [DevRow({"text": f"An old lantern was kept in the {place} of Zanzibar."}, "warm") for place in PLACES] + [
    DevRow({"text": f"My grandfather wound his compass twice in that {place}, 17 times."}, "cold") for place in PLACES
]


@pytest.fixture
def anchor(task: Path) -> Anchor:
    return Anchor(load_task(task), REAL, EMBED.embed([row.text for row in REAL]))


def likeness(anchor: Anchor, text: str, label: str) -> float:
    return anchor.likeness(EMBED.embed([text])[0], text, label)


def objections(anchor: Anchor, text: str, label: str) -> str:
    return " ".join(anchor.objections(EMBED.embed([text])[0], text, label))


def test_a_draft_like_the_real_rows_scores_above_one_of_another_label_length_or_subject(anchor: Anchor) -> None:
    like = likeness(anchor, "An old lantern was kept in the harbour of Genoa.", "warm")
    assert like > 0.7
    assert likeness(anchor, "My grandfather wound his compass twice in that harbour.", "warm") < like - 0.2
    assert likeness(anchor, "An old lantern.", "warm") < like - 0.1
    assert likeness(anchor, "Quarterly profits rose sharply across several northern European subsidiaries.", "warm") < like - 0.2
    assert 0 <= likeness(anchor, "", "warm") <= 1


def test_objections_name_what_differs_and_quote_no_row(anchor: Anchor) -> None:
    assert objections(anchor, "An old lantern was kept in the harbour of Genoa.", "warm") == ""
    swapped = objections(anchor, "My grandfather wound his compass twice in that harbour again.", "warm")
    assert "nearer to those of 'cold'" in swapped
    assert "words such as" in swapped
    assert "'lantern'" in swapped
    assert "Zanzibar" not in swapped  # a name of the rows
    assert "17" not in objections(anchor, "An old lantern was kept in the harbour of Genoa.", "cold")
    assert "are longer: 10 to 10 words, this text has 3" in objections(anchor, "An old lantern.", "warm")
    told = objections(anchor, "Quarterly profits rose.", "warm") + swapped
    runs = {" ".join(row.text.split()[i : i + 3]) for row in REAL for i in range(len(row.text.split()) - 2)}
    assert not [run for run in runs if run in told]


def test_coverage_grows_with_the_ground_that_is_covered(anchor: Anchor) -> None:
    far, near, all_of_it = (EMBED.embed(items) for items in (["taxes", "ships"], ["old lantern"], [row.text for row in REAL]))
    assert anchor.coverage(far) < anchor.coverage(near) < anchor.coverage(all_of_it) == pytest.approx(1.0)


def test_a_classifier_taught_right_labels_believes_the_true_ones_and_one_taught_shuffled_labels_does_not() -> None:
    vectors = EMBED.embed([row.text for row in REAL])
    labels = np.array([0] * 10 + [1] * 10)
    even = np.arange(20) % 2 == 0
    right = classifier_of(vectors[even], labels[even], None, 2)(vectors[~even])
    wrong = classifier_of(vectors[even], 1 - labels[even], None, 2)(vectors[~even])
    assert true_label_probability(right, labels[~even]) > 0.55 > 0.45 > true_label_probability(wrong, labels[~even])
    assert (right.argmax(axis=1) == labels[~even]).all()
    assert (wrong.argmax(axis=1) != labels[~even]).all()
    assert right.sum(axis=1) == pytest.approx(1.0)


def test_each_label_counts_the_same() -> None:
    probabilities = np.array([[0.9, 0.1]] * 9 + [[0.9, 0.1]])
    assert true_label_probability(probabilities, np.array([0] * 9 + [1])) == pytest.approx((0.9 + 0.1) / 2)


def test_classifiers_of_one_label_and_of_nothing() -> None:
    vectors = EMBED.embed(["a", "b"])
    assert classifier_of(vectors, np.array([1, 1]), None, 3)(vectors).tolist() == [[0, 1, 0], [0, 1, 0]]
    assert classifier_of(vectors[:0], np.array([], dtype=int), None, 4)(vectors).tolist() == [[0.25] * 4] * 2


def test_what_counts_for_nothing_teaches_nothing() -> None:
    vectors, labels = EMBED.embed(["old lantern", "old compass", "old lantern"]), np.array([0, 1, 1])
    classifier = classifier_of(vectors, labels, np.array([1.0, 1.0, 1e-9]), 2)
    assert classifier(vectors[:1])[0, 0] > 0.5
