"""The cost of a response grows no faster than the response does, whatever its shape."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .counting import OURS
from .shapes import SHAPES

TESTS = Path(__file__).resolve().parents[1]
BOUND = 4.5
"""How much more work four times as much may be."""
pytestmark = pytest.mark.timeout(900)  # the first test takes half a minute, if nothing else runs


@pytest.fixture(scope="module")
def counts() -> list[tuple[str, list[int | None]]]:
    """The work of each shape at two sizes, counted in a process of its own; the first one's is there twice."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "growth", "--check"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1800)
    assert not done.returncode, done.stderr
    return [(name, work) for name, _, work, _ in map(json.loads, done.stdout.splitlines())]


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_as_much_is_four_times_the_work(
    shape: str, counts: list[tuple[str, list[int | None]]]
) -> None:
    least, most = dict(counts)[shape]
    assert least is not None, "stopped"
    assert most is not None, "stopped"
    assert least > SHAPES[shape].size // 10, "something is not counted"
    assert most <= BOUND * least


def test_work_is_the_same_each_time(counts: list[tuple[str, list[int | None]]]) -> None:
    assert counts[0] == counts[-1]


def test_nothing_counts_in_this_process() -> None:
    assert not any("__counted_call__" in vars(sys.modules[name]) for name in OURS)
