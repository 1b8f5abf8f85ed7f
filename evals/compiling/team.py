"""The LMs of a compile and what each is for: one writes, one reads, one may demonstrate, one may propose."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from seedless.evals.compile import CompileOptions
from seedless.evals.compiling.workshop import Reader
from seedless.lms.adapters import adapter_of
from seedless.lms.metered import MeteredLM
from seedless.lms.spec import LMSpec, Profile, opened
from seedless.targen import TarGEN
from seedless.task import Task
from seedless.verify import VerifyMode

if TYPE_CHECKING:
    from seedless.evals.compiling.anchor import Embedder

__all__ = ["Team"]


@dataclass(frozen=True, slots=True)
class Team:
    """The LMs of a compile, opened. `proposer` is the writer where no other was named; `teacher` and `judge` are None there."""

    writer: MeteredLM
    profile: Profile
    proposer: MeteredLM
    teacher: MeteredLM | None
    judge: MeteredLM | None
    judge_profile: Profile | None

    @classmethod
    def of(cls, options: CompileOptions) -> "Team":
        """The LMs that `options` name.

        Raises
        ------
        UsageError
            If one cannot be used.
        """
        spec = LMSpec.of(options.lm, api_base=options.api_base).with_profile(concurrency=options.concurrency)
        # With both, an LM's leaning is learnt from the drafts before; a compile reads each draft for itself.
        spec = spec.with_profile(verifier=options.verifier or ("embedding" if spec.profile.verifier == "both" else None))
        lm_of = partial(opened, concurrency=spec.profile.concurrency, timeout=options.timeout)
        writer = lm_of(options.lm, api_base=options.api_base)
        proposer, teacher, judge = (
            lm_of(given, api_base=spec.reaches(given)) if given is not None else None
            for given in (options.reflection_lm, options.teacher_lm, options.judge_lm)
        )
        return cls(
            writer,
            spec.profile,
            proposer or writer,
            teacher,
            judge,
            LMSpec.of(options.judge_lm).profile if options.judge_lm is not None else None,
        )

    @property
    def lms(self) -> tuple[MeteredLM, ...]:
        """Each LM once."""
        return tuple(dict.fromkeys(lm for lm in (self.writer, self.proposer, self.teacher, self.judge) if lm is not None))

    @property
    def reads_by_embedding(self) -> bool:
        """Whether sentence embeddings verify, and no LM."""
        return self.profile.verifier == "embedding" and self.judge is None

    @property
    def calls_a_draft(self) -> int:
        """Requests for one draft with its verdict."""
        return 1 if self.reads_by_embedding else 2

    def reader(self, task: Task, embedder: "Embedder | None") -> Reader:
        """Who reads drafts without being told their labels, the same for every candidate."""
        if self.reads_by_embedding:
            from seedless.verify.embedding import EmbeddingVerifier

            return Reader(lambda: EmbeddingVerifier(task, embedder))  # type: ignore[arg-type]  # an encoder, or a test's
        from seedless.verify.lm import LMVerifier

        adapter = adapter_of((self.judge_profile or self.profile).adapter)
        own = LMVerifier(  # what it leans to is not taken off: a verdict must not depend on the drafts that were read before
            task, self.judge_profile or self.profile, mode=VerifyMode("blind"), lm=self.judge or self.writer, adapter=adapter,
            calibrates=False,
        )  # fmt: skip
        return Reader(lambda: own)

    def program(self, task: Task) -> TarGEN:
        """The uncompiled program as it is used: with the writer, and all the drafts and tries of its profile."""
        return TarGEN(task, lm=self.writer, profile=self.profile, judge_lm=self.judge, judge_profile=self.judge_profile)
