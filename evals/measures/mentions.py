"""Mentions: the genders of pronouns, the countries and the names in texts, found by lists and capitals, without a tagger."""

import calendar
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

__all__ = ["GROUPS", "mentions"]

GROUPS = ("pronouns", "countries", "names")
PRONOUNS = {
    **dict.fromkeys(("she", "her", "hers", "herself"), "female"),
    **dict.fromkeys(("he", "him", "his", "himself"), "male"),
    **dict.fromkeys(("they", "them", "their", "theirs", "themself", "themselves"), "they"),
}
# What the library has no entry for: other names of countries, peoples beside the one adjective that it knows, initials.
ALSO = {
    "America": "United States", "U.S": "United States", "US": "United States", "USA": "United States", "U.S.A": "United States",
    "UK": "United Kingdom", "U.K": "United Kingdom", "Britain": "United Kingdom", "Briton": "United Kingdom", "England": "England",
    "English": "England", "Scot": "Scotland", "Northern Ireland": "Northern Ireland", "UAE": "United Arab Emirates",
    "Argentine": "Argentina", "Argentinian": "Argentina", "Burma": "Myanmar", "Czechia": "Czech Republic", "Dane": "Denmark",
    "Finn": "Finland", "Holland": "Netherlands", "Kazakh": "Kazakhstan", "Korea": "South Korea", "Korean": "South Korea",
    "Kyrgyz": "Kyrgyzstan", "North Macedonia": "Republic of Macedonia", "Pole": "Poland", "Saudi": "Saudi Arabia", "Serb": "Serbia",
    "Slovenian": "Slovenia", "Spaniard": "Spain", "Swede": "Sweden", "Tajik": "Tajikistan", "Turk": "Turkey", "Türkiye": "Turkey",
    "Uzbek": "Uzbekistan", "Vatican": "Vatican City State", "Viet Nam": "Vietnam", "Congo": "Democratic Republic of the Congo",
}  # fmt: skip
# States of the past and second entries of one state, whose adjectives are another's; "New Jersey".
LEFT_OUT = {"Antilles néerlandaises", "Burma", "Guernsey", "Jersey", "Serbia and Montenegro"}
# Ordinary words without capitals, and some of them family names after another name.
WORDS_TOO = {
    "chad", "china", "dane", "danes", "finn", "finns", "georgia", "guinea", "jordan", "pole", "poles", "polish", "scot", "scots", "turkey",
}  # fmt: skip

TOKEN = re.compile(r"U\.[SK]\b\.?(?:A\b\.?)?|(?:Mrs?|Ms|Dr|Prof|St)\.|[^\W_]+(?:['’][^\W_]+)*|[.!?:;,“”\"()]")
ENDS = frozenset('.!?:;“”"(')
APART = ENDS | frozenset(",)")
TITLES = ("Mr", "Mrs", "Ms", "Dr", "Prof")
NO_NAMES = frozenset([*calendar.month_name, *calendar.month_abbr, *calendar.day_name, *calendar.day_abbr, *TITLES, "I"])
LONGEST = 4  # words of a country's name
TITLE_CASE = 0.75  # share of capitalised words above which a line is a headline


# A word of a line, whether a sentence begins with it, and whether punctuation parts it from the word before.
Word = tuple[str, bool, bool]


def mentions(texts: Sequence[str]) -> Mapping[str, tuple[frozenset[str], ...]]:
    """What each text mentions, by group: `len(mentions(texts)[group]) == len(texts)` for each of `GROUPS`.

    `pronouns`: female, male, they (English third-person pronouns; "they" is mostly a plural). `countries`: names, nationalities and
    languages that share their word, as the country's English name. "Georgia" is always the country, initials such as US need their
    capitals, and in a text without any capital words such as "turkey" do not count. `names`: runs of capitalised words, of people as of
    firms and places; not all in capitals, not a country, month or day, not in a line in title case, and only words that `texts` have in
    capitals within sentences more often than in lower case, or right before such a one. A single word at a sentence's beginning is no name. Lower-cased texts have none.

    >>> {group: sorted(found[0]) for group, found in mentions(["So she told the French that John Smith won."]).items()}
    {'pronouns': ['female'], 'countries': ['France'], 'names': ['John Smith']}
    """
    lines = [[_words(line) for line in text.splitlines()] for text in texts]
    said = [word for text in lines for line in text for word in line]
    lower = Counter(word for word, _, _ in said if not word[0].isupper())
    within = Counter(word.casefold() for word, begins, _ in said if word[0].isupper() and not begins)
    proper = frozenset(word for word, count in within.items() if count > lower[word])
    found = [_mentioned(text, proper) for text in lines]
    return {group: tuple(each[place] for each in found) for place, group in enumerate(GROUPS)}


