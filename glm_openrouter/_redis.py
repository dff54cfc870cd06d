"""The only door to redis-py: what this project asks of a Redis, with and without asyncio.

A client of redis-py belongs to one event loop, so each loop has its own, which is closed with the loop. A pool that is
used up makes callers wait: otherwise the 101st request in flight would fail.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from ._secrets import redact
from .errors import InvalidRequestError, StoreError

if TYPE_CHECKING:
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

__all__ = ["RedisClients", "is_redis_url"]

_OPTIONS: Final[dict[str, Any]] = {
    "max_connections": 32,
    "timeout": 60.0,
    "socket_timeout": 10.0,
    "socket_connect_timeout": 5.0,
}
"""Of the pools; `timeout` is the wait for a connection. The query of a URL has the last word: `?socket_timeout=30`."""


def is_redis_url(address: str) -> bool:
    """Return whether an address is the URL of a Redis."""
    return address.startswith(("redis://", "rediss://", "unix://"))


class RedisClients:
    """The clients of one Redis, made when they are needed.

    Args:
        url: Where it is.

    Raises:
        InvalidRequestError: That is no URL of a Redis, or redis-py is not there.
    """

    def __init__(self, url: str) -> None:
        if not is_redis_url(url):
            raise InvalidRequestError(
                f"A Redis is at redis://, rediss:// or unix://; got {redact(url)!r:.80}."
            )
        self._url = url
        self._lock = threading.Lock()
        self._lives: WeakKeyDictionary[asyncio.AbstractEventLoop, _Life] = WeakKeyDictionary()
        self.blocking.close()  # nothing is open yet, but what the URL lacks is said now

    @cached_property
    def blocking(self) -> Redis:
        """The client for synchronous calls, which any number of threads share."""
        try:
            from redis import BlockingConnectionPool, Redis

            return Redis.from_pool(BlockingConnectionPool.from_url(self._url, **_OPTIONS))
        except ImportError:
            problem = 'A journal or a budget in a Redis needs redis-py: pip install "glm-openrouter[redis]"'
        except ValueError as error:
            problem = f"{redact(self._url)} is no URL of a Redis: {error}."
        raise InvalidRequestError(problem)

    async def of_loop(self) -> AsyncRedis:
        """Return the client of the running event loop."""
        loop = asyncio.get_running_loop()
        life = self._lives.get(loop)
        if life is None:
            with self._lock:
                life = self._lives[loop] = _Life(self._url)
        return await life.client()

    def close(self) -> None:
        """Close the client for synchronous calls; the next call makes it anew."""
        if "blocking" in self.__dict__:
            self.__dict__.pop("blocking").close()

    async def aclose(self) -> None:
        """The same, with the client of the running event loop."""
        self.close()
        with self._lock:
            life = self._lives.pop(asyncio.get_running_loop(), None)
        if life is not None:
            await life.aclose()

    @contextmanager
    def explaining(self, what: str) -> Iterator[None]:
        """Raise what goes wrong in a block as one of our own errors.

        Args:
            what: What could not be done, such as "The journal cannot be read".

        Raises:
            StoreError: The Redis does not answer, or refuses.
        """
        from redis import RedisError

        try:
            yield
        except (RedisError, OSError) as error:
            problem = str(error).rstrip(".") or type(error).__name__
        else:
            return
        raise StoreError(
            f"{what}: {redact(problem)}. Check that the Redis at {redact(self._url)} runs, lets this machine in and "
            "has memory left."
        )


class _Life:
    """The client of one event loop.

    It lives in an asynchronous generator, because those are what asyncio closes properly when a loop shuts down
    (https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.shutdown_asyncgens).
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: AsyncRedis | None = None
        self._life = self._live()

    async def client(self) -> AsyncRedis:
        if self._client is None:
            await anext(self._life)
        assert self._client is not None  # for the type checker; `_live` has set it
        return self._client

    async def aclose(self) -> None:
        await self._life.aclose()

    async def _live(self) -> AsyncGenerator[None, None]:
        from redis.asyncio import BlockingConnectionPool, Redis

        self._client = Redis.from_pool(BlockingConnectionPool.from_url(self._url, **_OPTIONS))
        try:
            yield
        finally:
            await self._client.aclose()
