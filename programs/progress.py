"""How a run looks from outside: a bar on a terminal, a line now and then elsewhere."""

import logging
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from seedless.outcome import Outcome, Row
from seedless.wording import counted

if TYPE_CHECKING:
    from rich.progress import Progress as Bar, TaskID

__all__ = ["Progress"]

LOG = logging.getLogger("seedless")
EVERY = 10.0  # seconds between plain lines


class Progress:
    """Counts rows and refusals on `stream`, where warnings go too while it is open (the LM has to be waited for). A context manager."""

    def __init__(self, *, total: int, done: int, title: str, stream: TextIO) -> None:
        self._total, self._done, self._refused = total, done, 0
        self._title, self._stream = title, stream
        self._started = self._told = time.monotonic()
        self._warnings = _Told(self)
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        if stream.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress as RichBar,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self._bar = RichBar(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[refused]} refused"),
                TimeElapsedColumn(), TimeRemainingColumn(), console=Console(file=stream),
            )  # fmt: skip
            self._task = self._bar.add_task(title, total=total, completed=done, refused=0)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        LOG.addHandler(self._warnings)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        LOG.removeHandler(self._warnings)
        if self._bar is not None:
            self._bar.stop()

    def say(self, text: str) -> None:
        """A line of its own."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            self._stream.write(f"{self._title}: {text}\n")
            self._stream.flush()

    def add(self, outcome: Outcome) -> None:
        """Count one decided slot."""
        if isinstance(outcome, Row):
            self._done += 1
        else:
            self._refused += 1
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done, refused=self._refused)
            return
        now = time.monotonic()
        if now - self._told >= EVERY or self._done == self._total:
            self._told = now
            self.say(
                f"{self._done} of {counted(self._total, 'row')}, {counted(self._refused, 'slot')} refused, {now - self._started:.0f} s"
            )


class _Told(logging.Handler):
    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        self._progress.say(record.getMessage())
