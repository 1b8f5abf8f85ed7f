"""Verification: a verifier is read blind, counted exactly, and told nothing that it must not know."""

import asyncio
import json
from collections.abc import Callable, Sequence

import pytest

from seedless.errors import LMUnusable, UsageError
from seedless.evals.labelled import LabelledRows
from seedless.evals.verification import Verification, verification
from seedless.lms.encoder import encoder
from seedless.lms.metered import StepFailed
from seedless.lms.spec import HOSTED
from seedless.slot import Draft, Slot, Verdict
from seedless.task import Task
from seedless.taskfile import load_task
from seedless.testing import fake_lm
from seedless.verify import NoVerifier, VerifyMode
from seedless.verify.embedding import EmbeddingVerifier
from seedless.verify.lm import LMVerifier
from tests.topics import shuffled, topic_task, topics

REVIEWS = load_task("movie_reviews")
GOOD = (
    "A wonderful film with superb acting.",
    "I loved every minute of this moving story.",
    "The script is brilliant and very funny.",
)
BAD = ("A dull film with clumsy acting.", "I hated every minute of this tedious story.", "The script is awful and never funny.")


class Scripted:
    """Answers as told."""

    relabels = False
    only_relabels = False

    def __init__(self, answer: Callable[[Draft, Slot], Verdict | None]) -> None:
        self.answer = answer
        self.remembered: list[tuple[str, str]] = []
        self.read: list[str] = []
        self.at_once = self.most_at_once = 0

    async def verdict(self, draft: Draft, slot: Slot, rollout: int) -> Verdict | None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        self.read.append(draft.text)
        return self.answer(draft, slot)

    async def remember(self, rows: Sequence[tuple[str, str]]) -> None:
        self.remembered += rows


def nothing(draft: Draft, slot: Slot) -> Verdict | None:
    return None


def echo_of(draft: Draft, slot: Slot) -> Verdict | None:
    return Verdict(slot.label, "echo")


def labelled(task: Task, *rows: tuple[str, str]) -> LabelledRows:
    return LabelledRows(task, tuple({"text": text, "label": label} for text, label in rows), "made up")


