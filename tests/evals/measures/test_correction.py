"""Correction: every figure from made-up provenance, worked out by hand."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seedless.errors import UsageError
from seedless.evals.labelled import LabelledRows
from seedless.evals.measures.correction import Correction, correction
from tests.topics import topic_task

TASK = topic_task(3)


def row(asked: str, final: str, verdict: str | None, truth: str) -> dict[str, Any]:
    """An accepted row whose text says what its label should be."""
    return {"text": truth, "label": final, "provenance": {"asked_label": asked, "verdict": verdict}}


def refusal(asked: str, verdict: str | None, truth: str, stage: str = "verify") -> dict[str, Any]:
    return {
        "stage": stage,
        "asked_label": asked,
        "texts": {"text": truth},
        "provenance": {"asked_label": asked, "verdict": verdict},
    }


def oracle(rows: LabelledRows) -> NDArray[np.int64]:
    """Reads the truth from the text."""
    return np.asarray([TASK.label_names.index(text) for text in rows.texts])


def corrected(*records: Mapping[str, Any], refusals: tuple[Mapping[str, Any], ...] = (), knowing: bool = True) -> Correction:
    found = correction(LabelledRows(TASK, records, "made up"), refusals, oracle=oracle if knowing else None)
    assert found is not None
    return found


def test_flips_and_their_rightness() -> None:
    found = corrected(
        *[row("a", "a", "a", "a")] * 4,
        *[row("a", "b", "b", "b")] * 3,  # flipped, rightly
        row("a", "b", "b", "a"),  # flipped, wrongly
        row("b", "c", "c", "a"),  # neither was it
        refusals=(refusal("c", "a", "a"), refusal("c", "a", "c"), refusal("c", "b", "c"), refusal("b", "c", "a")),
    )
    flips = found.flips
    assert flips.matrix == ((4, 4, 0), (0, 0, 1), (0, 0, 0))
    assert flips.relabelled == 5
    assert flips.refused == ((0, 0, 0), (0, 0, 1), (2, 1, 0))
    assert flips.relabelling is not None
    assert (flips.relabelling.right, flips.relabelling.wrong, flips.relabelling.neither) == (3, 1, 1)
    assert flips.relabelling.share is not None
    assert (flips.relabelling.share.value, flips.relabelling.share.rows) == (0.75, 4)
    assert flips.refusing is not None
    assert (flips.refusing.right, flips.refusing.wrong, flips.refusing.neither) == (1, 2, 1)


def test_accuracy_before_and_after() -> None:
    """Ten drafts, six rightly asked; two wrong ones are refused, one is mended: 6 / 10 before, 7 / 8 after."""
    found = corrected(
        *[row("a", "a", "a", "a")] * 6,
        row("a", "b", "b", "b"),
        row("a", "a", "a", "c"),
        refusals=(refusal("a", "b", "b"), refusal("a", "c", "c")),
    )
    assert found.drafts == 10
    assert found.accuracy is not None
    assert (found.accuracy.before.value, found.accuracy.after.value) == (0.6, 0.875)
    gain = found.accuracy.gain
    assert gain.value == pytest.approx(0.275)
    assert 0 < gain.low < gain.value < gain.high < 0.7


def test_a_correction_that_harms_shows_as_one() -> None:
    found = corrected(*[row("a", "b", "b", "a")] * 5, *[row("a", "a", "a", "a")] * 5)
    assert found.accuracy is not None
    assert found.accuracy.gain.value == -0.5
    assert found.accuracy.gain.high < 0
    assert found.flips.relabelling is not None
    assert found.flips.relabelling.share is not None
    assert found.flips.relabelling.share.value == 0.0


def test_agreement() -> None:
    found = corrected(
        *[row("a", "a", "a", "a")] * 2,
        row("a", "b", "b", "b"),  # relabelled: the verdict is the final label, not the asked one
        row("a", "a", "b", "a"),  # kept against the verdict
        row("a", "a", None, "a"),
        row("a", "a", "", "a"),  # an answer that could not be read
        refusals=(refusal("a", "b", "b"), refusal("a", "", "b")),
    ).agreement
    assert found.final is not None
    assert found.asked is not None
    assert found.drafts is not None
    assert (found.final.value, found.final.rows) == (0.75, 4)
    assert (found.asked.value, found.asked.rows) == (0.5, 4)
    assert (found.drafts.value, found.drafts.rows) == (0.4, 5)
    assert found.unverified == 2


def test_without_an_oracle_nothing_is_right_or_wrong() -> None:
    found = corrected(row("a", "b", "b", "b"), knowing=False)
    assert found.accuracy is None
    assert found.flips.relabelling is None
    assert found.flips.relabelled == 1


def test_a_run_without_a_verifier_has_no_gain() -> None:
    found = corrected(*[row("a", "a", None, "a")] * 3)
    assert found.accuracy is None
    assert found.agreement.drafts is None
    assert found.agreement.unverified == 3


def test_what_is_left_out_is_counted() -> None:
    found = corrected(
        row("a", "a", "a", "a"),
        {"text": "a", "label": "a"},
        refusals=(
            refusal("a", None, "a", stage="write"),  # never judged: no draft on record, and nothing torn
            {"stage": "verify", "asked_label": "a", "texts": {}, "provenance": {}},
            {"stage": "verify", "asked_label": "unknown", "texts": {"text": "a"}, "provenance": {}},
        ),
    )
    assert (found.drafts, found.untold, found.torn) == (1, 1, 2)


def test_provenance_as_data_sets_carry_it() -> None:
    plain = row("a", "b", "b", "b")
    told = {**plain, "provenance": json.dumps(plain["provenance"])}
    assert corrected(told) == corrected(plain)
    with pytest.raises(UsageError, match="provenance"):
        corrected({**plain, "provenance": "{torn"})


def test_rows_of_elsewhere_have_no_correction() -> None:
    assert correction(LabelledRows(TASK, ({"text": "a", "label": "a"},), "elsewhere"), oracle=oracle) is None


def test_null_is_no_label_though_one_is_called_none() -> None:
    """A row without an asked label, or without a verdict, says nothing of the label `None`."""
    task = TASK.model_copy(update={"labels": (*TASK.labels[:2], TASK.labels[2].model_copy(update={"name": "None"}))})
    bare = ({"text": "x", "label": "a"}, {"text": "y", "label": "None", "provenance": {"asked_label": None}})
    assert correction(LabelledRows(task, bare, "made up")) is None
    refused = refusal("None", None, "z")
    found = correction(LabelledRows(task, (row("None", "None", None, "None"), row("a", "a", None, "a")), "made up"), (refused,))
    assert found is not None
    assert (found.drafts, found.flips.relabelled, found.agreement.drafts, found.agreement.unverified) == (3, 0, None, 2)
