"""What the pipeline costs the embedded LM: tokens/s under `generate` and from llama.cpp called directly, side by side.

Each round makes rows with `generate`, then sends the very same requests to another server on the same weights, with as many slots
and threads, from as many threads as it has slots. Not to the same one: it keeps prompts that it has read, and would not read them again.
The pipeline's time runs from its first request to its last answer, with everything that happens in between: assertions,
sentence embeddings, journal. The ratio is the pipeline's tokens/s by the direct one's; 1.0 means it costs nothing.
"""

import argparse
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from seedless.generation import Generation, Options
from seedless.lms.llama import LlamaEngine, LlamaServer

__all__ = ["main"]

HELLO = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}


def one_round(task: str, n: int, seed: int) -> tuple[float, float]:
    """Tokens/s under `generate`, and directly."""
    generation = Generation(task, n=n, options=Options(seed=seed))
    (lm,) = generation.program.lms()
    engine: LlamaEngine = lm.engine
    server: LlamaServer = engine.server
    bodies: list[dict[str, Any]] = []
    marks: list[float] = []
    tokens: list[int] = []
    ask = server.answer

    def noted(body: dict[str, Any]) -> dict[str, Any]:
        bodies.append(body)
        marks.append(time.perf_counter())
        answer = ask(body)
        marks.append(time.perf_counter())
        tokens.append(answer["usage"]["completion_tokens"])
        return answer

    server.answer = noted  # type: ignore[method-assign]  # a tap on the line, for this measurement only
    ask(HELLO)  # both sides begin with a loaded model
    with generation:
        for _ in generation:
            pass
    piped = sum(tokens) / (max(marks) - min(marks))
    direct = LlamaServer(server.path, slots=server.slots, threads=server.threads)
    direct.answer(HELLO)
    started = time.perf_counter()
    with ThreadPoolExecutor(direct.slots) as pool:
        direct_tokens = sum(answer["usage"]["completion_tokens"] for answer in pool.map(direct.answer, bodies))
    return piped, direct_tokens / (time.perf_counter() - started)


def main() -> None:
    """Print tokens/s of each round and the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="movie_reviews")
    parser.add_argument("-n", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rounds = [one_round(given.task, given.n, seed) for seed in range(given.rounds)]
    ratios = [piped / direct for piped, direct in rounds]
    print(
        json.dumps(
            {
                "task": given.task,
                "rows": given.n,
                "generate_tokens_per_s": [round(piped, 1) for piped, _ in rounds],
                "direct_tokens_per_s": [round(direct, 1) for _, direct in rounds],
                "ratio_median": round(statistics.median(ratios), 3),
            }
        )
    )


if __name__ == "__main__":
    main()
