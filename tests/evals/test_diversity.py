"""Diversity: each figure moves with what is planted, and not without."""

import doctest
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from seedless.evals import diversity as module
from seedless.evals.diversity import Diversity, diversity, vendi_score
from seedless.text import words
from tests.evals.planted_rows import clean, rows_of, task_of, texts_of


class WordCounts:
    """An encoder whose vectors are counts of hashed words."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), 384), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in words(text):
                vector[sum(ord(letter) * 31**i for i, letter in enumerate(word)) % 384] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


@pytest.fixture(autouse=True)
def encoder(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "slow" not in request.keywords:  # the slow test has the real one
        monkeypatch.setattr("seedless.lms.encoder.encoder", WordCounts)


def test_figures_by_hand() -> None:
    found = diversity(rows_of(["The cat sat.", "the dog sat", "The cat sat!", "A hen isn't a cat"])).synthetic
    assert (found.rows, found.words) == (4, 15)
    assert found.distinct == pytest.approx((8 / 15, 9 / 11, 6 / 7))  # "isn" and "t" are two words
    assert found.vocabulary == 8  # the cat sat dog a hen isn t
    assert found.vocabulary_sum == 2 + 2 + 2 + 2  # cat sat, dog sat, cat sat, hen cat
    assert found.exact == 1 / 4
    assert found.near == 1 / 4
    assert (found.openings[0].words, found.openings[0].share) == ("the cat sat", 0.5)
    assert [(each.words, each.share) for each in found.beginnings] == [("the", 0.75), ("the cat", 0.5)]


def test_duplicated_rows_show_everywhere() -> None:
    plain = clean(200)
    doubled = rows_of([*plain.texts[:100], *plain.texts[:100]])
    before, after = diversity(plain).synthetic, diversity(doubled).synthetic
    assert (before.exact, before.near) == (0.0, 0.0)
    assert (after.exact, after.near) == (0.5, 0.5)
    assert all(a < b for a, b in zip(after.distinct, before.distinct, strict=True))
    assert after.vocabulary < before.vocabulary
    assert after.self_bleu > 0.99 > before.self_bleu
    assert before.spread is not None
    assert after.spread is not None
    assert after.spread.nearest_distance == pytest.approx(0.0, abs=1e-6)
    assert before.spread.nearest_distance > 0.2
    assert after.spread.vendi < 0.7 * before.spread.vendi
    same = diversity(rows_of(["The cat sat."] * 3)).synthetic.spread
    assert same is not None
    assert same.mean_cosine == pytest.approx(1.0)
    # TarGEN's vocabulary counts each row for itself: it does not see the repetition, which is why the true one stands beside it.
    assert after.vocabulary_sum == pytest.approx(before.vocabulary_sum, rel=0.1)


def test_light_edits_are_near_but_not_exact() -> None:
    plain = texts_of(100, least=12, most=14)
    edited = [" ".join(["novel", *text.split()[1:]]) for text in plain]
    found = diversity(rows_of([*plain, *edited])).synthetic
    assert (found.exact, found.near) == (0.0, 0.5)


def test_one_labels_texts_all_alike_show_in_that_label() -> None:
    plain = clean(200)
    alike = [
        f"the same old story about {text.split()[0]}" if label else text
        for text, label in zip(plain.texts, plain.labels, strict=True)
    ]
    before, after = diversity(plain).synthetic.per_label, diversity(rows_of(alike)).synthetic.per_label
    for figure in ("distinct_2", "top_opening", "repeats", "mean_cosine"):
        assert getattr(after["red"], figure) == pytest.approx(getattr(before["red"], figure), abs=0.03)
    assert (before["green"].top_opening, before["green"].repeats) == (0.01, 0.0)
    assert (after["green"].top_opening, after["green"].repeats) == (1.0, pytest.approx(0.99))
    assert (after["green"].distinct_2 or 0) < 0.5 < (before["green"].distinct_2 or 0)
    assert (after["green"].mean_cosine or 0) > 0.7 > (before["green"].mean_cosine or 0)


def test_real_rows_are_compared_at_the_same_number() -> None:
    rows = rows_of(texts_of(300), ["red"] * 200 + ["green"] * 100)
    real = rows_of(texts_of(300, seed=1), ["red"] * 50 + ["green"] * 250)
    found = diversity(rows, real=real)
    assert found.beside is not None
    assert found.real is not None
    assert found.synthetic.rows == 300
    assert found.beside.rows == found.real.rows == 150
    assert {label: each.rows for label, each in found.beside.per_label.items()} == {"red": 50, "green": 100}
    # Drawn from one source, both are as diverse.
    assert found.beside.vocabulary == pytest.approx(found.real.vocabulary, rel=0.1)
    assert found.beside.spread is not None
    assert found.real.spread is not None
    assert found.beside.spread.vendi == pytest.approx(found.real.spread.vendi, rel=0.1)
    assert "150 of the 300 rows are compared" in found.notes[0]


def test_all_rows_are_not_measured_twice() -> None:
    found = diversity(clean(50), real=clean(100, seed=1))
    assert found.beside is found.synthetic
    assert found.notes == ()


def test_real_rows_of_other_labels() -> None:
    found = diversity(rows_of(texts_of(20), ["red"] * 20), real=rows_of(texts_of(20), ["green"] * 20))
    assert found.beside is found.real is None
    assert "nothing was compared" in found.notes[0]


def test_samples_are_drawn_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NEAR_ROWS", 150)
    monkeypatch.setattr(module, "BLEU_ROWS", 60)
    doubled = rows_of([*texts_of(150), *texts_of(150)])
    found = diversity(doubled, sample=40).synthetic
    assert (found.near_rows, found.self_bleu_rows, found.spread and found.spread.rows) == (150, 60, 40)
    assert found.near == pytest.approx(0.5, abs=0.12)  # of the sampled rows, each against all before it
    assert diversity(doubled, sample=40, seed=1).synthetic != found
    assert diversity(doubled, sample=40).synthetic == found


def test_without_embeddings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedless.lms.encoder.encoder", None)  # it is not touched
    found = diversity(clean(20), sample=0)
    assert found.synthetic.spread is None
    assert found.synthetic.per_label["red"].mean_cosine is None
    assert found.notes == ("no row was embedded",)


def test_labels_with_one_row_or_none() -> None:
    task = task_of("red", "green", "blue")
    found = diversity(rows_of(["only", *texts_of(11)], ["green", *["red"] * 11], task=task)).synthetic.per_label
    assert set(found) == {"red", "green"}
    assert (found["green"].rows, found["green"].distinct_2, found["green"].mean_cosine) == (1, None, None)


def test_given_fields_do_not_make_rows_alike() -> None:
    fields = [{"name": "passage", "description": "given"}, {"name": "text", "description": "written"}]
    passage, written = texts_of(1, least=40, most=40)[0], texts_of(20)
    records = [{"passage": passage, "text": text, "label": "red"} for text in written]
    for given, near in ((True, 0.0), (False, 0.95)):
        task = task_of(fields=fields, seeds={"hint": "passages", **({"field": "passage"} if given else {})})
        rows = rows_of(written, task=task)
        rows = type(rows)(task, tuple(records), "planted")
        assert diversity(rows).synthetic.near == near


def test_vendi_score_counts_different_texts() -> None:
    vectors = np.eye(384)[:10]
    assert vendi_score(vectors) == pytest.approx(10)
    assert vendi_score(np.repeat(vectors[:2], 5, axis=0)) == pytest.approx(2)
    assert vendi_score(vectors[:1].repeat(7, axis=0)) == pytest.approx(1)


def test_record_is_plain() -> None:
    import json

    found = diversity(clean(20), real=clean(20, seed=1))
    assert isinstance(found, Diversity)
    told = json.loads(json.dumps(found.record()))
    assert told["synthetic"]["per_label"]["red"]["rows"] == 10
    assert told["real"]["openings"][0].keys() == {"words", "share"}


@pytest.mark.slow
def test_sentence_embeddings_see_what_words_do_not() -> None:
    same = [
        "The movie was great.",
        "That film is wonderful.",
        "I loved this picture.",
        "What an excellent feature film!",
        "A superb film.",
    ]
    other = [
        "The movie was great.",
        "Tax forms are due in April.",
        "Bees dance.",
        "How tall is Mount Everest?",
        "He fixed the car.",
    ]
    alike, unlike = (diversity(rows_of(texts)).synthetic.spread for texts in (same, other))
    assert alike is not None
    assert unlike is not None
    assert alike.mean_cosine > unlike.mean_cosine + 0.3
    assert alike.nearest_distance < unlike.nearest_distance
    assert alike.vendi < unlike.vendi


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


def test_texts_of_one_word_have_no_pairs_of_words() -> None:
    found = diversity(rows_of(["yes", "no", "maybe", "never"])).synthetic
    assert found.distinct == (1.0, None, None)


def test_signs_count_where_a_text_has_no_words() -> None:
    same, apart = (diversity(rows_of(texts)).synthetic for texts in (["😡😡😡😡"] * 4, ["😡", "😀", "🎉", "🌧"]))
    assert (same.self_bleu, same.exact) == (1.0, 0.75)
    assert (apart.self_bleu, apart.exact) == (0.0, 0.0)
