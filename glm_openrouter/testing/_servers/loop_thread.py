"""A thread with an event loop of its own, for servers that run beside synchronous code."""

import asyncio
import threading
from collections.abc import Callable, Coroutine

__all__ = ["LoopThread"]


class LoopThread:
    """Runs one coroutine in a daemon thread until it is told to stop.

    Args:
        main: Called in the thread with a function to call once it is ready, and an event that is
            set when it is to end.
        name: The name of the thread.
    """

    def __init__(
        self,
        main: Callable[[Callable[[], None], asyncio.Event], Coroutine[None, None, None]],
        *,
        name: str,
    ) -> None:
        self._main = main
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread and wait until its coroutine is ready; raise what it raised instead."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """Tell the coroutine to end, and wait until the thread is gone."""
        loop, stopping = self._loop, self._stopping
        if loop is not None and stopping is not None and not loop.is_closed():
            loop.call_soon_threadsafe(stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._run_main())
        except BaseException as exc:  # noqa: BLE001 - it is raised again, in the thread that waits
            self._failure = exc
        finally:
            self._ready.set()

    async def _run_main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        await self._main(self._ready.set, self._stopping)
