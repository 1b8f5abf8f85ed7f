"""TarGEN as DSPy uses its programs: its LM set and copied, the same asked once more, its optimisers, its own settings."""

import asyncio
import gc
import json
import logging
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import dspy
import pytest

from seedless import TarGEN, generate
from seedless.lms.metered import MeteredLM
from seedless.lms.spec import EMBEDDED
from seedless.run.budget import CallBudget
from seedless.run.journal import Journal
from seedless.testing import FakeEngine, fake_lm
from tests.openai_server import Author, OpenAIServer

INPUTS = {"label": "warm", "seed": "a brass lantern", "context": "an attic"}


def named(name: str, author: Author) -> MeteredLM:
    lm = fake_lm(author)
    lm.model = name
    return lm


def longest(inputs: Any, made: dspy.Prediction) -> float:
    return len(made.text) / 1000


@pytest.mark.parametrize("resampled", [dspy.BestOfN, dspy.Refine])
def test_the_same_asked_once_more_is_another_draft(resampled: Any, task: Path) -> None:
    author = Author()
    with dspy.context(lm=fake_lm(author)):
        program = TarGEN(task, verify="none")
        best = resampled(program, N=4, reward_fn=longest, threshold=1.0, fail_count=0)(**INPUTS)
    assert best.ok
    assert author.calls >= 4


def test_what_was_made_can_be_written_as_json(task: Path, tmp_path: Path) -> None:
    program = TarGEN(task, lm=fake_lm(Author()), verify="none")
    given = [dspy.Example(**INPUTS).with_inputs(*INPUTS)]
    dspy.Evaluate(devset=given, metric=longest, num_threads=1, save_as_json=str(tmp_path / "made.json"))(program)
    (made,) = json.loads((tmp_path / "made.json").read_text("utf-8"))
    assert made["outcome"]["text"] == made["text"]
    assert made["outcome"]["provenance"]["seed"] == INPUTS["seed"]


def test_a_program_with_its_own_lm_is_pickled(task: Path) -> None:
    program = TarGEN(task, lm=fake_lm(Author()), verify="none")
    program(**INPUTS)
    (lm,) = program.lms()
    lm.budget = CallBudget(max_calls=0, max_cost=None, calls=0, cost=0.0)
    again = cloudpickle.loads(cloudpickle.dumps(program))
    assert again.hash == program.hash
    assert again(**INPUTS).ok


