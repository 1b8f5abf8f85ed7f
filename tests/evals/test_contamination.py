"""Contamination: copies of real rows are found, in rows and in prompts; fresh ones are not."""

import json
import time

import pytest

from seedless.evals import contamination as module
from seedless.evals.bias import bias
from seedless.evals.contamination import Overlap, contamination, prompts_contain
from seedless.evals.diversity import diversity
from seedless.evals.labelled import LabelledRows
from tests.evals.planted_rows import clean, rows_of, task_of, texts_of

TEST = rows_of(texts_of(200, seed=9, least=14, most=18))


def overlap(*texts: str) -> Overlap:
    return contamination(rows_of([*texts, *texts_of(100 - len(texts))]), real={"test": TEST}).splits["test"].overlap


def test_fresh_rows_have_nothing_in_common() -> None:
    found = overlap()
    assert (found.exact, found.near) == (0.0, 0.0)
    assert [(each.n, each.share) for each in found.shared] == [(8, 0.0), (13, 0.0)]
    assert found.shared[0].long_enough == 100 > found.shared[1].long_enough > 0


def test_copied_rows() -> None:
    found = overlap(*(text.upper() + "!" for text in TEST.texts[:10]))
    assert (found.exact, found.near) == (0.1, 0.1)
    assert [each.share for each in found.shared] == [0.1, 0.1]


def test_lightly_edited_rows() -> None:
    edited = [" ".join([*text.split()[:7], "novel", *text.split()[7:]]) for text in TEST.texts[:10]]
    found = overlap(*edited)
    assert (found.exact, found.near) == (0.0, 0.1)
    assert [each.share for each in found.shared] == [pytest.approx(0.05, abs=0.05), 0.0]
    half = [" ".join([*text.split()[:8], *texts_of(1, seed=i)[0].split()]) for i, text in enumerate(TEST.texts[:10])]
    found = overlap(*half)
    assert (found.exact, found.near) == (0.0, 0.0)
    assert [each.share for each in found.shared] == [0.1, 0.0]


def test_the_worst_copies_are_shown() -> None:
    texts = [*texts_of(50), TEST.texts[6], " ".join(["novel", *TEST.texts[3].split()])]
    found = contamination(rows_of(texts), real={"test": TEST}).splits["test"].worst
    assert [(each.id, each.row, each.real_row) for each in found] == [("planted-00050", 51, 7), ("planted-00051", 52, 4)]
    assert found[0].score == 1.0 > found[1].score > 0.9
    assert (found[1].text, found[1].real_text) == (texts[51], TEST.texts[3])


def test_rows_without_ids_have_their_number() -> None:
    rows = LabelledRows(TEST.task, tuple({"text": text, "label": "red"} for text in TEST.texts[:3]), "planted")
    assert [each.id for each in contamination(rows, real={"test": TEST}).splits["test"].worst] == ["1", "2", "3"]


def test_each_split_and_what_real_rows_share_with_it() -> None:
    train = rows_of([*texts_of(280, seed=8), *TEST.texts[:20]])
    found = contamination(rows_of([*texts_of(90), *train.texts[:10]]), real={"train": train, "test": TEST})
    assert found.splits["train"].overlap.exact == 0.1
    assert found.splits["test"].overlap.exact == 0.0
    assert found.splits["test"].reference is not None
    assert found.splits["test"].reference.exact == pytest.approx(20 / 300)
    assert found.splits["train"].reference is not None
    assert found.splits["train"].reference.exact == 20 / 200
    assert contamination(TEST, real={"test": TEST}).splits["test"].reference is None


def test_other_lengths_and_thresholds() -> None:
    rows = rows_of([" ".join(TEST.texts[0].split()[:5]), *texts_of(9)])
    found = contamination(rows, real={"test": TEST}, ngrams=(5,), threshold=0.4).splits["test"]
    assert [(each.n, each.share) for each in found.overlap.shared] == [(5, 0.1)]
    assert found.overlap.near == 0.1


def test_texts_without_words_are_no_copies() -> None:
    rows = rows_of([" ", ""] * 5)
    assert contamination(rows, real={"test": rows}).splits["test"].overlap.exact == 0.0


