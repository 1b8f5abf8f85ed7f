"""How long a user waits for the command line's help and for `import seedless`: medians of fresh processes, in seconds."""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

__all__ = ["main"]

RUNS = 15


def _median(command: list[str]) -> float:
    def once() -> float:
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - started

    once()
    return round(statistics.median(once() for _ in range(RUNS)), 3)


def main() -> None:
    """Print the medians beside that of an interpreter that does nothing."""
    script = str(Path(sys.executable).parent / "seedless")
    found = {
        "bare_python_s": _median([sys.executable, "-c", "pass"]),
        "import_s": _median([sys.executable, "-c", "import seedless"]),
        "help_s": _median([script, "--help"]),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
