"""The report: what it says, that model text does nothing in it, and that a real browser opens it at once."""

import json
import re
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import seedless
from seedless.errors import SetupError, UsageError
from seedless.evals import report as module
from seedless.evals.report import compose, environment, kind_of, most_confused, report, visible
from seedless.evals.reporting.projection import project
from seedless.testing import fake_lm
from tests.browser import Browser, Tab
from tests.command_line import CommandLine
from tests.openai_server import Author, stage_of
from tests.recorded_run import HOSTILE, refusal, row, write_evaluation, write_run

pytestmark = pytest.mark.usefixtures("without_embeddings")


class Reader(HTMLParser):
    """What a page says outside of style and script, and which elements it has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"b", "bdi", "i", "span", "small", "wbr"}:
            self.said.append(" ")
        self._inside = tag if tag in {"script", "style"} else self._inside

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag in {"script", "style"} else self._inside

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.said.append(data)

    @property
    def text(self) -> str:
        """All of it, spaces as one."""
        return " ".join("".join(self.said).split())


@pytest.fixture
def small_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few points, which take no time to lay out."""
    monkeypatch.setattr(module, "project", partial(project, sample=25))


def some_rows(n: int = 40) -> list[dict[str, Any]]:
    words = ("kettle", "window", "ladder", "pepper", "garden")
    return [
        row(
            i,
            ("warm", "cold")[i % 2],
            f"The {words[i % 5]} number {i} is {('warm', 'cold')[i % 2]} today.",
            context=f"room {i % 4}",
            seed=f"seed {i}",
            confidence=round(i / n, 3),
            attempts=1 + (i % 8 == 0),
            **({"asked_label": "cold"} if i == 6 else {}),
        )
        for i in range(n)
    ]


# --- what it says -----------------------------------------------------------------------------------------------------


def test_a_real_run(task: Path, tmp_path: Path) -> None:
    author, refused = Author(), []

    def answer(prompt: str) -> str:
        if stage_of(prompt) == "write" and len(refused) < 3:
            refused.append(prompt)
            return json.dumps({"text": "I'm sorry, but I can't assist with that."})
        return author(prompt)

    folder = tmp_path / "run"
    seedless.generate(task, n=8, out=folder, lm=fake_lm(answer), concurrency=1, attempts=1)
    page = seedless.report(folder, task)
    assert page == folder / "report.html"
    said = Reader(page.read_text("utf-8")).text
    assert (
        "8 rows of rooms in 2 labels, 4 of each; 3 slots were refused and no rows relabelled; what they teach was not measured."
        in said
    )
    assert "Short notes about things that people keep" in said
    assert "the note holds the word 'lantern'" in said
    assert "I'm sorry, but I can't assist with that." in said
    assert re.search(r"0 given in the task file, \d+ named by the LM", said)
    ledger = json.loads((folder / "ledger.json").read_text("utf-8"))
    assert all(f"{stage} {calls}" in said for stage, calls in ledger["calls"].items())
    assert list(ledger["refused"]) == ["meta"]
    assert "seedless evaluate" in said


def test_contexts_that_are_label_words(tmp_path: Path) -> None:
    rows = [{**each, "provenance": {**each["provenance"], "context_source": "words"}} for each in some_rows()]
    said = Reader(compose(write_run(tmp_path / "run", rows)).html).text
    assert "4 contexts have rows: 0 given in the task file, 4 label words, 0 named by the LM" in said


