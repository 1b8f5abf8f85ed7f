"""Self-correction as an assertion-driven retry: write, assert, revise with the broken sentences, bounded."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dspy

from seedless.assertions import CUT
from seedless.lms.metered import TokenLimitReached
from seedless.lms.step import stage
from seedless.outcome import Broken
from seedless.slot import Draft, Verdict

__all__ = ["AssertedRetry", "Judged", "Retried"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the assertions say of one draft. `score` ranks drafts of one attempt (higher is better)."""

    draft: Draft
    broken: tuple[Broken, ...]
    score: float = 0.0
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Retried:
    """How a retry ended: the best draft of the last round, whether every assertion holds of it, how many drafts were written, and all
    of them, `last` behind the others: what it breaks is why a slot ends."""

    last: Judged
    ok: bool
    drafts: int
    history: tuple[Judged, ...]


Judge = Callable[[Draft], Awaitable[Judged]]


class AssertedRetry(dspy.Module):
    """Two plain predictors, `generate` and `revise`, and a judge that returns sentences.

    Parameters
    ----------
    generate
        Signature of the first draft.
    revise
        Its signature with `previous_attempt` and `violations`.
    attempts
        Rounds of writing at most, at least 1.
    drafts
        Drafts written in each round; the best one counts, and alone goes back to the writer.
    revises
        Whether a broken draft goes back to the writer. Otherwise the next round writes a new one.
    names
        What a draft calls the outputs that it does not call as the signatures do.
    shown
        Demonstrations for `generate` wherever it has no others: DSPy's optimisers begin by taking all away.
    """

    def __init__(
        self,
        generate: Any,
        revise: Any,
        *,
        attempts: int = 3,
        drafts: int = 1,
        revises: bool = True,
        names: Mapping[str, str] | None = None,
        shown: Sequence[dspy.Example] = (),
    ) -> None:
        super().__init__()
        self.generate = dspy.Predict(generate)
        self.generate.demos = list(shown)
        self.revise = dspy.Predict(revise)
        self.attempts = attempts
        self.drafts = drafts
        self.revises = revises
        self._names = dict(names or {})
        self._shown = tuple(shown)

    async def aforward(
        self,
        *,
        judge: Judge,
        rollout: int,
        config: Callable[[Sequence[Judged]], Mapping[str, Any]],
        again: Callable[[int], Mapping[str, Any]] | None = None,
        **inputs: Any,
    ) -> Retried:
        """Write until every assertion holds or the attempts are used up.

        `rollout` makes the calls this slot's own: draft d of attempt a asks under `rollout + 64·a + d`. `config` tells how to decode
        after the drafts so far. `again` gives the inputs of which attempt a (1, 2, ...) gets others than the first.
        """
        history: list[Judged] = []
        made: list[Any] = []  # each draft's prediction, None where an answer could not be read
        rounds: list[Judged] = []  # the best draft of each
        for attempt in range(self.attempts):
            before = rounds[-1] if rounds and self.revises else None
            asked = {**inputs, **again(attempt)} if attempt and again is not None else inputs
            for d in range(self.drafts):  # one after another: llama.cpp then finds the prompt that it has just read
                draft, prediction = await self._write(before, {**config(history), "rollout_id": rollout + 64 * attempt + d}, asked)
                made.append(prediction)
                history.append(await judge(draft))
            rounds.append(max(history[-self.drafts :], key=lambda j: (not j.broken, j.score)))
            if not rounds[-1].broken:
                break
        last = rounds[-1]
        _untrace([prediction for prediction, judged in zip(made, history, strict=True) if judged is not last])
        others = (judged for judged in history if judged is not last)
        return Retried(last, ok=not last.broken, drafts=len(history), history=(*others, last))

    async def _write(self, before: Judged | None, config: Mapping[str, Any], inputs: Mapping[str, Any]) -> tuple[Draft, Any]:
        predictor, shown = (self.generate, self._shown) if before is None else (self.revise, ())
        named = {output: self._names.get(output, output) for output in predictor.signature.output_fields}
        (first, *_others) = named.values()
        asked = {name: inputs.get(name, "") for name in predictor.signature.input_fields}
        if before is not None:
            asked["previous_attempt"] = _as_written(before.draft)
            asked["violations"] = [b.sentence for b in before.broken]
        try:
            with stage("write" if before is None else "revise"):
                found = await predictor.acall(config=dict(config), demos=predictor.demos or list(shown), **asked)
        except TokenLimitReached as cut:
            return Draft({first: cut.text}, finished=False, problem=CUT if len(named) > 1 else ""), None
        except dspy.AdapterParseError as error:
            problem = "The answer was not in the form that was asked for; keep to it."
            return Draft({first: str(error.lm_response or "")}, problem=problem), None
        return Draft({name: str(found[output]).strip() for output, name in named.items()}), found


def _untrace(rejected: Sequence[Any]) -> None:
    """Leave the steps of these predictions out of DSPy's trace, else an optimiser would store a rejected draft as a demonstration.

    No others: several retries may write to one trace at the same time.
    """
    if (trace := dspy.settings.trace) is not None:
        trace[:] = [step for step in trace if not any(step[2] is each for each in rejected)]


def _as_written(draft: Draft) -> str:
    """What the writer wrote: of several fields a line each, behind its name."""
    written = {name: text for name, text in draft.texts.items() if name not in draft.given}
    return "\n".join(f"{name}: {text}" if len(written) > 1 else text for name, text in written.items())