def test_a_key_of_the_environment_is_in_no_pickle(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-4711")
    pickled = cloudpickle.dumps(TarGEN(task, lm="openai/some-model"))
    assert b"planted" not in pickled
    assert "api_key" not in cloudpickle.loads(pickled).lms()[0].kwargs


@pytest.mark.slow
def test_a_program_on_the_embedded_lm_is_pickled_loaded_or_not() -> None:
    program = TarGEN("movie_reviews")
    for _ in range(2):
        program = cloudpickle.loads(cloudpickle.dumps(program))
        assert program(label="positive", context="a thriller", seed="the acting").outcome.provenance.attempts >= 1


def test_an_lm_that_caches_its_answers_is_asked_anew(task: Path, openai_server: OpenAIServer) -> None:
    fresh = f"openai/{uuid.uuid4().hex}"  # the cache is on disk, and outlives a test
    lm = dspy.LM(fresh, api_base=openai_server.url, api_key="none", cache=True)
    with dspy.context(lm=lm):
        dspy.BestOfN(TarGEN(task, verify="none"), N=3, reward_fn=longest, threshold=1.0)(**INPUTS)
    assert openai_server.requests == 3


def test_a_program_s_own_lm_writes_whatever_dspy_is_configured_with(task: Path) -> None:
    own, other = Author(), Author()
    program = TarGEN(task, lm=named("own", own), verify="none")
    with dspy.context(lm=named("other", other)):
        best = dspy.BestOfN(program, N=2, reward_fn=longest, threshold=1.0)(**INPUTS)
    assert (own.calls, other.calls) == (2, 0)
    assert best.outcome.provenance.lm == "own"
    dspy.BestOfN(program, N=1, reward_fn=longest, threshold=1.0)(**INPUTS)  # with none configured
    assert own.calls == 3


def test_an_lm_that_is_set_writes_and_the_judge_stays(task: Path) -> None:
    first, second, judge = Author(), Author(), Author()
    program = TarGEN(task, lm=named("first", first), judge_lm=named("judge", judge))
    assert program.get_lm().model == "first"
    before = program.hash
    program.set_lm(named("second", second))
    assert program.get_lm().model == "second"
    assert program.hash == before
    assert program(**INPUTS).outcome.provenance.lm == "second"
    assert (first.calls, second.calls, judge.calls) == (0, 1, 1)


def test_an_lm_on_the_predictors_is_no_part_of_what_is_saved(task: Path, tmp_path: Path) -> None:
    program = TarGEN(task, lm=fake_lm(Author()))
    program.set_lm(fake_lm(Author()))
    program.save(tmp_path / "program.json")
    assert json.loads((tmp_path / "program.json").read_text("utf-8"))["write_instance.write.generate"]["lm"] is None
    again = TarGEN(task, lm=fake_lm(Author()))
    again.load(tmp_path / "program.json")
    assert again.hash == program.hash


def test_a_copy_is_whole_and_quiet(task: Path, caplog: pytest.LogCaptureFixture) -> None:
    program = TarGEN(task, lm=fake_lm(Author()), verify="blind")
    assert program(**INPUTS).ok  # its LM has a loop by now
    with caplog.at_level(logging.WARNING):
        copied = program.deepcopy()
    assert not caplog.records
    assert copied.write_instance.verifier is not program.write_instance.verifier
    assert copied.write_instance.verifier._leaning is not program.write_instance.verifier._leaning
    assert copied(**INPUTS).ok
    assert copied.hash == program.hash
    assert copied.get_lm().steps is program.get_lm().steps, "what is answered is answered for all copies"


def test_a_program_that_was_reset_shows_a_small_model_what_it_needs(task: Path) -> None:
    lm = fake_lm(lambda _: "The lantern hangs by the door.")
    program = TarGEN(task, lm=lm, verify="none", profile=replace(EMBEDDED, verifier="lm"))
    program(label="warm")
    asked = list(lm.fake.prompts)
    assert asked
    lm.fake.prompts.clear()
    reset = program.reset_copy()
    reset.get_lm().steps = type(lm.steps)()
    reset(label="warm")
    assert lm.fake.prompts == asked
    (first, *_) = asked
    writer = reset.write_instance.write.generate
    writer.demos = [program.write_instance.write.generate.demos[0]]
    reset.get_lm().steps = type(lm.steps)()
    lm.fake.prompts.clear()
    reset(label="warm")
    assert lm.fake.prompts[0] != first, "an optimiser's demonstrations take their place"


def test_several_answers_are_asked_for_one_by_one() -> None:
    lm = fake_lm(lambda prompt: f"{prompt}, {len(lm.fake.prompts)}", steps=Journal(Path(":memory:")))
    assert sorted(lm("hello", n=3)) == ["hello, 1", "hello, 2", "hello, 3"]
    assert sorted(lm("hello", n=3)) == ["hello, 1", "hello, 2", "hello, 3"]
    assert len(lm.fake.prompts) == 3, "each is kept under a key of its own"


def met(example: Any, made: Any, trace: Any = None, name: Any = None, steps: Any = None) -> Any:
    """The metric, for each of DSPy's optimisers; some of them hand on the step that they look at."""
    return dspy.Prediction(score=float(made.ok), feedback="Go on.") if name is not None else float(made.ok)


QUICK = {"num_threads": 1}
OPTIMISERS: dict[str, Any] = {
    "BootstrapFewShot": lambda _: dspy.BootstrapFewShot(metric=met, max_rounds=2),
    "BootstrapFewShotWithRandomSearch": lambda _: dspy.BootstrapFewShotWithRandomSearch(
        metric=met, num_candidate_programs=1, num_threads=1
    ),
    "LabeledFewShot": lambda _: dspy.LabeledFewShot(k=1),
    "COPRO": lambda _: dspy.COPRO(metric=met, breadth=2, depth=1),
    "MIPROv2": lambda _: dspy.MIPROv2(metric=met, auto=None, num_candidates=2, num_threads=1),
    "GEPA": lambda lm: dspy.GEPA(metric=met, max_metric_calls=12, reflection_lm=lm, num_threads=1),
    "SIMBA": lambda _: dspy.SIMBA(
        metric=lambda _example, made: float(made.ok), bsize=2, num_candidates=2, max_steps=1, num_threads=1
    ),
}
SETTINGS: dict[str, Any] = {
    "COPRO": {"eval_kwargs": QUICK},
    "MIPROv2": {"num_trials": 2, "minibatch": False},
}


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_an_optimiser_of_dspy_s_ends_with_a_program_that_writes_and_can_be_taken_up_again(
    optimiser: str, task: Path, tmp_path: Path
) -> None:
    """COPRO's was saved and then refused: it gives the last field another prefix."""
    if optimiser == "MIPROv2":
        pytest.importorskip("optuna")
    examples = [dspy.Example(**{**INPUTS, "label": label}, text="x").with_inputs(*INPUTS) for label in ("warm", "cold")]
    author = Author()

    def answer(prompt: str) -> str:
        if "proposed_instruction" in prompt:
            return json.dumps(
                {"proposed_instruction": f"Write plainly ({len(prompt)}).", "proposed_prefix_for_output_field": "So it reads:"}
            )
        return author(prompt)

    with dspy.context(lm=(lm := fake_lm(answer)), adapter=dspy.JSONAdapter()):
        program = TarGEN(task, verify="none")
        tuned = OPTIMISERS[optimiser](lm).compile(program, trainset=examples, **SETTINGS.get(optimiser, {}))
        assert tuned(**INPUTS).ok
        tuned.save(tmp_path / "tuned.json")
        again = TarGEN(task, verify="none")
        again.load(tmp_path / "tuned.json")
        assert again.hash == tuned.hash
        assert again(**INPUTS).ok


@pytest.mark.parametrize("hosted", [True, False])
@pytest.mark.parametrize("awaited", [True, False])
def test_streamify_yields_the_finished_instance(hosted: bool, awaited: bool, task: Path, openai_server: OpenAIServer) -> None:
    """It hung, since DSPy's stream belongs to the caller's loop, and an LM in this process has nothing to stream."""
    lm: Any = dspy.LM("openai/any", api_base=openai_server.url, api_key="none", cache=False) if hosted else fake_lm(Author())
    streamed = dspy.streamify(TarGEN(task, lm=lm, verify="none"), is_async_program=awaited)

    async def read() -> list[Any]:
        return [part async for part in streamed(**INPUTS)]

    *_, made = asyncio.run(asyncio.wait_for(read(), 20))
    assert isinstance(made, dspy.Prediction)
    assert made.ok


def test_the_warning_of_a_cut_answer_stays_with_other_lms(caplog: pytest.LogCaptureFixture) -> None:
    class Cut(FakeEngine):
        def complete(self, request: Any) -> Any:
            return replace(super().complete(request), finish_reason="length")

    logger = logging.getLogger("dspy.clients.lm")
    logger.addHandler(caplog.handler)
    try:
        dspy.LM("test/cut", engine=Cut(str), cache=False)("hello")
        assert "truncated" in caplog.text
    finally:
        logger.removeHandler(caplog.handler)


def test_generate_writes_with_the_lm_that_dspy_is_configured_with(task: Path) -> None:
    author = Author()
    with dspy.context(lm=fake_lm(author)):
        assert len(generate(task, n=2)) == 2
    assert author.calls


def test_an_event_loop_that_has_ended_is_let_go(task: Path) -> None:
    lm = fake_lm(Author())
    program = TarGEN(task, lm=lm, verify="none")
    for _ in range(3):
        assert asyncio.run(program.acall(**INPUTS)).ok
    gc.collect()
    assert len(lm._gates) <= 1
