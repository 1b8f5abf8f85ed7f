"""Students: small classifiers that show what a data set teaches."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seedless.errors import UsageError
from seedless.evals.labelled import LabelledRows
from seedless.given import check_choice
from seedless.text import unspaced, words

__all__ = ["STUDENTS", "EmbeddingStudent", "Fitted", "Student", "TfidfStudent", "student_names", "student_of"]

Matrix = Any  # a dense array or a scipy sparse matrix, shape (rows, features)


class Fitted(Protocol):
    """A student that has learnt."""

    def probabilities(self, rows: LabelledRows) -> NDArray[np.float64]:
        """Probability of each label for each row, shape (rows, labels); a label that was not in the training rows has 0."""


class Student(Protocol):
    """Learns from labelled rows."""

    name: str

    def fit(self, rows: LabelledRows) -> Fitted:
        """A classifier trained on `rows`. The same rows give the same classifier."""


class TfidfStudent:
    """TF-IDF of words of two letters or more (of a script that sets no spaces, of characters) and pairs of them, then logistic regression. Rows of several fields add what their fields share.

    Where the rows hold no such word (letters, digits, emoji), each sign is one.
    """

    name = "tfidf"

    def __init__(self) -> None:
        self._words = _Counted(_told)
        self._signs = _Counted(_signs)

    def fit(self, rows: LabelledRows) -> Fitted:
        """A classifier trained on `rows`; its vocabulary is theirs."""
        from scipy.sparse import hstack
        from sklearn.feature_extraction.text import TfidfTransformer

        counted = self._words
        counts = counted.counts(rows.texts)
        if not counts.nnz:
            counted = self._signs
            counts = counted.counts(rows.texts)
        if not counts.nnz:
            raise UsageError(f"{rows.source}: its texts are blank; give rows with text")
        own = counted.ordered(counts)
        weights = TfidfTransformer(sublinear_tf=True)
        together = _together(weights.fit_transform(_columns(counts, own)))

        def features(given: LabelledRows) -> Matrix:
            found = weights.transform(_columns(counted.counts(given.texts), own)) @ together
            return found if len(given.task.fields) == 1 else hstack([found, _overlaps(given)]).tocsr()

        return _Logistic(features, rows)


class EmbeddingStudent:
    """Sentence embeddings (all-MiniLM-L6-v2), then logistic regression.

    Rows of several fields: each field's vector, and for each pair of fields the absolute difference and the product.
    """

    name = "minilm"

    def fit(self, rows: LabelledRows) -> Fitted:
        """A classifier trained on `rows`."""
        return _Logistic(embedded, rows)


def embedded(rows: LabelledRows) -> NDArray[np.float64]:
    """The rows' features in embedding space, shape (rows, 384) for one field."""
    from seedless.lms.encoder import encoder

    vectors = [encoder().embed(rows.column(field.name)).astype(np.float64) for field in rows.task.fields]
    pairs = [part for u, v in combinations(vectors, 2) for part in (np.abs(u - v), u * v)]
    return np.hstack([*vectors, *pairs])


STUDENTS: dict[str, type[TfidfStudent] | type[EmbeddingStudent]] = {s.name: s for s in (TfidfStudent, EmbeddingStudent)}


def student_of(student: str | Student) -> Student:
    """The student of that name; one that is given already, itself.

    Raises
    ------
    UsageError
        If there is none.
    """
    if not isinstance(student, str):
        return student
    check_choice("student", student, tuple(STUDENTS))
    return STUDENTS[student]()


def student_names(given: str | Iterable[str]) -> tuple[str, ...]:
    """The students that are given, each once, by name; in a text commas stand between them.

    >>> student_names("tfidf, minilm"), student_names(["tfidf", "tfidf"])
    (('tfidf', 'minilm'), ('tfidf',))
    """
    names = given.split(",") if isinstance(given, str) else given
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


