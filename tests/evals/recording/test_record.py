"""Records: what may be in them, and that they come back as they were written."""

import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from seedless.evals.recording.prompts import StagePrompt
from seedless.evals.recording.record import DataSet, Record, Untracked, flat, without_secrets

CHILD = Record(
    key="c", kind="compile", task="rooms", name="candidate 1", params={"candidate": 1}, metrics={"metric": 0.5}, ended=5.0
)
RECORD = Record(
    key="k", kind="compile", task="rooms", name="gepa", params={"optimizer": "gepa", "seed": 3, "budget_usd": 0.5},
    metrics={"metric": 0.75, "refused/length:text": 2.0}, prompts=(StagePrompt("write", "Write “Zoë”.\n", "Write.\n"),), program='{"a": {}}',
    champion=True, rows=({"text": "Hi\x00", "confidence": None},), refusals=({"sentence": "No."},), data=DataSet("rooms", "ab", "out/rows.jsonl", 6),
    report=Path("report.html"), task_file="{}", status="KILLED", ended=12.5, seconds=2.0, children=(CHILD, replace(CHILD, key="d")),
)  # fmt: skip


def test_a_record_comes_back_as_it_was() -> None:
    assert Record.read(RECORD.written()) == RECORD


def test_a_name_that_is_no_utf_8_is_escaped() -> None:
    name = os.fsdecode(b"out/sur\xff")
    record = replace(
        RECORD, name=name, report=Path(name), data=DataSet("rooms", "ab", name, 6), params={"variant": name, "lm": name}
    )
    written = record.written()
    written.encode("utf-8")
    back, escaped = Record.read(written), "out/sur\\udcff"
    assert (back.name, back.report, back.params) == (escaped, Path(escaped), {"variant": escaped, "lm": escaped})
    assert back.data == DataSet("rooms", "ab", escaped, 6)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", b"\xff\xfe", RECORD.written()[:-20], RECORD.written().replace('"compile"', '"destroy"', 1)]
)
def test_what_is_no_record_is_refused(text: str | bytes) -> None:
    with pytest.raises(Untracked, match="cannot be read"):
        Record.read(text)


@pytest.mark.parametrize("name", ["api_key", "OPENAI_API_KEY", "headers", "env"])
def test_no_other_parameter_is_taken(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        replace(RECORD, params={name: "x"})


def test_a_password_in_a_url_of_the_environment_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5h://user:p%40ss-w0rd@127.0.0.1:1080")
    record = replace(RECORD, summary="no way through socks5h://user:p%40ss-w0rd@127.0.0.1:1080", findings='{"why": "p@ss-w0rd"}')
    back = Record.read(record.written())
    assert back.summary == "no way through socks5h://[secret]@127.0.0.1:1080"
    assert back.findings == '{"why": "[secret]"}'


def test_secrets_of_the_environment_are_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SOME_API_KEY": 'sk-"quoted"\\9', "HF_TOKEN": "hf_abcdef", "LONGER_TOKEN": "hf_abcdefgh", "DB_PASSWORD": "swordfish", "AWS_ACCESS_KEY_ID": "AKIA123456",
        "SHORT_KEY": "Hi", "EDITOR": "sentence",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    told = 'It said sk-"quoted"\\9, hf_abcdefgh, hf_abcdef and swordfish; AKIA123456.'
    masked = "It said [secret], [secret], [secret] and [secret]; [secret]."
    assert without_secrets({"a": [told, 1, None], "sentence": (told,)}) == {"a": [masked, 1, None], "sentence": [masked]}
    written = replace(RECORD, refusals=({"sentence": told},), prompts=(StagePrompt("write", told, told),)).written()
    back = Record.read(written)
    assert back.refusals == ({"sentence": masked},)
    assert back.prompts == (StagePrompt("write", masked, masked),)
    assert not any(secret in written for secret in ("quoted", "hf_abc", "swordfish", "AKIA"))


@pytest.mark.parametrize("key", ["openai", "ollama", "some-model", "openai/some-model"])
def test_a_placeholder_for_a_key_changes_no_model_s_name(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Penelope Example")
    child = replace(CHILD, params={"candidate": 1, "reflection_lm": "openai/some-model"})
    record = replace(
        RECORD,
        params={"lm": "openai/some-model", "judge_lm": "ollama/other"},
        program="",
        summary="Penelope Example",
        children=(child,),
    )
    assert Record.read(record.written()) == record


def test_a_program_that_holds_a_secret_is_left_out_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not RECORD.discloses
    for name in ("OPENAI_API_KEY", "BASIC_AUTH", "HTTP_AUTHORIZATION"):
        monkeypatch.setenv(name, "lanterns")
        record = replace(RECORD, program='{"a": "Name the lanterns."}')
        assert record.discloses
        assert Record.read(record.written()).program == ""
        monkeypatch.delenv(name)
        assert Record.read(record.written()) == record


def test_figures_become_flat() -> None:
    assert flat({
        "n": 3, "ok": True, "none": None, "text": "x", "bad": math.nan, "list": [1, 2, 3],
        "per label": {"a,b": {"f1": 0.5, "ratio": {"value": 0.5, "low": 0.4, "high": 0.6, "rows": 9}}, "gut": {"low": 1}},
    }) == {
        "n": 3.0, "per label/a_b/f1": 0.5, "per label/a_b/ratio": 0.5, "per label/a_b/ratio_low": 0.4, "per label/a_b/ratio_high": 0.6,
        "per label/a_b/ratio_rows": 9.0, "per label/gut/low": 1.0,
    }  # fmt: skip
