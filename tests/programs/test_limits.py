"""What a task asks for and cannot be had, or not from the LM or its reader, is told at the start of a run."""

import json
from pathlib import Path
from typing import Any

import pytest

from seedless import Generation, Options, Task
from seedless.testing import fake_lm
from tests.command_line import CommandLine
from tests.openai_server import OpenAIServer, task_file

ONE = [{"name": "text", "description": "a note"}]
PAIR = [{"name": "premise", "description": "a line"}, {"name": "hypothesis", "description": "another line"}]
GERMAN, READER = (
    "writes English alone: rows in 'de' will be no language",
    "judge what a text is about and not how a row's fields relate",
)


def task(**changes: Any) -> Task:
    return Task.model_validate(
        {
            "name": "notes",
            "description": "Notes.",
            "fields": ONE,
            "labels": [{"name": name, "meaning": f"It is {name}.", "constraint": f"Write of {name}."} for name in ("tea", "iron")],
            "contexts": {"hint": "rooms"},
            "seeds": {"hint": "things"},
            **changes,
        }
    )


def labels(**meanings: str) -> list[dict[str, str]]:
    return [{"name": name, "meaning": meaning, "constraint": f"Write {name}."} for name, meaning in meanings.items()]


@pytest.mark.parametrize(
    ("changes", "relational"),
    [
        ({}, False),
        ({"fields": [{"name": "title", "description": "t"}, {"name": "text", "description": "b"}]}, False),
        ({"fields": PAIR, "seeds": {"hint": "lines", "field": "premise"}}, True),
        ({"fields": PAIR, "labels": labels(yes="The hypothesis follows from the premise.", no="It does not.")}, True),
        ({"fields": PAIR, "labels": labels(premise="The first is likelier.", hypothesis="The second is likelier.")}, True),
    ],
)
def test_a_task_whose_labels_are_how_its_fields_relate_is_known(changes: dict[str, Any], relational: bool) -> None:
    assert task(**changes).relational == relational


def alike(*labels: dict[str, Any]) -> tuple[str, ...]:
    """What is said of two labels, of which what is not named here differs."""
    whole = [{"name": name, "meaning": name, "constraint": name, **label} for name, label in zip("ab", labels, strict=True)]
    return task(labels=whole).alike


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (({"meaning": "It is  warm."}, {"meaning": "it is WARM."}), "labels 'a' and 'b' have the same meaning"),
        (({"constraint": "Write {seed}."}, {"constraint": "write\n{seed}."}), "labels 'a' and 'b' have the same constraint"),
        (
            ({"constraint": "{cue}", "cues": ["x", "y"]}, {"constraint": "{cue}", "cues": ["Y", "x"]}),
            "labels 'a' and 'b' have the same constraint",
        ),
        (({"constraint": "{cue}", "cues": ["x"]}, {"constraint": "{cue}", "cues": ["y"]}), None),
        (({}, {}), None),
    ],
)
def test_labels_that_are_one_are_told(labels: tuple[dict[str, Any], ...], said: str | None) -> None:
    assert [doubt.split(",")[0] for doubt in alike(*labels)] == ([said] if said else [])


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({"language": "de"}, {}, [GERMAN]),
        ({"fields": PAIR, "seeds": {"hint": "h", "field": "premise"}}, {}, [READER]),
        ({"fields": PAIR, "seeds": {"hint": "h", "field": "premise"}}, {"verify": "none"}, []),
        ({"fields": PAIR, "seeds": {"hint": "h", "field": "premise"}}, {"strategy": "direct"}, []),
        ({"fields": PAIR, "seeds": {"hint": "h", "field": "premise"}}, {"judge_lm": fake_lm(str)}, []),
        ({}, {}, ["the task lists no openings, no contexts, no cues: words near each label's meaning lead the LM embedded"]),
        ({"contexts": {"given": ["a hall"]}}, {}, ["the task lists no openings, no cues:"]),
        ({"labels": [{**each, "openings": ["I see"]} for each in labels(tea="It is tea.", iron="It is iron.")]}, {}, []),
        ({}, {"lm": fake_lm(str)}, []),
        ({"labels": labels(tea="It is warm.", iron="It is warm.")}, {"lm": fake_lm(str)}, ["have the same meaning"]),
        ({"language": "de", "fields": PAIR, "seeds": {"hint": "h", "field": "premise"}}, {"lm": fake_lm(str)}, []),
    ],
)
def test_what_cannot_be_done_is_a_sentence_each(changes: dict[str, Any], options: dict[str, Any], said: list[str]) -> None:
    with Generation(task(**changes), n=2, options=Options(**{"lm": "embedded", **options})) as generation:
        assert len(generation.limits) == len(said)
        assert all(part in limit for part, limit in zip(said, generation.limits, strict=True))


@pytest.mark.slow
def test_it_is_told_once_at_the_start(openai_server: OpenAIServer, seedless: CommandLine, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(json.dumps(task(fields=PAIR, seeds={"hint": "h", "field": "premise"}).model_dump(mode="json")), "utf-8")
    lm = ("--lm", "openai/some-model", "--api-base", openai_server.url, "--verifier", "embedding", "--max-calls", "4")
    for more in ((), ("--preview", "1")):
        assert seedless.run("generate", own, "-n", "2", "-o", tmp_path / "run", *lm, *more).err.count(READER) == 1
    plain = tmp_path / "plain.yaml"
    plain.write_text(task_file(), "utf-8")
    assert READER not in seedless.run("generate", plain, "-n", "2", "-o", tmp_path / "plain", *lm).err
