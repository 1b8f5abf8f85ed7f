"""What of the machine's runs out."""

import errno
import os
import tempfile

import pytest

from seedless.resources import exhausted


def chained() -> Exception:
    error = AttributeError("partially initialized module")
    error.__context__ = MemoryError()
    return error


def led_to_itself() -> Exception:
    error = ValueError("odd")
    error.__context__ = KeyError("odd")
    error.__context__.__context__ = error
    return error


def no_temporary_folder() -> Exception:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere"])
        patch.setattr(tempfile, "tempdir", None)
        with pytest.raises(FileNotFoundError) as caught:
            tempfile.gettempdir()
    return caught.value


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/some/module.py"), "--concurrency"),
        (OSError(errno.EFBIG, os.strerror(errno.EFBIG)), "ulimit -f"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "room left on the disk"),
        (MemoryError(), "memory"),
        (no_temporary_folder(), "set TMPDIR"),
        (ImportError("/some/library.so: failed to map segment from shared object"), "memory"),
        (RuntimeError("can't start new thread"), "threads"),
        (chained(), "memory"),
    ],
)
def test_what_ran_out_is_told_with_what_to_do(error: Exception, says: str) -> None:
    assert says in exhausted(error)


@pytest.mark.parametrize(
    "error", [led_to_itself(), FileNotFoundError(errno.ENOENT, "no such file"), ValueError("failed to map segment"), None]
)
def test_of_another_error_nothing_is_told(error: Exception | None) -> None:
    assert exhausted(error) == ""
