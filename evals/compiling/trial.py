"""What DSPy's optimisers see of a stage: a module with its predictors, whose every call is one try on the board."""

from collections.abc import Callable, Mapping
from typing import Any

import dspy

from seedless.evals.compiling.board import Board
from seedless.evals.compiling.candidate import Said, State
from seedless.phrasing import Phrasing
from seedless.task import MOST_SAID

__all__ = ["Trial", "of_constraints", "of_predictor"]


class Trial(dspy.Module):
    """Makes one part of a labelled data set: a list of contexts or seeds, an instance that must have its label, or its revision.

    Calling it on an example's number tries what its predictors say now; `writer` is the identity of the LM that writes. The prediction holds the outputs, `score`, `feedback` and
    `accepted`; DSPy's trace holds each predictor's exchange.
    """

    def __init__(
        self, asks: Mapping[str, dspy.Predict], board: Board, writer: str, state: Callable[[Mapping[str, Any]], State]
    ) -> None:
        super().__init__()
        self.asks = dict(asks)

        def attempt(asks: Mapping[str, Any], index: int, lm: Any) -> Any:
            """A function is copied by reference: however often an optimiser copies this module, there is one board."""
            shift = int((lm.kwargs if lm is not None else {}).get("rollout_id") or 0)
            other = lm if lm is not None and lm.identity != writer else None  # a teacher's
            return board.tried(state(asks), index, lm=other, shift=shift)

        self._attempt = attempt

    def forward(self, index: int, **shown: Any) -> dspy.Prediction:
        """One try. `shown` is what an optimiser may tell its LM about the example."""
        own = next((ask.lm for ask in self.asks.values() if ask.lm is not None), None)
        tried = self._attempt(self.asks, index, own or dspy.settings.lm)
        outputs: dict[str, Any] = {}
        for exchange in tried.exchanges:
            if exchange.name not in self.asks:
                continue
            outputs |= exchange.outputs
            if dspy.settings.trace is not None:
                dspy.settings.trace.append((self.asks[exchange.name], dict(exchange.inputs), dspy.Prediction(**exchange.outputs)))
        scored = tried.scored
        return dspy.Prediction(**outputs, score=scored.score, feedback=scored.feedback, accepted=scored.accepted)


def of_predictor(board: Board, writer: str, name: str, predictor: dspy.Predict) -> Trial:
    """The trial of the program's predictor `name`: its instructions and demonstrations are what changes."""
    own = dspy.Predict(predictor.signature)
    own.demos = list(predictor.demos)

    def state(asks: Mapping[str, Any]) -> State:
        return board.base.saying(name, Said.of(asks[name]))

    return Trial({name: own}, board, writer, state)


def of_constraints(board: Board, writer: str, constraints: Mapping[str, str], outputs: Mapping[str, str]) -> Trial:
    """The trial of a task's constraints, for writers who are asked in plain words: there a label's constraint is the instruction.

    `constraints` are by label, `outputs` describe the written fields. One predictor stands for each label.
    """

    def asked(constraint: str) -> dspy.Predict:
        signature: Any = dspy.Signature("context, seed -> text", constraint).delete("text")
        for field, description in outputs.items():
            signature = signature.append(field, dspy.OutputField(desc=description), str)
        return dspy.Predict(signature)

    def state(asks: Mapping[str, Any]) -> State:
        said = {label: " ".join(str(ask.signature.instructions).split())[:MOST_SAID] for label, ask in asks.items()}
        changed = {label: text for label, text in said.items() if text and text != " ".join(constraints[label].split())}
        base = board.base.phrasing.model_dump()
        phrasing = Phrasing.model_validate({**base, "constraints": {**base["constraints"], **changed}})
        return State(board.base.said, phrasing)

    return Trial({label: asked(constraint) for label, constraint in constraints.items()}, board, writer, state)
