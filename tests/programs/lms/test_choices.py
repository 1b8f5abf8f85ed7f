"""A closed set weighed from next tokens: what each token speaks for, and how far beginnings are followed."""

from collections.abc import Mapping, Sequence

import pytest

from seedless.lms.choices import LEAST, MOST, weighed


class Model:
    """Says letter by letter, or in pieces, what it is told to; keeps the beginnings that it was asked after."""

    def __init__(self, after: Mapping[str, Mapping[str, float]]) -> None:
        self.after = after
        self.asked: list[str] = []
        self.left: Sequence[str] = ()

    def __call__(self, said: str, left: Sequence[str]) -> Mapping[str, float]:
        self.asked.append(said)
        self.left = left
        return self.after.get(said, {})


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ({"pos": 0.6, "neg": 0.2}, {"positive": 0.75, "negative": 0.25}),
        ({" Pos": 0.3, "POS": 0.3, "n": 0.2, "The": 0.2}, {"positive": 0.75, "negative": 0.25}),
        ({'positive"': 0.5, "positive": 0.1}, {"positive": 1.0, "negative": 0.0}),
        ({"positively": 0.4, "negative": 0.4}, {"positive": 0.0, "negative": 1.0}),
        ({"The": 0.9, "": 0.05, " ": 0.05}, {"positive": 0.5, "negative": 0.5}),
        ({}, {"positive": 0.5, "negative": 0.5}),
    ],
)
def test_a_token_speaks_for_the_choice_that_it_begins(tokens: dict[str, float], expected: dict[str, float]) -> None:
    model = Model({"": tokens})
    assert weighed(["positive", "negative"], model) == pytest.approx(expected)
    assert model.asked == [""], "one look is enough"


def test_a_common_beginning_is_followed() -> None:
    model = Model({"": {"card": 0.8, "cash": 0.2}, "card": {"_": 1.0}, "card_": {"lost": 0.9, "arr": 0.1}})
    assert weighed(["card_lost", "card_arrival", "cash"], model) == pytest.approx(
        {"card_lost": 0.72, "card_arrival": 0.08, "cash": 0.2}
    )
    assert model.asked == ["", "card", "card_"]
    assert model.left == ['lost"', 'arrival"']


def test_a_choice_that_begins_another_is_closed_by_its_quotation_mark() -> None:
    model = Model({"": {"card": 1.0}, "card": {'"': 0.25, "_lost": 0.7, "s": 0.05}})
    assert weighed(["card", "card_lost"], model) == pytest.approx({"card": 0.25 / 0.95, "card_lost": 0.7 / 0.95})


def test_what_is_not_parted_is_shared_and_unlikely_beginnings_are_left() -> None:
    model = Model({"": {"a": 0.97, "b": LEAST / 2}})
    names = ["a1", "a2", "b1", "b2"]
    assert weighed(names, model) == pytest.approx({"a1": 0.0, "a2": 0.0, "b1": 0.5, "b2": 0.5}), "after `a` comes none of them"
    assert model.asked == ["", "a"]
    endless = Model({"a" * n: {"a": 1.0} for n in range(50)})
    assert weighed(["a" * 40 + "x", "a" * 40 + "y"], endless) == {"a" * 40 + "x": 0.5, "a" * 40 + "y": 0.5}
    assert len(endless.asked) == MOST


def test_letters_of_any_script() -> None:
    assert weighed(["ärger", "Ödnis"], Model({"": {"Ä": 0.3, "ö": 0.1}})) == pytest.approx({"ärger": 0.75, "Ödnis": 0.25})
