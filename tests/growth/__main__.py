"""Run shapes at several sizes and print the work of each, as lines of JSON."""

import json
import re
import sys
import time
from typing import TYPE_CHECKING

from fuzz.watch import TooSlow, limited

from .counting import install, work

if TYPE_CHECKING:
    from .shapes import Shape

_SECONDS = 10.0
"""Of processor time, for one shape at one size: far more than it takes, unless an expression runs away."""


def main() -> None:
    """Run all shapes at three sizes, or those that contain the words given.

    With "1/4", run every fourth from the second on, at the smallest and the largest size only.
    """
    install()
    from .shapes import SHAPES

    words = " ".join(sys.argv[1:])
    shapes = [*SHAPES.values()]
    if part := re.fullmatch(r"(\d+)/(\d+)", words):
        chosen = shapes[int(part[1]) :: int(part[2])]
    else:
        chosen = [shape for shape in shapes if words in shape.name]
    for shape in chosen:
        print_work(shape, (1, 4) if part else (1, 2, 4))


def print_work(shape: "Shape", multiples: tuple[int, ...]) -> None:
    """Run a shape at these multiples of its size, and print its work."""
    measure(shape, 1)  # what is done once only
    begun = time.process_time()
    counts: list[int | None] = []
    for times in multiples:
        stopped = None in counts
        counts.append(None if stopped else measure(shape, shape.size * times))
    seconds = round(time.process_time() - begun, 2)
    sys.stdout.write(json.dumps([shape.name, shape.size, counts, seconds]) + "\n")
    sys.stdout.flush()


def measure(shape: "Shape", size: int) -> int | None:
    """Return the work of a shape of a size, or `None` if it had to be stopped."""
    made = shape.make(size)
    before = work()
    try:
        with limited(_SECONDS):
            shape.use(made)
    except TooSlow:
        return None
    return work() - before


if __name__ == "__main__":
    main()
