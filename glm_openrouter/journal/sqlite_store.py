"""A journal in a file: SQLite, for any number of processes of one machine.

Reading is a look into an index, and done where it is asked for. Writing waits: for the locks of other processes, and
for the disk whenever SQLite moves its log into the file. So a thread does it, for all answers at once that have come
meanwhile. A commit survives the end of the process, however that comes; not a power cut (`synchronous=NORMAL`).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from glm_openrouter.errors import StoreError

from .sqlite_file import connect, explain, prepare
from .store import LARGEST_ENTRY

__all__ = ["SQLiteStore"]

_MOST_AT_ONCE: Final = 512
"""Answers of one transaction."""

_SECONDS_TO_GATHER: Final = 0.004
"""In which answers come together before they are written: a transaction costs as much as many of them."""

_SECONDS_TO_READ: Final = 2.0
"""That a reader waits at most: never for a writer, only while another process mends the log of one that was killed."""

_SECONDS_TO_WRITE: Final = 60.0
"""That the thread waits at most for other writers."""

_GET: Final = "SELECT CAST(substr(answer, 1, ?) AS BLOB) FROM answers WHERE key = ?"
"""As bytes, even if another program has put text there."""

_PUT: Final = "INSERT OR REPLACE INTO answers (key, answer) VALUES (?, ?)"
_CLAIM: Final = "INSERT OR IGNORE INTO job (only_one, fingerprint) VALUES (1, ?)"
_OWNER: Final = "SELECT fingerprint FROM job"

_inherited: list[_OpenFile] = []
"""What a parent had open when this process was forked off; to close it here would take away the parent's locks."""


class SQLiteStore:
    """Keeps entries in a file.

    Raises:
        StoreError: The file cannot be used, as the message explains.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file: _OpenFile | None = None
        self._opened()

    def get(self, key: bytes) -> bytes | None:
        """Return what is kept under a key."""
        return self._opened().get(key)

    async def aget(self, key: bytes) -> bytes | None:
        """Return what is kept under a key."""
        entry = self.get(key)
        if entry is not None:
            await asyncio.sleep(0)  # else who replays many rows would let nobody else work
        return entry

    def put(self, key: bytes, entry: bytes) -> None:
        """Keep an entry; it is safe from the end of this process when this returns."""
        self._opened().put(key, entry).wait()

    async def aput(self, key: bytes, entry: bytes) -> None:
        """Keep an entry; it is safe from the end of this process when this returns."""
        await self._opened().put(key, entry).await_written()

    def claim(self, fingerprint: str) -> str:
        """Return the fingerprint of the job that the file belongs to: this one, if there was none."""
        return self._opened().claim(fingerprint)

    def close(self) -> None:
        """Close the file, once all that waits is written."""
        with self._lock:
            file, self._file = self._file, None
        if file is not None and file.process == os.getpid():
            file.close()

    async def aclose(self) -> None:
        """The same."""
        await asyncio.to_thread(self.close)

    def _opened(self) -> _OpenFile:
        file = self._file
        if file is not None and file.process == os.getpid():
            return file
        with self._lock:
            if self._file is not None and self._file.process != os.getpid():
                _inherited.append(self._file)
                self._file = None
            if self._file is None:
                self._file = file = _OpenFile(self._path)
                weakref.finalize(self, file.close)
            return self._file


class _Batch:
    """Entries that are written in one transaction, and those who wait for it."""

    def __init__(self) -> None:
        self.entries: list[tuple[bytes, bytes]] = []
        self.written: Future[StoreError | None] = Future()
        """The problem, if there was one."""
        self._on_loops: dict[asyncio.AbstractEventLoop, asyncio.Future[StoreError | None]] = {}

    def wait(self) -> None:
        """Wait until it is written.

        Raises:
            StoreError: It could not be.
        """
        self._check(self.written.result())

    async def await_written(self) -> None:
        """Wait until it is written.

        Raises:
            StoreError: It could not be.
        """
        loop = asyncio.get_running_loop()
        written = self._on_loops.get(loop)
        if written is None:  # a loop is woken once, however many of its tasks wait
            written = self._on_loops[loop] = asyncio.wrap_future(self.written)
        self._check(await asyncio.shield(written))

    def _check(self, problem: StoreError | None) -> None:
        if problem is not None:
            raise StoreError(*problem.args)  # for each who waits one of its own


class _OpenFile:
    """What a process has open: a connection to read with, and a thread that writes with another."""

    def __init__(self, path: str) -> None:
        prepare(path)
        self.process = os.getpid()
        self._path = path
        self._reading = threading.Lock()
        try:
            self._reader, self._writer = _connect_twice(path)
        except sqlite3.Error as error:
            raise explain(path, error, "opened") from None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="glm-openrouter-journal")
        self._filling = threading.Lock()
        self._batch: _Batch | None = None
        """The one that the thread writes next, while it still takes entries."""

    def get(self, key: bytes) -> bytes | None:
        try:
            with self._reading:
                row: tuple[bytes] | None = self._reader.execute(
                    _GET, (LARGEST_ENTRY, key)
                ).fetchone()
        except sqlite3.Error as error:
            raise explain(self._path, error, "read") from None
        return row and row[0]

    def put(self, key: bytes, entry: bytes) -> _Batch:
        """Add an entry to the next batch, and return that."""
        with self._filling:
            batch = self._batch
            if batch is None or len(batch.entries) >= _MOST_AT_ONCE:
                batch = self._batch = _Batch()
                self._thread.submit(self._write, batch)
            batch.entries.append((key, entry))
        return batch

    def claim(self, fingerprint: str) -> str:
        return self._thread.submit(self._claim, fingerprint).result()

    def close(self) -> None:
        if self.process == os.getpid():
            self._thread.shutdown()
            with self._reading:
                self._reader.close()
            self._writer.close()

    def _write(self, batch: _Batch) -> None:
        time.sleep(_SECONDS_TO_GATHER)
        with self._filling:
            if self._batch is batch:
                self._batch = None
        problem = None
        try:
            self._commit(_PUT, batch.entries)
        except sqlite3.Error as error:
            problem = explain(self._path, error, "written, and an answer that was paid is lost")
        batch.written.set_result(problem)

    def _claim(self, fingerprint: str) -> str:
        try:
            self._commit(_CLAIM, [(fingerprint,)])
            return str(self._writer.execute(_OWNER).fetchone()[0])
        except sqlite3.Error as error:
            raise explain(self._path, error, "written") from None

    def _commit(self, statement: str, rows: Sequence[tuple[bytes | str, ...]]) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            self._writer.executemany(statement, rows)
            self._writer.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            raise


def _connect_twice(path: str) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """Return a connection to read with, and one to write with."""
    reader = connect(path, seconds=_SECONDS_TO_READ)
    try:
        return reader, connect(path, seconds=_SECONDS_TO_WRITE)
    except sqlite3.Error:
        reader.close()
        raise
