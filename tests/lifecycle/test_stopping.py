"""Whoever stops early stops the server: within ten events and half a second, however it is done."""

import asyncio
import contextlib
import time

import pytest

from glm_openrouter import APIError, StreamInterruptedError
from glm_openrouter.testing import Event, Hold, Send, Status, Wait, json_reply
from support.replies import ANSWER, LONG, OPEN, STALLED, TEXT
from support.wire import chunk


def assert_stopped(server):
    (log,) = server.connections
    assert log.wait_closed(0.5)
    assert log.client_left_at is not None
    assert log.events <= 10


async def assert_stopped_meanwhile(server):
    """Let the loop of the client run while the server looks."""
    await asyncio.to_thread(assert_stopped, server)


def leave_by_break(chunks):
    for _ in chunks:
        break


def leave_by_close(chunks):
    next(chunks)
    chunks.close()


def leave_by_exception(chunks):
    with contextlib.suppress(ZeroDivisionError):
        for _ in chunks:
            raise ZeroDivisionError


def leave_by_dropping(chunks):
    next(chunks)


LEAVING = [leave_by_break, leave_by_close, leave_by_exception, leave_by_dropping]


@pytest.mark.parametrize("leave", LEAVING)
def test_leaving_a_stream_stops_the_server(model_class, scripted_openrouter, leave):
    server = scripted_openrouter(LONG)
    model = model_class.make(server.base_url)

    leave(model_class.stream(model))
    assert_stopped(server)


async def aleave_by_break(chunks):
    async for _ in chunks:
        break


async def aleave_by_close(chunks):
    await anext(chunks)
    await chunks.aclose()


async def aleave_by_exception(chunks):
    with contextlib.suppress(ZeroDivisionError):
        async for _ in chunks:
            raise ZeroDivisionError


async def aleave_by_dropping(chunks):
    await anext(chunks)


ALEAVING = [aleave_by_break, aleave_by_close, aleave_by_exception, aleave_by_dropping]


@pytest.mark.parametrize("leave", ALEAVING)
async def test_leaving_an_asynchronous_stream_stops_the_server(
    model_class, scripted_openrouter, leave
):
    server = scripted_openrouter(LONG)
    model = model_class.make(server.base_url)

    await leave(await model_class.astream(model))
    await assert_stopped_meanwhile(server)


async def until_asked(server):
    """Wait until the server has a request, and has answered what it is going to answer at once."""
    while not server.requests:  # noqa: ASYNC110 -- it is on another thread
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.03)


PLACES = {
    "before the response": (Hold(),),
    "before the first event": (OPEN, Hold()),
    "between events": STALLED,
    "in a long answer": LONG,
    "in an error": (Status(503, {"content-type": "application/json"}), Send(b'{"er'), Hold()),
}


@pytest.mark.parametrize("reply", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
async def test_cancelling_a_task_stops_the_server(
    model_class, scripted_openrouter, reply, streamed
):
    server = scripted_openrouter(reply)
    model = model_class.make(server.base_url)
    task = asyncio.create_task(model_class.adrain(model) if streamed else model_class.acall(model))
    await until_asked(server)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await assert_stopped_meanwhile(server)
    assert len(server.requests) == 1


async def wait_for(coroutine):
    await asyncio.wait_for(coroutine, 0.06)


async def within_timeout(coroutine):
    async with asyncio.timeout(0.06):
        await coroutine


@pytest.mark.parametrize("limit", [wait_for, within_timeout])
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
async def test_a_timeout_of_the_caller_stops_the_server(
    model_class, scripted_openrouter, limit, streamed
):
    server = scripted_openrouter(LONG)
    model = model_class.make(server.base_url)

    with pytest.raises(TimeoutError):
        await limit(model_class.adrain(model) if streamed else model_class.acall(model))
    await assert_stopped_meanwhile(server)


async def test_cancelling_while_it_waits_for_the_next_try_ends_the_call(
    model_class, scripted_openrouter
):
    server = scripted_openrouter(json_reply({"error": {"code": 503, "message": "Busy"}}, 503))
    model = model_class.make(server.base_url)
    task = asyncio.create_task(model_class.acall(model))
    await until_asked(server)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(server.requests) == 1


async def test_cancelling_while_it_connects_ends_the_call(model_class, deaf_port):
    model = model_class.make(deaf_port)
    task = asyncio.create_task(model_class.acall(model))
    await asyncio.sleep(0.02)
    begun = time.monotonic()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - begun < 0.5


def test_the_instance_works_after_a_stream_was_left(model_class, scripted_openrouter):
    server = scripted_openrouter(LONG, LONG, ANSWER)
    model = model_class.make(server.base_url, max_retries=0)

    async def leave_and_ask():
        leave_by_break(model_class.stream(model))
        await aleave_by_break(await model_class.astream(model))
        return await model_class.acall(model)

    assert asyncio.run(leave_and_ask()) == TEXT
    assert model_class.call(model) == TEXT


@pytest.mark.usefixtures("_alone")
def test_closing_a_synchronous_model_ends_its_stream_in_a_typed_error(
    model_class, scripted_openrouter
):
    server = scripted_openrouter((OPEN, *map(Event, [chunk({"content": "a"})]), Wait(0.2)))
    model = model_class.make(server.base_url, max_retries=0)
    chunks = model_class.stream(model)
    next(chunks)
    model.close()

    with pytest.raises(StreamInterruptedError):
        list(chunks)
    assert_stopped(server)


async def test_closing_an_asynchronous_model_ends_its_stream_in_a_typed_error(
    model_class, scripted_openrouter
):
    server = scripted_openrouter(STALLED)
    model = model_class.make(server.base_url, max_retries=0)
    chunks = await model_class.astream(model)
    await anext(chunks)
    await model.aclose()

    with pytest.raises(APIError) as caught:
        await anext(chunks)
    assert caught.value.partial_text == "word "
    await assert_stopped_meanwhile(server)
