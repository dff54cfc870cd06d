"""One instance serves any number of event loops and threads, with as many requests as there are calls."""

import asyncio
import gc
import os
import threading

import httpx
import pytest
import trio

from glm_openrouter import InvalidRequestError
from support.models import ModelClass
from support.replies import ANSWER, STALLED, TEXT

retries = pytest.mark.parametrize("retries", [0, 2])


@retries
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_one_instance_serves_one_loop_after_another(
    model_class, scripted_openrouter, retries, streamed
):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, max_retries=retries)

    for _ in range(5):
        asyncio.run(model_class.adrain(model) if streamed else model_class.acall(model))
    assert len(server.requests) == 5


def in_threads(count, target):
    """Run `target` in threads, and fail if one of them fails."""
    failures = []

    def guarded():
        try:
            target()
        except BaseException as failure:  # noqa: BLE001 - it is handed to the main thread
            failures.append(failure)

    threads = [threading.Thread(target=guarded) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failures == []


@retries
def test_one_instance_serves_threads_with_loops_of_their_own(
    model_class, scripted_openrouter, retries
):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, max_retries=retries)

    async def ask():
        for _ in range(2):
            await model_class.ask_all_ways(model)

    in_threads(8, lambda: asyncio.run(ask()))
    assert len(server.requests) == 8 * 2 * 4


def test_a_loop_in_a_thread_does_not_disturb_the_one_outside(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, max_retries=0)

    async def ask():
        await model_class.acall(model)
        await asyncio.to_thread(lambda: asyncio.run(model_class.acall(model)))
        return await model_class.acall(model)

    assert asyncio.run(ask()) == TEXT
    assert (len(server.requests), len(server.connections)) == (3, 2)


def test_a_stream_of_one_loop_outlasts_another_loop(model_class, scripted_openrouter):
    server = scripted_openrouter(STALLED, ANSWER)
    model = model_class.make(server.base_url, max_retries=0)

    async def ask():
        chunks = await model_class.astream(model)
        await anext(chunks)
        await asyncio.to_thread(lambda: asyncio.run(model_class.acall(model)))
        assert not server.connections[0].wait_closed(0)
        await chunks.aclose()

    asyncio.run(ask())


class OwnLoop(asyncio.SelectorEventLoop):
    """A loop of a class that nobody else knows."""


def test_any_class_of_loop_will_do(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, max_retries=0)

    for _ in range(2):
        with asyncio.Runner(loop_factory=OwnLoop) as runner:
            assert [runner.run(model_class.acall(model)) for _ in range(2)] == [TEXT, TEXT]
    assert (len(server.requests), len(server.connections)) == (4, 2)


def call_on_a_loop_closed_by_hand(model_class, model):
    """Make a call on a loop whose generators are not shut down, as LlamaIndex's `asyncio_run` does."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(model_class.acall(model))
    finally:
        loop.close()


# Python itself complains about what such a loop leaves behind: a transport, which only its loop could close.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_loops_that_are_closed_by_hand_leave_no_socket_behind(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, max_retries=0)
    gc.disable()
    try:
        call_on_a_loop_closed_by_hand(model_class, model)
        files = len(os.listdir("/dev/fd"))
        for _ in range(10):
            assert call_on_a_loop_closed_by_hand(model_class, model) == TEXT
        assert all(log.wait_closed(0.5) for log in server.connections[:-1])
        assert len(os.listdir("/dev/fd")) <= files
    finally:
        gc.enable()
    assert asyncio.run(model_class.acall(model)) == TEXT
    assert len(server.requests) == 12
    gc.collect()  # so that the complaints are this test's, not the next one's


def test_many_calls_at_once_are_so_many_requests(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, max_retries=0)

    async def ask():
        return await asyncio.gather(*(model_class.acall(model) for _ in range(50)))

    assert asyncio.run(ask()) == [TEXT] * 50
    assert len(server.requests) == 50


@pytest.mark.parametrize("name", ["core", "llamaindex"])  # LangChain itself calls asyncio first
@pytest.mark.parametrize("owned", [False, True], ids=["shared client", "own client"])
def test_trio_gets_one_clear_error(scripted_openrouter, name, owned):
    server = scripted_openrouter(ANSWER)
    model_class = ModelClass(name)

    async def ask():
        async with httpx.AsyncClient() as mine:
            model = model_class.make(server.base_url, http_async_client=mine if owned else None)
            for call in (model_class.acall, model_class.adrain):
                with pytest.raises(InvalidRequestError, match=r"need asyncio.*trio\.to_thread"):
                    await call(model)
            return await trio.to_thread.run_sync(model_class.call, model)

    assert trio.run(ask) == TEXT
    assert len(server.requests) == 1
