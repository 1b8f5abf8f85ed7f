"""A server that plays a capable model with one weakness: it writes on-label text only when its instruction holds a certain quality.

Nothing but the model's own reflection names that quality, and only once it has read what was wrong with a draft's label. Answers
depend on nothing but the request, so a compile that is repeated word for word is answered word for word.
"""

import json
import random
from typing import Any

from tests.openai_server import FIELD, MARKER, OpenAIServer, Seen, _last_user, _outputs, _sentence, answer_to, stage_of

__all__ = ["QUALITY", "STRONG", "CoachableServer"]

QUALITY = "Name the thing that the constraint asks for before anything else."
TRIFLES = ("Keep the sentence short.", "Prefer vivid verbs.", "Avoid the passive voice.")
STRONG = "strong-model"  # writes on-label text whatever it is told
STAGES = ({"contexts"}, {"seeds"}, {"reason", "label"})


class CoachableServer(OpenAIServer):
    """The server.

    Parameters
    ----------
    reflective
        Whether its proposals may name the quality at all.
    by_example
        Whether three demonstrations teach it what the quality does.
    luck
        Share of texts that are on-label without it.
    markers
        The labels' words.
    proposal
        What it says to whoever asks for a proposal, where that is always the same.
    """

    def __init__(
        self,
        *,
        reflective: bool = True,
        by_example: bool = False,
        luck: float = 0.0,
        markers: tuple[str, str] = ("lantern", "compass"),
        proposal: str | None = None,
        **how: Any,
    ) -> None:
        super().__init__(**how)
        self.reflective = reflective
        self.by_example = by_example
        self.luck = luck
        self.markers = markers
        self.proposal = proposal

    def answer(self, seen: Seen) -> str:
        prompt, outputs = _last_user(seen.body), _outputs(_last_user(seen.body))
        rng = random.Random(json.dumps([self.seed, seen.body], sort_keys=True))
        if set(outputs) in STAGES:
            return answer_to(prompt, rng)
        if "constraint" in dict(FIELD.findall(prompt)) and stage_of(prompt) == "write":
            return self._written(seen, prompt, outputs, rng)
        return self._proposed(prompt, outputs, rng) if self.proposal is None else self.proposal

    def _written(self, seen: Seen, prompt: str, outputs: list[str], rng: random.Random) -> str:
        found = MARKER.search(dict(FIELD.findall(prompt))["constraint"])
        assert found is not None, prompt
        told = "\n".join(str(m["content"]) for m in seen.body["messages"] if m["role"] == "system")
        shown = sum(m["role"] == "assistant" for m in seen.body["messages"])
        able = QUALITY in told or STRONG in seen.body["model"] or (self.by_example and shown >= 3) or rng.random() < self.luck
        first, second = self.markers
        marker = found[1] if able else second if found[1] == first else first
        return json.dumps({name: _sentence(rng, marker) for name in outputs})

    def _proposed(self, prompt: str, outputs: list[str], rng: random.Random) -> str:
        """A proposal for each output, whatever the optimiser calls it."""
        read = self.reflective and "A reader who was not told the label read the text as" in prompt
        hint = rng.choice((QUALITY, *TRIFLES[:2]) if read else TRIFLES)
        current = dict(FIELD.findall(prompt)).get("current_instruction", "Write one new instance of a labelled data set.")
        answers: dict[str, Any] = dict.fromkeys(outputs, f"{current} {hint}")
        if "module_advice" in answers:
            answers["module_advice"] = dict.fromkeys(json.loads(dict(FIELD.findall(prompt))["module_names"]), hint)
        return json.dumps(answers)
