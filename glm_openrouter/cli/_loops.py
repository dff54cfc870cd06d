"""Runs a coroutine to its end, also where an event loop runs already, as in a notebook."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

__all__ = ["run_to_end"]

T = TypeVar("T")


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns; where an event loop runs, it runs in another thread, and this one waits.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed. The coroutine has been cancelled and has ended.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    stops: list[Callable[[], object]] = []

    async def stoppable() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
        stops.append(lambda: loop.call_soon_threadsafe(task.cancel))
        return await task

    with ThreadPoolExecutor(max_workers=1) as thread:
        done = thread.submit(copy_context().run, asyncio.run, stoppable())
        try:
            return done.result()
        except KeyboardInterrupt:
            for stop in stops:
                stop()
            raise
