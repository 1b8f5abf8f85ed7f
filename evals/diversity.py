"""Diversity: how many different things the rows say, and in how many ways, beside as many real ones."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.matched import matched
from seedless.evals.measures.nearest import nearest_earlier
from seedless.evals.measures.numbered import Numbered, Vocabulary
from seedless.evals.measures.sampling import sampled
from seedless.evals.measures.self_bleu import self_bleu
from seedless.text import tokens, words

__all__ = ["Diversity", "Figures", "LabelFigures", "Opening", "Spread", "diversity", "vendi_score"]

BLEU_ROWS = 1000
NEAR_ROWS = 10_000
OPENINGS = 5
# What `seedless.text.words` leaves of "isn't", "they're": no words of their own.
PIECES = frozenset(
    {"s", "t", "d", "m", "ll", "re", "ve", "ain", "aren", "couldn", "didn", "doesn", "don", "hadn", "hasn", "haven", "isn", "shouldn", "wasn",
     "weren", "won", "wouldn"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opening:
    """First words, and the share of rows that begin with them, in [0, 1]."""

    words: str
    share: float


@dataclass(frozen=True, slots=True)
class Spread:
    """How far apart texts lie in embedding space (all-MiniLM-L6-v2), measured on `rows` of them.

    `mean_cosine` is over all pairs, in [-1, 1], lower is more diverse. `nearest_distance` is the mean of one less the cosine to each text's
    nearest neighbour, in [0, 2], higher is more diverse. `vendi` is the effective number of different texts, in [1, rows], higher is more
    diverse. Both depend on the number of rows: compare them at the same one.
    """

    rows: int
    mean_cosine: float
    nearest_distance: float
    vendi: float


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label's rows among themselves, as in `Figures`. `repeats` are near-duplicates of earlier rows of any label.

    `mean_cosine` is None where fewer than two of the label's rows were embedded, `distinct_2` where no row has two words, `repeats` where
    none was compared.
    """

    rows: int
    distinct_2: float | None
    top_opening: float
    repeats: float | None
    mean_cosine: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The diversity of `rows` texts of `words` words in all.

    Parameters
    ----------
    distinct
        Different n-grams as a share of all, n = 1, 2, 3; in [0, 1], higher is more diverse (Li et al. 2016). Falls with the number of
        words. None where there is no such n-gram.
    vocabulary
        Different words. Higher is more diverse, and grows with the number of rows.
    vocabulary_sum
        TarGEN's vocabulary: the sum over rows of each row's different words, English stop words apart. It grows with length, not with variety.
    self_bleu
        In [0, 1], lower is more diverse; of `self_bleu_rows` rows drawn at random, each against the others.
    exact, near
        Share of rows that repeat an earlier one word for word (`seedless.text.normalized`), and with a ROUGE-L of at least 0.7 (fields that are given, not
        written, apart); in [0, 1], lower is better. `near` is of `near_rows` rows drawn at random, each against all rows before it.
    openings
        The most frequent first three words, the most frequent first.
    beginnings
        The most frequent first word, and the most frequent first two.
    spread
        None where nothing was embedded.
    """

    rows: int
    words: int
    distinct: tuple[float | None, float | None, float | None]
    vocabulary: int
    vocabulary_sum: int
    self_bleu: float
    self_bleu_rows: int
    exact: float
    near: float
    near_rows: int
    openings: tuple[Opening, ...]
    beginnings: tuple[Opening, ...]
    spread: Spread | None
    per_label: Mapping[str, LabelFigures]


@dataclass(frozen=True, slots=True)
class Diversity:
    """The diversity of all synthetic rows, and of as many synthetic as real ones of each label: `beside` and `real` can be compared."""

    synthetic: Figures
    beside: Figures | None
    real: Figures | None
    notes: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def diversity(rows: LabelledRows, *, real: LabelledRows | None = None, sample: int = 1000, seed: int = 0) -> Diversity:
    """How diverse the rows are: by words, by repetition, in embedding space.

    Parameters
    ----------
    rows
        At least two.
    real
        Real rows to compare with. As many of each label as both have are drawn from both.
    sample
        Rows that are embedded at most (about 100 a second). 0 embeds none: then the figures that need it are None.
    seed
        Of what is drawn.
    """
    notes: list[str] = []
    if rows.task.language != "en":
        notes.append(f"the stop words of vocabulary_sum are English, the rows are in {rows.task.language!r}")
        if sample >= 2:
            notes.append(
                f"the sentence embeddings are of an English model, the rows are in {rows.task.language!r}: take its figures for little"
            )
    if sample < 2:
        notes.append("no row was embedded")
    found = _figures(rows, sample, np.random.default_rng(seed))
    if real is None:
        return Diversity(found, None, None, tuple(notes))
    some, some_real = matched(rows, real, np.random.default_rng(seed))
    if len(some) < 2:
        return Diversity(
            found, None, None, (*notes, "the real rows have no two labels' rows in common with these: nothing was compared")
        )
    if len(some) < len(rows):
        notes.append(
            f"{len(some)} of the {len(rows)} rows are compared with real ones: there are no more real ones of their labels"
        )
    beside = found if some is rows else _figures(some, sample, np.random.default_rng(seed))
    return Diversity(found, beside, _figures(some_real, sample, np.random.default_rng(seed)), tuple(notes))


def vendi_score(vectors: NDArray[np.floating[Any]]) -> float:
    """The effective number of different texts (Friedman and Dieng 2023): exp of the entropy of the eigenvalues of K / n.

    K is the cosine kernel of the n unit `vectors`, shape (n, dimensions). Its eigenvalues other than 0 are those of the vectors' Gram
    matrix, shape (dimensions, dimensions), which stays small. In [1, min(n, dimensions)], higher is more diverse.

    >>> round(vendi_score(np.eye(3)), 9)
    3.0
    """
    values = np.linalg.eigvalsh(vectors.T.astype(np.float64) @ vectors.astype(np.float64) / len(vectors))
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))


def _figures(rows: LabelledRows, sample: int, rng: np.random.Generator) -> Figures:
    vocabulary = Vocabulary()
    numbered = vocabulary.number(rows.texts)
    own = numbered
    if rows.task.given_fields:
        columns = (rows.column(field.name) for field in rows.task.written_fields)
        own = vocabulary.number(map("\n".join, zip(*columns, strict=True)))
    compared = sampled(len(rows), rng, limit=NEAR_ROWS)
    near = np.zeros(len(rows), dtype=bool)
    near[[pair.place for pair in nearest_earlier(own, asked=compared)]] = True
    bleu = sampled(len(rows), rng, limit=BLEU_ROWS)
    openings = [
        tuple(own.flat[start : start + min(3, length)].tolist()) for start, length in zip(own.starts, own.lengths, strict=False)
    ]
    embedded = sampled(len(rows), rng, limit=sample)
    vectors = _embedded(rows, embedded) if len(embedded) > 1 else None
    return Figures(
        rows=len(rows),
        words=len(numbered.flat),
        distinct=(_distinct(numbered, 1), _distinct(numbered, 2), _distinct(numbered, 3)),
        vocabulary=len(vocabulary),
        vocabulary_sum=_vocabulary_sum(numbered, vocabulary),
        self_bleu=self_bleu([words(rows.texts[i]) or tokens(rows.texts[i]) for i in bleu]),
        self_bleu_rows=len(bleu),
        exact=1 - _different(numbered.whole()) / len(rows),
        near=float(near[compared].mean()),
        near_rows=len(compared),
        openings=_commonest(openings, vocabulary, OPENINGS),
        beginnings=tuple(
            first for n in (1, 2) for first in _commonest([each[:n] if len(each) >= n else () for each in openings], vocabulary, 1)
        ),
        spread=None if vectors is None else _spread(vectors),
        per_label=_per_label(rows, numbered, openings, near, compared, vectors, embedded),
    )


def _commonest(openings: Sequence[tuple[int, ...]], vocabulary: Vocabulary, most: int) -> tuple[Opening, ...]:
    known = vocabulary.words
    counted = Counter(opening for opening in openings if opening)
    return tuple(
        Opening(" ".join(known[number] for number in first), count / len(openings)) for first, count in counted.most_common(most)
    )


def _per_label(
    rows: LabelledRows,
    numbered: Numbered,
    openings: Sequence[tuple[int, ...]],
    near: NDArray[np.bool_],
    compared: NDArray[np.int64],
    vectors: NDArray[np.float64] | None,
    embedded: NDArray[np.int64],
) -> dict[str, LabelFigures]:
    """Each label that has rows."""
    labels = rows.labels
    grams, owners = numbered.ngrams(2)
    found = {}
    for place, name in enumerate(rows.task.label_names):
        having = np.flatnonzero(labels == place)
        if not len(having):
            continue
        pairs = grams[labels[owners] == place]
        asked = compared[labels[compared] == place]
        own = vectors[labels[embedded] == place] if vectors is not None else np.zeros((0, 1))
        found[name] = LabelFigures(
            rows=len(having),
            distinct_2=_different(pairs) / len(pairs) if len(pairs) else None,
            top_opening=Counter(openings[i] for i in having.tolist()).most_common(1)[0][1] / len(having),
            repeats=float(near[asked].mean()) if len(asked) else None,
            mean_cosine=_mean_cosine(own) if len(own) > 1 else None,
        )
    return found


def _distinct(texts: Numbered, n: int) -> float | None:
    grams, _ = texts.ngrams(n)
    return _different(grams) / len(grams) if len(grams) else None


def _different(hashes: NDArray[Any]) -> int:
    """How many different ones: sorting millions is twice as fast as np.unique."""
    ordered = np.sort(hashes)
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + bool(len(ordered))


def _vocabulary_sum(texts: Numbered, vocabulary: Vocabulary) -> int:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    telling = ~np.isin(texts.flat, vocabulary.numbers(ENGLISH_STOP_WORDS | PIECES))
    return _different(texts.owners[telling] * len(vocabulary) + texts.flat[telling])


def _embedded(rows: LabelledRows, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """Unit vectors of the rows at `places`, each row as one text."""
    from seedless.lms.encoder import encoder

    return encoder().embed([rows.texts[i] for i in places]).astype(np.float64)


def _spread(vectors: NDArray[np.float64]) -> Spread:
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    return Spread(len(vectors), _mean_cosine(vectors), float(1 - cosines.max(axis=1).mean()), vendi_score(vectors))


def _mean_cosine(vectors: NDArray[np.float64]) -> float:
    """Over all pairs of different rows: what the squared sum holds besides each vector's product with itself."""
    n = len(vectors)
    return float((np.square(vectors.sum(axis=0)).sum() - np.square(vectors).sum()) / (n * (n - 1)))
