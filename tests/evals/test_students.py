"""Students learn what the rows teach, in every shape of task, and nothing where there is nothing."""

import numpy as np
import pytest

from seedless.errors import UsageError
from seedless.evals.labelled import LabelledRows
from seedless.evals.students import STUDENTS, EmbeddingStudent, Student, TfidfStudent, _together, student_of
from tests.evals.made_up import coined, paired, rows_of, task_of, topical

TFIDF = TfidfStudent()
MINILM = EmbeddingStudent()
PRAISE = ("I loved every minute of it", "A wonderful and moving film", "The best comedy of the year", "What a joy to watch")
SUBJECTS = (
    ("a cat", "kittens"), ("the moon", "outer space"), ("bread", "a bakery"), ("a violin", "an orchestra"), ("football", "a goalkeeper"),
    ("a hospital", "doctors"), ("the sea", "ships"), ("a trial", "a judge"), ("rain", "the weather"), ("a novel", "writers"),
)  # fmt: skip
BLAME = ("I hated every minute of it", "A dull and clumsy film", "The worst comedy of the year", "What a waste of time")


def accuracy(student: Student, train: LabelledRows, test: LabelledRows) -> float:
    return float((student.fit(train).probabilities(test).argmax(axis=1) == test.labels).mean())


@pytest.mark.parametrize("labels", [2, 6])
def test_an_easy_task_is_learnt(labels: int) -> None:
    assert accuracy(TFIDF, topical(240, labels=labels, telling=0.5), topical(300, labels=labels, telling=0.5, seed=1)) > 0.9


def test_a_coin_is_not_learnt() -> None:
    assert accuracy(TFIDF, coined(300), coined(1000, seed=1)) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("student", [TFIDF])
def test_probabilities_have_a_row_each_and_sum_to_one(student: Student) -> None:
    found = student.fit(topical(60, labels=3)).probabilities(topical(17, labels=3, seed=1))
    assert found.shape == (17, 3)
    assert found.dtype == np.float64
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert found.min() >= 0


def test_the_same_rows_give_the_same_probabilities() -> None:
    train, test = topical(100), topical(50, seed=1)
    assert np.array_equal(TFIDF.fit(train).probabilities(test), TFIDF.fit(train).probabilities(test))


def test_no_rows_have_no_probabilities() -> None:
    assert TFIDF.fit(topical(60, labels=3)).probabilities(topical(9, labels=3).take([])).shape == (0, 3)


def test_a_label_that_was_not_in_training_has_none() -> None:
    rows = topical(90, labels=3)
    train = rows.take(np.flatnonzero(rows.labels != 1))
    found = TFIDF.fit(train).probabilities(topical(60, labels=3, seed=1))
    assert found.shape == (60, 3)
    assert not found[:, 1].any()
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert (found.argmax(axis=1)[np.arange(60) % 3 == 2] == 2).mean() > 0.8, "the places of the others are their own"


def test_a_single_label_is_always_given() -> None:
    rows = topical(90, labels=3)
    found = TFIDF.fit(rows.take(np.flatnonzero(rows.labels == 1))).probabilities(rows)
    assert found.tolist() == [[0.0, 1.0, 0.0]] * 90


def test_features_of_one_row_become_one_and_nothing_is_learnt_otherwise() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    train, test = topical(60, labels=3), topical(40, labels=3, seed=1)
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    features = vectorizer.fit_transform(train.texts)
    fewer = features @ _together(features)
    assert fewer.shape[1] < features.shape[1] / 2
    assert abs(fewer @ fewer.T - features @ features.T).max() < 1e-12
    plain = LogisticRegression(max_iter=2000).fit(features, train.labels).predict_proba(vectorizer.transform(test.texts))
    assert TFIDF.fit(train).probabilities(test) == pytest.approx(plain, abs=1e-9)


def test_a_text_is_taken_apart_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from seedless.evals import students

    told, said = students.words, []
    monkeypatch.setattr(students, "words", lambda text: said.append(text) or told(text))
    student, rows, test = TfidfStudent(), topical(60), topical(40, seed=1)
    for part in (range(30), range(20, 60)):
        student.fit(rows.take(part)).probabilities(test)
    assert sorted(said) == sorted({*rows.texts, *test.texts})


