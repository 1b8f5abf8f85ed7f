"""The rows on a plane: a sample's coordinates by what the texts mean, and how well the labels keep apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedless.errors import SetupError
from seedless.evals.measures.sampling import sampled
from seedless.text import words, writable

__all__ = ["SAMPLE", "Projection", "project"]

SAMPLE = 1000
READ = 150_000  # characters that are embedded at most, about: half a minute on a busy machine
LEAST = 5
NEIGHBOURS = 5
DIMENSIONS = 50  # before t-SNE: what is left of the vectors' noise would cost time and show nothing

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Projection:
    """A sample of rows on a plane. `len(places) == len(points)`.

    Parameters
    ----------
    places
        Which rows they are, in ascending order.
    points
        Their coordinates in [0, 1]; only nearness means something, the axes do not.
    vectors, method
        What stands for a text, and how the vectors became points; in words, for a caption.
    kinship
        Share of a row's five nearest neighbours, in the vectors' own space, that carry its label; mean over the sample, in
        [0, 1], higher is better separated. None where there are too few rows.
    chance
        What `kinship` would be if labels had nothing to do with the texts.
    """

    places: tuple[int, ...]
    points: tuple[tuple[float, float], ...]
    vectors: str
    method: str
    kinship: float | None
    chance: float


def project(texts: Sequence[str], labels: Sequence[int], *, sample: int = SAMPLE, seed: int = 0) -> Projection | None:
    """Lay at most `sample` of the texts out on a plane; None for fewer than five.

    The texts are sentence embeddings where the embedding packages are installed (of long texts, of as much of their beginnings as can be read in half a minute), and TF-IDF of words reduced by a singular
    value decomposition otherwise. t-SNE lays them out, principal components where there are fewer than 30.
    """
    if len(texts) < LEAST:
        return None
    places = sampled(len(texts), seed, limit=sample)
    chosen = [writable(texts[place]) for place in places]  # JSON can hold half a character, which no embedder or tokenizer takes
    carried = np.asarray([labels[place] for place in places])
    reach = READ // len(chosen) if sum(map(len, chosen)) > READ else None
    try:
        found, told = embeddings([_within(text, reach) for text in chosen]), "sentence embeddings (all-MiniLM-L6-v2)"
        if reach is not None:
            told += f" of {reach} characters of each text, its lines' first ones"
    except SetupError as error:
        found, told = word_vectors(chosen, seed), f"TF-IDF of words, reduced by SVD (no sentence embeddings: {error})"
    points, method = _plane(found, seed)
    shares = np.bincount(carried) / len(carried)
    return Projection(
        tuple(int(place) for place in places),
        tuple((round(float(x), 4), round(float(y), 4)) for x, y in points),
        told,
        method,
        _kinship(found, carried),
        float((shares**2).sum()),
    )


def embeddings(texts: Sequence[str]) -> Matrix:
    """Unit vectors of the texts, shape (n, 384).

    Raises
    ------
    SetupError
        If the embedding packages are not installed.
    """
    from seedless.lms.encoder import encoder

    return encoder().embed(texts).astype(np.float64)


def _within(text: str, reach: int | None) -> str:
    """`text`, or of a longer one `reach` characters, in which every line has its share."""
    if reach is None:
        return text
    from seedless.lms.encoder import shared

    return shared(text.split("\n"), reach)


def word_vectors(texts: Sequence[str], seed: int) -> Matrix:
    """TF-IDF of words and pairs of words, reduced to at most 50 dimensions; zeros for texts without a word."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, tokenizer=words, token_pattern=None)
    try:
        sparse = vectorizer.fit_transform(texts)
    except ValueError:  # no text has a word
        return np.zeros((len(texts), 1))
    kept = min(DIMENSIONS, *(size - 1 for size in sparse.shape))
    if kept < 1:
        return np.zeros((len(texts), 1))
    with np.errstate(invalid="ignore"):  # the share of variance explained, which nobody asks for, where there is no variance
        reduced: Matrix = TruncatedSVD(kept, random_state=seed).fit_transform(sparse)
    return reduced


def _plane(vectors: Matrix, seed: int) -> tuple[Matrix, str]:
    """Coordinates in [0, 1], and how they came about."""
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    if len(np.unique(vectors, axis=0)) < 3 or vectors.shape[1] < 2:
        return np.full((len(vectors), 2), 0.5), "all in one place: the texts do not differ"
    kept = min(DIMENSIONS, *vectors.shape)
    reduced: Matrix = PCA(kept, random_state=seed).fit_transform(vectors)
    if len(vectors) < 30:
        return _scaled(reduced[:, :2]), "principal components"
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(vectors) - 1) / 3)
    # One thread: on a busy machine OpenMP's threads wait for each other, and two were three times slower than one.
    with threadpool_limits(1):
        points = TSNE(2, perplexity=perplexity, init="pca", max_iter=500, random_state=seed).fit_transform(reduced)
    return _scaled(points), "t-SNE"


def _scaled(points: Any) -> Matrix:
    """The points within [0, 1], a few far ones at the border: they must not press all others together."""
    low, high = np.quantile(points, 0.002, axis=0), np.quantile(points, 0.998, axis=0)
    scaled: Matrix = np.clip((points - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    return scaled


def _kinship(vectors: Matrix, labels: NDArray[np.int64]) -> float | None:
    from sklearn.neighbors import NearestNeighbors

    if len(vectors) <= 2 * NEIGHBOURS:
        return None
    near = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(vectors).kneighbors(return_distance=False)
    # Among equal texts a row need not be its own first neighbour: it is taken out by its place.
    own = np.arange(len(vectors))[:, None]
    others = near != own
    others[others.all(axis=1), -1] = False
    return float((labels[near] == labels[own])[others].mean())
