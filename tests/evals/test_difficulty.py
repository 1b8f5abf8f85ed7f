"""Difficulty: shuffled labels, a leaked word and a label of look-alikes move the figures as they must."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from seedless.evals.difficulty import Difficulty, difficulty
from seedless.evals.labelled import LabelledRows, read_labelled
from seedless.evals.measures.sampling import sampled
from seedless.taskfile import load_task
from tests.topics import flipped, relabelled, shuffled, topics


def measured(rows: LabelledRows, **options: LabelledRows) -> Difficulty:
    found = difficulty(rows, student="tfidf", **options)
    assert json.loads(json.dumps(found.record(), allow_nan=False))
    return found


def test_shuffled_labels_have_no_information() -> None:
    clean, lost = measured(topics(240)), measured(shuffled(topics(240)))
    assert clean.own.bits.low > 0.4
    assert abs(lost.own.bits.value) < 0.1
    assert clean.own.negative.high < 0.1
    assert lost.own.negative.low > 0.35
    assert not lost.artefacts.by_label
    assert lost.artefacts.bits.value < 0.02


@pytest.mark.parametrize("some", [240, 200])
def test_flipped_rows_are_the_hardest(some: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where not all rows are looked at."""
    monkeypatch.setattr("seedless.evals.difficulty.sampled", partial(sampled, limit=some))
    rows, places = flipped(topics(240), 0.1)
    found = measured(rows)
    assert found.read == some
    hits = [int(row.id[1:]) in places for row in found.hardest]
    assert np.mean(hits) >= 0.8
    assert not any(int(row.id[1:]) in places for row in found.easiest)
    bits = [row.pvi for row in found.hardest]
    assert bits == sorted(bits)
    assert max(bits) < 0 < min(row.pvi for row in found.easiest)
    assert found.hardest[0].text == rows.texts[int(found.hardest[0].id[1:])]
    assert found.own.negative.value - measured(topics(240)).own.negative.value > 0.05


def test_a_leaked_word_makes_rows_easy_and_is_named() -> None:
    plain = topics(240, clarity=0.1)
    leaked = LabelledRows(plain.task, tuple({**r, "text": f"{r['text']} mark{r['label']}"} for r in plain.records), "leaked")
    before, after = measured(plain), measured(leaked, test=plain)
    assert after.own.bits.value > before.own.bits.value + 0.5
    assert {name: words[0].word for name, words in after.artefacts.by_label.items()} == {"a": "marka", "b": "markb", "c": "markc"}
    assert all(words[0].real_rows == 0 for words in after.artefacts.by_label.values())
    assert after.artefacts.bits.value > 1.4 > before.artefacts.bits.value + 1.2
    assert after.artefacts.carried is not None
    assert after.artefacts.carried.value < 0.1, "what the marks tell is of no use on text without them"


def test_look_alikes_are_the_easiest() -> None:
    plain = topics(240, clarity=0.15)
    alike = LabelledRows(
        plain.task,
        tuple(
            {**r, "text": f"this is text number {i} of the same old kind"} if r["label"] == "b" else r
            for i, r in enumerate(plain.records)
        ),
        "alike",
    )
    before, after = measured(plain).own.by_label, measured(alike)
    assert after.own.by_label["b"].bits > before["b"].bits + 0.8
    assert after.own.by_label["b"].negative == 0.0
    assert {row.label for row in after.easiest} == {"b"}
    assert {"same", "old", "kind"} <= {each.word for each in after.artefacts.by_label["b"]}


def test_beside_real_rows() -> None:
    found = measured(topics(90), test=topics(300, seed=2))
    assert found.real is not None
    assert found.carried is not None
    assert found.real.bits.rows == 90, "as many as there are rows: more would be easier to learn from"
    assert found.carried.bits.rows == 300
    assert found.real.bits.low < found.own.bits.value < found.real.bits.high
    wrong = measured(relabelled(topics(90), (topics(90).labels + 1) % 3), test=topics(300, seed=2))
    assert wrong.carried is not None
    assert wrong.carried.bits.high < 0 < found.carried.bits.low
    assert wrong.own.bits.value == pytest.approx(found.own.bits.value, abs=0.05), "by themselves the rows are consistent"


def test_small_and_lopsided_rows() -> None:
    found = measured(relabelled(topics(10, labels=5), np.array([0] * 8 + [1, 2])))
    assert any("single row" in note and ": b, c;" in note for note in found.notes)
    many = measured(topics(32, labels=30))
    assert any("single row" in note and " and 16 more;" in note for note in many.notes)
    assert found.own.by_label["b"].bits == 0.0
    assert set(found.own.by_label) == {"a", "b", "c"}
    assert len(found.hardest) == 10


def test_the_same_seed_gives_the_same_record() -> None:
    first, again, other = (json.dumps(difficulty(topics(60), student="tfidf", seed=seed).record()) for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.slow
@pytest.mark.shared
def test_real_rows_read_by_the_encoder(real_data: Path) -> None:
    rows = read_labelled(real_data / "subj" / "train.jsonl", load_task("subjectivity"))
    rows = rows.draw((75, 75), np.random.default_rng(0))
    found, lost = difficulty(rows), difficulty(shuffled(rows))
    assert found.own.bits.low > 0.2
    assert abs(lost.own.bits.value) < 0.1
    assert lost.own.negative.low > found.own.negative.high


def test_bits_are_compared_over_as_many_rows_of_each_label() -> None:
    """Uneven real rows have less to be known: as many of the rows stand beside them."""
    rows, real = topics(200, labels=2), topics(300, labels=2, seed=9)
    found = measured(rows, test=real.draw([100, 20], np.random.default_rng(0)))
    assert found.real is not None
    assert found.beside is not None
    assert (found.own.bits.rows, found.beside.bits.rows, found.real.bits.rows) == (200, 120, 120)
    assert found.beside.entropy == found.real.entropy < found.own.entropy
    assert measured(rows, test=real).beside is None, "all rows are compared"