def test_rows_that_differ_in_a_sign_alone_are_no_copies() -> None:
    rows, real = rows_of(["a == 0", "\U0001f600"] * 5), rows_of(["a != 0", "\U0001f621"] * 5)
    assert contamination(rows, real={"test": real}).splits["test"].overlap.exact == 0.0
    assert contamination(rows, real={"test": rows}).splits["test"].overlap.exact == 1.0


def test_the_seed_draws_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFERENCE", 50)
    train = rows_of([*texts_of(150, seed=8), *TEST.texts[:50]])
    found = [contamination(clean(30), real={"train": train, "test": TEST}, seed=seed) for seed in (0, 0, 1, 2, 3)]
    assert found[0] == found[1]
    assert len({each.splits["test"].reference for each in found}) > 1


def test_record_is_plain() -> None:
    told = json.loads(json.dumps(contamination(TEST, real={"test": TEST}).record()))
    assert told["splits"]["test"]["overlap"]["exact"] == 1.0
    assert len(told["splits"]["test"]["worst"]) == module.SHOWN


def test_prompts_that_quote_rows() -> None:
    prompts = [
        "Write a text about cats.",
        f"Here is an example:\n{TEST.texts[4].upper()}!\nNow write another one.",
        f"Go on: {' '.join(TEST.texts[2].split()[3:11])} ...",
        f"Go on: {' '.join(TEST.texts[0].split()[3:10])} ...",  # seven words
    ]
    found = prompts_contain(iter(prompts), TEST)
    assert (found.prompts, found.rows, found.checked) == (4, 200, 200)
    assert (found.whole, found.ngram) == (1 / 200, 2 / 200)
    assert [(each.row, each.field, each.whole, each.prompt) for each in found.worst] == [
        (5, "text", True, 2),
        (3, "text", False, 3),
    ]
    assert prompts_contain(prompts, TEST, n=7).ngram == 3 / 200


def test_prompts_that_quote_nothing() -> None:
    found = prompts_contain(texts_of(100), TEST)
    assert (found.whole, found.ngram, found.worst) == (0.0, 0.0, ())
    assert prompts_contain([], TEST).prompts == 0
    assert json.loads(json.dumps(found.record()))["checked"] == 200


def test_short_rows_are_checked_in_full_only_and_very_short_ones_not() -> None:
    rows = rows_of(["Who wrote Hamlet?", "Who wrote the play Hamlet?", "Where is Rome located now?"])
    found = prompts_contain(["Who wrote Hamlet? Who wrote the play Hamlet?"], rows)
    assert (found.rows, found.checked) == (3, 2)
    assert (found.whole, found.ngram) == (1 / 2, 1 / 2)


def test_a_quoted_field_is_enough() -> None:
    task = task_of(fields=[{"name": name, "description": name} for name in ("premise", "hypothesis")])
    premises, hypotheses = texts_of(10, seed=1), texts_of(10, seed=2)
    records = tuple({"premise": p, "hypothesis": h, "label": "red"} for p, h in zip(premises, hypotheses, strict=True))
    rows = LabelledRows(task, records, "planted")
    found = prompts_contain([f"premise: {premises[1]}", f"hypothesis: {hypotheses[7]} premise: {premises[7]}"], rows)
    assert found.whole == found.ngram == 2 / 10
    assert [(each.row, each.field, each.prompt) for each in found.worst] == [
        (2, "premise", 1),
        (8, "premise", 2),
        (8, "hypothesis", 2),
    ]


def test_many_prompts_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROMPTS", 7)
    found = prompts_contain([*texts_of(40), TEST.texts[0], *texts_of(20, seed=3), TEST.texts[0]], TEST)
    assert (found.prompts, found.worst[0].prompt) == (62, 41)


@pytest.mark.long
def test_twenty_thousand_rows() -> None:
    rows, real = clean(20_000), clean(4_000, seed=1)
    few = rows.take(range(20))
    for analysis in (
        lambda given: diversity(given, sample=0),
        lambda given: bias(given, real=real),
        lambda given: contamination(given, real={"train": real}),
        lambda given: prompts_contain(given.texts[:4_000], real),
    ):
        analysis(few)  # what is imported only once
        start = time.process_time()  # the machine may be busy with other things
        analysis(rows)
        assert time.process_time() - start < 4
