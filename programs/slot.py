"""What flows from stage to stage. Each type is frozen and says one thing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["NO_SEED", "Context", "Draft", "InstanceSeed", "Slot", "Verdict"]


@dataclass(frozen=True, slots=True)
class Context:
    """A domain or setting (TarGEN, stage 1). `source` tells who named it: `lm`, `given` (the task file), `words` (a label word),
    or `hint` (the task's hint, where the LM named none).
    """

    text: str
    source: str = "lm"


@dataclass(frozen=True, slots=True)
class InstanceSeed:
    """An atomic element on which an instance is built (TarGEN, stage 2), and the context it belongs to."""

    text: str
    context: Context


NO_SEED = InstanceSeed("", Context(""))  # of a slot for which nothing is written: a text is only read or compared


@dataclass(frozen=True, slots=True)
class Slot:
    """What to write next: one label, one seed, and the attributes that code dealt out.

    `position` is the place in the data set, from 0; `round` counts the slots that were refused at this position before;
    `rollout` makes every LM call of the slot its own (a 63-bit number drawn from the run's seed, the position and the round).
    """

    position: int
    round: int
    label: str
    seed: InstanceSeed
    attributes: Mapping[str, str] = field(default_factory=dict)
    rollout: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """The texts of one instance as written, by field name.

    `finished` is false where the token limit cut the answer, `cut` names the fields of which more was written than is read; `problem` is a
    sentence for the writer where the answer could not be read as the form that was asked for, and then `texts` holds the raw answer. `given`
    names the fields that were there before: what the seed became, and what attributes became.
    """

    texts: Mapping[str, str]
    finished: bool = True
    cut: tuple[str, ...] = ()
    problem: str = ""
    given: tuple[str, ...] = ()

    @property
    def written(self) -> str:
        """The written fields as one text: all but the given ones."""
        return "\n".join(text for name, text in self.texts.items() if name not in self.given)

    @property
    def text(self) -> str:
        """All fields as one text, in the task's order, a line each."""
        return "\n".join(self.texts.values())


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier says of a draft; only an `anchored` one saw the asked label.

    `label` is its answer, empty where that could not be read, `reason` why. `confidence` is how likely it holds the *asked* label to be, in
    [0, 1] (its probability, or its share of the votes), None where the verifier does not say; `relevance` in [-1, 1] says how near the text is to its
    seed and context (higher is nearer), 0 where the verifier does not tell.
    """

    label: str
    reason: str
    confidence: float | None = None
    relevance: float = 0.0
