"""At DEBUG there is one line for each call, with numbers and names, and nothing of what was said."""

import logging

import pytest

from glm_openrouter import ChatRequest, InternalServerError
from glm_openrouter.testing import Hold, json_reply, stream_reply
from support.samples import KEY, REQUEST
from support.wire import FACTS, USAGE, error, finishes, says, uses

ANSWER = stream_reply([says("A red crane."), finishes(), uses("B")])
BUSY = json_reply(error(503, "Overloaded"), 503)

both = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.DEBUG, "glm_openrouter")
    return lambda: [
        r.getMessage()
        for r in caplog.records
        if r.levelno == logging.DEBUG and r.name == "glm_openrouter"
    ]


@both
def test_a_call_is_one_line_with_what_is_known_of_it(run, scripted_openrouter, lines, streamed):
    server = scripted_openrouter(BUSY, ANSWER)
    run.either(streamed, server.base_url)
    (line,) = lines()

    assert line.startswith(f"chat z-ai/glm-4.6:exacto: {FACTS['id']}, from {FACTS['provider']}, ")
    assert f"{USAGE['prompt_tokens']} + {USAGE['completion_tokens']} tokens" in line
    assert f"{USAGE['cost']:.6f} USD" in line
    assert line.endswith(" s, 2 tries, complete")


def test_no_line_holds_what_was_said_or_a_secret(run, scripted_openrouter, lines):
    server = scripted_openrouter(ANSWER, json_reply(error(500, f"{KEY} red"), 500))
    request = ChatRequest(
        messages=[{"role": "user", "content": "What is red?"}],
        extra_headers={"X-Token": "a-red-secret"},
    )
    run.complete(server.base_url, request)
    with pytest.raises(InternalServerError):
        run.complete(server.base_url, request, max_retries=0)

    assert len(lines()) == 2
    assert not [line for line in lines() if KEY in line or "red" in line]
    assert lines()[1].endswith("1 try, failed: InternalServerError")


def test_a_stream_that_is_left_says_so(run, scripted_openrouter, lines):
    server = scripted_openrouter(stream_reply([says("Half "), Hold()]))

    async def leave(client):
        async with client.stream(REQUEST) as stream:
            async for _ in stream:
                break

    run.scenario(server.base_url, leave)
    (line,) = lines()

    assert line.endswith("1 try, left")


def test_a_cached_answer_says_so(run, scripted_openrouter, lines):
    headers = {"X-OpenRouter-Cache-Status": "HIT"}
    run.complete(
        scripted_openrouter(stream_reply([says("Hi."), finishes()], headers=headers)).base_url
    )

    assert lines()[0].endswith("from the response cache")


def test_vectors_are_a_line_as_well(run, offline_openrouter, lines):
    async def embed(client):
        embedding = client.inner.embed(["red"])
        if run.mode == "async":
            await embedding

    run.scenario(offline_openrouter.base_url, embed)
    (line,) = lines()

    assert line.startswith("embeddings ")
    assert "red" not in line
