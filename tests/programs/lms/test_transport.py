"""What servers say in their own way is read, and told."""

import json
import math
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from seedless.errors import LMUnusable
from seedless.lms.spec import opened
from seedless.lms.step import NoSteps, Step
from seedless.lms.transport import as_openai, in_seconds, in_utf_8, reason, redirected
from tests.openai_server import Fault, OpenAIServer
from tests.programs.lms.test_metered import ASKED, lm_of

NAMED_SEED = {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "type": "extra_forbidden"}]}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"object": "error", "message": "too long", "type": "BadRequestError", "code": 400}, "too long"),
        (NAMED_SEED, "body.seed: Extra inputs are not permitted"),
        ({"detail": "no such token"}, "no such token"),
        ([{"error": {"code": 400, "message": "bad argument", "status": "INVALID_ARGUMENT"}}], "bad argument"),
        ({"errors": [{"message": "first"}, {"message": "second"}]}, "first; second"),
        ({"error": "try pulling it first"}, "try pulling it first"),
        ({"error": {"message": "", "code": 3}, "detail": None}, ""),
        ({"status": "bad"}, ""),
        (None, ""),
    ],
)
def test_the_reason_of_an_error(said: Any, why: str) -> None:
    assert reason(said) == why
    message = json.loads(as_openai(400, json.dumps(said).encode()))["error"]["message"]
    assert message == why or (not why and message == json.dumps(said))


def test_an_error_keeps_its_kind_and_what_is_openai_s_or_no_json_stays() -> None:
    kinds = {"type": "rate_limit_error", "code": "slow"}
    assert json.loads(as_openai(429, json.dumps({"message": "wait", **kinds}).encode())) == {"error": {"message": "wait", **kinds}}
    for body in (b'{"error": {"message": "wait"}, "x": 1}', b"<html>", b"", b"[" * 100_000):
        assert as_openai(500, body) == body


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_the_reason_reaches_the_message(status: int, openai_server: OpenAIServer) -> None:
    openai_server.script({1: Fault(status=status, body=b'{"detail": "no such thing for you"}')})
    with pytest.raises(LMUnusable, match=rf"HTTP {status}, \w+: no such thing for you; mend"):
        lm_of(openai_server)(ASKED)


