"""What of the machine's runs out, and what to do about it: memory, open files, threads, room on a disk."""

import errno
import os

__all__ = ["exhausted"]

FILES = "this process may open no more files: allow more (ulimit -n) or give a smaller --concurrency"
MEMORY = "there is not enough memory: free some, or allow this process more (ulimit -v)"
THREADS = "this process may begin no more threads: allow more (ulimit -u)"
DISK = "there is no room left on the disk: make some"
SIZE = "this process may write no file so large: allow more (ulimit -f)"
TEMPORARY = "no folder for temporary files can be written: set TMPDIR to one that can"
LIMITS = {
    errno.EMFILE: FILES,
    errno.ENFILE: FILES,
    errno.ENOMEM: MEMORY,
    errno.ENOSPC: DISK,
    errno.EDQUOT: DISK,
    errno.EFBIG: SIZE,
}
SAID = {
    "failed to map segment": MEMORY,
    os.strerror(errno.ENOMEM): MEMORY,
    os.strerror(errno.EMFILE): FILES,
    "can't start new thread": THREADS,
    "No usable temporary directory": TEMPORARY,
}
"""How a library that cannot be loaded, a thread that cannot be started or a temporary file that cannot be made say which limit was met."""


def exhausted(error: BaseException | None) -> str:
    """Which limit of the machine an error, or one that led to it, comes from, and what to do; empty where it comes from none.

    >>> exhausted(OSError(errno.ENOSPC, "No space left on device"))
    'there is no room left on the disk: make some'
    """
    met: set[int] = set()  # an error may lead back to itself
    while error is not None and id(error) not in met:
        met.add(id(error))
        if isinstance(error, MemoryError):
            return MEMORY
        if isinstance(error, OSError) and error.errno in LIMITS:
            return LIMITS[error.errno]
        if isinstance(error, ImportError | RuntimeError | FileNotFoundError):
            for said, limit in SAID.items():
                if said in str(error):
                    return limit
        error = error.__cause__ or error.__context__
    return ""
