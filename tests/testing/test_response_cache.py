"""The offline server's response cache does what OpenRouter's documentation says of its own."""

import pytest

from glm_openrouter import ChatRequest, InternalServerError, track_spend
from glm_openrouter.testing import ErrorAnswer, OfflineServer
from glm_openrouter.testing._openrouter.response_cache import ResponseCache

QUESTION = [{"role": "user", "content": "What is the weather in Oslo?"}]
ASKING = {"x-openrouter-cache": "true", "x-openrouter-cache-ttl": "60"}


def ask(streamed=False, **given):
    request = ChatRequest(messages=QUESTION, reasoning=False, **given)

    async def complete(client):
        if not streamed:
            return await client.complete(request)
        async with client.stream(request) as stream:
            async for _ in stream:
                pass
            return stream.completion

    return complete


@pytest.fixture
def server():
    with OfflineServer() as server:
        yield server


def test_an_equal_request_has_the_same_answer_for_nothing(run, server):
    with track_spend() as spend:
        first = run.scenario(server.base_url, ask(response_cache=True))
        second = run.scenario(server.base_url, ask(streamed=True, response_cache=True))

    assert (first.cached, second.cached) == (False, True)
    assert second.text == first.text != ""
    assert second.id != first.id
    assert (second.usage.cost, second.usage.total_tokens) == (0, 0)
    assert spend.total.cost == first.usage.cost > 0


@pytest.mark.parametrize(
    "other",
    [
        {"response_cache": True, "temperature": 0.5},
        {"response_cache": True, "session_id": "trip-1"},
        {"response_cache": False},
        {},
        {"response_cache": True, "extra_headers": {"X-OpenRouter-Cache-Clear": "true"}},
    ],
)
def test_another_request_has_an_answer_of_its_own(run, server, other):
    run.scenario(server.base_url, ask(response_cache=True))
    answer = run.scenario(server.base_url, ask(**other))

    assert not answer.cached
    assert answer.usage.cost > 0


def test_an_answer_in_one_piece_is_not_that_of_a_stream(run, server):
    run.scenario(server.base_url, ask(response_cache=True))
    answer = run.scenario(server.base_url, ask(response_cache=True), wire_stream=False)

    assert answer.cached is False


def test_a_failure_is_not_kept(run):
    answers = iter([ErrorAnswer(500, "Gone", partial_text="Half"), "It rains."])
    with OfflineServer(answer=lambda _: next(answers)) as server:
        with pytest.raises(InternalServerError):
            run.scenario(server.base_url, ask(response_cache=True), max_retries=0)
        answer = run.scenario(server.base_url, ask(response_cache=True))

    assert (answer.text, answer.cached) == ("It rains.", False)


def test_an_answer_is_kept_for_the_time_that_was_asked_for():
    now = [0.0]
    cache = ResponseCache(now=lambda: now[0])
    body = {"messages": QUESTION}
    place = cache.find(ASKING, body)
    cache.keep(place, FakeGeneration())
    now[0] = 59.0
    kept = cache.find(ASKING, body)
    now[0] = 60.0

    assert kept.headers(now=59.0)["X-OpenRouter-Cache-Age"] == "59"
    assert cache.find(ASKING, body).generation is None


class FakeGeneration:
    """As much of a generation as the cache looks at."""

    id = "gen-1"
    error = None
