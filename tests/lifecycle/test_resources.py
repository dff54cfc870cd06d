"""Sockets, threads and memory: shared by all instances, flat over many calls, and nothing is left open."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest

from glm_openrouter.testing import Close, Reset
from support.models import MAKERS
from support.replies import ANSWER, LONG, TEXT


def open_files():
    return len(os.listdir("/dev/fd"))


def test_a_thousand_instances_share_connections_and_threads(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    models = [model_class.make(server.base_url, max_retries=0) for _ in range(1000)]
    asked = models[::50]

    async def ask():
        for model in asked:
            assert await model_class.acall(model) == TEXT
        return open_files(), threading.active_count()

    model_class.call(models[0])
    gc.collect()  # what earlier tests have left
    files, threads = open_files(), threading.active_count()
    for model in asked:
        assert model_class.call(model) == TEXT
    files_async, threads_async = asyncio.run(ask())

    assert len(server.connections) == 2
    assert server.connections[1].wait_closed()
    assert open_files() <= files
    # The loop itself has a selector and a pair of sockets; with the connection, and the server's end of it.
    assert files_async - files <= 5
    assert threading.active_count() <= threads_async <= threads


NOT_OURS = [
    tracemalloc.Filter(inclusive=False, filename_pattern=f"*/{module}")
    for module in ("testing/*", "tests/*", "asyncio/*", "tracemalloc.py")
]
"""The server and the loop, which live in this process, too."""


def memory_in_use():
    gc.collect()
    traces = tracemalloc.take_snapshot().filter_traces(NOT_OURS)
    return sum(statistic.size for statistic in traces.statistics("filename"))


def test_many_calls_leave_memory_and_files_flat(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, max_retries=0)

    async def ask(times):
        for _ in range(times):
            await model_class.ask_all_ways(model)
            server.requests.clear()
            for log in server.connections:
                log.requests.clear()

    async def compare():
        await ask(10)
        files = open_files()
        tracemalloc.start()
        try:
            await ask(5)
            memory = [memory_in_use()]
            for _ in range(3):
                await ask(10)
                memory.append(memory_in_use())
            return [after - before for before, after in pairwise(memory)], open_files() - files
        finally:
            tracemalloc.stop()

    growth, files = asyncio.run(compare())
    assert files <= 0
    # A cache that fills once grows in one of the three; what keeps its calls grows in all, by five times as many bytes.
    assert min(growth) < 8_000


def test_many_loops_leave_files_flat(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, max_retries=0)
    asyncio.run(model_class.acall(model))
    files = open_files()
    for _ in range(20):
        asyncio.run(model_class.acall(model))

    assert all(log.wait_closed(0.5) for log in server.connections)
    assert open_files() <= files


# Using connections again, and closing them


def test_calls_one_after_another_need_one_connection(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, max_retries=0)

    async def ask():
        for _ in range(5):
            await model_class.ask_all_ways(model)

    asyncio.run(ask())
    assert len(server.requests) == 20
    assert len(server.connections) == 2  # one of the process, one of the loop


@pytest.mark.usefixtures("_alone")
def test_closing_one_model_leaves_the_others_their_connections(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model, other = (model_class.make(server.base_url, max_retries=0) for _ in range(2))

    async def ask():
        await model_class.ask_all_ways(model)
        await model_class.ask_all_ways(other)
        other.close()
        await other.aclose()
        await model_class.ask_all_ways(model)
        assert len(server.connections) == 2
        model.close()
        await model.aclose()

    asyncio.run(ask())
    assert all(log.wait_closed(0.5) for log in server.connections)


@pytest.mark.usefixtures("_alone")
def test_a_closed_model_can_be_closed_and_used_again(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, max_retries=0)

    async def ask():
        for _ in range(2):
            await model_class.ask_all_ways(model)
            for _ in range(2):
                model.close()
                await model.aclose()

    asyncio.run(ask())
    assert len(server.requests) == 8
    assert all(log.wait_closed(0.5) for log in server.connections)


@pytest.mark.usefixtures("_alone")
def test_a_model_is_a_context_manager(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, max_retries=0)
    if model_class.name == "core":
        with model.client, model.client:
            model_class.call(model)
    else:
        with model as entered:
            model_class.call(entered)
    assert server.connections[0].wait_closed(0.5)

    async def ask():
        async with model.async_client if model_class.name == "core" else model:
            await model_class.acall(model)
        assert await asyncio.to_thread(server.connections[1].wait_closed, 0.5)

    asyncio.run(ask())


@pytest.mark.parametrize("end", [Close(clean=True), Reset()], ids=["FIN", "RST"])
def test_a_connection_that_the_server_has_closed_is_not_used(model_class, scripted_openrouter, end):
    server = scripted_openrouter((*ANSWER, end))
    model = model_class.make(server.base_url, max_retries=0)

    async def ask():
        # The loop has no chance to hear of the end in between.
        for _ in range(3):
            assert await model_class.acall(model) == TEXT
            server.connections[-1].wait_closed()
        for _ in range(3):
            assert model_class.call(model) == TEXT
            server.connections[-1].wait_closed()

    asyncio.run(ask())
    assert len(server.requests) == len(server.connections) == 6


@pytest.mark.usefixtures("waits")
def test_a_connection_that_ends_under_a_request_counts_as_a_try(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER, (Close(),), ANSWER)
    model = model_class.make(server.base_url, max_retries=1)
    model_class.call(model)

    assert model_class.call(model) == TEXT
    assert len(server.requests) == 3


# What the end of a process brings to light

EVERYTHING = """
import asyncio, contextlib, sys
from support.models import MAKERS, ModelClass

held = []

async def leave():
    async for _ in await model_class.astream(model):
        break

async def hold():
    chunks = await model_class.astream(model)
    await anext(chunks)
    held.append(chunks)

async def fail():
    async for _ in await model_class.astream(model):
        raise ZeroDivisionError

async def cancel():
    task = asyncio.create_task(model_class.adrain(model))
    await asyncio.sleep(0.02)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

async def leave_a_task():
    held.append(asyncio.create_task(model_class.adrain(model)))
    await asyncio.sleep(0.02)

async def close():
    await model_class.acall(model)
    await model.aclose()

for model_class in map(ModelClass, MAKERS):
    model = model_class.make(sys.argv[1])
    model_class.call(model)
    next(model_class.stream(model))
    held.append(model_class.stream(model))
    next(held[-1])
    for body in (model_class.acall, model_class.adrain):
        asyncio.run(body(model))
    for body in (leave, hold, cancel, leave_a_task, close):
        asyncio.run(body())
    with contextlib.suppress(ZeroDivisionError):
        asyncio.run(fail())
    print(model_class.name)
loop = asyncio.new_event_loop()
loop.run_until_complete(model_class.acall(model))
loop.close()
"""


def test_nothing_is_left_open(scripted_openrouter):
    server = scripted_openrouter(LONG[:12] + ANSWER[1:])
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", EVERYTHING, server.base_url],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tests)},
    )

    # In development mode asyncio also tells of the import of aiohttp, which takes a moment.
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("Executing ")]
    assert (done.stdout.split(), complaints, done.returncode) == (list(MAKERS), [], 0)
