"""A run's ledger, counted from its journal."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seedless.ledger import ENOUGH_READ, Ledger, Listed, Settings, Share
from seedless.lms.step import NO_DRAFT
from seedless.planner import Plan
from seedless.run.journal import Journal
from seedless.seeds import NoSeeds
from seedless.wording import counted

__all__ = ["ledger_of"]

BROKEN_MOST = 3  # assertions
NEARLY_ALL = 0.9  # share of a label's drafts that read as another one from which that is told of a label that falls short


def ledger_of(journal: Journal, plan: Plan, settings: Settings, *, ended: str | None = None) -> Ledger:
    """The ledger of what `journal` holds; `ended` is why the run stopped before it was complete.

    Raises
    ------
    UsageError
        If the journal holds what `plan` has no room for.
    """
    made = _Counted()
    for _, record in journal.accepted(plan):
        made.accept(record)
    for record in journal.refused(plan):
        made.refuse(record)
    per_label = {label: made.share(label, due) for label, due in plan.per_label.items()}
    stages = journal.stages()
    return Ledger(
        requested=plan.n,
        accepted=made.accepted.total(),
        per_label=per_label,
        refused=dict(made.refused.most_common()),
        broken=dict(made.broken.most_common()),
        flips=dict(made.flips.most_common()),
        calls={name: count["calls"] for name, count in stages.items()},
        tokens={name: {"input": count["input_tokens"], "output": count["output_tokens"]} for name, count in stages.items()},
        repeated=journal.repeated(),
        cost_usd=journal.cost(),
        wall_s=round(journal.seconds(), 3),
        shortfall=_shortfall(per_label, made.unanswered, ended),
        unnamed=made.sources["hint"],
        worded=made.sources["words"],
        lists=made.lists(plan),
        settings=settings,
    )


@dataclass(slots=True)
class _Counted:
    """Outcomes of a run, as they are counted: by label, by assertion, by where a context came from."""

    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    flips: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    otherwise: Counter[str] = field(default_factory=Counter)
    contexts: dict[str, str] = field(default_factory=dict)  # and where each came from
    seeds: set[tuple[str, str]] = field(default_factory=set)  # in their contexts: as bounded as the lists are
    by_label: dict[str, Counter[str]] = field(default_factory=dict)
    unanswered: dict[str, str] = field(default_factory=dict)  # by label, the last reason that no draft was written

    def accept(self, row: Mapping[str, Any]) -> None:
        origin = row["provenance"]
        asked, missed = origin["asked_label"], _read_otherwise(row)
        self.sources[origin["context_source"]] += 1
        self.contexts[origin["context"]] = origin["context_source"]
        self.seeds.add((origin["context"], origin["seed"]))
        self.accepted[row["label"]] += 1
        self.broken.update(origin["broken"])
        self.otherwise[asked] += missed
        self.read[asked] += missed + (origin["verdict"] == asked)
        if asked != row["label"]:
            self.flips[f"{asked} -> {row['label']}"] += 1

    def refuse(self, refusal: Mapping[str, Any]) -> None:
        asked, names = refusal["asked_label"], [broken["assertion"] for broken in refusal["broken"]]
        missed = refusal["provenance"]["broken"].count("label")
        self.refused[names[-1]] += 1
        self.broken.update(refusal["provenance"]["broken"])
        self.by_label.setdefault(asked, Counter()).update(names)
        if names[-1] in NO_DRAFT:
            self.unanswered[asked] = refusal["broken"][-1]["sentence"]
        self.otherwise[asked] += missed
        self.read[asked] += missed

    def lists(self, plan: Plan) -> dict[str, Listed]:
        """Of what the LM was to name, what rows rest on: each label goes through the same contexts, and through the same seeds there."""
        sources, most, found = Counter(self.contexts.values()), max(self.accepted.values(), default=0), dict[str, Listed]()
        if sources["lm"]:
            found["contexts"] = {"wanted": min(most, plan.context_count), "used": sources["lm"]}
        if self.contexts and not plan.task.seeds.given and not sources["words"]:
            places = len(self.contexts)
            found["seeds"] = {"wanted": min(most, places * plan.seeds_per_context(places)), "used": len(self.seeds)}
        return found

    def share(self, label: str, due: int) -> Share:
        return {
            "requested": due,
            "accepted": self.accepted[label],
            "missing": due - self.accepted[label],
            "broken_most": dict(self.by_label.get(label, Counter()).most_common(BROKEN_MOST)),
            "read": self.read[label],
            "read_otherwise": self.otherwise[label],
        }


def _read_otherwise(row: Mapping[str, Any]) -> int:
    """How many of an accepted row's drafts read as another label: those that broke the assertion, and a kept one that did not: it had the benefit
    of the doubt, or a verifier that only relabels gave it the other label."""
    origin = row["provenance"]
    broke = int(origin["broken"].count("label"))
    kept = not broke or row["label"] == origin["asked_label"]  # relabelled after its tries, it broke the assertion itself
    return broke + (kept and origin["verdict"] not in {None, "", origin["asked_label"]})


def _shortfall(per_label: Mapping[str, Share], unanswered: Mapping[str, str], ended: str | None) -> str:
    """Why rows are missing; empty where none is. Of what was broken most a name says enough, but for a failing of the LM's: that is told as it told it."""
    lacking = []
    for label, share in per_label.items():
        if share["missing"] > 0:
            most = ", ".join(f"{assertion} {counted(times, 'time')}" for assertion, times in share["broken_most"].items())
            if label in unanswered and NO_DRAFT & share["broken_most"].keys():
                most += f"; {unanswered[label].rstrip('.')}"
            if NoSeeds.assertion in share["broken_most"]:
                most += "; what the LM named for seeds is kept: another --seed, or --lm, asks for others"
            if share["read"] >= ENOUGH_READ and share["read_otherwise"] > NEARLY_ALL * share["read"]:
                most += f"; {share['read_otherwise']} of its {share['read']} drafts read as another label"
            lacking.append(f"{label} lacks {share['missing']} of {share['requested']}{f' (broken most: {most})' if most else ''}")
    return f"{ended or 'the run is not complete'}: {'; '.join(lacking)}" if lacking else ""
