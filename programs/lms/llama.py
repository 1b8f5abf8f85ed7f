"""llama.cpp in this process (xllamacpp): a DSPy engine for any GGUF file, and sentence embeddings."""

import asyncio
import contextlib
import ctypes
import json
import math
import os
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self
from weakref import WeakSet

import numpy as np
from dspy.lm15 import Message, Request, Response, TextPart, Usage
from numpy.typing import NDArray

from seedless.background import Threads
from seedless.errors import LMUnusable, SetupError
from seedless.lms.choices import weighed
from seedless.lms.grammar import grammar_of_choice

__all__ = ["AsyncLlamaEngine", "LlamaEngine", "LlamaServer", "cores", "threads_that_pay"]


COPIES_SHARE = 1 / 8  # of the machine's memory, for all copies of a model's weights together
CANDIDATES = 100  # likeliest next tokens that are looked at for a choice
PROMPTS_KEPT = 256  # MiB for prompts already read, beside those in the slots
SAMPLERS = ("min_p", "temperature")  # what is used of llama.cpp's chain: the rest of it sorts the vocabulary for each token


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_that_pay() -> int:
    """Threads for decoding: as many as cores are idle now, from one to four; on a busy core they would wait for each other."""
    return max(1, min(4, cores(), round(cores() * _idle_share())))


def copies_fit(path: Path, count: int) -> bool:
    """Whether `count` copies of a file's weights take at most an eighth of the machine's memory."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return count == 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return not path.exists() or path.stat().st_size * count <= memory * COPIES_SHARE


def _idle_share() -> float:
    """Share of the machine's processor time that is idle over the next tenth of a second, in [0, 1]; one half where it cannot be told."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.5

    def read() -> tuple[int, int]:
        times = [int(t) for t in stat.read_text().splitlines()[0].split()[1:9]]
        return times[3] + times[4], sum(times)

    idle, total = read()
    time.sleep(0.1)
    later_idle, later_total = read()
    return (later_idle - idle) / max(1, later_total - total)


class _Staying(NamedTuple):
    """Copies that a forked process keeps to its end, whoever lets go of them; `given` is None of the parent's, which cannot be used."""

    given: tuple[Any, ...] | None
    copies: list[Any]
    threads: int


_servers: "WeakSet[LlamaServer]" = WeakSet()
_staying: list[_Staying] = []
"""Empty but in a process that was forked from one with weights loaded. To free a copy there, be it the parent's or an own one, is to wait for a thread of
llama.cpp that the parent alone has, and aborts the process or hangs it; so who asks for what is loaded already is given it."""


def _stay(staying: _Staying) -> None:
    """Keep copies beyond the interpreter's own end, which would free them."""
    _staying.append(staying)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(staying.copies))


def _begin_anew() -> None:
    _staying[:] = [staying._replace(given=None) for staying in _staying]
    for server in tuple(_servers):
        server.begin_anew()
    if _staying and hasattr(libc := ctypes.CDLL(None), "on_exit"):  # glibc's
        libc.on_exit(libc._exit, None)  # once the interpreter is done: llama.cpp's own end waits for the parent's thread, too


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


