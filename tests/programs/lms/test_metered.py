"""One LM on a server that fails: what is asked again, what ends a run, and what is said of it."""

import pytest

from seedless.errors import LMUnusable
from seedless.lms.metered import MeteredLM, StepFailed
from seedless.lms.spec import opened
from seedless.lms.step import stage
from tests.openai_server import Fault, OpenAIServer

ASKED = "[[ ## count ## ]]\n2\n\nRespond with a JSON object in the following order of fields: `contexts`."


def lm_of(server: OpenAIServer, *, tries: int = 1) -> MeteredLM:
    lm = opened("openai/some-model", api_base=server.url, concurrency=1)
    lm.tries = tries
    return lm


def test_answers_of_one_stage_do_not_forgive_failures_of_another(openai_server: OpenAIServer) -> None:
    lm = lm_of(openai_server)
    openai_server.script({number: Fault(status=400, message="no verdicts here") for number in range(2, 40, 2)})
    for _ in range(7):
        with stage("write"):
            lm(ASKED)
        with stage("verify"), pytest.raises(StepFailed, match="no verdicts here"):
            lm(ASKED)
    with stage("write"):
        lm(ASKED)
    with stage("verify"), pytest.raises(LMUnusable, match="no verdicts here"):
        lm(ASKED)
