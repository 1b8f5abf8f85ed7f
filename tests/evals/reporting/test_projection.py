"""The map: what lies where, and what is said of it."""

import numpy as np
import pytest

from seedless.evals.reporting import projection
from seedless.evals.reporting.projection import project

FRUIT = [f"the {colour} apple and the {colour} pear lie in bowl {i}" for i in range(20) for colour in ("red", "green")]
ENGINES = [f"an engine with {i} valves needs {oil} oil" for i in range(20) for oil in ("thin", "thick")]


@pytest.mark.usefixtures("without_embeddings")
def test_words_serve_where_there_are_no_embeddings_and_it_says_so() -> None:
    texts, labels = FRUIT + ENGINES, [0] * len(FRUIT) + [1] * len(ENGINES)
    found = project(texts, labels)
    assert found is not None
    assert "TF-IDF" in found.vectors
    assert "not installed" in found.vectors
    assert found.method == "t-SNE"
    assert found.places == tuple(range(80))
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in found.points)
    points = np.asarray(found.points)
    fruit, engines = points[:40].mean(axis=0), points[40:].mean(axis=0)
    spread = max(np.linalg.norm(points[:40] - fruit, axis=1).mean(), np.linalg.norm(points[40:] - engines, axis=1).mean())
    assert np.linalg.norm(fruit - engines) > spread
    assert project(texts, labels) == found


@pytest.mark.usefixtures("without_embeddings")
def test_kinship_falls_to_chance_when_labels_are_shuffled() -> None:
    texts, labels = FRUIT + ENGINES, [0] * 40 + [1] * 40
    kept = project(texts, labels)
    shuffled = project(texts, np.random.default_rng(0).permutation(labels).tolist())
    assert kept is not None
    assert shuffled is not None
    assert kept.kinship == pytest.approx(1.0)
    assert kept.chance == shuffled.chance == 0.5
    assert shuffled.kinship == pytest.approx(0.5, abs=0.12)


def test_embeddings_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def embed(texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        asked.extend(texts)
        return np.random.default_rng(0).normal(size=(len(texts), 8))

    monkeypatch.setattr(projection, "embeddings", embed)
    found = project([f"text {i}" for i in range(9)] + ["half \ud800"], [0, 1] * 5)
    assert found is not None
    assert "all-MiniLM-L6-v2" in found.vectors
    assert found.method == "principal components"
    assert asked[-1] == "half ?"


@pytest.mark.parametrize(("length", "read"), [(400, 400), (9000, 500)])
def test_of_long_texts_no_more_is_embedded_than_can_be_read_in_half_a_minute(
    length: int, read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def embed(texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        asked.extend(texts)
        return np.zeros((len(texts), 8))

    monkeypatch.setattr(projection, "embeddings", embed)
    found = project(["x" * length] * 300, [0, 1] * 150)
    assert found is not None
    assert {len(text) for text in asked} == {read}
    assert ("of 500 characters of each text" in found.vectors) == (read == 500)


def test_what_stands_behind_a_long_passage_is_embedded_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def embed(texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        asked.extend(texts)
        return np.zeros((len(texts), 8))

    monkeypatch.setattr(projection, "embeddings", embed)
    project(["p" * 9000 + "\nWho wrote it?"] * 300, [0, 1] * 150)
    assert all(text.endswith("Who wrote it?") for text in asked)


@pytest.mark.usefixtures("without_embeddings")
def test_a_large_set_is_sampled_with_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "_plane", lambda vectors, _: (np.zeros((len(vectors), 2)), "none"))
    texts = [f"text number {i} of many" for i in range(300)]
    one, again, other = (project(texts, [0] * 300, sample=50, seed=seed) for seed in (1, 1, 2))
    assert one is not None
    assert other is not None
    assert len(one.places) == 50 == len(set(one.places))
    assert list(one.places) == sorted(one.places)
    assert one == again
    assert one.places != other.places


@pytest.mark.usefixtures("without_embeddings")
@pytest.mark.parametrize(
    "texts", [[""] * 12, ["the same"] * 12, ["?!"] * 12, ["a b", "a b", "c d", "c d", "c d", "a b"], ["x"] * 5]
)
def test_texts_that_do_not_differ_lie_in_one_place(texts: list[str]) -> None:
    found = project(texts, [0, 1] * (len(texts) // 2) + [0] * (len(texts) % 2))
    assert found is not None
    assert set(found.points) == {(0.5, 0.5)}
    assert "one place" in found.method


def test_too_few_rows_have_no_map() -> None:
    assert project(["a", "b", "c", "d"], [0, 1, 0, 1]) is None
    assert project([], []) is None
