"""A limit for processor time."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["TooSlow", "limited"]


class TooSlow(BaseException):
    """Something took more time than it may; not an `Exception`, so that nothing takes it for its own."""


@contextmanager
def limited(allowed: float) -> Iterator[None]:
    """Raise `TooSlow` in the block, or after it, once it has used more seconds of processor time than `allowed`."""
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
        raise TooSlow(f"{used:.1f} s of processor time, {allowed:.1f} s are allowed")


def _interrupt(*_: int | FrameType | None) -> None:
    raise TooSlow("stopped after all the processor time that is allowed")
