"""Bias: each figure moves with what is planted in a label, and not where labels are shuffled."""

import json
from collections.abc import Sequence
from itertools import cycle

import numpy as np
import pytest

from seedless.evals.bias import Bias, Group, balance, bias
from seedless.evals.labelled import LabelledRows
from tests.evals import made_up
from tests.evals.planted_rows import clean, rows_of, task_of, texts_of

EITHER = ["she", "he"]


def group(found: Bias, name: str) -> Group:
    return next(each for each in found.groups if each.name == name)


def planted(red: Sequence[str], green: Sequence[str], n: int = 300, *, seed: int = 0) -> LabelledRows:
    """Rows with words put after the text's first: those of its label, in turn."""
    plain = clean(n, seed=seed)
    turns = cycle(red), cycle(green)
    texts = []
    for text, label in zip(plain.texts, plain.labels.tolist(), strict=True):
        first, *rest = text.capitalize().split()
        texts.append(" ".join([first, *next(turns[label]).split(), *rest]) + ".")
    return rows_of(texts)


def shuffled(rows: LabelledRows) -> LabelledRows:
    labels = [rows.task.label_names[i] for i in np.random.default_rng(0).permutation(rows.labels)]
    return rows_of(rows.texts, labels)


def test_clean_rows_show_nothing() -> None:
    found = bias(clean(), real=clean(seed=1))
    assert found.compared == 400
    for each in found.groups:
        assert each.mentioning == 0.0
        assert not each.between_labels.shows
        assert each.from_real is not None
        assert not each.from_real.shows
        assert each.telling == ()
        assert each.strongest is None
    assert (found.answer_fields, found.spans) == (None, ())
    assert found.balance.from_asked == 0.0


def test_she_in_one_label() -> None:
    rows = planted(["she"], EITHER)
    real = planted(EITHER, EITHER, seed=1)
    found = group(bias(rows, real=real), "pronouns")
    assert found.between_labels.shows
    assert found.between_labels.bits == pytest.approx(0.31, abs=0.06)
    assert found.from_real is not None
    assert found.from_real.shows
    assert found.strongest is not None
    assert {(each.word, each.label) for each in found.telling} == {("female", "red"), ("male", "green")}
    assert [(each.word, each.share, each.real) for each in found.members] == [("female", 0.75, 0.5), ("male", 0.25, 0.5)]
    control = group(bias(shuffled(rows), real=shuffled(rows)), "pronouns")
    assert not control.between_labels.shows
    assert control.telling == ()
    assert control.from_real is not None
    assert control.from_real.bits == 0.0


def test_a_country_that_tells_the_label() -> None:
    names = ["France", "Japanese", "Brazil", "Kenyan"]
    rows = planted([*names, "Norwegian", "Norway"], names)
    found = group(bias(rows), "countries")
    assert found.between_labels.shows
    assert [(each.word, each.label, each.elsewhere) for each in found.telling][:1] == [("Norway", "red", 0)]
    assert {each.word for each in found.members} == {"Norway", "France", "Japan", "Brazil", "Kenya"}
    assert found.by_label == {"red": 1.0, "green": 1.0}
    control = group(bias(shuffled(rows)), "countries")
    assert not control.between_labels.shows
    assert control.telling == ()


def test_a_name_in_one_label() -> None:
    rows = planted(["Anna Berg"], ["Paul", "Otto Ek", "Rosa"])
    found = group(bias(rows), "names")
    assert found.telling[0].word == "Anna Berg"
    assert found.between_labels.bits > 0.9
    assert not group(bias(shuffled(rows)), "names").between_labels.shows


def test_only_how_often_a_group_is_mentioned_tells() -> None:
    rows = planted(EITHER, [*EITHER, *[""] * 8])
    found = group(bias(rows), "pronouns")
    assert found.by_label["red"] == 1.0
    assert found.by_label["green"] == pytest.approx(0.2)
    assert found.between_labels.shows


def test_synthetic_rows_that_say_one_country_where_real_ones_say_many() -> None:
    names = ["France", "Japan", "Brazil", "Kenya", "India"]
    rows = planted(["France"], ["France"])
    real = planted(names, names, seed=1)
    found = group(bias(rows, real=real), "countries")
    assert found.from_real is not None
    assert found.from_real.low > 0.4
    assert found.telling == ()
    assert not found.between_labels.shows
    same = group(bias(real, real=planted(names, names, seed=2)), "countries")
    assert same.from_real is not None
    assert not same.from_real.shows


def test_labels_shares() -> None:
    task = task_of("red", "green")
    task = task.model_copy(update={"labels": (task.labels[0].model_copy(update={"share": 3.0}), task.labels[1])})
    asked = bias(rows_of(texts_of(40), ["red"] * 30 + ["green"] * 10, task=task)).balance
    assert (asked.from_asked, asked.from_real) == (0.0, None)
    assert (asked.per_label["red"].share, asked.per_label["red"].asked, asked.per_label["red"].rows) == (0.75, 0.75, 30)
    turned = bias(rows_of(texts_of(40), ["green"] * 40, task=task), real=rows_of(texts_of(40), ["red"] * 40, task=task)).balance
    assert turned.from_asked > 0.5
    assert turned.from_real == 1.0


