"""Replies of a hosted LM as they come in: what servers say each in their own way is put in OpenAI's, before DSPy's client reads it."""

import json
import re
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from ssl import SSLCertVerificationError
from typing import Any
from urllib.parse import urljoin, urlsplit

from dspy.clients.engines.lm15_engine import AsyncLM15Engine
from dspy.lm15 import ConfigurationError

from seedless.lms.proxies import proxy_of

__all__ = [
    "MOST_TOKENS",
    "Engines",
    "Reply",
    "Sending",
    "Transport",
    "as_openai",
    "counted",
    "in_seconds",
    "in_utf_8",
    "reason",
    "redirected",
    "sending",
]

SAYING = ("error", "message", "detail", "errors", "msg")  # the fields in which servers say what is wrong
EVENT = re.compile(rb"\s*(?:data|event|id|retry)?:")  # how a stream of events begins
CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)
SHOWN = 200  # characters of an error that says it in none of them
MOST_CONNECTIONS = 100_000  # of one engine
MOST_TOKENS = 10**9  # of one answer that are believed
DIGITS = re.compile(r"\s*[0-9]{1,10}\s*")
REDIRECTS, ERRORS = 300, 400  # HTTP statuses from here on
ENDPOINT = re.compile(r"/(?:chat/completions|responses|messages)/?$")  # what a client adds to the API base


class Sending:
    """Whether a request has gone as far as its connection. Set as the context's `sending`, a `Transport` notes it."""

    begun = False


sending: ContextVar[Sending | None] = ContextVar("sending", default=None)


class Engines(dict[Hashable, Any]):
    """The engines that DSPy keeps for an LM. Those of its own client get a `Transport`, and as many connections as requests come: how many may be
    in flight is the LM's to say."""

    @property
    def tell(self) -> bool:
        """Whether all of them note in `sending` what they send."""
        return bool(self) and all(isinstance(engine, AsyncLM15Engine) for engine in self.values())

    def __setitem__(self, key: Hashable, engine: Any) -> None:
        if isinstance(engine, AsyncLM15Engine):
            engine.router.config = replace(engine.router.config, max_connections=MOST_CONNECTIONS)
            engine.router._transport = Transport(engine.router._shared_transport())
        super().__setitem__(key, engine)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply, as DSPy's client reads one."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    http_version: str
    body: bytes

    async def read(self) -> bytes:
        """The body."""
        return self.body


