"""An evaluation in a few lines: what `seedless evaluate` prints."""

from typing import TYPE_CHECKING

from seedless.evals.bias import Bias
from seedless.evals.contamination import Contamination
from seedless.evals.difficulty import Difficulty
from seedless.evals.diversity import Diversity
from seedless.evals.label_quality import LabelQuality
from seedless.evals.measures.artefacts import Artefact
from seedless.evals.measures.divergence import Divergence
from seedless.evals.usefulness import Taught, Usefulness
from seedless.wording import listed

if TYPE_CHECKING:
    from seedless.evals.evaluation import Evaluation

__all__ = ["notes", "told"]

AS_MANY = ("real", "direct")  # arms of as many rows as the synthetic one, where there are so many
REPEATED = 0.05  # share of exact repeats from which they are worth a note: real rows have a tenth of it
ALIKE = 0.3  # of near-duplicates: real rows that go in pairs have 0.2
TELLING = 0.8  # share of a label's rows that hold a word, and
SURE = 0.9  # share of the word's rows that have the label, from which it is the label's sign: few words of real rows come to both
HALF = 0.5  # of what a word tells of a label, from which real rows have it, too, as 'think' in reports of what people think: it is the task's
FEWEST = 10  # rows of a label: the words of fewer are too alike
NAMED = 3  # words in a note
BEGUN = 0.2  # share of rows with the commonest first word, or first two, and
OFTENER = 2  # times as many as of real rows, from which it is worth a note
BEGUN_ALONE = (0.85, 0.3)  # where there are no real rows: of no real ones more than 0.79 begin with one word, or 0.18 with two
ENOUGH = 20  # rows to speak of shares
NEARLY = 0.2  # share of rows that are nearly a test row's, word for word ones apart: clean real rows have 0.11 at most; and
NEARER = 3  # times as many as of real rows, from which they are worth a note
SEEN = 0.005  # bits that two digits show
ONE_PLACE = 0.2  # bits that the answers' fields lack of being even: 3 to 1 of two


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
    labels = (*_uneven(found.bias), *found.label_quality.doubts, *found.misread)
    own = (*_telltale(found.difficulty), *_begun(found.diversity), *_repeats(found.diversity), *_conflicts(found.label_quality))
    return (*useful, *_copied(found.contamination), *labels, *own)


def _usefulness(found: Usefulness | None) -> list[str]:
    if found is None:
        return ["usefulness: not measured, no real rows to test on were given (--test FILE)"]
    return [f"{name}: {'; '.join(_arms(taught))}" for name, taught in found.students.items()]


def _arms(taught: Taught) -> list[str]:
    rows = taught.arms["synthetic"].n
    arms = []
    for name, score in taught.arms.items():
        few = f" of only {score.n} rows" if name in AS_MANY and score.n < rows else ""
        arms.append(f"{name.replace('_', ' ')}{few} {score.macro_f1:.3f} ({score.low:.3f}, {score.high:.3f})")
    if taught.ratio is not None:
        arms.append(f"ratio to real {taught.ratio.told()}")
    if taught.gain is not None:
        arms.append(f"over the naive prompt {taught.gain.told('+.2f')}")
    return arms


def _labels(found: LabelQuality) -> str:
    parts = []
    if (oracle := found.oracle) is not None:
        some = f" of the {oracle.accuracy.rows} rows whose labels it knows" if found.unread else ""
        real = f"of real rows {oracle.ceiling.value:.2f}"
        if oracle.few or found.unread:
            real = f"of real rows in the same shares of labels {oracle.ceiling.told()}"
        parts.append(f"an oracle confirms {oracle.accuracy.told()}{some}, {real}")
    if (share := found.disputes.share) is not None:
        parts.append(f"confident learning disputes {share.told()}{_disputed(found)}")
    if found.correction is not None and found.correction.accuracy is not None:
        right = found.correction.accuracy
        parts.append(f"right by the oracle before correction {right.before.value:.2f}, after it {right.after.value:.2f}")
    return f"labels: {'; '.join(parts) or 'too few rows to judge them'}"


def _disputed(found: LabelQuality) -> str:
    """What confident learning disputes in real rows, with what it disputes in as many of these where there are fewer."""
    real = found.real_disputes.share if found.real_disputes is not None else None
    if real is None:
        return ""
    beside = found.beside_disputes.share if found.beside_disputes is not None else None
    some = f" (of {beside.rows} of them {beside.value:.2f})" if beside is not None else ""
    return f"{some}, of as many real rows {real.value:.2f}"


def _diversity(found: Diversity) -> str:
    mine, real = found.beside or found.synthetic, found.real

    def beside(name: str, mine: float, real: float | None, digits: int = 2) -> str:
        return f"{name} {mine:.{digits}f}" + (f" (real {real:.{digits}f})" if real is not None else "")

    distinct = mine.distinct[1]
    parts = [
        *([beside("distinct-2", distinct, real.distinct[1] if real else None)] if distinct is not None else []),
        beside("Self-BLEU", mine.self_bleu, real.self_bleu if real else None),
        beside("near duplicates", mine.near, real.near if real else None),
    ]
    if mine.spread is not None:
        parts.insert(-1, beside("Vendi score", mine.spread.vendi, real.spread.vendi if real and real.spread else None, 1))
    return f"diversity: {'; '.join(parts)}{_of_some(mine.rows, found.synthetic.rows)}"


