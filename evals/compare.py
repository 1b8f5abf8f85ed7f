"""The tracked variants of a task side by side: what each is worth, what it costs, what it changed in the prompts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from seedless.evals.tracking import TrackedRun, Tracker

__all__ = ["COLUMNS", "Comparison", "Figure", "Variant", "compare", "front"]

COLUMNS: Mapping[str, str] = {
    "metric": "metric",
    "usefulness": "usefulness",
    "diversity": "diversity",
    "accept_rate": "accepted",
    "tokens_per_row": "tokens/row",
    "cost_per_row": "USD/row",
}
"""The figures compared, by MLflow's name, and how the table names them."""

QUALITY = ("usefulness", "metric", "accept_rate")
COST = "tokens_per_row"
SHOWN = 24  # lines of a diff in the table; the JSON has all


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric as the run `run_id` has it in MLflow, with its interval where it has one."""

    value: float
    run_id: str
    low: float | None = None
    high: float | None = None


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
    """A task's variants, newest first. The front is that of `quality` (higher is better) against `cost` (lower is better)."""

    task: str
    quality: str
    cost: str
    variants: tuple[Variant, ...]

    def record(self) -> dict[str, Any]:
        """The comparison as one JSON object."""
        return asdict(self)

    def table(self) -> str:
        """The comparison as people read it."""
        said = f"{self.quality} (higher) against {self.cost} (lower)"
        head = ["", "variant", "program", "lm", "seed", "rows", *COLUMNS.values()]
        lines = _aligned([head, *(_cells(variant) for variant in self.variants)])
        parts = [f"{self.task}; * is on the Pareto front of {said}", *lines]
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


def compare(task: str | None = None, *, tracker: Tracker | None = None) -> tuple[Comparison, ...]:
    """The tracked variants of one task, or of each; of the runs below `mlruns/` if no other tracker is given.

    A variant is a run of `generate`, or of `compile` whose program generated nothing yet. Its dev metric is that of the compile that
    made its program; its usefulness and diversity are those of the newest `evaluate` of the very rows that it made.

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
    quality = next((name for name in QUALITY if sum(name in v.figures for v in variants) > 1), QUALITY[-1])
    both = [v for v in variants if quality in v.figures and COST in v.figures]
    best = front([(v.figures[quality].value, v.figures[COST].value) for v in both])
    on_front = {variant.run_id for variant, is_best in zip(both, best, strict=True) if is_best}
    return Comparison(task, quality, COST, tuple(replace(v, on_front=v.run_id in on_front) for v in variants))


def _variants(runs: Sequence[TrackedRun]) -> Iterable[Variant]:
    made = [run for run in runs if run.kind == "generate"]
    compiled = [run for run in runs if run.kind == "compile" and not run.parent]
    evaluated = [run for run in runs if run.kind == "evaluate" and run.data]
    used = {run.params.get("program") for run in made}
    for run in runs:
        if run in made:
            sources = [
                *(e for e in evaluated if e.data == run.data),
                *(c for c in compiled if c.params.get("program") == run.params.get("program")),
                run,
            ]
        elif run in compiled and run.params.get("program") not in used:
            sources = [run]
        else:
            continue
        figures = {name: figure for name in COLUMNS for figure in _figure(name, sources)}
        yield Variant(run_id=run.run_id, name=run.params.get("variant", run.name), params=run.params, figures=figures)


def _figure(name: str, sources: Sequence[TrackedRun]) -> Iterable[Figure]:
    """The figure from the first of `sources` that has it; none where none has."""
    for run in sources:
        if name in run.metrics:
            yield Figure(run.metrics[name], run.run_id, run.metrics.get(f"{name}_low"), run.metrics.get(f"{name}_high"))
            return


def _cells(variant: Variant) -> list[str]:
    made = (variant.name, *(variant.params.get(name, "") for name in ("program", "lm", "seed", "n")))
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