def test_its_parts(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", some_rows(), refusals=[refusal(i, "cold", f"draft {i}", "meta") for i in range(3)])
    write_evaluation(
        folder / "evaluation.json",
        diversity={"vendi": 12.3456, "per_label": {"warm": {"n": 1}, "cold": {"n": 2}}},
        bias={"words": ["he", "she"]},
    )
    made = compose(folder)
    page = Reader(made.html)
    assert made.headline in page.text
    for part in (
        "321 real rows", "as many naive rows", "0.670", "0.770", "commonest label", "ratio to real rows 0.87 (0.81 to 0.93)",  # usefulness
        "meta", "draft 1", "Write another one.", "loops",  # refusals
        "cold → warm",  # flips
        "4 contexts have rows: 4 given in the task file, 0 named by the LM",  # contexts
        "verify 1,234 500 50", "write 20 4,321 60", "all 1,257", "0.125 USD", "12",  # cost
        "TF-IDF of words, reduced by SVD (no sentence embeddings: the embedding packages are not installed)",  # map
        "Diversity", "12.3", "per label", "Bias", "he", "she",  # analyses
        "fake-lm",
    ):  # fmt: skip
        assert part in page.text, part
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert {"usefulness", "labels", "map", "refusals", "analyses", "contexts", "cost", "rows"} <= ids
    assert sum(tag == "circle" and "f0" in (attributes.get("class") or "") for tag, attributes in page.elements) == 20
    assert compose(folder).html == made.html


def test_what_is_not_there_is_not_shown(tmp_path: Path) -> None:
    page = Reader(compose(write_run(tmp_path / "run", some_rows(3), cost_usd=None)).html)
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert not {"usefulness", "map", "analyses"} & ids
    assert "no price is known for this LM" in page.text
    assert "No draft broke an assertion." in page.text


@pytest.mark.parametrize("count", [0, 1, 5])
def test_small_runs(tmp_path: Path, count: int) -> None:
    assert compose(write_run(tmp_path / "run", some_rows(count))).rows == count


@pytest.mark.usefixtures("small_map")
def test_many_labels_and_fields(tmp_path: Path) -> None:
    labels = tuple(f"label {i}" for i in range(120))
    rows = [row(i, labels[i % 120], {"premise": f"premise {i}", "hypothesis": f"hypothesis {i}"}) for i in range(150)]
    folder = write_run(tmp_path / "run", rows, labels=labels)
    write_evaluation(folder / "evaluation.json", labels=labels)
    said = Reader(compose(folder).html).text
    assert "96 more labels" in said
    assert "with 120 labels the whole matrix would be too large to read" in said


def test_an_evaluation_elsewhere(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", some_rows())
    other = write_evaluation(tmp_path / "other.json")
    assert "macro-F1 of 0.67" in compose(folder, evaluation=other).headline
    assert "not measured" in compose(folder).headline


@pytest.mark.usefixtures("small_map")
def test_an_evaluation_without_real_rows(task: Path, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", some_rows(60))
    seedless.evaluate(folder, task, students="tfidf")
    whole = json.loads((folder / "evaluation.json").read_text("utf-8"))
    assert whole["usefulness"] is whole["contamination"] is None
    page = Reader(compose(folder).html)
    assert "what they teach was not measured" in page.text
    assert {"analyses", "labels"} <= {attributes.get("id") for _, attributes in page.elements}
    (folder / "evaluation.json").write_text(json.dumps(dict.fromkeys(whole)), "utf-8")
    assert compose(folder).rows == 60


def test_confusions() -> None:
    assert most_confused(((8, 2, 0), (0, 5, 5), (0, 0, 0)), ("a", "b", "c")) == [("b", "c", 5, 0.5), ("a", "b", 2, 0.2)]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "nothing"), ([], "nothing"), ({}, "nothing"), ("", "nothing"), (0, "value"), (False, "value"), ("x", "value"), ([1, "a"], "list"),
        ([{"a": 1}, {"a": 2}], "table"), ({"x": {"a": 1}, "y": {"a": 2}}, "table"), ({"x": {"a": 1}, "y": {"b": 2}}, "group"),
        ({"a": 1}, "group"), ([{"a": [1]}, {"a": [2]}], "items"), ([[1], [2]], "items"), ([{}, {}], "items"),
    ],
)  # fmt: skip
def test_how_plain_data_is_shown(tmp_path: Path, value: Any, kind: str) -> None:
    assert kind_of(value) == kind
    folder = write_run(tmp_path / "run", some_rows(2))
    write_evaluation(folder / "evaluation.json", bias={"part": value, "deep": {"er": {"part": value}}})
    compose(folder)


# --- model text -------------------------------------------------------------------------------------------------------


