"""DSPy's optimisers on one stage's trial: each with settings that fit the budget, none able to swallow its end."""

import contextlib
import importlib.util
import logging
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TextIO, cast

import dspy

from seedless import background
from seedless.errors import BudgetEnded, LMUnusable, SetupError
from seedless.evals.compiling.board import Halt
from seedless.evals.compiling.trial import Trial
from seedless.lms.metered import MeteredLM, StepFailed, TokenLimitReached
from seedless.lms.step import stage

__all__ = ["PROPOSERS", "TEACHERS", "Means", "Proposer", "checked", "optimise", "quietly"]

PROPOSERS = ("gepa", "copro", "simba", "miprov2")  # those that ask an LM for instructions
TEACHERS = ("bootstrap", "miprov2")  # those that make demonstrations of drafts
NEEDS = {"miprov2": "optuna"}  # packages that come with an extra of the same name
DEMOS = 4  # demonstrations at most
MARGIN = 0.03


@dataclass(frozen=True, slots=True)
class Means:
    """What an optimiser may use: `tries` of one candidate on one example, about; the LM that proposes, and the one that demonstrates, if another."""

    tries: int
    threads: int
    seed: int
    proposer: MeteredLM
    teacher: MeteredLM | None = None
    plain: bool = False


class Proposer(MeteredLM):
    """The LM that proposes instructions. It answers `n` times where it is asked to, gives what there is of a cut answer, and halts
    the optimiser where a budget ends or it gives no answer: optimisers swallow errors and would go on without it.

    `asked` holds the keys of the proposals that it was asked for, its copies too.
    """

    asked: set[str]

    @classmethod
    def of(cls, lm: MeteredLM, seed: int) -> "Proposer":
        """`lm` in this role; with the same seed it proposes the same."""
        own = cls.__new__(cls)
        own.__dict__.update(lm.copy().__dict__)
        own.seed, own.asked = seed, set()
        return own

    def __call__(self, prompt: Any = None, *, messages: Any = None, **kwargs: Any) -> Any:
        """As `acall`, for synchronous callers."""
        with stage("propose"):
            return background.run(self.acall(prompt, messages=messages, **kwargs))

    async def acall(self, prompt: Any = None, *, messages: Any = None, **kwargs: Any) -> Any:
        """The answers, as texts.

        Raises
        ------
        Halt
            If a budget has ended, or the LM gives no answer or cannot be used.
        StepFailed
            If the LM refuses this very request.
        """
        count = int(kwargs.pop("n", None) or 1)
        first = int(kwargs.pop("rollout_id", None) or self.kwargs.get("rollout_id") or 0)
        answers: list[Any] = []
        for i in range(count):
            rollout = (self.seed << 40) + (first << 8) + i + 1
            key = self._key(messages or prompt, {**kwargs, "rollout_id": rollout})
            self.asked.add(key)
            try:
                answers += await super().acall(prompt, messages=messages, rollout_id=rollout, **kwargs)
            except TokenLimitReached as cut:
                answers.append(cut.text)
            except (BudgetEnded, LMUnusable) as error:
                self.asked.discard(key)  # it was not sent, or this is the end
                raise Halt(error) from None
            except StepFailed as failed:
                if isinstance(failed.__cause__, dspy.LMInvalidRequestError):
                    raise
                gone = LMUnusable(f"asked for a proposal, {failed}; mend the cause and give the same command again")
                raise Halt(gone) from failed
        return answers


def checked(name: str) -> None:
    """Make sure that the packages that an optimiser needs are there.

    Raises
    ------
    SetupError
        If one is missing.
    """
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        package = NEEDS[name]
        raise SetupError(
            f"given --optimizer {name}, which needs the package {package}, which is not installed; install it with `pip install {package}`, "
            "or name another optimiser"
        )


def optimise(name: str, trial: Trial, examples: Sequence[Any], means: Means) -> Trial:
    """The trial that the optimiser `name` makes of `trial`. Every candidate that it tries is on the trial's board.

    Raises
    ------
    Halt
        If a budget has ended, or an LM cannot be used.
    """
    run = {"bootstrap": _bootstrap, "gepa": _gepa, "copro": _copro, "simba": _simba, "miprov2": _miprov2}[name]
    with quietly():
        return run(trial, list(examples), means)


def _bootstrap(trial: Trial, examples: list[Any], means: Means) -> Trial:
    optimiser = dspy.BootstrapFewShot(
        metric=lambda _example, made, _trace=None: made.accepted,
        teacher_settings={"lm": means.teacher} if means.teacher is not None else {},
        max_bootstrapped_demos=DEMOS,
        max_labeled_demos=0,  # the examples are slots: they hold no text to show
    )
    return _open(optimiser.compile(trial, trainset=examples))


def _gepa(trial: Trial, examples: list[Any], means: Means) -> Trial:
    from dspy.teleprompt.gepa import InstructionProposer

    several = len(trial.asks) > 1
    optimiser = dspy.GEPA(
        metric=lambda _example, made, _trace=None, _name=None, _steps=None: dspy.Prediction(
            score=made.score, feedback=made.feedback
        ),
        max_metric_calls=3 * means.tries + 20 * len(examples),  # what is tried again costs nothing: the budget ends it
        reflection_minibatch_size=min(3, len(examples)),
        reflection_lm=means.proposer,
        instruction_proposer=PlainProposer() if means.plain else InstructionProposer(adapter=dspy.settings.adapter),
        component_selector=_weakest if several else "round_robin",
        use_merge=several,
        num_threads=means.threads,
        warn_on_score_mismatch=False,
        gepa_kwargs={"acceptance_criterion": Worthwhile()},
        seed=means.seed,
    )
    return _open(optimiser.compile(trial, trainset=examples, valset=examples))


