"""An LM re-annotates the draft: right for models that can."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import dspy

from seedless.lms.metered import CutOff
from seedless.lms.spec import Profile
from seedless.lms.step import stage
from seedless.signatures import JudgeAnchored, JudgeBlind, JudgeBlindPlainly
from seedless.slot import Draft, Slot, Verdict
from seedless.task import Task
from seedless.verify.verifier import VerifyMode

__all__ = ["LMVerifier"]

ROOM = 20  # tokens of the answer's form
REASON = 200  # tokens of a reason, and of the form
VOTING = 0.7  # temperature at which a model that judges greedily by default votes


class LMVerifier(dspy.Module):
    """Asks an LM for the label of a draft, `votes` times.

    Parameters
    ----------
    task
        Whose labels and fields it reads.
    mode
        `blind` or `vote-K`: it sees the texts and the labels' meanings; `anchored`: the given label as well.
    lm
        The LM that judges; by default the one that writes.
    """

    doubt = 1.0

    def __init__(
        self,
        task: Task,
        profile: Profile,
        *,
        mode: VerifyMode,
        lm: dspy.BaseLM | None = None,
        adapter: dspy.Adapter | None = None,
    ) -> None:
        super().__init__()
        explains = profile.explains or mode.name == "anchored"
        blind = JudgeBlind if explains else JudgeBlindPlainly
        words: Any = JudgeAnchored if mode.name == "anchored" else blind
        for field in task.fields:
            desc = field.description if explains else f"{field.description[0].upper()}{field.description[1:].rstrip('.')}:"
            words = words.append(field.name, dspy.InputField(desc=desc), str)
        if explains:
            words = words.append("reason", dspy.OutputField(desc="one short sentence"), str)
        words = words.append("label", dspy.OutputField(desc="one of the labels"), Literal[task.label_names])
        self.judge = dspy.Predict(words)
        self.task = task
        self.mode = mode
        self.only_relabels = mode.name == "anchored"
        self.relabels = profile.relabels or self.only_relabels
        self._sampling = dict(profile.sampling.get("verify", {}))
        if "max_tokens" in self._sampling:  # room for the longest label, at a token a byte, and for a reason where there is one
            longest = max(len(name.encode()) for name in task.label_names)
            self._sampling["max_tokens"] = max(self._sampling["max_tokens"], longest + (REASON if explains else ROOM))
        if mode.votes > 1 and self._sampling.get("temperature") == 0.0:  # else every vote would be the first one again
            self._sampling["temperature"] = VOTING
        self.lm = lm
        self._adapter = adapter

    async def verdict(self, draft: Draft, slot: Slot, rollout: int) -> Verdict:
        """The majority's label and its first reason; confidence is the majority's share of the votes."""
        votes = [v for i in range(self.mode.votes) if (v := await self._vote(draft, slot, rollout + i)) is not None]
        if not votes:
            return Verdict("", "the verifier's answer could not be read")
        label, count = Counter(v.label for v in votes).most_common(1)[0]
        reason = next(v.reason for v in votes if v.label == label)
        return Verdict(label, reason, confidence=count / self.mode.votes if self.mode.votes > 1 else None)

    async def remember(self, rows: Sequence[tuple[str, str]]) -> None:
        """Nothing to remember: each reading stands alone."""

    async def _vote(self, draft: Draft, slot: Slot, rollout: int) -> Verdict | None:
        asked: dict[str, Any] = {
            "description": self.task.description,
            "labels": [f"{label.described}{'' if label.meaning[-1] in '.!?' else '.'}" for label in self.task.labels],
            **draft.texts,
        }
        if self.mode.name == "anchored":
            asked["given_label"] = slot.label
        config = {**self._sampling, "rollout_id": rollout}
        settings = {name: value for name, value in (("lm", self.lm), ("adapter", self._adapter)) if value is not None}
        try:
            with stage("verify"), dspy.context(**settings):
                found = await self.judge.acall(config=config, **asked)
        except (CutOff, dspy.AdapterParseError):
            return None
        return Verdict(str(found.label), " ".join(str(found.get("reason", "")).split()))
