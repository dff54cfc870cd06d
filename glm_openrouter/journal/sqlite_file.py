"""The file of a journal: how it is made, and what is said where it cannot be used."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from glm_openrouter.errors import StoreError

__all__ = ["connect", "explain", "prepare"]

_MARK: Final = 0x474C4D4A
""""GLMJ", SQLite's `application_id` of a journal."""

_FORM: Final = 1
"""SQLite's `user_version`: of the tables, and of the entries in them."""

_SCHEMA: Final = f"""
CREATE TABLE answers (key BLOB PRIMARY KEY, answer BLOB NOT NULL);
CREATE TABLE job (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), fingerprint TEXT NOT NULL);
PRAGMA application_id = {_MARK};
PRAGMA user_version = {_FORM};
PRAGMA journal_mode = WAL;
"""

_NETWORK: Final = frozenset(
    {
        *("afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "gpfs"),
        *("lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"),
    }
)
"""File systems on which processes of two machines do not see each other's log
(https://www.sqlite.org/wal.html#overview)."""

_MOUNTS = Path("/proc/self/mountinfo")
"""Where Linux says what is mounted; other systems are believed to have a local disk."""


def prepare(path: str) -> None:
    """Make the file if it does not exist, and check that it is a journal that can be written.

    Raises:
        StoreError: It cannot be used.
    """
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise StoreError(f"The journal {path} cannot be made: there is no folder {folder}.")
    if (kind := _file_system_of(folder)) in _NETWORK:
        raise StoreError(
            f"The journal {path} is on a network drive ({kind}), where SQLite's locks do not hold and files get "
            "damaged. Put it on a local disk, or use a Redis for several machines: redis://..."
        )
    try:
        if not os.path.lexists(path):
            _make(path, folder)
        with closing(connect(path, seconds=30.0)) as connection:
            _check(path, connection)
    except sqlite3.Error as error:
        raise explain(path, error, "opened") from None
    except OSError as error:
        raise StoreError(
            f"The journal {path} cannot be made: {error.strerror or error}. Choose a folder that can be written."
        ) from None


def connect(path: str, *, seconds: float) -> sqlite3.Connection:
    """Return a connection to a file that exists, which waits some seconds at most for others.

    Raises:
        sqlite3.Error: The file cannot be opened.
    """
    connection = sqlite3.connect(
        f"{Path(path).as_uri()}?mode=rw",
        uri=True,
        timeout=seconds,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def explain(path: str, error: sqlite3.Error, what: str) -> StoreError:
    """Return the error for what SQLite says.

    Args:
        path: The file.
        error: What SQLite says.
        what: What could not be done with the file, such as `read`.
    """
    text = str(error)
    return StoreError(f"The journal {path} cannot be {what}: {text}. {_advise(text)}")


def _advise(text: str) -> str:
    if "not a database" in text or "malformed" in text:
        return "It is damaged, or no journal: move it away to begin a new one."
    if "locked" in text or "busy" in text:
        return "Another program holds it: close that one."
    if "full" in text:
        return "Make room on the disk, and run the job again."
    return "Check that the file and its folder can be written."


def _make(path: str, folder: str) -> None:
    """Make the file, whole or not at all; another process that makes it at the same time may be first."""
    handle, draft = tempfile.mkstemp(prefix=".journal-", suffix=".db", dir=folder)  # with mode 0600
    os.close(handle)
    try:
        with closing(connect(draft, seconds=30.0)) as connection:
            connection.executescript(_SCHEMA)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)


def _check(path: str, connection: sqlite3.Connection) -> None:
    """Check that a file is a journal of a form that is known, and that it can be written.

    Raises:
        StoreError: It is not.
        sqlite3.Error: It is no database, or cannot be written.
    """
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    form = connection.execute("PRAGMA user_version").fetchone()[0]
    if mark != _MARK:
        raise StoreError(f"{path} is no journal but something else: choose another file.")
    if form != _FORM:
        raise StoreError(
            f"The journal {path} was made by a newer version of glm-openrouter (form {form}, and this one knows "
            f"{_FORM}): upgrade, or choose another file."
        )
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")


def _file_system_of(folder: str) -> str | None:
    """Return the kind of the file system of a folder, if it is known."""
    try:
        device = os.stat(folder).st_dev
        lines = _MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return None
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:  # "36 35 98:0 /root /mount options... - kind source options"
        mount, _, kind = line.partition(" - ")
        if mount.split()[2:3] == [number]:
            return kind.split()[0] if kind else None
    return None
