"""What `chat` remembers of what was typed."""

import stat

import pytest

from glm_openrouter.cli._history import History, history_path
from glm_openrouter.testing import text_reply


@pytest.fixture
def path(state_folder):
    return history_path()


def test_the_file_is_in_the_state_folder(path, state_folder):
    assert path == state_folder / "glm-openrouter" / "chat_history"


def test_a_relative_state_folder_counts_as_none(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert history_path() == tmp_path / ".local" / "state" / "glm-openrouter" / "chat_history"


def test_only_its_user_can_read_the_file(path):
    History(path).add("Which way?")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_line_of_any_characters_comes_back(path):
    lines = ["Which way?", "two\nlines", "\ud800\x1b[2J", "灯台"]
    for line in lines:
        History(path).add(line)

    assert History(path).load() == lines


def test_the_last_thousand_lines_are_kept(path):
    for number in range(2100):
        History(path).add(str(number))
    loaded = History(path).load()

    assert loaded == [str(number) for number in range(1100, 2100)]
    assert len(path.read_text().splitlines()) == 1000


def test_of_a_large_file_only_the_end_is_read(path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 5_000_000 + b'\n"Which way?"\n')

    assert History(path).load() == ["Which way?"]
    assert path.read_bytes() == b'"Which way?"\n'


def test_a_damaged_line_is_left_out(path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"a": 1}\n\xff\n"Which way?"\nhalf')

    assert History(path).load() == ["Which way?"]


def test_what_cannot_be_written_is_forgotten(tmp_path):
    (tmp_path / "file").touch()
    history = History(tmp_path / "file" / "chat_history")
    history.add("Which way?")

    assert history.load() == ()


def test_without_a_file_nothing_is_written(in_terminal, scripted_openrouter, state_folder):
    server = scripted_openrouter(text_reply("Left."))
    in_terminal(server, "chat", "--no-history", typed=["Which way?\n", "/quit\n"])

    assert not state_folder.exists()
