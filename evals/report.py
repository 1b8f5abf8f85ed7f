"""The report on a run: one HTML page that needs nothing else, for whoever must decide whether to use the rows."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedless import __version__
from seedless.console import STEERING
from seedless.errors import SetupError, UsageError
from seedless.evals.reporting.chart import Axis, figure
from seedless.evals.reporting.columns import columns
from seedless.evals.reporting.findings import Findings, read_findings
from seedless.evals.reporting.headline import headline, notes
from seedless.evals.reporting.projection import SAMPLE, project
from seedless.evals.reporting.recorded import RecordedRun, read_run
from seedless.evals.reporting.tally import tally
from seedless.files import run_folder
from seedless.taskfile import TaskLike
from seedless.whole import whole

if TYPE_CHECKING:
    import jinja2

__all__ = ["Report", "compose", "page_path", "report", "write"]

COLOURS = 10  # beyond, they come round again
SHOWN = 24  # of a long list; the rest is a click away
SETTINGS = {"n": "rows asked for", "lm": "LM", "judge_lm": "judge LM", "api_base": "address", "verify": "verification"}
LARGEST_MATRIX = 12  # labels; beyond, a confusion matrix is a list of what is confused most,
CONFUSED = 15  # pairs of labels

SHOWN_AS = {ord(sign): "\ufffd" if "\ud800" <= sign <= "\udfff" else f"[U+{ord(sign):04X}]" for sign in STEERING}


@dataclass(frozen=True, slots=True)
class Report:
    """A page. `headline` says in one sentence what the run is worth, `notes` what to mind before the rows are used."""

    html: str
    rows: int
    headline: str
    notes: tuple[str, ...]


def report(
    folder: str | Path,
    task: TaskLike | None = None,
    *,
    out: str | Path | None = None,
    evaluation: str | Path | None = None,
) -> Path:
    """Write the report on the run in `folder`, and return the page's path.

    Parameters
    ----------
    folder
        Of a run that has ended.
    task
        The run's task, where it is not a built-in one: the page then says what the labels mean.
    out
        The page, `folder/report.html` if left out. Its name ends in .html.
    evaluation
        What `seedless evaluate` wrote, `folder/evaluation.json` if left out and there.

    Raises
    ------
    UsageError
        If there is no run, it has not ended, a file is torn, or what was given belongs to another task.
    SetupError
        If the page cannot be written.

    Examples
    --------
    >>> from seedless.evals.report import report
    >>> report("out/movie_reviews")                 # doctest: +SKIP
    PosixPath('out/movie_reviews/report.html')
    """
    target = page_path(run_folder(folder), Path(out) if out is not None else None)
    made = compose(folder, task, evaluation=evaluation)
    write(made, target)
    return target


def page_path(folder: Path, out: Path | None) -> Path:
    """Where the page goes: a name of its own, so that no file of the run is ever overwritten.

    Raises
    ------
    UsageError
        If it does not end in .html.
    """
    target = out if out is not None else folder / "report.html"
    if target.suffix.casefold() not in {".html", ".htm"}:
        raise UsageError(f"given the page {target}, a name that ends in .html is allowed; give one: -o FILE")
    return target


def write(made: Report, target: Path) -> None:
    """Write the page, whole or not at all.

    Raises
    ------
    SetupError
        If it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as part:
            part.write_text(made.html, encoding="utf-8", newline="\n")
    except OSError as error:
        raise SetupError(f"{target}: cannot be written ({error.strerror}); make room or give another file: -o FILE") from error


def compose(
    folder: str | Path,
    task: TaskLike | None = None,
    *,
    evaluation: str | Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """The report on the run in `folder`; `report`'s arguments. `say` is told what takes its time."""
    run = read_run(run_folder(folder), task)
    found = _findings(run, Path(evaluation) if evaluation is not None else None)
    counted = tally(run)
    sentence, minded = headline(run, counted, found), notes(run, counted, found)
    data = columns(run)
    say(f"{run.folder}: laying out {figure(min(SAMPLE, len(run.rows)))} of {figure(len(run.rows))} rows on a map, up to a minute")
    plane = project(run.texts(), data["label"])
    page = (
        environment()
        .get_template("report.html")
        .render(
            run=run,
            tally=counted,
            findings=found,
            headline=sentence,
            notes=minded,
            plane=plane,
            plane_labels=[data["label"][place] for place in plane.places] if plane is not None else [],
            data=data,
            version=__version__,
        )
    )
    return Report(page, len(run.rows), sentence, minded)


def _findings(run: RecordedRun, given: Path | None) -> Findings | None:
    path = given if given is not None else run.folder / "evaluation.json"
    if given is None and not path.exists():
        return None
    return read_findings(path, task=run.name, labels=run.labels)


@cache
def environment() -> "jinja2.Environment":
    """Jinja2 as the page needs it: everything is escaped, and a name that is not there is an error.

    Style and script are put into the page as they stand; its policy lets nothing else run, by their hashes.
    """
    import jinja2

    sources = {
        name: (files("seedless.evals.reporting") / name).read_text("utf-8") for name in ("report.html", "report.css", "report.js")
    }
    env = jinja2.Environment(
        loader=jinja2.DictLoader(sources),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    style, script = sources["report.css"], sources["report.js"]
    env.globals |= {
        "style": style,
        "script": script,
        "style_hash": _hash(style),
        "script_hash": _hash(script),
        "Axis": Axis,
        "COLOURS": COLOURS,
        "SHOWN": SHOWN,
        "LARGEST_MATRIX": LARGEST_MATRIX,
        "SETTINGS": SETTINGS,
        "pairwise": pairwise,
        "zip": zip,
        "most_confused": most_confused,
        "kind_of": kind_of,
    }
    env.filters |= {"figure": figure, "visible": visible}
    return env


def visible(text: str) -> str:
    """`text` with what would steer its reader shown as signs.

    >>> visible("a\\x00b\\u202ec")
    'a[U+0000]b[U+202E]c'
    """
    return text.translate(SHOWN_AS)


def most_confused(matrix: tuple[tuple[int, ...], ...], labels: tuple[str, ...]) -> list[tuple[str, str, int, float]]:
    """The pairs of labels that are confused most, `CONFUSED` at most: the true one, the predicted one, rows, and their share of the true one's."""
    found = [
        (labels[true], labels[told], count, count / sum(line))
        for true, line in enumerate(matrix)
        for told, count in enumerate(line)
        if true != told and count
    ]
    return sorted(found, key=lambda pair: -pair[2])[:CONFUSED]


def kind_of(value: Any) -> str:
    """How plain data is shown: `value`, `list` (of values), `table` (of mappings with the same keys), `group`, `items` or `nothing`."""
    if value is None or (isinstance(value, list | dict | str) and not value):
        return "nothing"
    if isinstance(value, dict):
        parts = list(value.values())
        return "table" if len(parts) > 1 and _alike(parts) else "group"
    if isinstance(value, list):
        if all(not isinstance(part, list | dict) for part in value):
            return "list"
        return "table" if _alike(value) else "items"
    return "value"


def _alike(parts: list[Any]) -> bool:
    """Whether all are mappings with the same keys, and their values single."""
    return (
        all(isinstance(part, dict) for part in parts)
        and len({tuple(part) for part in parts}) == 1
        and bool(parts[0])
        and not any(isinstance(value, list | dict) for part in parts for value in part.values())
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
