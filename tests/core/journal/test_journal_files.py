"""What a journal does with its file: who may read it, what is refused, what many processes and threads may do."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from glm_openrouter import AsyncClient, Journal, StoreError, UnreadableEntryWarning
from glm_openrouter.journal import sqlite_file, sqlite_store
from glm_openrouter.testing import stream_reply
from support.samples import KEY, REQUEST
from support.wire import finishes, says, uses

ANSWER = stream_reply([says("Pier two."), finishes(), uses("B")])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "answers.db"


def change(path, *statements):
    """Do something to the file behind the back of its journal."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def ask(run, server, journal, row=1):
    with journal.row(row):
        return run.complete(server.base_url)


def open_files():
    files = Path("/dev/fd").resolve()
    return {os.readlink(file) for file in files.iterdir() if file.is_symlink()}


def test_only_its_owner_may_read_the_file(path):
    before = os.umask(0)
    try:
        with Journal(path):
            modes = {stat.S_IMODE(made.stat().st_mode) for made in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {0o600}


def test_nothing_is_left_beside_the_file_once_it_is_closed(path):
    Journal(path).close()
    assert [made.name for made in path.parent.iterdir()] == ["answers.db"]


def test_a_path_may_hold_what_a_url_may_not(tmp_path):
    for name in ("a b?c#d%20.db", "ä.db"):
        Journal(tmp_path / name).close()
        assert (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"id,text\n1,hello\n" * 100, "damaged, or no journal"),
        (b"", "no journal but something else"),
    ],
    ids=["text", "empty"],
)
def test_a_file_that_is_no_journal_is_refused_and_not_changed(path, content, said):
    path.write_bytes(content)
    with pytest.raises(StoreError, match=said):
        Journal(path)
    assert path.read_bytes() == content


def test_a_file_that_is_refused_is_not_left_open(path):
    path.write_bytes(b"id,text\n1,hello\n" * 100)
    with pytest.raises(StoreError) as refused:
        Journal(path)
    assert refused.value.__context__  # which holds on to all that failed
    assert str(path) not in open_files()


def test_a_file_that_opens_only_once_is_not_left_open(path, monkeypatch):
    connections = []

    def connect_once(path, *, seconds):
        if connections:
            raise sqlite3.OperationalError("unable to open database file")
        connections.append(sqlite_file.connect(path, seconds=seconds))
        return connections[0]

    monkeypatch.setattr(sqlite_store, "connect", connect_once)
    with pytest.raises(StoreError, match="cannot be opened"):
        Journal(path)
    assert connections
    assert str(path) not in open_files()


def test_a_database_of_something_else_is_refused_and_not_changed(path):
    change(path, "CREATE TABLE others (id)")
    content = path.read_bytes()
    with pytest.raises(StoreError, match="something else: choose another file"):
        Journal(path)
    assert path.read_bytes() == content


def test_a_journal_of_a_newer_version_is_refused(path):
    Journal(path).close()
    change(path, "PRAGMA user_version = 2")
    with pytest.raises(StoreError, match=r"newer version .*form 2.*upgrade, or choose"):
        Journal(path)


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(StoreError, match="there is no folder"):
        Journal(tmp_path / "nowhere" / "answers.db")


def test_a_folder_is_no_journal(tmp_path):
    with pytest.raises(StoreError, match="cannot be opened"):
        Journal(tmp_path)


def test_a_folder_that_cannot_be_written_is_refused(path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(sqlite_file.tempfile, "mkstemp", refuse)  # root may write everywhere
    with pytest.raises(
        StoreError, match=r"Permission denied\. Choose a folder that can be written"
    ):
        Journal(path)


def test_a_network_drive_is_refused(path, monkeypatch, tmp_path):
    device = path.parent.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
        f"36 35 {number} / /mnt/share rw,noatime master:1 - nfs4 server:/share rw\n"
    )
    monkeypatch.setattr(sqlite_file, "_MOUNTS", mounts)
    with pytest.raises(StoreError, match=r"network drive \(nfs4\).*redis://"):
        Journal(path)


