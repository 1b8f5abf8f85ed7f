"""A DSPy LM whose calls are bounded, retried, counted and kept: the one place where a request goes out."""

import asyncio
import hashlib
import json
import logging
import re
import time
from collections import Counter
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import dspy
import pydantic
from dspy.clients.backend_selection import CLIENT_KEYS
from dspy.clients.costs import estimate_cost
from dspy.lm15 import UnsupportedFeatureError, request_from_openai_chat

from seedless import background
from seedless.errors import LMUnusable, SeedlessError, UsageError
from seedless.lms.faults import beneath, empty_answer, is_filtered, is_network_s, is_the_prompt_s, refuses_seed, what_it_says
from seedless.lms.proxies import Proxy, proxy_of
from seedless.lms.step import REFUSED, UNANSWERED, Budget, NoSteps, Step, Steps, Unbounded, current_stage
from seedless.lms.transport import MOST_TOKENS, Engines, Sending, sending
from seedless.masking import NAMED, SHORTEST, masked, secrets_of_environment, without_user_info
from seedless.text import writable

__all__ = ["IN_A_ROW", "MeteredLM", "PromptRefused", "StepFailed", "TokenLimitReached", "metered"]

FINAL = (
    dspy.LMAuthError,
    dspy.LMBillingError,
    dspy.LMConfigurationError,
    dspy.LMUnsupportedModelError,
    dspy.LMUnsupportedFeatureError,
    dspy.LMInvalidRequestError,
)
CONFLICT, MISSING, FAILING = 409, 404, 500  # HTTP; from the last on the fault is the server's
FOLLOWS = {"revise": "write"}  # a stage that is asked for nothing that another one was not answered to before
OUTAGE = 150.0  # seconds that a server out of order is waited for, by all requests together
LONGEST_WAIT = 10 * 365 * 86_400.0  # seconds; a server may name any number
THROUGHOUT = 3  # requests of one stage that failed, none answered: one or two may be a filter's
IN_A_ROW = 8  # failures of one stage that end a run, unless more requests may be in flight at once
LONGEST = 500_000  # characters of an answer that are read: twice what a row's texts can have, and the model's thoughts before them
OF_THIS_PROCESS = (
    "_gates",
    "_open_at",
    "_told_until",
    "_failed_in_a_row",
    "_answered",
    "_took",
    "_failing",
    "_failing_since",
    "_heard",
    "_unheard",
)  # of how an LM has done
ASKING = ("__call__", "acall", "forward", "aforward")  # through which a dspy.LM sends a request
SAID = frozenset({"text", "data"})  # the parts of a response that are its answer
KEYLIKE = re.compile(r"(?=.*\d).*[^\W\d_]")  # a secret that is neither a word nor a number or date
PLACEHOLDER = 4  # characters of what stands for a key where a server asks for none
NO_SYSTEM = re.compile(
    r"(?=.*\bsystem\b)(?=.*\brole)(?=.*(?:\bnot\b|n't\b|unsupported|unknown|only|must))", re.IGNORECASE
)  # a model that takes no system's message
SOONEST = 0.1  # seconds: a server that says less before the next request says nothing
NEVER_SENT = CLIENT_KEYS | {
    "cache",
    "extra_body",
    "form",
    "items",
    "least",
    "rollout_id",
    "sentences",
    "starts",
    "unlike",
}  # the client's, DSPy's, an adapter's
ENGINE_ONLY = frozenset({"avoid", "choices", "document", "grammar", "min_p"})  # what llama.cpp takes beside OpenAI's request


LOG = logging.getLogger("seedless")
TOLD = 5.0  # seconds of a wait that are worth a word

without_seed: set[str] = set()  # the identities of LMs that have refused one in this process

_ours: ContextVar[bool] = ContextVar("ours", default=False)  # whether a request of a `MeteredLM` is in flight
logging.getLogger("dspy.clients.lm").addFilter(
    lambda record: not _ours.get() or "truncated" not in record.getMessage()
)  # an assertion of ours says it


