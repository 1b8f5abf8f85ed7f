"""Usefulness moves as it must: every effect is planted, and the figure that stands for it is looked at."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.students import Student, TfidfStudent
from seedless.evals.usefulness import Taught, Usefulness, usefulness
from tests.evals.made_up import coined, paired, rows_of, shuffled, task_of, topical

TRAIN, TEST = topical(1200, labels=3, seed=1), topical(500, labels=3, seed=2)
COPY = TRAIN.take(range(150))


def found(
    rows: LabelledRows,
    *,
    test: LabelledRows = TEST,
    students: tuple[Student, ...] = (TfidfStudent(),),
    curve: bool = False,
    **given: object,
) -> Usefulness:
    return usefulness(rows, test=test, students=students, curve=curve, **given)  # type: ignore[arg-type]  # passed on as given


def taught(rows: LabelledRows, **given: object) -> Taught:
    (only,) = found(rows, **given).students.values()
    return only


def ratio(rows: LabelledRows) -> float:
    it = taught(rows, train=TRAIN, draws=2).ratio
    assert it is not None
    return it.value


@dataclass(frozen=True)
class Scripted:
    """A student that answers with what a function of its training rows and the test rows says."""

    says: Callable[[LabelledRows, LabelledRows], NDArray[np.int64]]
    name: str = "scripted"

    def fit(self, rows: LabelledRows) -> "Fixed":
        return Fixed(self, rows)


@dataclass(frozen=True)
class Fixed:
    student: Scripted
    rows: LabelledRows

    def probabilities(self, rows: LabelledRows) -> NDArray[np.float64]:
        return np.eye(len(rows.task.labels))[self.student.says(self.rows, rows)]


def as_good_as(shares: dict[str, float]) -> Scripted:
    """A student whose accuracy depends on where its rows come from alone."""

    def says(rows: LabelledRows, test: LabelledRows) -> NDArray[np.int64]:
        rng = np.random.default_rng(sorted(shares).index(rows.source))
        labels = len(test.task.labels)
        return np.where(rng.random(len(test)) < shares[rows.source], test.labels, (test.labels + 1) % labels)

    return Scripted(says)


def called(rows: LabelledRows, source: str) -> LabelledRows:
    return LabelledRows(rows.task, rows.records, source)


# --- the ratio ------------------------------------------------------------------------------------------------------


def test_a_copy_of_real_rows_is_worth_as_much_as_real_rows() -> None:
    it = taught(COPY, train=TRAIN)
    assert it.ratio is not None
    assert it.ratio.value == pytest.approx(1.0, abs=0.07)
    assert it.ratio.low < 1.0 < it.ratio.high
    assert it.arms["real"].n == it.arms["synthetic"].n == 150
    assert it.draws == 5
    assert not it.at_chance


def test_shuffled_labels_push_the_ratio_down_to_chance() -> None:
    it = taught(shuffled(COPY), train=TRAIN)
    assert it.ratio is not None
    assert it.arms["synthetic"].macro_f1 == pytest.approx(1 / 3, abs=0.09)
    assert it.ratio.value == pytest.approx(it.arms["synthetic"].macro_f1 / it.arms["real"].macro_f1)
    assert it.ratio.high < 0.6
    assert not it.at_chance, "real rows teach"


def test_rows_that_teach_nothing_are_at_chance_whatever_the_naive_ones_teach() -> None:
    assert taught(shuffled(COPY), direct=COPY).at_chance


def test_noisier_and_vaguer_rows_lie_in_between_in_their_order() -> None:
    noises = [ratio(topical(150, labels=3, noise=noise, seed=5)) for noise in (0.0, 0.5, 1.0)]
    vaguer = [ratio(topical(150, labels=3, telling=telling, seed=5)) for telling in (0.3, 0.1, 0.0)]
    for falling in (noises, vaguer):
        assert falling[0] > falling[1] + 0.05 > falling[2] + 0.1, falling


def test_more_rows_of_the_same_kind_are_compared_with_as_many_real_ones() -> None:
    for n in (60, 300):
        assert ratio(TRAIN.take(range(n))) == pytest.approx(1.0, abs=0.1)


def test_real_and_synthetic_together_teach_more() -> None:
    arms = taught(COPY, train=TRAIN).arms
    assert arms["both"].n == 300
    assert arms["both"].macro_f1 > arms["real"].macro_f1
    assert arms["both"].macro_f1 > arms["synthetic"].macro_f1


def test_real_rows_have_the_same_counts_of_labels() -> None:
    seen: list[list[int]] = []
    trained_on: list[set[str]] = []

    def says(rows: LabelledRows, test: LabelledRows) -> NDArray[np.int64]:
        seen.append(rows.counts.tolist())
        trained_on.append(set(rows.texts))
        return test.labels

    rows = topical(90, labels=3).draw([10, 20, 30], np.random.default_rng(0))
    found(rows, train=TRAIN, direct=topical(90, labels=3, seed=7), students=(Scripted(says),))
    assert seen == [[10, 20, 30]] * 6 + [[20, 40, 60], [10, 20, 30]], "synthetic, five draws; both; direct"
    synthetic, first, *others, both, naive = trained_on
    assert synthetic == set(rows.texts)
    assert both == synthetic | first
    assert all(draw <= set(TRAIN.texts) and draw != first for draw in others)
    assert not naive & both


def test_fewer_draws_of_large_sets() -> None:
    perfect = Scripted(lambda _, test: test.labels)
    assert [taught(TRAIN.take(range(n)), train=TRAIN, students=(perfect,)).draws for n in (400, 401, 1001)] == [5, 4, 1]
    assert taught(COPY, train=TRAIN, students=(perfect,), draws=2).draws == 2


# --- the gain over the naive prompt ---------------------------------------------------------------------------------


def test_the_gain_is_the_difference_of_ratios() -> None:
    rows, noisy = called(COPY, "ours"), topical(150, labels=3, noise=0.6, seed=5)
    it = taught(rows, train=TRAIN, direct=noisy)
    assert it.gain is not None
    assert it.ratio is not None
    assert it.gain.low > 0
    naive = it.arms["direct"].macro_f1 / it.arms["real"].macro_f1
    assert it.gain.value == pytest.approx(it.ratio.value - naive)
    back = taught(noisy, train=TRAIN, direct=rows).gain
    assert back is not None
    assert back.high < 0


def test_rows_as_good_as_the_naive_ones_gain_nothing() -> None:
    same = taught(COPY, train=TRAIN, direct=COPY).gain
    assert same is not None
    assert same.value == pytest.approx(0.0, abs=0.005)
    assert same.high - same.low < 0.02, "the arms are pairs: what they share is not in the interval"
    other = taught(COPY, train=TRAIN, direct=TRAIN.take(range(150, 300))).gain
    assert other is not None
    assert other.low < 0 < other.high


def test_a_known_gain_is_found() -> None:
    student = as_good_as({"ours": 0.9, "naive": 0.7, "train": 0.9})
    it = taught(called(COPY, "ours"), train=called(TRAIN, "train"), direct=called(COPY, "naive"), students=(student,))
    assert it.ratio is not None
    assert it.gain is not None
    assert it.ratio.value == pytest.approx(1.0, abs=0.05)
    assert it.gain.value == pytest.approx(0.2 / 0.9, abs=0.07)
    assert it.gain.low > 0.1
    student = as_good_as({"ours": 0.9, "naive": 0.7, "train": 0.6})
    gain = taught(called(COPY, "ours"), train=called(TRAIN, "train"), direct=called(COPY, "naive"), students=(student,)).gain
    assert gain is not None
    assert gain.low < gain.value < gain.high, "both are in parts of what real rows teach"


# --- at chance ------------------------------------------------------------------------------------------------------


def test_a_task_that_real_rows_do_not_teach_is_flagged() -> None:
    """Balanced labels: a student that knows nothing has a macro-F1 of a half, far above the majority's third."""
    it = found(coined(200, seed=4), test=coined(600, seed=6), train=coined(1000, seed=5))
    assert it.students["tfidf"].arms["real"].low > it.students["tfidf"].arms["majority"].macro_f1
    assert it.students["tfidf"].at_chance
    assert it.notes == ("tfidf is at chance on this task, with real rows too: its ratio says nothing about the data",)


