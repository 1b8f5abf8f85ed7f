"""An LM re-annotates the draft: right for models that can."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import dspy
import numpy as np
from numpy.typing import NDArray

from seedless.lms.adapters import field_title
from seedless.lms.metered import TokenLimitReached
from seedless.lms.spec import Profile
from seedless.lms.step import stage
from seedless.signatures import JudgeAnchored, JudgeBlind, JudgeBlindPlainly
from seedless.slot import Draft, Slot, Verdict
from seedless.task import Field, Task
from seedless.verify.verifier import VerifyMode

__all__ = ["LMVerifier"]

Probabilities = NDArray[np.float64]

ROOM = 20  # tokens of the answer's form
REASON = 200  # tokens of a reason, and of the form
VOTING = 0.7  # temperature at which a model that judges greedily by default votes
DOUBT = 0.2  # what is asked for is likely, and a small model errs: it takes more than a doubt to refuse a draft
UNBIASED = 8.0  # readings without a leaning to any label that every reader begins with
LEAST = 0.01  # probability that one reading counts for at least in the means: a single sure one is no leaning
SURE = 0.8  # how likely a label is that an LM just names


class LMVerifier(dspy.Module):
    """Asks an LM for the label of a draft, `votes` times; once where it tells how likely each label is.

    A small model leans to some labels whatever it reads. So its probabilities are divided by their means over the drafts so far (batch
    calibration, arXiv 2309.17249; geometric means, which find a strong leaning in a few drafts), and a draft that reads as another label
    stands where the asked one is likely enough.

    Parameters
    ----------
    task
        Whose labels and fields it reads.
    mode
        `blind` or `vote-K`: it sees the texts and the labels' meanings; `anchored`: the given label as well.
    lm
        The LM that judges; by default the one that writes.
    calibrates
        Whether what it leans to is taken off. Not where a verdict must not depend on the texts that were read before.
    """

    def __init__(
        self,
        task: Task,
        profile: Profile,
        *,
        mode: VerifyMode,
        lm: dspy.BaseLM | None = None,
        adapter: dspy.Adapter | None = None,
        calibrates: bool = True,
    ) -> None:
        super().__init__()
        self._explains = explains = profile.explains or mode.name == "anchored"
        blind = JudgeBlind if explains else JudgeBlindPlainly
        words: Any = JudgeAnchored if mode.name == "anchored" else blind
        for field in task.fields:
            desc = field.description if explains else _titled(field, alone=len(task.fields) == 1)
            words = words.append(field.key, dspy.InputField(desc=desc), str)
        if explains:
            words = words.append("reason", dspy.OutputField(desc="one short sentence"), str)
        words = words.append("label", dspy.OutputField(desc="one of the labels"), Literal[task.label_names])
        self.judge = dspy.Predict(words)
        self.task = task
        self._keys = {field.name: field.key for field in task.fields}
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
        self._calibrates = calibrates
        self._leaning = np.zeros(len(task.labels))  # summed log-probabilities of the readings so far, each reading's mean taken off
        self._read = UNBIASED
        self._weighs = False

    @property
    def doubt(self) -> float:
        """0.2 where the LM tells how likely each label is; otherwise its word is law (1.0)."""
        return DOUBT if self._weighs else 1.0

    async def verdict(self, draft: Draft, slot: Slot, rollout: int) -> Verdict:
        """The likeliest label, with the asked one's probability; or the majority's label with its first reason, and the asked one's share of the votes."""
        votes: list[Verdict] = []
        for vote in range(self.mode.votes):
            answer = await self._answer(draft, slot, rollout + vote)
            if answer is not None and "weights" in answer:
                return self._likeliest(self._calibrated(answer), slot)
            if answer is not None:
                votes.append(Verdict(str(answer.label), " ".join(str(answer.get("reason", "")).split())))
        if not votes:
            return Verdict("", "the verifier's answer could not be read")
        ((label, _),) = Counter(v.label for v in votes).most_common(1)
        reason = next(v.reason for v in votes if v.label == label)
        asked = sum(v.label == slot.label for v in votes) / self.mode.votes
        return Verdict(label, reason, confidence=asked if self.mode.votes > 1 else None)

    async def read(self, draft: Draft, slot: Slot, rollout: int) -> Probabilities | None:
        """The probability of each label, shape (labels,); None where the answer cannot be read."""
        answer = await self._answer(draft, slot, rollout)
        return None if answer is None else self._calibrated(answer)

    async def remember(self, rows: Sequence[tuple[str, str]]) -> None:
        """Nothing to remember: what it leans to shows again in the next drafts."""

    def _likeliest(self, probabilities: Probabilities, slot: Slot) -> Verdict:
        self._weighs = True
        names = self.task.label_names
        return Verdict(names[int(probabilities.argmax())], "", float(probabilities[names.index(slot.label)]))

    def _calibrated(self, answer: dspy.Prediction) -> Probabilities:
        names = self.task.label_names
        rest = (1.0 - SURE) / max(1, len(names) - 1)
        weights = answer["weights"] if "weights" in answer else {**dict.fromkeys(names, rest), str(answer.label): SURE}
        probabilities = np.array([weights[name] for name in names], dtype=np.float64)
        calibrated = probabilities / np.exp(self._leaning / self._read) if self._calibrates else probabilities
        logs = np.log(np.maximum(probabilities, LEAST))
        self._leaning, self._read = self._leaning + logs - logs.mean(), self._read + 1
        own: Probabilities = calibrated / calibrated.sum()
        return own

    async def _answer(self, draft: Draft, slot: Slot, rollout: int) -> dspy.Prediction | None:
        described = [f"{label.described}{'' if label.meaning[-1] in '.!?' else '.'}" for label in self.task.labels]
        asked: dict[str, Any] = {
            "description": self.task.description,
            "labels": described if self._explains else "\n".join(f"- {label}" for label in described),
            **{self._keys[name]: text if self._explains else f'"{text}"' for name, text in draft.texts.items()},
        }
        if self.mode.name == "anchored":
            asked["given_label"] = slot.label
        config = {**self._sampling, "rollout_id": rollout}
        settings = {name: value for name, value in (("lm", self.lm), ("adapter", self._adapter)) if value is not None}
        try:
            with stage("verify"), dspy.context(**settings):
                answer: dspy.Prediction = await self.judge.acall(config=config, **asked)
        except (TokenLimitReached, dspy.AdapterParseError):
            return None
        return answer


def _titled(field: Field, *, alone: bool) -> str:
    """What stands before a field's text for a small model: what it is; of several fields first its name, by which the meanings call it."""
    told = field.description.rstrip(".")
    return f"{told[0].upper()}{told[1:]}:" if alone else f"{field_title(field.name)} ({told}):"