class TokenLimitReached(SeedlessError):
    """The answer reached the token limit. `text` is what there was of it."""

    def __init__(self, text: str) -> None:
        super().__init__("the answer reached the token limit")
        self.text = text


class StepFailed(SeedlessError):
    """One call found no answer within its tries. The run goes on; the slot is refused with this message, as broken `assertion`."""

    assertion = UNANSWERED


class PromptRefused(StepFailed):
    """The server refuses this prompt for what it holds, by a filter or for its length: to ask again is of no use, to ask for something else may be."""

    assertion = REFUSED


@dataclass(slots=True, eq=False)
class _Trial:
    """How far it is with one answer: requests `sent` since `started`, how many of them were `counted` against the tries."""

    started: float
    sent: int = 0
    counted: int = 0


class MeteredLM(dspy.LM):
    """A DSPy LM for a run. Every call passes through `acall`, once.

    Parameters
    ----------
    model
        DSPy's model string, or a name with the weights' hash for an engine in this process.
    identity
        What determines an answer besides the request: the model and where it runs. Part of every step's key.
    address
        Where requests go, for messages.
    steps, budget
        Where answers are kept, and what bounds their number.
    concurrency
        Requests in flight at once.
    tries
        Requests for one answer before it counts as failed.
    patience
        Seconds in all for one answer that a server is given instead, whatever the tries, where it asks for time (429). Out of order, failing (5xx) at one
        request after the other when it has answered some, it is given 150 seconds, or as many as it asks for. One that asks for more than `patience` ends the run.
    free
        Whether a call costs nothing (an engine in this process).
    priced
        Whether DSPy's list of prices holds for the model where it is reached; otherwise a call's cost is unknown.
    """

    def __init__(
        self,
        model: str,
        *,
        identity: str,
        address: str,
        steps: Steps | None = None,
        budget: Budget | None = None,
        concurrency: int = 8,
        tries: int = 5,
        patience: float = 600.0,
        free: bool = False,
        priced: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(model, cache=False, num_retries=0, **options)
        self.identity = identity
        self.address = address
        self.steps: Steps = steps or NoSteps()
        self.budget: Budget = budget or Unbounded()
        self.concurrency = concurrency
        self.tries = tries
        self.patience = patience
        self.free = free
        self.priced = priced
        self._begin()

    def _begin(self) -> None:
        """With no request sent and no connection open."""
        self._engine_store = Engines()
        self._gates = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]()
        self._open_at = 0.0
        self._told_until = 0.0
        self._failed_in_a_row = Counter[str]()  # by stage: a server may write well and refuse whatever is to be verified
        self._answered = Counter[str]()  # by stage
        self._took = 0.0  # seconds, all answers together
        self._failing: set[_Trial] = set()  # since the last answer
        self._failing_since = 0.0
        self._heard: set[str] = set()  # the stages of which a request was answered, and
        self._unheard: dict[str, tuple[int, dspy.LMError]] = {}  # of the others how many failed, and the last failure

    def __call__(self, prompt: Any = None, *, messages: Any = None, **kwargs: Any) -> Any:
        """As `acall`, for synchronous callers."""
        return background.run(self.acall(prompt, messages=messages, **kwargs))

    async def acall(self, prompt: Any = None, *, messages: Any = None, **kwargs: Any) -> Any:
        """The answers to one request, as DSPy's list of texts: from the steps kept, or from the LM. `n` answers are asked for one by one.

        Raises
        ------
        TokenLimitReached
            If the answer reached the token limit.
        StepFailed
            If there is no answer within the tries, and others were answered.
        LMUnusable
            If the LM cannot be reached, refuses, or fails throughout.
        BudgetEnded
            If the budget admits no more requests.
        """
        messages = messages or [{"role": "user", "content": str(prompt)}]
        wanted = {**self.kwargs, **kwargs}
        count = wanted.pop("n", None) or 1
        first = int(wanted.get("rollout_id") or 0)
        others = [await self._answer(messages, {**wanted, "rollout_id": first + i}) for i in range(1, count)]
        return [await self._answer(messages, wanted), *others]

    async def _answer(self, messages: Any, wanted: Mapping[str, Any]) -> str:
        key = self._key(messages, wanted)
        step = self.steps.recall(key)
        if step is None:
            async with self._gate():
                step = await self._ask(key, self._request(messages, wanted))
            self.steps.finish(key, step)
        self._heard.add(current_stage())
        if step.finish == "length":
            raise TokenLimitReached(step.text)
        return step.text

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A copy that asks through the same engine and keeps its answers in the same place."""
        own: Self = self.copy()
        return own

    def __getstate__(self) -> dict[str, Any]:
        """What another process can use: not a run's journal and budget, nor what tells how it went here, nor a key of the environment."""
        state: dict[str, Any] = super().__getstate__()
        state = {name: value for name, value in state.items() if name not in {"steps", "budget", *OF_THIS_PROCESS}}
        if (key := state["kwargs"].get("api_key")) and key in secrets_of_environment():
            state["kwargs"] = {name: value for name, value in state["kwargs"].items() if name != "api_key"}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({**state, "steps": NoSteps(), "budget": Unbounded()})
        self._begin()

    @property
    def latency(self) -> float | None:
        """Seconds that a server took for an answer on average; None where none was answered, and of an engine in this process, which answers no
        faster the more it is asked at once."""
        answered = self._answered.total()
        return self._took / answered if answered and isinstance(self.engine, str) else None

    @property
    def _seconds(self) -> float | None:
        """What a server may take for one answer: the client's own timeout bounds the time between two bytes."""
        return self.kwargs.get("timeout") if isinstance(self.engine, str) else None

    def _key(self, messages: Any, wanted: Mapping[str, Any]) -> str:
        asked = {name: _plain(value) for name, value in sorted(wanted.items()) if value is not None and not name.startswith("api_")}
        return hashlib.sha256(json.dumps([self.identity, messages, asked], sort_keys=True, default=str).encode()).hexdigest()

    def _gate(self) -> asyncio.Semaphore:
        return self._gates.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(self.concurrency))

    def _request(self, messages: Any, wanted: Mapping[str, Any]) -> dspy.lm15.Request:
        body: dict[str, Any] = {"model": self.model, "messages": messages}
        extensions: dict[str, Any] = dict(wanted.get("extra_body") or {})  # what a server takes beside OpenAI's request
        for name, value in wanted.items():
            if value is None or name.startswith("api_") or name in NEVER_SENT:
                continue
            if name not in ENGINE_ONLY:
                body[name] = _plain(value)
            elif name in self.supported_params:
                extensions[name] = value
        if (rollout := wanted.get("rollout_id")) is not None:
            body["seed"] = (int(rollout) ^ int(rollout) >> 31) & 0x7FFFFFFF  # what every server takes
        request = request_from_openai_chat(body)
        if not extensions:
            return request
        return replace(request, config=replace(request.config, extensions={**(request.config.extensions or {}), **extensions}))

    async def _ask(self, key: str, request: dspy.lm15.Request) -> Step:
        trial = _Trial(time.monotonic())
        while True:
            if (wait := self._open_at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            if self.identity in without_seed:
                request = replace(request, config=replace(request.config, seed=None))
            self.budget.admit()
            self.steps.begin(key, current_stage())
            trial.sent += 1
            try:
                sent = time.monotonic()
                ours, noting = _ours.set(True), sending.set(way := Sending())
                try:
                    async with asyncio.timeout(self._seconds):
                        response = await super().acall(request)
                except asyncio.CancelledError:
                    if not way.begun and self._engine_store.tell:
                        self.budget.withdraw()
                        self.steps.forget(key)
                    raise
                finally:
                    _ours.reset(ours)
                    sending.reset(noting)
                step = self._step(key, request, response)
                self._took += time.monotonic() - sent
                return step
            except TimeoutError:  # bytes came, one by one
                await self._passed(dspy.LMTimeoutError("no whole answer in time"), trial)
            except FINAL as error:
                if error.status == CONFLICT:  # with another request's work, says the server: not this one's fault
                    await self._passed(error, trial)
                    continue
                if request.config.seed is not None and not self._answered and refuses_seed(error):
                    if self.identity not in without_seed:
                        without_seed.add(self.identity)
                        LOG.warning(
                            "the LM at %s takes no seed, so none is sent from here on (%s)", self.address, self._cause(error)
                        )
                    continue
                if isinstance(error, dspy.LMInvalidRequestError) and (self._answered or is_filtered(error)):
                    self._count(error, trial)
                    raise (self._refused(error) if is_the_prompt_s(error) else self._failed(error)) from error
                raise self._unusable(error) from error
            except dspy.LMError as error:
                if isinstance(error.__cause__, SeedlessError):  # an engine in this process said it in our own words
                    raise error.__cause__ from error
                if isinstance(error, dspy.LMUnexpectedError) and not isinstance(
                    self.engine, str
                ):  # a fault of somebody's engine, no server's
                    self._count(error, trial)
                    raise self._failed(error) from error
                early = not self._answered and not isinstance(error, dspy.LMTimeoutError)
                if early and (proxy := self._proxy(error)) is not None and proxy.fault:
                    raise self._unusable(dspy.LMConfigurationError(proxy.fault)) from error
                await self._passed(error, trial)

    async def _passed(self, error: dspy.LMError, trial: _Trial) -> None:
        """Wait for the next try, or raise where there is none."""
        self._count(error, trial)
        limited = isinstance(error, dspy.LMRateLimitError)
        told = float(error.retry_after or 0.0)
        if told > self.patience:
            raise self._closed(error, told) from error
        outage = self._out_of_order(error, trial)
        if outage and not told and time.monotonic() - self._failing_since > OUTAGE:
            raise self._failed(error) from error
        trial.counted += not limited and not outage
        wait = (
            told if told >= SOONEST else min(2.0 ** (trial.sent - 1), 60.0) / 2
        )  # "at once" is no time, nor is a date in the past
        if time.monotonic() - trial.started + wait > self.patience or trial.counted >= self.tries:
            raise self._failed(error) from error
        if limited:
            self._open_at = max(self._open_at, time.monotonic() + wait)  # one answer speaks for the server: all wait
        if wait >= TOLD and time.monotonic() >= self._told_until:  # one line for all requests that wait
            self._told_until = time.monotonic() + wait
            LOG.warning("waiting %.0f s for the LM at %s (HTTP %s)", wait, self.address, error.status or "without an answer")
        await asyncio.sleep(wait)

    def _count(self, error: dspy.LMError, trial: _Trial) -> None:
        """Note that a request failed, however often it is sent."""
        failed, _ = self._unheard.get(current_stage(), (0, error))
        self._unheard[current_stage()] = (failed + (trial.sent == 1), error)

    def check_heard(self) -> None:
        """Make sure that there is no stage of which several requests failed and none was ever answered. A run need not have met its bound of
        failures in a row by then: it may have few requests, and many in flight.

        Raises
        ------
        LMUnusable
            If there is one; it tells the last failure.
        """
        for stage, (failed, error) in self._unheard.items():
            if failed >= THROUGHOUT and FOLLOWS.get(stage, stage) not in self._heard:
                raise self._unusable(error)

    def _out_of_order(self, error: dspy.LMError, trial: _Trial) -> bool:
        """Whether the server says that it fails (5xx) at one request after the other, and has answered before: at one alone it is the request's fault."""
        if error.status is None or error.status < FAILING or any(map(is_network_s, beneath(error))) or not self._answered:
            return False
        if not self._failing:
            self._failing_since = time.monotonic()
        self._failing.add(trial)
        return len(self._failing) > 1

    def _closed(self, error: dspy.LMError, told: float) -> LMUnusable:
        """The error that the server asks for more time than a run waits."""
        until = datetime.now().astimezone() + timedelta(seconds=min(told, LONGEST_WAIT))
        return LMUnusable(
            f"the LM {self.model} at {self.address} asks for no request in the next {told:.0f} s, and a run waits {self.patience:.0f} s at most "
            f"({self._cause(error)}); give the same command again after {until:%Y-%m-%d %H:%M:%S}"
        )

    def _failed(self, error: dspy.LMError) -> SeedlessError:
        self._failed_in_a_row[current_stage()] += 1
        if not self._answered or self._failed_in_a_row[current_stage()] >= max(IN_A_ROW, self.concurrency):
            return self._unusable(error)
        return StepFailed(f"the LM at {self.address} gave no answer: {self._cause(error)}")

    def _refused(self, error: dspy.LMError) -> SeedlessError:
        """The error that a prompt is refused: that costs the run only where it befalls all of a stage."""
        stage = current_stage()
        before = FOLLOWS.get(stage, stage)
        if not self._answered[before] and not self.steps.answered(before):
            self._failed_in_a_row[stage] += 1
            if self._failed_in_a_row[stage] >= max(IN_A_ROW, self.concurrency):
                return self._unusable(error)
        return PromptRefused(f"the LM at {self.address} refuses this prompt: {self._cause(error)}")

    def _unusable(self, error: dspy.LMError) -> LMUnusable:
        cause = self._cause(error).removesuffix(".")
        remedy = (
            "" if "--api-base" in cause or "--adapter" in cause else "; mend the cause and give the same command again"
        )  # with another base it is another command
        return LMUnusable(f"the LM {self.model} at {self.address} cannot be used: {cause}{remedy}")

    def _cause(self, error: dspy.LMError) -> str:
        """What went wrong, in one line."""
        kind, said, status = what_it_says(error)
        said = self._masked(writable(said or "no reason that could be read"))[:300]
        if (proxy := self._proxy(error)) is not None:
            said += f", through the proxy in {proxy.where}; if the server needs none, list its host in NO_PROXY"
        base = self.kwargs.get("api_base")
        if status == MISSING and isinstance(base, str) and not urlsplit(base).path.strip("/"):
            said += f"; the API base has no path, and that of an OpenAI-compatible server usually ends in /v1: --api-base {base.rstrip('/')}/v1"
        if NO_SYSTEM.search(said):
            said += "; --adapter plain sends one user message and none of the system's"
        return f"{f'HTTP {status}, ' if status else ''}{kind}: {said}"

    def _proxy(self, error: dspy.LMError) -> Proxy | None:
        """The proxy through which the server was not reached, if that is what went wrong."""
        unreached = isinstance(error, dspy.LMTransportError | dspy.LMTimeoutError) or any(map(is_network_s, beneath(error)))
        return proxy_of(self.kwargs.get("api_base")) if isinstance(self.engine, str) and unreached else None

    def _masked(self, said: str, *, answer: bool = False) -> str:
        """What a server said, without the key that it was sent. From an answer nothing is taken that may be a word or a number of the text."""
        headers = {**(self.kwargs.get("headers") or {}), **(self.kwargs.get("extra_headers") or {})}
        given = [value for name, value in self.kwargs.items() if name.endswith("key") and isinstance(value, str)]
        given += [part for name, value in headers.items() if NAMED.search(name) or not answer for part in str(value).split()]
        secrets = secrets_of_environment().union(value.strip() for value in given if len(value.strip()) > PLACEHOLDER)
        if answer:
            secrets = frozenset(value for value in secrets if len(value) >= SHORTEST and KEYLIKE.search(value))
        return masked(said, secrets) if answer else without_user_info(masked(said, secrets))

    def _step(self, key: str, request: dspy.lm15.Request, response: dspy.lm15.Response) -> Step:
        """What is kept of an answer.

        Raises
        ------
        dspy.LMError
            If it is a server's and holds no text. It has been paid for all the same, which is kept under `key`.
        """
        usage = response.usage
        cost: float | None = 0.0 if self.free else None
        if (
            self.priced and not self.free and usage.input_tokens
        ):  # LiteLLM counts 0 where the server told no count; no prompt is of none
            cost, _why = estimate_cost(
                response, provider=self._provider_name, requested_model=self.model.partition("/")[2], request=request
            )
        self.budget.charge(cost)
        text = writable(_said(response))
        hosted = isinstance(self.engine, str)
        step = Step(
            text=(self._masked(text, answer=True) if hosted else text)[:LONGEST],
            finish="length" if len(text) > LONGEST else str(response.finish_reason),
            input_tokens=_tokens(usage.input_tokens),
            output_tokens=_tokens(usage.output_tokens),
            cost=cost,
        )
        if hosted and not text.strip():
            self.steps.pay(key, step)
            raise empty_answer(response)
        self._failed_in_a_row[current_stage()] = 0
        self._answered[current_stage()] += 1
        self._failing.clear()
        return step


def metered(lm: dspy.BaseLM, *, concurrency: int, base: str | None = None) -> MeteredLM:
    """`lm` as a `MeteredLM` of its own: a copy, or the same model, options and engine under one, reached at `base` where it names no address.

    Raises
    ------
    UsageError
        If `lm` is no `dspy.LM`, whose engine can be taken over, or one that asks in a way of its own.
    """
    if isinstance(lm, MeteredLM):
        own: MeteredLM = lm.copy()
        own.concurrency, own._gates, own._failed_in_a_row = concurrency, WeakKeyDictionary(), Counter()
        own._engine_store = Engines()  # so that to close it closes no other's connections
        return own
    if not isinstance(lm, dspy.LM):
        raise UsageError(
            f"given a {type(lm).__name__} as LM, a dspy.LM is allowed; wrap it as an engine: dspy.LM(name, engine=...)"
        )
    if own_ways := [name for name in ASKING if getattr(type(lm), name) is not getattr(dspy.LM, name)]:
        raise UsageError(
            f"given a {type(lm).__name__} as LM, whose own {', '.join(own_ways)} a run would pass by; give a dspy.LM, and put what "
            "they do into an engine: dspy.LM(name, engine=...)"
        )
    options = {name: value for name, value in lm.kwargs.items() if value is not None}
    base = options.get("api_base") or base
    if not isinstance(lm.engine, str):
        options |= {"engine": lm.engine, "async_engine": getattr(lm, "_async_engine_spec", None)}
    own = MeteredLM(
        lm.model, identity=f"{lm.model}@{base or ''}", address=str(base or lm.model.partition("/")[0]), concurrency=concurrency,
        priced=base is None, model_type=lm.model_type, callbacks=list(lm.callbacks), **options,
    )  # fmt: skip
    try:
        own._request([{"role": "user", "content": "?"}], own.kwargs)
    except UnsupportedFeatureError as error:
        raise UsageError(f"given a dspy.LM with an option that no request can carry ({error}); leave it out") from error
    return own


def _said(response: dspy.lm15.Response) -> str:
    """What the LM answered: its text, and what DSPy has read as data already where the answer was held to a schema, as the JSON it was."""
    parts = response.message.parts
    return "".join(
        part.text if part.type == "text" else json.dumps(part.value, ensure_ascii=False) for part in parts if part.type in SAID
    )


def _tokens(count: int | None) -> int | None:
    """A count of tokens, None where it was not told: LiteLLM says 0 then, and neither a prompt nor an answer is of none. The transport has
    bounded it, but for other providers' and engines'."""
    return min(count, MOST_TOKENS) if count else None


def _plain(value: Any) -> Any:
    if isinstance(value, type) and issubclass(value, pydantic.BaseModel):
        return {
            "type": "json_schema",
            "json_schema": {"name": value.__name__, "schema": value.model_json_schema(), "strict": True},
        }
    return value
