"""Compiles from Python against a server that can be coached: what is found, what it costs, what enters the prompts, what is kept."""

import json
import random
import re
import time
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import dspy
import pytest

from seedless import BudgetEnded, LMUnusable, SetupError, TarGEN, UsageError, compile  # noqa: A004  the verb that it is
from seedless.evals.compiling.candidate import Candidate
from seedless.evals.compiling.workshop import GENERATE
from seedless.evals.metric import DevMetric, Scored
from seedless.lms.metered import MeteredLM
from seedless.lms.spec import LMSpec
from seedless.outcome import Outcome
from seedless.taskfile import load_task
from seedless.testing import fake_lm
from tests.coachable_server import QUALITY, STRONG, CoachableServer
from tests.openai_server import FIELD, Author, Fault, _sentence, _word, stage_of
from tests.word_embedder import WordEmbedder

CONCURRENCY = 8


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")


def model(server: CoachableServer, name: str = "some-model") -> dspy.LM:
    return dspy.LM(f"openai/{name}", api_base=server.url, api_key="none", cache=False)


def priced(server: CoachableServer) -> MeteredLM:
    """A model whose price is known: some 0.00003 USD for a request."""
    return MeteredLM(
        "openai/gpt-4o-mini", identity="x", address=server.url, api_base=server.url, api_key="none", concurrency=CONCURRENCY
    )


def compiled(server: CoachableServer, task: Path, optimizer: str, *, calls: int = 150, **more: Any) -> TarGEN:
    """A program, after the checks that every compile must pass."""
    program = compile(task, optimizer=optimizer, lm=model(server), budget_calls=calls, concurrency=CONCURRENCY, **more)
    account = program.compiled
    assert sum(account["calls"].values()) == server.requests, "the ledger is the server's count"
    assert server.requests <= calls
    assert server.busiest <= CONCURRENCY
    assert len({json.dumps(seen.body, sort_keys=True) for seen in server.seen}) == server.requests, "nothing is asked twice"
    assert account["optimizer"] == optimizer
    assert account["stages"]["verify"].startswith("skipped")
    assert not any("of 0 candidates" in said for said in account["stages"].values())
    assert not account["ran_out"]
    assert (account["kept"] == "compiled") == bool(account["comparison"] and account["comparison"]["better"])
    return program


def instruction(program: TarGEN) -> str:
    return str(program.write_instance.write.generate.signature.instructions)


class Log:
    """Keeps the candidates that it is shown."""

    def __init__(self) -> None:
        self.candidates: list[Candidate] = []

    def add(self, candidate: Candidate) -> None:
        self.candidates.append(candidate)


@pytest.mark.long
def test_gepa_finds_the_quality_within_150_calls_in_at_least_4_of_5_seeds(task: Path) -> None:
    found = 0
    for seed in range(5):
        with CoachableServer(seed=seed) as server:
            program = compiled(server, task, "gepa", seed=seed)
        has = QUALITY in instruction(program)
        assert has == (program.compiled["kept"] == "compiled")
        found += has
    assert found >= 4


def test_random_search_without_reflection_does_not_find_it(task: Path) -> None:
    with CoachableServer() as server:
        program = compiled(server, task, "random")
    assert program.compiled["kept"] == "uncompiled"
    assert "propose" not in program.compiled["calls"]
    assert program.phrasing.empty


def test_a_seed_that_becomes_a_field_is_asked_for_as_in_a_run() -> None:
    task = {
        "name": "answers",
        "description": "Questions and replies, sorted by a word.",
        "fields": [
            {"name": "question", "description": "a question", "form": "phrase", "max_words": 30},
            {"name": "reply", "description": "a reply", "form": "sentence", "max_words": 30},
        ],
        "labels": [
            {
                "name": "warm",
                "meaning": "the note holds the word 'lantern'",
                "constraint": "Put the word 'lantern' somewhere into it.",
            },
            {
                "name": "cold",
                "meaning": "the note holds the word 'compass'",
                "constraint": "Put the word 'compass' somewhere into it.",
            },
        ],
        "contexts": {"hint": "shops"},
        "seeds": {"hint": "questions in {context}", "field": "question"},
    }
    program = compile(task, lm=fake_lm(Author()), optimizer="random", budget_calls=120)
    assert "seeds" in program.compiled["calls"]
    assert not program.compiled["stages"]["seeds"].startswith("skipped")