@pytest.mark.parametrize(
    ("rows", "test", "others"),
    [(topical(60), topical(40, seed=1), topical(90, labels=3, seed=2)), (paired(60), paired(40, seed=1), paired(90, seed=2))],
)
def test_what_a_student_read_before_changes_nothing(rows: LabelledRows, test: LabelledRows, others: LabelledRows) -> None:
    student = TfidfStudent()
    early = student.fit(rows)
    expected = TfidfStudent().fit(rows).probabilities(test)
    student.fit(others)
    assert np.array_equal(early.probabilities(test), expected)
    assert np.array_equal(student.fit(rows).probabilities(test), expected)


@pytest.mark.parametrize(("good", "bad"), [("y", "n"), ("1", "0"), ("\U0001f600", "\U0001f621"), ("!!!", "??")])
def test_rows_without_a_word_are_told_by_their_signs(good: str, bad: str) -> None:
    rows = rows_of(task_of("a", "b"), [[good], [bad]] * 6, [0, 1] * 6)
    assert accuracy(TFIDF, rows, rows) == 1.0


def test_blank_rows_are_refused() -> None:
    with pytest.raises(UsageError, match=r"made up: its texts are blank; give rows with text"):
        TFIDF.fit(rows_of(task_of("a", "b"), [[" "], ["\n"]] * 6, [0, 1] * 6))


def test_words_that_training_did_not_have_are_no_error() -> None:
    rows = rows_of(task_of("label0", "label1"), [["quite other words"]], [0])
    assert TFIDF.fit(topical(60)).probabilities(rows).sum() == pytest.approx(1.0)


def test_the_relation_of_two_fields_is_learnt() -> None:
    assert accuracy(TFIDF, paired(300), paired(400, seed=1)) > 0.9


def test_without_what_the_fields_share_it_is_not() -> None:
    """The same pairs as one text: what is learnt above is learnt from the pair features."""
    train, test = (
        rows_of(
            task_of("same", "other"),
            [[" ".join(record[f] for f in ("first", "second"))] for record in rows.records],
            rows.labels.tolist(),
        )
        for rows in (paired(300), paired(400, seed=1))
    )
    assert accuracy(TFIDF, train, test) < 0.75


def test_three_fields_and_empty_looking_ones() -> None:
    texts = [[f"one {i}", "!?", "two" if i % 2 else "three"] for i in range(40)]
    rows = rows_of(task_of("a", "b", fields=("x", "y", "z")), texts, [i % 2 for i in range(40)])
    assert accuracy(TFIDF, rows, rows) == 1.0


def test_students_by_name() -> None:
    assert set(STUDENTS) == {"tfidf", "minilm"}
    assert all(student_of(name).name == name for name in STUDENTS)
    with pytest.raises(UsageError, match="given the student 'bert', allowed are tfidf, minilm; name one of them"):
        student_of("bert")


# --- through the encoder --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_embeddings_learn_meanings_from_few_rows() -> None:
    task = task_of("praise", "blame")
    train = rows_of(task, [[text] for pair in zip(PRAISE, BLAME, strict=True) for text in pair], [0, 1] * 4)
    test = rows_of(task, [["a lovely, touching story"], ["boring rubbish from start to end"]], [0, 1])
    fitted = MINILM.fit(train)
    found = fitted.probabilities(test)
    assert found.shape == (2, 2)
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert found.argmax(axis=1).tolist() == [0, 1], "none of these words was in training"
    assert np.array_equal(MINILM.fit(train).probabilities(test), found)


@pytest.mark.slow
def test_embeddings_learn_the_relation_of_two_fields() -> None:
    """Whether the second line takes up the first one's subject: each line alone tells nothing."""
    rng = np.random.default_rng(0)
    texts, labels = [], []
    for i in range(80):
        first = int(rng.integers(len(SUBJECTS)))
        second = first if i % 2 == 0 else int(first + rng.integers(1, len(SUBJECTS))) % len(SUBJECTS)
        texts.append([f"We talk about {SUBJECTS[first][0]}.", f"This is about {SUBJECTS[second][1]}."])
        labels.append(i % 2)
    rows = rows_of(task_of("same", "other", fields=("first", "second")), texts, labels)
    assert accuracy(MINILM, rows.take(range(60)), rows.take(range(60, 80))) > 0.85