def test_a_system_that_does_not_tell_its_mounts_is_believed(path, monkeypatch):
    monkeypatch.setattr(sqlite_file, "_MOUNTS", Path("/nowhere/mountinfo"))
    Journal(path).close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE answers SET answer = substr(answer, 1, length(answer) - 1)",
        "UPDATE answers SET answer = x'00'",
        "UPDATE answers SET answer = 'text'",
        "UPDATE answers SET answer = replace(answer, 'two', 'six')",
    ],
    ids=["cut", "foreign", "text", "changed"],
)
def test_a_damaged_entry_is_warned_of_and_asked_again(path, run, scripted_openrouter, damage):
    server = scripted_openrouter(ANSWER)
    with Journal(path) as journal:
        ask(run, server, journal)
        change(path, damage)
        with pytest.warns(UnreadableEntryWarning, match="sent again"):
            assert not ask(run, server, journal).replayed
        assert ask(run, server, journal).text == "Pier two."
    assert len(server.requests) == 2


def test_an_entry_under_another_key_is_no_answer(path, run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    with Journal(path) as journal:
        ask(run, server, journal)
        ask(run, server, journal, 2)
        change(path, "UPDATE answers SET answer = (SELECT answer FROM answers LIMIT 1)")
        with pytest.warns(UnreadableEntryWarning):
            asked = [ask(run, server, journal, row).replayed for row in (1, 2)]
    assert sorted(asked) == [False, True]


def test_damage_of_the_file_is_an_error_that_says_so(path, run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    with Journal(path) as journal:
        ask(run, server, journal)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with Journal(path) as journal, pytest.raises(StoreError, match="damaged, or no journal"):
        ask(run, server, journal)
    assert len(server.requests) == 1


def test_an_answer_that_cannot_be_written_is_an_error(path, run, scripted_openrouter, monkeypatch):
    monkeypatch.setattr(sqlite_store, "_SECONDS_TO_WRITE", 0.01)
    server = scripted_openrouter(ANSWER)
    with Journal(path) as journal, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"paid is lost: database is locked.*close that one"):
            ask(run, server, journal)
        other.execute("ROLLBACK")
        assert not ask(run, server, journal).replayed


def test_an_event_loop_does_not_wait_for_another_writer(path, scripted_openrouter, monkeypatch):
    server, put = scripted_openrouter(ANSWER), sqlite_store._OpenFile.put
    monkeypatch.setattr(sqlite_store, "_SECONDS_TO_WRITE", 5.0)

    async def main(journal, other):
        reached = asyncio.Event()

        def note_and_put(*entry):
            reached.set()
            return put(*entry)

        monkeypatch.setattr(sqlite_store._OpenFile, "put", note_and_put)
        async with AsyncClient(base_url=server.base_url, api_key=KEY) as client:
            with journal.row(1):
                asking = asyncio.create_task(client.complete(REQUEST))
            await reached.wait()
            assert not asking.done()
            other.execute("ROLLBACK")
            return await asking

    with Journal(path) as journal, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert asyncio.run(main(journal, other)).text == "Pier two."


def test_many_threads_write_to_one_file(path, run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)

    def ask_one(row):
        with Journal(path) as journal, journal.row(row):
            return run.complete(server.base_url).replayed

    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(ask_one, range(24)))
        again = list(pool.map(ask_one, range(24)))
    assert (first, again) == ([False] * 24, [True] * 24)


BEGIN = """
import sys
from glm_openrouter import Journal
with Journal(sys.argv[1]) as journal:
    for number in range(200):
        journal._store.put(f"{sys.argv[2]}-{number}".encode(), b"entry")
"""


def test_processes_begin_a_file_at_the_same_time(path):
    started = [
        subprocess.Popen([sys.executable, "-c", BEGIN, str(path), str(number)])
        for number in range(2)
    ]
    assert [process.wait() for process in started] == [0, 0]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM answers").fetchone() == (400,)


def test_a_journal_works_on_in_a_process_that_is_forked_off(path):
    with Journal(path) as journal:
        journal._store.put(b"parent", b"entry")
        child = os.fork()
        if child == 0:
            try:
                assert journal._store.get(b"parent") == b"entry"
                journal._store.put(b"child", b"entry")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        journal._store.put(b"parent-2", b"entry")
        assert journal._store.get(b"child") == b"entry"


def test_a_journal_that_was_closed_opens_again(path, run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    journal = Journal(path)
    ask(run, server, journal)
    journal.close()
    assert ask(run, server, journal).replayed
    asyncio.run(journal.aclose())


def test_a_journal_that_is_dropped_leaves_no_thread(path):
    journal = Journal(path)
    journal.check_job("one")
    assert any("journal" in thread.name for thread in threading.enumerate())
    del journal
    deadline = time.monotonic() + 10
    while any("journal" in thread.name for thread in threading.enumerate()):
        assert time.monotonic() < deadline