def test_a_relation_of_fields_that_a_student_can_see_is_not_flagged() -> None:
    it = taught(paired(200, seed=4), test=paired(300, seed=6), train=paired(900, seed=5))
    assert not it.at_chance
    assert it.ratio is not None
    assert it.ratio.value == pytest.approx(1.0, abs=0.1)


def test_an_uneven_task_at_chance_is_flagged_too() -> None:
    """Nine of ten rows have one label, and the student says just that."""
    rows = topical(400, telling=0.0)
    uneven = rows.draw([180, 20], np.random.default_rng(0))
    assert taught(uneven, test=topical(900, telling=0.0, seed=3).draw([450, 50], np.random.default_rng(1)), train=rows).at_chance


def test_a_student_that_learns_from_the_naive_rows_is_not_at_fault() -> None:
    it = found(shuffled(COPY), direct=COPY)
    taught = it.students["tfidf"]
    assert (taught.at_chance, taught.direct_learns) == (True, True)
    assert (
        "tfidf is at chance with these rows and learns from the naive prompt's: the data is at fault, not the student" in it.notes
    )
    lost = found(shuffled(COPY), direct=shuffled(COPY))
    assert not lost.students["tfidf"].direct_learns
    assert any("nobody can say whether the data is at fault or the student" in note for note in lost.notes)


