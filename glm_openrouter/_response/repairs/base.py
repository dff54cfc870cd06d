"""What a repair is."""

from typing import Protocol

from glm_openrouter.completions import Delta

__all__ = ["Repair"]


class Repair(Protocol):
    """One repair, for one response."""

    has_fired: bool
    """Whether it has changed anything."""

    def feed(self, delta: Delta) -> Delta:
        """Repair one increment, in place."""
        ...

    def flush(self, *, ended: bool) -> Delta:
        """Return what was held back when nothing more comes.

        Args:
            ended: Whether the response has reported that it ended by itself: it was not cut off, and did not fail.
        """
        ...
