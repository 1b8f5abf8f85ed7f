"""Secrets, kept out of whatever is written or said."""

import os
import re
from collections.abc import Iterable
from urllib.parse import quote

__all__ = ["masked", "secrets_of_environment"]

NAMED = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|(?<![A-Z])AUTH(?![A-Z])|AUTHORI[SZ]ATION", re.IGNORECASE)
"".encode("unicode_escape")  # so that its codec is loaded before there may be no file left to open
SHORTEST = 8  # characters of a secret; what servers without keys are given instead is shorter, and a word that texts hold


def secrets_of_environment() -> frozenset[str]:
    """What the environment's variables hold that are named like a key, token or password."""
    return frozenset(value.strip() for name, value in os.environ.items() if NAMED.search(name) and len(value.strip()) >= SHORTEST)


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` with `[secret]` for each of `secrets`, as it is, percent-encoded, or with escaped characters."""
    for secret in sorted(secrets, key=len, reverse=True):  # the longest first: one may hold another
        for form in dict.fromkeys((secret, quote(secret, safe=""), secret.encode("unicode_escape").decode())):
            text = text.replace(form, "[secret]")
    return text
