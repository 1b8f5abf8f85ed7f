"""`--lm SPEC`: what it means, what it refuses, and that no key is ever said."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from seedless.errors import SetupError, UsageError
from seedless.lms.spec import EMBEDDED, HOSTED, KEYS, LOCAL, LMSpec, Profile
from seedless.testing import fake_lm

SERVER = "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("given", "kind", "where", "profile"),
    [
        ("embedded", "embedded", "", EMBEDDED),
        ("gguf:model.gguf", "gguf", "model.gguf", LOCAL),
        ("gguf:/a b/model.gguf", "gguf", "/a b/model.gguf", LOCAL),
        ("hf:owner/repo/file.gguf", "hf", "owner/repo/file.gguf", LOCAL),
        ("hf:owner/repo/sub/file.gguf", "hf", "owner/repo/sub/file.gguf", LOCAL),
        ("openai/some-model", "hosted", "openai/some-model", HOSTED),
        ("ollama_chat/llama3:8b", "hosted", "ollama_chat/llama3:8b", HOSTED),
        ("openrouter/meta/some.model", "hosted", "openrouter/meta/some.model", HOSTED),
    ],
)
def test_parse(given: str, kind: str, where: str, profile: Profile) -> None:
    spec = LMSpec.parse(given)
    assert (spec.given, spec.kind, spec.where, spec.profile, spec.api_base) == (given, kind, where, profile, None)
    assert LMSpec.of(given) == spec


@pytest.mark.parametrize(
    "given", ["", "foo", "Embedded", " openai/x", "openai/", "/x", "openai/a b", "hf:a/b", "hf:a/b/c.bin", "hf:", "gpt-4o"]
)
def test_what_means_no_lm_is_refused_with_what_is_allowed(given: str) -> None:
    with pytest.raises(UsageError) as caught:
        LMSpec.parse(given)
    said = str(caught.value)
    assert repr(given) in said
    assert "allowed" in said
    assert "hf:" in said


@pytest.mark.parametrize(
    "api_base", [SERVER, "https://host", "http://[::1]:80/v1/", "HTTP://Host:8000/v1", "http://my_host.local./v1"]
)
def test_api_base(api_base: str) -> None:
    assert LMSpec.parse("openai/x", api_base=api_base).api_base == api_base.rstrip("/")


MALFORMED = [
    "", "127.0.0.1:8000", "ftp://host", "http://", "http:///v1", "file:///etc/passwd", "http://127.0.0.1:99999/v1", "http://127.0.0.1:abc/v1",
    "http://h:0/v1", "http://h:/v1", "http://:80/v1", "http://[::1/v1", "http://.../v1", "http://h/v1 ", " http://h/v1", "http://h/a b",
    "http://h\n/v1",
]  # fmt: skip


@pytest.mark.parametrize("api_base", MALFORMED)
def test_what_is_no_address_is_refused(api_base: str) -> None:
    with pytest.raises(UsageError, match=r"an address such as http://127\.0\.0\.1:8000/v1 is allowed"):
        LMSpec.parse("openai/x", api_base=api_base)


@pytest.mark.parametrize("given", ["embedded", "gguf:x.gguf", "hf:a/b/c.gguf"])
def test_an_lm_in_this_process_has_no_address(given: str) -> None:
    with pytest.raises(UsageError, match="runs in this process; drop it"):
        LMSpec.parse(given, api_base=SERVER)


@pytest.mark.parametrize("provider", sorted(KEYS))
def test_a_missing_key_names_the_variable_and_no_key(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in KEYS.values():
        monkeypatch.setenv(variable, "sk-secret-of-another-provider")
    monkeypatch.setenv(KEYS[provider], "")
    with pytest.raises(SetupError, match=KEYS[provider]) as caught:
        LMSpec.parse(f"{provider}/x").open()
    assert "secret" not in str(caught.value)
    assert "--api-base" in str(caught.value)
    monkeypatch.delenv(KEYS[provider])
    with pytest.raises(SetupError, match=KEYS[provider]):
        LMSpec.parse(f"{provider}/x").open()


def test_a_key_is_part_of_nothing_that_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    lm = LMSpec.parse("openai/x", api_base=SERVER).open()
    assert "secret" not in f"{lm.identity} {lm.address} {lm.model} {lm!r}"


def test_a_server_of_ones_own_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    lm = LMSpec.parse("openai/x", api_base=SERVER).open(concurrency=3)
    assert (lm.concurrency, lm.kwargs["api_base"], lm.priced) == (3, SERVER, False)


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "OPENAI_API_BASE"])
def test_where_the_environment_leads_is_the_api_base(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fake-123456")
    monkeypatch.setenv(variable, f"{SERVER}/")
    lm = LMSpec.parse("openai/x").open()
    assert (lm.address, lm.kwargs["api_base"], lm.identity, lm.priced) == (SERVER, SERVER, f"openai/x@{SERVER}", False)
    assert LMSpec.parse("openai/x", api_base="http://127.0.0.1:1/v1").api_base == "http://127.0.0.1:1/v1"
    assert LMSpec.parse("anthropic/x").api_base is None
    monkeypatch.setenv("ANTHROPIC_BASE_URL", SERVER)
    assert LMSpec.parse("anthropic/x").api_base is None
    monkeypatch.setenv(variable, "https://api.openai.com/v1/\n")
    assert (LMSpec.parse("openai/x").api_base, LMSpec.parse("openai/x").open().priced) == (None, True)
    monkeypatch.setenv(variable, "user:hunter2@host/v1")
    with pytest.raises(UsageError, match="a password in it") as caught:
        LMSpec.parse("openai/x")
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv(variable, "127.0.0.1:8000")
    with pytest.raises(UsageError, match=f"^{variable}: given the API base .* or unset the variable$"):
        LMSpec.parse("openai/x")


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is not a GGUF file"), (b"gguf....", "is not a GGUF file"), (None, "cannot be read")]
)
def test_a_file_that_is_no_gguf_is_refused(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SetupError, match=said) as caught:
        LMSpec.parse(f"gguf:{path}").open()
    assert "gguf:PATH" in str(caught.value)


def test_a_gguf_file_is_found_by_its_first_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF....")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert LMSpec.parse("gguf:~/model.gguf").file() == tmp_path / "model.gguf"


def test_of_an_lm_object() -> None:
    spec = LMSpec.of(fake_lm(str.upper))
    assert (spec.kind, spec.given, spec.profile) == ("hosted", "fake", HOSTED)
    with pytest.raises(UsageError, match="has its own address"):
        LMSpec.of(fake_lm(str.upper), api_base=SERVER)
    with pytest.raises(UsageError, match="given a int as LM"):
        LMSpec.of(7)


def test_with_profile_changes_what_is_given_alone() -> None:
    spec = LMSpec.parse("openai/x")
    assert spec.with_profile(drafts=None, attempts=None) == spec
    changed = spec.with_profile(drafts=4, adapter=None)
    assert (changed.profile.drafts, changed.profile.adapter, changed.given) == (4, "json", "openai/x")
    assert spec.profile.drafts == 1
    with pytest.raises(FrozenInstanceError):
        changed.given = "other"  # type: ignore[misc]  # what must fail


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="a password in it") as refused:
        LMSpec.parse("openai/x", api_base="http://user:s3cret@127.0.0.1:1/v1")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("more", ["?api_key=s3cret", "/?s3cret", "#s3cret"])
def test_a_query_in_the_address_is_refused_and_not_repeated(more: str) -> None:
    with pytest.raises(UsageError, match=r"a query in it .* environment variable") as refused:
        LMSpec.parse("openai/x", api_base=SERVER + more)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("key", ["sk-fake-1234…", "sk-fäke-123456"])
def test_a_key_that_no_request_can_carry_is_told_at_once(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(SetupError, match="OPENAI_API_KEY holds a character beyond ASCII") as refused:
        LMSpec.parse("openai/x", api_base=SERVER).open()
    assert "fake" not in str(refused.value)


def test_a_home_folder_that_is_not_there_is_told() -> None:
    with pytest.raises(SetupError, match=r"names a home folder that is not there; .*gguf:PATH"):
        LMSpec.parse("gguf:~nosuchuser/x.gguf").file()


@pytest.mark.parametrize(
    ("model", "variable"), [("openai/x", "OPENAI_API_KEY"), ("azure/x", "AZURE_API_KEY"), ("hosted_vllm/x", "HOSTED_VLLM_API_KEY")]
)
def test_a_providers_own_key_goes_to_a_server_of_ones_own(model: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "sk-fake-123456\n")
    assert LMSpec.parse(model, api_base=SERVER).open().kwargs["api_key"] == "sk-fake-123456"
    monkeypatch.setenv(variable, "sk-fake\n123456")
    with pytest.raises(SetupError, match=f"{variable} holds a line break"):
        LMSpec.parse(model, api_base=SERVER).open()
