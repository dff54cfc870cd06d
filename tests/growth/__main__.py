"""Run shapes at several sizes and print the work of each, as lines of JSON."""

import json
import sys
import time
from typing import TYPE_CHECKING

from fuzz.watch import TooSlow, limited

from .counting import install, work

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .shapes import Shape

_SECONDS = 10.0
"""Of processor time, for one shape at one size: far more than it takes, unless an expression runs away."""


def main() -> None:
    """Run all shapes at three sizes, or those that contain the words given.

    With "--check", run all at the smallest and the largest size only, and the first one once more.
    """
    install()
    from .shapes import SHAPES

    shapes = [*SHAPES.values()]
    if sys.argv[1:] == ["--check"]:
        print_work([*shapes, shapes[0]], (1, 4))
    else:
        words = " ".join(sys.argv[1:])
        print_work([shape for shape in shapes if words in shape.name], (1, 2, 4))


def print_work(shapes: "Iterable[Shape]", multiples: tuple[int, ...]) -> None:
    """Run shapes at these multiples of their sizes, and print the work of each."""
    for shape in shapes:
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
