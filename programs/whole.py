"""Files that are there whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["whole"]


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place at the end: a reader sees the old file or the new one, never a part.

    Where writing fails it is taken away again, and `path` stays as it was.
    """
    part = path.with_name(path.name + ".partial")
    try:
        yield part
        part.replace(path)
    finally:
        with suppress(OSError):  # what went wrong with it is on its way to the caller
            part.unlink(missing_ok=True)
