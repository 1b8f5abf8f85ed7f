"""What a run asked for, got, refused and spent (`ledger.json`)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from seedless.planner import Plan
from seedless.run.journal import Journal

__all__ = ["Ledger"]

LISTS = ("contexts", "seeds")  # stages that are asked once for many rows


@dataclass(frozen=True, slots=True)
class Ledger:
    """The account of a run.

    `per_label` gives for each label the rows requested, accepted and missing, what its refusals broke most, how many of the drafts asked for it
    were `read` by the verifier, and how many of those were `read_otherwise`, as another label. `refused` counts
    refused slots by the assertion that was broken last; `broken` counts every broken assertion of every draft. `flips` count
    accepted rows whose final label is not the asked one, as `asked -> final`. `calls` and `tokens` are per stage; `repeated` are
    requests sent again because a process died before it could keep their answers. `unnamed` counts accepted rows whose context is the
    task's hint, since the LM named no context, `worded` those whose context is a label word, since the LM is not asked for any. `cost_usd` is None where a price is unknown.
    `shortfall` says why rows are missing; it is empty for a complete run.
    """

    requested: int
    accepted: int
    per_label: Mapping[str, Mapping[str, Any]]
    refused: Mapping[str, int]
    broken: Mapping[str, int]
    flips: Mapping[str, int]
    calls: Mapping[str, int]
    tokens: Mapping[str, Mapping[str, int]]
    repeated: int
    cost_usd: float | None
    wall_s: float
    shortfall: str = ""
    unnamed: int = 0
    worded: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, journal: Journal, plan: Plan, settings: Mapping[str, Any], *, ended: str | None = None) -> "Ledger":
        """The ledger of what `journal` holds; `ended` is why the run stopped before it was complete.

        Raises
        ------
        UsageError
            If the journal holds what `plan` has no room for.
        """
        accepted: Counter[str] = Counter()
        flips: Counter[str] = Counter()
        broken: Counter[str] = Counter()
        read: Counter[str] = Counter()
        otherwise: Counter[str] = Counter()
        named: Counter[str] = Counter()
        for _, record in journal.accepted(plan):
            named[record["provenance"]["context_source"]] += 1
            accepted[record["label"]] += 1
            asked = record["provenance"]["asked_label"]
            broken.update(record["provenance"]["broken"])
            otherwise[asked] += _read_otherwise(record)
            read[asked] += _read_otherwise(record) + (record["provenance"]["verdict"] == asked)
            if asked != record["label"]:
                flips[f"{asked} -> {record['label']}"] += 1
        refused: Counter[str] = Counter()
        by_label: dict[str, Counter[str]] = {label: Counter() for label in plan.per_label}
        for record in journal.refused(plan):
            names = [b["assertion"] for b in record["broken"]]
            refused[names[-1]] += 1
            broken.update(record["provenance"]["broken"])
            by_label[record["asked_label"]].update(names)
            missed = record["provenance"]["broken"].count("label")
            otherwise[record["asked_label"]] += missed
            read[record["asked_label"]] += missed
        per_label: dict[str, dict[str, Any]] = {
            label: {
                "requested": due,
                "accepted": accepted[label],
                "missing": due - accepted[label],
                "broken_most": dict(by_label[label].most_common(3)),
                "read": read[label],
                "read_otherwise": otherwise[label],
            }
            for label, due in plan.per_label.items()
        }
        stages = journal.stages()
        short = {label: account for label, account in per_label.items() if account["missing"] > 0}
        shortfall = ""
        if short:
            parts = [
                f"{label} lacks {account['missing']} of {account['requested']}"
                + (
                    f" (broken most: {', '.join(f'{k} {v} times' for k, v in account['broken_most'].items())})"
                    if account["broken_most"]
                    else ""
                )
                for label, account in short.items()
            ]
            shortfall = f"{ended or 'the run is not complete'}: {'; '.join(parts)}"
        return cls(
            requested=plan.n,
            accepted=accepted.total(),
            per_label=per_label,
            refused=dict(refused.most_common()),
            broken=dict(broken.most_common()),
            flips=dict(flips.most_common()),
            calls={name: count["calls"] for name, count in stages.items()},
            tokens={name: {"input": count["input_tokens"], "output": count["output_tokens"]} for name, count in stages.items()},
            repeated=journal.repeated(),
            cost_usd=journal.cost(),
            wall_s=round(journal.seconds(), 3),
            shortfall=shortfall,
            unnamed=named["hint"],
            worded=named["words"],
            settings=settings,
        )

    def record(self) -> dict[str, Any]:
        """The ledger as one JSON object."""
        return asdict(self)

    @property
    def per_row(self) -> Mapping[str, float | None]:
        """What a row took: `seconds` of the whole, and the `calls` and `usd` that are no list's. `usd` is parted by tokens, None where unknown."""
        made, calls, tokens = max(1, self.accepted), sum(self.calls.values()), sum(map(_both, self.tokens.values()))
        lists = sum(_both(self.tokens.get(stage, {})) for stage in LISTS) / max(1, tokens)
        return {
            "seconds": self.wall_s / made,
            "calls": (calls - self._lists) / made,
            "usd": None if self.cost_usd is None else self.cost_usd * (1 - lists) / made,
        }

    def projected(self, n: int, *, contexts: float) -> Mapping[str, float | None]:
        """What `n` rows would take, as `per_row`, with lists for `contexts` times as many contexts."""
        each = self.per_row
        usd = None
        if self.cost_usd is not None and each["usd"] is not None:
            usd = each["usd"] * n + (self.cost_usd - each["usd"] * max(1, self.accepted)) * contexts
        return {"seconds": (each["seconds"] or 0) * n, "calls": (each["calls"] or 0) * n + self._lists * contexts, "usd": usd}

    @property
    def _lists(self) -> int:
        return sum(self.calls.get(stage, 0) for stage in LISTS)


def _both(tokens: Mapping[str, int]) -> int:
    return sum(tokens.values())


def _read_otherwise(row: Mapping[str, Any]) -> int:
    """How many of an accepted row's drafts read as another label: those that were refused for it, and a kept one that had the benefit of the doubt."""
    origin = row["provenance"]
    doubted = row["label"] == origin["asked_label"] and origin["verdict"] not in {None, "", origin["asked_label"]}
    return int(origin["broken"].count("label")) + doubted
