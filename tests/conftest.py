"""What tests share: `run` lets one body test the synchronous and the asynchronous client."""

import functools
import gc
import os
import re
import socket
import ssl
from collections.abc import Iterator

import pytest
from hypothesis import settings

from glm_openrouter import Delta
from glm_openrouter._response.parser import ResponseParser
from glm_openrouter.testing.pytest_plugin import scripted_openrouter  # noqa: F401 - a fixture, also without the entry point
from support.clients import MODES, ClientRun
from support.clock import noted_waits
from support.redis_server import RedisServer, running_redis

# The same 50 examples each time: what is read off the wire sees thousands of others in the fuzzer.
settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("repeatable")

# Each client of httpx loads the certificates of the world, which takes 25 ms. No test changes what it is given.
ssl.create_default_context = functools.cache(ssl.create_default_context)

FROM_OUTSIDE = re.compile(
    r"(OPENROUTER|OPENAI|LANGSMITH|LANGCHAIN|LANGFUSE|OTEL|GLM)_|(.*_)?proxy$", re.I
)
"""What a shell may have set that changes what a client does: keys, proxies, tracing."""


@pytest.fixture
def waits() -> Iterator[list[float]]:
    """The seconds that clients would wait between tries; none of them are waited."""
    seconds: list[float] = []
    with noted_waits(seconds):
        yield seconds


def pytest_collectstart() -> None:
    """Look for no garbage meanwhile: what is imported and collected stays."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Take thousands of tests and three frameworks out of what is looked at for garbage, and look less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in filter(FROM_OUTSIDE.match, list(os.environ)):
        monkeypatch.delenv(name)


@pytest.fixture(params=MODES)
def run(request: pytest.FixtureRequest, waits: list[float]) -> ClientRun:
    """Both clients, one after the other."""
    return ClientRun(request.param, waits)


@pytest.fixture(scope="session")
def _redis_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_server(_redis_of_session: RedisServer) -> RedisServer:
    """A real Redis without any keys."""
    _redis_of_session.clear()
    return _redis_of_session


@pytest.fixture
def separate_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event comes with a read of its own, so that each is an increment of its own, however fast they come."""
    feed = ResponseParser.feed

    def feed_one_by_one(parser: ResponseParser, data: bytes) -> list[Delta]:
        deltas: list[Delta] = []
        for piece in re.split(rb"(?<=\n\n)", data):
            if not parser.done:
                deltas += feed(parser, piece)
        return deltas

    monkeypatch.setattr(ResponseParser, "feed", feed_one_by_one)


@pytest.fixture
def deaf_port() -> Iterator[str]:
    """A port whose queue of connections is full, so that another connection is never made."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        queued = []
        for _ in range(3):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
            queued.append(waiting)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"
        for waiting in queued:
            waiting.close()
