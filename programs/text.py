"""What texts are made of: words, clauses, sentences, a language; and how much two have in common."""

import errno
import re
import tempfile
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import regex
from rapidfuzz.distance import Indel

from seedless.errors import SetupError
from seedless.spelling import folded, unaccented

__all__ = [
    "LANGUAGES",
    "LETTERS",
    "LONGEST",
    "PER_WORD",
    "PLACE",
    "article",
    "first_words",
    "languages_of",
    "length",
    "normalized",
    "rouge_l",
    "run_of",
    "says",
    "sentences",
    "shortened",
    "standing",
    "tokens",
    "unit",
    "unspaced",
    "words",
    "writable",
]

SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}ーｰ\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"  # those that set no spaces between words
UNSPACED = regex.compile(rf"(?V1)[[{SCRIPTS}]&&[\p{{L}}\p{{N}}]]\p{{M}}*")
PARTED = rf"[\w--[{SCRIPTS}]]"  # what goes on in a word that spaces part from others
IN_WORD = regex.compile(rf"(?V1){PARTED}")
WORD = regex.compile(rf"{UNSPACED.pattern}|(?![\p{{M}}\p{{Cf}}]){PARTED}+")
TOKEN = regex.compile(
    rf"(?P<word>{WORD.pattern})|(?P<sign>(?=\p{{So}})\X)(?:\s*(?P=sign))*+"  # an emoji, however often it stands in a row
    r"|(?P<sign>!?[[\p{S}%&]--[`´]]+|(?<=\w)#|(?<!\w)-(?=\.?\d)|(?<![\w\p{P}])(?=\p{P}*[()\[\]{}/\\*@#])\p{P}++(?!\w))"
)
SIGN = re.compile(r"[^\w\s.,;:!?'’“”\"]")  # what can be more than punctuation
CLUSTER = regex.compile(r"(?V1)(?!\s)\X")
ISO_639_1 = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es "
    "et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki "
    "kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no "
    "nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te "
    "tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
LANGUAGES = frozenset(re.findall(r"\w+", ISO_639_1))
LONGEST = 2000  # words of a field
LETTERS = 40  # of a word at most, on average over a text, the space behind it among them
PER_WORD = 2  # characters of a word in such a script, about
PLACE = re.compile(r"\{([^{}]*)\}")  # in a task's pattern, what code fills in
READ_OUT = re.compile(
    r"[AEFHILMNORSX](?![AEIOUYa-z])[^\Wa-z]{0,3}(?![\w'’])|(?:FAQ|HIV|LED|MIT|NIH|SOS|SUV)s?\b"
)  # an FBI agent, an X-ray
LIKE_YOU = r"eu\B|ewe|u\b|u[ksx]\b|(?-i:UN)\b|un\b(?!-)|ubiq|ufo|ups\b|ugand|ukr|ukul|uni(?:[cflqsx]|on|t|vers)|ur[ailu]|us(?:[aeu]|b\b)|ut(?:e[nr]|il|op)|uv\b"
VOWEL_SOUND = re.compile(
    rf"8|1[18](?!\d)|x-|h(?:eir|onest|onou?r|our)|(?!{LIKE_YOU}|one\b|once\b)[aeiou]", re.IGNORECASE
)  # eighteen, hour; not European, university, one
SUBJECT = r"(?:I|you|he|she|it|we|they|there|this|that|let)\b"
CLAUSE = re.compile(  # where a main clause begins behind a whole one: "and I" without a comma may be half of "my wife and I"
    rf",?\s+because\b|,\s+(?:(?:and|but|or|so)\s+)?{SUBJECT}|\s+(?:but|so)\s+{SUBJECT}|\s+and\s+(?:he|it|let|she|there|they|we)\b",
    re.IGNORECASE,
)
LEANING = re.compile(  # words that wait for a main clause
    r"\W*(?:\w+ing|about|above|after|against|although|among|as|at|because|before|between|both|by|despite|during|either|for|from|if|in|into|instead|"
    r"like|neither|not|of|on|once|over|since|the (?:day|first|last|moment|next|time)|though|through|to|under|unless|until|upon|what\w*|when\w*|where\w*|while|who\w*|with|"
    r"without)\b",
    re.IGNORECASE,
)
OPEN_END = re.compile(  # words that wait for more
    r"\b(?:all|an?|and|any\w*|are|as|at|be|been|being|both|but|by|each|either|every\w*|for|from|had|has|have|if|in|into|is|like|more|neither|no|not\w*|of|on|only|or|"
    r"so|such|than|that|the|to|very|was|were|what\w*|when|where|whether|which|who\w*|with)$",
    re.IGNORECASE,
)
END = re.compile(r"[.!?]+[\"”’)]*$")
PLAIN = re.compile(r"\w+")  # the same for ASCII, three times as fast
SENTENCE_END = re.compile(  # a `;` asks in Greek; where a quotation ends in a script without capitals its sentence may go on
    r"(?:[.!?…؟۔\u037e]|(?<=[\u0370-\u03ff\u1f00-\u1fff]{2});)+[\"'”’“‘»«›‹)\]]*(?=\s+[\"'“‘„‚«»‹›(\[]?([^\W_]))"
    r"|[。！？।॥။។]+[）】]*(?![。！？।॥။។」』”’»》]|[\"'](?:\s|$))"
)
ABBREVIATION = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|Inc|Ltd|Co|Corp|approx|dept|est|Fig|Vol|Mme|Mlle|Sra?|bzw|ca|Hr|Fr|Nr|Std|usw|vgl|(?<!\d )[^\W\d_])\.$"
)  # a lone letter ends "U.S.", "p.m." and "z. B.", but "3.5 m." may end a sentence
ORDINAL = re.compile(r"(?:^|\s)\d{1,2}\.$")  # "3. Oktober"


