"""The dev metric: each part of a draft's and a list's score moves with the defect that it is for, and the feedback says so."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from seedless.evals.compiling.anchor import Anchor
from seedless.evals.metric import DevMetric, Scored
from seedless.outcome import Broken, Provenance, Refusal, Row
from seedless.taskfile import load_task
from tests.evals.compiling.test_anchor import REAL
from tests.word_embedder import WordEmbedder

TEXT = "An old lantern was kept in the harbour of Genoa."


def said(verdict: str | None = "warm", confidence: float | None = None, attempts: int = 1) -> Provenance:
    return Provenance("targen", "a", "lm", "b", {}, "warm", verdict, "it holds it", confidence, attempts, (), "fake", "0")


def row(text: str = TEXT, label: str = "warm", **how: Any) -> Row:
    return Row("", {"text": text}, label, said(**how))


def refusal(stage: str, *sentences: str, text: str = TEXT, **how: Any) -> Refusal:
    return Refusal(stage, 0, 0, "warm", {"text": text}, tuple(Broken("x", s) for s in sentences), said(**how))


def draft(outcome: Row | Refusal, near: Sequence[str] = (), metric: DevMetric | None = None) -> Scored:
    return asyncio.run((metric or DevMetric()).draft(outcome, near))


def test_a_row_that_holds_scores_1_and_says_so() -> None:
    scored = draft(row())
    assert (scored.score, scored.accepted, scored.trust) == (1.0, True, 1.0)
    assert scored.feedback == "A reader who was not told the label read the text as 'warm', as it should be."


def test_a_broken_draft_scores_0_with_every_sentence_once() -> None:
    scored = draft(refusal("write", "Too short.", "No end.", "Too short."))
    assert (scored.score, scored.accepted, scored.trust) == (0.0, False, 0.0)
    assert scored.feedback == "Too short. No end."


def test_a_doubted_label_costs_its_part_and_a_confidence_is_what_it_costs() -> None:
    doubted = draft(refusal("verify", "A reader read it as 'cold'.", verdict="cold"))
    assert doubted.score == 0.25
    assert doubted.feedback == "A reader read it as 'cold'."
    assert draft(row(confidence=0.8)).score == pytest.approx(0.75 * 0.8 + 0.25)
    assert draft(refusal("verify", "No.", verdict="cold", confidence=0.3)).trust == 0.3
    assert draft(row(label="cold", verdict="cold")).accepted is False


def test_a_revision_halves_the_score() -> None:
    assert draft(row(attempts=2)).score == 0.5


@pytest.mark.parametrize("embedder", [None, WordEmbedder()])
def test_a_draft_near_to_another_one_scores_less(embedder: WordEmbedder | None) -> None:
    metric = DevMetric(embedder=embedder)
    other, same = "Nothing here is alike in any manner whatsoever.", TEXT.replace("Genoa", "Pisa")
    assert draft(row(), [other], metric).score == pytest.approx(1.0, abs=0.01)
    near = draft(row(), [other, same], metric)
    assert near.score < 0.9
    assert "close to what another seed gave" in near.feedback


def test_an_anchor_has_a_say_and_makes_the_metric_no_longer_intrinsic(task: Path) -> None:
    embedder = WordEmbedder()
    anchored = DevMetric(anchor=Anchor(load_task(task), REAL, embedder.embed([r.text for r in REAL])), embedder=embedder)
    assert DevMetric().intrinsic
    assert not anchored.intrinsic
    like = draft(row(), metric=anchored)
    unlike = draft(row("Quarterly profits rose sharply across several subsidiaries in northern Europe."), metric=anchored)
    assert like.score > unlike.score + 0.1
    assert "Real rows of the label 'warm'" in unlike.feedback
    with pytest.raises(ValueError, match="needs the embedder"):
        DevMetric(anchor=anchored.anchor)


def items(*given: str, count: int = 4, metric: DevMetric | None = None) -> Scored:
    return asyncio.run((metric or DevMetric()).items(given, count))


def test_a_list_is_scored_by_what_it_gives_and_how_far_it_reaches(task: Path) -> None:
    whole = items("old barns", "ships", "a bakery", "deep mines")
    assert (whole.score, whole.accepted) == (1.0, True)
    short = items("old barns", "ships")
    assert (short.score, short.accepted) == (0.5, False)
    assert "4 different items were asked for and 2 came" in short.feedback
    alike = items("old barns", "very old barns", "ships", "a bakery")
    assert alike.score < 0.9
    assert "'old barns' and 'very old barns' are nearly the same" in alike.feedback
    assert items().score == 0.0
    embedder = WordEmbedder()
    anchored = DevMetric(anchor=Anchor(load_task(task), REAL, embedder.embed([r.text for r in REAL])), embedder=embedder)
    near = items("an old lantern kept", "the attic", "grandfather wound his compass", "that garden", metric=anchored)
    far = items("old barns", "ships", "a bakery", "deep mines", metric=anchored)
    assert near.score > far.score + 0.1
    assert "lies far from these items" in far.feedback
