"""What texts are made of: words, sentences, a language; and how much two have in common."""

import re
import unicodedata
from collections.abc import Sequence

from rapidfuzz.distance import Indel

__all__ = ["first_words", "language_of", "rouge_l", "says", "sentences", "words"]

WORD = re.compile(r"\w+")
SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s+[\"'“‘«(\[]?([^\W_]))|[。！？]")
ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|Inc|Ltd|Co|Corp|U\.S|U\.K|e\.g|i\.e|[A-Z])\.$")


def words(text: str) -> list[str]:
    """The words of `text`, case folded, in Unicode's compatibility form.

    >>> words("It's GOOD, isn't it?")
    ['it', 's', 'good', 'isn', 't', 'it']
    """
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def says(text: str, phrase: str) -> bool:
    """Whether the words of `phrase` stand in `text`, one after the other; of no words, never.

    >>> says("What is the Exchange rate?", "exchange rate")
    True
    """
    said = words(phrase)
    return bool(said) and f" {' '.join(said)} " in f" {' '.join(words(text))} "


def first_words(text: str, count: int) -> str:
    """The beginning of `text` to the end of its word number `count`, as it is written.

    >>> first_words("I'm so glad!", 3)
    "I'm so"
    """
    ends = [match.end() for match in WORD.finditer(text)][:count]
    return text[: ends[-1]] if ends else ""


def rouge_l(first: Sequence[str], second: Sequence[str]) -> float:
    """ROUGE-L F1 of two word sequences, in [0, 1]; higher is more alike.

    >>> rouge_l(["the", "cat", "sat"], ["the", "cat", "ran"])
    0.6666666666666667
    """
    return float(Indel.normalized_similarity(list(first), list(second)))


def sentences(text: str) -> list[str]:
    """The sentences of `text`, by end marks followed by a capital letter, a digit or a quotation mark.

    >>> sentences('He met Dr. Who. "Yes!" she said. It rained.')
    ['He met Dr. Who.', '"Yes!" she said.', 'It rained.']
    """
    parts: list[str] = []
    start = 0
    for match in SENTENCE_END.finditer(text):
        piece = text[start : match.end()]
        following = match[1] or "A"
        if ABBREVIATION.search(piece) or not (following.isupper() or following.isdigit()):
            continue
        if piece.endswith("No.") and following.isdigit():
            continue
        parts.append(piece.strip())
        start = match.end()
    if rest := text[start:].strip():
        parts.append(rest)
    return parts


def language_of(text: str) -> str:
    """The ISO 639-1 code of the language in which `text` reads.

    >>> language_of("The film was long, but the ending was worth the wait.")
    'en'
    """
    import py3langid  # 0.5 s to load: only for tasks whose drafts come this far

    return str(py3langid.classify(text)[0])
