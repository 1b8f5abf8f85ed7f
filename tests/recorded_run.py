"""What a run leaves in its folder, written by hand: rows, refusals and a ledger of any size and with any text."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["HOSTILE", "refusal", "row", "write_evaluation", "write_run"]

HOSTILE = (
    "<script>document.title = 'owned'; alert(1)</script>",
    "</script><script>document.title = 'owned'; alert(2)</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "<!-- <script> -->",
    "]]> {{ 7 * 7 }} {% raw %} ${7 * 7}",
    "&lt;b&gt; &amp; \"quotes\" 'single'",
    "nul \x00 bell \x07 escape \x1b[31m",
    "right to left \u202ednammoc\u202c \u2066isolate",
    "lines \u2028 and \u2029 parted",
    "half a character \ud800",
    "日本語の文章は空白がない",
    "שלום עולם",
    "wörd" * 200,
    "",
)
"""Texts that must be shown, and do nothing."""


def row(number: int, label: str, text: str | Mapping[str, str], **provenance: Any) -> dict[str, Any]:
    """One accepted row."""
    texts = {"text": text} if isinstance(text, str) else dict(text)
    came = {
        "strategy": "targen", "context": "home", "context_source": "given", "seed": "a lamp", "attributes": {}, "asked_label": label, "verdict": label,
        "reason": "it says so", "confidence": 0.75, "attempts": 1, "broken": [], "lm": "fake-lm", "program": "0123456789abcdef",
    }  # fmt: skip
    return {"id": f"rooms-{number:06d}", **texts, "label": label, "provenance": {**came, **provenance}}


def refusal(number: int, label: str, text: str, assertion: str = "label", sentence: str = "Write another one.") -> dict[str, Any]:
    """One refused slot."""
    return {
        "stage": "write", "position": number, "round": 0, "asked_label": label, "texts": {"text": text},
        "broken": [{"assertion": "loops", "sentence": "It loops."}, {"assertion": assertion, "sentence": sentence}],
        "provenance": row(number, label, text)["provenance"],
    }  # fmt: skip


def write_run(
    folder: Path,
    rows: Iterable[Mapping[str, Any]],
    *,
    labels: tuple[str, ...] = ("warm", "cold"),
    refusals: Iterable[Mapping[str, Any]] = (),
    **ledger: Any,
) -> Path:
    """Write the three files of a run that has ended, complete unless `ledger` says otherwise."""
    rows, refusals = list(rows), list(refusals)
    settings = {
        "task": "rooms", "task_hash": "none", "n": len(rows), "seed": 7, "lm": "fake-lm", "strategy": "targen", "verify": "blind",
        "program": "0123456789abcdef",
    }  # fmt: skip
    counts = Counter(each["label"] for each in rows)
    account: dict[str, Any] = {
        "requested": len(rows),
        "accepted": len(rows),
        "per_label": {
            name: {"requested": counts[name], "accepted": counts[name], "missing": 0, "broken_most": {}} for name in labels
        },
        "refused": dict(Counter(each["broken"][-1]["assertion"] for each in refusals)),
        "broken": dict(Counter(told["assertion"] for each in refusals for told in each["broken"])),
        "flips": {},
        "calls": {"seeds": 3, "verify": 1234, "write": 20},
        "tokens": {
            "seeds": {"input": 70, "output": 7},
            "verify": {"input": 500, "output": 50},
            "write": {"input": 4321, "output": 60},
        },
        "repeated": 0,
        "cost_usd": 0.125,
        "wall_s": 12.5,
        "shortfall": "",
        "settings": settings | ledger.pop("settings", {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows), "utf-8")
    (folder / "refusals.jsonl").write_text("".join(json.dumps(each) + "\n" for each in refusals), "utf-8")
    (folder / "ledger.json").write_text(json.dumps({**account, **ledger}), "utf-8")
    return folder


def write_evaluation(path: Path, *, labels: tuple[str, ...] = ("warm", "cold"), **changes: Any) -> Path:
    """Write an evaluation with two students."""

    def arm(f1: float, n: int = 40) -> dict[str, Any]:
        confusion = [[20 if i == j else 3 + i for j in range(len(labels))] for i in range(len(labels))]
        figures = {"n": n, "accuracy": f1, "macro_f1": f1, "low": max(0.0, f1 - 0.05), "high": min(1.0, f1 + 0.05)}
        return {**figures, "per_label": dict.fromkeys(labels, f1), "confusion": confusion}

    def student(f1: float) -> dict[str, Any]:
        return {
            "synthetic": arm(f1), "real": arm(f1 + 0.1), "both": arm(f1 + 0.15, 80), "direct": arm(f1 - 0.2), "zero_shot": arm(0.3, 0),
            "majority": arm(0.25, 0), "ratio": {"value": 0.87, "low": 0.81, "high": 0.93}, "draws": 5, "gain": None, "at_chance": False,
            "curve": [{"n": 10, "synthetic": 0.4, "real": 0.5}, {"n": 20, "synthetic": 0.5, "real": None}, {"n": 40, "synthetic": f1, "real": None}],
        }  # fmt: skip

    told = {
        "task": "rooms",
        "rows": 40,
        "usefulness": {
            "test_rows": 321,
            "students": {"tfidf": student(0.51), "minilm": student(0.67)},
            "notes": ["one note of it"],
        },
        **changes,
    }
    path.write_text(json.dumps(told), "utf-8")
    return path
