"""Labelled text data sets from a task description alone: the TarGEN method as a declarative DSPy program.

`generate(task, n=...)` makes a data set, `stream` yields its rows as they are decided, `TarGEN(task)` is the DSPy module that
makes one instance. Names are imported when they are first used: `import seedless` itself loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seedless.dataset import export
    from seedless.errors import BudgetEnded, CutShort, LMUnusable, SeedlessError, SetupError, TaskError, UsageError
    from seedless.evals.compare import compare
    from seedless.evals.compile import compile  # noqa: A004  the verb that it is
    from seedless.evals.evaluation import evaluate
    from seedless.evals.report import report
    from seedless.evals.ui import ui
    from seedless.generation import Generation, Options, astream, generate, stream
    from seedless.outcome import Outcome, Refusal, Row
    from seedless.targen import TarGEN
    from seedless.task import Task
    from seedless.taskfile import built_in_tasks, load_task

__version__ = "0.1.0"

_HOMES = {
    "BudgetEnded": "errors",
    "CutShort": "errors",
    "Generation": "generation",
    "LMUnusable": "errors",
    "Options": "generation",
    "Outcome": "outcome",
    "Refusal": "outcome",
    "Row": "outcome",
    "SeedlessError": "errors",
    "SetupError": "errors",
    "TarGEN": "targen",
    "Task": "task",
    "TaskError": "errors",
    "UsageError": "errors",
    "astream": "generation",
    "built_in_tasks": "taskfile",
    "compare": "evals.compare",
    "compile": "evals.compile",
    "evaluate": "evals.evaluation",
    "export": "dataset",
    "generate": "generation",
    "load_task": "taskfile",
    "report": "evals.report",
    "stream": "generation",
    "ui": "evals.ui",
}

__all__ = [
    "BudgetEnded",
    "CutShort",
    "Generation",
    "LMUnusable",
    "Options",
    "Outcome",
    "Refusal",
    "Row",
    "SeedlessError",
    "SetupError",
    "TarGEN",
    "Task",
    "TaskError",
    "UsageError",
    "astream",
    "built_in_tasks",
    "compare",
    "compile",
    "evaluate",
    "export",
    "generate",
    "load_task",
    "report",
    "stream",
    "ui",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'seedless' has no attribute {name!r}")
    return getattr(import_module(f"seedless.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
