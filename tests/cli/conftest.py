import pytest

from support.terminal import run_in_terminal


@pytest.fixture(autouse=True)
def state_folder(monkeypatch, tmp_path):
    """Keep what a command remembers out of the home of whoever runs the tests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def in_terminal():
    """Run the command on a terminal against a server, and return what that receives."""

    def run(server, *arguments, columns=1000, **options):
        _, seen = run_in_terminal(
            arguments,
            OPENROUTER_API_KEY="sk-or-v1-of-a-test",
            OPENROUTER_API_BASE=server.base_url,
            COLUMNS=str(columns),
            **options,
        )
        return seen

    return run
