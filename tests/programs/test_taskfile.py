"""Task files: each mistake gives one line with the file's line, what was given and what is allowed. Nothing is ever run."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from seedless.assertion_set import assertions_of
from seedless.assertions import Regex, kinds
from seedless.errors import TaskError, UsageError
from seedless.phrasing import Phrasing
from seedless.task import BUILT_IN_PLACES, Task, places
from seedless.taskfile import built_in_tasks, load_task, read_task, task_of, task_schema

WHOLE = """\
name: rooms
description: Lines about rooms.
fields:
  - name: text
    description: one line
labels:
  - name: warm
    meaning: it is warm
    constraint: Praise {seed} in {context}.
  - name: cold
    meaning: it is cold
    constraint: Blame {seed} in {context}.
contexts:
  hint: rooms
seeds:
  hint: things
"""
REQUIRED = "name, description, fields, labels, contexts, seeds"


@pytest.mark.parametrize(("old", "new"), [("hint: rooms", "given: [a hall, a shed]"), ("hint: things", "given: [a jar]")])
def test_a_list_of_one_s_own_needs_no_hint(old: str, new: str) -> None:
    task = read_task(swap(old, new))
    assert Task.model_validate(task.model_dump()) == task
    assert Phrasing().applied(task) == task


def complaint(text: str) -> str:
    """The one line that `text` is refused with."""
    with pytest.raises(TaskError) as caught:
        read_task(text, "rooms.yaml")
    said = str(caught.value)
    assert "\n" not in said
    return said


def swap(old: str, new: str) -> str:
    assert WHOLE.count(old) == 1
    return WHOLE.replace(old, new)


def test_the_whole_file_is_read() -> None:
    assert read_task(WHOLE).label_names == ("warm", "cold")


MODEL: list[tuple[str, int, tuple[str, ...]]] = [
    (swap("name: cold", "name: warm"), 10, ("labels[1].name", "'warm' is given twice", "rename one")),
    (
        swap("name: cold", 'name: "wa\\u200brm"'),
        10,
        (
            "labels[1].name",
            "given twice (the first is 'warm', which differs only in spaces and in signs that have no width of their own)",
            "rename one",
        ),
    ),
    (swap("name: cold", 'name: "\\u200b"'), 10, ("labels[1].name", "no sign that can be seen", "write a name")),
    (swap("name: cold", "name: WARM"), 10, ("labels[1].name", "'WARM' is given twice", "the first is 'warm'")),
    (
        swap("    meaning: it is cold\n", "    meanign: it is cold\n    meaning: x\n"),
        11,
        ("labels[1].meanign", "unknown key", "allowed are name, meaning, constraint, cues"),
    ),
    (
        swap("description: one line", "description: one line\n    max_words: 3").replace(
            "    meaning: it is cold\n", "    meaning: it is cold\n    openings: [So, Why on earth would]\n"
        ),
        13,
        ("labels[1].openings[1]", "an opening of 4 words, at most 3", "shorten"),
    ),
    (WHOLE + "language: jp\n", 17, ("language", "given the language 'jp'", "ISO 639-1", "ja")),
    (WHOLE + "colour: red\n", 17, ("colour", "unknown key")),
    (swap("    meaning: it is cold\n", ""), 10, ("labels[1].meaning", "is missing", "add it")),
    (swap("description: Lines about rooms.\n", ""), 1, ("description", "is missing")),
    (swap("name: rooms", "name: 7"), 1, ("name", "given 7", "a text is allowed", "quotes")),
    (swap("name: rooms", "name: my rooms"), 1, ("name", "given 'my rooms'", "mend the value")),
    (
        swap("description: one line", "description: one line\n    min_words: many"),
        6,
        ("fields[0].min_words", "given 'many'", "integer"),
    ),
    (
        swap("description: one line", "description: one line\n    min_words: 2.5"),
        6,
        ("fields[0].min_words", "given 2.5", "integer"),
    ),
    (swap("description: one line", "description: one line\n    form: poem"), 6, ("fields[0].form", "'poem'", "'sentence'")),
    (
        swap("description: one line", "description: one line\n    min_words: 99\n    max_words: 3"),
        4,
        ("fields[0]", "above max_words 3"),
    ),
    (
        swap("in {context}.\n  - name: cold", "in {place}.\n  - name: cold"),
        9,
        ("labels[0].constraint", "'place'", "context, cue, seed"),
    ),
    (swap("name: cold", "name: true"), 10, ("labels[1].name", "given true", "quotes")),
    (swap("name: cold", "name:"), 10, ("labels[1].name", "given null")),
    (swap("name: cold", "name: [cold]"), 10, ("labels[1].name", '["cold"]')),
    (swap("contexts:\n  hint: rooms", "contexts: rooms"), 13, ("contexts", "'rooms'", "write")),
    (swap("contexts:\n  hint: rooms", "contexts: {}"), 13, ("contexts: hint is missing: add it", "or given")),
    (swap("  hint: things", "  given: []"), 15, ("seeds: hint is missing: add it", "or given")),
    (swap("hint: things", "hint: ''"), 16, ("seeds.hint: hint is missing", "or given")),
    (WHOLE + "labels: []\n", 17, ("'labels' is given twice", "keep one")),
    (swap("description: one line", "description: one line\n    name: again"), 6, ("'name' is given twice",)),
    (WHOLE + "assertions:\n  - kind: rhyme\n", 18, ("assertions[0]", "given the kind 'rhyme'", "'length'")),
    (WHOLE + "assertions:\n  - kind: length\n    max_words: x\n", 19, ("assertions[0].max_words", "'x'")),
    (WHOLE + "assertions:\n  - kind: length\n    field: body\n", 18, ("given the field 'body'", "allowed are text")),
    (WHOLE + "assertions:\n  - kind: regex\n    message: Write.\n    pattern: '('\n", 20, ("no regular expression",)),
    (WHOLE + "attributes:\n  - name: size\n    values: {short: 1, long: .inf}\n", 19, ("values.long", "finite")),
    (WHOLE + "attributes:\n  - name: size\n    values: {short: 1, short: 2}\n", 19, ("'short' is given twice",)),
]


FIELDS = "".join(f"  - name: f{i}\n    description: d\n" for i in range(30))
MODEL += [
    (swap("  - name: text\n    description: one line\n", FIELDS), 3, ("fields: given 30 of them, at most 20 are allowed; leave some out",)),
    (swap("fields:\n  - name: text\n    description: one line\n", "fields: []\n"), 3, ("fields: given 0 of them, at least 1 is needed; add one",)),
    (WHOLE + "attributes:\n  - name: size\n    values: {short: 1}\n", 19, ("values: given 1 of them, at least 2 are needed; add more",)),
    (swap("name: cold", "name: ''"), 10, ("labels[1].name: is empty, a text is needed; write one",)),
    (swap("meaning: it is cold", "meaning: ' '"), 11, ("labels[1].meaning: is empty",)),
    (swap("name: cold", f"name: {'c' * 101}"), 10, ("labels[1].name: given 101 characters, at most 100 are allowed; shorten it",)),
    (swap("Lines about rooms.", "x" * 2001), 2, ("description: given 2,001 characters, at most 2,000 are allowed; shorten it",)),
    (swap("name: rooms", "name: über"), 1, ("given 'über', a name of at most 64 letters", "mend the value")),
    (swap("name: cold", "name: cold\n    share: 0"), 11, ("labels[1].share: given 0, a number above 0 is allowed",)),
    (swap("description: one line", "description: one line\n    max_words: 9999"), 6, ("max_words: given 9999, a number of at most 2,000 is allowed",)),
    (swap("description: one line", "description: one line\n    min_words: 0"), 6, ("min_words: given 0, a number of at least 1 is allowed",)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "parts"), MODEL, ids=[parts[0] + parts[-1][:20] for _, _, parts in MODEL])
def test_what_breaks_the_model_is_named_with_its_line(text: str, line: int, parts: tuple[str, ...]) -> None:
    said = complaint(text)
    assert said.startswith(f"rooms.yaml:{line}: ")
    for part in parts:
        assert part in said


COLD = "  - name: cold\n    meaning: it is cold\n    constraint: Blame {seed} in {context}.\n"
QUOTES: list[tuple[str, int, tuple[str, ...]]] = [
    (
        swap(COLD, "  - {name: cold, meaning: it is cold, constraint: Blame {seed} in {context}.}\n"),
        10,
        ("not readable as YAML", "put a text that holds a brace, a bracket, a colon or a comma in quotes"),
    ),
    (swap("Blame {seed}", "{seed}"), 12, ("not readable as YAML", "in quotes")),
    (swap("Blame {seed}", "Blame this: {seed}"), 12, ("not readable as YAML", "in quotes")),
    (
        swap(COLD, "  - {name: cold, meaning: Der Kunde fragt, wo sein Paket bleibt., constraint: Blame.}\n"),
        10,
        ("labels[1].wo sein Paket bleibt.", "without a value", "put the whole text in quotes"),
    ),
    (
        WHOLE + "attributes:\n  - name: size\n    values: {in a few, but long words: 1, short: 1}\n",
        19,
        ("values.in a few", "a number is allowed", "put a phrase that holds a comma in quotes"),
    ),
]
SHAPES: list[tuple[str, int, tuple[str, ...]]] = [
    (swap("hint: rooms", "hint: rooms\n  given: a raid"), 15, ("given 'a raid', a list is allowed; write `given: [a raid]`",)),
    (
        WHOLE + "attributes:\n  - name: tone\n    values: [angry, calm]\n",
        19,
        ("a mapping of phrases and their weights", "write `values: {angry: 1, calm: 1}`"),
    ),
    (
        swap(COLD, "  - toxic\n"),
        10,
        ("given 'toxic', a mapping with the keys name, meaning", "write `{name: toxic, meaning: …, constraint: …}`"),
    ),
    (swap("contexts:\n  hint: rooms", "contexts: rooms"), 13, ("the keys hint, given", "write `contexts: {hint: rooms}`")),
    (
        swap("  - name: text\n    description: one line\n", "  name: text\n  description: one line\n"),
        3,
        ("a list of mappings is allowed; write `fields: [{name: …, description: …}]`",),
    ),
    (swap("  - name: text\n    description: one line\n", "  - text\n"), 4, ("write `{name: text, description: …}`",)),
    (
        swap("hint: rooms", "given: school, the gym"),
        14,
        ("given 'school, the gym', a list is allowed; write `given: [school, the gym]`",),
    ),
    (swap("hint: rooms", "given: '1,000 rooms'"), 14, ("write `given: ['1,000 rooms']`",)),
    (
        swap("hint: rooms", "given: the rooms of a large house, a shed"),
        14,
        ("write `given: ['the rooms of a large house, a shed']`",),
    ),
    (swap("hint: rooms", "given: I saw it, and left."), 14, ("write `given: ['I saw it, and left.']`",)),
    (swap("contexts:\n  hint: rooms", "contexts: [a, b]"), 13, ("write `contexts: {given: [a, b]}`",)),
    (swap("contexts:\n  hint: rooms\n", ""), 1, ("contexts: is missing; add it: `contexts: {hint: topics of the texts}`",)),
    (swap("fields:\n  - name: text\n    description: one line\n", ""), 1, ("add it: `fields: [{name: …, description: …}]`",)),
    (swap("    description: one line\n", ""), 4, ("fields[0].description: is missing; add it: `description: …`",)),
    (WHOLE + "attributes:\n  - name: size\n", 18, ("add it: `values: {in a few words: 1, at length: 1}`",)),
    (WHOLE + "assertions: meta\n", 17, ("write `assertions: [{kind: ",)),
    (WHOLE + "assertions:\n  - meta\n", 18, ("write `{kind: meta}`",)),
    (WHOLE + "assertions:\n  - {field: text}\n", 18, ("a mapping with a kind",)),
    (WHOLE + "assertions:\n  - {kind: no_label_word, banned: x}\n", 18, ("write `banned: [x]`",)),
    ("- name: rooms\n", 1, ("a mapping with the keys name, description",)),
]


@pytest.mark.parametrize(("text", "line", "parts"), [*QUOTES, *SHAPES])
def test_what_yaml_or_python_would_say_in_words_of_their_own_is_said_with_the_right_form(
    text: str, line: int, parts: tuple[str, ...]
) -> None:
    said = complaint(text)
    assert said.startswith(f"rooms.yaml:{line}: "), said
    for part in parts:
        assert part in said, said
    assert not any(word in said for word in ("tuple", "dictionary", "instance of"))


FORM: list[tuple[str, int, tuple[str, ...]]] = [
    ("", 1, ("empty", REQUIRED)),
    ("# only a comment\n", 1, ("empty", REQUIRED)),
    ("{}", 1, ("empty", REQUIRED)),
    ("- name: rooms\n", 1, ("given [", "write")),
    ("just words\n", 1, ("single value", REQUIRED)),
    ("null\n", 1, (REQUIRED,)),
    ("name: [rooms\ndescription: x\n", 2, ("not readable as YAML", "mend")),
    ("name: rooms\n\tdescription: x\n", 2, ("not readable as YAML",)),
    ("name: 'rooms\n", 2, ("not readable as YAML",)),
    (WHOLE + "---\n" + WHOLE, 17, ("another document",)),
    ("name: \x00\n", 1, ("not readable as YAML",)),
    ("? [a, b]\n: c\n", 1, ("a key must be a word",)),
    (swap("name: rooms", "name: &a rooms"), 1, ("anchors", "write the value out")),
    (swap("name: cold", "name: *a"), 10, ("aliases", "write the value out")),
    (WHOLE + "<<: {colour: red}\n", 17, ("<<", "unknown key")),
    (swap("name: rooms", "name: !!str rooms"), 1, ("tag", "write a plain value")),
    (swap("name: rooms", "name: ! rooms"), 1, ("tag",)),
    (swap("name: rooms", "name: !mine rooms"), 1, ("tag !mine",)),
    ("a:\n" + "".join("  " * i + "- \n" for i in range(1, 40)), 21, ("deeper than 20",)),
    ("a: " + "[" * 60 + "]" * 60, 1, ("deeper than 20",)),
]


@pytest.mark.parametrize(("text", "line", "parts"), FORM, ids=range(len(FORM)))
def test_what_is_no_task_file_is_named_with_its_line(text: str, line: int, parts: tuple[str, ...]) -> None:
    said = complaint(text)
    assert said.startswith(f"rooms.yaml:{line}: "), said
    for part in parts:
        assert part in said


def test_every_mistake_is_told_on_a_line_of_its_own() -> None:
    with pytest.raises(TaskError) as caught:
        read_task(swap("name: rooms", "name: 7").replace("meaning", "meanign"), "rooms.yaml")
    lines = str(caught.value).splitlines()
    assert len(lines) == 5  # a name, and in two labels one key too many and one too few
    assert all(line.startswith("rooms.yaml:") for line in lines)
    assert len({line.split(":")[1] for line in lines}) >= 3


# --- files that mean harm -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system ['touch {mark}']",
        "!!python/object/new:os.system ['touch {mark}']",
        "!!python/name:os.system",
        "!!python/module:os",
        "!<tag:yaml.org,2002:python/object/apply:os.system> ['touch {mark}']",
        "!!python/object/apply:subprocess.check_call [['touch', '{mark}']]",
    ],
)
def test_python_tags_are_never_run(value: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    said = complaint(swap("name: rooms", "name: " + value.replace("{mark}", str(mark))))
    assert said.startswith("rooms.yaml:1: the tag ")
    assert not mark.exists()


def test_alias_bomb_is_refused_at_once() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for before, name in zip("abcdefghijklm", "bcdefghijklmn", strict=True):
        bomb += f"{name}: &{name} [" + ", ".join([f"*{before}"] * 9) + "]\n"
    begun = time.process_time()
    said = complaint(bomb)
    assert time.process_time() - begun < 0.5
    assert said.startswith("rooms.yaml:1: anchors")


def test_ten_megabytes_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(WHOLE.encode() + b"# " + b"x" * 10 * 2**20)
    begun = time.process_time()
    with pytest.raises(TaskError, match=r"10,48\d,\d{3} bytes, a task file has at most 262,144"):
        load_task(path)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize("text", ["- " * 2_000 + "a", "a: " + "[" * 700, "a: " + "[" * 700 + "]" * 700, "{a: " * 700 + "}" * 700])
def test_nesting_without_end_is_refused(text: str) -> None:
    """PyYAML composes by recursion: depth must be bounded before."""
    begun = time.process_time()
    said = complaint(text)
    assert time.process_time() - begun < 0.5
    assert "deeper than 20" in said or text.count("[") != text.count("]")  # a list that never ends may be told as such


@pytest.mark.parametrize(
    "number",
    ["9" * 300, "9" * 5_000, "-" + "9" * 5_000, "0x" + "f" * 5_000, "0b" + "1" * 20_000, "1" + ":59" * 3_000, "1e999", "1.0e+999"],
)
def test_huge_numbers_are_refused(number: str) -> None:
    said = complaint(swap("description: one line", f"description: one line\n    max_words: {number}"))
    assert said.startswith("rooms.yaml:6: ")


def test_a_huge_number_is_not_shown_whole() -> None:
    for key in ("name: rooms", "description: one line"):
        said = complaint(swap(key, key.split(":")[0] + ": " + "9" * 4_000))
        assert len(said) < 500


@pytest.mark.parametrize("escape", [r'"\UFFFFFFFF"', r'"\U00110000"', r'"\ud83d"'])
def test_escapes_that_are_no_character_are_refused(escape: str) -> None:
    assert complaint(swap("name: cold", f"name: {escape}")).startswith("rooms.yaml:10: ")


# --- YAML 1.1's surprises -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["NO", "no", "yes", "Off", "on", "y", "N", "2024-01-01", "~x", "=", "<", "1e3", "_", "é", "日本"])
def test_words_stay_words(name: str) -> None:
    assert read_task(swap("name: cold", f"name: {name}")).label_names == ("warm", name)


@pytest.mark.parametrize(
    ("written", "name"), [('"true"', "true"), ("'7'", "7"), ('"NO"', "NO"), ("' NO '", "NO"), ('"null"', "null")]
)
def test_quoted_values_are_texts(written: str, name: str) -> None:
    assert read_task(swap("name: cold", f"name: {written}")).label_names == ("warm", name)


def test_keys_that_yaml_would_turn_stay_text() -> None:
    read = read_task(WHOLE + "attributes:\n  - name: size\n    values: {no: 1, 2: 3}\n")
    assert dict(read.attributes[0].values) == {"no": 1.0, "2": 3.0}


def test_byte_order_mark_is_no_part_of_the_task(tmp_path: Path) -> None:
    path = tmp_path / "rooms.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode())
    assert load_task(path) == read_task(WHOLE)


# --- paths ----------------------------------------------------------------------------------------------------------


def test_a_path_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rooms.yaml"
    path.write_text(WHOLE, "utf-8")
    assert load_task(path) == load_task(str(path)) == read_task(WHOLE)
    bare = tmp_path / "rooms"
    path.rename(bare)
    assert load_task(bare) == read_task(WHOLE)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_other_encodings_are_refused(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "rooms.yaml"
    path.write_bytes(WHOLE.replace("warm\n    meaning", "wärm\n    meaning").encode(encoding))
    with pytest.raises(TaskError, match=r"rooms\.yaml: is not UTF-8 text \(byte \d+\); save it as UTF-8"):
        load_task(path)


@pytest.mark.parametrize("name", ["folder", "folder.yaml"])
def test_a_folder_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(TaskError, match="is a folder; give the path of a task file"):
        load_task(tmp_path / name)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"cannot be read \(No such file or directory\)"):
        load_task(tmp_path / "none.yaml")


def test_a_path_under_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(TaskError, match=r"cannot be read \(Not a directory\)"):
        load_task(tmp_path / "file" / "rooms.yaml")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rooms.yaml"
    path.write_text(WHOLE, "utf-8")
    path.chmod(0)
    with pytest.raises(TaskError, match="cannot be read"):
        load_task(path)


@pytest.mark.parametrize("given", ["moive_reviews", "", "x" * 5_000, "x" * 5_000 + ".yaml", "a\0b", "a\0b.yaml"])
def test_what_names_no_task_is_refused(given: str) -> None:
    with pytest.raises(TaskError):
        load_task(given)


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(TaskError) as caught:
        load_task("moive_reviews")
    assert all(name in str(caught.value) for name in ["'moive_reviews'", *built_in_tasks()])


def test_task_of() -> None:
    task = load_task("movie_reviews")
    assert task_of(task) is task
    assert task_of("movie_reviews") == task
    held = task.model_dump(mode="json")  # lists, as in a file
    assert isinstance(held["labels"], list)
    assert task_of(held) == task
    with pytest.raises(UsageError, match="given a int as task"):
        task_of(7)  # type: ignore[arg-type]  # what must fail


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"labels": [{"name": "warm", "meaning": "m"}]}, "task: labels[0].constraint: is missing; add it: `constraint: …`"),
        ({"colour": "red"}, "task: colour: is an unknown key, allowed are"),
        ({"fields": 7}, "task: fields: given 7,"),
        ({"seeds": {"hint": ["a"]}}, "task: seeds.hint: given "),
        ({"labels": [{"name": "twin", "meaning": "m", "constraint": "c"}] * 2}, "task: labels[1]"),
    ],
)
def test_what_a_mapping_lacks_is_told_by_its_place(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(TaskError) as caught:
        task_of({**load_task("movie_reviews").model_dump(), **changes})
    assert str(caught.value).startswith(told)


# --- built-in tasks -------------------------------------------------------------------------------------------------


def test_there_are_built_in_tasks() -> None:
    assert "movie_reviews" in built_in_tasks()
    assert list(built_in_tasks()) == sorted(built_in_tasks())


@pytest.mark.parametrize("name", built_in_tasks())
def test_built_in_task(name: str) -> None:
    task = load_task(name)
    assert task.name == name
    assert len(task.labels) >= 2
    known = {*BUILT_IN_PLACES, *(attribute.name for attribute in task.attributes), task.seeds.field}
    for label in task.labels:
        assert set(places(label.constraint)) <= known
        assert label.constraint[-1] in ".?!"
    assert not set(places(task.seeds.hint)) - {"context"}
    assert {assertion.kind for assertion in assertions_of(task)} >= {"length", "complete", "meta", "near_duplicate", "conflict"}


@pytest.mark.parametrize(
    ("label", "text", "stands"),
    [
        ("HUM", "What team do you belong to?", False),
        ("NUM", "How old was I when the ceiling fell?", False),
        ("ENTY", "Which animal is the biggest, and what is its name?", False),
        ("DESC", "What is the difference between a dictionary and a dictionary?", False),
        ("HUM", "Which person, group or company painted the ceiling?", False),
        ("DESC", "How do you make a cup of tea?", True),
        ("NUM", "How many people live in the US?", True),
        ("NUM", "When did World War I end?", True),
        ("LOC", "Where is the largest gold mine?", True),
        ("NUM", "What is a number of people that fit into a bus?", True),
    ],
)
def test_a_question_asks_for_a_fact_once(label: str, text: str, *, stands: bool) -> None:
    told = [a for a in load_task("question_type").assertions if isinstance(a, Regex) and label in (a.labels or [label])]
    assert len(told) == (2 if label == "DESC" else 3)
    assert (not any(re.search(a.pattern, text) for a in told)) is stands


@pytest.mark.parametrize("name", built_in_tasks())
def test_round_trip_through_yaml(name: str) -> None:
    task = load_task(name)
    again = read_task(yaml.safe_dump(task.model_dump(mode="json"), sort_keys=False, allow_unicode=True))
    assert again == task
    assert again.hash == task.hash


def test_round_trip_of_what_yaml_might_turn() -> None:
    words = [
        "NO",
        "on",
        "7",
        "1e3",
        "1.5",
        "null",
        "~",
        "2024-01-01",
        "a: b",
        "# c",
        "- d",
        "&e",
        "*f",
        "!g",
        "%h",
        "“i”",
        "j\nk",
        "true",
        "0x1f",
        "1:30",
    ]
    task = Task.model_validate(
        {
            **yaml.safe_load(WHOLE),
            "labels": [{"name": word, "meaning": word, "constraint": word} for word in words],
            "attributes": [{"name": "size", "values": dict.fromkeys(words, 0.1)}],
            "assertions": [
                {"kind": "echo", "constraints": [["a", "NO"]]},
                {"kind": "regex", "pattern": r"^\d+\s'\"", "message": "Write."},
            ],
        }
    )
    for wide in (True, False):
        assert read_task(yaml.safe_dump(task.model_dump(mode="json"), allow_unicode=wide, sort_keys=False)) == task


def test_a_given_passage_is_as_long_as_a_field_may_be() -> None:
    passage = " ".join(f"{i}-in-a-row" for i in range(2000))
    given = Task.model_validate({**load_task("emotion").model_dump(), "seeds": {"hint": "passages", "given": [passage]}})
    assert read_task(yaml.safe_dump(given.model_dump(mode="json"), sort_keys=False)).seeds.given == (passage,)
    assert '"maxLength": 80000' in json.dumps(task_schema()["$defs"]["Seeds"])


def test_schema_is_json_and_knows_every_kind_and_key() -> None:
    said = json.dumps(task_schema())
    assert all(f'"{kind}"' in said for kind in kinds())
    assert set(task_schema()["properties"]) == set(Task.model_fields)
    assert task_schema()["required"] == REQUIRED.split(", ")
    assert task_schema()["additionalProperties"] is False


def test_reading_a_task_loads_nothing_heavy() -> None:
    code = (
        "import sys; from seedless.taskfile import load_task; load_task('movie_reviews');"
        "print(sorted({'dspy', 'mlflow', 'datasets', 'sklearn', 'py3langid'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
