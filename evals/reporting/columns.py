"""Rows as columns, each value said once: 50,000 rows with their provenance in a page that a browser reads at once."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from seedless.evals.reporting.recorded import RecordedRun

__all__ = ["columns", "packed"]


def columns(run: RecordedRun) -> dict[str, Any]:
    """The run's rows as plain data.

    `texts` holds one list for each of `fields`, `label` the labels' places in `labels`; `provenance` a packed column for each of
    its keys.
    """
    places = {name: place for place, name in enumerate(run.labels)}
    keys = list(dict.fromkeys(key for row in run.rows for key in row["provenance"]))
    return {
        "n": len(run.rows),
        "fields": list(run.fields),
        "labels": list(run.labels),
        "id": [row["id"] for row in run.rows],
        "label": [places[row["label"]] for row in run.rows],
        "texts": [[row[field] for row in run.rows] for field in run.fields],
        "provenance": [[key, packed([_plain(row["provenance"].get(key)) for row in run.rows])] for key in keys],
    }


def packed(values: Sequence[Any]) -> dict[str, Any]:
    """A column as `values` and, unless they stand there one for each row or one for all, their places: `at`.

    >>> packed(["a", "b", "a", "a", "a"])
    {'values': ['a', 'b'], 'at': [0, 1, 0, 0, 0]}
    >>> packed(["a", "b"]), packed(["a", "a"])
    ({'values': ['a', 'b']}, {'values': ['a'], 'all': True})
    """
    written = [(type(value), json.dumps(value) if isinstance(value, list | dict) else value) for value in values]
    places = {key: place for place, key in enumerate(dict.fromkeys(written))}
    if len(places) == 1:
        return {"values": [values[0]], "all": True}
    if len(places) * 2 > len(values):
        return {"values": list(values)}
    first = dict(zip(reversed(written), reversed(values), strict=True))
    return {"values": [first[key] for key in places], "at": [places[key] for key in written]}


def _plain(value: Any) -> Any:
    """As a browser reads it: floats to four digits, what is no number as text, a mapping as its pairs."""
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return [f"{key}: {item}" for key, item in value.items()]
    return [_plain(item) for item in value] if isinstance(value, list) else value