class LlamaServer:
    """llama.cpp's server on one GGUF file, loaded at the first request. Thread-safe; `slots` requests are decoded together.

    A small model is loaded once for each thread, each copy with its share of the slots: one thread never waits for another at the end
    of each of a token's hundreds of matrix products, which takes longer than the products. A model whose copies would take more than
    an eighth of the machine's memory is loaded once, and its threads work together.

    `threads` and `slots` change the speed; answers do not depend on `threads`. A text is embedded by itself, since what is multiplied with it
    would change its vector a little: a copy has one slot for embedding. Where none are given, `threads` is None until the weights
    are loaded, and from then on as many as paid at that moment.

    A forked process loads the weights anew: of the parent's copies it has the memory, but not the threads that compute.
    """

    def __init__(
        self, path: Path, *, slots: int = 8, threads: int | None = None, context: int = 2048, embedding: bool = False
    ) -> None:
        self.path = path
        self.slots = slots
        self.threads = threads
        self._context = context
        self._embedding = embedding
        self._copies: list[Any] = []
        self._busy: list[int] = []
        self._lock = threading.Lock()
        self._spellings: dict[str, tuple[str, ...]] = {}
        self._begins: int | None = None
        self._given = (path, slots, threads, context, embedding)
        _servers.add(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: the weights are loaded once."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """What another process loads the same weights by."""
        given: dict[str, Any] = {
            "slots": self.slots,
            "threads": self.threads,
            "context": self._context,
            "embedding": self._embedding,
        }
        return partial(type(self), self.path, **given), ()

    def _loaded(self) -> list[Any]:
        with self._lock:
            if not self._copies:
                self._copies, self.threads = (
                    next(((copies, threads) for given, copies, threads in _staying if given == self._given), None)
                    or self._loaded_anew()
                )
                self._busy = [0] * len(self._copies)
            return self._copies

    def _loaded_anew(self) -> tuple[list[Any], int]:
        """Copies of the weights, and with how many threads they compute together."""
        threads = self.threads or threads_that_pay()
        small = copies_fit(self.path, threads)
        count, each = (min(threads, self.slots), 1) if small else (1, threads)
        slots = 1 if self._embedding else -(-self.slots // count)
        copies = [self._load(threads=each, slots=slots) for _ in range(count)]
        if _staying:
            _stay(_Staying(self._given, copies, threads))
        return copies, threads

    def begin_anew(self) -> None:
        """Forget the copies, which are the parent's, and who uses them."""
        if self._copies or self._lock.locked():
            _stay(_Staying(None, self._copies, 0))
        self._copies, self._busy, self._lock = [], [], threading.Lock()

    def _load(self, *, threads: int, slots: int) -> Any:
        # OpenMP reads it when it is loaded. Threads that spin at its barriers starve each other on a busy machine.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        try:
            import xllamacpp
        except ImportError as error:
            raise SetupError(
                "the package xllamacpp is missing, which runs GGUF files in this process; install it with "
                "`pip install xllamacpp`, or name a hosted model with --lm"
            ) from error
        params = xllamacpp.CommonParams()
        params.model.path = str(self.path)
        params.n_ctx = self._context * slots
        params.n_parallel = slots
        params.verbosity = -1
        params.offline = True
        params.cache_ram_mib = PROMPTS_KEPT  # writing and verifying take turns: each finds its own instruction as it was read
        params.warmup = False
        if self._embedding:
            params.embedding = True
            params.n_batch = params.n_ubatch = self._context
        for cpu in (params.cpuparams, params.cpuparams_batch):
            cpu.n_threads = threads
            cpu.poll = 0  # spinning threads starve each other on a busy machine
        with _quiet():
            try:
                return xllamacpp.Server(params)
            except RuntimeError as error:
                raise SetupError(
                    f"{self.path}: llama.cpp cannot load it ({error}); give a whole GGUF file (one in the cache is made again once it is removed), "
                    "or, if it is whole, allow this process more memory or open files (ulimit -v, ulimit -n)"
                ) from error

    @contextlib.contextmanager
    def _least_busy(self) -> Iterator[Any]:
        """The copy with the fewest requests in flight."""
        copies = self._loaded()
        with self._lock:
            chosen = self._busy.index(min(self._busy))
            self._busy[chosen] += 1
        try:
            yield copies[chosen]
        finally:
            with self._lock:
                self._busy[chosen] -= 1

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request in OpenAI's form: to a chat's `messages`, or to a `prompt`, which goes on with no chat around it.

        Raises
        ------
        LMUnusable
            If llama.cpp refuses the request.
        """
        with self._least_busy() as copy:
            return _answer((copy.handle_completions if "prompt" in body else copy.handle_chat_completions)(body), self.path)

    def spellings(self, word: str) -> tuple[str, ...]:
        """How `word` is written where it stands alone, as far as that is one token: within a text in either case, and at its start.

        Nothing for several words, such as "exchange rate": to do without the phrase a text would lose each of its words.
        """
        if not word.isalpha():
            return ()
        if word not in self._spellings:
            forms = dict.fromkeys([f" {word}", f" {word.lower()}", f" {word.capitalize()}", word.capitalize()])
            self._spellings[word] = tuple(form for form in forms if self._tokens(form) == 1)
        return self._spellings[word]

    def _tokens(self, text: str) -> int:
        """How many tokens `text` is, without those with which the model begins each text."""
        if self._begins is None:
            self._begins = self._read("a") - 1
        return self._read(text) - self._begins

    def _read(self, text: str) -> int:
        return int(self.answer({"prompt": text, "max_tokens": 1})["usage"]["prompt_tokens"])

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of `texts`, shape (len(texts), dimensions)."""
        with self._least_busy() as copy:
            found = _answer(copy.handle_embeddings({"input": list(texts), "model": "x"}), self.path)
        vectors = np.asarray([row["embedding"] for row in found["data"]], dtype=np.float32)
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


def _answer(found: Any, path: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(found) if isinstance(found, str | bytes) else found
    if "error" in answer or ("code" in answer and "message" in answer):
        detail = answer.get("error", answer)
        raise LMUnusable(f"llama.cpp on {path.name} refuses the request: {detail.get('message', detail)}")
    return answer


class LlamaEngine:
    """A DSPy engine (`dspy.LM(engine=...)`) on a `LlamaServer`: plain text, JSON schema, grammar and given first words.

    With `document`, the one message is no turn of a chat but the beginning of a text, which the answer goes on with. `avoid` names words
    that the answer does without, as far as the model spells them as one token; of other words every syllable would be lost. With `choices`
    nothing is decoded: the answer is a JSON object with the probability that the model goes on with each of them, up to a quotation mark.
    """

    supports_response_schema = True
    supports_function_calling = False
    supports_reasoning = False
    supported_params = frozenset(
        {"temperature", "max_tokens", "top_p", "seed", "response_format", "grammar", "min_p"}
        | {"prefill", "document", "avoid", "choices"}
    )

    def __init__(self, server: LlamaServer) -> None:
        self.server = server

    def complete(self, request: Request) -> Response:
        """The answer to one request."""
        body = _body(request)
        if avoided := body.pop("avoid", ()):
            body["logit_bias"] = [[token, False] for word in avoided for token in self.server.spellings(word)]
        if choices := body.pop("choices", ()):
            return self._chosen(request, body, choices)
        answer = self.server.answer(body)
        choice, usage = answer["choices"][0], answer.get("usage", {})
        said = choice["message"].get("content") if "message" in choice else choice["text"]
        return Response(
            id=None,
            model=request.model,
            message=Message.assistant([TextPart(said or "")]),
            finish_reason="length" if choice.get("finish_reason") == "length" else "stop",
            usage=Usage(input_tokens=usage.get("prompt_tokens"), output_tokens=usage.get("completion_tokens")),
        )

    def _chosen(self, request: Request, body: dict[str, Any], choices: Sequence[str]) -> Response:
        """Each choice with its probability, after what the messages put into the model's mouth."""
        *before, last = body["messages"]
        body |= {"max_tokens": 1, "temperature": 0.0, "logprobs": True, "top_logprobs": CANDIDATES}
        read = looks = 0

        def following(said: str, left: Sequence[str]) -> dict[str, float]:
            nonlocal read, looks
            messages = [*before, {**last, "content": f"{last['content']}{said}"}]
            # The grammar does not change what is likely, but of half an emoji, say, which it keeps from being next, llama.cpp tells nothing.
            answer = self.server.answer({**body, "messages": messages, "grammar": grammar_of_choice(left)})
            read, looks = read + answer["usage"]["prompt_tokens"], looks + 1
            # None where a choice itself begins with half a letter.
            places = answer["choices"][0].get("logprobs", {}).get("content", [])
            return {token["token"]: math.exp(token["logprob"]) for place in places for token in place["top_logprobs"]}

        return Response(
            id=None,
            model=request.model,
            message=Message.assistant([TextPart(json.dumps(weighed(choices, following), ensure_ascii=False))]),
            finish_reason="stop",
            usage=Usage(input_tokens=read, output_tokens=looks),
        )

    def close(self) -> None:
        """Nothing to close: the server lives as long as the engine."""


class AsyncLlamaEngine:
    """The same engine for `async_engine=`: a thread for each of the server's slots waits for llama.cpp."""

    def __init__(self, engine: LlamaEngine) -> None:
        self.engine = engine
        self._pool = Threads(engine.server.slots, name="seedless-llama")

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: its threads wait for the same server."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """With threads of its own, wherever it is read back."""
        return type(self), (self.engine,)

    supports_response_schema = LlamaEngine.supports_response_schema
    supported_params = LlamaEngine.supported_params

    async def complete(self, request: Request) -> Response:
        """The answer to one request."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.engine.complete, request)

    async def aclose(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=False)


def _body(request: Request) -> dict[str, Any]:
    config = request.config
    messages = [{"role": m.role, "content": m.text or ""} for m in request.messages]
    if request.system:
        system = request.system if isinstance(request.system, str) else "".join(part.text for part in request.system)
        messages.insert(0, {"role": "system", "content": system})
    body: dict[str, Any] = {"messages": messages, "cache_prompt": True}
    for name in ("max_tokens", "temperature", "top_p", "seed", "response_format"):
        if (value := getattr(config, name)) is not None:
            body[name] = _response_format(value) if name == "response_format" else value
    body |= config.extensions or {}
    if "min_p" in body and "top_p" not in body:
        body["samplers"] = SAMPLERS
    if body.pop("document", False):
        (message,) = body.pop("messages")
        body["prompt"] = message["content"]
    return body


def _response_format(value: Any) -> Any:
    if value.get("type") == "json_schema" and "json_schema" not in value:
        return {"type": "json_schema", "json_schema": {k: v for k, v in value.items() if k != "type"}}
    return value


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep llama.cpp's own chatter about the file off the terminal while it loads."""
    saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)
