"""The account of a run of `generate`, as a record for MLflow: parameters, figures, prompts, samples, the data set's digest."""

import random
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from seedless import __version__
from seedless.evals.recording.prompts import stage_prompts
from seedless.evals.recording.record import Cell, DataSet, Record, Status, Untracked, flat
from seedless.files import read_ledger, read_refusals, read_rows
from seedless.generation import Generation
from seedless.ledger import Ledger, known_sum
from seedless.targen import TarGEN

__all__ = ["commit", "record_of_generation", "said_otherwise", "saved_text"]

SAMPLE = 50
REFUSALS = 1000
TOLD = ("asked_label", "context", "seed", "attempts", "verdict", "confidence", "reason")
UNCOMPILED = {"targen": "uncompiled"}  # the other strategies are variants by their own names


def record_of_generation(generation: Generation, *, status: Status | None = None) -> Record:
    """The record of a run of `generate` whose folder is closed; `status` overrules the one that its ledger tells.

    Raises
    ------
    Untracked
        If the run has no folder, or its program is gone.
    UsageError
        If its ledger, rows or refusals cannot be read.
    """
    folder = generation.folder.path
    if folder is None:
        raise Untracked("a run without a folder")
    ledger, options, program = read_ledger(folder), generation.options, generation.program
    settings = ledger.settings
    profile = program.profile
    reader = profile.verifier if options.judge_lm is None else "lm"
    params: dict[str, str | int | float | None] = {
        **{name: settings[name] for name in ("task", "task_hash", "n", "seed", "lm", "judge_lm", "strategy", "verify", "program")},
        "api_base": generation.spec.api_base,
        "verifier": "none" if program.mode.name == "none" else reader,
        "variant": Path(options.program).stem
        if options.program is not None
        else UNCOMPILED.get(options.strategy, options.strategy),
        "adapter": profile.adapter,
        "drafts": profile.drafts,
        "attempts": profile.attempts,
        "concurrency": profile.concurrency,
        "budget_calls": options.max_calls,
        "budget_usd": options.max_cost,
        "git_commit": commit(),
        "seedless": __version__,
    }
    return Record(
        key=generation.run_id,
        kind="generate",
        task=generation.task.name,
        name=f"{params['variant']} seed={settings['seed']} n={settings['n']}",
        params={name: value for name, value in params.items() if value is not None},
        metrics=_figures(ledger),
        prompts=stage_prompts(program.dump_state(), generation.uncompiled, task=program.task, phrasing=said_otherwise(program)),
        program=_saved(generation),
        rows=_sample(folder, options.seed),
        refusals=tuple(_refusal(record) for record in islice(read_refusals(folder), REFUSALS)),
        data=DataSet.of(generation.task.name, folder),
        report=report if (report := folder / "report.html").exists() else None,
        task_file=generation.task.model_dump_json(indent=2),
        status=status or ("KILLED" if ledger.shortfall else "FINISHED"),
        seconds=ledger.wall_s,
    )


def saved_text(program: TarGEN) -> str:
    """What `program.save` writes."""
    with tempfile.TemporaryDirectory() as folder:
        program.save(path := Path(folder) / "program.json")
        return path.read_text("utf-8")


def said_otherwise(program: TarGEN) -> dict[str, Any]:
    """What a program says otherwise than its task; empty where nothing."""
    return program.phrasing.model_dump(mode="json", exclude_defaults=True)


def commit() -> str | None:
    """The commit of the repository around the current directory; None where there is none."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=2, check=False)  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def _each(counts: Iterable[int | None], rows: int) -> float | None:
    """The sum of `counts` for each row; None where one is unknown."""
    total = known_sum(counts)
    return None if total is None else total / rows


def _saved(generation: Generation) -> str:
    """The program as `TarGEN.read` takes it: the file that it was read from, or what it saves."""
    path = generation.options.program
    if path is None:
        return saved_text(generation.program)
    try:
        return Path(path).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise Untracked(f"{path}: cannot be read any more ({error})") from error


def _sample(folder: Path, seed: int) -> tuple[dict[str, Cell], ...]:
    """A sample of the rows, in their order."""
    rng = random.Random(seed)
    kept: dict[int, dict[str, Any]] = {}
    for count, record in enumerate(read_rows(folder), 1):
        if len(kept) < SAMPLE:
            kept[count] = record
        elif (place := rng.randrange(count)) < SAMPLE:  # reservoir sampling: each row has the same chance
            del kept[sorted(kept)[place]]
            kept[count] = record
    return tuple(_row(kept[number]) for number in sorted(kept))


def _row(record: Mapping[str, Any]) -> dict[str, Cell]:
    shown = {name: value for name, value in record.items() if name != "provenance"}
    return shown | {f"provenance.{name}": record["provenance"][name] for name in TOLD}  # a field of the task may have the same name


def _refusal(record: Mapping[str, Any]) -> dict[str, Cell]:
    broken = record["broken"]
    return {
        "asked_label": record["asked_label"],
        "assertion": broken[-1]["assertion"],
        "sentence": broken[-1]["sentence"],
        "all_broken": ", ".join(b["assertion"] for b in broken),
        "text": "\n".join(record["texts"].values()),
        "stage": record["stage"],
        "position": record["position"],
        "round": record["round"],
    }


def _figures(ledger: Ledger) -> dict[str, float]:
    """A ledger's figures under flat names. What is counted per row counts accepted rows."""
    accepted, refused = ledger.accepted, sum(ledger.refused.values())
    figures: dict[str, Any] = {
        "rows": accepted,
        "wall_s": ledger.wall_s,
        "cost_usd": ledger.cost_usd,
        "refused": {"slots": refused, **ledger.refused},
    }
    if slots := accepted + refused:
        figures["accept_rate"] = accepted / slots
    shares = ledger.per_label.values()
    if read := sum(share.get("read", 0) for share in shares):
        figures["verifier_agreement"] = 1 - sum(share.get("read_otherwise", 0) for share in shares) / read
    if accepted:
        tokens = {stage: known_sum(count.values()) for stage, count in ledger.tokens.items()}
        figures |= {
            "relabelled_rate": sum(ledger.flips.values()) / accepted,
            "calls_per_row": sum(ledger.calls.values()) / accepted,
            "tokens_per_row": _each(tokens.values(), accepted),
            "output_tokens_per_row": _each((count["output"] for count in ledger.tokens.values()), accepted),
            "cost_per_row": None if ledger.cost_usd is None else ledger.cost_usd / accepted,
            "seconds_per_row": ledger.wall_s / accepted,
            "calls_per_row_by_stage": {stage: count / accepted for stage, count in ledger.calls.items()},
            "tokens_per_row_by_stage": {stage: _each([count], accepted) for stage, count in tokens.items()},
        }
    return flat(figures)
