"""`Journal`: keeps paid answers, and gives them out again."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from glm_openrouter._redis import is_redis_url
from glm_openrouter._secrets import redact
from glm_openrouter.errors import InvalidRequestError, OtherJobError

from .row import OpenRow, enter_row

if TYPE_CHECKING:
    from .store import Store

__all__ = ["Journal"]

_LONGEST = 10 * 365 * 86_400
"""Seconds."""


class Journal:
    """Keeps each answer the moment it is complete, so that the same work done again pays for none of them again.

    A request belongs to a row: `with journal.row(id): ...` around all that is asked for it, in either framework. An
    answer is kept under the id of its row and the request itself. Where a row makes equal requests, the second gets the
    second answer. What changes from run to run makes no other request: `session_id`, `user`, `trace`, `metadata`, the
    provider that a session is pinned to, and whether the answer streams.

    An answer that is there is replayed: nothing is sent, it costs nothing, and it is `replayed` and counted as that by
    `Spend` and `Budget`. Its usage stays that of the first time. Chat, vectors and orders of documents are kept. Errors
    are not, nor are answers that a content filter or a failure cut off, or that say no reason for their end; one that
    reached `max_tokens` is kept, as it was paid and would be as short again.

    One object serves any number of threads and event loops, and a file any number of processes of one machine. Copies
    and pickles are the address; that of Redis holds its password, and that of a file is its absolute path.

    Args:
        address: A file, made with mode 0600 if it does not exist, on a local disk; or `redis://...`, `rediss://...` or
            `unix://...` of a Redis (extra `redis`), where `#name` at the end tells one journal from another.
        expire_after: Seconds after which a Redis forgets an answer. Default: 604,800, which are 7 days. A file forgets
            none.

    Raises:
        InvalidRequestError: An argument makes no sense.
        StoreError: The file cannot be used, as the message explains.
    """

    def __init__(
        self, address: str | os.PathLike[str], *, expire_after: float | None = None
    ) -> None:
        self.address = _check_address(address)
        """The absolute path of the file, or the URL."""
        self._expire_after = expire_after
        self._store = _open_store(self.address, expire_after)

    def row(self, id: object, attempt: int = 0) -> AbstractContextManager[None]:
        """Have the requests inside the block belong to a row, in this context and all that are copied from it.

        Args:
            id: What the row is known by in every run; its text counts, so 1 and "1" are the same.
            attempt: Number of the try at the row. A row that failed with an answer, such as one that does not fit its
                schema, would fail with it for ever; another number asks anew.

        Raises:
            InvalidRequestError: One of them makes no sense.
        """
        text = "" if id is None else str(id)
        if not text or not _is_unicode(text):
            raise InvalidRequestError(
                f"The id of a row must be some text or a number, got {id!r:.80}."
            )
        if isinstance(attempt, bool) or not isinstance(attempt, int) or attempt < 0:
            raise InvalidRequestError(
                f"attempt must be a whole number from 0 on, got {attempt!r:.40}."
            )
        return enter_row(OpenRow(self._store, text, attempt))

    def check_job(self, fingerprint: str) -> None:
        """Check that the journal belongs to a job; a new one does from then on.

        Args:
            fingerprint: Text that is the same in every run of the job and of no other, such as a hash of its prompt,
                schema and parameters.

        Raises:
            OtherJobError: It belongs to another one.
            StoreError: The store cannot be used.
        """
        if not isinstance(fingerprint, str) or not fingerprint or not _is_unicode(fingerprint):
            raise InvalidRequestError(f"A fingerprint must be some text, got {fingerprint!r:.80}.")
        owner = self._store.claim(fingerprint)
        if owner != fingerprint:
            raise OtherJobError(
                f"{self!r} belongs to another job: its fingerprint is {owner:.40}, and that of this job is "
                f"{fingerprint:.40}, so prompt, schema, model or parameters differ. Give this job a journal of its "
                "own, or delete that one to pay for all rows anew."
            )

    def close(self) -> None:
        """Free the file, or the connections; the next use opens them again."""
        self._store.close()

    async def aclose(self) -> None:
        """The same, with the connections of the running event loop."""
        await self._store.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"Journal({redact(self.address)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Journal, expire_after=self._expire_after), (self.address,)


def _check_address(address: object) -> str:
    """Return the URL of a Redis, or the absolute path of a file: a relative one means another in another process."""
    path = os.fspath(address) if isinstance(address, os.PathLike) else address
    if not isinstance(path, str) or not path:
        raise InvalidRequestError(
            f"A journal is a file, such as 'answers.db', or 'redis://...'; got {address!r:.80}."
        )
    if is_redis_url(path):
        return path
    if "://" in path:
        raise InvalidRequestError(
            f"A journal is a file, or at redis://, rediss:// or unix://; got {redact(path)!r:.80}."
        )
    return os.path.abspath(os.path.expanduser(path))


def _open_store(address: str, expire_after: float | None) -> Store:
    if is_redis_url(address):
        from .redis_store import RedisStore  # most programs keep no journal

        return RedisStore(address, _check_seconds(expire_after))
    if expire_after is not None:
        raise InvalidRequestError("expire_after is for a Redis: a file forgets no answer.")
    from .sqlite_store import SQLiteStore

    return SQLiteStore(address)


def _check_seconds(seconds: float | None) -> float | None:
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if seconds is not None and not (is_number and 1 <= seconds <= _LONGEST):
        raise InvalidRequestError(
            f"expire_after must be a number of seconds, from 1 to ten years, got {seconds!r:.40}."
        )
    return seconds


def _is_unicode(text: str) -> bool:
    """Return whether a text can be written: surrogates cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
