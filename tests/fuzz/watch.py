"""A limit for the processor time of one case."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["TooSlow", "limited"]

_LEAST = 1.0
"""Seconds, for the smallest case."""
_PER_BYTE = 20e-6
"""Seconds."""


class TooSlow(BaseException):
    """A case took more time than its size allows; not an `Exception`, so that nothing takes it for its own."""


@contextmanager
def limited(size: int) -> Iterator[None]:
    """Raise `TooSlow` in the block, or after it, once it has used too much processor time for `size` bytes."""
    allowed = _LEAST + _PER_BYTE * size
    before = time.thread_time()
    previous = signal.signal(signal.SIGVTALRM, _interrupt)
    signal.setitimer(signal.ITIMER_VIRTUAL, allowed)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)
    # What runs in C may not have let the signal through.
    if (used := time.thread_time() - before) > allowed:
        raise TooSlow(f"{used:.1f} s of processor time for {size} bytes")


def _interrupt(*_: int | FrameType | None) -> None:
    raise TooSlow("stopped: more processor time than the size allows")
