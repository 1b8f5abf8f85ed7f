"""Secrets, kept out of whatever is written or said."""

import pytest

from seedless.masking import masked, secrets_of_environment


def test_a_secret_goes_in_every_form_and_the_longest_first() -> None:
    secrets = ["sk-12 34/é", "sk-12"]
    said = "sk-12 34/é, sk-12%2034%2F%C3%A9, sk-12 34/\\xe9, sk-12"
    assert masked(said, secrets) == "[secret], [secret], [secret], [secret]"
    assert masked(said, []) == said


def test_the_environment_s_secrets_are_those_of_telling_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SOME_API_KEY": "from-a-file-4711\n", "SHORT_KEY": "none", "GIT_AUTHOR_NAME": "Penelope Example"}.items():
        monkeypatch.setenv(name, value)
    assert "from-a-file-4711" in secrets_of_environment()
    assert not {"none", "Penelope Example", ""} & secrets_of_environment()