def test_few_real_rows_do_not_put_a_task_at_chance() -> None:
    """The rows teach, and a dozen real ones teach nothing: the task is not to blame."""
    it = found(COPY, train=TRAIN.draw([1, 1, 10], np.random.default_rng(0)))
    taught = it.students["tfidf"]
    assert (taught.at_chance, taught.real_at_chance) == (False, True)
    assert "tfidf is at chance with the 12 real rows alone, not with all that it was trained on: its ratio says little" in it.notes
    assert not any("on this task" in note for note in it.notes)
    lost = found(shuffled(COPY), train=shuffled(TRAIN).take(range(12)))
    assert "tfidf is at chance with these rows and with only 12 real ones: nobody can say" in " ".join(lost.notes)


def test_uneven_rows_do_not_put_a_task_at_chance() -> None:
    """Of 200 rows 195 have one label, in the real draw as well: the student says that one, whatever the task."""
    real = topical(900, seed=5)
    it = found(topical(400, seed=4).draw([195, 5], np.random.default_rng(0)), test=topical(300, seed=6), train=real)
    assert it.students["tfidf"].at_chance
    assert it.notes == (
        "tfidf is at chance with these rows and with real ones in the same uneven shares of labels: nobody can say whether the data is at"
        " fault or the student",
    )
    assert not found(topical(200, seed=4), test=topical(300, seed=6), train=real).notes


def test_without_real_rows_the_student_is_not_blamed() -> None:
    it = found(shuffled(COPY))
    only = it.students["tfidf"]
    assert only.at_chance
    assert set(only.arms) == {"synthetic", "majority"}
    assert (only.ratio, only.gain, only.draws) == (None, None, 0)
    assert it.notes == (
        "tfidf is at chance: without real training rows nobody can say whether the data is at fault or the student",
    )
    assert not taught(COPY).at_chance


# --- notes ----------------------------------------------------------------------------------------------------------


