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
pytestmark = pytest.mark.xdist_group("growth")  # all use one count, which takes long
BOUND = 4.5
"""How much more work four times as much may be."""


def count(*words: str) -> dict[str, list[int | None]]:
    """Return the work of each shape at three sizes, counted in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "growth", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1800)
    assert not done.returncode, done.stderr
    return {name: counts for name, _, counts, _ in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def counted() -> dict[str, list[int | None]]:
    return count()


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_as_much_is_four_times_the_work(
    shape: str, counted: dict[str, list[int | None]]
) -> None:
    least, _, most = counted[shape]
    assert least is not None, "stopped"
    assert most is not None, "stopped"
    assert least > SHAPES[shape].size // 10, "something is not counted"
    assert most <= BOUND * least


def test_work_is_the_same_each_time(counted: dict[str, list[int | None]]) -> None:
    again = count("words, one by one")
    assert again["words, one by one"] == counted["words, one by one"]


def test_nothing_counts_in_this_process() -> None:
    assert not any("__counted_call__" in vars(sys.modules[name]) for name in OURS)