def words(text: str) -> list[str]:
    """The words of `text`, case folded, in Unicode's compatibility form. Of a script that sets no spaces each character is one.

    >>> words("It's GOOD, isn't it?")
    ['it', 's', 'good', 'isn', 't', 'it']
    >>> words("我的iPhone坏了。")
    ['我', '的', 'iphone', '坏', '了']
    """
    return (PLAIN if text.isascii() else WORD).findall(_folded(text))


def tokens(text: str) -> list[str]:
    """What tells texts apart: words, and signs that are no punctuation. Of a text without words each sign is one.

    No punctuation are symbols, emoji, a minus before a number, and marks that touch no word and do more than part sentences.

    >>> tokens("Great film!"), tokens("Great film :( 😡😡")
    (['great', 'film'], ['great', 'film', ':(', '😡'])
    >>> tokens("x != -1"), tokens("?!")
    (['x', '!=', '-', '1'], ['?', '!'])
    """
    if (said := words(text)) and not SIGN.search(text):
        return said
    found = [(match.lastgroup, match["word"] or match["sign"]) for match in TOKEN.finditer(_folded(text))]
    if any(kind == "word" for kind, _ in found):
        return [token for _, token in found]
    return CLUSTER.findall(text)


def normalized(text: str) -> str:
    """What is equal exactly for two texts that are the same: in their words and signs (`tokens`), whatever their case, punctuation and spaces.

    >>> normalized("Great  film!") == normalized("great film..."), normalized("Great film!") == normalized("Great film :(")
    (True, False)
    """
    return " ".join(tokens(text))


def _folded(text: str) -> str:
    return folded(text if text.isascii() else unicodedata.normalize("NFKC", text))


