"""The words: one file a stage, typed DSPy signatures, no logic.

Each stage has a full wording for models that follow a form, and a plain one, a sentence or two, for small models. An instance has a
third: a document that a small model goes on with. Places in braces are filled in from the inputs by the adapter; inputs that an
instruction does not place are listed beside it.
"""

from seedless.signatures.contexts import CONTEXTS_SHOWN, NameContexts, NameContextsPlainly
from seedless.signatures.instance import (
    DOCUMENTS_SHOWN,
    ReviseBesideGiven,
    ReviseInstance,
    ReviseInstancePlainly,
    WriteBesideGiven,
    WriteInstance,
    WriteInstanceInDocument,
    WriteInstancePlainly,
)
from seedless.signatures.seeds import (
    SEEDS_SHOWN,
    TEXTS_SHOWN,
    NameSeeds,
    NameSeedsApart,
    NameSeedsPlainly,
    NameTexts,
    NameTextsPlainly,
)
from seedless.signatures.verdict import JudgeAnchored, JudgeBlind, JudgeBlindPlainly

__all__ = [
    "CONTEXTS_SHOWN",
    "DOCUMENTS_SHOWN",
    "SEEDS_SHOWN",
    "TEXTS_SHOWN",
    "JudgeAnchored",
    "JudgeBlind",
    "JudgeBlindPlainly",
    "NameContexts",
    "NameContextsPlainly",
    "NameSeeds",
    "NameSeedsApart",
    "NameSeedsPlainly",
    "NameTexts",
    "NameTextsPlainly",
    "ReviseBesideGiven",
    "ReviseInstance",
    "ReviseInstancePlainly",
    "WriteBesideGiven",
    "WriteInstance",
    "WriteInstanceInDocument",
    "WriteInstancePlainly",
]