class _Logistic:
    """Logistic regression as scikit-learn sets it (L2, C = 1), over features of one's own."""

    def __init__(self, features: Any, rows: LabelledRows) -> None:
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        self._features = features
        self._labels = len(rows.task.labels)
        self._only: int | None = int(rows.labels[0]) if len(set(rows.labels.tolist())) == 1 else None
        if self._only is None:
            given = features(rows)
            with warnings.catch_warnings(), threadpool_limits(1):  # its small steps are slower on threads that wait for each other
                warnings.filterwarnings("ignore", message="The number of unique classes")  # a row or two of each: so they are
                self._model = LogisticRegression(max_iter=2000).fit(given, rows.labels)

    def probabilities(self, rows: LabelledRows) -> NDArray[np.float64]:
        found = np.zeros((len(rows), self._labels))
        if self._only is not None:
            found[:, self._only] = 1.0
        elif len(rows):
            found[:, self._model.classes_] = self._model.predict_proba(self._features(rows))
        return found


class _Counted:
    """How often each text has each word and pair of words. A text is taken apart once, however many fits it is a part of."""

    def __init__(self, told: Callable[[str], list[str]]) -> None:
        self._told = told
        self._terms: dict[str, int] = {}
        self._known: dict[str, NDArray[np.int32]] = {}

    def counts(self, texts: Sequence[str]) -> Matrix:
        """Shape (texts, terms that any text so far has had)."""
        from scipy.sparse import csr_matrix

        found = [self._known[text] if text in self._known else self._numbers(text) for text in texts]
        ends = np.cumsum([0, *map(len, found)])
        columns = np.concatenate([np.zeros(0, np.int32), *found])
        counted = csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(texts), len(self._terms)))
        counted.sum_duplicates()
        return counted

    def ordered(self, counts: Matrix) -> NDArray[np.int64]:
        """The columns of `counts` that hold anything, by their terms' order."""
        terms = list(self._terms)
        having = np.flatnonzero(np.bincount(counts.indices, minlength=counts.shape[1]))
        return np.asarray(sorted(having.tolist(), key=terms.__getitem__), dtype=np.int64)

    def _numbers(self, text: str) -> NDArray[np.int32]:
        said = self._told(text)
        terms = [*said, *map(" ".join, pairwise(said))]
        numbers = np.asarray([self._terms.setdefault(term, len(self._terms)) for term in terms], dtype=np.int32)
        self._known[text] = numbers
        return numbers


def _columns(counts: Matrix, places: NDArray[np.int64]) -> Matrix:
    found = counts[:, places]
    found.sort_indices()  # a row's weights are then summed in one order, whatever was counted before
    return found


def _told(text: str) -> list[str]:
    return [word for word in words(text) if len(word) > 1 or unspaced(word)]


def _signs(text: str) -> list[str]:
    return [sign for sign in text.casefold() if not sign.isspace()]


def _together(features: Matrix) -> Matrix:
    """What turns `features` into fewer of which a regression learns the same, shape (features, fewer).

    Its columns are orthonormal and span the rows: the features of which only one row has any (half of the words and pairs, of a data set) become
    one for that row. L2 regularisation tells no difference, nor do the steps of L-BFGS, which take half the time and memory.
    """
    from scipy.sparse import csr_matrix

    columns = features.tocsc()
    lone = np.diff(columns.indptr) == 1
    rows, values = columns.indices[columns.indptr[:-1][lone]], columns.data[columns.indptr[:-1][lone]]
    place, weight = np.cumsum(~lone) - 1, np.ones(len(lone))
    place[lone] = (~lone).sum() + np.unique(rows, return_inverse=True)[1]
    weight[lone] = values / np.sqrt(np.bincount(rows, values**2))[rows]
    return csr_matrix((weight, (np.arange(len(lone)), place)))


def _overlaps(rows: LabelledRows) -> NDArray[np.float64]:
    """For each pair of fields: the share of the shorter one's words in the other, and the ratio of their lengths; all in [0, 1]."""
    columns = [[words(text) for text in rows.column(field.name)] for field in rows.task.fields]
    found = [[value for a, b in combinations(said, 2) for value in _overlap(a, b)] for said in zip(*columns, strict=True)]
    return np.asarray(found, dtype=np.float64)


def _overlap(first: Sequence[str], second: Sequence[str]) -> tuple[float, float]:
    shorter, longer = sorted((first, second), key=len)
    if not shorter:
        return 0.0, 0.0
    return len(set(shorter) & set(longer)) / len(set(shorter)), len(shorter) / len(longer)