class Transport:
    """The transport of DSPy's client, `inner`, with replies that the client can read."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    @asynccontextmanager
    async def stream(self, request: Any) -> AsyncIterator[Any]:
        """Send a request. What comes event by event is handed on as it is.

        Raises
        ------
        ConfigurationError
            If the server redirects, or streams unasked, its certificate cannot be verified, or the proxy that the environment names cannot be used.
        """
        if (proxy := proxy_of(request.url)) is not None and proxy.fault:
            raise ConfigurationError(proxy.fault)
        if (noted := sending.get()) is not None:
            noted.begun = True
        try:
            async with self.inner.stream(request) as reply:
                if REDIRECTS <= reply.status < ERRORS:
                    raise ConfigurationError(redirected(request.url, reply.header("location")), status=reply.status)
                kind = reply.header("content-type") or ""
                if "event-stream" in kind and _asks_for_events(request):
                    yield reply
                else:
                    body = in_utf_8(await reply.read(), kind)
                    if "event-stream" in kind and reply.status < ERRORS and EVENT.match(body):
                        raise ConfigurationError(
                            "the server answers event by event, which it was not asked to; turn its streaming off"
                        )
                    body = as_openai(reply.status, body)
                    yield Reply(reply.status, reply.reason, in_seconds(reply.headers), reply.http_version, body)
        except Exception as error:  # raised again, one of them in better words
            if isinstance(error.__cause__, SSLCertVerificationError):
                raise ConfigurationError(
                    f"the server's certificate cannot be verified ({error.__cause__.verify_message}); if you trust it, name the file that "
                    "holds it or its authority's in the environment: SSL_CERT_FILE=ca.pem"
                ) from error
            raise

    async def aclose(self) -> None:
        """Close the connections."""
        await self.inner.aclose()


def redirected(asked: str, location: str | None) -> str:
    """What to do about a redirect from `asked` to `location`; a password and a query in it are not said.

    >>> redirected("http://host/v1/chat/completions", "https://me:pw@host/v1/chat/completions?key=1")
    'the server redirects to https://host/v1; give that as the API base (--api-base)'
    """
    try:
        to = urlsplit(urljoin(asked, location or ""))
    except ValueError:  # no address
        location = None
    if not location:
        return "the server redirects and names no address; check the API base (--api-base)"
    address = f"{to.scheme}://{to.netloc.rpartition('@')[2]}{to.path}"
    if ENDPOINT.search(to.path) is None:
        return f"the server redirects to {address}, which is no API's address; check the API base (--api-base)"
    return f"the server redirects to {ENDPOINT.sub('', address)}; give that as the API base (--api-base)"


def in_utf_8(body: bytes, content_type: str) -> bytes:
    """`body` as UTF-8: as it is where it is that, whatever its header says, else from the charset that its header names.

    >>> in_utf_8(b'"caf\\xe9"', "application/json; charset=ISO-8859-1").decode()
    '"café"'
    """
    named = CHARSET.search(content_type)
    try:
        body.decode()
    except UnicodeDecodeError:
        with suppress(LookupError, ValueError):  # the reader of JSON says what is wrong
            return body.decode(named[1]).encode() if named is not None else body
    return body


def in_seconds(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """`headers` with the seconds from the server's own `Date` where `Retry-After` is a date: the clocks of two machines differ.

    >>> in_seconds([("Date", "Wed, 21 Oct 2015 07:28:00 GMT"), ("Retry-After", "Wed, 21 Oct 2015 07:28:09 GMT")])[1]
    ('Retry-After', '9')
    """
    told = {name.lower(): value for name, value in headers}
    try:
        wait = parsedate_to_datetime(told["retry-after"]) - parsedate_to_datetime(told["date"])
    except (KeyError, ValueError, TypeError, OverflowError):  # one of them is missing, or no date
        return headers
    seconds = str(max(0, round(wait.total_seconds())))
    return [(name, seconds if name.lower() == "retry-after" else value) for name, value in headers]


def _asks_for_events(request: Any) -> bool:
    """Whether a request is for a stream, as its address says (Gemini's) or its body."""
    return ":stream" in urlsplit(request.url).path or json.loads(request.body).get("stream") is True


def as_openai(status: int, body: bytes) -> bytes:
    """`body`, or where it is JSON of another form than OpenAI's, has numbers that JSON has not (NaN), more answers than the one that was asked for, or
    counts no tokens in whole numbers, what it says in that form.

    >>> as_openai(400, b'{"detail": "no such model"}')
    b'{"error": {"message": "no such model"}}'
    """
    odd: list[str] = []
    try:
        said = json.loads(body, parse_constant=odd.append)  # read as null
        if odd:
            body = json.dumps(said).encode()
        if status >= ERRORS:
            return body if _is_openai_error(said) else _error(said, reason(said) or body[:SHOWN].decode("utf-8", "replace"))
        if (
            isinstance(said, dict)
            and not said.get("choices")
            and (isinstance(said.get("error"), str) or said.get("object") == "error")
        ):
            return _error(said, reason(said)) if reason(said) else body
        read: dict[str, Any] = {}
        if isinstance(said, dict) and said.get("usage") is not None and (usage := counted(said["usage"])) != said["usage"]:
            read["usage"] = usage
        if isinstance(said, dict) and isinstance(choices := said.get("choices"), list) and len(choices) > 1:
            read["choices"] = [next((one for one in choices if isinstance(one, dict) and one.get("index") == 0), choices[0])]
        if read:
            return json.dumps({**said, **read}).encode()
    except (ValueError, RecursionError):  # no JSON, or none that can be read
        pass
    return body


def reason(said: Any) -> str:
    """What the JSON of an error gives as its reason; empty where it gives none.

    >>> reason({"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]})
    'body.seed: Extra inputs are not permitted'
    """
    if isinstance(said, str):
        return said.strip()
    if isinstance(said, list):
        return "; ".join(filter(None, map(reason, said)))
    if not isinstance(said, dict):
        return ""
    found = next(filter(None, (reason(said.get(name)) for name in SAYING)), "")
    where = said.get("loc")  # FastAPI's place in the request
    return f"{'.'.join(map(str, where))}: {found}" if found and isinstance(where, list) else found


def counted(usage: Any) -> dict[str, Any] | None:
    """A count of tokens, with None for each number that is none.

    >>> counted({"prompt_tokens": "10", "completion_tokens": 12.5, "service_tier": "default"})
    {'prompt_tokens': 10, 'completion_tokens': None, 'service_tier': 'default'}
    """
    if not isinstance(usage, dict):
        return None
    read = {"_tokens": _count, "_details": counted}
    return {name: next((how(value) for end, how in read.items() if name.endswith(end)), value) for name, value in usage.items()}


def _count(value: Any) -> int | None:
    if (isinstance(value, str) and DIGITS.fullmatch(value)) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None


def _is_openai_error(said: Any) -> bool:
    error = said.get("error") if isinstance(said, dict) else None
    return isinstance(error, dict) and isinstance(error.get("message"), str) and bool(error["message"].strip())


def _error(said: Any, message: str) -> bytes:
    """OpenAI's form of an error, with its type and code where the server gives them as words."""
    named = said if isinstance(said, dict) else {}
    given = named["error"] if isinstance(named.get("error"), dict) else named
    kinds = {name: given[name] for name in ("type", "code") if isinstance(given.get(name), str)}
    return json.dumps({"error": {"message": message, **kinds}}).encode()
