"""A clock for tests: nothing waits, the waits are noted, and time goes on by as much."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from glm_openrouter._client.transport import BaseTransport, Clock

__all__ = ["noted_waits"]

_noted_here: ContextVar[list[float] | None] = ContextVar("noted_here", default=None)
_noted: list[list[float]] = []
"""The lists of all open blocks, the last one for threads that know of none."""


def _waits() -> list[float] | None:
    here = _noted_here.get()
    return here if here is not None else next(reversed(_noted), None)


class _NotingClock(Clock):
    """The real clock outside the blocks of `noted_waits`."""

    def now(self) -> float:
        return super().now() + sum(_waits() or ())

    def sleep(self, seconds: float) -> None:
        waits = _waits()
        if waits is None:
            super().sleep(seconds)
        else:
            waits.append(seconds)

    async def asleep(self, seconds: float) -> None:
        waits = _waits()
        if waits is None:
            await super().asleep(seconds)
        else:
            waits.append(seconds)


BaseTransport.clock = _NotingClock()


@contextmanager
def noted_waits(waits: list[float]) -> Iterator[None]:
    """Have every client note in this block the seconds between its tries, instead of waiting.

    Blocks in threads beside each other have a list each.
    """
    token = _noted_here.set(waits)
    _noted.append(waits)
    try:
        yield
    finally:
        at = next(at for at, other in enumerate(_noted) if other is waits)
        del _noted[at]
        _noted_here.reset(token)
