"""Strategies: what each leaves out of the method, seen in the prompts that an LM receives and in the rows' own words."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seedless import Generation, Options, Refusal, Row, TarGEN, UsageError, generate
from seedless.lms.metered import MeteredLM
from seedless.lms.spec import EMBEDDED, HOSTED, LOCAL
from seedless.slot import Draft, Slot, Verdict
from seedless.strategy import STRATEGIES, Strategy
from seedless.task import Task
from seedless.testing import FakeEngine, fake_lm
from tests.command_line import CommandLine
from tests.openai_server import FAULTS, FIELD, SYLLABLES, Author, OpenAIServer, stage_of
from tests.programs.test_instance import PAIRS

PLACES = "places where people keep things"  # the hint for contexts in the task file `rooms`
ROOMS = Task.model_validate(
    {
        "name": "rooms",
        "description": "Short notes.",
        "fields": [{"name": "text", "description": "one short note.", "form": "question"}],
        "labels": [
            {
                "name": name,
                "meaning": f"the note is {name}",
                "constraint": f"Write a {name} note about {{seed}} in {{context}}.",
                "openings": ["Who", "What"],
                "contexts": [f"{name} halls", f"{name} cellars"],
            }
            for name in ("warm", "cold")
        ],
        "contexts": {"hint": "rooms"},
        "seeds": {"hint": "things", "given": ["a lamp", "a rug"]},
        "attributes": [{"name": "length", "values": {"in five words": 1, "in ten words": 1}}],
    }
)


class Run:
    """A run of `n` rows with a fake LM: its prompts by stage, each as its inputs by name, its rows, refusals and ledger."""

    def __init__(
        self, task: Task | Path, strategy: str, *, n: int = 8, answer: Callable[[str], str] | None = None, **options: Any
    ) -> None:
        author = answer or Author()
        self.prompts: dict[str, list[str]] = {}

        def told(prompt: str) -> str:
            self.prompts.setdefault(stage_of(prompt), []).append(prompt)
            return author(prompt)

        with Generation(task, n=n, options=Options(lm=fake_lm(told), strategy=strategy, **options)) as generation:
            outcomes = list(generation)
            self.ledger = generation.ledger().record()
        self.rows = [outcome for outcome in outcomes if isinstance(outcome, Row)]
        self.refusals = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]

    def inputs(self, stage: str, name: str) -> list[str]:
        """What was said for the input `name` at this stage."""
        return [dict(FIELD.findall(prompt))[name] for prompt in self.prompts[stage]]


@pytest.fixture(params=list(STRATEGIES))
def strategy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# --- every strategy -------------------------------------------------------------------------------------------------


def test_each_makes_exact_counts_and_says_its_name(strategy: str, task: Path) -> None:
    run = Run(task, strategy)
    assert Counter(row.label for row in run.rows) == {"warm": 4, "cold": 4}
    assert {row.provenance.strategy for row in run.rows} == {strategy}
    assert run.ledger["settings"]["strategy"] == strategy
    assert run.ledger["settings"]["verify"] == ("none" if strategy in {"direct", "no-correction"} else "blind")
    stages = {"contexts", "seeds", "write", "verify"}
    left_out = {
        "direct": {"contexts", "seeds", "verify"}, "no-contexts": {"contexts"}, "no-seeds": {"seeds"}, "no-correction": {"verify"},
    }  # fmt: skip
    assert set(run.prompts) == stages - left_out.get(strategy, set())


def test_no_two_are_the_same_program(task: Path) -> None:
    programs = [TarGEN(task, lm=fake_lm(Author()), strategy=name) for name in STRATEGIES]
    assert len({program.hash for program in programs}) == len(STRATEGIES)
    assert [program.identity["strategy"] for program in programs] == list(STRATEGIES)


def test_another_strategy_in_the_same_folder_is_another_run(task: Path, tmp_path: Path) -> None:
    generate(task, n=2, out=tmp_path / "run", lm=fake_lm(Author()))
    before = (tmp_path / "run" / "rows.jsonl").read_bytes()
    with pytest.raises(UsageError, match=r'other settings \(strategy was "targen", is now "direct"; .*use another folder'):
        generate(task, n=2, out=tmp_path / "run", lm=fake_lm(Author()), strategy="direct")
    assert (tmp_path / "run" / "rows.jsonl").read_bytes() == before


def test_an_unknown_one_is_refused() -> None:
    message = (
        "given the strategy 'best', allowed are targen, direct, no-contexts, no-seeds, no-correction, no-filters; name one of them"
    )
    for refused in (lambda: Options(strategy="best"), lambda: Strategy.named("best"), lambda: TarGEN(PAIRS, strategy="best")):
        with pytest.raises(UsageError) as caught:
            refused()
        assert str(caught.value) == message


def test_the_command_line_takes_and_refuses_them(
    seedless: CommandLine, task: Path, tmp_path: Path, openai_server: OpenAIServer
) -> None:
    given = ["generate", task, "-n", "4", "-o", tmp_path / "run", "--lm", "openai/some-model", "--api-base", openai_server.url]
    done = seedless.run(*given, "--strategy", "best")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "given the strategy 'best', allowed are targen, direct," in done.err
    assert openai_server.requests == 0
    assert not (tmp_path / "run").exists()
    done = seedless.run(*given, "--strategy", "direct")
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in (tmp_path / "run" / "rows.jsonl").read_text("utf-8").splitlines()]
    assert Counter(row["label"] for row in rows) == {"warm": 2, "cold": 2}
    assert {row["provenance"]["strategy"] for row in rows} == {"direct"}
    assert json.loads((tmp_path / "run" / "ledger.json").read_text("utf-8"))["calls"] == {"write": 4}
    card = (tmp_path / "run" / "dataset" / "README.md").read_text("utf-8")
    assert "| strategy | direct |" in card
    assert "TarGEN method" not in card
    assert "One naive prompt for each label" in card


@pytest.mark.parametrize("name", ["drafts", "attempts"])
def test_more_drafts_than_a_strategy_writes_are_refused(name: str) -> None:
    for strategy in ("direct", "no-correction"):
        with pytest.raises(
            UsageError, match=f"given drafts or attempts with the strategy '{strategy}', which writes each row once"
        ):
            Options(strategy=strategy, **{name: 2})  # type: ignore[arg-type]  # one of two
        Options(strategy=strategy, **{name: 1})  # type: ignore[arg-type]
    Options(strategy="no-filters", **{name: 2})  # type: ignore[arg-type]


# --- the method less a part -----------------------------------------------------------------------------------------


def test_the_whole_method_has_many_contexts_and_seeds(task: Path) -> None:
    run = Run(task, "targen", n=12)
    assert len(set(run.inputs("write", "context"))) > 3
    assert len(set(run.inputs("write", "seed"))) > 5


def test_without_contexts_there_is_one(task: Path) -> None:
    run = Run(task, "no-contexts", n=12)
    assert set(run.inputs("write", "context")) == {PLACES}
    assert set(run.inputs("seeds", "context")) == {PLACES}, "the LM still names seeds, in that one"
    assert len(run.prompts["seeds"]) == 1
    assert len(set(run.inputs("write", "seed"))) > 5
    assert {row.provenance.context for row in run.rows} == {PLACES}


def test_without_contexts_each_label_keeps_its_first() -> None:
    left = Strategy.named("no-contexts").task(ROOMS)
    assert [label.contexts for label in left.labels] == [("warm halls",), ("cold halls",)]
    assert left.seeds == ROOMS.seeds
    given = ROOMS.model_copy(update={"contexts": ROOMS.contexts.model_copy(update={"given": ("a hut", "a tower")})})
    assert Strategy.named("no-contexts").task(given).contexts.given == ("a hut",)


def test_without_seeds_there_is_one_in_each_context(task: Path) -> None:
    run = Run(task, "no-seeds", n=12)
    assert len(run.prompts["contexts"]) == 1, "the LM still names contexts"
    said = set(zip(run.inputs("write", "context"), run.inputs("write", "seed"), strict=True))
    assert len(said) > 3
    assert said == {(context, f"things that stand in {context}") for context, _ in said}, "the hint, with its place filled in"


def test_without_seeds_the_first_given_one_stays() -> None:
    assert Strategy.named("no-seeds").task(ROOMS).seeds.given == ("a lamp",)
    assert Strategy.named("no-seeds").task(ROOMS).labels == ROOMS.labels


def test_without_correction_nobody_reads_and_nothing_is_written_again(task: Path) -> None:
    author, written = Author(), 0

    def answer(prompt: str) -> str:
        nonlocal written
        written += stage_of(prompt) == "write"
        return json.dumps({"text": "As an AI, I cannot do that."}) if written == 3 else author(prompt)

    run = Run(task, "no-correction", answer=answer, concurrency=1)
    assert written == 9
    assert [row.provenance.attempts for row in run.rows] == [1] * 8
    assert {row.provenance.verdict for row in run.rows} == {None}
    (refusal,) = run.refusals
    assert "meta" in [broken.assertion for broken in refusal.broken], "the assertions stay"
    assert not any("violations" in prompt for prompt in run.prompts["write"])


def test_without_correction_a_verifier_of_ones_own_is_not_asked() -> None:
    class Own:
        relabels = only_relabels = False
        asked = 0

        async def verdict(self, draft: Draft, slot: Slot, rollout: int) -> Verdict | None:
            self.asked += 1
            return Verdict("follows", "")

        async def remember(self, rows: object) -> None: ...

    for name, count in (("no-correction", 0), ("targen", 1)):
        own = Own()
        lm = fake_lm(lambda _: json.dumps({"hypothesis": "People can buy bread there at seven."}))
        made = TarGEN(PAIRS, lm=lm, profile=HOSTED, verifier=own, strategy=name)(seed="It opens.", context="", label="follows")
        assert made.ok
        assert own.asked == count


def test_without_filters_only_a_cut_draft_is_refused(task: Path, tmp_path: Path, openai_server: OpenAIServer) -> None:
    for strategy in ("direct", "no-filters"):
        out = tmp_path / strategy
        start = openai_server.requests
        refusal = FAULTS["refusal" if strategy == "direct" else "refusal as JSON"]
        openai_server.script({start + 1: FAULTS["JSON cut, finish length"], start + 2: refusal})
        options = {"lm": "openai/some-model", "api_base": openai_server.url, "strategy": strategy, "concurrency": 1}
        generate(task, n=6, out=out, verify="none", **options, **({"attempts": 1} if strategy == "no-filters" else {}))
        refusals = [json.loads(line) for line in (out / "refusals.jsonl").read_text("utf-8").splitlines()]
        assert [[broken["assertion"] for broken in refusal["broken"]] for refusal in refusals] == [["not_cut"]]
        rows = [json.loads(line)["text"] for line in (out / "rows.jsonl").read_text("utf-8").splitlines()]
        assert "I'm sorry, but I can't assist with that." in rows
        assert len(rows) == 6


def test_without_filters_repeats_stay_and_the_reader_reads(task: Path) -> None:
    author = Author()
    same = {"lantern": "The lantern.", "compass": "The compass."}

    def answer(prompt: str) -> str:
        if stage_of(prompt) != "write":
            return author(prompt)
        return json.dumps({"text": next(text for marker, text in same.items() if marker in prompt)})

    run = Run(task, "no-filters", answer=answer)
    assert Counter(row.texts["text"] for row in run.rows) == {"The lantern.": 4, "The compass.": 4}
    assert len(run.prompts["verify"]) == 8
    assert run.refusals == []


# --- the naive prompt -----------------------------------------------------------------------------------------------


def test_the_naive_prompt_is_one_for_each_label(task: Path) -> None:
    run = Run(task, "direct", n=12)
    assert len(run.prompts["write"]) == 12
    assert set(run.prompts["write"]) == {
        "Write one short note. The note holds the word 'lantern'. Only output the text.",
        "Write one short note. The note holds the word 'compass'. Only output the text.",
    }, "a hosted model is told it once, and nothing else"
    assert {(row.provenance.context, row.provenance.seed) for row in run.rows} == {("", "")}


class Recorder(FakeEngine):
    """A local model's engine, which takes a grammar and an answer's first words, goes on with a document, and keeps whole requests."""

    supported_params = FakeEngine.supported_params | {"avoid", "document", "grammar", "prefill", "min_p"}

    def __init__(self, answer: Callable[[str], str]) -> None:
        super().__init__(answer)
        self.requests: list[Any] = []

    def complete(self, request: Any) -> Any:
        self.requests.append(request)
        return super().complete(request)


class Awaited:
    """The same for DSPy's asynchronous side."""

    supports_response_schema = True
    supported_params = Recorder.supported_params

    def __init__(self, engine: Recorder) -> None:
        self.engine = engine

    async def complete(self, request: Any) -> Any:
        return self.engine.complete(request)


