"""What a server remembers of a request."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["ReceivedRequest"]


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    """The headers by lower-case name, the key among them; `repr` leaves them out."""
    body: dict[str, Any] | None
    """The body read as JSON; None if it was empty or something else."""
    query: str = ""
    """What stood after the question mark."""
