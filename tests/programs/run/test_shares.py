"""Shares of labels and attributes, where the verifier gives rows another label than the asked one."""

import json
import random
import re
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seedless import BudgetEnded, Generation, LMUnusable, Options, Row, generate, load_task
from seedless.outcome import Provenance
from seedless.task import Task
from seedless.testing import fake_lm
from tests.openai_server import Author, stage_of

TONES = ("colloquial", "formal")
OTHER = {"warm": "cold", "cold": "warm"}


@pytest.fixture
def toned(task: Path) -> Task:
    given = load_task(task).model_dump()
    return Task.model_validate({**given, "attributes": ({"name": "tone", "values": dict.fromkeys(TONES, 1)},)})


def contrary(prompt: str, author: Author, of_five: int = 2) -> str:
    """The author's answer; so many texts in five are read as the other label's."""
    answer = author(prompt)
    if stage_of(prompt) == "verify" and zlib.crc32(prompt.encode()) % 5 < of_five:
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
    author, of_five = (
        (Author(), 2) if concurrency == 1 else (Repeating(), 3)
    )  # what is written when differs from run to run: some 15 flips
    lm = fake_lm(lambda prompt: contrary(prompt, author, of_five))
    if cut is not None:
        with pytest.raises(BudgetEnded):
            generate(toned, n=80, out=tmp_path / "out", lm=lm, concurrency=concurrency, max_calls=cut)
    generate(toned, n=80, out=tmp_path / "out", lm=lm, concurrency=concurrency)
    counts, flips = dealt(tmp_path / "out")
    assert flips > 1
    assert counts == dict.fromkeys([(label, tone) for label in OTHER for tone in TONES], 20)


def test_a_cut_run_gives_the_rows_of_one_that_was_not_where_rows_were_relabelled(task: Path, tmp_path: Path) -> None:
    """One way alone, and behind refused slots, whose positions are open when the run is cut."""

    def answering() -> Callable[[str], str]:
        author = Author()

        def answer(prompt: str) -> str:
            told, stage, chance = author(prompt), stage_of(prompt), random.Random(f"of {author.calls}").random()
            if stage == "write" and chance < 0.5:
                return json.dumps({"text": "Sorry. No."})
            return json.dumps({"reason": "", "label": "warm"}) if stage == "verify" and chance < 0.4 else told

        return answer

    how: dict[str, Any] = {"n": 24, "concurrency": 1, "attempts": 1}
    generate(task, out=tmp_path / "whole", lm=fake_lm(answering()), **how)
    lm = fake_lm(answering())
    for cut in (30, 50, 70):
        with pytest.raises(BudgetEnded):
            generate(task, out=tmp_path / "cut", lm=lm, max_calls=cut, **how)
    generate(task, out=tmp_path / "cut", lm=lm, **how)
    whole, in_parts = ((tmp_path / name / "rows.jsonl").read_text("utf-8") for name in ("whole", "cut"))
    rows = [json.loads(line) for line in whole.splitlines()]
    assert sum(row["label"] != row["provenance"]["asked_label"] for row in rows) > 1
    assert in_parts == whole


@pytest.mark.parametrize("seed", range(5, 9))
def test_shares_of_a_few_rows_are_exact(seed: int, toned: Task, tmp_path: Path) -> None:
    """Where soon no open position has both the label that a text reads as and the attributes that it was written with."""
    author = Author(seed)
    generate(toned, n=8, out=tmp_path / "out", lm=fake_lm(lambda prompt: contrary(prompt, author)), concurrency=1, seed=seed)
    counts, _ = dealt(tmp_path / "out")
    assert counts == dict.fromkeys([(label, tone) for label in OTHER for tone in TONES], 2)


@pytest.mark.parametrize("tones", [TONES, ()])
def test_a_relabelled_row_with_a_cue_is_taken_up(tones: tuple[str, ...], task: Path, tmp_path: Path) -> None:
    """A run that ends right behind it, when the position that took over its label has no row yet."""
    given = load_task(task).model_dump()
    labels = [{**label, "cues": ("soft", "hard"), "constraint": f"{label['constraint']} Say {{cue}}."} for label in given["labels"]]
    attributes = [{"name": "tone", "values": dict.fromkeys(tones, 1)}] if tones else []
    cued = Task.model_validate({**given, "labels": labels, "attributes": attributes})
    options = Options(lm=fake_lm(Author()), concurrency=1)
    with Generation(cued, n=8, out=tmp_path / "out", options=options) as generation:
        due = generation.plan.allotments[0]
        where = Provenance(
            strategy="targen", context="hall", context_source="lm", seed="lamp", attributes={**due.attributes, "cue": "soft"}, asked_label=due.label,
            verdict=OTHER[due.label], reason="", confidence=None, attempts=3, broken=("label",), lm="fake", program="0123",
        )  # fmt: skip
        row = Row("rooms-000000", {"text": "Somebody left the old umbrella there."}, OTHER[due.label], where)
        generation.folder.journal.decide(0, 0, row)
    with Generation(cued, n=8, out=tmp_path / "out", options=options) as generation:
        list(generation)
    rows = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text("utf-8").splitlines()]
    counts = Counter((row["label"], row["provenance"]["attributes"].get("tone")) for row in rows)
    assert counts == {(label, tone): 4 // max(1, len(tones)) for label in OTHER for tone in tones or [None]}


def test_a_verifier_whose_answers_name_no_label_ends_the_run(task: Path) -> None:
    author = Author()

    def answer(prompt: str) -> str:
        return json.dumps({"reason": "", "label": "something else"}) if stage_of(prompt) == "verify" else author(prompt)

    with pytest.raises(LMUnusable, match="none of the verifier's last 50 answers names one of the labels"):
        generate(task, n=100, lm=fake_lm(answer))
    assert author.calls < 100


def test_a_verifier_that_reads_everything_as_one_label_is_said_once(task: Path, caplog: pytest.LogCaptureFixture) -> None:
    author = Author()

    def answer(prompt: str) -> str:
        return json.dumps({"reason": "", "label": "warm"}) if stage_of(prompt) == "verify" else author(prompt)

    with pytest.raises(BudgetEnded, match="cold gave up after 100 slots without a row: cold lacks 100 of 100"):
        generate(task, n=200, lm=fake_lm(answer), verify="blind", attempts=1)
    (said,) = [record.getMessage() for record in caplog.records if "drafts as 'warm'" in record.getMessage()]
    assert re.search(r"4[89] of the last (48|49|50) drafts as 'warm'|50 of the last 50 drafts as 'warm'", said)
    assert "--judge-lm" in said


def test_a_writer_that_writes_one_label_alone_is_no_fault_of_its_reader(task: Path) -> None:
    author = Author()

    def answer(prompt: str) -> str:
        return author(prompt.replace("'compass'", "'lantern'") if stage_of(prompt) == "write" else prompt)

    with pytest.raises(
        BudgetEnded, match=r"cold gave up after 100 slots without a row: cold lacks 100 of 100 .*drafts read as another label"
    ):
        generate(task, n=200, lm=fake_lm(answer), verify="blind", attempts=1)
