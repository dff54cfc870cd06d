"""What tests of large jobs share: processes that are killed, and Ray in processes of its own."""

import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from glm_openrouter.testing import OfflineServer
from support.processes import Job, running

JOBS = Path(__file__).parent / "jobs"
KEY = "sk-or-v1-of-the-workers"
ENVIRONMENT = {
    "OPENROUTER_API_KEY": KEY,
    "RAY_AUTH_MODE": "disabled",  # else `ray start` wants a token
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
}

StartJob = Callable[..., AbstractContextManager[Job]]


@pytest.fixture
def start_job(tmp_path: Path) -> StartJob:
    """Runs Python with some words, and variables in its environment, until the end of a block."""

    def start(*words: object, **variables: str) -> AbstractContextManager[Job]:
        return running([*map(str, words)], {**ENVIRONMENT, **variables}, tmp_path / "log")

    return start


def write_rows(path: Path, count: int) -> list[int]:
    """Write so many rows as lines of JSON; return their ids."""
    ids = list(range(count))
    rows = ({"id": number, "text": f"row {number}"} for number in ids)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ids


class RayJobError(Exception):
    """A function raised in the process of Ray; the text is what a user sees."""


class RayDriver:
    """A process that has started Ray, and calls functions for a test."""

    def __init__(self, connection: Connection, job: Job) -> None:
        self._connection = connection
        self._job = job

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function returns there.

        Raises:
            RayJobError: It raised.
        """
        cloudpickle.register_pickle_by_value(sys.modules[function.__module__])
        self._connection.send_bytes(cloudpickle.dumps((function, arguments)))
        if not self._connection.poll(250):
            raise AssertionError(f"It is not over after 250 s:\n{self._job.output}")
        returned, value = cloudpickle.loads(self._connection.recv_bytes())
        if not returned:
            raise RayJobError(value)
        return value


@pytest.fixture(scope="module")
def ray_driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayDriver]:
    """Ray on this machine, started by a process of its own."""
    ours, theirs = socket.socketpair()
    log = tmp_path_factory.mktemp("ray") / "log"
    words = [str(JOBS / "driver.py"), str(theirs.fileno())]
    with ours, theirs, running(words, ENVIRONMENT, log, [theirs.fileno()]) as job:
        theirs.close()
        with Connection(ours.detach()) as connection:
            yield RayDriver(connection, job)


class Cluster:
    """Nodes of Ray on this machine, each a process with all that it has started.

    Args:
        base_url: What asks OpenRouter there asks this instead.
        folder: For their output.
    """

    def __init__(self, base_url: str, folder: Path) -> None:
        self._base_url = {"OPENROUTER_API_BASE": base_url}
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._folder = folder

    @property
    def environment(self) -> dict[str, str]:
        """What lets a driver join it."""
        return {**self._base_url, "RAY_ADDRESS": f"127.0.0.1:{self._port}"}

    def start_head(self) -> AbstractContextManager[Job]:
        return self._start(
            "--head",
            f"--port={self._port}",
            "--include-dashboard=false",
            f"--temp-dir=/tmp/{self._folder.name}",
        )

    def start_node(self) -> AbstractContextManager[Job]:
        return self._start(f"--address=127.0.0.1:{self._port}")

    def _start(self, *words: str) -> AbstractContextManager[Job]:
        command = ["-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
        memory = "--object-store-memory=200000000"
        variables = {**ENVIRONMENT, **self._base_url}
        return running([*command, memory, *words], variables, self._folder / "log")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of one node, to which tests add others, and an offline OpenRouter for it."""
    with OfflineServer() as server:
        cluster = Cluster(server.base_url, tmp_path_factory.mktemp("cluster"))
        with cluster.start_head():
            yield cluster
