"""Sentence embeddings: all-MiniLM-L6-v2 through llama.cpp, each text embedded once."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedless.background import Threads
from seedless.lms.llama import LlamaServer, cores
from seedless.lms.weights import common_words, kept_beside_minilm, minilm

__all__ = ["Encoder", "encoder", "shared", "vocabulary"]

LIMIT = 1500  # characters: MiniLM reads 256 word pieces
REMEMBERED = 20_000  # texts
COPIES = 4  # of the weights, at most; each embeds a text at a time
BATCH = 32  # texts of one request
COMMON = 8000  # words of the vocabulary that are looked at


class Encoder:
    """Unit vectors of texts, shape (n, 384). The latest `REMEMBERED` texts are not embedded again. Of long ones each line has its share."""

    def __init__(self) -> None:
        copies = min(COPIES, cores())
        self._server = LlamaServer(minilm(), slots=copies, threads=copies, context=512, embedding=True)
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._pool = Threads(1, name="seedless-encoder")
        self._batches = Threads(copies, name="seedless-encoder-batch")

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: the weights are loaded once."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """The one of the process that reads it back."""
        return encoder, ()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of `texts`, in their order; rows have length 1."""
        asked = [shared(text.split("\n")) or " " for text in texts]
        fresh = [text for text in dict.fromkeys(asked) if text not in self._known]
        found: dict[str, NDArray[np.float32]] = {}
        batches = [fresh[start : start + BATCH] for start in range(0, len(fresh), BATCH)]
        for batch, vectors in zip(batches, self._batches.map(self._server.embed, batches), strict=True):
            found.update(zip(batch, vectors, strict=True))
        embedded = np.stack([found[text] if text in found else self._known[text] for text in asked])
        self._known.update(found)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return embedded

    async def aembed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `embed`, without holding up the event loop; calls are done one after the other."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.embed, texts)


def shared(texts: Sequence[str], limit: int = LIMIT) -> str:
    r"""`texts` as the lines of one of `limit` characters at most: where they are longer together, the longest are cut to equal shares.

    >>> shared(["a passage", "a comment"])
    'a passage\na comment'
    >>> [len(line) for line in shared(["p" * 9000, "q" * 2000, "a comment"]).split("\n")]
    [744, 744, 9]
    """
    room, share = limit - len(texts) + 1, limit
    for i, length in enumerate(sorted(map(len, texts))):
        if length * (len(texts) - i) > room:
            share = max(0, room // (len(texts) - i))
            break
        room -= length
    return "\n".join(text[:share] for text in texts)[:limit]


@cache
def vocabulary() -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The embedder's commonest words and their vectors, shape (words, 384); embedded once and kept in the user's cache."""
    words = common_words(COMMON)

    def embedded(target: Path) -> None:
        with target.open("wb") as file:
            np.save(file, encoder().embed(words).astype(np.float16))

    name = f"words-{COMMON}.npy"
    try:
        vectors = np.load(kept_beside_minilm(name, embedded))
    except (EOFError, ValueError):  # a torn file
        kept_beside_minilm(name, embedded).unlink(missing_ok=True)
        vectors = np.load(kept_beside_minilm(name, embedded))
    return words, vectors.astype(np.float32)


@cache
def encoder() -> Encoder:
    """The process's encoder, loaded at its first use."""
    return Encoder()
