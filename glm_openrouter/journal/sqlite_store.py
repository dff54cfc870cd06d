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
import weakref
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from .sqlite_file import connect, explain, prepare
from .store import LARGEST_ENTRY

__all__ = ["SQLiteStore"]

_MOST_AT_ONCE: Final = 512
"""Answers of one transaction."""

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
        return self.get(key)

    def put(self, key: bytes, entry: bytes) -> None:
        """Keep an entry; it is safe from the end of this process when this returns."""
        self._opened().put(key, entry).result()

    async def aput(self, key: bytes, entry: bytes) -> None:
        """Keep an entry; it is safe from the end of this process when this returns."""
        await asyncio.wrap_future(self._opened().put(key, entry))

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


class _OpenFile:
    """What a process has open: a connection to read with, and a thread that writes with another."""

    def __init__(self, path: str) -> None:
        prepare(path)
        self.process = os.getpid()
        self._path = path
        self._reading = threading.Lock()
        try:
            self._reader = connect(path, seconds=_SECONDS_TO_READ)
            self._writer = connect(path, seconds=_SECONDS_TO_WRITE)
        except sqlite3.Error as error:
            raise explain(path, error, "opened") from None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="glm-openrouter-journal")
        self._waiting: deque[tuple[bytes, bytes, Future[None]]] = deque()
        """What is to be written: keys, entries, and who waits for it."""

    def get(self, key: bytes) -> bytes | None:
        try:
            with self._reading:
                row: tuple[bytes] | None = self._reader.execute(
                    _GET, (LARGEST_ENTRY, key)
                ).fetchone()
        except sqlite3.Error as error:
            raise explain(self._path, error, "read") from None
        return row and row[0]

    def put(self, key: bytes, entry: bytes) -> Future[None]:
        future: Future[None] = Future()
        self._waiting.append((key, entry, future))
        self._thread.submit(self._write_waiting)
        return future

    def claim(self, fingerprint: str) -> str:
        return self._thread.submit(self._claim, fingerprint).result()

    def close(self) -> None:
        if self.process == os.getpid():
            self._thread.shutdown()
            with self._reading:
                self._reader.close()
            self._writer.close()

    def _write_waiting(self) -> None:
        """Write what waits; of the many times that this is called most find nothing left to do."""
        batch: list[tuple[bytes, bytes, Future[None]]] = []
        while self._waiting and len(batch) < _MOST_AT_ONCE:
            batch.append(self._waiting.popleft())
        waiting = [future for *_, future in batch if future.set_running_or_notify_cancel()]
        if not batch:
            return
        try:
            self._commit(_PUT, [(key, entry) for key, entry, _ in batch])
        except sqlite3.Error as error:
            for future in waiting:
                what = "written, and an answer that was paid is lost"
                future.set_exception(explain(self._path, error, what))
        else:
            for future in waiting:
                future.set_result(None)

    def _claim(self, fingerprint: str) -> str:
        try:
            self._commit(_CLAIM, [(fingerprint,)])
            return str(self._writer.execute(_OWNER).fetchone()[0])
        except sqlite3.Error as error:
            raise explain(self._path, error, "written") from None

    def _commit(self, statement: str, rows: list[tuple[bytes | str, ...]]) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            self._writer.executemany(statement, rows)
            self._writer.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            raise
