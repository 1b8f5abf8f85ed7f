"""The main job on the embedded LM, through the real command line: rows, repeatability, no connection attempt."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SEEDLESS = str(Path(sys.executable).parent / "seedless")

pytestmark = [pytest.mark.slow]


def generate(folder: Path, *options: str, n: int = 4, task: str = "movie_reviews", **env: str) -> subprocess.CompletedProcess[str]:
    command = [SEEDLESS, "generate", task, "-n", str(n), "-o", str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **env})


def rows_in(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text("utf-8").splitlines()]


def test_rows_files_and_data_set(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = generate(folder, "--json", n=6)
    assert done.returncode == 0, done.stderr
    account = json.loads(done.stdout)
    rows = rows_in(folder)
    assert [row["label"] for row in rows].count("positive") == 3 == [row["label"] for row in rows].count("negative")
    assert len({row["text"] for row in rows}) == 6
    assert account["accepted"] == account["requested"] == 6
    assert account["cost_usd"] == 0.0
    assert sum(account["calls"].values()) >= 6
    for row in rows:
        assert row["provenance"]["lm"].startswith("SmolLM2-135M")
        assert row["text"] == row["text"].strip()

    import datasets

    opened = datasets.load_dataset(str(folder / "dataset"), cache_dir=str(tmp_path / "cache"), split="train")
    assert opened["text"] == [row["text"] for row in rows]
    assert [opened.features["label"].int2str(i) for i in opened["label"]] == [row["label"] for row in rows]


BARE = """
name: greetings
description: Short messages, sorted by the mood of their writer.
fields:
  - {name: text, description: one short message, form: text, min_words: 4, max_words: 30}
labels:
  - {name: glad, meaning: The writer is happy., constraint: "Write a short message by someone who is happy about {context}. Mention {seed}."}
  - {name: upset, meaning: The writer is angry., constraint: "Write a short message by someone who is angry about {context}. Mention {seed}."}
contexts: {hint: everyday events}
seeds: {hint: everyday details}
"""


@pytest.mark.parametrize("strategy", ["targen", pytest.param("no-filters", marks=pytest.mark.long)])
def test_a_task_without_lists_is_written_as_a_document(tmp_path: Path, strategy: str) -> None:
    """Its rows are what stands between the quotation marks: nothing of the document around them."""
    (tmp_path / "greetings.yaml").write_text(BARE, "utf-8")
    done = generate(tmp_path / "run", "--strategy", strategy, task=str(tmp_path / "greetings.yaml"), n=2)
    assert done.returncode == 0, done.stderr
    rows = rows_in(tmp_path / "run")
    assert len(rows) == 2
    for row in rows:
        assert not any(part in str(row["text"]) for part in ('"', "Example:", "Context:", "\n"))
        made = row["provenance"]
        assert made["context_source"] == "words"
        assert made["context"].isalpha()
        assert made["seed"].isalpha()
        assert made["context"] != made["seed"]


PAIRS = """
name: follows
description: Pairs of a statement and a second one, sorted by whether the second follows from the first.
fields:
  - {name: premise, description: a statement of some length, form: text, min_words: 8, max_words: 40}
  - {name: hypothesis, description: a second statement, form: sentence, min_words: 3, max_words: 20}
labels:
  - {name: entailed, meaning: The second statement follows from the first., constraint: "Write a statement about {context} and a second one that follows from it."}
  - {name: open, meaning: The second statement may be false., constraint: "Write a statement about {context} and a second one that may be true or not."}