def local(task: Task, strategy: str, **inputs: Any) -> Any:
    """The one writing request that a local model is sent for a `warm` row."""
    engine = Recorder(lambda prompt: '{"label": "warm"}' if "JSON" in prompt else "is there in the hall?")
    lm = MeteredLM("fake", identity="fake", address="a fake", engine=engine, async_engine=Awaited(engine), free=True)
    program = TarGEN(task, lm=lm, profile=LOCAL, strategy=strategy)
    made = program(label="warm", **inputs)
    assert made.outcome.provenance.strategy == strategy
    return engine.requests[0]


def told(request: Any) -> list[str]:
    return [message.text for message in request.messages]


def test_a_local_model_is_asked_plainly_and_left_free() -> None:
    request = local(ROOMS, "direct")
    assert told(request) == ["Write one short note. The note is warm. Only output the text."]
    assert "grammar" not in (request.config.extensions or {})
    assert request.config.temperature == 1.0
    assert request.config.extensions["min_p"] == 0.05
    assert request.config.max_tokens == 120


def test_the_whole_method_s_request_beside_it() -> None:
    request = local(ROOMS, "targen", context="a hut", seed="a lamp", attributes={"length": "in five words"})
    (document,) = told(request)
    assert document.startswith("Short notes.\n\nWrite a warm note about a lamp in a hut. Write it in five words.\n\nwarm: ")
    assert document.endswith(('Example: "Who', 'Example: "What'))
    assert request.config.extensions["document"] is True
    assert request.config.extensions["grammar"].splitlines()[0].endswith(r'body "?" "\""')
    assert request.config.extensions["avoid"] == list(ROOMS.label_names)


