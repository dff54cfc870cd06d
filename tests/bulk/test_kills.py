"""What is lost, done twice and paid for twice when processes are killed in the middle of a job: nothing but what was
under way.

A kill is a `SIGKILL`, at a moment that the server chooses: when it has been paid for so many answers. What it answers,
refuses and drops depends on the row alone, so that no run differs from another but in its timing.
"""

import json
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from support.paid_openrouter import PaidOpenRouter, is_always_refused, paid_openrouter
from support.processes import Job

from .conftest import JOBS, write_rows

pytestmark = [pytest.mark.kill, pytest.mark.xdist_group("ray")]

IN_FLIGHT = 32
KILLS = 5
ROWS = 1500


def kill_and_go_on(
    start: Callable[[], AbstractContextManager[Job]], server: PaidOpenRouter, questions: int
) -> Job:
    """Run a job, kill it at some moments, and return the one that came to its end."""
    moments = sorted(random.Random(questions).sample(range(50, questions - 50), KILLS))
    for moment in moments:
        with start() as job:
            server.wait_until_paid(moment, job)
            job.kill()
    with start() as job:
        job.wait()
    return job


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_command_that_is_killed_pays_again_only_for_what_was_under_way(tmp_path, start_job):
    ids = write_rows(tmp_path / "in.jsonl", ROWS)
    refused = {number for number in ids if is_always_refused(f"row {number}")}
    words = ["-m", "glm_openrouter", "batch", tmp_path / "in.jsonl", tmp_path / "out.jsonl"]
    with paid_openrouter() as server:
        job = kill_and_go_on(
            lambda: start_job(
                *words,
                *("--prompt", "Label this: {text}", "--in-flight", IN_FLIGHT),
                OPENROUTER_API_BASE=server.base_url,
            ),
            server,
            ROWS,
        )

    assert job.process.returncode == 3, job.output  # some rows failed
    assert sorted(row["id"] for row in read_lines(tmp_path / "out.jsonl")) == sorted(
        {*ids} - refused
    )
    assert {row["id"] for row in read_lines(tmp_path / "out.jsonl.failed")} == refused
    assert server.paid_again <= KILLS * IN_FLIGHT


def test_three_calls_a_row_pay_again_only_for_those_under_way(tmp_path, start_job):
    ids = write_rows(tmp_path / "in.jsonl", ROWS // 3)
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    with paid_openrouter() as server:
        job = kill_and_go_on(
            lambda: start_job(
                JOBS / "three_calls.py",
                *(source, target, tmp_path / "journal.db", IN_FLIGHT),
                OPENROUTER_API_BASE=server.base_url,
            ),
            server,
            ROWS,
        )

    assert job.process.returncode == 0, job.output
    assert sorted(row["id"] for row in read_lines(target)) == ids
    assert server.paid_again <= KILLS * IN_FLIGHT
