"""Files that are there whole or not at all."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["cleared", "whole"]


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place at the end: a reader sees the old file or the new one, never a part.

    It is new and of its own name, so that two writers at once do not mix, and no link that lies in the folder is followed. It is on
    the disk before it takes that place, so that a machine which loses its power leaves no empty file there. Where writing fails it
    is taken away again, and `path` stays as it was.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    part.touch(exist_ok=False)
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(OSError):  # what went wrong with it is on its way to the caller
            part.unlink(missing_ok=True)


def cleared(path: Path, *, age: float = 0.0) -> None:
    """Take away what killed writers of `path` left behind, where nothing was written to it for `age` seconds. For who knows that nobody writes it now."""
    for part in path.parent.glob("*.partial"):
        if part.name.startswith(f"{path.name}."):
            with suppress(FileNotFoundError):  # another process took it away, or its writer is done
                if time.time() - part.lstat().st_mtime >= age:
                    part.unlink()