def test_without_filters_the_decoder_is_free_too() -> None:
    request = local(ROOMS, "no-filters", context="a hut", seed="a lamp")
    (document,) = told(request)
    assert document.startswith("Short notes.\n\nWrite a warm note about a lamp in a hut.")
    assert document.endswith(('Example: "Who', 'Example: "What')), "the opening is the constraint's"
    assert request.config.extensions["grammar"].splitlines()[0] == r'root ::= [^"\n]+ "\""', "the line, to its end"


def test_the_naive_prompt_is_written_once_at_its_own_temperature() -> None:
    direct = Strategy.named("direct").profile(EMBEDDED)
    assert (direct.drafts, direct.attempts, direct.wording) == (1, 1, "plain")
    assert direct.sampling["write"] == {"temperature": 1.0, "min_p": 0.05}
    assert {k: v for k, v in direct.sampling.items() if k != "write"} == {
        k: v for k, v in EMBEDDED.sampling.items() if k != "write"
    }
    assert Strategy.named("direct").profile(HOSTED).sampling == {}, "a hosted model keeps its own"
    assert Strategy.named("targen").profile(EMBEDDED) == EMBEDDED


def test_the_naive_prompt_has_no_attributes() -> None:
    prompts: list[str] = []

    def answer(prompt: str) -> str:
        prompts.append(prompt)
        return json.dumps({"text": "Who is there in the hall?"})

    with Generation(ROOMS, n=6, options=Options(lm=fake_lm(answer), strategy="direct")) as generation:
        rows = [outcome for outcome in generation if isinstance(outcome, Row)]
    assert len(rows) == 6
    assert not any("words" in prompt for prompt in prompts)
    assert len(set(prompts)) == 2
    assert {tuple(row.provenance.attributes) for row in rows} == {()}, "what was not asked is not said to have been"


