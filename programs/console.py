"""What the command line says: rows, accounts and messages, without whatever could steer a terminal."""

import io
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from seedless.ledger import Ledger

__all__ = [
    "STEERING", "Delayed", "harmless", "open_streams", "say", "show", "show_account", "show_compiled", "show_json", "show_ledger", "show_preview", "unwritten",
]  # fmt: skip

FEW_REFUSED = 5  # slots from which the account says what drafts broke most
NAMED = 2  # assertions that it names
STEERING = frozenset(  # characters that would steer a terminal or a reader's eye: controls, marks that turn a text around, halves of a character
    chr(code)
    for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000))
    if chr(code) not in "\t\n"
)
UNSAID = re.compile(f"[{re.escape(''.join(sorted(STEERING)))}]")


class _Outlet(io.FileIO):
    """A file that takes everything. What its reader did not is gone, and `lost` says why: the work behind it goes on."""

    lost: OSError | None = None

    def write(self, data: Any) -> int:
        """As `FileIO.write`, without its errors."""
        if self.lost is None:
            try:
                return super().write(data) or 0
            except OSError as error:
                self.lost = error
        return memoryview(data).nbytes


def open_streams() -> None:
    """Let stdout and stderr take everything: a terminal without emoji, a closed stream, a reader that has gone must not end a run."""
    for number in range(
        3
    ):  # a stream that was closed leaves its number to the next file, and what writes to that stream would hit the file
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name, number in (("stdout", 1), ("stderr", 2)):
        before, own = getattr(sys, name), getattr(sys, f"__{name}__")
        if before is own and (before is None or isinstance(before, io.TextIOWrapper)):
            encoding, at_once = (
                ("utf-8", False) if before is None else (before.encoding, before.line_buffering or before.write_through)
            )
            outlet = io.BufferedWriter(_Outlet(number, "w", closefd=False))
            setattr(sys, name, io.TextIOWrapper(outlet, encoding, "backslashreplace", line_buffering=at_once))


def unwritten() -> OSError | None:
    """Why stdout did not take all that was written to it; None where it did."""
    sys.stdout.flush()
    outlet = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return outlet.lost if isinstance(outlet, _Outlet) else None


def show(text: str) -> None:
    """`text` and a line's end, on stdout."""
    sys.stdout.write(harmless(text) + "\n")


def say(text: str) -> None:
    """`text` and a line's end, on stderr."""
    sys.stderr.write(harmless(text) + "\n")