def test_an_error_in_the_search_is_raised_as_it_is(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a circle of causes, in which whoever looks for the first one would go round for ever."""

    async def broken(*_: object, **__: object) -> Scored:
        raise ZeroDivisionError("by the metric")

    monkeypatch.setattr(DevMetric, "items", broken)
    with pytest.raises(ZeroDivisionError, match="by the metric") as caught:
        compile(task, lm=fake_lm(Author()), optimizer="random", budget_calls=120)
    met: list[BaseException] = []
    error: BaseException | None = caught.value
    while error is not None:
        assert all(error is not other for other in met)
        met.append(error)
        error = error.__cause__ or error.__context__


def test_gepa_does_not_find_it_when_the_feedback_is_lost(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quality comes from the assertions' and the reader's sentences, and from nowhere else."""
    honest = DevMetric.draft

    async def mute(self: DevMetric, outcome: Outcome, near: Any = ()) -> Scored:
        scored = await honest(self, outcome, near)
        return Scored(scored.score, "Do better.", scored.parts, scored.accepted, scored.trust)

    monkeypatch.setattr(DevMetric, "draft", mute)
    with CoachableServer(seed=2) as server:  # with which the next test finds it
        assert compiled(server, task, "gepa", seed=2).compiled["kept"] == "uncompiled"


def test_the_account_says_what_was_measured_and_the_program_is_the_file(task: Path, tmp_path: Path) -> None:
    log, said = Log(), list[str]()
    with CoachableServer(seed=2) as server:
        program = compiled(server, task, "gepa", seed=2, out=tmp_path / "program.json", log=log, say=said.append)
        made = program(label="warm", seed="a kettle", context="a kitchen")
        assert made.ok
        assert "lantern" in made.text
    account = program.compiled
    assert account["intrinsic"] is True
    assert account["distances"] == "words"
    comparison = account["comparison"]
    assert comparison["metric"] == "score"
    assert comparison["before"]["value"] < 0.5 < comparison["after"]["value"]
    assert comparison["gain"]["low"] > 0
    assert comparison["figures"]["accepted"] == [0.0, 1.0]
    assert "the compiled program is better: score" in account["why"]
    assert account["budget_calls"] == 150
    assert account["cost_usd"] is None
    assert account["versions"]["dspy"]
    assert [line.split(":")[0] for line in said] == ["contexts", "seeds", "write", "revise"]
    read = TarGEN(task, lm=fake_lm(str))
    read.read(tmp_path / "program.json")
    assert read.compiled == json.loads(json.dumps(account))
    assert instruction(read) == instruction(program)
    written = [c for c in log.candidates if c.stage == "write"]
    assert written[0].number == 0
    assert max(c.score for c in written) > written[0].score
    assert QUALITY in max(written, key=lambda c: c.score).instructions[GENERATE]
    assert any("A reader who was not told the label" in feedback for c in written for feedback in c.feedback)
    assert 0 < written[0].calls <= written[-1].calls <= 150


def demonstrated(server: CoachableServer) -> bool:
    return any(sum(m["role"] == "assistant" for m in seen.body["messages"]) >= 3 for seen in server.seen)


def test_bootstrap_lets_a_teacher_demonstrate(task: Path) -> None:
    with CoachableServer(by_example=True) as server:
        program = compiled(server, task, "bootstrap", calls=200, teacher_lm=model(server, STRONG))
        assert demonstrated(server)
    assert program.compiled["kept"] == "compiled"
    demos = program.write_instance.write.generate.demos
    assert 3 <= len(demos) <= 4
    assert {word for demo in demos for word in ("lantern", "compass") if word in demo["text"]} == {"lantern", "compass"}
    assert program.compiled["teacher_lm"] == f"openai/{STRONG}"


@pytest.mark.parametrize("optimizer", ["copro", "simba", "miprov2"])
def test_each_other_optimiser_runs_to_its_end(optimizer: str, task: Path) -> None:
    with CoachableServer(luck=0.4 if optimizer == "simba" else 0.0) as server:
        log = Log()
        program = compiled(server, task, optimizer, calls=220, log=log)
        proposals = [seen for seen in server.seen if any("new instance" in str(m["content"]) for m in seen.body["messages"])]
        assert proposals
    assert program.compiled["calls"]["propose"] > 0
    assert len({c.number for c in log.candidates if c.stage == "write"}) >= 2


def test_nothing_that_helps_keeps_the_uncompiled_program_and_says_so(task: Path, tmp_path: Path) -> None:
    with CoachableServer(reflective=False, seed=1) as server:
        program = compiled(server, task, "gepa", seed=1, out=tmp_path / "program.json")
    plain = TarGEN(task, lm=program._lm)
    assert program.compiled["kept"] == "uncompiled"
    assert program.compiled["why"].endswith("so the uncompiled program is kept")
    assert program.hash == plain.hash
    read = TarGEN(task, lm=program._lm)
    read.read(tmp_path / "program.json")
    assert read.hash == plain.hash


@pytest.mark.long
def test_a_lucky_candidate_does_not_pass_the_guard(task: Path) -> None:
    """Half of all texts are on-label whatever is said: candidates win where they are chosen, and not where they are compared."""
    chosen = kept = 0
    for seed in range(3):
        with CoachableServer(reflective=False, luck=0.5, seed=seed) as server:
            account = compiled(server, task, "gepa", seed=seed).compiled
        chosen += account["comparison"] is not None
        kept += account["kept"] == "compiled"
    assert chosen >= 2
    assert kept == 0


def test_a_budget_that_cannot_try_the_uncompiled_program_is_an_end(task: Path, tmp_path: Path) -> None:
    with CoachableServer(seed=2) as server:
        how: dict[str, Any] = {
            "lm": priced(server),
            "optimizer": "gepa",
            "out": tmp_path / "program.json",
            "concurrency": 1,
        }
        with pytest.raises(BudgetEnded, match=r"before the uncompiled program was tried on every example of a stage; raise it"):
            compile(task, budget_usd=0.00002, **how)
        assert 0 < server.requests < 4
        assert not (tmp_path / "program.json").exists()
        program = compile(task, budget_calls=150, **how)
        assert len({json.dumps(seen.body, sort_keys=True) for seen in server.seen}) == server.requests, "nothing is paid twice"
    assert program.compiled["kept"] in {"compiled", "uncompiled"}


def test_too_few_usd_are_told_in_requests_once_their_price_is_known(task: Path) -> None:
    with CoachableServer(seed=2) as server:
        with pytest.raises(
            BudgetEnded, match=r"given --budget-usd 0.001, some \d+ LM calls at the price of the first 4, at least 101"
        ):
            compile(task, lm=priced(server), optimizer="gepa", budget_usd=0.001)
        assert server.requests == 4


def test_usd_are_shared_among_the_stages_and_the_report_has_its_part(task: Path) -> None:
    with CoachableServer(seed=2) as server:
        account = compile(task, lm=priced(server), optimizer="gepa", budget_usd=0.008, seed=2, concurrency=CONCURRENCY).compiled
    assert account["cost_usd"] < 0.008
    assert account["comparison"]["n"] >= 4
    assert not [said for said in account["stages"].values() if "before it" in said or "before one candidate" in said]


@pytest.mark.long
def test_what_is_left_of_the_money_gives_a_smaller_report_and_not_none(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With sizes of a compile that money does not bound, it ends in the midst of the report."""
    from seedless.evals.compiling.session import Session

    monkeypatch.setattr(Session, "_afford", lambda *_: None)
    with CoachableServer(seed=2) as server:
        account = compile(task, lm=priced(server), optimizer="gepa", budget_usd=0.022, seed=2, concurrency=CONCURRENCY).compiled
    assert account["ran_out"]
    assert account["kept"] == "compiled", account["why"]
    assert 4 <= account["comparison"]["n"] < 37


def test_a_search_that_the_budget_ended_is_told_in_the_reason(task: Path) -> None:
    with CoachableServer(seed=2) as server:
        account = compile(task, lm=priced(server), optimizer="gepa", budget_usd=0.005, seed=2, concurrency=1).compiled
    assert account["kept"] == "uncompiled"
    assert "(contexts: its share of the budget (" in account["why"]
    assert re.search(r"write: its share of the budget \(\d+ LM calls\) is used up", account["why"])


@pytest.mark.parametrize("optimizer", ["gepa", "copro"])
def test_proposals_that_cannot_be_read_are_told_as_the_reason_why_none_was_tried(optimizer: str, task: Path) -> None:
    with CoachableServer(seed=2, proposal="zzz") as server:
        account = compiled(server, task, optimizer, calls=110, seed=2).compiled
    why = account["why"]
    assert why.startswith("no other candidate was tried (")
    assert why.endswith("), so the uncompiled program is kept")
    assert sum(map(int, re.findall(r": none of (\d+) proposals asked for could be used", why))) == account["calls"]["propose"]
    assert account["ended"] in why


DEV = [
    {"text": f"My {('lantern', 'compass')[i % 2]} number {i} hangs by the {('door', 'stove', 'stairs')[i % 3]} of an inn at {place}.", "label": ("warm", "cold")[i % 2]}
    for i, place in enumerate(("Genoa", "Pisa", "Turin", "Bari", "Como", "Lucca", "Parma", "Siena", "Trento", "Udine", "Varese", "Verona") * 2)
]  # fmt: skip


def in_prompts(server: CoachableServer, run: int) -> list[str]:
    """Real rows of which `run` words in a row stand in a request."""
    asked = json.dumps([seen.body for seen in server.seen])
    said = {row["text"]: row["text"].split() for row in DEV}
    return [text for text, parts in said.items() if any(" ".join(parts[i : i + run]) in asked for i in range(len(parts) - run + 1))]


def test_real_rows_anchor_the_metric_and_never_enter_a_prompt(task: Path, tmp_path: Path) -> None:
    with CoachableServer(seed=2) as server:
        program = compiled(server, task, "gepa", seed=2, calls=200, dev=DEV, embedder=WordEmbedder(), out=tmp_path / "program.json")
        assert in_prompts(server, run=3) == []
        feedback = json.dumps([seen.body for seen in server.seen if seen.stage == "write"])
    assert "Real rows of the label" in feedback
    account = program.compiled
    assert account["intrinsic"] is False
    assert account["distances"] == "embeddings"
    assert account["dev_rows"] == 24
    assert account["kept"] == "compiled"
    assert (account["quoted"]["checked"], account["quoted"]["whole"], account["quoted"]["ngram"]) == (24, 0, 0)
    assert account["comparison"]["metric"] == "true_label_probability"
    assert account["comparison"]["figures"]["macro_f1"][1] > account["comparison"]["figures"]["macro_f1"][0]
    for path in tmp_path.iterdir():
        assert not [row for row in DEV if row["text"].encode() in path.read_bytes()]


def test_rows_of_the_choosing_half_are_shown_where_the_user_allows_it(task: Path) -> None:
    with CoachableServer(by_example=True, reflective=False) as server:
        program = compiled(server, task, "gepa", calls=220, dev=DEV, embedder=WordEmbedder(), demos_from_dev=True)
        shown = in_prompts(server, run=13)
    assert 0 < len(shown) <= 12
    assert program.compiled["demos_from_dev"] is True
    demonstrated = {demo["text"] for state in program.dump_state().values() for demo in state.get("demos", [])}
    held = {each["text"] for each in program.compiled["quoted"]["worst"] if each["whole"]}
    assert held == {row["text"] for row in DEV} & demonstrated
    assert held
    assert program.compiled["kept"] == "compiled"
    assert {demo["text"] for demo in program.write_instance.write.generate.demos} == set(shown)
    with pytest.raises(UsageError, match="given --demos-from-dev without dev rows"):
        compile(task, lm=fake_lm(str), demos_from_dev=True)


@pytest.mark.long
def test_shuffled_real_rows_are_of_no_use_to_any_program(task: Path) -> None:
    wrong = [{**row, "label": ("cold", "warm")[i % 2]} for i, row in enumerate(DEV)]
    with CoachableServer(seed=2) as server:
        program = compiled(server, task, "gepa", seed=2, calls=200, dev=wrong, embedder=WordEmbedder())
    assert program.compiled["kept"] == "uncompiled"


class Small:
    """A small model asked in plain words: it keeps to its label only where the constraint ends in `key`."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.prompts: list[str] = []

    def __call__(self, prompt: str) -> str:
        self.prompts.append(prompt)
        rng = random.Random(len(self.prompts))
        if "Write a better instruction" in prompt:
            return f"{prompt.splitlines()[1]} {self.key}"
        if "numbered list" in prompt:
            return "\n".join(f"{i}. {_word(rng)} {_word(rng)}" for i in range(1, 6))
        word = "lantern" if ("lantern" in prompt) == (self.key in prompt) else "compass"
        return _sentence(rng, word)


NEAR = WordEmbedder(("lantern", "compass"), 6.0)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Small:
    """The embedded LM's profile on a fake model."""
    author = Small("Use concrete details.")

    def opened(spec: LMSpec, **how: Any) -> Any:
        return fake_lm(author, concurrency=how.get("concurrency", 8))

    monkeypatch.setattr(LMSpec, "open", opened)
    return author


@pytest.mark.parametrize("optimizer", [None, "gepa"])
def test_a_small_model_s_constraints_are_what_is_compiled(optimizer: str | None, small: Small, task: Path, tmp_path: Path) -> None:
    program = compile(task, optimizer=optimizer, budget_calls=260, embedder=NEAR, out=tmp_path / "program.json")
    account = program.compiled
    assert account["optimizer"] == (optimizer or "random")
    assert account["kept"] == "compiled"
    assert account["verifier"] == "embedding"
    assert sum(account["calls"].values()) == len(small.prompts) <= 260
    assert account["stages"]["revise"] == "skipped: this LM writes anew instead of revising"
    assert set(program.phrasing.constraints) == {"warm", "cold"}
    assert all(text.endswith("Use concrete details.") for text in program.phrasing.constraints.values())
    read = TarGEN(task, verifier=program.write_instance.verifier)
    read.read(tmp_path / "program.json")
    assert read.phrasing == program.phrasing
    assert "lantern" in program(label="warm", seed="a tap", context="a kitchen").text


def test_words_that_do_not_fit_are_told_and_cost_nothing(small: Small, task: Path) -> None:
    small.key = "Write about {film}."
    program = compile(task, optimizer="gepa", budget_calls=200, embedder=NEAR)
    assert program.compiled["kept"] == "uncompiled"
    assert any(prompt.startswith("A writer was given") and "Write about {film}." not in prompt for prompt in small.prompts)
    assert not [prompt for prompt in small.prompts if prompt.startswith("Put the word") and "{film}" in prompt]
    assert program.compiled["candidates"] >= 2


def test_lists_that_the_task_gives_are_not_compiled(task: Path) -> None:
    given = task.with_name("given.yaml")
    text = task.read_text("utf-8").replace(
        "hint: places where people keep things", "hint: places\n  given: [attic, cellar, garden]"
    )
    given.write_text(
        text.replace("hint: things that stand in {context}", "hint: things\n  given: [shelf, hook, box, nail]"), "utf-8"
    )
    with CoachableServer(seed=2) as server:
        account = compiled(server, given, "gepa", calls=120, seed=2).compiled
        assert Counter(seen.stage for seen in server.seen).keys() <= {"write", "verify"}
    assert account["stages"]["contexts"] == "skipped: the task gives the contexts"
    assert account["stages"]["seeds"] == "skipped: the task gives the seeds"
    assert account["kept"] == "compiled"


def test_a_compile_some_of_whose_prompts_are_refused_ends_alike_when_it_is_given_again(task: Path, tmp_path: Path) -> None:
    """What the report had taken was held against the search, which ended before its first refused prompt: a finished program was lost."""
    with CoachableServer(seed=2) as server:

        def filtered(number: int) -> Fault | None:
            seen = server.seen[number - 1]
            refused = seen.stage == "write" and zlib.crc32(json.dumps(seen.body, sort_keys=True).encode()) % 8 == 0
            return Fault(status=400, message="blocked by a content filter") if refused else None

        server.script(filtered)
        first, second = (
            compile(
                task, optimizer="gepa", lm=model(server), budget_calls=130, seed=2, concurrency=1, out=tmp_path / "program.json"
            )
            for _ in range(2)
        )
        assert server.faults_met > 1
    assert first.compiled["kept"] == "compiled"
    assert second.compiled["stages"] == first.compiled["stages"]
    assert instruction(second) == instruction(first)


def test_a_context_whose_seeds_cannot_be_had_is_left_for_others(task: Path) -> None:
    """It ended the compile, each time that the command was given again."""
    author, met, refused = Author(), list[str](), Counter[str]()

    def answer(prompt: str) -> str:
        context = dict(FIELD.findall(prompt)).get("context", "")
        if stage_of(prompt) == "seeds":
            met.extend([context] if context not in met else [])
            if context == met[0]:
                refused[prompt] += 1
                raise dspy.LMInvalidRequestError("blocked by a content filter", status=400)
            if context == met[1]:
                return json.dumps({"seeds": []})
        return author(prompt)

    account = compile(task, lm=fake_lm(answer), optimizer="random", budget_calls=130).compiled
    assert len(met) > 2
    assert set(refused.values()) == {1}  # each slot and each candidate asked anew
    assert not account["stages"]["write"].startswith("unchanged: the budget")


def test_seeds_that_are_refused_in_every_context_are_told_with_what_helps(task: Path) -> None:
    author = Author()

    def answer(prompt: str) -> str:
        if stage_of(prompt) == "seeds":
            raise dspy.LMInvalidRequestError("blocked by a content filter", status=400)
        return author(prompt)

    with pytest.raises(LMUnusable, match=r"content filter; list seeds in the task file \(seeds: given\), or name another model$"):
        compile(task, lm=fake_lm(answer), optimizer="random", budget_calls=130)


def test_contexts_that_are_refused_are_told_with_what_helps(task: Path) -> None:
    author = Author()

    def answer(prompt: str) -> str:
        if stage_of(prompt) == "contexts" and dict(FIELD.findall(prompt))["count"] == "6":  # not where lists are compared
            raise dspy.LMInvalidRequestError("blocked by a content filter", status=400)
        return author(prompt)

    with pytest.raises(
        LMUnusable, match=r"content filter; list contexts in the task file \(contexts: given\), or name another model$"
    ):
        compile(task, lm=fake_lm(answer), optimizer="random", budget_calls=130)


def test_a_model_that_cannot_be_used_ends_the_compile(task: Path, tmp_path: Path) -> None:
    with CoachableServer(seed=2) as server:
        server.script(lambda number: Fault(status=401) if number > 40 else None)
        with pytest.raises(LMUnusable, match="HTTP 401"):
            compile(
                task, optimizer="gepa", lm=model(server), budget_calls=150, seed=2, out=tmp_path / "program.json", concurrency=1
            )
        assert server.requests == 41
        time.sleep(0.2)
        assert server.requests == 41, "nothing goes on behind the caller's back"
        assert not (tmp_path / "program.json").exists()
        server.script(None)
        program = compile(task, optimizer="gepa", lm=model(server), budget_calls=150, seed=2, out=tmp_path / "program.json")
    assert program.compiled["kept"] == "compiled"
    assert len({json.dumps(seen.body, sort_keys=True) for seen in server.seen}) == server.requests - 1


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(status=400, stage="verify"), "HTTP 400, InvalidRequest: scripted fault"),
        (Fault(close=True, stage="write"), "Transport: "),
    ],
)
def test_a_model_that_fails_throughout_at_one_stage_ends_the_compile_and_the_budget_is_not_blamed(
    fault: Fault, says: str, task: Path
) -> None:
    with CoachableServer(seed=2) as server:
        server.script(lambda _: fault)
        lm = MeteredLM("openai/x", identity="x", address="there", api_base=server.url, api_key="none", concurrency=24, tries=2)
        with pytest.raises(LMUnusable, match=rf"^the LM openai/x at there cannot be used: {says}.*again$"):
            compile(task, optimizer="random", lm=lm, budget_calls=100, concurrency=24)


