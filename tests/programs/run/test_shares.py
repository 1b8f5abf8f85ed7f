"""Shares of labels and attributes, where the verifier gives rows another label than the asked one."""

import json
import zlib
from collections import Counter
from pathlib import Path

import pytest

from seedless import BudgetEnded, LMUnusable, generate, load_task
from seedless.task import Task
from seedless.testing import fake_lm
from tests.openai_server import Author, stage_of

TONES = ("colloquial", "formal")
OTHER = {"warm": "cold", "cold": "warm"}


@pytest.fixture
def toned(task: Path) -> Task:
    given = load_task(task).model_dump()
    return Task.model_validate({**given, "attributes": ({"name": "tone", "values": dict.fromkeys(TONES, 1)},)})


def contrary(prompt: str, author: Author) -> str:
    """The author's answer; two texts in five are read as the other label's."""
    answer = author(prompt)
    if stage_of(prompt) == "verify" and zlib.crc32(prompt.encode()) % 5 < 2:
        said = json.loads(answer)
        return json.dumps({**said, "label": OTHER[said["label"]]})
    return answer


def dealt(folder: Path) -> tuple[Counter[tuple[str, str]], int]:
    """Rows by label and tone, and how many have another label than the asked one."""
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text("utf-8").splitlines()]
    flips = sum(row["label"] != row["provenance"]["asked_label"] for row in rows)
    return Counter((row["label"], row["provenance"]["attributes"]["tone"]) for row in rows), flips


class Repeating(Author):
    """An author of whom one text in three is the last one again: with several slots in flight, of two drafts alike one is kept first."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def __call__(self, prompt: str) -> str:
        if stage_of(prompt) != "write":
            return super().__call__(prompt)
        self.written.append(self.written[-1] if len(self.written) % 3 == 2 else super().__call__(prompt))
        return self.written[-1]


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("cut", [None, 90])
def test_shares_are_exact_whatever_is_relabelled(cut: int | None, concurrency: int, toned: Task, tmp_path: Path) -> None:
    author = Author() if concurrency == 1 else Repeating()
    lm = fake_lm(lambda prompt: contrary(prompt, author))
    if cut is not None:
        with pytest.raises(BudgetEnded):
            generate(toned, n=80, out=tmp_path / "out", lm=lm, concurrency=concurrency, max_calls=cut)
    generate(toned, n=80, out=tmp_path / "out", lm=lm, concurrency=concurrency)
    counts, flips = dealt(tmp_path / "out")
    assert flips > 1
    assert counts == dict.fromkeys([(label, tone) for label in OTHER for tone in TONES], 20)


def test_a_verifier_whose_answers_name_no_label_ends_the_run(task: Path) -> None:
    author = Author()

    def answer(prompt: str) -> str:
        return json.dumps({"reason": "", "label": "something else"}) if stage_of(prompt) == "verify" else author(prompt)

    with pytest.raises(LMUnusable, match="none of the verifier's last 50 answers names one of the labels"):
        generate(task, n=100, lm=fake_lm(answer))
    assert author.calls < 100