@pytest.mark.parametrize(
    ("meaning", "said"),
    [
        ("it is warm", "It is warm."),
        ("It is warm.", "It is warm."),
        ("Is it warm?", "Is it warm?"),
        ("étoile", "Étoile."),
    ],
)
def test_a_meaning_becomes_a_sentence(meaning: str, said: str) -> None:
    labels = tuple(label.model_copy(update={"meaning": meaning}) for label in ROOMS.labels)
    naive = Strategy.named("direct").task(ROOMS.model_copy(update={"labels": labels}))
    assert naive.labels[0].constraint == f"Write one short note. {said} Only output the text."
    assert naive.labels[0].openings == naive.labels[0].contexts == naive.labels[0].cues == ()


# --- tasks whose seed is a field ------------------------------------------------------------------------------------


def pair_author() -> Callable[[str], str]:
    """Names three contexts and one statement in each; writes fresh sentences, with `rain` in them where they follow."""
    rng = random.Random(0)

    def word() -> str:
        return "".join(rng.sample(SYLLABLES, 3))

    def answer(prompt: str) -> str:
        stage = stage_of(prompt)
        if stage == "contexts":
            return json.dumps({"contexts": ["a bakery", "a harbour", "a school"]})
        if stage == "seeds":
            return json.dumps({"seeds": [f"The door of {dict(FIELD.findall(prompt))['context']} opens at six o'clock."]})
        about = "rain" if "ollows from" in prompt or "It follows" in prompt else "sun"
        names = re.findall(r"`(\w+)`", prompt.rpartition("order of fields")[2]) or ["premise", "hypothesis"]
        return json.dumps({name: f"The {word()} {word()} {word()} a {about} {word()}." for name in names})

    return answer


