"""Make what finds something as small as it gets."""

import time
from collections.abc import Callable

__all__ = ["reduce"]

_SECONDS = 5.0
"""Of wall clock; what is small enough by then is small enough."""


def reduce(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """Leave out whatever can be left out: first halves, then smaller and smaller parts, line by line, byte by byte."""
    end = time.monotonic() + _SECONDS
    data = b"".join(_without(data.splitlines(keepends=True), fails, end))
    return b"".join(_without([data[at : at + 1] for at in range(len(data))], fails, end))


def _without(parts: list[bytes], fails: Callable[[bytes], bool], end: float) -> list[bytes]:
    size = len(parts) // 2
    while size:
        at = 0
        while at < len(parts) and time.monotonic() < end:
            fewer = parts[:at] + parts[at + size :]
            if fails(b"".join(fewer)):
                parts = fewer
            else:
                at += size
        size //= 2
    return parts
