"""An evaluation in a few lines: what `seedless evaluate` prints."""

from typing import TYPE_CHECKING

from seedless.evals.bias import Bias
from seedless.evals.contamination import Contamination
from seedless.evals.difficulty import Difficulty
from seedless.evals.diversity import Diversity
from seedless.evals.label_quality import LabelQuality
from seedless.evals.usefulness import Taught, Usefulness

if TYPE_CHECKING:
    from seedless.evals.evaluation import Evaluation

__all__ = ["notes", "told"]

REPEATED = 0.05  # share of exact repeats from which they are worth a note: real rows have a tenth of it
ALIKE = 0.3  # of near-duplicates: real rows that go in pairs have 0.2
TELLING = 0.8  # share of a label's rows that hold a word, and
SURE = 0.9  # share of the word's rows that have the label, from which it is the label's sign; no word of real rows comes to both
FEWEST = 10  # rows of a label: the words of fewer are too alike
NAMED = 3  # words in a note
BEGUN = 0.2  # share of rows with the commonest first word, or first two, and
OFTENER = 2  # times as many as of real rows, from which it is worth a note
BEGUN_ALONE = (0.85, 0.3)  # where there are no real rows: of no real ones more than 0.79 begin with one word, or 0.18 with two
ENOUGH = 20  # rows to speak of shares


def told(found: "Evaluation") -> str:
    """The figures that matter most of each analysis, a line each, real rows' beside them where there are some; then what to mind."""
    lines = [f"{found.rows} rows of {found.task}"]
    lines += _usefulness(found.usefulness)
    lines += [_labels(found.label_quality), _diversity(found.diversity), _difficulty(found.difficulty)]
    lines += _bias(found.bias) + _contamination(found.contamination)
    return "\n".join([*lines, *(f"note: {note}" for note in notes(found))])


def notes(found: "Evaluation") -> tuple[str, ...]:
    """What to mind before the rows, or the figures on them, are used."""
    useful = found.usefulness.notes if found.usefulness is not None else ()
    own = (*_telltale(found.difficulty), *_begun(found.diversity), *_repeats(found.diversity), *_conflicts(found.label_quality))
    return (*useful, *_copied(found.contamination), *found.misread, *own)


def _usefulness(found: Usefulness | None) -> list[str]:
    if found is None:
        return ["usefulness: not measured, no real rows to test on were given (--test FILE)"]
    return [f"{name}: {'; '.join(_arms(taught))}" for name, taught in found.students.items()]


def _arms(taught: Taught) -> list[str]:
    arms = [
        f"{name.replace('_', ' ')} {score.macro_f1:.3f} ({score.low:.3f}, {score.high:.3f})" for name, score in taught.arms.items()
    ]
    if taught.ratio is not None:
        arms.append(f"ratio to real {taught.ratio.told()}")
    if taught.gain is not None:
        arms.append(f"over the naive prompt {taught.gain.told('+.2f')}")
    return arms


def _labels(found: LabelQuality) -> str:
    parts = []
    if found.oracle is not None:
        parts.append(f"an oracle confirms {found.oracle.accuracy.told()}, of real rows {found.oracle.ceiling.value:.2f}")
    if (share := found.disputes.share) is not None:
        of_real = found.real_disputes.share if found.real_disputes is not None else None
        real = f", of as many real rows {of_real.value:.2f}" if of_real is not None else ""
        parts.append(f"confident learning disputes {share.told()}{real}")
    if found.correction is not None and found.correction.accuracy is not None:
        right = found.correction.accuracy
        parts.append(f"right by the oracle before correction {right.before.value:.2f}, after it {right.after.value:.2f}")
    return f"labels: {'; '.join(parts) or 'too few rows to judge them'}"