def hostile_run(folder: Path) -> Path:
    labels = ("<b>warm</b>", "co\u202eld")
    rows = [
        row(i, labels[i % 2], text, context=HOSTILE[i % 5], seed=text, reason=text, asked_label=labels[i % 3 % 2])
        for i, text in enumerate(HOSTILE)
    ]
    refusals = [refusal(i, labels[0], text, "<i>label</i>", text) for i, text in enumerate(HOSTILE[:4])]
    settings = {"task": "<u>rooms</u>", "lm": HOSTILE[0], "verify": HOSTILE[1]}
    write_run(
        folder, rows, labels=labels, refusals=refusals, settings=settings, shortfall=HOSTILE[2], calls={HOSTILE[0]: 3}, tokens={}
    )
    write_evaluation(
        folder / "evaluation.json",
        labels=labels,
        task="<u>rooms</u>",
        bias={HOSTILE[0]: HOSTILE[1], "x": [{HOSTILE[3]: HOSTILE[4]}]},
    )
    return folder


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    html = compose(hostile_run(tmp_path / "run")).html
    page = Reader(html)
    tags = {tag for tag, _ in page.elements}
    assert not {"img", "u", "iframe", "object", "form"} & tags
    assert [tag for tag, _ in page.elements].count("script") == 3
    assert not any(name.startswith("on") or name == "style" for _, attributes in page.elements for name in attributes)
    links = [attributes.get("href") or "" for tag, attributes in page.elements if tag in {"a", "link"}]
    assert all(link.startswith(("#", "data:,")) for link in links)
    assert html.count("</script>") == 3
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]", html)
    html.encode("utf-8")
    assert HOSTILE[0] in page.text


def test_the_policy_lets_in_our_own_style_and_script_alone(tmp_path: Path) -> None:
    html = compose(write_run(tmp_path / "run", some_rows(3))).html
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "http:" not in html.replace("http-equiv", "")
    assert "https:" not in html
    assert not re.search(r"@import|url\(", environment().globals["style"])


def test_what_would_steer_is_shown_as_signs() -> None:
    assert visible("a\tb\nc\rd\u202ee\ud800") == "a\tb\nc[U+000D]d[U+202E]e\ufffd"


# --- files, errors, the command line ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"out": "report.txt"}, "a name that ends in .html is allowed"),
        ({"out": "rows.jsonl"}, "a name that ends in .html is allowed"),
        ({"evaluation": "nowhere.json"}, "cannot be read"),
        ({"task": "no_such_task"}, "unknown task"),
        ({"out": "file/report.html"}, "cannot be written"),
        ({"out": "folder.html"}, "cannot be written"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(tmp_path: Path, given: dict[str, str], said: str) -> None:
    folder = write_run(tmp_path / "run", some_rows(2))
    (tmp_path / "file").write_text("mine", "utf-8")
    (tmp_path / "folder.html").mkdir()
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UsageError) as caught:
        report(folder, **{name: value if name == "task" else tmp_path / value for name, value in given.items()})  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.html", "run"]


@pytest.mark.parametrize("verb", [report, compose, partial(seedless.export, format_="csv")])
def test_what_is_no_path_is_refused_by_name(verb: Any) -> None:
    with pytest.raises(UsageError, match="given 'list' as a run, the path of its folder is allowed; give it"):
        verb([{"text": "x", "label": "warm"}])


def test_a_report_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_run(tmp_path / "run", some_rows(2))
    report(folder).write_text("old", "utf-8")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SetupError, match="No space left on device"):
        report(folder)
    assert (folder / "report.html").read_text("utf-8") == "old"
    assert not list(folder.glob("*.partial"))


