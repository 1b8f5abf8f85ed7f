"""An OpenAI-compatible server on 127.0.0.1 that plays a capable model for DSPy's JSON adapter, and fails on demand.

It reads the stage of a request from the output fields that the last user message asks for. Tasks tell it how to write: a
label's constraint and meaning both name `the word 'MARKER'`, which the writer puts into each text and the verifier reads back.
"""

import json
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["FAULTS", "Author", "Fault", "OpenAIServer", "Seen", "answer_to", "closed_port", "stage_of", "task_file"]

ASKED = re.compile(r"Respond with a JSON object in the following order of fields: (.*)\.\s*$", re.DOTALL)
ASKED_PLAINLY = re.compile(r"Answer with a JSON object with the keys (.*)\.\s*$", re.DOTALL)
FIELD = re.compile(r"\[\[ ## (\w+) ## \]\]\n(.*?)(?=\n\n\[\[ ## |\n\nRespond with a JSON object)", re.DOTALL)
MARKER = re.compile(r"the word '(\w+)'")
SYLLABLES = (
    "ba",
    "che",
    "dor",
    "fi",
    "gul",
    "hem",
    "jo",
    "ka",
    "lin",
    "mu",
    "nes",
    "pol",
    "qui",
    "ra",
    "so",
    "tev",
    "ul",
    "vi",
    "wex",
    "zan",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one answer.

    `status` and `headers` are HTTP's; `stall` seconds pass before anything is sent; `close` ends the connection without an
    answer; `torn` sends half of the body that the header announced, `drip` one byte every so many seconds; `edit` changes the completion's text, `finish` its finish
    reason, `usage` its count of tokens; `body` is sent instead of the whole answer or error. A fault with a `stage` (`contexts`, `seeds`,
    `write`, `verify`) waits for the next request of that stage.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stall: float = 0.0
    close: bool = False
    torn: bool = False
    drip: float = 0.0
    edit: Callable[[str], str | None] | None = None
    finish: str | None = None
    usage: Any = None
    body: bytes | None = None
    stage: str | None = None
    message: str = "scripted fault"


@dataclass(frozen=True, slots=True)
class Seen:
    """One request: its number from 1, its stage, its headers and its body."""

    number: int
    stage: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


def _half(text: str) -> str:
    return text[: len(text) // 2]


def _label(name: str) -> Callable[[str], str]:
    return lambda text: json.dumps({**json.loads(text), "label": name})


def _text(change: Callable[[str], Any]) -> Callable[[str], str]:
    return lambda text: json.dumps({"text": change(json.loads(text)["text"])})


def _shouted(text: str) -> str:
    answer = json.loads(text)
    return json.dumps({**answer, "label": f" {answer['label'].upper()}. "})


FAULTS: Mapping[str, Fault] = {
    "429 with Retry-After": Fault(status=429, headers={"Retry-After": "0.2"}),
    "429 without Retry-After": Fault(status=429),
    "500": Fault(status=500),
    "503": Fault(status=503),
    "a second's stall": Fault(stall=1.0),
    "connection closed": Fault(close=True),
    "torn HTTP body": Fault(torn=True),
    "JSON cut, finish length": Fault(edit=_half, finish="length", stage="write"),
    "JSON cut, finish stop": Fault(edit=_half, stage="write"),
    "verdict cut, finish length": Fault(edit=_half, finish="length", stage="verify"),
    "verdict cut, finish stop": Fault(edit=_half, stage="verify"),
    "verdict without a reason": Fault(edit=lambda text: json.dumps({"label": json.loads(text)["label"]}), stage="verify"),
    "half a character": Fault(edit=_text(lambda text: f"\ud800{text}"), stage="write"),
    "a text without an end": Fault(edit=_text(lambda _: "word " * 1_000_000), stage="write"),
    "a page instead of JSON": Fault(headers={"Content-Type": "text/html"}, body=b"<html><body>Please log in.</body></html>"),
    "usage that is no number": Fault(usage={"prompt_tokens": "many", "completion_tokens": -1}),
    "a status of its own": Fault(status=425),
    "empty content": Fault(edit=lambda _: ""),
    "null content": Fault(edit=lambda _: None),
    "prose around the JSON": Fault(edit=lambda text: f"Sure! Here it is:\n\n```json\n{text}\n```\n\nLet me know."),
    "label in the wrong case": Fault(edit=_shouted, stage="verify"),
    "label that does not exist": Fault(edit=_label("lukewarm"), stage="verify"),
    "rubbish": Fault(edit=lambda _: "\x00\x1b[31m]]}{{ <html> \ufffd 12 ,,,"),
    "refusal": Fault(edit=lambda _: "I'm sorry, but I can't assist with that."),
    "refusal as JSON": Fault(edit=lambda _: json.dumps({"text": "I'm sorry, but I can't assist with that."}), stage="write"),
}
"""Faults that a run survives, by name."""


class OpenAIServer:
    """The server. `url` is what `--api-base` takes; `seen` holds the requests in the order in which they came,
    `faults_met` counts the faults that were played, `busiest` is the largest number of requests under way at once.

    Parameters
    ----------
    faults
        From a request's number (from 1) to its fault: a mapping, or a function that may return None.
    delay
        Seconds before each answer.
    seed
        Of the words that it writes with.
    """

    def __init__(
        self, *, faults: Mapping[int, Fault] | Callable[[int], Fault | None] | None = None, delay: float = 0.0, seed: int = 0
    ) -> None:
        self.delay = delay
        self.seed = seed
        self.script(faults)
        self.seen: list[Seen] = []
        self.busiest = 0
        self.faults_met = 0
        self._busy = 0
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._http = _Server(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> "OpenAIServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    @property
    def port(self) -> int:
        """The port, chosen by the system."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """The API's base address."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def requests(self) -> int:
        """Requests so far."""
        return len(self.seen)

    def script(self, faults: Mapping[int, Fault] | Callable[[int], Fault | None] | None) -> None:
        """Replace the faults."""
        given = faults if faults is not None else {}
        self._fault: Callable[[int], Fault | None] = given if callable(given) else given.get
        self._waiting: list[Fault] = []

    @contextmanager
    def taking(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Iterator[tuple[Seen, Fault | None]]:
        """Note a request, and hand out its fault."""
        stage = stage_of(_last_user(body))
        with self._lock:
            seen = Seen(len(self.seen) + 1, stage, headers, body)
            self.seen.append(seen)
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
            if (fault := self._fault(seen.number)) is not None:
                self._waiting.append(fault)
            due = next((each for each in self._waiting if each.stage in {None, stage}), None)
            if due is not None:
                self._waiting.remove(due)
                self.faults_met += 1
        try:
            if pause := self.delay + (due.stall if due else 0.0):
                self.paused(pause)
            yield seen, due
        finally:
            with self._lock:
                self._busy -= 1

    def paused(self, seconds: float) -> bool:
        """Wait, but no longer than until the server closes; whether it did."""
        return self._released.wait(seconds)

    def answer(self, seen: Seen) -> str:
        """What the model says to a request."""
        return answer_to(_last_user(seen.body), random.Random(f"{self.seed}/{seen.number}"))


class _Server(ThreadingHTTPServer):
    request_queue_size = 256  # connections that wait to be taken


class Author:
    """The same model as a function of the prompt, for `seedless.testing.fake_lm`. Its texts are fresh at each call."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.calls = 0

    def __call__(self, prompt: str) -> str:
        self.calls += 1
        return answer_to(prompt, random.Random(f"{self.seed}/{self.calls}"))


def answer_to(prompt: str, rng: random.Random) -> str:
    """JSON with the fields that `prompt` asks for."""
    stage, inputs = stage_of(prompt), dict(FIELD.findall(prompt))
    if stage in {"contexts", "seeds"}:
        return json.dumps({stage: [f"{_word(rng)} {_word(rng)}" for _ in range(int(inputs["count"]))]})
    if stage == "verify":
        return json.dumps(_verdict(inputs))
    marker = MARKER.search(inputs.get("constraint", prompt))
    assert marker is not None, prompt
    if ASKED.search(prompt) is None and ASKED_PLAINLY.search(prompt) is None:
        return _sentence(rng, marker[1])
    return json.dumps({name: _sentence(rng, marker[1]) for name in _outputs(prompt)})


def stage_of(prompt: str) -> str:
    """`contexts`, `seeds`, `write` or `verify`, from the output fields that `prompt` asks for; one without any asks for a text."""
    return {("contexts",): "contexts", ("seeds",): "seeds", ("reason", "label"): "verify"}.get(tuple(_outputs(prompt)), "write")


@contextmanager
def closed_port() -> Iterator[str]:
    """The address of a server that is not there: its port is held, so that nothing else gets it, and nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/v1"


def task_file(marker_a: str = "lantern", marker_b: str = "compass", *, name: str = "rooms") -> str:
    """A small task with two labels, `warm` and `cold`, that the server can write and read back."""
    return f"""name: {name}
description: Short notes about things that people keep, sorted by how they feel to the hand.
fields:
  - name: text
    description: one short note
    form: sentence
labels:
  - name: warm
    meaning: the note holds the word '{marker_a}'
    constraint: Put the word '{marker_a}' somewhere into it.
  - name: cold
    meaning: the note holds the word '{marker_b}'
    constraint: Put the word '{marker_b}' somewhere into it.
contexts:
  hint: places where people keep things
seeds:
  hint: things that stand in {{context}}
"""


def _last_user(body: Mapping[str, Any]) -> str:
    said = [message["content"] for message in body["messages"] if message["role"] == "user"][-1]
    return said if isinstance(said, str) else "".join(part.get("text", "") for part in said)


def _outputs(prompt: str) -> list[str]:
    if (asked := ASKED.search(prompt)) is not None:
        return re.findall(r"`(\w+)`", asked[1])
    asked = ASKED_PLAINLY.search(prompt)
    return re.findall(r'"(\w+)" \(', asked[1]) if asked is not None else ["text"]


def _word(rng: random.Random) -> str:
    return "".join(rng.sample(SYLLABLES, 3))


def _sentence(rng: random.Random, marker: str) -> str:
    """Seven words, four of them free: two sentences share under 0.7 of them."""
    return f"The {_word(rng)} {_word(rng)} {_word(rng)} a {marker} {_word(rng)}."


def _verdict(inputs: Mapping[str, str]) -> dict[str, str]:
    texts = " ".join(value for name, value in inputs.items() if name not in {"description", "labels", "given_label"})
    labels = re.findall(r"(\w+): the note holds the word '(\w+)'", inputs["labels"])
    label, marker = next(((name, word) for name, word in labels if re.search(rf"\b{word}\b", texts)), (labels[0][0], "nothing"))
    return {"reason": f"It holds {marker}.", "label": label}


def _handler(server: OpenAIServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            data = self.rfile.read(length := int(self.headers["Content-Length"]))
            if len(data) < length:  # the client was killed
                self.close_connection = True
                return
            body = json.loads(data)
            with server.taking(dict(self.headers.items()), body) as (seen, fault):
                self._respond(seen, fault or Fault())

        def _respond(self, seen: Seen, fault: Fault) -> None:
            if fault.close:
                self.close_connection = True
                return
            if fault.status != 200:
                error = {"error": {"message": fault.message, "type": "scripted", "code": None}}
                self._send(fault.status, error if fault.body is None else fault.body, fault.headers)
                return
            text: str | None = server.answer(seen)
            if fault.edit is not None and text is not None:
                text = fault.edit(text)
            words = sum(len(str(message["content"]).split()) for message in seen.body["messages"])
            written = len((text or "").split())
            answer = {
                "id": f"chatcmpl-{seen.number}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": seen.body["model"],
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": fault.finish or "stop"}
                ],
                "usage": fault.usage or {"prompt_tokens": words, "completion_tokens": written, "total_tokens": words + written},
            }
            self._send(200, answer if fault.body is None else fault.body, fault.headers, torn=fault.torn, drip=fault.drip)

        def _send(
            self,
            status: int,
            answer: Mapping[str, Any] | bytes,
            headers: Mapping[str, str],
            *,
            torn: bool = False,
            drip: float = 0.0,
        ) -> None:
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for byte in data if drip else b"":
                self.wfile.write(bytes([byte]))
                if server.paused(drip):
                    break
            if not drip:
                self.wfile.write(data[: len(data) // 2] if torn else data)
            self.close_connection = self.close_connection or torn

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                self.close_connection = True  # the client was killed

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
            """Say nothing."""

    return Handler
