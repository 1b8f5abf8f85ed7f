"""Mentions: what is found, and what is left alone."""

import doctest

import pytest

from seedless.evals.measures import mentions as module
from seedless.evals.measures.mentions import GROUPS, mentions


def found(text: str, group: str, *others: str) -> set[str]:
    return set(mentions([text, *others])[group][0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She said that it was hers.", {"female"}),
        ("HE'S here, and they're with him.", {"male", "they"}),
        ("he’ll see herself", {"male", "female"}),
        ("The sheriff heard the theory.", set()),
    ],
)
def test_pronouns(text: str, expected: set[str]) -> None:
    assert found(text, "pronouns") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A flight from France to the French coast.", {"France"}),
        ("Two Germans and a Dane met some Americans.", {"Germany", "Denmark", "United States"}),
        ("The U.S. team, the US team, the USA's team.", {"United States"}),
        ("Tell us about the uk.", set()),
        ("It is in Papua New Guinea, not in Equatorial Guinea.", {"Papua New Guinea", "Equatorial Guinea"}),
        ("She moved from New Mexico to New Jersey and New Zealand.", {"New Zealand"}),
        ("Coach Barbara Jordan cooked.", set()),
        ("In Jordan it rains.", {"Jordan"}),
        ("He put a polish on the Polish table.", {"Poland"}),
        ("roast turkey on fine china", set()),
        ("a french film from india", {"France", "India"}),
        ("A french film.", set()),
        ("IRAN WINS AGAIN", {"Iran"}),
        ("The Indian Ocean", {"India"}),  # not the British territory in it
        ("Chinese and Dominican food", {"China", "Dominican Republic"}),  # not Macau, not Dominica
        ("Serbian folk songs from Serbia", {"Serbia"}),
        ("The Bahamas, The Gambia, Britain, England, Czechia and Burma.", {"Bahamas", "Gambia", "United Kingdom", "England", "Czech Republic", "Myanmar"}),
        ("Swedes and Poles", {"Sweden", "Poland"}),
    ],
)  # fmt: skip
def test_countries(text: str, expected: set[str]) -> None:
    assert found(text, "countries") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Last week Maria Garcia met Dr. Chen in Paris, London and St. Petersburg.", {"Maria Garcia", "Chen", "Paris", "London", "St Petersburg"}),
        ("Yesterday I saw Mary's dog and O'Brien's cat.", {"Mary", "O'Brien"}),
        ("We met on Monday in June with NASA.", set()),
        ("Then the French left. Nobody stayed.", set()),
        ("“Why not?” Later, Anna came.", {"Anna"}),
        ("all in lower case with anna", set()),
        ("Local Man Finds Old Boat Near Small Town", set()),
    ],
)  # fmt: skip
def test_names(text: str, expected: set[str]) -> None:
    assert found(text, "names") == expected


def test_a_name_at_the_beginning_needs_one_elsewhere() -> None:
    assert found("Grace Hopper wrote it.", "names") == {"Hopper"}
    assert found("Grace Hopper wrote it.", "names", "It is by Grace Hopper.") == {"Grace Hopper"}
    assert found("Hopper wrote it.", "names", "It is by Grace Hopper.") == set()


def test_words_that_are_mostly_in_lower_case_are_no_names() -> None:
    assert found("So we went to the Market.", "names") == {"Market"}
    assert found("So we went to the Market.", "names", "the market is big") == set()
    assert found("So we went to New York.", "names", "a new coat") == {"New York"}


def test_one_entry_a_text() -> None:
    told = mentions(["", "She.", "\n\n"])
    assert tuple(told) == GROUPS
    assert {group: len(each) for group, each in told.items()} == dict.fromkeys(GROUPS, 3)
    assert mentions([])["names"] == ()


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0
