"""Which rows an analysis looks at where there are more than it can."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["sampled"]

SAMPLE = 5000  # rows that an analysis looks at; it draws so many where there are more


def sampled(size: int, seed: int | np.random.Generator, *, limit: int = SAMPLE) -> NDArray[np.int64]:
    """Places from 0 to `size`, in order: all of them, or `limit` drawn at random where there are more."""
    if size <= limit:
        return np.arange(size)
    return np.sort(np.random.default_rng(seed).choice(size, limit, replace=False))
