"""The asynchronous clients: one for each running event loop, shared by all that runs on it."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakSet

from glm_openrouter.errors import InvalidRequestError

if TYPE_CHECKING:
    from .aiohttp_client import DirectAsyncClient

__all__ = ["async_client", "release_async_client", "running_loop"]


class _LoopPool:
    """The shared client of one event loop.

    It lives in an asynchronous generator, because those are what asyncio closes properly when a loop shuts down
    (https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.shutdown_asyncgens).
    """

    def __init__(self) -> None:
        self.users: WeakSet[object] = WeakSet()
        self.client: DirectAsyncClient | None = None
        self.closed = False
        self._life = self._live()

    async def open(self) -> "DirectAsyncClient":
        """Return the client, made at the first call."""
        if self.client is None:
            await anext(self._life)
        assert self.client is not None  # for the type checker; `_live` has set it
        return self.client

    async def aclose(self) -> None:
        await self._life.aclose()

    def abandon(self) -> None:
        """Clean up after a loop that was closed without shutting down its generators; nothing can run on it now."""
        if self.client is not None:
            self.client.abandon()

    async def _live(self) -> AsyncGenerator[None, None]:
        from .aiohttp_client import DirectAsyncClient  # and with it aiohttp

        self.client = DirectAsyncClient()
        try:
            yield
        finally:
            self.closed = True
            await self.client.aclose()


_lock = threading.Lock()
_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopPool] = WeakKeyDictionary()


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop.

    Raises:
        InvalidRequestError: There is none, because it is not asyncio that runs here.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    raise InvalidRequestError(
        "Asynchronous calls need asyncio, which does not run here. Under trio, make a synchronous call in a thread: "
        "await trio.to_thread.run_sync(...)."
    )


async def async_client(user: object) -> "DirectAsyncClient":
    """Return the client that everything on the running event loop shares, for `user`."""
    loop = running_loop()
    with _lock:
        for other in [other for other in _pools if other.is_closed()]:
            _pools.pop(other).abandon()
        pool = _pools.get(loop)
        if pool is None or pool.closed:
            pool = _pools[loop] = _LoopPool()
    pool.users.add(user)
    return await pool.open()


async def release_async_client(user: object) -> None:
    """Close the shared client of the running event loop if nobody else uses it."""
    loop = running_loop()
    with _lock:
        pool = _pools.get(loop)
        if pool is None:
            return
        pool.users.discard(user)
        if pool.users:
            return
        del _pools[loop]
    await pool.aclose()


def _forget_pools() -> None:
    """Drop the clients without closing them: after a fork their sockets belong to the parent."""
    global _lock
    _lock = threading.Lock()
    _pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)