def _mentioned(lines: Sequence[Sequence[Word]], proper: frozenset[str]) -> tuple[frozenset[str], ...]:
    """The members of each group in one text. `proper` are words (case folded) that are mostly capitalised within sentences."""
    pronouns: set[str] = set()
    countries: set[str] = set()
    names: set[str] = set()
    capitals = any(word != word.lower() for words in lines for word, _, _ in words)
    for words in lines:
        pronouns.update(PRONOUNS[said] for word, _, _ in words if (said := word.casefold()) in PRONOUNS)
        of_country: set[int] = set()
        for start, length, country in _countries(words, capitals=capitals):
            countries.add(country)
            of_country.update(range(start, start + length))
        if capitals:
            names.update(_names(words, of_country, proper))
    return frozenset(pronouns), frozenset(countries), frozenset(names)


def _words(line: str) -> list[Word]:
    """The words of a line, each without its "'s" or other contraction (but O'Brien in one)."""
    found = []
    begins = apart = True
    for token in TOKEN.findall(line):
        if token in APART:
            begins, apart = begins or token in ENDS, True
            continue
        word = token.rstrip(".")
        if not word.isalnum():
            head, _, tail = word.replace("’", "'").removesuffix("'s").partition("'")
            word = f"{head}'{tail}" if tail[:1].isupper() else head
        found.append((word, begins, apart))
        begins = apart = False
    return found


def _countries(words: Sequence[Word], *, capitals: bool) -> Iterator[tuple[int, int, str]]:
    """Where a country is named: its first word's place, its number of words, the country. The longest name counts."""
    known, beginnings = _known()
    past = 0
    for place, (word, _, _) in enumerate(words):
        if place < past or word.casefold() not in beginnings or not _may_be_country(words, place, capitals=capitals):
            continue
        for length in range(min(LONGEST, len(words) - place), 0, -1):
            said = " ".join(each for each, _, _ in words[place : place + length])
            found = known.get(said if said.isupper() else said.casefold())
            if found is not None:
                yield place, length, found
                past = place + length
                break


def _may_be_country(words: Sequence[Word], place: int, *, capitals: bool) -> bool:
    """Whether the word at `place` is no part of New Mexico, no Barbara Jordan, and no plain "turkey"."""
    word, _, apart = words[place]
    before, before_begins, _ = words[place - 1] if place else ("", True, True)
    if (capitals and not word[0].isupper()) or (before == "New" and not apart):
        return False
    return word.casefold() not in WORDS_TOO or (capitals and (apart or before_begins or not before[0].isupper()))


@cache
def _known() -> tuple[Mapping[str, str], frozenset[str]]:
    """Countries by name and nationality in lower case (initials in capitals), and the first words of these, in lower case."""
    from countryinfo import all_countries

    known: dict[str, str] = {}
    # The least populous first: where states share an adjective ("French" of overseas territories), the largest one has it.
    for country in sorted(all_countries(), key=lambda country: country.population() or 0):
        name = str(country.name()).removeprefix("The ")
        if name in LEFT_OUT:
            continue
        for nationality in re.split(r"[,/]", country.demonym() or ""):
            if nationality.strip():
                known[nationality.strip().casefold()] = name
    for country in all_countries():
        name = str(country.name()).removeprefix("The ")
        if name not in LEFT_OUT:
            known[name.casefold()] = name
    known.update({(also if also.isupper() else also.casefold()): name for also, name in ALSO.items()})
    peoples = {word + "s": name for word, name in known.items() if word.endswith(("n", "i", "e", "k", "t", "b"))}
    known = {**peoples, **known, **{word.upper(): name for word, name in known.items() if len(word) > 3}}
    return known, frozenset(word.split()[0].casefold() for word in known)


def _names(words: Sequence[Word], of_country: set[int], proper: frozenset[str]) -> Iterator[str]:
    """The runs of capitalised words in a line."""
    if len(words) > 3 and sum(word[0].isupper() for word, _, _ in words) > TITLE_CASE * len(words):
        return
    run: list[str] = []
    for place, (word, begins, apart) in enumerate(words):
        if apart and run:
            yield " ".join(run)
            run = []
        after, _, parted = words[place + 1] if place + 1 < len(words) else ("", True, True)
        goes_on = not parted and _capital(after) and after.casefold() in proper and place + 1 not in of_country
        known = word.casefold() in proper
        # The capital of a sentence's first word says nothing; New York's "New" is a name beside York.
        named = _capital(word) and place not in of_country and (known and goes_on if begins else known or goes_on)
        if named:
            run.append(word)
        elif run:
            yield " ".join(run)
            run = []
    if run:
        yield " ".join(run)


def _capital(word: str) -> bool:
    """Whether the word has a capital as names do: not as initials, months and titles do."""
    return word[:1].isupper() and word not in NO_NAMES and not (len(word) > 1 and word.isupper())