def test_an_error_without_a_reason_is_shown_without_the_key(openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fake-5f2d9c0b7e4a1836")
    openai_server.script({1: Fault(status=400, body=b'{"given": "sk-fake-5f2d9c0b7e4a1836"}')})
    with pytest.raises(LMUnusable, match=r'\{"given": "\[secret\]"\}'):
        lm_of(openai_server)(ASKED)


@pytest.mark.parametrize("body", [b'{"error": "no worker is free"}', b'{"object": "error", "message": "no worker is free"}'])
def test_an_error_that_comes_as_an_answer_is_one(body: bytes, openai_server: OpenAIServer) -> None:
    openai_server.script({1: Fault(body=body)})
    with pytest.raises(LMUnusable, match="Server: no worker is free"):
        lm_of(openai_server)(ASKED)
    answer = body.replace(b"}", b', "choices": [1]}')
    assert as_openai(200, answer) == answer


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_ends_the_run_at_once_and_says_where_to(status: int, openai_server: OpenAIServer) -> None:
    to = {"Location": "http://me:pw@localhost:1/api/v1/chat/completions?key=s3cret"}
    openai_server.script(lambda _: Fault(status=status, headers=to))
    with pytest.raises(LMUnusable, match=r"redirects to http://localhost:1/api/v1; give that as the API base") as ended:
        lm_of(openai_server, tries=5)(ASKED)
    assert openai_server.requests == 1
    assert f"HTTP {status}" in str(ended.value)
    assert not {"pw", "s3cret"} & set(str(ended.value).replace(":", " ").replace("=", " ").split())


@pytest.mark.parametrize(
    ("location", "said"),
    [
        (None, "names no address"),
        ("http://[::1/v1", "names no address"),
        ("/login?next=v1", "redirects to http://host:1/login, which is no API's address"),
        ("/v2/chat/completions", "redirects to http://host:1/v2; give that"),
    ],
)
def test_where_a_redirect_leads(location: str | None, said: str) -> None:
    assert said in redirected("http://host:1/v1/chat/completions", location)


def self_signed(folder: Path) -> Path:
    """A file with a key for 127.0.0.1 and its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server of one's own")])
    begun = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begun, begun + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    file = folder / "ca.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM))
    return file


def test_a_self_signed_certificate_is_told_of_at_once_and_can_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file := self_signed(tmp_path))
    server = OpenAIServer()
    server._http.socket = context.wrap_socket(server._http.socket, server_side=True)
    with server:
        address = server.url.replace("http:", "https:")
        with pytest.raises(LMUnusable, match=r"cannot be verified \(self.signed certificate\); .*SSL_CERT_FILE=ca\.pem"):
            opened("openai/some-model", api_base=address)(ASKED)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert "contexts" in opened("openai/some-model", api_base=address)(ASKED)[0]


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": "10", "completion_tokens": 12.0}, (10, 12)),
        ({"prompt_tokens": 10, "completion_tokens": 12.5}, (10, None)),
        ({"prompt_tokens": math.nan, "completion_tokens": math.inf, "total_tokens": -1}, (None, None)),
        ({"prompt_tokens": -3, "completion_tokens": 10**400}, (None, None)),
        ({"prompt_tokens": True, "completion_tokens": "9" * 5000}, (None, None)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": [], "completion_tokens_details": {"reasoning_tokens": "2"}}, (10, 5)),
        ({"prompt_tokens": 10.0, "completion_tokens": 12.0}, (10, 12)),
        ([1, 2], (None, None)),
        ("many", (None, None)),
    ],
)  # fmt: skip
def test_an_answer_is_kept_whatever_its_usage(
    usage: Any, tokens: tuple[int | None, int | None], openai_server: OpenAIServer
) -> None:
    class Kept(NoSteps):
        def finish(self, key: str, step: Step) -> None:
            self.step = step

    lm = lm_of(openai_server)
    lm.steps = kept = Kept()
    openai_server.script({1: Fault(usage=usage)})
    lm(ASKED)
    assert (kept.step.input_tokens, kept.step.output_tokens) == tokens


def test_a_date_to_wait_until_is_read_by_the_server_s_own_clock(openai_server: OpenAIServer) -> None:
    ahead = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
    openai_server.script({1: Fault(status=429, headers={"Date": ahead, "Retry-After": ahead})})
    assert "contexts" in lm_of(openai_server, tries=2)(ASKED)[0]


@pytest.mark.parametrize("headers", [[("Retry-After", "5")], [("Date", "today"), ("Retry-After", "soon")], [("Date", "x")], []])
def test_a_wait_that_is_no_date_stays(headers: list[tuple[str, str]]) -> None:
    assert in_seconds(headers) == headers


def test_numbers_that_json_has_not_are_none(openai_server: OpenAIServer) -> None:
    message = {"content": "said", "score": math.nan}
    openai_server.script({1: Fault(body=json.dumps({"choices": [{"message": message}], "took": math.inf}).encode())})
    assert lm_of(openai_server)(ASKED) == ["said"]


def test_of_several_answers_the_first_is_taken(openai_server: OpenAIServer) -> None:
    choices = [{"index": index, "message": {"content": f"said {index}"}, "finish_reason": "stop"} for index in (1, 0)]
    openai_server.script({1: Fault(body=json.dumps({"choices": choices}).encode())})
    assert lm_of(openai_server)(ASKED) == ["said 0"]


def test_events_that_nobody_asked_for_end_the_run_and_are_called_so(openai_server: OpenAIServer) -> None:
    headers = {"Content-Type": "text/event-stream"}
    openai_server.script(lambda number: Fault(status=200 if number == 1 else 400, headers=headers, body=b"data: {}"))
    with pytest.raises(LMUnusable, match="answers event by event, which it was not asked to; turn its streaming off"):
        lm_of(openai_server, tries=5)(ASKED)
    assert openai_server.requests == 1
    with pytest.raises(LMUnusable, match=r"HTTP 400, .*: data: \{\}"):
        lm_of(openai_server)(ASKED)


def test_an_answer_that_is_only_called_a_stream_is_read(openai_server: OpenAIServer) -> None:
    body = json.dumps({"choices": [{"message": {"content": "said"}}]}).encode()
    openai_server.script({1: Fault(headers={"Content-Type": "text/event-stream"}, body=body)})
    assert lm_of(openai_server)(ASKED) == ["said"]


def test_a_charset_that_a_server_names_is_read(openai_server: OpenAIServer) -> None:
    body = json.dumps({"choices": [{"message": {"content": "café"}}]}, ensure_ascii=False)
    headers = {"Content-Type": "application/json; charset=iso-8859-1"}
    openai_server.script({1: Fault(headers=headers, body=body.encode("latin-1"))})
    assert lm_of(openai_server)(ASKED) == ["café"]
    for kind in ("", "application/json", "a/b; charset=none-such", "a/b; charset=ascii"):
        assert in_utf_8(b"\xe9", kind) == b"\xe9"
    assert in_utf_8("é".encode(), "a/b; charset=iso-8859-1").decode() == "é"  # whatever its header says


def test_an_answer_with_a_sound_usage_is_handed_on_as_it_came() -> None:
    body = b'{"usage":  {"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.1, "prompt_tokens_details": {"cached_tokens": 0}}}'
    assert as_openai(200, body) is body
