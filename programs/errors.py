"""Errors: one small tree, each message saying what was given, what is allowed and what to do.

::

    SeedlessError
    ├── UsageError          the command, a file or a setting is wrong (exit code 2)
    │   ├── TaskError       a task file, or a mapping of what one holds
    │   └── SetupError      something the command needs is missing: weights, a key, a package, disk space
    │       └── Untracked   (`evals.recording.record`) MLflow cannot record or be read; no run ends of it
    ├── CutShort            a run ended early, and has what was accepted until then
    │   ├── BudgetEnded     a budget ended before the run was complete (exit code 3)
    │   └── LMUnusable      the LM cannot be used: unreachable, refused, failing throughout (exit code 4)
    ├── TokenLimitReached   (`lms.metered`) one answer reached the token limit; within a run alone
    └── StepFailed          (`lms.metered`) one call found no answer; within a run alone, as are
        ├── PromptRefused   this prompt is refused, and
        └── NoSeeds         (`seeds`) no seed was named
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["BudgetEnded", "CutShort", "LMUnusable", "SeedlessError", "SetupError", "TaskError", "UsageError"]


class SeedlessError(Exception):
    """Base of every error that seedless raises on purpose. `exit_code` is the command line's answer to it."""

    exit_code = 1


class UsageError(SeedlessError):
    """What the caller gave cannot be used: an option, a path, a value."""

    exit_code = 2


class TaskError(UsageError):
    """A task file or a mapping breaks the task model. The message names the file's line where there is one.

    `Task(...)` itself raises pydantic's `ValidationError`, as a model does; `load_task` and what takes a mapping raise this.
    """


class SetupError(UsageError):
    """Something that the command needs is not there: weights, an API key, a package, space on the disk."""


class CutShort(SeedlessError):
    """A run ended before every row was accepted. `rows` are the accepted ones as a `datasets.Dataset` where `generate` raised it."""

    rows: "Dataset | None" = None


class BudgetEnded(CutShort):
    """A budget (LM calls, cost or refills) ended before every row was accepted. Accepted rows are kept."""

    exit_code = 3


class LMUnusable(CutShort):
    """The LM cannot be used: it cannot be reached, refuses the request, or fails throughout. The run can be resumed."""

    exit_code = 4