contexts: {hint: places in a town, given: [a bakery, a station, a park]}
seeds: {hint: times, given: [in the morning, at night]}
"""


@pytest.mark.long
def test_two_texts_are_written_one_after_the_other(tmp_path: Path) -> None:
    """Held to a JSON object, the model leaves most of them at a word or two."""
    (tmp_path / "follows.yaml").write_text(PAIRS, "utf-8")
    done = generate(tmp_path / "run", "--max-calls", "60", task=str(tmp_path / "follows.yaml"), n=2)
    assert done.returncode == 0, done.stderr
    for row in rows_in(tmp_path / "run"):
        assert len(str(row["premise"]).split()) >= 8
        assert str(row["hypothesis"])[-1] in ".!?"
        assert row["premise"] != row["hypothesis"]


TOPICAL = """
name: visits
description: Reviews of restaurants, sorted by what they are mostly about.
fields:
  - {name: text, description: a short review of a restaurant, form: text, min_words: 4, max_words: 40}
labels:
  - {name: food, meaning: The review is about the food., constraint: Write a short review of a restaurant that talks about the food.}
  - {name: price, meaning: The review is about the prices., constraint: Write a short review of a restaurant that talks about the price.}
contexts: {hint: kinds of restaurants, given: [an Italian restaurant, a small café, a hotel bar, a steak house]}
seeds: {hint: dishes, given: [soup, pasta, a glass of wine]}
"""


@pytest.mark.long
def test_a_label_named_after_its_topic_costs_few_drafts(tmp_path: Path) -> None:
    """Two of three drafts would say "food" or "price", which gives the label away: the decoder does without the words."""
    (tmp_path / "visits.yaml").write_text(TOPICAL, "utf-8")
    done = generate(tmp_path / "run", task=str(tmp_path / "visits.yaml"), n=8)
    assert done.returncode == 0, done.stderr
    ledger = json.loads((tmp_path / "run" / "ledger.json").read_text("utf-8"))
    assert ledger["broken"].get("no_label_word", 0) <= 2


def test_same_seed_gives_the_same_rows(tmp_path: Path) -> None:
    for name in ("first", "second"):
        done = generate(tmp_path / name, "--concurrency", "1", "--seed", "7")
        assert done.returncode == 0, done.stderr
    first, second = ((tmp_path / name / "rows.jsonl").read_bytes() for name in ("first", "second"))
    assert first == second
    other = generate(tmp_path / "other", "--concurrency", "1", "--seed", "8", n=2)
    assert other.returncode == 0
    assert rows_in(tmp_path / "other") != rows_in(tmp_path / "first")[:2]


TAP = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netdb.h>
#include <unistd.h>

static void note(const char *what) {
    int file = open(getenv("SEEDLESS_TAP"), O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (file >= 0) { if (write(file, what, strlen(what)) < 0) abort(); close(file); }
}
int connect(int fd, const struct sockaddr *to, socklen_t length) {
    note("connect\\n");
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    return real(fd, to, length);
}
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    if (node) { note("getaddrinfo "); note(node); note("\\n"); }
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, found);
}
"""


@pytest.fixture
def tap(tmp_path: Path) -> Path:
    """A library that notes every connection attempt and name look-up of the process it is loaded into, Python's and llama.cpp's."""
    source, library = tmp_path / "tap.c", tmp_path / "tap.so"
    source.write_text(TAP)
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no C compiler here, so connection attempts of native code cannot be seen")
    return library


def test_offline_makes_no_connection_attempt(tmp_path: Path, tap: Path) -> None:
    seen = tmp_path / "seen"
    control = subprocess.run(
        [sys.executable, "-c", "import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(('127.0.0.1', 9))"],
        env={**os.environ, "LD_PRELOAD": str(tap), "SEEDLESS_TAP": str(seen)},
        check=False,
    )
    assert control.returncode == 0
    assert "connect" in seen.read_text(), "the tap must see an attempt where there is one"
    seen.unlink()
    done = generate(tmp_path / "run", n=2, LD_PRELOAD=str(tap), SEEDLESS_TAP=str(seen))
    assert done.returncode == 0, done.stderr
    noted = seen.read_text().splitlines() if seen.exists() else []
    # llama.cpp's server reads the numeric address of its own listener; a number is looked up nowhere.
    assert [line for line in noted if line != "getaddrinfo 127.0.0.1"] == []
