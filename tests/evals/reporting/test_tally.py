"""A run counted."""

from pathlib import Path
from typing import Any

import pytest

from seedless.evals.reporting.recorded import read_run
from seedless.evals.reporting.tally import Tally, tally
from tests.recorded_run import refusal, row, write_run


def counted(folder: Path, rows: list[dict[str, Any]], **how: Any) -> Tally:
    return tally(read_run(write_run(folder, rows, **how)))


def test_counts(tmp_path: Path) -> None:
    rows = [
        row(0, "warm", "one two three"),
        row(1, "warm", "one two three four", asked_label="cold", attempts=2),
        row(2, "warm", "ONE  two, three.", asked_label="cold"),
        row(3, "cold", "a b", asked_label="warm", context="work", context_source="lm"),
    ]
    refusals = [refusal(i, "cold", f"draft {i}", "label" if i else "meta") for i in range(7)]
    found = counted(tmp_path / "run", rows, refusals=refusals, broken={"loops": 9, "label": 8, "meta": 1, "echo": 2})
    assert (found.rows, found.slots_refused, found.relabelled, found.redrafted, found.repeats) == (4, 7, 3, 1, 1)
    assert [(label.name, label.rows, label.gained, label.lost) for label in found.labels] == [("warm", 3, 2, 1), ("cold", 1, 1, 2)]
    assert [(flip.asked, flip.final, flip.rows) for flip in found.flips] == [("cold", "warm", 2), ("warm", "cold", 1)]
    assert [(by.assertion, by.slots, by.drafts, len(by.examples)) for by in found.refused] == [
        ("label", 6, 8, 4), ("meta", 1, 1, 1), ("loops", 0, 9, 0), ("echo", 0, 2, 0),
    ]  # fmt: skip
    assert found.refused[1].examples == (("cold", "draft 0", "Write another one."),)
    assert [(c.text, c.source, c.by_label) for c in found.contexts] == [("home", "given", (3, 0)), ("work", "lm", (0, 1))]
    assert (found.contexts_from("given"), found.contexts_from("words")) == (1, 0)
    assert (found.calls, found.read, found.written) == (1257, 70 + 500 + 4321, 7 + 50 + 60)


def test_lengths(tmp_path: Path) -> None:
    rows = [row(i, "warm" if i % 2 else "cold", " ".join(["word"] * (3 if i % 2 else 9))) for i in range(40)]
    lengths = counted(tmp_path / "run", rows).lengths
    assert lengths is not None
    assert lengths.unit == "words"
    assert {spread.name: spread.median for spread in lengths.labels} == {"warm": 3, "cold": 9}
    for spread in lengths.labels:
        assert len(spread.shares) == len(lengths.edges) - 1
        assert sum(spread.shares) == pytest.approx(1.0)
        (bin_,) = [place for place, share in enumerate(spread.shares) if share]
        assert lengths.edges[bin_] <= spread.median < lengths.edges[bin_ + 1]


def test_lengths_of_what_has_no_spaces_are_in_characters(tmp_path: Path) -> None:
    lengths = counted(tmp_path / "run", [row(i, "warm", "日本語の文章は空白がないので数えられない") for i in range(3)]).lengths
    assert lengths is not None
    assert lengths.unit == "characters"
    assert lengths.labels[0].median == 20


def test_a_context_of_one_label_counts_as_one_sided(tmp_path: Path) -> None:
    mixed = [row(i, ("warm", "cold")[i % 2], "x", context=f"place {i % 5}") for i in range(60)]
    parted = [row(i, ("warm", "cold")[i % 2], "x", context=f"place {i % 6}") for i in range(60)]
    assert counted(tmp_path / "mixed", mixed).one_sided == (0, 5)
    assert counted(tmp_path / "parted", parted).one_sided == (6, 6)


def test_nothing_can_be_counted_too(tmp_path: Path) -> None:
    found = counted(tmp_path / "run", [])
    assert (found.rows, found.lengths, found.contexts, found.flips) == (0, None, (), ())
    assert [label.rows for label in found.labels] == [0, 0]
