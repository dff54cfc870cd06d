"""A journal in a Redis: for processes of several machines."""

from __future__ import annotations

import asyncio
from typing import Final

from glm_openrouter._redis import RedisClients

from .store import LARGEST_ENTRY

__all__ = ["RedisStore"]

_FORM: Final = 1
"""Part of every key, so that another form of the entries has keys of its own."""

_SECONDS: Final = 7 * 86_400.0
"""For which an answer is kept unless somebody says otherwise."""

_READ: Final = "The journal cannot be read"
_WRITE: Final = "The journal cannot be written, and an answer that was paid is lost"


class RedisStore:
    """Keeps entries in a Redis.

    Args:
        url: Where it is; what comes after `#` tells one journal from another.
        seconds: How long an entry is kept.

    Raises:
        InvalidRequestError: That is no URL of a Redis, or redis-py is not there.
    """

    def __init__(self, url: str, seconds: float | None) -> None:
        address, _, name = url.partition("#")
        self._clients = RedisClients(address)
        self._prefix = f"glm-openrouter:journal:{_FORM}:{name or 'default'}:"
        self._milliseconds = round((_SECONDS if seconds is None else seconds) * 1000)

    def get(self, key: bytes) -> bytes | None:
        """Return what is kept under a key."""
        with self._clients.explaining(_READ):
            entry = self._clients.blocking.getrange(self._key(key), 0, LARGEST_ENTRY - 1)
        return _as_bytes(entry)

    async def aget(self, key: bytes) -> bytes | None:
        """Return what is kept under a key."""
        with self._clients.explaining(_READ):
            client = await self._clients.of_loop()
            entry = await client.getrange(self._key(key), 0, LARGEST_ENTRY - 1)
        return _as_bytes(entry)

    def put(self, key: bytes, entry: bytes) -> None:
        """Keep an entry; it is safe from the end of this process when this returns."""
        with self._clients.explaining(_WRITE):
            self._clients.blocking.set(self._key(key), entry, px=self._milliseconds)

    async def aput(self, key: bytes, entry: bytes) -> None:
        """Keep an entry; it is safe from the end of this process when this returns."""
        # Whoever is cancelled now has an answer that is paid.
        await asyncio.shield(self._put(key, entry))

    async def _put(self, key: bytes, entry: bytes) -> None:
        with self._clients.explaining(_WRITE):
            client = await self._clients.of_loop()
            await client.set(self._key(key), entry, px=self._milliseconds)

    def claim(self, fingerprint: str) -> str:
        """Return the fingerprint of the job that the journal belongs to: this one, if there was none."""
        name, client = f"{self._prefix}job", self._clients.blocking
        with self._clients.explaining("The job of the journal cannot be checked"):
            client.set(name, fingerprint.encode(), px=self._milliseconds, nx=True)
            owner = client.getex(name, px=self._milliseconds)
        kept = _as_bytes(owner)
        return fingerprint if kept is None else kept.decode(errors="replace")

    def close(self) -> None:
        """Close the connections of synchronous calls; the next call opens them again."""
        self._clients.close()

    async def aclose(self) -> None:
        """The same, with those of the running event loop."""
        await self._clients.aclose()

    def _key(self, key: bytes) -> str:
        return self._prefix + key.hex()


def _as_bytes(value: bytes | str | None) -> bytes | None:
    """Return what a Redis keeps; where there is nothing, it answers with no bytes."""
    return value.encode() if isinstance(value, str) else value or None