def _copro(trial: Trial, examples: list[Any], means: Means) -> Trial:
    depth = 2 if means.tries >= 4 * len(examples) else 1
    breadth = max(3, min(8, means.tries // (depth * len(examples))))
    optimiser = dspy.COPRO(prompt_model=means.proposer, metric=_score, breadth=breadth, depth=depth, init_temperature=1.0)
    return _open(optimiser.compile(trial, trainset=examples, eval_kwargs={"num_threads": means.threads, "display_progress": False}))


def _simba(trial: Trial, examples: list[Any], means: Means) -> Trial:
    size, candidates = min(6, len(examples)), 3
    step = size * (2 * candidates + 1)
    optimiser = dspy.SIMBA(
        metric=lambda _example, made: dspy.Prediction(score=made.score, feedback=made.feedback),
        bsize=size,
        num_candidates=candidates,
        max_steps=max(1, min(8, means.tries // step)),
        max_demos=DEMOS,
        prompt_model=means.proposer,
        num_threads=means.threads,
    )
    return _open(optimiser.compile(trial, trainset=examples, seed=means.seed))


def _miprov2(trial: Trial, examples: list[Any], means: Means) -> Trial:
    candidates = max(2, min(6, means.tries // (3 * len(examples))))
    optimiser = dspy.MIPROv2(
        metric=_score,
        prompt_model=means.proposer,
        task_model=dspy.settings.lm,
        teacher_settings={"lm": means.teacher} if means.teacher is not None else {},
        max_bootstrapped_demos=DEMOS,
        max_labeled_demos=0,
        auto=None,
        num_candidates=candidates,
        num_threads=means.threads,
        metric_threshold=0.5,
        seed=means.seed + 1,  # it takes 0 for no seed
    )
    made = optimiser.compile(
        trial, trainset=examples, valset=examples, num_trials=max(2, means.tries // len(examples)), minibatch=False, program_aware_proposer=False
    )  # fmt: skip
    return _open(made)


def _score(_example: Any, made: Any, _trace: Any = None) -> float:
    return float(made.score)


def _open(trial: Any) -> Trial:
    """The trial with its predictors in sight again: DSPy hides those of a module that it marks as compiled."""
    trial._compiled = False
    made: Trial = trial
    return made


def _weakest(_state: Any, trajectories: Sequence[Any], _scores: Any, _index: int, candidate: Mapping[str, str]) -> list[str]:
    """Of the components that had a part in these trajectories, the one with the lowest mean score."""
    scores: dict[str, list[float]] = {}
    for trajectory in trajectories:
        for step in trajectory["trace"]:
            for name, text in candidate.items():
                if step[0].signature.instructions == text:
                    scores.setdefault(name, []).append(float(trajectory["prediction"].score))
    if not scores:
        return [min(candidate)]
    return [min(scores, key=lambda name: (sum(scores[name]) / len(scores[name]), name))]


class Worthwhile:
    """GEPA's question whether a proposal is worth a try on every example: its mean score on a few must rise by `MARGIN`.

    Any rise would do for GEPA, and scores of drafts are never twice the same: chance would spend the budget.
    """

    def should_accept(self, proposal: Any, state: Any) -> bool:
        """Whether it is."""
        before, after = proposal.subsample_scores_before or [], proposal.subsample_scores_after or []
        return bool(sum(after) - sum(before) >= MARGIN * max(1, len(after)))


class PlainProposer:
    """Asks a small model for better words in plain ones: the words so far, what came of them, and what was wrong with it."""

    def __call__(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        """New words for each component that has examples."""
        found: dict[str, str] = {}
        for name in components_to_update:
            if examples := reflective_dataset.get(name):
                answer = dspy.settings.lm(self._asked(candidate[name], examples), max_tokens=200, temperature=1.0)[0]
                words = " ".join(str(answer).split()).strip("\"'` ")
                found[name] = words if len(words) >= 10 else candidate[name]
        return found

    def _asked(self, words: str, examples: Sequence[Mapping[str, Any]]) -> str:
        told = "\n".join(
            f"{i}. It wrote: {' '.join(str(v) for v in dict(example['Generated Outputs']).values())}\n   What was wrong: {example['Feedback']}"
            for i, example in enumerate(examples, 1)
        )
        return (
            f"A writer was given this instruction:\n{words}\n\n{told}\n\nWrite a better instruction for the writer, in one or two "
            "sentences, so that nothing is wrong next time. Keep every word in braces, such as {context}, as it is. Only output the instruction."
        )


_hush: ContextVar[bool] = ContextVar("seedless_hush", default=False)


class _Hushed:
    """A stream that drops what an optimiser writes, then and when its bars are collected, and lets through what anyone else writes meanwhile."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.over = False

    def write(self, text: str) -> int:
        of_a_bar = type(threading.current_thread()).__module__.startswith("tqdm")
        return len(text) if self.over or of_a_bar or _hush.get() else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep optimisers' prints, bars and logs off the terminal: the compile tells its own progress."""
    names = ("dspy", "optuna", "gepa")
    levels = {name: logging.getLogger(name).level for name in names}
    out, err = _Hushed(sys.stdout), _Hushed(sys.stderr)
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    token = _hush.set(True)
    try:
        with (
            contextlib.redirect_stdout(cast("TextIO", out)),
            contextlib.redirect_stderr(cast("TextIO", err)),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        _hush.reset(token)
        out.over = err.over = True
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
