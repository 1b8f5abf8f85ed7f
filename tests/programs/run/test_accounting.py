"""The ledger is an account: what it says adds up with what the journal holds."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from seedless.ledger import Ledger, Settings
from seedless.lms.step import Step
from seedless.outcome import Broken, Refusal, Row
from seedless.planner import Plan
from seedless.run.accounting import ledger_of
from seedless.run.journal import Journal
from seedless.task import Task

TASK = Task.model_validate(
    {
        "name": "rooms",
        "description": "Lines about rooms.",
        "fields": [{"name": "text", "description": "one line"}],
        "labels": [{"name": name, "meaning": name, "constraint": name} for name in ("warm", "cold")],
        "contexts": {"hint": "rooms"},
        "seeds": {"hint": "things"},
    }
)
SETTINGS: Settings = {
    "task": "rooms", "task_hash": TASK.hash, "n": 4, "seed": 0, "lm": "openai/some-model", "strategy": "targen", "verify": "blind", "program": "p",
}  # fmt: skip


@pytest.fixture
def journal() -> Iterator[Journal]:
    opened = Journal(Path(":memory:"))
    yield opened
    opened.close()


def account(journal: Journal, n: int = 4, ended: str | None = None) -> Ledger:
    return ledger_of(journal, Plan(TASK, n, 0), SETTINGS, ended=ended)


def test_of_an_empty_journal(journal: Journal) -> None:
    ledger = account(journal)
    assert (ledger.requested, ledger.accepted, ledger.repeated, ledger.cost_usd, ledger.wall_s) == (4, 0, 0, 0.0, 0.0)
    assert ledger.per_label["warm"] == {
        "requested": 2,
        "accepted": 0,
        "missing": 2,
        "broken_most": {},
        "read": 0,
        "read_otherwise": 0,
    }
    assert ledger.shortfall == "the run is not complete: warm lacks 2 of 2; cold lacks 2 of 2"


def test_of_a_complete_run(journal: Journal, row: Callable[..., Row]) -> None:
    for position, label in enumerate(["warm", "cold", "warm", "cold"]):
        journal.decide(position, 0, row(position, label))
    ledger = account(journal, ended="ended by something")
    assert (ledger.accepted, ledger.shortfall, ledger.flips, ledger.refused) == (4, "", {}, {})
    assert {account["missing"] for account in ledger.per_label.values()} == {0}


def test_refusals_flips_and_shortfall(journal: Journal, row: Callable[..., Row], refusal: Callable[..., Refusal]) -> None:
    journal.decide(0, 0, refusal(0, 0, "warm", ("length:text", "meta")))
    journal.decide(0, 1, refusal(0, 1, "warm", ("meta",)))
    journal.decide(0, 2, row(0, "cold", asked="warm", broken=("label",)))
    journal.decide(1, 0, row(1, "warm", asked="cold"))
    journal.decide(2, 0, row(2, "cold", asked="warm", broken=("meta",)))
    ledger = account(journal, ended="the budget of 9 LM calls is used up (--max-calls)")
    assert ledger.accepted == 3
    assert ledger.refused == {"meta": 2}  # by the assertion broken last
    assert ledger.broken == {"meta": 3, "length:text": 1, "label": 1}  # of rows too
    assert ledger.flips == {"warm -> cold": 2, "cold -> warm": 1}
    assert ledger.per_label["warm"] == {
        "requested": 2,
        "accepted": 1,
        "missing": 1,
        "broken_most": {"meta": 2, "length:text": 1},
        "read": 1,
        "read_otherwise": 1,
    }
    assert ledger.per_label["cold"]["missing"] == 0
    assert ledger.shortfall == (
        "the budget of 9 LM calls is used up (--max-calls): warm lacks 1 of 2 (broken most: meta 2 times, length:text 1 time)"
    )
    assert list(ledger.broken.values()) == sorted(ledger.broken.values(), reverse=True)


def test_a_draft_refused_for_the_rows_beside_it_counts_with_what_it_broke_before(
    journal: Journal, refusal: Callable[..., Refusal]
) -> None:
    revised = refusal(0, 0, "warm", ("meta",))
    journal.decide(0, 0, replace(revised, stage="keep", broken=(Broken("quota", "There are enough."),)))
    ledger = account(journal)
    assert (ledger.refused, ledger.broken) == ({"quota": 1}, {"meta": 1})
    assert ledger.per_label["warm"]["broken_most"] == {"quota": 1}


def test_of_a_failing_lm_the_reason_is_told(journal: Journal, refusal: Callable[..., Refusal]) -> None:
    unanswered = refusal(0, 0, "warm", ("lm",))
    said = "the LM at a place gave no answer: Server: the token limit was reached before it began."
    journal.decide(0, 0, replace(unanswered, broken=(Broken("meta", "Write another one."), Broken("lm", said))))
    told = account(journal).shortfall
    assert (
        "warm lacks 2 of 2 (broken most: meta 1 time, lm 1 time; the LM at a place gave no answer: Server: the token limit was reached before it began);"
        in told
    )


def test_a_label_whose_drafts_read_as_another_one_is_told_so(journal: Journal, refusal: Callable[..., Refusal]) -> None:
    for round_ in range(10):
        journal.decide(0, round_, refusal(0, round_, "warm", ("label", "label")))
    assert (
        "warm lacks 2 of 2 (broken most: label 20 times; 20 of its 20 drafts read as another label)" in account(journal).shortfall
    )


def test_a_failing_lm_and_another_reading_that_explain_little_are_not_told(
    journal: Journal, row: Callable[..., Row], refusal: Callable[..., Refusal]
) -> None:
    journal.decide(0, 0, refusal(0, 0, "warm", ("lm",)))
    for round_, name in enumerate(["meta", "length:text", "label"] * 8, 1):
        journal.decide(0, round_, refusal(0, round_, "warm", (name,)))
    for position in range(1, 16):
        journal.decide(position, 0, row(position, "warm", verdict="warm"))
    ledger = account(journal, 60)
    assert (ledger.per_label["warm"]["read"], ledger.per_label["warm"]["read_otherwise"]) == (23, 8)
    assert "warm lacks 15 of 30 (broken most: meta 8 times, length:text 8 times, label 8 times);" in ledger.shortfall


def test_drafts_that_read_as_another_label_are_counted_once(
    journal: Journal, row: Callable[..., Row], refusal: Callable[..., Refusal]
) -> None:
    """Refused for it, kept at the second try, kept in spite of it, never read, and read as asked."""
    journal.decide(0, 0, refusal(0, 0, "warm", ("label", "meta", "label")))
    journal.decide(0, 1, row(0, "warm", verdict="warm", broken=("label",)))
    journal.decide(1, 0, row(1, "warm", verdict="cold"))
    journal.decide(2, 0, row(2, "cold", verdict=None))
    journal.decide(3, 0, row(3, "cold", verdict="cold"))
    accounts = account(journal).per_label
    assert (accounts["warm"]["read_otherwise"], accounts["warm"]["read"]) == (4, 5)
    assert (accounts["cold"]["read_otherwise"], accounts["cold"]["read"]) == (0, 1)


def test_rows_that_were_relabelled_read_as_another_label(journal: Journal, row: Callable[..., Row]) -> None:
    """After the last try, which broke the assertion; or by a verifier that does nothing but relabel, and breaks none."""
    journal.decide(0, 0, row(0, "cold", asked="warm", verdict="cold", broken=("meta", "label", "label")))
    journal.decide(1, 0, row(1, "cold", asked="warm", verdict="cold", broken=("meta",)))
    journal.decide(2, 0, row(2, "warm", asked="cold", verdict="warm"))
    accounts = account(journal).per_label
    assert (accounts["warm"]["read_otherwise"], accounts["warm"]["read"]) == (3, 3)
    assert (accounts["cold"]["read_otherwise"], accounts["cold"]["read"]) == (1, 1)


def test_calls_tokens_cost_and_time(journal: Journal) -> None:
    for key, stage in (("a", "write"), ("b", "write"), ("c", "verify")):
        journal.begin(key, stage)
        journal.finish(key, Step("x", "stop", 10, 3, 0.5))
    journal.begin("d", "verify")
    journal.spend(1.23456)
    ledger = account(journal)
    assert ledger.calls == {"verify": 2, "write": 2}
    assert ledger.tokens == {"verify": {"input": 10, "output": 3}, "write": {"input": 20, "output": 6}}
    assert (ledger.cost_usd, ledger.wall_s) == (1.5, 1.235)


def test_an_unknown_price_is_null_never_guessed(journal: Journal) -> None:
    journal.begin("a", "write")
    journal.finish("a", Step("x", "stop", 10, 3, None))
    assert json.loads(json.dumps(account(journal).record()))["cost_usd"] is None


def test_tokens_that_a_server_did_not_tell_are_null_never_0(journal: Journal) -> None:
    for key, stage, told in (
        ("a", "write", (10, 3)),
        ("b", "write", (None, None)),
        ("c", "verify", (10, None)),
        ("d", "seeds", (10, 3)),
    ):
        journal.begin(key, stage)
        journal.finish(key, Step("x", "stop", *told, None))
    journal.begin("e", "seeds")  # and was not answered
    ledger = account(journal)
    assert ledger.tokens == {
        "seeds": {"input": 10, "output": 3},
        "verify": {"input": 10, "output": None},
        "write": {"input": None, "output": None},
    }
    assert Ledger.model_validate_json(ledger.model_dump_json()) == ledger
    assert ledger.per_row["usd"] is None


@pytest.mark.parametrize(
    ("contexts", "seeds", "few"),
    [
        (["hall"], ["lamp"], {"contexts": {"wanted": 6, "used": 1}, "seeds": {"wanted": 15, "used": 1}}),
        (["hall", "attic", "yard", "shed", "loft", "barn"], ["lamp", "rug", "box"], {}),
    ],
)
def test_lists_that_were_short_are_told(
    contexts: list[str], seeds: list[str], few: dict[str, Any], journal: Journal, row: Callable[..., Row]
) -> None:
    for position, label in enumerate(["warm", "cold"] * 15):
        made = row(position, label)
        turn = position // 2
        origin = replace(
            made.provenance,
            context=contexts[turn % len(contexts)],
            context_source="lm",
            seed=seeds[turn // len(contexts) % len(seeds)],
        )
        journal.decide(position, 0, replace(made, provenance=origin))
    assert account(journal, 30).few == few
    assert account(journal, 300).few.get("seeds") == few.get("seeds"), "a run that a budget cut had no more rows to use them in"


def test_lists_are_short_for_the_label_with_most_rows(journal: Journal, row: Callable[..., Row]) -> None:
    for position in range(16):
        journal.decide(position, 0, row(position, "warm" if position < 15 else "cold"))
    assert account(journal, 30).lists == {"seeds": {"wanted": 15, "used": 1}}


def test_of_lists_that_were_given_nothing_is_told(journal: Journal, row: Callable[..., Row]) -> None:
    given = TASK.model_copy(update={"seeds": TASK.seeds.model_copy(update={"given": ("lamp",)})})
    for position in range(30):
        journal.decide(position, 0, row(position, ("warm", "cold")[position % 2]))
    assert ledger_of(journal, Plan(given, 30, 0), SETTINGS).lists == {}


def test_record_is_plain_json(journal: Journal, row: Callable[..., Row], refusal: Callable[..., Refusal]) -> None:
    journal.decide(0, 0, row(0))
    journal.decide(1, 0, refusal(1))
    record = account(journal).record()
    assert json.loads(json.dumps(record)) == record
    assert set(record) == {
        "requested", "accepted", "per_label", "refused", "broken", "flips", "calls", "tokens", "repeated", "cost_usd", "wall_s", "unnamed", "worded",
        "lists", "shortfall", "settings",
    }  # fmt: skip
    assert record["settings"] == SETTINGS


def test_frozen(journal: Journal) -> None:
    with pytest.raises(ValidationError):
        account(journal).accepted = 9  # type: ignore[misc]  # what must fail