def test_fewer_real_rows_than_synthetic_ones_are_said() -> None:
    it = found(COPY, train=TRAIN.take(range(90)), direct=TRAIN.take(range(120)), curve=True)
    assert it.notes == (
        "there are only 90 real training rows with the labels of the 150 synthetic ones: label0 30 of 50, label1 30 of 50, label2 30 of 50",
        "there are only 120 naive rows with the labels of the 150 synthetic ones: label0 40 of 50, label1 40 of 50, label2 40 of 50",
    )
    assert it.students["tfidf"].arms["real"].n == 90
    assert it.students["tfidf"].arms["direct"].n == 120
    assert [point.real is None for point in it.students["tfidf"].curve] == [False, False, True, True], "after 25, 50, 100, 150 rows"


def test_real_rows_of_other_labels_are_no_comparison() -> None:
    rows, train = COPY.take(np.flatnonzero(COPY.labels < 2)), TRAIN.take(np.flatnonzero(TRAIN.labels == 2))
    it = found(rows, train=train, direct=train)
    assert set(it.students["tfidf"].arms) == {"synthetic", "majority"}
    assert it.students["tfidf"].ratio is None
    assert it.notes[:3] == (
        "there are only 0 real training rows with the labels of the 100 synthetic ones: label0 0 of 50, label1 0 of 50",
        "there are only 0 naive rows with the labels of the 100 synthetic ones: label0 0 of 50, label1 0 of 50",
        "no synthetic row has the label label2, test rows have: it cannot be learnt",
    )
    assert it.students["tfidf"].arms["synthetic"].per_label["label2"] == 0.0


def test_labels_without_test_rows_are_not_counted() -> None:
    it = taught(COPY, test=TEST.take(np.flatnonzero(TEST.labels < 2)), train=TRAIN)
    assert list(it.arms["synthetic"].per_label) == ["label0", "label1"]
    assert it.arms["synthetic"].macro_f1 > 0.5


def test_the_majority_is_the_commonest_training_label() -> None:
    rows = TRAIN.draw([20, 60, 20], np.random.default_rng(0))
    score = taught(rows, train=TRAIN).arms["majority"]
    assert score.confusion == tuple((0, int(count), 0) for count in TEST.counts)
    assert score.n == 0


def test_zero_shot_is_scored_on_the_rows_that_were_asked() -> None:
    asked = TEST.take(range(100))
    told = asked.labels.copy()
    told[:10] = -1
    it = found(COPY, zero_shot=(asked, told))
    assert it.zero_shot is not None
    assert it.zero_shot.accuracy == 0.9
    assert np.sum(it.zero_shot.confusion) == 90
    assert it.zero_shot.low <= it.zero_shot.macro_f1 <= it.zero_shot.high < 1.0
    assert it.notes == ("the LM was asked for the labels of 100 of the 500 test rows",)
    assert found(COPY, zero_shot=(TEST, TEST.labels)).notes == ()


# --- the curve ------------------------------------------------------------------------------------------------------


def test_the_learning_curve_rises_on_an_easy_task() -> None:
    points = taught(TRAIN.take(range(500)), train=topical(1200, labels=3, seed=8), curve=True).curve
    assert [point.n for point in points] == [24, 51, 99, 200, 401, 500]
    for line in ([point.synthetic for point in points], [float(point.real or 0) for point in points]):
        assert all(later > earlier - 0.03 for earlier, later in pairwise(line)), line
        assert line[-1] > line[0] + 0.15, line


def test_the_curve_ends_in_the_whole() -> None:
    it = taught(COPY, train=TRAIN, curve=True)
    assert it.curve[-1].n == 150
    assert it.curve[-1].synthetic == it.arms["synthetic"].macro_f1
    assert it.curve[-1].real == it.arms["real"].macro_f1
    assert taught(COPY).curve == ()
    assert [point.real for point in taught(COPY, curve=True).curve] == [None] * 4


