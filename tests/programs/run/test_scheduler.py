"""The loop over N tells what ends it."""

from itertools import count
from pathlib import Path

import pytest

from seedless import Generation, Options, SetupError
from seedless.testing import fake_lm
from tests.openai_server import Author


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("most", range(3, 10))
def test_a_journal_that_is_full_ends_the_run(most: int, concurrency: int, task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it happens: also right behind an outcome, when the last worker ends before anyone has seen that outcome."""
    begun = count(1)
    with Generation(task, n=6, options=Options(lm=fake_lm(Author()), verify="none", concurrency=concurrency)) as generation:
        begin = generation.folder.journal.begin

        def begin_until_full(key: str, stage: str) -> None:
            if next(begun) > most:
                raise SetupError("run.db: cannot be written (database or disk is full)")
            begin(key, stage)

        monkeypatch.setattr(generation.folder.journal, "begin", begin_until_full)
        with pytest.raises(SetupError, match="disk is full"):
            list(generation)
