"""Fixtures: an OpenRouter in the test's own process.

`offline_openrouter` is a running `OfflineServer`, started once for the session. Before each test its requests are
cleared and its `answer` is `None`; a test, or a fixture of yours, may set it. `scripted_openrouter` is a function that
starts a `ScriptedServer` for the replies it is given; the server stops with the test.

What an answer function or a function of a script raises is raised again at the end of the test.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from . import OfflineServer, Reply, ReplyFunction, ScriptedServer

__all__ = ["StartScript", "offline_openrouter", "scripted_openrouter"]


class StartScript(Protocol):
    """The type of the fixture `scripted_openrouter`."""

    def __call__(
        self, *script: "Reply | ReplyFunction", repeat_last: bool = True
    ) -> "ScriptedServer":
        """Start a server that plays the replies."""
        ...


@pytest.fixture(scope="session")
def _offline_openrouter_server() -> Iterator["OfflineServer"]:
    from . import OfflineServer

    with OfflineServer() as server:
        yield server


@pytest.fixture
def offline_openrouter(_offline_openrouter_server: "OfflineServer") -> Iterator["OfflineServer"]:
    """A running offline OpenRouter that has seen no request yet, and answers by rules."""
    server = _offline_openrouter_server
    server.clear()
    server.answer = None
    yield server
    server.raise_failure()


@pytest.fixture
def scripted_openrouter() -> Iterator[StartScript]:
    """Start scripted servers; they stop when the test is over."""
    from . import ScriptedServer

    started: list[ScriptedServer] = []

    def start(*script: "Reply | ReplyFunction", repeat_last: bool = True) -> ScriptedServer:
        started.append(ScriptedServer(script, repeat_last=repeat_last).start())
        return started[-1]

    yield start
    for server in started:
        server.stop()
    for server in started:
        server.raise_failure()
