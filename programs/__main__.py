"""Where the command line begins, as the console script and as `python -m seedless`. Nothing but what guards its import, which takes a moment, from Ctrl-C."""

import os
import signal
from typing import Never

__all__ = ["main"]

INTERRUPTED = 130


def main() -> Never:
    """Load the command line and run it. Ctrl-C before it is there ends the process with 130 and one line, as it does later on."""
    guarded = (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )  # else it is ignored, as behind `nohup`, or somebody else's
    if guarded:
        signal.signal(signal.SIGINT, _end)
    from seedless.cli import main as run

    try:
        if guarded:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        _end()


def _end(*_: object) -> Never:
    """End at once: what was interrupted is half loaded."""
    os.write(2, b"seedless: interrupted\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
