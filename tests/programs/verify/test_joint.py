"""Embeddings and an LM together: each decides where the other cannot tell."""

import asyncio
import json
from dataclasses import replace

import numpy as np
import pytest

from seedless.errors import UsageError
from seedless.lms.encoder import Encoder, encoder
from seedless.lms.spec import HOSTED, Profile
from seedless.slot import Context, Draft, InstanceSeed, Slot, Verdict
from seedless.targen import TarGEN
from seedless.taskfile import load_task
from seedless.testing import fake_lm
from seedless.verify.embedding import EmbeddingVerifier
from seedless.verify.joint import JointVerifier
from tests.programs.verify.test_lm import Recorder, judge_on, weighing

pytestmark = [pytest.mark.slow]

TASK = load_task("movie_reviews")
PLAIN = "I hated every minute of this tedious story."
VAGUE = "It was shown in the evening."


@pytest.fixture(scope="module")
def shared() -> Encoder:
    return encoder()


def judged(verifier: EmbeddingVerifier, text: str) -> Verdict:
    verdict = asyncio.run(verifier.verdict(Draft({"text": text}), Slot(0, 0, "negative", InstanceSeed("it", Context("comedy"))), 0))
    assert verdict is not None
    return verdict


def joint(shared: Encoder, negative: float | None) -> JointVerifier:
    """With an LM that gives `negative` that probability, or answers what cannot be read."""
    engine = Recorder(lambda _: "{") if negative is None else weighing({"positive": 1 - negative, "negative": negative})
    return JointVerifier(TASK, shared, judge_on(engine, task=TASK))


def test_both_have_a_say(shared: Encoder) -> None:
    alone = judged(EmbeddingVerifier(TASK, shared), PLAIN)
    unsure, against, with_it = (judged(joint(shared, p), PLAIN) for p in (0.5, 0.05, 0.95))
    assert alone.label == "negative"
    assert "its meaning is nearest to 'negative'" in alone.reason
    assert "an LM's reading" in against.reason, "which the nearest meaning alone would not bear out"
    assert unsure.confidence == pytest.approx(alone.confidence), "an LM that leans to no side changes nothing"
    assert (against.confidence or 0) < (alone.confidence or 0) < (with_it.confidence or 0)
    assert (judged(joint(shared, 0.02), VAGUE).label, judged(joint(shared, 0.98), VAGUE).label) == ("positive", "negative")


def test_an_answer_that_cannot_be_read_leaves_it_to_the_embeddings(shared: Encoder) -> None:
    assert judged(joint(shared, None), PLAIN) == judged(EmbeddingVerifier(TASK, shared), PLAIN)


def test_the_student_learns_from_drafts_that_both_take_for_what_was_asked(shared: Encoder) -> None:
    verifier = joint(shared, 0.02)
    for i in range(12):
        judged(verifier, f"{VAGUE} {i}")
    assert verifier.doubt > 0.3, "what reads otherwise counts against the writer, whoever read it"
    assert np.stack(verifier._said).shape == (12, 2)


def test_a_run_by_both_asks_the_lm_for_each_draft(shared: Encoder) -> None:
    """An LM that only names a label is one voice of the two: a plain text stands against it, another does not."""

    def answer(prompt: str) -> str:
        if "Decide which" in prompt:
            return '{"reason": "so it seems", "label": "positive"}'
        return json.dumps({"text": PLAIN})

    def made(profile: Profile) -> tuple[str, bool]:
        lm = fake_lm(answer)
        row = TarGEN(TASK, lm=lm, profile=replace(profile, attempts=1))(seed="the story", context="comedy", label="negative")
        assert sum("Decide which" in prompt for prompt in lm.fake.prompts) == 1
        return row.label, row.ok

    assert made(HOSTED) == ("positive", True), "an LM that may relabel does"
    assert made(replace(HOSTED, verifier="both")) == ("negative", True)
    with pytest.raises(UsageError, match="--verify anchored with --verifier both"):
        TarGEN(TASK, lm=fake_lm(answer), profile=replace(HOSTED, verifier="both"), verify="anchored")
