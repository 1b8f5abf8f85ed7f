"""A real browser, without a screen and without a network: Chromium spoken to by its DevTools protocol over a pipe.

No port, no client library: requests and answers are JSON, each ended by a NUL byte, on the file descriptors 3 and 4.
"""

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import pytest

__all__ = ["Browser", "Tab", "chromium"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic", "--disable-extensions", "--hide-scrollbars", "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip

# Puts the pipe's ends where the browser looks for them (by way of higher numbers, since they may lie there crosswise), and becomes it.
HAND_OVER = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def chromium() -> str:
    """The browser's path; without one the test is skipped, and says so."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser here ({', '.join(NAMES)}): install Debian's package chromium to run this test")
    return found


class Browser:
    """A browser with an empty profile. A context manager."""

    def __init__(self, profile: Path) -> None:
        self._number = 0
        self._buffer = b""
        self.events: list[dict[str, Any]] = []
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        command = [chromium(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", HAND_OVER, str(theirs_in), str(theirs_out), *command],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._out)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)
        os.close(self._in)

    def tab(self) -> "Tab":
        """A new tab, its console and its errors listened to."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        return Tab(self, self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])

    def ask(self, method: str, *, session: str | None = None, timeout: float = 60.0, **params: Any) -> dict[str, Any]:
        """The result of one request; events that come meanwhile are kept."""
        self._number += 1
        number = self._number
        request: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session is not None:
            request["sessionId"] = session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        end = time.monotonic() + timeout
        while True:
            message = self._next(end, method)
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)

    def until(self, method: str, *, session: str, timeout: float = 60.0) -> None:
        """Wait for an event that has not come before."""
        end = time.monotonic() + timeout
        seen = 0
        while True:
            for event in self.events[seen:]:
                if event.get("method") == method and event.get("sessionId") == session:
                    return
            seen = len(self.events)
            self.events.append(self._next(end, method))

    def _next(self, end: float, waiting_for: str) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"the browser did not answer in time: {waiting_for}"
            read = os.read(self._in, 1 << 20)
            assert read, f"the browser has ended: {waiting_for}"
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


class Tab:
    """One page of a browser."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        for domain in ("Page", "Runtime", "Log"):  # the network's own events would slow a large page down
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of one request to this tab."""
        return self._browser.ask(method, session=self._session, **params)

    def look(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Set the window's size, in CSS pixels, and the colour scheme that the reader prefers."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", media="screen", features=scheme)

    def open(self, page: Path | str) -> float:
        """Open a file or an address, and return the seconds until the browser says that it is loaded."""
        self._browser.events.clear()
        began = time.monotonic()
        self.ask("Page.navigate", url=page.resolve().as_uri() if isinstance(page, Path) else page)
        self._browser.until("Page.loadEventFired", session=self._session)
        return time.monotonic() - began

    def value(self, expression: str) -> Any:
        """What a JavaScript expression (or promise) comes to, as JSON has it."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, f"{expression}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def until(self, expression: str, *, timeout: float = 10.0) -> float:
        """Wait until an expression holds, and return the seconds it took."""
        began = time.monotonic()
        while not self.value(f"Boolean({expression})"):
            assert time.monotonic() - began < timeout, f"not within {timeout} s: {expression}"
            time.sleep(0.01)
        return time.monotonic() - began

    def type(self, selector: str, text: str) -> None:
        """Put the text caret into an element, and type over what it holds."""
        self.value(f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.focus(); e.select?.(); }})()")
        self.ask("Input.insertText", text=text)

    def press(self, x: float, y: float) -> None:
        """Move the pointer to a place in the window and click."""
        self.hover(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def hover(self, x: float, y: float) -> None:
        """Move the pointer to a place in the window."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def centre(self, selector: str) -> tuple[float, float]:
        """The middle of an element in the window, scrolled into sight."""
        found = self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center', behavior: 'instant'}});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        return found[0], found[1]

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """A PNG of the window, or of the whole page."""
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    @property
    def said(self) -> list[str]:
        """What the console, the policy and errors have said since the page was opened, and dialogs that opened."""
        self.value("0")  # all that was under way has come in
        found = []
        for event in self._browser.events:
            if event.get("sessionId") != self._session:
                continue
            params = event.get("params", {})
            match event["method"]:
                case "Runtime.consoleAPICalled":
                    found.append(f"console: {params['args']}")
                case "Runtime.exceptionThrown":
                    found.append(f"error: {params['exceptionDetails']}")
                case "Log.entryAdded":
                    found.append(f"log: {params['entry']['text']}")
                case "Page.javascriptDialogOpening":
                    found.append(f"dialog: {params['message']}")
        return found

    @property
    def requests(self) -> list[str]:
        """What the page has fetched besides itself."""
        found: list[str] = self.value("performance.getEntriesByType('resource').map((entry) => entry.name)")
        return [url for url in found if not url.startswith("data:")]
