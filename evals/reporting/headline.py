"""What a run is worth, in one sentence, and what to mind before its rows are used."""

from seedless.evals.labelled import digest_of
from seedless.evals.reporting.chart import figure
from seedless.evals.reporting.findings import Findings
from seedless.evals.reporting.recorded import RecordedRun
from seedless.evals.reporting.tally import Tally
from seedless.wording import listed

__all__ = ["headline", "notes"]

FEW = 10  # rows of a label, below which a student can hardly learn it
STUDENTS = {"minilm": "sentence embeddings", "tfidf": "words (TF-IDF)"}


def headline(run: RecordedRun, counted: Tally, found: Findings | None) -> str:
    """The run in one sentence: how many rows, how balanced, what was refused, and what a student learns from them."""
    missing = run.ledger.requested - counted.rows
    parts = [
        f"{figure(counted.rows)} {_s('row', counted.rows)} of {run.name} in {len(run.labels)} {_s('label', len(run.labels))}, {_balance(counted)}",
        f"{_count('slot', counted.slots_refused)} {'was' if counted.slots_refused == 1 else 'were'} refused and {_count('row', counted.relabelled)} relabelled",
    ]
    if missing > 0:
        parts.insert(
            1, f"{figure(missing)} of the {figure(run.ledger.requested)} asked for {'is' if missing == 1 else 'are'} missing"
        )
    return f"{'; '.join([*parts, _worth(run, found)])}."


def notes(run: RecordedRun, counted: Tally, found: Findings | None) -> tuple[str, ...]:
    """What to mind, the gravest first. Empty where nothing stands out."""
    said = []
    other = found is not None and _of_other_rows(run, found)
    if run.ledger.shortfall:
        said.append(f"The run fell short: {run.ledger.shortfall}.")
    if counted.rows != run.ledger.accepted:
        said.append(
            f"The ledger counts {figure(run.ledger.accepted)} rows, rows.jsonl holds {figure(counted.rows)}: it was changed, or the run was "
            "cut off later. Rows and balance are told as the file has them, what fell short, calls and cost as the ledger does."
        )
    if found is None or not found.students:
        said.append("What the rows teach was not measured on real ones: seedless evaluate does, given some.")
    elif not other:
        said += _doubts(found)
    if found is not None and other:
        held = "other ones" if found.rows == counted.rows else figure(counted.rows)
        said.append(
            f"The evaluation is of {figure(found.rows or counted.rows)} rows, the file holds {held}: its figures are of those; run seedless evaluate again."
        )
    elif found is not None:  # older evaluations have notes on usefulness alone
        said += [f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in found.notes or found.usefulness.notes]
    if run.ledger.settings["verify"] == "none":
        said.append("No verifier has read the rows: their labels are what the writer was asked for.")
    few = [label.name for label in counted.labels if label.rows < FEW]
    if few:
        said.append(f"Fewer than {FEW} rows: {listed(few)}.")
    slots = counted.rows + counted.slots_refused
    if counted.slots_refused > counted.rows:
        said.append(
            f"{counted.slots_refused / slots:.0%} of the slots were refused: see by what, the task's wording may ask for what the LM cannot do."
        )
    one_sided, contexts = counted.one_sided
    if len(run.labels) > 1 and contexts >= 4 and one_sided * 2 > contexts:
        said.append(
            f"{one_sided} of the {contexts} contexts with five rows or more stand under one label only: a student may learn "
            "the context instead of the label."
        )
    if counted.repeats:
        said.append(f"{_count('row', counted.repeats).capitalize()} {_s('repeats', counted.repeats, 'repeat')} another one's text.")
    return tuple(said)


def _balance(counted: Tally) -> str:
    by_rows = sorted(counted.labels, key=lambda label: label.rows)
    fewest, most = by_rows[0], by_rows[-1]
    if fewest.rows == most.rows:
        return f"{figure(most.rows)} of each"
    if most.rows - fewest.rows == 1:
        return f"{figure(fewest.rows)} or {figure(most.rows)} of each"
    return f"from {figure(fewest.rows)} ({fewest.name}) to {figure(most.rows)} ({most.name})"


def _of_other_rows(run: RecordedRun, found: Findings) -> bool:
    """Whether the evaluation is of other rows than the file holds; of an older one only their number is known."""
    if found.rows is not None and found.rows != len(run.rows):
        return True
    return found.digest is not None and found.digest != digest_of(run.rows, run.fields)


def _worth(run: RecordedRun, found: Findings | None) -> str:
    """What the first student shows."""
    if found is None or not found.students or _of_other_rows(run, found):
        return "what they teach was not measured"
    name, student = next(iter(found.students.items()))
    if student.synthetic is None:
        return "what they teach was not measured"
    learnt = f"on real rows, a student of {STUDENTS.get(name, name)} reaches a macro-F1 of {student.synthetic.macro_f1:.2f} when trained on them"
    if student.real is None:
        return learnt
    many = "as many" if student.real.n == student.synthetic.n else f"only {figure(student.real.n)}"
    learnt += f" and of {student.real.macro_f1:.2f} when trained on {many} real ones"
    if student.ratio is None:
        return learnt
    between = (
        "" if student.ratio.low is None or student.ratio.high is None else f" ({student.ratio.low:.2f} to {student.ratio.high:.2f})"
    )
    return f"{learnt}, a ratio of {student.ratio.value:.2f}{between}"


def _doubts(found: Findings) -> list[str]:
    said = []
    for name, student in found.students.items():
        ratio = student.ratio
        if ratio is not None and ratio.high is not None and ratio.high < 1 and not student.at_chance:
            said.append(
                f"To a student of {STUDENTS.get(name, name)} {student.called('real')} teach more: the ratio is {ratio.value:.2f}, at most {ratio.high:.2f}."
            )
    return said


def _count(noun: str, count: int) -> str:
    return f"{'no' if count == 0 else figure(count)} {_s(noun, count)}"


def _s(noun: str, count: int, plural: str = "") -> str:
    return noun if count == 1 else plural or f"{noun}s"
