"""Secrets, kept out of whatever is written or said."""

import subprocess
import sys

import pytest

from seedless.masking import masked, secrets_of_environment, without_user_info
from tests.package_tree import ROOT


def test_a_secret_goes_in_every_form_and_the_longest_first() -> None:
    secrets = ["sk-12 34/é", "sk-12"]
    said = "sk-12 34/é, sk-12%2034%2F%C3%A9, sk-12 34/\\xe9, sk-12"
    assert masked(said, secrets) == "[secret], [secret], [secret], [secret]"
    assert masked(said, []) == said


def test_a_secret_goes_where_no_file_can_be_opened() -> None:
    script = (
        "import resource; from seedless.masking import masked; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); "
        "assert masked('sk-12', ['sk-12']) == '[secret]'"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=30)


def test_the_environment_s_secrets_are_those_of_telling_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SOME_API_KEY": "from-a-file-4711\n", "SHORT_KEY": "none", "GIT_AUTHOR_NAME": "Penelope Example"}.items():
        monkeypatch.setenv(name, value)
    assert "from-a-file-4711" in secrets_of_environment()
    assert not {"none", "Penelope Example", ""} & secrets_of_environment()


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("ALL_PROXY", "socks5h://user:ProxyPassw0rd@127.0.0.1:1080", {"ProxyPassw0rd", "user:ProxyPassw0rd"}),
        ("http_proxy", "user:ProxyPassw0rd@127.0.0.1:1080", {"ProxyPassw0rd", "user:ProxyPassw0rd", "dXNlcjpQcm94eVBhc3N3MHJk"}),
        ("SOME_DATABASE", "postgresql://me:p%40ss%3Aw0rd@db/x", {"p%40ss%3Aw0rd", "p@ss:w0rd", "me:p@ss:w0rd"}),
        ("BROKERS", "amqp://a:first-pass@one,amqp://b:second-pass@two", {"first-pass", "second-pass"}),
        ("HOMEPAGE", "http://me:odd@pass#word@host/a@b", {"odd@pass#word"}),
        ("PACKAGES", "https://glpat-0123456789abcdef@host/simple", {"glpat-0123456789abcdef"}),
    ],
)
def test_a_password_in_a_url_is_a_secret_whatever_its_variable_is_called(
    name: str, value: str, secrets: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = secrets_of_environment()
    monkeypatch.setenv(name, value)
    assert secrets <= secrets_of_environment()
    for harmless in ("http://127.0.0.1:1080", "127.0.0.1:1080", "ssh://git@some.host/x", "Penelope Example <me@example.org>"):
        monkeypatch.setenv(name, harmless)
        assert secrets_of_environment() == before


def test_a_password_that_may_be_a_word_is_none_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres:password@localhost/x")
    assert "password" not in secrets_of_environment()
    assert "postgres:password" in secrets_of_environment()


def test_the_user_of_a_url_is_told_nowhere() -> None:
    assert without_user_info("no http://me:pw@host:1 or https://host/a@b") == "no http://[secret]@host:1 or https://host/a@b"
