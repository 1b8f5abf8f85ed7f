"""The account of a compile, as a record for MLflow: the program that it kept, the metric before and after, its candidates as runs within it."""

from collections.abc import Mapping
from typing import Any

from seedless import __version__
from seedless.evals.compiling.candidate import Candidate
from seedless.evals.recording.account import commit, said_otherwise, saved_text
from seedless.evals.recording.prompts import stage_prompts
from seedless.evals.recording.record import Record, flat
from seedless.ledger import known_sum
from seedless.targen import TarGEN

__all__ = ["Candidates", "record_of_compile"]

PARAMS = (
    "optimizer",
    "seed",
    "lm",
    "judge_lm",
    "teacher_lm",
    "reflection_lm",
    "verifier",
    "dev_rows",
    "budget_calls",
    "budget_usd",
)


class Candidates:
    """Keeps the candidates that a compile shows: give one as its `log`."""

    def __init__(self) -> None:
        self.found: list[Candidate] = []

    def add(self, candidate: Candidate) -> None:
        """Take note of `candidate`."""
        self.found.append(candidate)


def record_of_compile(
    program: TarGEN, candidates: Candidates, *, key: str, variant: str = "compiled", seconds: float = 0.0
) -> Record:
    """The record of a compile that ended with `program`.

    Parameters
    ----------
    program
        What `compile` returned.
    candidates
        What its `log` was shown.
    key
        The compile's name for good: the same for all sessions of one.
    variant
        The program's name; `generate --program FILE` names its variant after the file.
    seconds
        How long this session took.
    """
    account = program.compiled
    task, state = program.task, program.dump_state()
    shared = {"task": task.name, "task_hash": task.hash, "git_commit": commit(), "seedless": __version__}
    params = {
        **{name: account[name] for name in PARAMS}, **shared, "strategy": program.strategy.name, "variant": variant, "program": program.hash,
        "dev": account["dev"] or None, "metric_kind": "score" if account["intrinsic"] else "true_label_probability",
    }  # fmt: skip
    first = next((candidate for candidate in candidates.found if candidate.number == 0), None)
    uncompiled = _state(state, first.instructions) if first is not None else _state(state, {})
    return Record(
        key=key,
        kind="compile",
        task=task.name,
        name=f"compile {variant} {account['optimizer']} seed={account['seed']}: {account['kept']}",
        params={name: value for name, value in params.items() if value is not None},
        metrics=_figures(account),
        prompts=stage_prompts(state, uncompiled, task=task, phrasing=said_otherwise(program)),
        program=saved_text(program),
        champion=account["kept"] == "compiled",
        task_file=task.model_dump_json(indent=2),
        status="KILLED" if account["ran_out"] else "FINISHED",
        seconds=seconds,
        children=tuple(_child(candidate, key, program, uncompiled) for candidate in candidates.found),
    )


def _child(candidate: Candidate, key: str, program: TarGEN, uncompiled: Mapping[str, Any]) -> Record:
    said = _state(uncompiled, candidate.instructions)
    return Record(
        key=f"{key}-{candidate.stage}-{candidate.number}",
        kind="compile",
        task=program.task.name,
        name=f"candidate {candidate.number} ({candidate.stage})",
        params={"candidate": candidate.number, "stage": candidate.stage, "task": program.task.name},
        metrics={
            "metric": candidate.score,
            "scored": candidate.scored,
            "calls": candidate.calls,
            "demos": sum(candidate.demos.values()),
        },
        prompts=stage_prompts(said, uncompiled, task=program.task, phrasing=candidate.phrasing),
        rows=tuple({"feedback": text} for text in candidate.feedback),
    )


def _state(state: Mapping[str, Any], instructions: Mapping[str, str]) -> dict[str, Any]:
    """`state` with these instructions, and no demonstrations: a candidate tells how many it has, not which."""
    return {
        name: {**each, "demos": [], "signature": {**each["signature"], "instructions": instructions.get(name, each["signature"]["instructions"])}}
        for name, each in state.items()
    }  # fmt: skip


def _figures(account: Mapping[str, Any]) -> dict[str, float]:
    """`metric` is that of the program kept, `gain` that of the compiled one over the uncompiled; what was not compared has neither."""
    found = account["comparison"]
    compared = {} if found is None else {
        "metric": found["after" if account["kept"] == "compiled" else "before"],
        "metric_before": found["before"], "metric_after": found["after"], "gain": found["gain"],
    }  # fmt: skip
    tokens = {stage: known_sum(count.values()) for stage, count in account["tokens"].items()}
    return flat({
        **compared, "candidates": account["candidates"], "calls": sum(account["calls"].values()), "calls_by_stage": account["calls"],
        "tokens": known_sum(tokens.values()), "tokens_by_stage": tokens, "cost_usd": account["cost_usd"],
    })  # fmt: skip