def test_more_real_rows_of_one_label_are_no_difference() -> None:
    # Each label has its country in both sources; only the labels' shares differ.
    rows = planted(["France"], ["Japan"])
    real = planted(["France"], ["Japan"], 800, seed=1)
    real = real.take([i for i in range(800) if real.labels[i] or i % 8 == 0])
    found = bias(rows, real=real)
    assert found.compared == 250
    assert group(found, "countries").between_labels.bits == pytest.approx(1.0, abs=0.02)
    apart = group(found, "countries").from_real
    assert apart is not None
    assert apart.bits == 0.0
    assert "250 of the 300 rows" in found.notes[0]


def test_few_rows_and_lonely_labels() -> None:
    task = task_of(*(f"l{i}" for i in range(30)))
    rows = rows_of(["She met John Smith in France."] * 12, [f"l{i}" for i in (0, 0, *range(10))], task=task)
    found = bias(rows, real=rows_of(["He left."], ["l29"], task=task))
    assert found.compared == 0
    assert "of one row: l1, l2, l3" in found.notes[0]
    assert found.notes[1].startswith("of no row: l10, l11")
    assert found.notes[1].endswith("and 8 more")
    assert "no label in common" in found.notes[-1]
    assert all(each.telling == () and not each.between_labels.shows for each in found.groups)
    alone = bias(rows_of(["she", "he"], ["red", "red"]))
    assert alone.groups[0].between_labels.bits == 0.0


def test_what_cannot_be_found_is_said() -> None:
    notes = bias(rows_of(["elle va à paris"] * 10, task=task_of(language="fr"))).notes
    assert "are English, the rows are in 'fr'" in notes[0]
    assert "the rows have no capitals" in notes[1]
    assert "the real rows have no capitals" in bias(rows_of(["A b", "C d"]), real=rows_of(["a b", "c d"])).notes[-1]


def test_the_seed_decides() -> None:
    rows = planted(["she", "she", "he"], ["he"])
    assert bias(rows, real=clean(seed=1)) == bias(rows, real=clean(seed=1))
    assert bias(rows, seed=1) != bias(rows)


def test_record_is_plain() -> None:
    told = json.loads(json.dumps(bias(planted(["she in France"], ["she in France"]), real=clean(seed=1)).record()))
    assert told["groups"][1]["members"][0]["word"] == "France"
    assert told["balance"]["per_label"]["red"]["rows"] == 150


def test_what_a_group_tells_stands_beside_what_it_tells_of_real_rows() -> None:
    """Pronouns that go with a label in real rows, too, are the task's."""
    rows = planted(["she"], EITHER)
    usual = group(bias(rows, real=planted(["she"], EITHER, seed=1)), "pronouns")
    assert usual.real_between_labels is not None
    assert usual.real_between_labels.bits == pytest.approx(usual.between_labels.bits, abs=0.08)
    assert usual.beside_between_labels is None, "all rows are compared"
    few = group(bias(rows, real=planted(EITHER, EITHER, n=100, seed=1)), "pronouns")
    assert few.real_between_labels is not None
    assert few.beside_between_labels is not None
    assert not few.real_between_labels.shows
    assert few.beside_between_labels.shows
    alone = group(bias(rows), "pronouns")
    assert (alone.real_between_labels, alone.beside_between_labels) == (None, None)
    assert alone.between_labels == usual.between_labels or alone.between_labels.bits == pytest.approx(0.31, abs=0.06)


def test_rows_dealt_as_evenly_as_can_be_are_not_uneven() -> None:
    """Of 77 labels forty rows leave thirty-seven without any."""
    names = [f"label {i}" for i in range(77)]
    task = made_up.task_of(*names)
    dealt = made_up.rows_of(task, [["x"]] * 40, list(range(40)))
    assert not balance(dealt).worth_a_note
    assert not balance(dealt).skewed
    assert balance(made_up.rows_of(task, [["x"]] * 40, [0, 1] * 20)).skewed


@pytest.mark.parametrize(
    ("counts", "real", "noted"),
    [
        ((50, 50), None, False),
        ((80, 20), None, False),
        ((95, 5), None, True),
        ((80, 20), (50, 50), True),
        ((95, 5), (190, 10), False),
        ((50, 50), (190, 10), False),
    ],
)
def test_shares_far_from_the_asked_ones(counts: tuple[int, int], real: tuple[int, int] | None, noted: bool) -> None:
    """Not where real rows are as uneven."""

    def uneven(red: int, green: int) -> LabelledRows:
        return rows_of(["x"] * (red + green), ["red"] * red + ["green"] * green)

    assert balance(uneven(*counts), uneven(*real) if real is not None else None).worth_a_note == noted
