"""One of a closed set, weighed: how likely a model is to say each of some choices next, read from its tokens' probabilities."""

from collections.abc import Callable, Mapping, Sequence

__all__ = ["weighed"]

END = '"'  # what closes a choice, so that "card" and "card_lost" part
MOST = 8  # looks at the next token
LEAST = 0.02  # probability of a beginning that is worth another look


def weighed(choices: Sequence[str], following: Callable[[str, Sequence[str]], Mapping[str, float]]) -> dict[str, float]:
    """The probability of each of `choices`, in their order; together 1, or all equal where nothing tells them apart.

    `following` gives the probabilities of the tokens that may follow a beginning; it is told what is left of each choice that begins so, with
    the quotation mark that closes it. A token that only one choice goes on with
    decides for it; where several do, what follows that token is looked at in turn, the likeliest beginning first. Letters of either case
    are the same. At most eight looks: choices that even these do not part share what their beginning has.

    >>> weighed(["positive", "negative"], lambda said, left: {"pos": 0.6, "Neg": 0.2, "The": 0.2})
    {'positive': 0.75, 'negative': 0.25}
    """
    closed = {choice: f"{choice}{END}" for choice in choices}
    found = dict.fromkeys(choices, 0.0)
    open_ = {"": 1.0}
    for _ in range(MOST):
        said = max(open_, key=lambda beginning: open_[beginning])
        mass = open_.pop(said)
        left = [text[len(said) :] for text in closed.values() if _agree(text, said)]
        for token, probability in following(said, left).items():
            longer = f"{said}{token}" if said else token.lstrip()
            if not longer or longer == said:
                continue
            met = [choice for choice, text in closed.items() if _agree(text, longer)]
            if len(met) == 1:
                found[met[0]] += mass * probability
            elif met:
                open_[longer] = open_.get(longer, 0.0) + mass * probability
        if not open_ or max(open_.values()) < LEAST:
            break
    for beginning, mass in open_.items():
        if met := [choice for choice, text in closed.items() if beginning and _agree(text, beginning)]:
            for choice in met:
                found[choice] += mass / len(met)
    total = sum(found.values())
    return {choice: value / total if total else 1 / len(choices) for choice, value in found.items()}


def _agree(text: str, said: str) -> bool:
    """Whether `said` begins `text`, or is all of it and more; in letters of either case."""
    text, said = text.casefold(), said.casefold()
    return text.startswith(said) or said.startswith(text)
