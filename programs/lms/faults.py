"""What is wrong where an LM does not answer: a prompt that is refused, a network that fails, an answer without a text; and what is said of it."""

import re
from collections.abc import Iterator, Sequence

import dspy

__all__ = ["beneath", "empty_answer", "is_filtered", "is_network_s", "is_the_prompt_s", "refuses_seed", "what_it_says"]

THIS_PROMPT = frozenset({None, 400, 413, 422})  # HTTP statuses of a refusal that another prompt need not meet; a filter's has none
FILTERED = re.compile(r"content[ _-]?(?:filter|management|policy)|\bfiltered\b|\bmoderation\b|safety polic", re.IGNORECASE)
WITHOUT_TEXT = {
    "length": "the token limit was reached before it began, as happens to models that reason first",
    "tool_call": "it calls a tool, and none was offered",
}  # by finish reason
REMEDY = re.compile(r"\n\s*(?:To fix|credential came from):")  # what DSPy's client says from there on is told to its callers
LITELLM = re.compile(
    r"^(?:(?:litellm\.)?\w*Error: )*(?:LiteLLM: )?(?:\w+Exception(?: \w+Error)? - )?"
)  # its names of an error, before what it says


def beneath(error: BaseException) -> Iterator[BaseException]:
    """The errors that led to this one, the first that happened last."""
    met: set[int] = set()
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in met:
        yield cause
        met.add(id(cause))
        cause = cause.__cause__ or cause.__context__


def is_network_s(error: BaseException) -> bool:
    """Whether an error tells of a connection, a client's (httpx's) or the system's: then no server has said anything."""
    return any(kind.__name__ == "TransportError" or kind is OSError for kind in type(error).__mro__)


def what_it_says(error: dspy.LMError) -> tuple[str, str, int | None]:
    """The kind of an error, what it says without the client's own words, and the server's HTTP status, None where no server gave one."""
    kind, said, status = type(error).__name__.removeprefix("LM").removesuffix("Error"), str(error.message or ""), error.status
    causes = [*beneath(error)]
    if any(type(each).__module__.startswith("litellm") for each in causes):
        kind, said, status = _litellm(kind, said, status, causes)
    return kind, " ".join(_untraced(REMEDY.split(said, maxsplit=1)[0]).split()), status


def _litellm(kind: str, said: str, status: int | None, causes: Sequence[BaseException]) -> tuple[str, str, int | None]:
    """The kind of an error of LiteLLM's, what it says and the server's HTTP status, without LiteLLM's names of it and without a status that no server gave."""
    if any(map(is_network_s, causes[1:])):  # the first is DSPy's own name of it
        first = next((" ".join(str(each).split()) for each in reversed(causes) if isinstance(each, OSError) and str(each)), said)
        return "Transport", LITELLM.sub("", first), None
    answered = any(getattr(each, "response", None) is not None for each in causes)
    if kind == "Transport":  # it failed itself, over what the server answered
        fault = f"{type(causes[-1]).__name__}: {causes[-1]}"
        return (
            "Provider",
            f"the answer has another form than LiteLLM reads of this provider ({fault}); check the API base (--api-base)",
            None,
        )
    return kind, LITELLM.sub("", said), status if answered else None


def _untraced(said: str) -> str:
    """`said` without Python's traceback: what stands before it, or its last line, which names the error."""
    before, found, trace = said.partition("Traceback (most recent call last):")
    return before if before.strip() or not found else trace.strip().rpartition("\n")[2]


def is_the_prompt_s(error: dspy.LMError) -> bool:
    """Whether a request is refused for what it asks, as far as that can be told: not for its model, nor for where it was sent."""
    return not isinstance(error, dspy.LMUnsupportedModelError) and error.status in THIS_PROMPT


def is_filtered(error: dspy.LMError) -> bool:
    """Whether a refusal speaks of what the prompt holds, so that it tells nothing of others even where none was answered yet."""
    return error.status is None or FILTERED.search(str(error.message)) is not None


def refuses_seed(error: dspy.LMError) -> bool:
    """Whether a request is refused for its seed (of chance)."""
    refused = isinstance(error, dspy.LMInvalidRequestError | dspy.LMUnsupportedFeatureError)
    return refused and re.search(r"\bseed\b", str(error.message)) is not None


def empty_answer(response: dspy.lm15.Response) -> dspy.LMError:
    """What is wrong with an answer without a text. What a filter or the model itself refuses is refused for good, like a bad request."""
    parts = response.message.parts
    refusal = " ".join(part.text for part in parts if part.type == "refusal")
    why = refusal or WITHOUT_TEXT.get(response.finish_reason, "")
    if not why and any(part.type == "thinking" for part in parts):
        why = "it holds thoughts alone"
    said = f"the answer is empty (finish reason {response.finish_reason})" + (f": {why}" if why else "")
    return (dspy.LMInvalidRequestError if refusal or response.finish_reason == "content_filter" else dspy.LMServerError)(said)
