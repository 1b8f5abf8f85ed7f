"""Secrets, kept out of whatever is written or said."""

import subprocess
import sys

import pytest

from seedless.masking import masked, secrets_of_environment
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
