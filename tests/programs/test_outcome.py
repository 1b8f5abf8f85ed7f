"""Rows and refusals: flat JSON records, frozen, read back as they were."""

import json
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from seedless.outcome import Broken, Provenance, Refusal, Row
from seedless.run.journal import outcome_of
from seedless.slot import Draft

PROVENANCE = Provenance(
    strategy="targen",
    context="comedy",
    context_source="given",
    seed="the ending",
    attributes={"size": "in at most eight words"},
    asked_label="positive",
    verdict="negative",
    reason="it names a fault",
    confidence=0.75,
    attempts=2,
    broken=("length:text", "label"),
    lm="fake",
    program="0123",
)
ROW = Row("reviews-000007", {"premise": "Café “Zoë”", "hypothesis": "a\nb"}, "negative", PROVENANCE)
REFUSAL = Refusal("write", 7, 2, "positive", {"premise": "x"}, (Broken("length:text", "Write more."),), PROVENANCE)


def test_what_is_frozen_has_a_hash() -> None:
    assert len({ROW, replace(ROW), REFUSAL, replace(REFUSAL), replace(ROW, label="positive")}) == 3


def test_record_of_a_row_is_flat() -> None:
    record = ROW.record()
    assert list(record) == ["id", "premise", "hypothesis", "label", "provenance"]
    assert [name for name, value in record.items() if not isinstance(value, str)] == ["provenance"]
    assert record["provenance"]["asked_label"] == "positive"
    assert record["label"] == "negative"


def test_record_of_a_refusal_tells_why() -> None:
    record = REFUSAL.record()
    assert record["broken"] == [{"assertion": "length:text", "sentence": "Write more."}]
    assert (record["stage"], record["position"], record["round"]) == ("write", 7, 2)


@pytest.mark.parametrize("outcome", [ROW, REFUSAL])
def test_records_are_plain_json(outcome: Row | Refusal) -> None:
    record = outcome.record()
    assert json.loads(json.dumps(record, ensure_ascii=False)) == record  # no tuple, no type of ours


@pytest.mark.parametrize("outcome", [ROW, REFUSAL])
def test_records_are_read_back_as_they_were(outcome: Row | Refusal) -> None:
    again = outcome_of(json.loads(json.dumps(outcome.record())), ("premise", "hypothesis"))
    assert again == outcome


def test_a_row_s_fields_may_be_called_like_a_refusal_s_parts() -> None:
    row = Row("reports-000001", {"broken": "The tap drips.", "texts": "It drips.", "asked_label": "x"}, "urgent", PROVENANCE)
    assert outcome_of(json.loads(json.dumps(row.record())), tuple(row.texts)) == row


def test_a_record_is_the_callers_own() -> None:
    record = ROW.record()
    record["provenance"]["attributes"]["size"] = "other"
    assert PROVENANCE.attributes["size"] == "in at most eight words"


@pytest.mark.parametrize(
    ("part", "name"), [(ROW, "label"), (REFUSAL, "stage"), (PROVENANCE, "lm"), (REFUSAL.broken[0], "sentence")]
)
def test_frozen(part: Any, name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(part, name, "other")


def test_draft_of_an_outcome() -> None:
    assert ROW.draft == Draft({"premise": "Café “Zoë”", "hypothesis": "a\nb"})
    assert REFUSAL.draft == Draft({"premise": "x"})
