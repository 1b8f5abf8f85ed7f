"""A proxy that the environment names: which variable does, what is wrong with it, and never its value."""

import socket
import time

import pytest

from seedless.errors import LMUnusable
from seedless.lms.metered import MeteredLM
from seedless.lms.proxies import proxy_of
from seedless.lms.spec import opened
from tests.openai_server import OpenAIServer
from tests.programs.lms.test_metered import ASKED, lm_of

PASSWORD = "ProxyPassw0rd"  # noqa: S105  made up, to be looked for where none may be


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("http", "https", "all", "no"):
        for name in (f"{kind}_proxy", f"{kind}_proxy".upper()):
            monkeypatch.delenv(name, raising=False)


def closed() -> str:
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize(
    ("given", "url", "where"),
    [
        ({}, "http://10.0.0.1/v1", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://10.0.0.1/v1", "the environment variable HTTP_PROXY"),
        ({"HTTP_PROXY": "http://p:1", "http_proxy": "http://q:1"}, "http://10.0.0.1/v1", "the environment variable http_proxy"),
        ({"HTTP_PROXY": "http://p:1"}, "https://10.0.0.1/v1", None),
        ({"ALL_PROXY": "http://p:1"}, "https://10.0.0.1/v1", "the environment variable ALL_PROXY"),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "10.0.0.1"}, "https://10.0.0.1/v1", None),
        ({"HTTPS_PROXY": "http://p:1"}, None, "the environment variable HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.1"}, None, None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://[::1", None),
    ],
)
def test_the_variable_that_counts_is_named(
    given: dict[str, str], url: str | None, where: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found = proxy_of(url)
    assert (found and found.where) == where
    assert found is None or found.fault == ""


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (f"socks5h://user:{PASSWORD}@127.0.0.1:1080", "its scheme is 'socks5h'"),
        (f"https://user:{PASSWORD}@127.0.0.1:1080", "its scheme is 'https'"),
        (f"user:{PASSWORD}://127.0.0.1", "it has no scheme that is known"),
        (f"http://user:{PASSWORD}@127.0.0.1:port", "no port from 1 to 65535"),
        (f"user:{PASSWORD}@", "it names no host"),
    ],
)
def test_a_proxy_that_cannot_be_used_ends_at_once(
    value: str, wrong: str, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    started = time.monotonic()
    with pytest.raises(LMUnusable) as caught:
        lm_of(openai_server, tries=5)(ASKED)
    assert time.monotonic() - started < 5
    said = str(caught.value)
    for part in ("the environment variable ALL_PROXY cannot be used", wrong, "http://HOST:PORT", "NO_PROXY"):
        assert part in said
    assert PASSWORD not in said
    assert openai_server.requests == 0


@pytest.mark.parametrize("value", ["http://user:{}@{}/", "{1}"])
def test_a_proxy_that_is_down_is_told(value: str, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", value.format(PASSWORD, closed()))
    with pytest.raises(
        LMUnusable, match=r"failed to connect .*, through the proxy in the environment variable HTTP_PROXY"
    ) as caught:
        lm_of(openai_server)(ASKED)
    assert PASSWORD not in str(caught.value)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    lm_of(openai_server)(ASKED)
    assert openai_server.requests == 1


def test_a_server_that_is_down_and_has_no_proxy_is_told_as_before() -> None:
    lm: MeteredLM = opened("openai/x", api_base=f"http://{closed()}/v1")
    lm.tries = 1
    with pytest.raises(LMUnusable, match="failed to connect") as caught:
        lm(ASKED)
    assert "proxy" not in str(caught.value)
