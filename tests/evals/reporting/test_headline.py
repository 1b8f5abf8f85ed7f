"""One sentence on a run, and what to mind."""

from pathlib import Path
from typing import Any

import pytest

from seedless.evals.labelled import digest_of
from seedless.evals.reporting.findings import read_findings
from seedless.evals.reporting.headline import headline, notes
from seedless.evals.reporting.recorded import read_run
from seedless.evals.reporting.tally import tally
from tests.recorded_run import refusal, row, write_evaluation, write_run


def said(folder: Path, rows: list[dict[str, Any]], *, evaluation: dict[str, Any] | None = None, **run: Any) -> tuple[str, str]:
    """The headline, and the notes as one text."""
    written = read_run(write_run(folder / "run", rows, **run))
    found = None
    if evaluation is not None:
        path = write_evaluation(folder / "e.json", labels=written.labels, **evaluation)
        found = read_findings(path, task="rooms", labels=written.labels)
    counted = tally(written)
    return headline(written, counted, found), "\n".join(notes(written, counted, found))


def rows(warm: int, cold: int, **provenance: Any) -> list[dict[str, Any]]:
    return [row(i, "warm" if i < warm else "cold", f"text {i}", **provenance) for i in range(warm + cold)]


@pytest.mark.parametrize(
    ("given", "balance"),
    [
        (rows(20, 20), "40 rows of rooms in 2 labels, 20 of each"),
        (rows(21, 20), "41 rows of rooms in 2 labels, 20 or 21 of each"),
        (rows(30, 12), "42 rows of rooms in 2 labels, from 12 (cold) to 30 (warm)"),
        (rows(1, 0), "1 row of rooms in 2 labels, 0 or 1 of each"),
        ([], "0 rows of rooms in 2 labels, 0 of each"),
    ],
)
def test_balance(tmp_path: Path, given: list[dict[str, Any]], balance: str) -> None:
    told, _ = said(tmp_path, given)
    assert told == f"{balance}; no slots were refused and no rows relabelled; what they teach was not measured."


def test_refusals_and_relabelled_rows(tmp_path: Path) -> None:
    given = [*rows(20, 19), row(39, "cold", "x", asked_label="warm")]
    told, _ = said(tmp_path, given, refusals=[refusal(0, "warm", "y")])
    assert "; 1 slot was refused and 1 row relabelled; " in told


def test_what_a_student_learns(tmp_path: Path) -> None:
    told, minded = said(tmp_path, rows(20, 20), evaluation={})
    assert told.endswith(
        "; on real rows, a student of sentence embeddings reaches a macro-F1 of 0.67 when trained on them and of 0.77 when trained on as"
        " many real ones, a ratio of 0.87 (0.81 to 0.93)."
    )
    assert told.count(". ") == 0
    assert "not measured" not in minded
    assert "as many real rows teach more: the ratio is 0.87, at most 0.93" in minded
    assert "One note of it." in minded


def test_what_a_student_learns_without_real_rows(tmp_path: Path) -> None:
    told, minded = said(
        tmp_path, rows(20, 20), evaluation={"usefulness": {"students": {"tfidf": {"synthetic": {"macro_f1": 0.5}}}}}
    )
    assert told.endswith("; on real rows, a student of words (TF-IDF) reaches a macro-F1 of 0.50 when trained on them.")
    assert "teach more" not in minded


def test_fewer_real_rows_are_not_called_as_many(tmp_path: Path) -> None:
    few = {"synthetic": {"n": 40, "macro_f1": 0.5}, "real": {"n": 12, "macro_f1": 0.4}}
    told, _ = said(tmp_path, rows(20, 20), evaluation={"usefulness": {"students": {"tfidf": few}}})
    assert told.endswith("0.50 when trained on them and of 0.40 when trained on only 12 real ones.")


def test_nothing_to_mind(tmp_path: Path) -> None:
    even = {"synthetic": {"macro_f1": 0.8}, "real": {"macro_f1": 0.79}, "ratio": {"value": 1.01, "low": 0.9, "high": 1.1}}
    _, minded = said(tmp_path, rows(20, 20), evaluation={"usefulness": {"students": {"minilm": even}}})
    assert minded == ""


@pytest.mark.parametrize(
    ("given", "how", "note"),
    [
        (rows(20, 20), {"requested": 50, "shortfall": "a budget ended: cold lacks 10 of 25"}, "fell short: a budget ended: cold lacks 10 of 25"),
        (rows(20, 20), {"accepted": 38}, "The ledger counts 38 rows, rows.jsonl holds 40"),
        (rows(20, 20), {}, "not measured on real ones"),
        (rows(20, 20), {"settings": {"task": "rooms", "verify": "none"}}, "No verifier has read the rows"),
        (rows(20, 4), {}, "Fewer than 10 rows: cold."),
        (rows(20, 20), {"refusals": [refusal(i, "warm", "x") for i in range(60)]}, "60% of the slots were refused"),
        ([*rows(20, 20), row(40, "cold", "Text  3")], {}, "1 row repeats another one's text"),
        ([row(i, ("warm", "cold")[i % 2], f"text {i}", context=f"place {i % 6}") for i in range(60)], {}, "6 of the 6 contexts"),
        (rows(20, 20), {"evaluation": {"notes": ["10 texts stand under two labels"]}}, "10 texts stand under two labels."),
        (rows(20, 20), {"evaluation": {"rows": 400}}, "The evaluation is of 400 rows, the file holds 40"),
    ],
)  # fmt: skip
def test_what_to_mind(tmp_path: Path, given: list[dict[str, Any]], how: dict[str, Any], note: str) -> None:
    _, minded = said(tmp_path, given, **how)
    assert note in minded
    _, usual = said(tmp_path / "usual", rows(20, 20), evaluation={})
    assert note not in usual


def test_missing_rows_are_in_the_headline(tmp_path: Path) -> None:
    told, _ = said(tmp_path, rows(20, 20), requested=50)
    assert "; 10 of the 50 asked for are missing; " in told


def test_missing_rows_are_counted_in_the_file_where_the_ledger_is_older(tmp_path: Path) -> None:
    """As after `kill -9` in a session that went on."""
    told, minded = said(tmp_path, rows(14, 13), requested=60, accepted=6, shortfall="a budget ended: cold lacks 27 of 30")
    assert "33 of the 60 asked for are missing" in told
    assert "what fell short, calls and cost as the ledger does" in minded


def test_an_evaluation_of_other_rows_says_nothing_of_these(tmp_path: Path) -> None:
    given = rows(20, 20)
    of_these = {"digest": digest_of(reversed(given), ["text"]), "notes": ["one note"]}
    told, minded = said(tmp_path, given, evaluation=of_these)
    assert "macro-F1 of 0.67" in told
    assert "One note." in minded
    told, minded = said(tmp_path / "other", [*given[1:], row(0, "warm", "another text")], evaluation=of_these)
    assert told.endswith("what they teach was not measured.")
    assert (
        "The evaluation is of 40 rows, the file holds other ones: its figures are of those; run seedless evaluate again." in minded
    )
    assert "One note" not in minded
    assert "teach more" not in minded