def test_every_figure_by_hand() -> None:
    """Rows whose text is the answer: two of three of `a` right, one of `b` called `a`, one of `c` unanswered in each way there is."""
    task = topic_task(4)
    rows = labelled(
        task,
        ("a", "a"),
        ("a", "a"),
        ("b", "a"),
        ("b", "b"),
        ("a", "b"),
        ("", "c"),
        ("none", "c"),
        ("lost", "c"),
        ("x", "c"),
        ("c", "c"),
    )

    def answer(draft: Draft, slot: Slot) -> Verdict | None:
        if draft.text == "lost":
            raise StepFailed("no answer")
        return None if draft.text == "none" else Verdict(draft.text, "said so")

    found = verification(task, rows, verifier=Scripted(answer))
    assert (found.rows, found.learnt) == (10, 0)
    assert (found.accuracy.value, found.unanswered.value) == (0.4, 0.4)
    assert found.confusion == ((2, 1, 0, 0), (1, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 0))
    assert set(found.by_label) == {"a", "b", "c"}, "there is no row of d"
    a, b, c = (found.by_label[name] for name in "abc")
    assert (a.accuracy.value, a.precision, a.f1) == (pytest.approx(2 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (b.accuracy.value, b.precision, b.f1) == (0.5, 0.5, 0.5)
    assert (c.accuracy.value, c.precision, c.f1, c.unanswered) == (0.2, 1.0, pytest.approx(1 / 3), 4)
    assert found.macro_f1 == pytest.approx((2 / 3 + 1 / 2 + 1 / 3) / 3)
    assert json.loads(json.dumps(found.record()))["accuracy"]["rows"] == 10


def test_the_asked_label_is_no_hint() -> None:
    """A verifier that repeats the slot's label is at chance."""
    rows = topics(300, labels=2)
    found = verification(rows.task, rows, verifier=Scripted(echo_of))
    assert found.accuracy.low < 0.5 < found.accuracy.high


def test_a_verifier_that_would_be_told_is_refused() -> None:
    rows = topics(30)
    echo = Scripted(echo_of)
    echo.only_relabels = True
    for verifier in (echo, EmbeddingVerifier(rows.task, encoder())):
        with pytest.raises(UsageError, match="blind"):
            verification(rows.task, rows, verifier=verifier)
    with pytest.raises(UsageError, match="no rows"):
        verification(rows.task, rows.take(()), verifier=NoVerifier())


def test_a_verifier_that_judges_nothing() -> None:
    rows = topics(30)
    found = verification(rows.task, rows, verifier=NoVerifier())
    assert (found.accuracy.value, found.unanswered.value, found.macro_f1) == (0.0, 1.0, 0.0)


def test_the_draw_is_bounded_seeded_and_in_random_order() -> None:
    rows = topics(100)

    def read(seed: int, limit: int = 40) -> list[str]:
        verifier = Scripted(nothing)
        assert verification(rows.task, rows, verifier=verifier, seed=seed, limit=limit).rows == min(limit, 100)
        assert verifier.most_at_once == 1
        return verifier.read

    assert read(0) == read(0) != read(1)
    assert set(read(0, 1000)) == set(rows.texts)
    assert read(0, 1000) != list(rows.texts)


def test_rows_are_read_at_once_where_that_is_allowed() -> None:
    rows = topics(40)
    verifier = Scripted(nothing)
    verification(rows.task, rows, verifier=verifier, concurrency=8)
    assert verifier.most_at_once == 8


def test_it_learns_from_the_runs_rows_first() -> None:
    rows, run = topics(10), topics(6, seed=5)
    verifier = Scripted(nothing)
    found = verification(rows.task, rows, verifier=verifier, learnt=run)
    assert found.learnt == 6
    assert verifier.remembered == [(record["text"], record["label"]) for record in run.records]


def test_an_lm_that_cannot_be_used_ends_it() -> None:
    rows, asked = topics(50), []

    def answer(draft: Draft, slot: Slot) -> Verdict | None:
        asked.append(draft)
        raise LMUnusable("the LM is gone")

    with pytest.raises(LMUnusable, match="gone"):
        verification(rows.task, rows, verifier=Scripted(answer), concurrency=2)
    assert len(asked) < 10, "the others are not asked for"


def test_an_lm_verifier() -> None:
    def lm(prompt: str) -> str:
        said = "positive" if any(text in prompt for text in GOOD) else "neutral"
        return json.dumps({"reason": "it says so", "label": said})

    verifier = LMVerifier(REVIEWS, HOSTED, mode=VerifyMode.parse("blind"), lm=fake_lm(lm))
    rows = labelled(REVIEWS, *((text, "positive") for text in GOOD), *((text, "negative") for text in BAD))
    found = verification(REVIEWS, rows, verifier=verifier, concurrency=4)
    assert found.by_label["positive"].accuracy.value == 1.0
    assert found.by_label["negative"].unanswered == 3, "an answer that is no label cannot be read"


def read_by_embedding(task: Task, rows: LabelledRows, learnt: LabelledRows | None = None) -> Verification:
    return verification(task, rows, verifier=EmbeddingVerifier(task, encoder(), learns=False), learnt=learnt)


@pytest.mark.slow
def test_the_embedding_verifier_reads_by_meaning_and_is_not_told_the_labels() -> None:
    rows = labelled(REVIEWS, *((text, "positive") for text in GOOD), *((text, "negative") for text in BAD))
    found = read_by_embedding(REVIEWS, rows)
    assert found.accuracy.value >= 5 / 6
    turned = labelled(REVIEWS, *((text, "negative") for text in GOOD), *((text, "positive") for text in BAD))
    said = read_by_embedding(REVIEWS, turned).confusion
    assert said == (found.confusion[1], found.confusion[0]), "what it says does not depend on the rows' labels"


@pytest.mark.slow
def test_the_embedding_verifier_after_a_run() -> None:
    """Labels whose meanings say nothing: a run's rows tell them apart, the same rows under shuffled labels do not."""
    hidden = tuple(label.model_copy(update={"meaning": f"kind {i} of text"}) for i, label in enumerate(REVIEWS.labels))
    task = REVIEWS.model_copy(update={"labels": hidden})
    animals = ("cat", "dog", "horse", "cow", "lion", "tiger", "goat", "sheep", "rabbit", "fox", "wolf", "bear")
    tools = ("hammer", "saw", "drill", "wrench", "pliers", "chisel", "screwdriver", "axe", "file", "spanner", "clamp", "plane")
    texts = [(f"The {animal} lives on the farm.", "positive") for animal in animals]
    texts += [(f"The {tool} hangs in the workshop.", "negative") for tool in tools]
    run, rows = labelled(task, *texts[::2], *texts[::2], *texts[::2]), labelled(task, *texts[1::2])
    cold, learnt, misled = (read_by_embedding(task, rows, given) for given in (None, run, shuffled(run, 1)))
    assert learnt.learnt == 36
    assert learnt.accuracy.value == 1.0
    assert cold.accuracy.value < 0.9
    assert misled.accuracy.value < 0.9
