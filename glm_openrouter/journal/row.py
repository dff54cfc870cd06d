"""The row that requests belong to, and the place of each answer in its journal."""

from __future__ import annotations

import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from heapq import heappop, heappush
from typing import TypeVar

from glm_openrouter._json.strict import write_arguments
from glm_openrouter.errors import UnreadableEntryWarning

from .store import Store

__all__ = ["OpenRow", "Place", "enter_row", "open_row"]

T = TypeVar("T")

Read = Callable[[bytes], T | None]
"""Turns the bytes of an answer into the answer; `None` if they are not one."""


class Place:
    """Where the answer to one request of a row is kept."""

    def __init__(self, store: Store, key: bytes, free: Callable[[], None]) -> None:
        self._store = store
        self._key = key
        self._free = free
        self._is_settled = False
        """Whether there is an answer here, or nobody waits for one."""

    def recall(self, read: Read[T]) -> T | None:
        """Return the answer that is kept here, if there is one that can be read.

        Raises:
            StoreError: The store cannot be read.
        """
        return self._open(self._store.get(self._key), read)

    async def arecall(self, read: Read[T]) -> T | None:
        """Return the answer that is kept here, if there is one that can be read.

        Raises:
            StoreError: The store cannot be read.
        """
        return self._open(await self._store.aget(self._key), read)

    def keep(self, answer: bytes) -> None:
        """Keep the answer.

        Raises:
            StoreError: The store cannot be written.
        """
        self._store.put(self._key, self._seal(answer))
        self._is_settled = True

    async def akeep(self, answer: bytes) -> None:
        """Keep the answer.

        Raises:
            StoreError: The store cannot be written.
        """
        await self._store.aput(self._key, self._seal(answer))
        self._is_settled = True

    def release(self) -> None:
        """Leave the place to the next equal request, if no answer is kept here."""
        if not self._is_settled:
            self._is_settled = True
            self._free()

    def _seal(self, answer: bytes) -> bytes:
        from .entries import (
            seal_entry,
        )  # `hashlib` takes a while, and most programs keep no journal

        return seal_entry(self._key, answer)

    def _open(self, entry: bytes | None, read: Read[T]) -> T | None:
        from .entries import open_entry

        if entry is None:
            return None
        answer = open_entry(self._key, entry)
        value = None if answer is None else read(answer)
        if value is None:
            warnings.warn(
                "An entry of the journal cannot be read: it is damaged, or not from here. The request is sent again, "
                "and its answer takes the place of that entry.",
                UnreadableEntryWarning,
                stacklevel=2,
            )
        self._is_settled = value is not None
        return value


class OpenRow:
    """One try at one row: it numbers the equal requests of the row, in whatever thread or task they are made.

    Args:
        store: Where its answers are kept.
        row_id: Which row it is.
        attempt: Which try at it.
    """

    def __init__(self, store: Store, row_id: str, attempt: int) -> None:
        self._store = store
        self._name = (row_id, attempt)
        self._lock = threading.Lock()
        self._counts: Counter[bytes] = Counter()
        self._free: dict[bytes, list[int]] = {}
        """The numbers that requests without an answer have left, the lowest first."""

    def take(self, request: bytes) -> Place:
        """Return the place of the answer to a request: that of the first equal one which has none yet.

        Args:
            request: All that makes it another request than others.
        """
        from hashlib import blake2b  # see `Place._seal`

        digest = blake2b(request, digest_size=32).digest()
        with self._lock:
            if free := self._free.get(digest):
                number = heappop(free)
            else:
                number = self._counts[digest] = self._counts[digest] + 1
        row_id, attempt = self._name
        where = write_arguments({"row": row_id, "attempt": attempt, "number": number}).encode()
        key = blake2b(where, key=digest, digest_size=16).digest()
        return Place(self._store, key, lambda: self._release(digest, number))

    def _release(self, digest: bytes, number: int) -> None:
        with self._lock:
            heappush(self._free.setdefault(digest, []), number)


_open: ContextVar[OpenRow | None] = ContextVar("glm_openrouter_row", default=None)


def open_row() -> OpenRow | None:
    """Return the row whose block is open here."""
    return _open.get()


@contextmanager
def enter_row(row: OpenRow) -> Iterator[None]:
    """Have the requests inside the block belong to a row."""
    token = _open.set(row)
    try:
        yield
    finally:
        _open.reset(token)
