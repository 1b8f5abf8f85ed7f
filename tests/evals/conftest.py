"""Evaluation without the sentence embedder, unless a test asks for it: it takes seconds to load."""

import pytest

from seedless.errors import SetupError
from seedless.evals import projection


@pytest.fixture
def without_embeddings(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the `embedded` group is not installed."""

    def missing(texts: object) -> object:
        raise SetupError("the embedding packages are not installed")

    monkeypatch.setattr(projection, "embeddings", missing)
