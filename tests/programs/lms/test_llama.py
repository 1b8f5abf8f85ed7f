"""llama.cpp in this process: how many copies of a model are loaded, and who gets a request."""

import asyncio
import gc
import json
import multiprocessing
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dspy
import pytest

from seedless.errors import SetupError
from seedless.lms.llama import AsyncLlamaEngine, LlamaEngine, LlamaServer, copies_fit
from seedless.lms.weights import embedded_lm

ASKED = {"messages": [{"role": "user", "content": "Name a colour."}], "max_tokens": 6, "temperature": 0.0}


def sparse(path: Path, size: int) -> Path:
    """A file of `size` bytes that takes no room."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_copies_of_a_small_file_fit_and_of_a_large_one_do_not(tmp_path: Path) -> None:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    small, large = sparse(tmp_path / "small.gguf", memory // 100), sparse(tmp_path / "large.gguf", memory // 9)
    assert copies_fit(small, 2)
    assert copies_fit(large, 1)
    assert not copies_fit(large, 2)
    assert not copies_fit(small, 20)


@pytest.mark.slow
@pytest.mark.parametrize(("slots", "threads", "copies"), [(1, 2, 1), (4, 1, 1), (3, 2, 2)])
def test_a_small_model_has_a_copy_for_each_thread_but_none_without_a_slot(slots: int, threads: int, copies: int) -> None:
    server = LlamaServer(embedded_lm(), slots=slots, threads=threads)
    assert server.answer(ASKED)["choices"][0]["message"]["content"]
    assert len(server._copies) == copies


@pytest.mark.slow
def test_two_prompts_that_take_turns_in_a_slot_are_read_once_each() -> None:
    """Writing and verifying do: each would read its whole instruction again."""
    server = LlamaServer(embedded_lm(), slots=1, threads=1)
    prompts = ["Count the birds in the old tree by the river. " * 12, "Name all colours of the rainbow, in their order. " * 12]
    read = [server.answer({**ASKED, "messages": [{"role": "user", "content": p}]})["timings"]["prompt_n"] for p in prompts * 2]
    assert min(read[:2]) > 100
    assert max(read[2:]) < 20


@pytest.mark.slow
def test_requests_in_flight_are_spread_and_answers_are_the_same() -> None:
    server = LlamaServer(embedded_lm(), slots=4, threads=2)
    alone = server.answer(ASKED)["choices"][0]["message"]["content"]
    busy: list[tuple[int, ...]] = []
    load = server._copies

    class Noting:
        """A copy that notes how busy all are while it answers."""

        def __init__(self, copy: Any) -> None:
            self.copy = copy

        def handle_chat_completions(self, body: object) -> object:
            busy.append(tuple(server._busy))
            return self.copy.handle_chat_completions(body)

    server._copies = [Noting(copy) for copy in load]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(server.answer, [ASKED] * 12))
    assert {answer["choices"][0]["message"]["content"] for answer in answers} == {alone}
    assert all(abs(first - second) <= 1 for first, second in busy)
    assert server._busy == [0, 0]


@pytest.mark.slow
def test_an_answer_does_without_the_words_that_it_is_to_avoid() -> None:
    server = LlamaServer(embedded_lm(), slots=1, threads=1)
    assert server.spellings("food") == (" food", " Food", "Food")
    assert server.spellings("exchange rate") == ()  # without " rate" there is no "at this rate" either
    assert server.spellings("Przybylski") == ()

    def menu(**asked: Any) -> str:
        prompt = "A review of a restaurant.\n\nThe food"
        body = dspy.lm15.Request(
            model="m",
            messages=[dspy.lm15.Message.user(prompt)],
            config=dspy.lm15.Config(max_tokens=60, temperature=0.0, extensions={"document": True, **asked}),
        )
        return LlamaEngine(server).complete(body).message.text or ""

    assert "service" in menu()
    assert not re.search(r"\bservice\b", menu(avoid=["service", "exchange rate"]), re.IGNORECASE)


@pytest.mark.slow
def test_choices_are_weighed_and_nothing_is_decoded() -> None:
    server = LlamaServer(embedded_lm(), slots=1, threads=1)

    def told(question: str, choices: list[str]) -> tuple[dict[str, float], Any]:
        body = dspy.lm15.Request(
            model="m",
            messages=[dspy.lm15.Message.user(question), dspy.lm15.Message.assistant('The word is "')],
            config=dspy.lm15.Config(max_tokens=40, temperature=1.0, extensions={"choices": choices}),
        )
        answer = LlamaEngine(server).complete(body)
        return json.loads(answer.message.text or ""), answer

    weights, answer = told("Say the word dog.", ["dog", "elephant"])
    assert list(weights) == ["dog", "elephant"]
    assert sum(weights.values()) == pytest.approx(1.0)
    assert weights["dog"] > 0.8
    assert told("Say the word elephant.", ["dog", "elephant"])[0]["elephant"] > 0.8
    assert answer.usage.output_tokens == 1
    assert answer.finish_reason == "stop"
    weights, answer = told("Say the words red house.", ["red house", "red horse", "blue"])
    assert max(weights, key=lambda choice: weights[choice]) == "red house"
    assert answer.usage.output_tokens > 1, "`red` alone does not tell them apart"


@pytest.mark.slow
@pytest.mark.parametrize("begun", ["\N{PARTY POPPER}\N{PARTY POPPER}", 'It is "dog".'])
def test_a_model_that_would_say_none_of_the_choices_still_weighs_them(begun: str) -> None:
    """After an emoji the likeliest token is half of another one, of which llama.cpp tells nothing; after a full stop it is the end."""
    server = LlamaServer(embedded_lm(), slots=1, threads=1)
    body = dspy.lm15.Request(
        model="m",
        messages=[dspy.lm15.Message.user("Repeat: \N{PARTY POPPER}" * 4), dspy.lm15.Message.assistant(begun)],
        config=dspy.lm15.Config(extensions={"choices": ["dog", "elephant"]}),
    )
    weights = json.loads(LlamaEngine(server).complete(body).message.text or "")
    assert sum(weights.values()) == pytest.approx(1.0)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forked processes on this system")
def test_a_forked_process_that_ends_as_any_other_does_ends() -> None:
    """Its interpreter frees what it has, and llama.cpp waits for its threads, of which a forked process has none."""
    code = """if True:
        import os, sys
        from seedless.lms.llama import LlamaServer
        from seedless.lms.weights import minilm
        server = LlamaServer(minilm(), threads=1, context=64, embedding=True)
        for texts in ([], ["a text"]):
            server.embed(["another text"])
            if (child := os.fork()) == 0:
                if texts:
                    server.embed(texts)
                sys.exit(3)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(64))
    with pytest.raises(SetupError, match=r"broken\.gguf: llama\.cpp cannot load it"):
        LlamaServer(broken, threads=1).answer(ASKED)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forked processes on this system")
def test_a_forked_process_loads_the_weights_anew() -> None:
    """Once, however often they are let go of: to free a copy would abort it, and each kept one takes memory."""
    server = LlamaServer(embedded_lm(), slots=1, threads=1, context=256)
    engine = AsyncLlamaEngine(LlamaEngine(server))
    asked = dspy.lm15.Request(
        model="m", messages=[dspy.lm15.Message.user("Name a colour.")], config=dspy.lm15.Config(max_tokens=6, temperature=0.0)
    )
    said = asyncio.run(engine.complete(asked)).message.text

    def answer() -> None:
        assert asyncio.run(engine.complete(asked)).message.text == said
        loaded = server._copies
        for _ in range(2):
            again = LlamaServer(embedded_lm(), slots=1, threads=1, context=256)
            assert LlamaEngine(again).complete(asked).message.text == said
            assert again._copies is loaded
            del again
            gc.collect()

    child = multiprocessing.get_context("fork").Process(target=answer)
    child.start()
    child.join(30)
    if child.is_alive():
        child.kill()
    assert child.exitcode == 0
    assert asyncio.run(engine.complete(asked)).message.text == said, "the parent goes on"
