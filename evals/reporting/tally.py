"""A run counted: labels, lengths, contexts, refusals, relabelled rows, and what each stage cost."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seedless.evals.reporting.recorded import Record, RecordedRun
from seedless.ledger import known_sum
from seedless.text import length, normalized, unit as unit_of

__all__ = ["ContextUse", "Flip", "LabelCount", "Lengths", "RefusedBy", "Spread", "Stage", "Tally", "tally"]

BINS = 30
EXAMPLES = 4  # drafts that an assertion refused
SEVERAL = 5  # rows of a context, fewer of which are of one label by chance


@dataclass(frozen=True, slots=True)
class LabelCount:
    """Rows of one label. `place` is its place in the task's order; `gained` and `lost` count relabelled rows."""

    name: str
    place: int
    meaning: str
    rows: int
    requested: int
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Lengths of one label's texts: the share of them in each bin, and quantiles. `len(shares) == len(edges) - 1`."""

    name: str
    place: int
    shares: tuple[float, ...]
    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths of all texts in `unit` (words, or characters where words are not parted by spaces); the last bin is open."""

    unit: str
    edges: tuple[float, ...]
    labels: tuple[Spread, ...]

    @property
    def densest(self) -> float:
        """The largest share in a bin."""
        return max((share for label in self.labels for share in label.shares), default=0.0)


@dataclass(frozen=True, slots=True)
class ContextUse:
    """One context: where it comes from (`lm`, `given`, `words` or `hint`), and its rows by label, in the task's order."""

    text: str
    source: str
    rows: int
    by_label: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RefusedBy:
    """One assertion: the slots that it refused in the end, how often a draft broke it, and a few of those drafts.

    An example is the label asked for, the draft, and the sentence that the writer was told.
    """

    assertion: str
    slots: int
    drafts: int
    examples: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """Rows whose final label is not the asked one."""

    asked: str
    final: str
    rows: int


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage took: requests, and tokens read and written, None where they are unknown."""

    name: str
    calls: int
    read: int | None
    written: int | None


@dataclass(frozen=True, slots=True)
class Tally:
    """A run counted. `repeats` are rows whose text is an earlier one's (`seedless.text.normalized`)."""

    rows: int
    slots_refused: int
    relabelled: int
    redrafted: int
    repeats: int
    labels: tuple[LabelCount, ...]
    lengths: Lengths | None
    contexts: tuple[ContextUse, ...]
    refused: tuple[RefusedBy, ...]
    flips: tuple[Flip, ...]
    stages: tuple[Stage, ...]

    @property
    def calls(self) -> int:
        """Requests in all."""
        return sum(stage.calls for stage in self.stages)

    @property
    def read(self) -> int | None:
        """Tokens read in all; None where those of a stage are unknown."""
        return known_sum(stage.read for stage in self.stages)

    @property
    def written(self) -> int | None:
        """Tokens written in all; None where those of a stage are unknown."""
        return known_sum(stage.written for stage in self.stages)

    def contexts_from(self, source: str) -> int:
        """Contexts of one source: `given` by the task file, label `words`, the task's `hint`, or named by the `lm`."""
        return sum(context.source == source for context in self.contexts)

    @property
    def one_sided(self) -> tuple[int, int]:
        """Of the contexts with five rows or more: how many have rows of one label only, and how many there are."""
        large = [context for context in self.contexts if context.rows >= SEVERAL and context.text]
        return sum(max(context.by_label) == context.rows for context in large), len(large)


def tally(run: RecordedRun) -> Tally:
    """Count a run. The same run gives the same examples of refused drafts."""
    texts = run.texts()
    places = {name: place for place, name in enumerate(run.labels)}
    labels = [places[row["label"]] for row in run.rows]
    flips = Counter((str(row["provenance"].get("asked_label", row["label"])), str(row["label"])) for row in run.rows)
    moved = tuple(Flip(asked, final, count) for (asked, final), count in flips.most_common() if asked != final)
    return Tally(
        rows=len(run.rows),
        slots_refused=len(run.refusals),
        relabelled=sum(flip.rows for flip in moved),
        redrafted=sum(_drafts(row) > 1 for row in run.rows),
        repeats=len(texts) - len(set(map(normalized, texts))),
        labels=_label_counts(run, labels, moved),
        lengths=_lengths(texts, labels, run.labels) if texts else None,
        contexts=_contexts(run, labels),
        refused=_refused(run, random.Random(0)),
        flips=moved,
        stages=tuple(
            Stage(name, calls, *(run.ledger.tokens.get(name, {}).get(side, 0) for side in ("input", "output")))
            for name, calls in run.ledger.calls.items()
        ),
    )


def _drafts(row: Record) -> int:
    attempts = row["provenance"].get("attempts")
    return attempts if isinstance(attempts, int) else 1


def _label_counts(run: RecordedRun, labels: Sequence[int], flips: Sequence[Flip]) -> tuple[LabelCount, ...]:
    rows = Counter(labels)
    return tuple(
        LabelCount(
            name,
            place,
            run.task.label(name).meaning if run.task is not None else "",
            rows[place],
            run.ledger.per_label[name]["requested"],
            gained=sum(flip.rows for flip in flips if flip.final == name),
            lost=sum(flip.rows for flip in flips if flip.asked == name),
        )
        for place, name in enumerate(run.labels)
    )


def _lengths(texts: Sequence[str], labels: Sequence[int], names: Sequence[str]) -> Lengths:
    counts = np.asarray([length(text) for text in texts])
    unit = Counter(map(unit_of, texts)).most_common(1)[0][0]
    top = max(4.0, float(np.quantile(counts, 0.99)) * 1.1)
    step = max(1.0, float(np.ceil(top / BINS)))
    edges = np.arange(0, int(np.ceil(top / step)) + 1) * step
    bins = np.minimum((counts // step).astype(int), len(edges) - 2)
    carried = np.asarray(labels)
    spreads = []
    for place, name in enumerate(names):
        own = carried == place
        if own.any():
            shares = np.bincount(bins[own], minlength=len(edges) - 1) / own.sum()
            low, median, high = (float(q) for q in np.quantile(counts[own], (0.05, 0.5, 0.95)))
            spreads.append(Spread(name, place, tuple(shares.tolist()), low, median, high))
    return Lengths(unit, tuple(edges.tolist()), tuple(spreads))


def _contexts(run: RecordedRun, labels: Sequence[int]) -> tuple[ContextUse, ...]:
    """Commonest first."""
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * len(run.labels))
    for row, label in zip(run.rows, labels, strict=True):
        provenance = row["provenance"]
        found[str(provenance.get("context", "")), str(provenance.get("context_source", ""))][label] += 1
    uses = [ContextUse(text, source, sum(counts), tuple(counts)) for (text, source), counts in found.items()]
    return tuple(sorted(uses, key=lambda use: (-use.rows, use.text)))


def _refused(run: RecordedRun, rng: random.Random) -> tuple[RefusedBy, ...]:
    """By the assertion that was broken last; the one that refused most first."""
    by: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for refusal in run.refusals:
        last = refusal["broken"][-1]
        text = "\n".join(str(value) for value in refusal["texts"].values())
        by[str(last["assertion"])].append((refusal["asked_label"], text, str(last["sentence"])))
    drafts = dict(run.ledger.broken)
    names = sorted({*by, *drafts}, key=lambda name: (-len(by.get(name, [])), -drafts.get(name, 0), name))
    return tuple(
        RefusedBy(name, len(cases := by.get(name, [])), drafts.get(name, 0), tuple(rng.sample(cases, min(EXAMPLES, len(cases)))))
        for name in names
    )
