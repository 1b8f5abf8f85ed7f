"""How a name is spelled: what of it is seen, and how it is typed. Two names that differ in spaces and in signs without a width of their own are one."""

import re
import unicodedata

__all__ = ["folded", "seen", "typed", "unaccented"]

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")  # joiners, marks of direction, variants of an emoji
MARKS = str.maketrans({**dict.fromkeys("‘’‚‛ʼ′", "'"), **dict.fromkeys("“”„‟«»″", '"'), "‹": "'", "›": "'"})
ACCENTS = re.compile("(?<=[A-Za-z\u0370-\u03ff])[\u0300-\u036f]+")  # on Latin and Greek letters, which many leave out of capitals
TYPOGRAPHIC = ("<compat>", "<font>", "<isolated>", "<initial>", "<medial>", "<final>", "<narrow>", "<noBreak>", "<small>", "<vertical>",
               "<wide>")  # fmt: skip
"""Unicode's kinds of other forms of a sign. None is one that says something else: a superscript, a fraction, a number in a circle."""


def folded(text: str) -> str:
    r"""`text` with case folded, and the letters that Turkish writes with and without a dot as one: their capitals are I and \u0130.

    >>> folded("\u0130LT\u0130FAT") == folded("iltifat"), folded("\u0131l\u0131k") == folded("ILIK")
    (True, True)
    """
    return text.casefold() if text.isascii() else text.casefold().replace("i\u0307", "i").replace("\u0131", "i")


def seen(text: str) -> str:
    r"""What is seen of `text`: composed, one space for a run of them and none around it, no mark that has no width.

    >>> seen("ne\u0301gatif\u200b") == seen("  n\u00e9gatif")
    True
    """
    if text.isascii():
        return " ".join(text.split())
    return " ".join(unicodedata.normalize("NFC", INVISIBLE.sub("", text)).split())


def typed(text: str) -> str:
    r"""What is `seen` of `text` as a plain keyboard types it: straight quotation marks and apostrophes, letters and signs of the usual width.

    >>> typed("can\u2019t  tell"), typed("\uff57arm"), typed("1²")
    ("can't tell", 'warm', '1²')
    """
    if text.isascii():
        return seen(text)
    signs = (unicodedata.normalize("NFKC", sign) if _typographic(sign) else sign for sign in text.translate(MARKS))
    return seen("".join(signs))


def unaccented(text: str) -> str:
    r"""What is `typed` of `text` without accents.

    >>> unaccented("caf\u00e9"), unaccented("\u00e9t\u00e9")
    ('cafe', 'ete')
    """
    return typed(text) if text.isascii() else seen(ACCENTS.sub("", unicodedata.normalize("NFD", typed(text))))


def _typographic(sign: str) -> bool:
    return unicodedata.decomposition(sign).startswith(TYPOGRAPHIC)
