"""Secrets, kept out of whatever is written or said."""

import base64
import os
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote

__all__ = ["NAMED", "SHORTEST", "masked", "secrets_of_environment", "without_user_info"]

NAMED = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|(?<![A-Z])AUTH(?![A-Z])|AUTHORI[SZ]ATION", re.IGNORECASE)
"".encode("unicode_escape")  # so that its codec is loaded before there may be no file left to open
SHORTEST = 8  # characters of a secret; what servers without keys are given instead is shorter, and a word that texts hold
TOKEN = 16  # characters of a name without a password from which it is a token in a name's place
USER_INFO = re.compile(
    r"(?<=://)[^\s/]+(?=@)"
)  # of a URL: what stands before the host; a password may hold any other sign as it is
PROXY = re.compile(r"_PROXY$", re.IGNORECASE)  # a variable whose URL may stand without a scheme


def secrets_of_environment() -> frozenset[str]:
    """What the environment's variables hold that are named like a key, token or password, and the passwords in URLs that any of them holds.

    A URL's password counts as written and percent-decoded, with its user, as HTTP's `Basic` sends both, and alone where it is more than letters,
    which may be a word of a text ("password").
    """
    variables = [*os.environ.items()]  # read once: they are decoded each time, and this is asked at each answer
    found = {value.strip() for name, value in variables if NAMED.search(name)}
    for name, value in variables:
        if "@" in value:
            url = f"http://{value.strip()}" if PROXY.search(name) and "://" not in value else value
            found |= {part for info in USER_INFO.findall(url) for part in _parts(info)}
    return frozenset(value for value in found if len(value) >= SHORTEST)


def _parts(info: str) -> Iterator[str]:
    """The secrets in the user info of a URL."""
    for form in dict.fromkeys((info, unquote(info))):
        _, colon, password = form.partition(":")
        if colon:
            yield from (form, base64.b64encode(form.encode("utf-8", "surrogateescape")).decode("ascii"))
            if not password.isalpha():
                yield password
        elif len(form) >= TOKEN:
            yield form


def without_user_info(text: str) -> str:
    """`text` with `[secret]` for the user and password of each URL in it.

    >>> without_user_info("no route to http://me:pass@word@10.0.0.1:1080/v1")
    'no route to http://[secret]@10.0.0.1:1080/v1'
    """
    return USER_INFO.sub("[secret]", text)


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` with `[secret]` for each of `secrets`, as it is, percent-encoded, or with escaped characters."""
    for secret in sorted(secrets, key=len, reverse=True):  # the longest first: one may hold another
        for form in dict.fromkeys((secret, quote(secret, safe=""), secret.encode("unicode_escape").decode())):
            text = text.replace(form, "[secret]")
    return text