def writable(text: str) -> str:
    """`text` with a question mark for each half of a character (a lone surrogate), which is no text: no file or request can hold it.

    >>> writable("Café \\ud83d!")
    'Café ?!'
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def unspaced(text: str) -> bool:
    """Whether `text` is mostly in a script that sets no spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese."""
    return not text.isascii() and 2 * len(UNSPACED.findall(text)) > len(WORD.findall(text))


def length(text: str) -> int:
    """How long `text` is in words, as spaces part them; of a script that sets none each character counts.

    >>> length("It's good, isn't it?"), length("我的iPhone坏了。")
    (4, 5)
    """
    if text.isascii() or UNSPACED.search(text) is None:
        return len(text.split())
    return sum(WORD.search(piece) is not None for piece in UNSPACED.sub(r" \g<0> ", text).split())


def unit(text: str) -> str:
    """What `length` counts in `text`: words, or characters."""
    return "characters" if unspaced(text) else "words"


def run_of(count: int, text: str) -> int:
    """How many of `words(text)` are as much as `count` words: as many, or twice as many characters."""
    return count * PER_WORD if unspaced(text) else count


def standing(phrase: str) -> "regex.Pattern[str]":
    """A pattern for `phrase` where it stands sign for sign, case and width of gaps aside: no word goes on before or behind it, in scripts that part words.

    >>> [bool(standing("art").search(text)) for text in ("Modern art.", "He started.")]
    [True, False]
    >>> [bool(standing("new york").search(text)) for text in ("In New  York.", "In New-York.")]
    [True, False]
    >>> bool(standing("猫").search("这只猫很可爱")), bool(standing("$").search("I paid $5."))
    (True, True)
    """
    begins = rf"(?<!{PARTED})" if IN_WORD.match(phrase.lstrip()[:1]) else ""
    ends = rf"(?!{PARTED})" if IN_WORD.match(phrase.rstrip()[-1:]) else ""
    gaps = r"\s+".join(map(regex.escape, phrase.split()))
    return regex.compile(f"(?V1){begins}{gaps}{ends}", regex.IGNORECASE)  # in version 1 "STRASSE" is "Straße" in another case


def says(text: str, phrase: str) -> bool:
    """Whether the words of `phrase` stand in `text`, one after the other; of no words, never.

    >>> says("What is the Exchange rate?", "exchange rate")
    True
    """
    said = words(phrase)
    return bool(said) and f" {' '.join(said)} " in f" {' '.join(words(text))} "


def first_words(text: str, count: int) -> str:
    """The beginning of `text` to the end of its word number `count`, as it is written (`run_of`).

    >>> first_words("I'm so glad!", 3)
    "I'm so"
    """
    ends = [match.end() for match in WORD.finditer(text)][: run_of(count, text)]
    return text[: ends[-1]] if ends else ""


def article(phrase: str) -> str:
    """The indefinite article that stands before an English phrase, by how its first word is spoken.

    >>> [article(phrase) for phrase in ("art film", "user", "one-way street", "hour", "house", "FBI agent", "US bank")]
    ['an', 'a', 'a', 'an', 'a', 'an', 'a']
    """
    return "an" if READ_OUT.match(said := phrase.lstrip("\"'“”‘’«([ ")) or VOWEL_SOUND.match(unaccented(said[:20])) else "a"


def rouge_l(first: Sequence[str], second: Sequence[str]) -> float:
    """ROUGE-L F1 of two word sequences, in [0, 1]; higher is more alike.

    >>> rouge_l(["the", "cat", "sat"], ["the", "cat", "ran"])
    0.6666666666666667
    """
    return float(Indel.normalized_similarity(list(first), list(second)))


def sentences(text: str) -> list[str]:
    """The sentences of `text`, by end marks followed by anything but a small letter.

    >>> sentences('He met Dr. Who. "Yes!" she said. It rained.')
    ['He met Dr. Who.', '"Yes!" she said.', 'It rained.']
    """
    parts: list[str] = []
    start = 0
    for match in SENTENCE_END.finditer(text):
        piece = text[start : match.end()]
        following = match[1] or "A"
        if ABBREVIATION.search(piece) or ORDINAL.search(piece) or following.islower():
            continue
        if piece.endswith("No.") and following.isdigit():
            continue
        parts.append(piece.strip())
        start = match.end()
    if rest := text[start:].strip():
        parts.append(rest)
    return parts


def shortened(sentence: str, most: int) -> str:
    """An English sentence to the end of its last main clause that leaves it at most `most` words, with its end mark; whole where none does, or where
    what would be left waits for more.

    >>> shortened("Turn off the light in the hall, because I am going to bed now.", 8)
    'Turn off the light in the hall.'
    >>> shortened("When the band came in, we danced.", 5)
    'When the band came in, we danced.'
    """
    left = [sentence[: match.start()].rstrip() for match in CLAUSE.finditer(sentence)]
    fits = [part for part in left if length(part) <= most and not OPEN_END.search(part)]
    if not fits or LEANING.match(sentence):
        return sentence
    mark = END.search(sentence)
    return fits[-1] + (mark[0] if mark is not None else "")


def languages_of(text: str) -> Mapping[str, float]:
    """How likely each language is the one in which `text` reads, by its ISO 639-1 code, the likeliest first; together 1.

    >>> next(iter(languages_of("The film was long, but the ending was worth the wait.")))
    'en'

    Raises
    ------
    SetupError
        If the folder for temporary files has no room for one, through which the model of languages is read.
    """
    return {code: float(likely) for code, likely in _identifier().rank(text)}


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # 0.5 s to load: only for tasks whose drafts come this far

    try:
        return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise SetupError(
            f"{tempfile.gettempdir()}: has no room for a temporary file of some megabytes, through which the model of languages is read; "
            "make some there, or set TMPDIR to a folder that has it"
        ) from error
