"""TarGEN: the paper's four steps and its self-correction, stages 1 to 5 here (arXiv 2310.17876, section 2), composed into one DSPy module."""

import copy
import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dspy

from seedless import background
from seedless.contexts import Contexts
from seedless.errors import TaskError, UsageError
from seedless.instance import Instance
from seedless.kept import Kept
from seedless.label_words import LabelWords
from seedless.lms.adapters import adapter_of
from seedless.lms.metered import MeteredLM
from seedless.lms.spec import HOSTED, LMSpec, Profile
from seedless.offline import be_quiet
from seedless.outcome import Outcome, Row
from seedless.phrasing import Phrasing, Stage
from seedless.program_file import ProgramFile, read_program, write_program
from seedless.seeds import InstanceSeeds
from seedless.slot import Context, InstanceSeed, Slot
from seedless.strategy import Strategy
from seedless.taskfile import TaskLike, task_of
from seedless.verify import NoVerifier, Verifier, VerifyMode

if TYPE_CHECKING:
    from seedless.verify.lm import LMVerifier

__all__ = ["TarGEN"]

STAGES: tuple[Stage, ...] = ("contexts", "seeds", "write")
AGAIN = 1 << 32  # rollouts between two times that DSPy asks the same


class TarGEN(dspy.Module):
    """Makes labelled rows from a task's description alone. One call makes one instance; the loop over N lives outside.

    Parameters
    ----------
    task
        A `Task`, the name of a built-in one, the path of a task file, or a mapping of what such a file holds.
    lm
        `--lm`'s form, or a DSPy LM; by default the one that DSPy is configured with, else the embedded one.
    verify
        `blind`, `vote-K`, `anchored` or `none`.
    judge_lm
        The LM that verifies, where it is another one than the writer.
    profile, judge_profile
        How the LMs are spoken to; by default what their kinds bring along.
    verifier
        A verifier of your own. A strategy without correction asks none.
    strategy
        `targen`, or the name of a strategy that leaves a part of the method out.

    Examples
    --------
    >>> from seedless import TarGEN
    >>> program = TarGEN("movie_reviews")                                       # doctest: +SKIP
    >>> made = program(seed="the acting", context="a thriller", label="positive")    # doctest: +SKIP
    >>> made.ok, made.label, made.text                                          # doctest: +SKIP
    (True, 'positive', 'The cast carries every scene.')
    """

    def __init__(
        self,
        task: TaskLike,
        *,
        lm: str | dspy.BaseLM | None = None,
        verify: str = "blind",
        judge_lm: str | dspy.BaseLM | None = None,
        judge_profile: Profile | None = None,
        profile: Profile | None = None,
        verifier: Verifier | None = None,
        strategy: str = "targen",
    ) -> None:
        super().__init__()
        be_quiet()
        self.strategy = Strategy.named(strategy)
        self.task = self.strategy.task(task_of(task))
        if lm is None and dspy.settings.lm is None:
            lm = "embedded"
        spec = LMSpec.of(lm) if lm is not None else None
        self.profile = self.strategy.profile(profile or (spec.profile if spec else HOSTED))
        self.mode = VerifyMode.parse(verify if self.strategy.correction else "none")
        self._lm: dspy.BaseLM | None = spec.open() if spec and isinstance(lm, str) else lm
        self.adapter = adapter_of(self.profile.adapter)
        words = LabelWords.leading(self.task, self.profile)
        self.worded = words is not None and words.contexts
        named = words if self.worded else None
        self.name_contexts = Contexts(self.task, self.profile, named)
        self.name_seeds = InstanceSeeds(self.task, self.profile, named, filters=self.strategy.filters)
        if verifier is None or not self.strategy.correction:
            verifier = self._verifier(judge_lm, judge_profile)
        self.write_instance = Instance(self.task, self.profile, verifier, words, filters=self.strategy.filters)
        self.phrasing = Phrasing()
        self.compiled: Mapping[str, Any] = {}

    async def aforward(
        self,
        *,
        label: str,
        seed: str | InstanceSeed | None = None,
        context: str | Context | None = None,
        attributes: Mapping[str, str] | None = None,
        rollout: int = 0,
        kept: Kept | None = None,
        slot: Slot | None = None,
        identity: Mapping[str, str] | None = None,
    ) -> dspy.Prediction:
        """One instance: its texts by field name, `label`, `ok`, and the `outcome`, a `Row` or a `Refusal`.

        A context or seed that is not given is asked of the LM, an attribute that becomes a field is drawn.

        Raises
        ------
        TaskError
            If the task has no such label or attribute.
        """
        rollout += self._again()
        with self.speaking():
            if slot is None:
                self.task.label(label)
                self._check_attributes(attributes or {})
                if not isinstance(seed, InstanceSeed):
                    if context is None:
                        context = (await self.contexts(label=label, count=1, rollout=rollout))[0]
                    if seed is None:
                        seed = (await self.seeds(label=label, context=_context(context), count=1, rollout=rollout))[0]
                    else:
                        seed = InstanceSeed(seed, _context(context))
                slot = Slot(0, 0, label, seed, {**self._drawn(rollout), **(attributes or {})}, rollout)
            outcome: Outcome = await self.write_instance.acall(
                slot=slot, kept=kept if kept is not None else Kept(), identity=identity or self.identity
            )
        final = outcome.label if isinstance(outcome, Row) else slot.label
        made = dspy.Prediction(label=final, ok=isinstance(outcome, Row), outcome=outcome)
        for name, text in outcome.texts.items():  # a field may be called like a parameter
            made[name] = text
        return made

    def forward(self, **inputs: Any) -> dspy.Prediction:
        """As `aforward`, for synchronous callers; works inside a running event loop too."""
        return background.run(self.aforward(**inputs))

    async def contexts(self, *, label: str | None = None, count: int, rollout: int = 0) -> tuple[Context, ...]:
        """Stage 1: the pool of contexts, the same for all labels unless the task file gives a label its own, or the program is `worded`."""
        with self.speaking():
            count = count if self.strategy.contexts else 1
            return await self.name_contexts.acall(label=label, count=count, rollout=rollout)  # type: ignore[no-any-return]  # DSPy has no types

    async def seeds(self, *, label: str | None = None, context: Context, count: int, rollout: int = 0) -> tuple[InstanceSeed, ...]:
        """Stage 2: seeds within one context."""
        with self.speaking():
            count = count if self.strategy.seeds else 1
            return await self.name_seeds.acall(label=label, context=context, count=count, rollout=rollout)  # type: ignore[no-any-return]  # DSPy has no types

    def speaking(self) -> Any:
        """DSPy's settings under which this program's predictors speak: its LM, where it has one of its own, and its adapter.

        Nothing is streamed (`dspy.streamify` yields the finished instance): a draft may be refused, and the stream belongs to the caller's loop.
        """
        return dspy.context(adapter=self.adapter, send_stream=None, **({"lm": self._lm} if self._lm is not None else {}))

    def get_lm(self) -> dspy.BaseLM | None:
        """The LM that writes; None where it is the one that DSPy is configured with."""
        return self.write_instance.write.generate.lm or self._lm

    def set_lm(self, lm: dspy.BaseLM) -> None:
        """Write with `lm` from now on, spoken to as the LM before, and verify with it unless the verifier has one of its own."""
        self._lm = lm
        verifier = self.write_instance.verifier
        apart = verifier.predictors() if isinstance(verifier, dspy.Module) and getattr(verifier, "lm", None) is not None else []
        for predictor in self.predictors():
            if not any(predictor is each for each in apart):
                predictor.lm = lm

    def _check_attributes(self, given: Mapping[str, str]) -> None:
        allowed = [attribute.name for attribute in self.task.attributes]
        if unknown := [name for name in given if name not in {*allowed, "cue"}]:  # a row's provenance holds its cue as well
            raise TaskError(
                f"given the attribute {unknown[0]!r}, the task {self.task.name!r} has {', '.join(allowed) or 'none'}; "
                "name one of them or leave it out"
            )

    def _drawn(self, rollout: int) -> dict[str, str]:
        """A value of each attribute that becomes a field, by its weights."""
        fielded = [attribute for attribute in self.task.attributes if attribute.field is not None]
        rng = random.Random(f"{rollout}/attributes")
        return {a.name: rng.choices(list(a.values), list(a.values.values()))[0] for a in fielded}

    def _again(self) -> int:
        """What moves a rollout where DSPy asks the same once more (`BestOfN`, `Refine`, a later round): it then gives the LM a `rollout_id`."""
        lms = (lm for lm in (self.get_lm(), dspy.settings.lm) if lm is not None)
        return AGAIN * next((int(lm.kwargs["rollout_id"]) for lm in lms if lm.kwargs.get("rollout_id")), 0)

    @property
    def identity(self) -> dict[str, str]:
        """The strategy, LM and program that a row's provenance names."""
        lm = self.get_lm() or dspy.settings.lm
        return {"strategy": self.strategy.name, "lm": str(getattr(lm, "model", lm)), "program": self.hash}

    @property
    def hash(self) -> str:
        """SHA-256 (first 16 hexadecimal digits) of the prompts, demonstrations, phrasing, settings and assertions."""
        predictors = self.dump_state()
        for state in predictors.values():
            state.pop("lm")
        profile = asdict(self.profile) | {"concurrency": None}
        del profile["english"]  # what a model cannot do changes nothing that it is asked
        said = {
            "predictors": predictors,
            "strategy": asdict(self.strategy),
            "profile": profile,
            "verify": [self.mode.name, self.mode.votes, type(self.write_instance.verifier).__name__],
            "assertions": [assertion.model_dump(mode="json") for assertion in self.write_instance.assertions],
        }
        if of_the_given := self.write_instance.of_the_given:
            said["of_the_given"] = [assertion.model_dump(mode="json") for assertion in of_the_given]
        if not self.phrasing.empty:
            said["phrasing"] = self.phrasing.model_dump(mode="json")
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def lms(self) -> tuple[MeteredLM, ...]:
        """The LMs that this program brings along: the writer's, and the verifier's where it is another."""
        found = (self._lm, getattr(self.write_instance.verifier, "lm", None))
        return tuple(dict.fromkeys(lm for lm in found if isinstance(lm, MeteredLM)))

    def rephrase(self, phrasing: Phrasing) -> None:
        """Say the task in other words from now on. Labels, their meanings and how drafts are judged stay.

        Raises
        ------
        UsageError
            If the phrasing does not fit the task.
        """
        said = phrasing.applied(self.task)
        sampling = {name: phrasing.sampled(name, dict(self.profile.sampling.get(name, {}))) for name in STAGES}
        profile = replace(self.profile, sampling={**self.profile.sampling, **{name: s for name, s in sampling.items() if s}})
        self.phrasing = phrasing
        self.name_contexts.rephrase(said, profile)
        self.name_seeds.rephrase(said, profile)
        self.write_instance.rephrase(said, profile, phrasing.styles)

    def dump_state(self, json_mode: bool = True) -> dict[str, Any]:
        """What each predictor says, in DSPy's form; without the LM that may have been set on it."""
        states = {}
        for name, predictor in self.named_predictors():
            bare = copy.copy(predictor)
            bare.lm = None
            states[name] = bare.dump_state(json_mode=json_mode)
        return states

    def save(self, path: str | Path, save_program: bool = False, modules_to_serialize: Any = None) -> None:
        """Write instructions, demonstrations and phrasing to `path`, as JSON that `read` and DSPy's own `load` take.

        Raises
        ------
        UsageError
            If anything else than JSON is asked for: a pickled program runs code when it is loaded.
        """
        if save_program or modules_to_serialize is not None or Path(path).suffix != ".json":
            raise UsageError(f"given {str(path)!r}, a program is saved as a .json file and as nothing that runs code; name one")
        write_program(Path(path), self.task, ProgramFile(self.dump_state(), self.phrasing, self.compiled))

    def load(self, path: str | Path, allow_pickle: bool = False, allow_unsafe_lm_state: bool = False) -> None:
        """As `read`; nothing that runs code is taken, whatever is allowed."""
        self.read(Path(path))

    def read(self, path: Path) -> None:
        """Take over instructions, demonstrations and phrasing from a file that `save` wrote. Nothing in it is executed.

        Raises
        ------
        UsageError
            If the file cannot be read, was changed, was made by a newer version, for another task or for another kind of LM.
        """
        own = {name: predictor.signature.dump_state()["fields"] for name, predictor in self.named_predictors()}
        file = read_program(path, self.task, own, lm=self.identity["lm"])
        self.rephrase(file.phrasing)
        for name, predictor in self.named_predictors():
            predictor.load_state(dict(file.predictors[name]))
        self.compiled = file.compiled

    def _verifier(self, judge_lm: str | dspy.BaseLM | None, judge_profile: Profile | None) -> Verifier:
        if self.mode.name == "none":
            return NoVerifier()
        kind = "lm" if judge_lm is not None else self.profile.verifier
        if kind != "lm" and self.mode.name == "anchored":
            raise UsageError(
                f"given --verify anchored with --verifier {kind}, where embeddings have no use for the given label; use --verifier lm or --verify blind"
            )
        if self.mode.votes > 1 and (kind != "lm" or not (judge_profile or self.profile).explains):
            raise UsageError(
                f"given --verify vote-{self.mode.votes}, where a model in this process or embeddings say how likely each label is, and do not vote; "
                "use --verify blind, or --judge-lm with a hosted model"
            )
        if kind == "lm":
            return self._judge(judge_lm, judge_profile)
        from seedless.lms.encoder import encoder

        if kind == "both":
            from seedless.verify.joint import JointVerifier

            return JointVerifier(self.task, encoder(), self._judge())
        from seedless.verify.embedding import EmbeddingVerifier

        return EmbeddingVerifier(self.task, encoder())

    def _judge(self, judge_lm: str | dspy.BaseLM | None = None, judge_profile: Profile | None = None) -> "LMVerifier":
        from seedless.verify.lm import LMVerifier

        spec = LMSpec.of(judge_lm) if judge_lm is not None else None
        named = spec is not None and isinstance(judge_lm, str)
        own = judge_profile or (spec.profile if spec and named else None)
        return LMVerifier(
            self.task,
            own or self.profile,
            mode=self.mode,
            lm=spec.open() if spec and named else judge_lm,
            adapter=adapter_of(own.adapter) if own else None,
        )


def _context(given: str | Context | None) -> Context:
    return given if isinstance(given, Context) else Context(given or "", source="given")
