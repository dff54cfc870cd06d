"""Requests wait for their turn, each try of them, and whatever ends one lets the next go."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from glm_openrouter import (
    APIConnectionError,
    AsyncClient,
    Client,
    InternalServerError,
    Pace,
    RateLimitError,
)
from glm_openrouter.testing import Close, json_reply, stream_reply
from langchain_glm import ChatGLM
from llamaindex_glm import GLM
from support.replies import ANSWER, LONG, STALLED, TEXT
from support.samples import KEY, REQUEST
from support.vectors import answer_all, rank_by
from support.wire import FACTS, error, says


def refused(status=429, wait=None):
    return json_reply(error(status, "Busy"), status, {} if wait is None else {"retry-after": wait})


@pytest.fixture
def pace():
    with Pace() as pace:
        yield pace
    assert pace.in_flight == 0
    assert pace.waiting == 0


@pytest.fixture
def narrow(pace):
    """A pace with one place."""
    pace._flow.limit = 1.0
    return pace


@pytest.fixture
def single(narrow):
    """A pace with one place, which stays one."""
    narrow._flow.succeed = narrow._flow.give_back
    return narrow


@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_refusal_uses_up_no_try(run, pace, scripted_openrouter, status):
    server = scripted_openrouter(*[refused(status)] * 4, ANSWER)

    assert run.complete(server.base_url, max_retries=0).text == TEXT
    assert pace.limit < 10


def test_without_a_pace_a_refusal_is_a_try(run, scripted_openrouter):
    server = scripted_openrouter(refused(), ANSWER)

    with pytest.raises(RateLimitError):
        run.complete(server.base_url, max_retries=0)


@pytest.mark.parametrize(
    "reply", [json_reply(error(502, "Gone"), 502), (Close(),)], ids=["502", "cut"]
)
def test_other_errors_are_tries_and_change_nothing(run, pace, scripted_openrouter, reply):
    server = scripted_openrouter(reply)

    with pytest.raises((InternalServerError, APIConnectionError)):
        run.complete(server.base_url, max_retries=1)
    assert len(server.requests) == 2
    assert pace.limit == 10


def test_what_was_begun_and_paid_is_no_refusal(run, pace, scripted_openrouter):
    server = scripted_openrouter(
        stream_reply([says("Pier "), {**FACTS, "choices": [], **error(429, "Busy")}])
    )

    with pytest.raises(RateLimitError):
        run.complete(server.base_url, max_retries=0)
    assert len(server.requests) == 1
    assert pace.limit == 10


def test_refusals_end_a_call_after_five_minutes(run, pace, scripted_openrouter):
    server = scripted_openrouter(refused(wait="100"))

    with pytest.raises(RateLimitError):
        run.complete(server.base_url)
    assert len(server.requests) == 3  # a third wait would make it five minutes


def test_nobody_sends_before_the_time_that_one_was_told(run, pace, scripted_openrouter):
    server = scripted_openrouter(refused(wait="400"), ANSWER)

    with pytest.raises(RateLimitError):
        run.complete(server.base_url)
    assert run.slept == []
    run.complete(server.base_url)
    assert sum(run.slept) == pytest.approx(300, abs=1)  # the longest that a pace waits


def test_a_turn_that_is_long_in_coming_is_no_silence(run, pace, scripted_openrouter):
    server = scripted_openrouter(refused(wait="400"), ANSWER)

    with pytest.raises(RateLimitError):
        run.complete(server.base_url)
    assert run.complete(server.base_url, timeout=10, first_token_timeout=10).text == TEXT


async def test_vectors_and_orders_wait_for_their_turn(pace, waits, scripted_openrouter):
    seen = []

    def noting(reply):
        def play(request):
            seen.append(pace.in_flight)
            return reply

        return play

    server = scripted_openrouter(
        *(refused(), noting(answer_all()), refused(), noting(rank_by(len))) * 2
    )
    options = {"api_key": KEY, "base_url": server.base_url, "max_retries": 0}
    with Client(**options) as client:
        client.embed(["Pier"])
        client.rerank("When?", ["Six."])
    async with AsyncClient(**options) as client:
        await client.embed(["Pier"])
        await client.rerank("When?", ["Six."])
    assert seen == [1, 1, 1, 1]
    assert pace.limit < 10


def test_the_catalogue_is_not_paced(run, narrow, scripted_openrouter):
    server = scripted_openrouter(LONG, json_reply({"data": []}))

    with Client(api_key=KEY, base_url=server.base_url) as client, client.stream(REQUEST):
        assert narrow.in_flight == 1
        assert client.models() == []


def test_a_stream_has_its_place_until_it_is_over(run, narrow, scripted_openrouter):
    server = scripted_openrouter(ANSWER)

    async def body(client):
        async with client.stream(REQUEST) as stream:
            assert narrow.in_flight == 1
            async for _ in stream:
                pass
            assert narrow.in_flight == 0

    run.scenario(server.base_url, body)
    assert narrow._flow.limit > 1  # it was answered


def test_a_stream_that_is_left_gives_its_place_back(run, narrow, scripted_openrouter):
    server = scripted_openrouter(STALLED)

    async def body(client):
        async with client.stream(REQUEST) as stream:
            async for _ in stream:
                break
        assert narrow.in_flight == 0

    run.scenario(server.base_url, body)
    assert narrow._flow.limit == 1  # and says nothing of the provider


async def test_who_stops_waiting_leaves_the_queue(narrow, scripted_openrouter):
    server = scripted_openrouter(STALLED, ANSWER)
    async with AsyncClient(api_key=KEY, base_url=server.base_url) as client:
        async with client.stream(REQUEST):
            tasks = [asyncio.create_task(client.complete(REQUEST)) for _ in range(3)]
            await asyncio.sleep(0)
            assert narrow.waiting == 3
            tasks[0].cancel()
            await asyncio.wait(tasks[:1])
            assert narrow.waiting == 2
        assert [task.text for task in await asyncio.gather(*tasks[1:])] == [TEXT, TEXT]
    assert len(server.requests) == 3


async def test_who_is_cancelled_when_its_turn_comes_passes_it_on(narrow, scripted_openrouter):
    server = scripted_openrouter(STALLED, ANSWER)
    async with AsyncClient(api_key=KEY, base_url=server.base_url) as client:
        async with client.stream(REQUEST):
            first, second = (asyncio.create_task(client.complete(REQUEST)) for _ in range(2))
            await asyncio.sleep(0)
            assert narrow.waiting == 2
        first.cancel()  # it has been called, and has not run since
        assert (await second).text == TEXT
    assert first.cancelled()


def test_threads_and_event_loops_wait_for_each_other(narrow, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    most = []

    def ask(number):
        with narrow:
            most.append(narrow.in_flight)
            if number % 2:
                return asyncio.run(asked(number))
            with Client(api_key=KEY, base_url=server.base_url) as client:
                return client.complete(REQUEST).text

    async def asked(number):
        async with AsyncClient(api_key=KEY, base_url=server.base_url) as client:
            return (await client.complete(REQUEST)).text

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, range(12))) == [TEXT] * 12
    assert max(most) <= narrow.limit


async def test_turns_come_in_the_order_of_the_queue(single, scripted_openrouter):
    server = scripted_openrouter(STALLED, ANSWER)
    ended = []

    async def ask(client, number):
        await client.complete(REQUEST)
        ended.append(number)

    async with (
        AsyncClient(api_key=KEY, base_url=server.base_url) as client,
        asyncio.TaskGroup() as group,
        client.stream(REQUEST),
    ):
        for number in range(5):
            group.create_task(ask(client, number))
            await asyncio.sleep(0)
        assert single.waiting == 5
    assert ended == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("model", [ChatGLM, GLM], ids=["LangChain", "LlamaIndex"])
def test_both_frameworks_keep_to_it(single, scripted_openrouter, model):
    seen = []

    def play(request):
        seen.append(single.in_flight)
        return ANSWER

    server = scripted_openrouter(play)
    if model is ChatGLM:
        ChatGLM(api_key=KEY, base_url=server.base_url).batch(["Where?"] * 4)
    else:
        llm = GLM(api_key=KEY, api_base=server.base_url)

        async def ask():
            await asyncio.gather(*(llm.acomplete("Where?") for _ in range(4)))

        asyncio.run(ask())
    assert seen == [1, 1, 1, 1]


def test_the_innermost_pace_counts(scripted_openrouter):
    server = scripted_openrouter(LONG)
    outer, inner = Pace(), Pace()

    with (
        outer,
        inner,
        inner,
        Client(api_key=KEY, base_url=server.base_url) as client,
        client.stream(REQUEST),
    ):
        assert (outer.in_flight, inner.in_flight) == (0, 1)
    with outer, Client(api_key=KEY, base_url=server.base_url) as client, client.stream(REQUEST):
        assert (outer.in_flight, inner.in_flight) == (1, 0)


def test_a_block_may_end_in_another_context():
    block = Pace()
    thread = threading.Thread(target=block.__exit__, args=(None, None, None))
    block.__enter__()
    thread.start()
    thread.join()
    block.__exit__(None, None, None)
