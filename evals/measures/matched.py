"""Rows of two sources that can be compared: as many of each label from both."""

import numpy as np

from seedless.evals.labelled import LabelledRows

__all__ = ["Pair", "matched"]

Pair = tuple[LabelledRows, LabelledRows]  # synthetic rows, real ones


def matched(rows: LabelledRows, real: LabelledRows, rng: np.random.Generator) -> Pair:
    """As many rows of each label from both as the source with fewer has: figures that grow with the number of rows, or differ by
    label, say something about the texts only so. A source all of whose rows are used is given back as it stands.
    """
    counts = np.minimum(rows.counts, real.counts)
    first, second = (each if (each.counts == counts).all() else each.draw(counts, rng) for each in (rows, real))
    return first, second