class Delayed:
    """Says on stderr what is being done, from `after` seconds on: of what is over by then nobody needs to know. A context manager.

    It says so once, or `every` so many seconds.
    """

    def __init__(self, after: float = 5.0, *, every: float | None = None) -> None:
        self._due = time.monotonic() + after
        self._every = every
        self._over = threading.Event()
        self._waiting: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._withdraw()

    def say(self, text: str | Callable[[], str]) -> None:
        """`text` is what is being done from now on, or gives it each time that it is said."""
        self._withdraw()
        if (left := self._due - time.monotonic()) <= 0:
            self._say(text)
        else:
            self._later(left, text)

    def _say(self, text: str | Callable[[], str]) -> None:
        if self._over.is_set():
            return
        say(text if isinstance(text, str) else text())
        if self._every is not None:
            self._later(self._every, text)

    def _later(self, seconds: float, text: str | Callable[[], str]) -> None:
        self._waiting = threading.Timer(seconds, self._say, (text,))
        self._waiting.daemon = True
        self._waiting.start()

    def _withdraw(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()


def show_json(value: Any, *, indent: int | None = None) -> None:
    """`value` as JSON and a line's end, on stdout. What steers a terminal, and what it has no character for, stands there as `\\uXXXX`."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not unicode, indent=indent)
    sys.stdout.write(UNSAID.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def harmless(text: str) -> str:
    """`text` without control characters: a model's text must not steer the terminal."""
    return UNSAID.sub(lambda found: ascii(found[0])[1:-1], text)


def show_ledger(ledger: "Ledger", folder: Path | None) -> None:
    """A run's ledger and folder, as one JSON object on stdout."""
    show_json({"dir": str(folder) if folder else None, **ledger.record()})


def show_preview(
    rows: list[dict[str, Any]],
    per_row: Mapping[str, float | None],
    n: int,
    estimate: Mapping[str, float | None],
    *,
    in_flight: int | None = None,
    as_json: bool,
) -> None:
    """The rows of a preview, what one costs, and what `n` would; `in_flight` requests at once where that was reckoned with."""
    if as_json:
        show_json({"rows": rows, "per_row": dict(per_row), "estimate": {"n": n, **estimate}})
        return
    for record in rows:
        texts = " | ".join(str(record[name]) for name in record if name not in {"id", "label", "provenance"})
        show(f"{record['label']:20} {texts}")
    told = "" if in_flight is None else f" if the server answers {in_flight} requests at once as fast"
    cost = "cost unknown" if estimate["usd"] is None else f"{estimate['usd']:.4f} USD"
    show(
        f"\n{per_row['seconds']:.2f} s and {per_row['calls']:.1f} calls a row and lists of contexts and seeds for all; {n} rows: about {estimate['seconds']:.0f} s{told}, {estimate['calls']:.0f} calls, {cost}. Nothing was kept."
    )


def show_account(ledger: "Ledger", folder: Path | None, unled: Mapping[str, Sequence[str]], *, as_json: bool) -> None:
    """What a run made, refused and spent; on stderr, what to mind before its rows are used. `unled` is the task's."""
    if as_json:
        show_ledger(ledger, folder)
        return
    from seedless.ledger import rested
    from seedless.wording import counted, listed

    labels = listed([f"{label} {account['accepted']}" for label, account in ledger.per_label.items()])
    refused = sum(ledger.refused.values())
    show(
        f"{counted(ledger.accepted, 'row')} in {folder} ({labels}); {counted(refused, 'slot')} refused{_broken_most(ledger)}, {counted(sum(ledger.calls.values()), 'LM call')}, {ledger.wall_s:.0f} s"
    )
    if ledger.unnamed:
        say(
            f"seedless: the LM named no contexts, so {counted(ledger.unnamed, 'row')} {'is' if ledger.unnamed == 1 else 'are'} about the task's hint alone; "
            "list some in the task file (contexts: given), or name another LM"
        )
    if few := ledger.few:
        say(
            f"seedless: the LM named few {' and '.join(few)}: the rows rest on {rested(few)}; list some in the task file "
            f"({', '.join(f'{name}: given' for name in few)}), or name another LM"
        )
    if without := [label for label, account in ledger.per_label.items() if not account["requested"]]:
        say(
            f"seedless: {counted(ledger.accepted, 'row')} {'is' if ledger.accepted == 1 else 'are'} too few for {len(ledger.per_label)} labels: none was asked for of {len(without)} of them ({listed(without)}); "
            "ask for more: -n N"
        )
    for note in ledger.misread(unled):
        say(f"seedless: {note}")


def _broken_most(ledger: "Ledger") -> str:
    """What drafts broke most, where slots were refused or more than one draft a row broke something; else nothing."""
    if sum(ledger.refused.values()) < FEW_REFUSED and sum(ledger.broken.values()) <= ledger.accepted:
        return ""
    from seedless.wording import counted

    most = sorted(ledger.broken.items(), key=lambda item: -item[1])[:NAMED]
    said = ", ".join(f"{assertion} {counted(count, 'time')}" for assertion, count in most)
    return f" (drafts broke most often: {said})" if said else ""


def show_compiled(account: Mapping[str, Any], path: Path, *, as_json: bool) -> None:
    """Which program a compile wrote to `path` and why, what it rests on, and whether its prompts hold dev rows."""
    if as_json:
        show_json({"program": str(path), **account})
        return
    from seedless.wording import counted

    anchor = (
        "no real row had a say: the metric is intrinsic" if account["intrinsic"] else f"anchored in {account['dev_rows']} real rows"
    )
    if (quoted := account["quoted"]) and quoted["ngram"]:
        whole, part = (round(quoted[share] * quoted["checked"]) for share in ("whole", "ngram"))
        anchor += f" ({whole} of them stand in its prompts word for word, {part - whole} in part)"
    show(f"{path}: the {account['kept']} program; {account['why']}; {anchor}; {counted(sum(account['calls'].values()), 'LM call')}")
