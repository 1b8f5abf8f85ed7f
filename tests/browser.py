"""A headless Chromium, driven over the WebDriver protocol, that finds no host but this machine."""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

__all__ = ["MISSING", "Browser"]

MISSING = [program for program in ("chromium", "chromedriver") if shutil.which(program) is None]
"""What is not installed; Debian has both, as the packages chromium and chromium-driver."""

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=1600,1000", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


class Browser:
    """A context manager. `folder` takes its profile."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._folder = folder
        self._session = ""

    def __enter__(self) -> Self:
        self._driver = subprocess.Popen(
            ["chromedriver", f"--port={self._port}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wanted = {
            "goog:chromeOptions": {"args": [*OPTIONS, f"--user-data-dir={self._folder}"]},
            "goog:loggingPrefs": {"performance": "ALL"},
        }
        for tried in range(100):
            try:
                self._session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
                break
            except (urllib.error.URLError, ConnectionError):
                if tried == 99:
                    raise
                time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._ask("DELETE", f"/session/{self._session}")
        finally:
            self._driver.terminate()
            self._driver.wait(10)

    def open(self, url: str) -> None:
        """Load a page."""
        self._here("POST", "url", {"url": url})

    def run(self, script: str) -> Any:
        """What a script returns."""
        return self._here("POST", "execute/sync", {"script": script, "args": []})

    def text(self) -> str:
        """What the page shows, and what its fields hold."""
        return str(self.run("return document.body.innerText"))

    def wait_for(self, *texts: str, timeout: float = 60.0) -> str:
        """The page's text, as soon as it shows all of `texts`."""
        until = time.monotonic() + timeout
        while missing := [text for text in texts if text not in (shown := self.text())]:
            assert time.monotonic() < until, f"the page does not show {missing}, but: {shown[:3000]}"
            time.sleep(0.2)
        return shown

    def screenshot(self, path: Path) -> None:
        """Keep what is to be seen, as a PNG file."""
        path.write_bytes(base64.b64decode(self._here("GET", "screenshot")))

    def asked(self) -> list[str]:
        """The addresses that pages have asked for since the last time."""
        entries = (json.loads(entry["message"])["message"] for entry in self._here("POST", "se/log", {"type": "performance"}))
        return [e["params"]["request"]["url"] for e in entries if e["method"] == "Network.requestWillBeSent"]

    def _here(self, method: str, what: str, body: Any = None) -> Any:
        return self._ask(method, f"/session/{self._session}/{what}", body)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  the driver, on this machine
            return json.load(answer)["value"]