def _of_some(some: int, rows: int) -> str:
    """Where a line is of some of the rows only: those with as many real ones of their labels."""
    return f"; over {some} of the {rows} rows, as many as there are real ones of their labels" if some < rows else ""


def _difficulty(found: Difficulty) -> str:
    mine = found.beside or found.own
    real = f" (real {found.real.bits.value:.2f})" if found.real is not None else ""
    told = f"difficulty: {mine.bits.value:.2f} of {mine.entropy:.2f} bits of the label can be read from a row{real}"
    return told + _of_some(mine.bits.rows, found.own.bits.rows)


def _bias(found: Bias) -> list[str]:
    """A line where a group of words, or where a span stands, goes with a label by more than chance."""
    told = [
        _bits(f"{group.name} tell", group.between_labels, group.beside_between_labels, group.real_between_labels)
        for group in found.groups
        if group.telling and group.between_labels.shows and group.between_labels.low >= SEEN
    ]
    told += [
        _bits(
            f"where {span.field} stands in {span.within} tells",
            span.between_labels,
            span.beside_between_labels,
            span.real_between_labels,
        )
        for span in found.spans
        if span.between_labels.shows and span.between_labels.low >= SEEN
    ]
    return [f"bias: {'; '.join(told)}"] if told else []


def _bits(what: str, own: Divergence, beside: Divergence | None, real: Divergence | None) -> str:
    told = f"{what} {own.bits:.2f} bits of the label ({own.low:.2f}, {own.high:.2f})"
    if real is None:
        return told
    return f"{told}, real rows {real.bits:.2f}" + (f" (as many of these {beside.bits:.2f})" if beside is not None else "")


def _uneven(found: Bias) -> list[str]:
    """A note where answers stand in one place, or where labels are far from the shares asked for, and real rows are not so."""
    if found.rows < ENOUGH or not found.balance.worth_a_note:
        return []
    if (answers := found.answer_fields) is not None and answers.uneven >= ONE_PLACE:
        field, share = max(answers.shares.items(), key=lambda each: each[1])
        real = f" (real rows {answers.real[field]:.0%})" if answers.real is not None else ""
        return [f"the answer is {field} in {share:.0%} of the rows{real}: a student may learn the position instead of the answer"]
    shares = sorted(found.balance.per_label.items(), key=lambda each: each[1].share / each[1].asked)
    least = [(name, each) for name, each in shares if each.share < HALF * each.asked] or shares[:1]
    said = [f"{name} has {each.rows} of the {found.rows} rows, {each.asked:.0%} are asked for" for name, each in least]
    return [f"the labels are far from the shares that the task asks for: {listed(said, shown=NAMED)}"]


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
    if test is None:
        return []
    rows, said = test.overlap.rows, []
    if copied := round(test.overlap.exact * rows):
        said.append(f"{copied} of {rows} rows stand word for word in the test split: what a student shows on it is too good")
    nearly, usual = test.overlap.near - test.overlap.exact, test.reference.near if test.reference is not None else 0.0
    if rows >= ENOUGH and nearly >= max(NEARLY, NEARER * usual):
        real = f" (real rows {usual:.0%})" if test.reference is not None else ""
        said.append(
            f"{round(nearly * rows)} of {rows} rows are a row of the test split but for a few words{real}: what a student shows on it is too good"
        )
    return said


def _telltale(found: Difficulty) -> list[str]:
    """A note where a single word stands in nearly all rows of a label and in hardly any other, and does not so in real rows."""
    said = []
    for label, words in found.artefacts.by_label.items():
        leaked = [word for word in words if word.recall >= TELLING and word.precision >= SURE and not _usual(word)]
        if not leaked:
            continue
        best = max(leaked, key=lambda word: (word.recall * word.precision, word.z))
        having = round(best.rows * best.precision)
        rows = round(having / best.recall)
        if rows >= FEWEST:
            said.append(
                f"{best.word!r} stands in {having} of the {rows} rows of {label} and in {best.rows - having} others{_in_real(best)}"
            )
    if not said:
        return []
    more = f"; likewise {len(said) - NAMED} more" if len(said) > NAMED else ""
    unsure = "" if found.carried is not None else "; without real rows nobody can say whether it does so in them, too"
    return [
        f"a single word gives the label away: {'; '.join(said[:NAMED])}{more}. A student may learn the word instead of what makes the label true{unsure}"
    ]


def _usual(word: Artefact) -> bool:
    """Whether the word tells the label in real rows, too."""
    tells = (word.real_recall or 0.0) * (word.real_precision or 0.0)
    return tells >= HALF * word.recall * word.precision


def _in_real(word: Artefact) -> str:
    return f" (in {word.real_recall:.0%} of its real rows)" if word.real_recall is not None else ""


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