def test_a_reader_of_which_nothing_can_be_read_is_told(task: Path) -> None:
    with CoachableServer(seed=2) as server:
        server.script(lambda _: Fault(edit=lambda _: "It reads well.", stage="verify"))
        account = compile(task, optimizer="random", lm=model(server), budget_calls=100, concurrency=CONCURRENCY).compiled
    assert account["kept"] == "uncompiled"
    assert re.search(
        r"; none of the verifier's \d+ answers names one of the labels: name another model with --judge-lm", account["why"]
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"optimizer": "adam"}, "given the optimizer 'adam', allowed are bootstrap, random, gepa"),
        ({"budget_calls": 0}, "given --budget-calls 0, at least 1"),
        ({"budget_calls": 30}, "at least 101 are needed"),
        ({"budget_usd": -1.0}, "given --budget-usd -1.0, a number above 0"),
        ({"verifier": "people"}, "given the verifier 'people'"),
        ({"optimizer": "gepa", "teacher_lm": "openai/x"}, "given --teacher-lm with the optimizer 'gepa'"),
        ({"optimizer": "random", "reflection_lm": "openai/x"}, "given --reflection-lm with the optimizer 'random'"),
        ({"dev": [{"text": "a", "label": "warm"}]}, "1 rows, 20 to 200"),
        ({"out": "program.txt"}, "a program is written to a .json file"),
        ({"out": "taken.json"}, "is there already and is no program"),
    ],
)
def test_wrong_arguments_are_told_before_the_first_call(
    given: dict[str, Any], says: str, task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.json").write_text("{}", "utf-8")
    with CoachableServer() as server:
        with pytest.raises(UsageError, match=says):
            compile(task, lm=model(server), **given)
        assert server.requests == 0


def test_a_compile_that_is_refused_leaves_its_journal_to_the_next(task: Path, tmp_path: Path) -> None:
    out = tmp_path / "program.json"
    with CoachableServer(seed=2) as server:
        compile(task, lm=model(server), optimizer="random", budget_calls=100, out=out)
        # What was spent has no price, so USD can bound nothing. The error is kept, as a notebook keeps it.
        with pytest.raises(UsageError, match="--budget-usd") as refused:
            compile(task, lm=model(server), optimizer="random", budget_usd=1.0, out=out)
        compile(task, lm=model(server), optimizer="random", budget_calls=100, out=out)
    assert refused.value.exit_code == 2


def test_a_missing_package_is_told_before_the_first_call(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "optuna" else find(name, *more))
    with CoachableServer() as server:
        with pytest.raises(SetupError, match="needs the package optuna"):
            compile(task, lm=model(server), optimizer="miprov2")
        assert server.requests == 0


def test_the_caller_s_objects_are_left_alone(task: Path) -> None:
    loaded = load_task(task)
    with CoachableServer(seed=2) as server:
        lm = model(server)
        compile(loaded, lm=lm, optimizer="random", budget_calls=100)
        assert type(lm) is dspy.LM
        assert loaded == load_task(task)
    assert BudgetEnded.exit_code == 3
