"""The dev metric: a score in [0, 1] for each draft and each list that a program makes, with a sentence of feedback.

The feedback is made of the assertions' own words, of the blind verdict, and of the distance to what is kept already. With the user's
labelled rows the metric is anchored in them; without them it is intrinsic: it knows the program's own judges only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seedless.evals.compiling.anchor import Anchor, Embedder, Vectors
from seedless.outcome import Outcome, Refusal, Row
from seedless.text import rouge_l, words

__all__ = ["DevMetric", "Scored"]

ANCHORED = {"label": 0.4, "real": 0.4, "fresh": 0.2}  # weights of a draft's parts
INTRINSIC = {"label": 0.75, "fresh": 0.25}
ALIKE = 0.5  # texts less alike than this are as good as different
CLOSE = 0.75  # texts more alike than this are told so


@dataclass(frozen=True, slots=True)
class Scored:
    """What the metric says of one draft or one list.

    `score` is in [0, 1] (higher is better), `parts` what it is made of; `feedback` is addressed to the writer. `accepted` tells whether a run would
    keep it. `trust` in [0, 1] is how sure its label is: what it counts for when a student learns from it, 0 for what is broken.
    """

    score: float
    feedback: str
    parts: Mapping[str, float]
    accepted: bool
    trust: float = 0.0


class DevMetric:
    """Scores drafts and lists.

    Parameters
    ----------
    anchor
        The choosing half of the user's rows; without one the metric is intrinsic.
    embedder
        What tells how far texts lie apart; without one their words do (ROUGE-L).
    """

    def __init__(self, *, anchor: Anchor | None = None, embedder: Embedder | None = None) -> None:
        if anchor is not None and embedder is None:
            raise ValueError("an anchor needs the embedder that its vectors come from")
        self.anchor = anchor
        self.embedder = embedder

    @property
    def intrinsic(self) -> bool:
        """Whether no real row has a say."""
        return self.anchor is None

    async def draft(self, outcome: Outcome, near: Sequence[str] = ()) -> Scored:
        """The score of one slot's outcome.

        A draft that broke an assertion has 0; one that only a reader of its label doubts has what the other parts give. The rest
        is halved for each revision it took. `near` are the texts of other slots' rows: a draft must differ from them.
        """
        told = [broken.sentence for broken in outcome.broken] if isinstance(outcome, Refusal) else []
        text = outcome.draft.text
        said = outcome.provenance
        if isinstance(outcome, Refusal) and outcome.stage != "verify":
            return Scored(0.0, _feedback(told), {"holds": 0.0}, accepted=False)
        agreed = isinstance(outcome, Row) and outcome.label == said.asked_label
        trust = said.confidence if said.confidence is not None else float(agreed)
        parts = {"label": trust, "fresh": await self._fresh(text, near)}
        if parts["fresh"] < 1 - CLOSE:
            told.append("The text is close to what another seed gave; write about its own seed in words of its own.")
        if self.anchor is not None and self.embedder is not None:
            (vector,) = await self.embedder.aembed([text])
            parts["real"] = self.anchor.likeness(vector, text, said.asked_label)
            told += self.anchor.objections(vector, text, said.asked_label)
        weights = INTRINSIC if self.anchor is None else ANCHORED
        holds = 0.5 ** max(0, said.attempts - 1)
        score = holds * sum(weights[name] * parts[name] for name in weights)
        if agreed and said.verdict is not None:
            told.append(f"A reader who was not told the label read the text as {said.verdict!r}, as it should be.")
        return Scored(min(1.0, score), _feedback(told), {"holds": holds, **parts}, accepted=agreed, trust=trust)

    async def items(self, items: Sequence[str], count: int) -> Scored:
        """The score of a list of contexts or seeds: the share of `count` that it gives, how far its items lie apart, and, with an
        anchor, how much of the real rows' ground they cover.
        """
        if not items:
            return Scored(
                0.0, "No item could be read from the answer; give the list, one item a line or element.", {}, accepted=False
            )
        told: list[str] = []
        given = min(1.0, len(items) / count)
        if given < 1:
            told.append(f"{count} different items were asked for and {len(items)} came; give as many as are asked for.")
        likeness = await self._likeness(items)
        apart = np.clip((1 - likeness.max(axis=1)) / (1 - ALIKE), 0, 1) if len(items) > 1 else np.ones(1)
        if len(items) > 1 and likeness.max() >= CLOSE:
            first, second = np.unravel_index(int(likeness.argmax()), likeness.shape)
            told.append(f"{items[int(first)]!r} and {items[int(second)]!r} are nearly the same; name things that differ in kind.")
        parts = {"given": given, "apart": float(apart.mean())}
        if self.anchor is not None and self.embedder is not None:
            covered = self.anchor.coverage(await self.embedder.aembed(list(items)))
            parts["covers"] = min(1.0, covered / ALIKE)
            if parts["covers"] < CLOSE:
                told.append("Much of what real rows are about lies far from these items; name what such data is really about.")
        score = given * float(np.mean([value for name, value in parts.items() if name != "given"]))
        return Scored(score, _feedback(told), parts, accepted=given == 1.0)

    async def _fresh(self, text: str, near: Sequence[str]) -> float:
        """How far a text lies from the nearest of others, in [0, 1]; higher is farther."""
        if not near:
            return 1.0
        if self.embedder is None:
            said = words(text)
            closest = max(rouge_l(said, words(other)) for other in near)
        else:
            vectors = await self.embedder.aembed([text, *near])
            closest = float((vectors[1:] @ vectors[0]).max())
        return float(np.clip((1 - closest) / (1 - ALIKE), 0, 1))

    async def _likeness(self, items: Sequence[str]) -> Vectors:
        """How alike each two items are, shape (n, n), 0 on the diagonal."""
        if self.embedder is None:
            said = [words(item) for item in items]
            found = np.array([[rouge_l(a, b) for b in said] for a in said])
        else:
            vectors = np.asarray(await self.embedder.aembed(list(items)), dtype=np.float64)
            found = vectors @ vectors.T
        np.fill_diagonal(found, 0.0)
        return found


def _feedback(told: Sequence[str]) -> str:
    """The sentences, each once, or that there is nothing to object to."""
    return " ".join(dict.fromkeys(told)) or "Nothing to object to."
