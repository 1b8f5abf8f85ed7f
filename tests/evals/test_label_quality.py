"""Label quality: shuffled labels and flips move the figures as they must, clean rows do not."""

import json

import numpy as np
import pytest

from seedless.errors import UsageError
from seedless.evals.label_quality import LabelQuality, Oracle, label_quality
from seedless.evals.labelled import LabelledRows
from tests.topics import flipped, relabelled, shuffled, topics

REAL = topics(300, seed=9)


def judged(rows: LabelledRows) -> tuple[LabelQuality, Oracle, float]:
    found = label_quality(rows, train=REAL, student="tfidf")
    assert found.oracle is not None
    assert found.disputes.share is not None
    return found, found.oracle, found.disputes.share.value


def test_clean_rows() -> None:
    found, oracle, disputed = judged(topics(240))
    assert oracle.trained_on == 300
    assert oracle.accuracy.value > 0.9
    assert oracle.accuracy.low < oracle.ceiling.value
    assert all(each.value > 0.85 for each in (*oracle.by_label.values(), *oracle.ceiling_by_label.values()))
    assert disputed < 0.06
    assert found.real_disputes is not None
    assert found.real_disputes.share is not None
    assert found.real_disputes.share.value < 0.06
    assert found.correction is None
    assert "asked" in " ".join(found.notes)


def test_shuffled_labels_are_at_chance() -> None:
    _, clean_oracle, clean = judged(topics(240))
    found, oracle, disputed = judged(shuffled(topics(240)))
    assert oracle.accuracy.low < 1 / 3 + 0.03
    assert oracle.accuracy.high > 1 / 3 - 0.03
    assert oracle.accuracy.high < clean_oracle.accuracy.low
    assert disputed > clean + 0.2
    assert found.real_disputes is not None
    assert found.real_disputes.share is not None
    assert found.real_disputes.share.value < disputed, "as many real rows stay undisputed"
    assert oracle.ceiling == clean_oracle.ceiling, "the ceiling is the real rows' own"


def test_an_oracle_that_knows_nothing_is_noted() -> None:
    """Of how two texts relate a student of words learns nothing, whatever it confirms."""
    lost = label_quality(topics(240), train=shuffled(REAL), student="tfidf")
    (note,) = [note for note in lost.notes if "the oracle is at chance" in note]
    assert "says nothing about the data" in note
    assert not any("at chance" in note for note in judged(topics(240))[0].notes)


def test_ten_percent_of_flips() -> None:
    rows, places = flipped(topics(240), 0.1)
    _, clean_oracle, clean = judged(topics(240))
    found, oracle, disputed = judged(rows)
    assert 0.04 < disputed - clean < 0.14
    assert 0.05 < clean_oracle.accuracy.value - oracle.accuracy.value < 0.13
    hits = [int(row.id[1:]) in places for row in found.disputes.rows]
    assert np.mean(hits) > 0.6, "precision, at chance 0.1"


def test_one_bad_label_is_named() -> None:
    """Half of the rows called `a` are of `b`."""
    rows = topics(240)
    of_a = np.flatnonzero(rows.labels == 0)
    swapped = [dict(record) for record in rows.records]
    for place in of_a[::2]:
        swapped[place]["text"] = rows.texts[place + 1]
    _, oracle, _ = judged(LabelledRows(rows.task, tuple(swapped), "half wrong"))
    assert oracle.by_label["a"].high < 0.7
    assert oracle.by_label["b"].low > 0.8


def test_provenance_is_read_by_the_oracle() -> None:
    """Every tenth draft is asked for under a wrong label, and the verifier mends it."""
    true = topics(240)
    asked, _ = flipped(true, 0.1)
    records = tuple(
        {**record, "provenance": {"asked_label": wrong["label"], "verdict": record["label"]}}
        for record, wrong in zip(true.records, asked.records, strict=True)
    )
    refused = [
        {"stage": "verify", "asked_label": "a", "texts": {"text": text}, "provenance": {"verdict": "b"}}
        for text, label in zip(topics(90, seed=5).texts, topics(90).labels, strict=True)
        if label == 1
    ]
    found = label_quality(LabelledRows(true.task, records, "run"), train=REAL, refusals=refused, student="tfidf").correction
    assert found is not None
    assert found.accuracy is not None
    assert found.accuracy.gain.low > 0.08
    assert found.flips.relabelled == 24
    assert found.flips.relabelling is not None
    assert found.flips.relabelling.right >= 20
    assert found.flips.relabelling.wrong <= 1
    assert found.flips.refusing is not None
    assert found.flips.refusing.right >= 26


def test_without_real_rows() -> None:
    found = label_quality(topics(60), student="tfidf")
    assert found.oracle is None
    assert found.real_disputes is None
    assert any("no real rows" in note for note in found.notes)