def test_command(seedless: CommandLine, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", some_rows(4))
    done = seedless.run("report", folder)
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].startswith("4 rows of rooms in 2 labels, 2 of each")
    assert "laying out 4 of 4 rows on a map" in done.err
    assert done.out.splitlines()[1] == str(folder / "report.html")
    done = seedless.run("report", folder, "-o", tmp_path / "new" / "page.html", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["path"] == str(tmp_path / "new" / "page.html")
    assert told["rows"] == 4
    assert told["headline"].startswith("4 rows")
    assert (tmp_path / "new" / "page.html").read_text("utf-8").startswith("<!doctype html>")
    done = seedless.run("report", tmp_path / "nowhere")
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert "give the folder of a run" in done.err


# --- in a real browser ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless browser for this file's tests."""
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def tab(browser: Browser) -> Tab:
    """A new tab, wide and light."""
    tab = browser.tab()
    tab.look()
    return tab


DRAWN = "document.querySelectorAll('.row').length"
FIRST = "document.querySelector('.row .text').textContent"


@pytest.mark.slow
def test_browser_hostile_rows_do_nothing(tab: Tab, tmp_path: Path) -> None:
    tab.open(report(hostile_run(tmp_path / "run")))
    tab.until(DRAWN)
    tab.value("document.querySelectorAll('.row button').forEach((button) => button.click())")
    tab.value("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    tab.hover(*tab.centre("#plane circle"))
    tab.until("!document.getElementById('tip').hidden")
    shown = tab.value("[...document.querySelectorAll('.row .whole')].map((each) => each.textContent)")
    assert shown == [visible(text) for text in HOSTILE]
    assert tab.value("document.title") == "<u>rooms</u> · seedless"
    assert tab.value("document.querySelectorAll('img, iframe, object, form, main a, svg[onload]').length") == 0
    assert (tab.said, tab.requests) == ([], [])


@pytest.mark.slow
def test_browser_the_policy_holds_where_escaping_would_not(tab: Tab, tmp_path: Path) -> None:
    """The test above can fail: markup put into the page shows in the console, and runs as soon as the policy is gone."""
    page = report(write_run(tmp_path / "run", some_rows(3)))
    html = page.read_text("utf-8").replace("</h1>", f"{HOSTILE[0].replace('alert(1)', '')}{HOSTILE[2]}</h1>")
    page.write_text(html, "utf-8")
    tab.open(page)
    tab.until(DRAWN)
    assert tab.value("document.title") == "rooms · seedless"
    assert any("Content Security Policy" in each for each in tab.said)
    page.write_text(re.sub(r"<meta http-equiv[^>]*>", "", html), "utf-8")
    tab.open(page)
    assert tab.value("document.title") == "owned"


@pytest.mark.slow
def test_browser_table(tab: Tab, tmp_path: Path) -> None:
    tab.open(report(write_run(tmp_path / "run", some_rows(60))))
    tab.until(DRAWN)
    found = "document.getElementById('found').textContent"
    assert (tab.value(DRAWN), tab.value(found)) == (25, "60 rows")
    tab.press(*tab.centre("#next"))
    tab.until("document.getElementById('page').textContent === 'Page 2 of 3'")
    assert tab.value(FIRST) == "The kettle number 25 is cold today."

    tab.type("#search", "KETTLE cold")
    tab.until(f"{found} === '6 of 60 rows'")
    assert tab.value("[...document.querySelectorAll('.row .text')].every((each) => /kettle.*cold/.test(each.textContent))")
    assert tab.value("document.querySelector('.row mark').textContent") == "kettle"
    tab.type("#search", "nothing like it")
    tab.until(f"{found} === '0 of 60 rows'")
    tab.type("#search", "seed 42")
    tab.until(f"{found} === '1 of 60 rows'")
    tab.type("#search", " ")
    tab.until(f"{found} === '60 rows'")

    def choose(name: str, value: str) -> None:
        tab.value(
            f"(() => {{ const e = document.getElementById('{name}'); e.value = '{value}'; e.dispatchEvent(new Event('change')); }})()"
        )

    choose("only-label", "1")
    assert tab.value(found) == "30 of 60 rows"
    choose("only-label", "")
    choose("only-kind", "relabelled")
    assert (tab.value(found), tab.value(FIRST)) == ("1 of 60 rows", "The window number 6 is warm today.")
    choose("only-kind", "redrafted")
    assert tab.value(found) == "8 of 60 rows"
    choose("only-kind", "")
    for order, first in (("longest", 10), ("unsure", 0), ("text", 14), ("row", 0)):
        choose("sort", order)
        assert f"number {first} " in tab.value(FIRST), order

    tab.press(*tab.centre(".row button"))
    told = tab.value("document.querySelector('.row .pairs').innerText")
    for part in ("rooms-000000", "seed 0", "room 0", "it says so", "0123456789abcdef", "Attempts\n2"):
        assert part in told, part
    tab.press(*tab.centre(".row button"))
    assert tab.value("document.querySelector('.row .pairs') === null")
    assert (tab.said, tab.requests) == ([], [])


@pytest.mark.slow
def test_browser_map(tab: Tab, tmp_path: Path) -> None:
    tab.open(report(write_run(tmp_path / "run", some_rows())))
    tab.until(DRAWN)
    x, y = tab.centre("#plane circle:nth-of-type(8)")
    tab.hover(x, y)
    tab.until("!document.getElementById('tip').hidden")
    tip = tab.value("document.querySelector('#tip > bdi').textContent")
    assert re.fullmatch(r"The \w+ number \d+ is \w+ today\.", tip)
    tab.press(x, y)
    tab.until("document.querySelector('.row .whole')")
    assert tab.value("document.querySelector('.row .whole').textContent") == tip
    assert tab.value("document.activeElement.parentElement.dataset.row") == re.findall(r"\d+", tip)[0]
    tab.press(*tab.centre(".key[data-place='1']"))
    assert tab.value("document.querySelectorAll('#plane .dim').length") == 20
    assert tab.value("document.querySelectorAll('#plane .f1.dim').length") == 0
    tab.press(*tab.centre(".key[data-place='1']"))
    assert tab.value("document.querySelectorAll('#plane .dim').length") == 0
    assert tab.said == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_browser_looks(tab: Tab, tmp_path: Path, width: int) -> None:
    """Nothing stands out of the window, and the reader's colour scheme is kept to."""
    folder = write_run(tmp_path / "run", some_rows(), refusals=[refusal(i, "cold", "a" * 300, "meta" * 12) for i in range(3)])
    write_evaluation(folder / "evaluation.json", bias={"long" * 20: "word" * 90, "table": [{str(i): i for i in range(20)}] * 3})
    page = report(folder)
    grounds = []
    for dark in (False, True):
        tab.look(width=width, dark=dark)
        tab.open(page)
        tab.until(DRAWN)
        tab.value("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert tab.value("document.documentElement.scrollWidth") == width
        assert tab.value("Math.max(...[...document.querySelectorAll('.arm, .lines > li')].map((each) => each.offsetHeight))") < 90
        grounds.append(sum(map(int, re.findall(r"\d+", tab.value("getComputedStyle(document.body).backgroundColor"))[:3])))
        tab.picture(tmp_path / f"report-{width}-{dark}.png", whole=True)
    assert grounds[0] > 700
    assert grounds[1] < 120


@pytest.mark.slow
@pytest.mark.usefixtures("small_map")
def test_browser_opens_fifty_thousand_rows_in_under_three_seconds(tab: Tab, tmp_path: Path) -> None:
    filler = "a sentence of the usual length that a small model writes about the things in a room, and one more clause"
    rows = [
        row(i, ("warm", "cold")[i % 2], f"Row {i}: {filler} {i * 7919 % 50000}.", seed=f"the seed of row {i}", reason=f"it reads like {i} other ones", confidence=i / 5e4)
        for i in range(50_000)
    ]  # fmt: skip
    folder = write_run(tmp_path / "run", rows, refusals=[refusal(i, "cold", filler) for i in range(5_000)])
    page = report(folder)
    assert page.stat().st_size < 25_000_000
    taken = []
    for _ in range(3):  # the quickest: the machine may have other work
        opened = tab.open(page)
        taken.append(opened + tab.until(DRAWN))
    assert min(taken) < 3.0, taken
    assert tab.value("document.querySelectorAll('*').length") < 5_000
    tab.type("#search", "row 49999:")
    assert tab.until("document.getElementById('found').textContent === '1 of 50,000 rows'") < 3.0
    assert "Row 49999" in tab.value(FIRST)
    assert tab.said == []


@pytest.mark.usefixtures("small_map")
def test_labels_are_shown_as_they_are_named(tmp_path: Path) -> None:
    labels = ("card_arrival", "__n__")
    folder = write_run(tmp_path / "run", [row(i, labels[i % 2], f"text {i}") for i in range(40)], labels=labels)
    write_evaluation(folder / "evaluation.json", labels=labels, bias={"per_label": {name: {"rows_of": 1} for name in labels}})
    said = Reader(compose(folder).html).text
    assert "rows of card_arrival 1 __n__ 1" in said


@pytest.mark.usefixtures("small_map")
def test_a_page_of_fewer_real_rows_says_so(task: Path, tmp_path: Path) -> None:
    given = some_rows(60)
    folder = write_run(tmp_path / "run", given)
    few = [{"text": each["text"], "label": each["label"]} for each in given[:12]]
    seedless.evaluate(folder, task, students="tfidf", train=few, test=few)
    said = Reader(compose(folder).html).text
    assert "Trained on only 12 real rows" in said
    assert "as many real rows" not in said.partition("Analyses")[0]
