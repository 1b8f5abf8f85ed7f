"""The tracked variants of a task side by side: what each is worth, what it costs, what it changed in the prompts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from seedless.console import harmless
from seedless.evals.tracking import TrackedRun, Tracker

__all__ = ["COLUMNS", "Comparison", "Figure", "Variant", "compare", "front"]

COLUMNS: Mapping[str, str] = {
    "metric": "metric",
    "usefulness": "usefulness",
    "usefulness_ratio": "to real",
    "diversity": "diversity",
    "accept_rate": "accepted",
    "tokens_per_row": "tokens/row",
    "cost_per_row": "USD/row",
}
"""The figures compared, by MLflow's name, and how the table names them."""

TOLD: Mapping[str, str] = {
    "metric": "metric: {basis}",
    "usefulness": "usefulness: macro-F1 of {basis}; to real: that by what as many real rows teach",
}
"""What the table says of figures that are not measured alike everywhere."""

QUALITY = ("usefulness", "metric", "accept_rate")
COST = "tokens_per_row"
WIDEST = 60  # characters of a cell
SHOWN = 24  # lines of a diff in the table; the JSON has all


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric as the run `run_id` has it in MLflow, with its interval where it has one.

    `basis` says of usefulness by which student and on which real rows it was measured, of the dev metric what it is and on which rows;
    figures on another basis can't be compared with it. Empty where every run measures the same.
    """

    value: float
    run_id: str
    low: float | None = None
    high: float | None = None
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One run of a program: what made it, its figures, what it changed in its parent's prompts (a unified diff, empty where nothing).

    `on_front` tells that no other variant is at least as good for at most the tokens, and better in one of the two.
    """

    run_id: str
    name: str
    params: Mapping[str, str]
    figures: Mapping[str, Figure]
    changes: str = ""
    on_front: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """A task's variants, newest first. The front is that of `quality` (higher is better) against `cost` (lower is better).

    `bases` are those, by figure, on which it was measured for most variants. A variant whose `quality` has another one is not on the front.
    """

    task: str
    quality: str
    cost: str
    variants: tuple[Variant, ...]
    bases: Mapping[str, str] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """The comparison as one JSON object."""
        return asdict(self)

    def table(self) -> str:
        """The comparison as people read it."""
        said = f"{self.quality} (higher) against {self.cost} (lower)"
        head = ["", "variant", "program", "lm", "seed", "rows", *COLUMNS.values()]
        lines = _aligned([head, *(_cells(variant) for variant in self.variants)])
        parts = [f"{self.task}; * is on the Pareto front of {said}", *self._bases(), *self._shared(), *lines]
        for variant in self.variants:
            changed = variant.changes.splitlines()
            if changed:
                cut = [f"({len(changed) - SHOWN} more lines: --json has them)"] if len(changed) > SHOWN else []
                parts += [
                    "",
                    f"{variant.name} ({variant.params.get('program', '')}) changed",
                    *(f"  {line}" for line in changed[:SHOWN] + cut),
                ]
        return "\n".join(parts)

    def _shared(self) -> list[str]:
        """What the cost of a row owes to the number of rows, where that differs."""
        counts = sorted({int(n) for v in self.variants if self.cost in v.figures and (n := v.params.get("n", "")).isdecimal()})
        if len(counts) < 2:
            return []
        head = COLUMNS.get(self.cost, self.cost)
        return [
            f"{head}: all rows of a run share its lists of contexts and seeds, so a row of a longer run costs less; these have {counts[0]} to {counts[-1]} rows"
        ]

    def _bases(self) -> list[str]:
        """What a figure is here that has a basis, and which variants' is another."""
        told = []
        for figure, said in TOLD.items():
            if (basis := self.bases.get(figure)) is not None:
                told.append(said.format(basis=basis))
                others = {v.name: f.basis for v in self.variants if (f := v.figures.get(figure)) is not None and f.basis != basis}
                told += [f"  not comparable: that of {name} is of {other}" for name, other in others.items()]
        return told


def compare(task: str | None = None, *, tracker: Tracker | None = None) -> tuple[Comparison, ...]:
    """The tracked variants of one task, or of each; of the runs below `mlruns/` if no other tracker is given.

    A variant is a run of `generate`, or of `compile` whose program generated nothing yet. Its dev metric is that of a compile that
    made its program with its LM and verifier; its usefulness and diversity are those of an `evaluate` of the very rows that it made: each
    time the newest of those on the basis that most variants share.

    Raises
    ------
    UsageError
        If nothing is tracked there, or nothing of the task.
    Untracked
        If MLflow's database cannot be read.
    """
    if tracker is None:
        tracker = Tracker()
        tracker.drain()
    runs = tracker.runs(task)
    found = []
    for name in dict.fromkeys(run.task for run in runs):
        variants = tuple(
            replace(variant, changes=tracker.changes(variant.run_id)) for variant in _variants([r for r in runs if r.task == name])
        )
        if variants:
            found.append(_compared(name, variants))
    return tuple(found)


