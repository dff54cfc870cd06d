"""The cost of a response grows no faster than the response does, whatever its shape."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from .counting import OURS
from .shapes import SHAPES

TESTS = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.timeout(900)  # a part takes a minute, if nothing else runs
PARTS = 2
BOUND = 4.5
"""How much more work four times as much may be."""


def count(*words: str) -> dict[str, list[int | None]]:
    """Return the work of each shape at its sizes, counted in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "growth", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1800)
    assert not done.returncode, done.stderr
    return {name: counts for name, _, counts, _ in map(json.loads, done.stdout.splitlines())}


count_part = cache(count)
"""Counts a part of the shapes; each part is a group of tests, which one worker runs."""


@pytest.mark.parametrize(
    ("shape", "part"),
    [
        pytest.param(
            shape, at % PARTS, marks=pytest.mark.xdist_group(f"growth-{at % PARTS}"), id=shape
        )
        for at, shape in enumerate(SHAPES)
    ],
)
def test_four_times_as_much_is_four_times_the_work(shape: str, part: int) -> None:
    least, most = count_part(f"{part}/{PARTS}")[shape]
    assert least is not None, "stopped"
    assert most is not None, "stopped"
    assert least > SHAPES[shape].size // 10, "something is not counted"
    assert most <= BOUND * least


@pytest.mark.xdist_group("growth-0")
def test_work_is_the_same_each_time() -> None:
    name = next(iter(SHAPES))
    least, _, most = count(name)[name]
    assert [least, most] == count_part(f"0/{PARTS}")[name]


def test_nothing_counts_in_this_process() -> None:
    assert not any("__counted_call__" in vars(sys.modules[name]) for name in OURS)
