"""Ray loses a worker, its driver, or one of two nodes in the middle of a job: nothing is lost, done or paid for twice
but for what was under way."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from support.paid_openrouter import PaidOpenRouter, is_always_refused, paid_openrouter
from support.processes import kill_with_descendants

from .conftest import JOBS, write_rows

pytestmark = [pytest.mark.kill, pytest.mark.ray, pytest.mark.xdist_group("ray")]

IN_FLIGHT = 32
ROWS = 1200
KILL_AT = 500


@pytest.fixture
def words(tmp_path: Path) -> list[object]:
    """What runs the job."""
    write_rows(tmp_path / "in.jsonl", ROWS)
    (tmp_path / "processes").mkdir()
    return [
        JOBS / "over_ray.py",
        *(tmp_path / "in.jsonl", tmp_path / "out"),
        *("--in-flight", IN_FLIGHT, "--processes", tmp_path / "processes"),
    ]


def nodes_by_process(folder: Path) -> dict[int, str]:
    """Return the processes that have asked, and the node of each."""
    return {int(path.name): path.read_text() for path in (folder / "processes").iterdir()}


def read_rows(folder: Path) -> list[dict[str, Any]]:
    from pyarrow import parquet

    rows: list[dict[str, Any]] = parquet.read_table(folder / "out").to_pylist()
    return rows


def check(folder: Path, server: PaidOpenRouter, in_flight: int) -> None:
    rows = read_rows(folder)
    refused = {number for number in range(ROWS) if is_always_refused(f"row {number}")}
    assert sorted(row["id"] for row in rows) == list(range(ROWS))
    assert {row["id"] for row in rows if row["error"]} == refused
    assert all(row["answer"] == f"answer to row {row['id']}" for row in rows if not row["error"])
    assert server.paid_again <= in_flight


def test_a_worker_that_is_killed_pays_again_only_for_what_was_under_way(words, tmp_path, start_job):
    with paid_openrouter() as server:
        words += ["--base-url", server.base_url, "--journal", tmp_path / "journal.db"]
        with start_job(*words) as job:
            server.wait_until_paid(KILL_AT, job)
            (worker,) = nodes_by_process(tmp_path)
            os.kill(worker, signal.SIGKILL)
            assert job.wait() == 0, job.output

    assert len(nodes_by_process(tmp_path)) == 2
    check(tmp_path, server, IN_FLIGHT)


def test_a_driver_that_is_killed_pays_again_only_for_what_was_under_way(words, tmp_path, start_job):
    with paid_openrouter() as server:
        words += ["--base-url", server.base_url, "--journal", tmp_path / "journal.db"]
        with start_job(*words) as job:
            server.wait_until_paid(KILL_AT, job)
            job.kill()
        with start_job(*words) as job:
            assert job.wait() == 0, job.output

    check(tmp_path, server, IN_FLIGHT)


def test_a_node_that_is_killed_pays_again_only_for_what_was_under_way(
    words, tmp_path, start_job, cluster, redis_server
):
    with paid_openrouter() as server, cluster.start_node() as node:
        words += ["--base-url", server.base_url, "--journal", redis_server.url]
        words += ["--actors", 2, "--nodes", 2]
        with start_job(*words, **cluster.environment) as job:
            server.wait_until_paid(KILL_AT, job)
            assert len(set(nodes_by_process(tmp_path).values())) == 2
            kill_with_descendants(node.process.pid)
            assert job.wait() == 0, job.output

    check(tmp_path, server, IN_FLIGHT)