@pytest.mark.parametrize("n", [24, 25, 27])
def test_a_small_set_has_a_short_curve(n: int) -> None:
    assert [point.n for point in taught(TRAIN.take(range(n)), curve=True).curve] == ([24, 27] if n == 27 else [n])


def test_the_curve_of_many_labels_has_no_point_twice() -> None:
    """Sixty labels: 25 rows cannot hold each of them, 60 rows is what both 25 and 50 come to."""
    rows = rows_of(
        task_of(*(f"l{i}" for i in range(60))), [[f"word{i % 60} thing"] for i in range(180)], [i % 60 for i in range(180)]
    )
    assert [point.n for point in taught(rows, test=rows, curve=True).curve] == [60, 120, 180]


# --- the record -----------------------------------------------------------------------------------------------------


def test_the_record_is_plain_data_of_a_known_shape() -> None:
    told = (TEST.take(range(50)), TEST.labels[:50])
    other = as_good_as({"made up": 0.8})
    record = found(COPY, train=TRAIN, direct=COPY, zero_shot=told, students=(TfidfStudent(), other), draws=2, curve=True).record()
    assert json.loads(json.dumps(record, allow_nan=False)) == json.loads(json.dumps(record))
    assert set(record) == {"test_rows", "students", "notes"}
    assert record["test_rows"] == 500
    assert list(record["students"]) == ["tfidf", "scripted"]
    for student in record["students"].values():
        arms = {"synthetic", "real", "both", "direct", "majority", "zero_shot"}
        assert set(student) == {*arms, "draws", "ratio", "gain", "at_chance", "real_at_chance", "direct_learns", "curve"}
        for arm in arms:
            assert set(student[arm]) == {"n", "accuracy", "macro_f1", "low", "high", "per_label", "confusion"}
            assert set(student[arm]["per_label"]) == {"label0", "label1", "label2"}
            assert 0 <= student[arm]["low"] <= student[arm]["macro_f1"] <= student[arm]["high"] <= 1
        assert set(student["ratio"]) == set(student["gain"]) == {"value", "low", "high"}
        assert [set(point) for point in student["curve"]] == [{"n", "synthetic", "real"}] * 4
    bare = json.loads(json.dumps(found(COPY).record()))["students"]["tfidf"]
    assert set(bare) == {"synthetic", "majority", "draws", "ratio", "gain", "at_chance", "real_at_chance", "direct_learns", "curve"}
    assert bare["ratio"] is None
    assert bare["curve"] == []


def test_the_same_seed_gives_the_same_figures() -> None:
    first, again, other = (
        found(COPY, train=TRAIN, direct=topical(150, labels=3, noise=0.3), draws=2, curve=True, seed=seed).record()["students"][
            "tfidf"
        ]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first["synthetic"]["macro_f1"] == other["synthetic"]["macro_f1"], "nothing is drawn of the rows themselves"
    assert first["real"]["macro_f1"] != other["real"]["macro_f1"]
    assert first["synthetic"]["low"] != other["synthetic"]["low"]


@pytest.mark.slow
def test_through_the_encoder() -> None:
    from seedless.evals.students import EmbeddingStudent

    task = task_of("praise", "blame")
    words = (("wonderful", "moving", "lovely", "brilliant", "superb"), ("dull", "awful", "boring", "clumsy", "terrible"))
    things = ("film", "story", "cast", "ending", "script", "music", "comedy", "thriller")

    def made(n: int, seed: int) -> LabelledRows:
        rng = np.random.default_rng(seed)
        return rows_of(task, [[f"A {rng.choice(words[i % 2])} {rng.choice(things)}."] for i in range(n)], [i % 2 for i in range(n)])

    it = taught(made(24, 0), test=made(40, 1), train=made(80, 2), direct=shuffled(made(24, 0)), students=(EmbeddingStudent(),))
    assert it.ratio is not None
    assert it.gain is not None
    assert it.ratio.value == pytest.approx(1.0, abs=0.1)
    assert it.gain.low > 0.1
