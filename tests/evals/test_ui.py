"""`seedless ui` in a real browser, with no network: three variants, their figures and their prompts are found."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from seedless.errors import UsageError
from seedless.evals.recording.record import Record
from seedless.evals.tracking import Tracker
from seedless.evals.ui import _pages, ui
from tests.browser import Browser, Tab, chromium
from tests.evals.test_tracking import WATCH

SEEDLESS = str(Path(sys.executable).parent / "seedless")


@pytest.mark.long
def test_a_browser_finds_runs_figures_and_prompts(tracker: Tracker, variants: tuple[Record, ...], tmp_path: Path) -> None:
    chromium()
    ids = {record.params["variant"]: tracker.record(record) for record in variants if record.kind == "generate"}
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH, "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "watch")}
    served = subprocess.Popen([SEEDLESS, "ui", "--port", port, "--json"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert served.stdout is not None
        shown = json.loads(served.stdout.readline())
        assert shown["url"] == f"http://127.0.0.1:{port}"
        with Browser(tmp_path / "profile") as browser:
            tab = browser.tab()
            tab.look(width=1600)
            tab.open(shown["pages"]["rooms"])
            wait_for(tab, *(name for name in ids), "3 matching runs")
            tab.picture(tmp_path / "runs.png")
            hosts = {urlsplit(url).hostname for url in tab.requests}
            record = variants[1]
            tab = browser.tab()
            tab.open(f"{shown['url']}/#/experiments/{tracker._experiment('rooms')}/runs/{ids['vivid']}")
            text = wait_for(tab, "accept_rate", "tokens_per_row", "What this variant changed", str(record.params["program"]))
            assert f"{record.metrics['tokens_per_row']:g}"[:6] in text
            assert "+Choose words that a child would choose." in text
            tab.picture(tmp_path / "run.png")
            hosts |= {urlsplit(url).hostname for url in tab.requests}
            tab = browser.tab()
            tab.open(f"{shown['url']}/#/prompts/rooms.write_instance.write.generate")
            wait_for(tab, "champion", "in-use", "Use as few words as you can.")
            tab.picture(tmp_path / "prompt.png")
            hosts |= {urlsplit(url).hostname for url in tab.requests}
        assert hosts == {"127.0.0.1"}
    finally:
        served.send_signal(signal.SIGTERM)
        assert served.wait(20) == 0
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{shown['url']}/health", timeout=2)  # noqa: S310  the server that has ended
    seen = (tmp_path / "watch" / "seen").read_text("utf-8").splitlines()
    beyond = [line for line in seen if not any(here in line for here in ("'127.0.0.1'", "'localhost'", "'::1'", "('/"))]
    assert beyond == []


def wait_for(tab: Tab, *texts: str) -> str:
    """The page's text, as soon as it shows all of `texts`."""
    shown = "document.body.innerText"
    try:
        tab.until(" && ".join(f"{shown}.includes({json.dumps(text)})" for text in texts), timeout=90)
    finally:
        said = str(tab.value(shown))
    return said


def test_the_server_is_asked_past_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"experiments": [{"name": "rooms", "experiment_id": "1"}]}')

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert _pages(address) == {"rooms": f"{address}/#/experiments/1/runs"}
        server.shutdown()


def test_what_cannot_be_served_is_refused(tmp_path: Path, mlruns: Path) -> None:
    with pytest.raises(UsageError, match="holds no tracked runs"), ui(tmp_path / "none"):
        pass
    with pytest.raises(UsageError, match="holds no tracked runs"), ui(str(tmp_path / "none")):
        pass
    with pytest.raises(UsageError, match="given port 70000"), ui(mlruns, port=70000):
        pass
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="cannot be used"), ui(mlruns, port=taken.getsockname()[1]):
            pass
