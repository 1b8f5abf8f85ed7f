"""How a slot ends: a row of the data set, or a refusal with its reasons."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seedless.slot import Draft

__all__ = ["Broken", "Outcome", "Provenance", "Refusal", "Row"]


@dataclass(frozen=True, slots=True)
class Broken:
    """One broken assertion: its name, and the sentence that the writer was told."""

    assertion: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a row or a refused draft comes from.

    `reason` is the verdict's own; `attempts` counts drafts, of all rounds together, `broken` names the
    assertions that they broke, one for each break.
    """

    strategy: str
    context: str
    context_source: str
    seed: str
    attributes: Mapping[str, str] = field(hash=False)  # a mapping has no hash
    asked_label: str
    verdict: str | None
    reason: str
    confidence: float | None
    attempts: int
    broken: tuple[str, ...]
    lm: str
    program: str


@dataclass(frozen=True, slots=True)
class Row:
    """An accepted row. `label` is the final one, `provenance.asked_label` the one that was asked for."""

    id: str
    texts: Mapping[str, str] = field(hash=False)
    label: str
    provenance: Provenance

    @property
    def draft(self) -> Draft:
        """The row's texts as a draft."""
        return Draft(self.texts)

    def record(self) -> dict[str, Any]:
        """The row as one flat JSON object: `id`, the task's fields, `label`, `provenance`."""
        return {"id": self.id, **self.texts, "label": self.label, "provenance": _plain(self.provenance)}

    toDict = record  # noqa: N815  DSPy's name for it: a prediction that holds one can be written as JSON


@dataclass(frozen=True, slots=True)
class Refusal:
    """A slot that gave no row: the stage at which it ended, the texts of its draft that counted last, and every sentence that counted against it."""

    stage: str
    position: int
    round: int
    asked_label: str
    texts: Mapping[str, str] = field(hash=False)
    broken: tuple[Broken, ...]
    provenance: Provenance

    @property
    def draft(self) -> Draft:
        """The refused texts as a draft, empty where nothing was written."""
        return Draft(self.texts)

    def record(self) -> dict[str, Any]:
        """The refusal as one JSON object."""
        return {
            "stage": self.stage,
            "position": self.position,
            "round": self.round,
            "asked_label": self.asked_label,
            "texts": dict(self.texts),
            "broken": [{"assertion": b.assertion, "sentence": b.sentence} for b in self.broken],
            "provenance": _plain(self.provenance),
        }

    toDict = record  # noqa: N815  as a row's


Outcome = Row | Refusal


def _plain(provenance: Provenance) -> dict[str, Any]:
    values = {name: getattr(provenance, name) for name in Provenance.__slots__}
    return {**values, "attributes": dict(provenance.attributes), "broken": list(provenance.broken)}