def test_every_field_is_written_where_there_are_no_seeds_at_all() -> None:
    run = Run(PAIRS, "direct", answer=pair_author(), n=6)
    assert Counter(row.label for row in run.rows) == {"follows": 3, "open": 3}
    assert all(list(row.texts) == ["premise", "hypothesis"] for row in run.rows)
    assert len({row.texts["premise"] for row in run.rows}) == 6
    form = 'Answer with a JSON object with the keys "premise" (a statement), "hypothesis" (another statement).'
    assert set(run.prompts["write"]) == {
        f"Write a statement and another statement. It follows. {form}",
        f"Write a statement and another statement. It may be or not. {form}",
    }


def test_without_seeds_a_premise_is_asked_for_once_in_each_context() -> None:
    """The hint for seeds ("statements") is no premise."""
    run = Run(PAIRS, "no-seeds", answer=pair_author(), n=8, verify="none", concurrency=1)
    assert len(run.rows) == 8
    assert set(run.inputs("seeds", "count")) == {"1"}
    premises = {(row.provenance.context, row.texts["premise"]) for row in run.rows}
    assert premises == {(context, f"The door of {context} opens at six o'clock.") for context, _ in premises}
    given = PAIRS.model_copy(update={"seeds": PAIRS.seeds.model_copy(update={"given": ("It rains.", "It snows.")})})
    assert {row.texts["premise"] for row in Run(given, "no-seeds", answer=pair_author(), n=4, verify="none").rows} == {"It rains."}


def test_without_contexts_premises_are_named_in_the_one_there_is() -> None:
    run = Run(PAIRS, "no-contexts", answer=pair_author(), n=4, verify="none", concurrency=1)
    assert {row.texts["premise"] for row in run.rows} == {"The door of fields of work opens at six o'clock."}
    assert "contexts" not in run.prompts


@pytest.mark.parametrize("name", ["direct", "no-seeds", "no-contexts"])
def test_one_instance_from_python(name: str, task: Path) -> None:
    made = TarGEN(task, lm=fake_lm(Author()), strategy=name)(label="cold")
    assert made.ok
    assert made.outcome.provenance.strategy == name
    assert made.outcome.provenance.context == {"direct": "", "no-contexts": PLACES}.get(name, made.outcome.provenance.context)
