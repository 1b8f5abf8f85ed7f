"""The embedding verifier: right on plain cases, blind to the asked label, better with drafts to learn from."""

import asyncio

import pytest

from seedless.lms.encoder import Encoder, encoder
from seedless.slot import Context, Draft, InstanceSeed, Slot, Verdict
from seedless.taskfile import load_task
from seedless.verify.embedding import EmbeddingVerifier

pytestmark = [pytest.mark.slow]

TASK = load_task("movie_reviews")
GOOD = [
    "A wonderful film with superb acting.",
    "I loved every minute of this moving story.",
    "The script is brilliant and very funny.",
]
BAD = ["A dull film with clumsy acting.", "I hated every minute of this tedious story.", "The script is awful and never funny."]


@pytest.fixture(scope="module")
def shared() -> Encoder:
    return encoder()


def judge(verifier: EmbeddingVerifier, text: str, asked: str) -> Verdict:
    slot = Slot(0, 0, asked, InstanceSeed("the script", Context("comedy")))
    verdict = asyncio.run(verifier.verdict(Draft({"text": text}), slot, 0))
    assert verdict is not None
    return verdict


def test_plain_cases_from_the_first_draft(shared: Encoder) -> None:
    cases = [*((t, "positive") for t in GOOD), *((t, "negative") for t in BAD)]
    right = sum(judge(EmbeddingVerifier(TASK, shared), text, label).label == label for text, label in cases)
    assert right >= 5, "a reader by meaning alone may miss one in six, not more"


def test_the_asked_label_plays_no_part(shared: Encoder) -> None:
    for text in (*GOOD, *BAD):
        as_one, as_other = (judge(EmbeddingVerifier(TASK, shared), text, asked) for asked in ("positive", "negative"))
        assert as_one.label == as_other.label
        assert (as_one.confidence or 0) + (as_other.confidence or 0) == pytest.approx(1.0)


def test_it_learns_what_the_meanings_do_not_say(shared: Encoder) -> None:
    """Two labels that differ by something that their meanings hide: only the drafts tell."""
    task = TASK.model_copy(
        update={"labels": tuple(label.model_copy(update={"meaning": f"kind {i} of text"}) for i, label in enumerate(TASK.labels))}
    )
    verifier = EmbeddingVerifier(task, shared)
    animals = ["cat", "dog", "horse", "cow", "lion", "tiger", "goat", "sheep", "rabbit", "fox", "wolf", "bear"]
    tools = ["hammer", "saw", "drill", "wrench", "pliers", "chisel", "screwdriver", "axe", "file", "spanner", "clamp", "plane"]
    for animal, tool in zip(animals, tools, strict=True):
        judge(verifier, f"The {animal} lives in the forest or on the farm.", "positive")
        judge(verifier, f"The {tool} hangs in the workshop above the bench.", "negative")
    assert judge(verifier, "The deer lives in the forest.", "negative").label == "positive"
    assert judge(verifier, "The vice is screwed to the bench in the workshop.", "positive").label == "negative"


def test_what_a_writer_often_does_wrong_is_not_learnt(shared: Encoder) -> None:
    """Five in six of what was asked to be negative praises the film's music: music must not become a sign of it."""
    verifier = EmbeddingVerifier(TASK, shared)
    for i in range(24):
        judge(verifier, GOOD[i % 3].replace(".", f" in part {i}."), "positive")
        judge(
            verifier,
            f"{BAD[i % 3][:-1]} in scene {i}." if i % 6 == 0 else f"The music of scene {i} is a wonderful song.",
            "negative",
        )
    assert judge(verifier, "Music of a beautiful scene.", "negative").label == "positive"


def test_a_label_that_the_meanings_never_find_is_learnt_from_its_drafts(shared: Encoder) -> None:
    """One label's meaning fits every draft better than the other's: its drafts are learnt all the same."""
    meanings = {"positive": "a text about a farm, a workshop, animals or tools", "negative": "xyzzy"}
    labels = tuple(label.model_copy(update={"meaning": meanings[label.name]}) for label in TASK.labels)
    verifier = EmbeddingVerifier(TASK.model_copy(update={"labels": labels}), shared)
    for i in range(24):
        judge(verifier, f"The animal number {i} lives on the farm and eats grass.", "positive")
        judge(verifier, f"The tool number {i} hangs in the workshop above the bench.", "negative")
    assert judge(verifier, "The hammer lies on the bench in the workshop.", "positive").label == "negative"


def test_a_writer_that_often_fails_is_given_less_benefit_of_the_doubt(shared: Encoder) -> None:
    reliable, careless = EmbeddingVerifier(TASK, shared), EmbeddingVerifier(TASK, shared)
    assert reliable.doubt == careless.doubt == 0.3
    for i in range(12):
        for text, label in ((GOOD[i % 3], "positive"), (BAD[i % 3], "negative")):
            judge(reliable, text.replace(".", f" in part {i}."), label)
            judge(careless, text.replace(".", f" in part {i}."), "negative" if label == "positive" or i % 2 else "positive")
    assert reliable.doubt == 0.3
    assert 0.3 < careless.doubt < 1.0


def test_rows_of_an_earlier_session_are_learnt(shared: Encoder) -> None:
    verifier = EmbeddingVerifier(TASK, shared)
    asyncio.run(verifier.remember([(text, "positive") for text in GOOD] + [(text, "negative") for text in BAD]))
    assert judge(verifier, GOOD[0], "positive").label == "positive"


def test_relevance_is_nearness_to_the_seed(shared: Encoder) -> None:
    near = judge(EmbeddingVerifier(TASK, shared), "The script of this comedy is brilliant.", "positive")
    far = judge(EmbeddingVerifier(TASK, shared), "The weather in Norway was lovely.", "positive")
    assert near.relevance > far.relevance + 0.2


def test_without_learning_the_asked_labels_leave_no_trace(shared: Encoder) -> None:
    """Two dozen drafts under wrong labels: it reads on as if nobody had named any; one that learns is led astray."""

    def after(texts_asked: list[tuple[str, str]], *, learns: bool) -> Verdict:
        verifier = EmbeddingVerifier(TASK, shared, learns=learns)
        for text, asked in texts_asked:
            judge(verifier, text, asked)
        return judge(verifier, GOOD[0], "positive")

    right = [*((text, "positive") for text in GOOD), *((text, "negative") for text in BAD)] * 4
    wrong = [(text, "negative" if asked == "positive" else "positive") for text, asked in right]
    assert after(right, learns=False) == after(wrong, learns=False)
    assert (after(right, learns=True).confidence or 0) > (after(wrong, learns=True).confidence or 0) + 0.02


def test_a_comment_behind_a_long_passage_is_read(shared: Encoder) -> None:
    task = load_task("emotion")
    passage = "\n".join(["The council met on Tuesday to talk about the new bridge over the river, and nothing came of it."] * 18)
    said = []
    for comment in ("I am so happy about this, what a wonderful day!", "I am furious, this makes my blood boil, how dare they!"):
        slot = Slot(0, 0, "joy", InstanceSeed("bridges", Context("towns")))
        draft = Draft({"passage": passage, "comment": comment}, given="passage")
        verdict = asyncio.run(EmbeddingVerifier(task, shared).verdict(draft, slot, 0))
        assert verdict is not None
        said.append(verdict.confidence or 0)
    happy, furious = said
    assert happy > furious + 0.05