def front(points: Sequence[tuple[float, float]]) -> tuple[bool, ...]:
    """Whether each (quality, cost) is on the Pareto front: none is at least as good at most as dear, and better in one of the two.

    >>> front([(0.8, 500), (0.7, 400), (0.7, 500), (0.8, 500)])
    (True, True, False, True)
    """
    return tuple(not any(q >= quality and c <= cost and (q, c) != (quality, cost) for q, c in points) for quality, cost in points)


def _compared(task: str, variants: tuple[Variant, ...]) -> Comparison:
    shared = {name: Counter(v.figures[name].basis for v in variants if name in v.figures) for name in QUALITY}
    most = {name: found.most_common(1)[0] for name, found in shared.items() if found}
    quality = next((name for name, (_, count) in most.items() if count > 1), QUALITY[-1])
    bases = {name: basis for name, (basis, _) in most.items() if basis}
    both = [
        v for v in variants if quality in v.figures and COST in v.figures and v.figures[quality].basis == bases.get(quality, "")
    ]
    best = front([(v.figures[quality].value, v.figures[COST].value) for v in both])
    on_front = {variant.run_id for variant, is_best in zip(both, best, strict=True) if is_best}
    return Comparison(task, quality, COST, tuple(replace(v, on_front=v.run_id in on_front) for v in variants), bases)


def _variants(runs: Sequence[TrackedRun]) -> Iterable[Variant]:
    made = [run for run in runs if run.kind == "generate"]
    compiled = _by_basis([run for run in runs if run.kind == "compile" and not run.parent])
    evaluated = _by_basis([run for run in runs if run.kind == "evaluate" and run.data])
    for run in runs:
        if run in made:
            sources = [
                *(e for e in evaluated if e.data == run.data),
                *(c for c in compiled if _made_with(c, run)),
                run,
            ]
        elif run in compiled and not any(_made_with(run, other) for other in made):
            sources = [run]
        else:
            continue
        figures = {name: figure for name in COLUMNS for figure in _figure(name, sources)}
        yield Variant(run_id=run.run_id, name=run.params.get("variant", run.name), params=run.params, figures=figures)


def _made_with(compiled: TrackedRun, run: TrackedRun) -> bool:
    """Whether a run wrote with what a compile made, by the same LM and under the same reader, as far as both tell."""
    if any(compiled.params.get(name) != run.params.get(name) for name in ("program", "lm")):
        return False
    judges, readers = ({each.params.get(name) for each in (compiled, run)} for name in ("judge_lm", "verifier"))
    others = {"lm", "embedding"}  # `both` and `none` are no other reader than either
    return len(judges - {None}) < 2 and not readers >= others


def _by_basis(measured: Sequence[TrackedRun]) -> list[TrackedRun]:
    """Evaluations or compiles that most data sets or programs share the basis of first; as they are, newest first, where it is the same."""
    shared = {basis: len({_of(run) for run in measured if _basis(run) == basis}) for basis in {_basis(run) for run in measured}}
    return sorted(measured, key=lambda run: -shared[_basis(run)])


def _of(run: TrackedRun) -> tuple[str | None, ...]:
    """What an evaluation or a compile measured."""
    return (run.data, run.params.get("program"), run.params.get("lm"))


UNRECORDED = "a kind that was not recorded"
ANCHORED = {"true_label_probability", "usefulness"}  # one metric: runs of November 2026 and before call it by the second name


def _basis(run: TrackedRun) -> str:
    """What an evaluation's usefulness or a compile's metric was measured by and on; empty for other runs, and where it was not measured."""
    p = run.params
    try:
        if run.kind != "compile":
            return f"{p['student']} on {p['test_rows']} real rows ({p['test'][:8]})" if "test" in p else ""
        if p["metric_kind"] in ANCHORED:  # the seed deals the rows into halves
            return f"mean probability of the true label, on a half of {p['dev_rows']} real rows ({p['dev'][:8]}, seed {p['seed']})"
        reader = "embeddings" if p["verifier"] == "embedding" else p["judge_lm"] if "judge_lm" in p else p["lm"]
        return f"score of drafts as read by {reader}, without a real row" if p["metric_kind"] == "score" else UNRECORDED
    except KeyError:  # a run that was copied or written by others
        return UNRECORDED


BASED = {"compile": ("metric",), "evaluate": ("usefulness", "usefulness_ratio")}
"""The figures that have a basis, by the kind of the run that measures them."""


def _figure(name: str, sources: Sequence[TrackedRun]) -> Iterable[Figure]:
    """The figure from the first of `sources` that has it; none where none has."""
    for run in sources:
        if name in run.metrics and (
            name != COST or run.metrics[name] > 0
        ):  # runs of November 2026 and before say 0 of what they were not told
            low, high = run.metrics.get(f"{name}_low"), run.metrics.get(f"{name}_high")
            yield Figure(run.metrics[name], run.run_id, low, high, _basis(run) if name in BASED.get(run.kind, ()) else "")
            return


def _cells(variant: Variant) -> list[str]:
    made = (variant.name, *(variant.params.get(name, "") for name in ("program", "lm", "seed", "n")))
    made = tuple(" ".join(harmless(each).split())[:WIDEST] for each in made)  # as whoever renamed a run in the UI left it
    return ["*" if variant.on_front else "", *made, *(_said(variant.figures.get(name)) for name in COLUMNS)]


def _said(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.4g}"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