def test_it_says_what_it_could_not_judge() -> None:
    labels = np.array([0] * 20 + [1] * 20 + [2] * 3 + [3])
    found = label_quality(relabelled(topics(44, labels=5), labels), student="tfidf")
    assert any("fewer rows than folds" in note and note.endswith(": c, d") for note in found.notes)
    many = label_quality(topics(60, labels=30), student="tfidf")
    assert many.disputes.share is None
    assert any("judge none" in note for note in many.notes)


def test_many_rows_are_sampled() -> None:
    found = label_quality(topics(5040, labels=2, length=3), student="tfidf")
    assert (found.rows, found.read) == (5040, 5000)
    assert found.disputes.share is not None
    assert found.disputes.share.rows == 5000
    assert any("5000 of the 5040" in note for note in found.notes)


def test_many_labels() -> None:
    rows = topics(252, labels=41)
    found = label_quality(LabelledRows(rows.task, (*rows.records, rows.records[0]), "one more"), student="tfidf")
    assert found.disputes.share is not None
    assert found.disputes.share.rows == 253
    some = label_quality(topics(120, labels=24).take(range(110)), student="tfidf")
    assert len(some.disputes.unjudged) == 10
    assert not any("more" in note for note in some.notes)


def test_the_same_seed_gives_the_same_record() -> None:
    rows, _ = flipped(topics(90), 0.1)
    first, again, other = (json.dumps(label_quality(rows, train=REAL, student="tfidf", seed=s).record()) for s in (0, 0, 1))
    assert first == again
    assert first != other


def test_an_unknown_student_is_refused() -> None:
    with pytest.raises(UsageError, match="tfidf"):
        label_quality(topics(30), student="oracle of Delphi")


def test_an_oracle_that_saw_few_rows_of_a_label_finds_clean_rows_clean() -> None:
    """Of one label there are few real rows: the oracle and its ceiling are of the rows' own shares of labels, and it is said."""
    rows, plenty = topics(400, labels=2, clarity=0.25), topics(1600, labels=2, clarity=0.25, seed=9)
    scarce = plenty.draw([800, 60], np.random.default_rng(0))
    found = label_quality(rows, train=scarce, student="tfidf")
    assert found.oracle is not None
    assert found.oracle.ceiling.low < found.oracle.accuracy.high, "no worse than the real rows"
    assert found.oracle.accuracy.value > 0.7, "it does not say the label of which it saw more"
    (note,) = found.doubts
    assert note.startswith("the oracle has learnt some labels from few of its 860 real rows (b 60)")
    wrong = label_quality(flipped(rows, 0.2)[0], train=scarce, student="tfidf").oracle
    assert wrong is not None
    assert wrong.accuracy.high < wrong.ceiling.low, "what is wrong shows all the same"
    assert not label_quality(rows, train=plenty, student="tfidf").doubts


def test_rows_of_labels_that_the_real_rows_lack_are_not_judged() -> None:
    found = label_quality(topics(240), train=REAL.take(np.flatnonzero(REAL.labels < 2)), student="tfidf")
    assert found.oracle is not None
    assert (found.unread, found.oracle.accuracy.rows, set(found.oracle.by_label)) == (80, 160, {"a", "b"})
    assert found.oracle.accuracy.value > 0.9
    assert any(note.startswith("80 of the rows have labels that the real rows lack") for note in found.doubts)


def test_an_oracle_learns_a_label_of_which_there_are_few_real_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever rows it takes where there are more than it can."""
    monkeypatch.setattr("seedless.evals.label_quality.ORACLE_ROWS", 60)
    real = REAL.take([*np.flatnonzero(REAL.labels < 2).tolist(), *np.flatnonzero(REAL.labels == 2)[:3].tolist()])
    for seed in range(4):
        found = label_quality(topics(60), train=real, student="tfidf", seed=seed)
        assert found.unread == 0
        assert found.oracle is not None
        assert found.oracle.trained_on in {60, 61, 62, 63}


def test_disputes_are_compared_over_as_many_rows() -> None:
    rows = topics(2700, labels=2, length=4)
    found = label_quality(rows, train=topics(3000, labels=2, length=4, seed=9), student="tfidf")
    assert found.real_disputes is not None
    assert found.real_disputes.share is not None
    assert (found.real_disputes.share.rows, found.beside_disputes) == (2700, None), "not as many as the oracle learns from"
    fewer = label_quality(
        rows.take(range(200)), train=topics(200, labels=2, seed=9).draw([100, 40], np.random.default_rng(0)), student="tfidf"
    )
    assert fewer.real_disputes is not None
    assert fewer.beside_disputes is not None
    assert fewer.real_disputes.share is not None
    assert fewer.beside_disputes.share is not None
    assert fewer.real_disputes.share.rows == fewer.beside_disputes.share.rows == 140
