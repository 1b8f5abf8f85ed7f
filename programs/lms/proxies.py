"""The proxy that a request goes through, as the environment names it: which variable does, and whether its value can be used."""

import os
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

__all__ = ["Proxy", "proxy_of"]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy by `where` it is named, a variable of the environment. `fault` says why it cannot be used and what to do, empty where it can.

    Neither says the variable's value, in which there may be a password.
    """

    where: str
    fault: str


def proxy_of(url: str | None) -> Proxy | None:
    """The proxy that a request to `url` goes through; None where it goes straight there.

    Parameters
    ----------
    url
        None for an address that is not known, which is reached by HTTPS: a proxy that spares some hosts may spare that one, and is none.

    Examples
    --------
    >>> os.environ["HTTP_PROXY"] = "socks5h://me:password@127.0.0.1:1080"
    >>> proxy_of("http://10.0.0.1/v1").fault
    "the proxy in the environment variable HTTP_PROXY cannot be used (its scheme is 'socks5h'); set it to http://HOST:PORT, or list the server's host in NO_PROXY to reach it without a proxy"
    >>> del os.environ["HTTP_PROXY"]
    """
    try:
        parts, proxies = urlsplit(url or "https:"), getproxies()
        kind = parts.scheme if proxies.get(parts.scheme) else "all"
        if not proxies.get(kind) or (proxy_bypass(parts.hostname) if parts.hostname else proxies.get("no")):
            return None
    except ValueError:  # no address
        return None
    named = [name for name in os.environ if name.lower() == f"{kind}_proxy" and os.environ[name] == proxies[kind]]
    variable = min(named, key=str.isupper, default="")  # of two, the one in small letters counts
    where = f"the environment variable {variable}" if variable else "the system's settings"
    wrong = _wrong(proxies[kind])
    what = f"the proxy in {where} cannot be used ({wrong}); set it to http://HOST:PORT, or list the server's host in NO_PROXY to reach it without a proxy"
    return Proxy(where, what if wrong else "")


def _wrong(given: str) -> str:
    """What is wrong with a proxy's address; empty where nothing is."""
    scheme, found, rest = given.strip().partition("://")
    if found and scheme.lower() != "http":
        return (
            f"its scheme is {scheme!r}" if scheme.isalnum() and len(scheme) <= len("socks5h") else "it has no scheme that is known"
        )
    try:
        parts = urlsplit(f"http://{(rest if found else scheme).partition('/')[0].rpartition('@')[2]}")
        if parts.hostname and parts.port != 0:
            return ""
    except ValueError:
        pass
    return "it names no host, or no port from 1 to 65535"