def _diversity(found: Diversity) -> str:
    mine, real = found.beside or found.synthetic, found.real

    def beside(name: str, mine: float, real: float | None, digits: int = 2) -> str:
        return f"{name} {mine:.{digits}f}" + (f" (real {real:.{digits}f})" if real is not None else "")

    parts = [
        beside("distinct-2", mine.distinct[1], real.distinct[1] if real else None),
        beside("Self-BLEU", mine.self_bleu, real.self_bleu if real else None),
        beside("near duplicates", mine.near, real.near if real else None),
    ]
    if mine.spread is not None:
        parts.insert(2, beside("Vendi score", mine.spread.vendi, real.spread.vendi if real and real.spread else None, 1))
    return f"diversity: {'; '.join(parts)}"


def _difficulty(found: Difficulty) -> str:
    real = f" (real {found.real.bits.value:.2f})" if found.real is not None else ""
    return f"difficulty: {found.own.bits.value:.2f} of {found.own.entropy:.2f} bits of the label can be read from a row{real}"


def _bias(found: Bias) -> list[str]:
    """A line where a group of words goes with a label by more than chance."""
    telling = [
        f"{group.name} tell {group.between_labels.bits:.2f} bits of the label ({group.between_labels.low:.2f}, {group.between_labels.high:.2f})"
        for group in found.groups
        if group.telling
    ]
    return [f"bias: {'; '.join(telling)}"] if telling else []


def _contamination(found: Contamination | None) -> list[str]:
    if found is None:
        return []
    parts = [
        f"{split.overlap.near:.3f} of the rows stand nearly in the {name} split"
        + (f" (real rows {split.reference.near:.3f})" if split.reference is not None else "")
        for name, split in found.splits.items()
    ]
    return [f"contamination: {'; '.join(parts)}"]


def _copied(found: Contamination | None) -> list[str]:
    test = found.splits.get("test") if found is not None else None
    if test is None or not test.overlap.exact:
        return []
    copied = round(test.overlap.exact * test.overlap.rows)
    return [f"{copied} of {test.overlap.rows} rows stand word for word in the test split: what a student shows on it is too good"]


def _telltale(found: Difficulty) -> list[str]:
    """A note where a single word stands in nearly all rows of a label and in hardly any other."""
    said = []
    for label, words in found.artefacts.by_label.items():
        best = max(words, key=lambda word: (word.recall * word.precision, word.z))
        having = round(best.rows * best.precision)
        rows = round(having / best.recall)
        if best.recall >= TELLING and best.precision >= SURE and rows >= FEWEST:
            said.append(f"{best.word!r} stands in {having} of the {rows} rows of {label} and in {best.rows - having} others")
    if not said:
        return []
    more = f"; likewise {len(said) - NAMED} more" if len(said) > NAMED else ""
    return [
        f"a single word gives the label away: {'; '.join(said[:NAMED])}{more}. A student may learn the word instead of what makes the label true"
    ]


def _begun(found: Diversity) -> list[str]:
    """A note where far more rows than real ones begin with the same word, or with the same two."""
    mine, real = found.beside or found.synthetic, found.real
    if mine.rows < ENOUGH:
        return []
    said = []
    for place, own in enumerate(mine.beginnings):
        theirs = real.beginnings[place] if real is not None and len(real.beginnings) > place else None
        if own.share >= (max(BEGUN, OFTENER * theirs.share) if theirs is not None else BEGUN_ALONE[place]):
            beside = f" (the commonest of as many real rows: {theirs.words!r}, {theirs.share:.0%})" if theirs is not None else ""
            said.append(f"{own.share:.0%} with {own.words!r}{beside}")
    return [f"many rows begin alike, {' and '.join(said)}: openings or cues in the task file vary them"] if said else []


def _repeats(found: Diversity) -> list[str]:
    mine = found.synthetic
    if mine.exact >= REPEATED:
        return [f"{round(mine.exact * mine.rows)} of the {mine.rows} rows repeat an earlier one word for word"]
    if mine.near >= ALIKE:
        return [f"{round(mine.near * mine.near_rows)} of {mine.near_rows} rows repeat an earlier one but for a few words"]
    return []


def _conflicts(found: LabelQuality) -> list[str]:
    count = found.conflicts
    return (
        [f"{count} {'text stands' if count == 1 else 'texts stand'} under two labels or more: one at most is right"]
        if count
        else []
    )
