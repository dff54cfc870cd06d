"""How the work for a response grows with its size, counted and not timed; `tests/growth` holds the shapes.

Work is calls, turns of loops, and characters or items that are looked at or copied. Twice as much should be about
twice the work, four times as much four times.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from _measure import print_table

TESTS = Path(__file__).resolve().parents[1] / "tests"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only shapes whose name has these words")
    parser.add_argument("--worst", type=int, default=0, help="only this many, which grow most")
    options = parser.parse_args()
    rows = count(options.words)
    rows.sort(key=lambda row: growth(row[2]), reverse=bool(options.worst))
    print_table(
        ["shape", "n", "work for n", "for 2 n", "for 4 n", "CPU seconds for all three"],
        [
            [name, f"{size:,}", *figures(counts), f"{seconds:.2f}"]
            for name, size, counts, seconds in rows[: options.worst or None]
        ],
    )


def count(words: list[str]) -> list[tuple[str, int, list[int | None], float]]:
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-m", "growth", *words]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def growth(counts: list[int | None]) -> float:
    least, _, most = counts
    return most / least if least and most else float("inf")


def figures(counts: list[int | None]) -> list[str]:
    least = counts[0]
    if least is None:
        return ["stopped"] * 3
    more = ["stopped" if work is None else f"x{work / least:.1f}" for work in counts[1:]]
    return [f"{least:,}", *more]


if __name__ == "__main__":
    main()
