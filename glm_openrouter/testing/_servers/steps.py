"""What a scripted reply is made of.

A reply is a tuple of steps. It opens with `Status`; a body without a `content-length` header goes
out in chunked encoding, so that a connection closed too early is a truncated body and not the end
of one. A reply that runs through ends its body cleanly, and the connection takes the next request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = [
    "Close",
    "Comment",
    "Done",
    "Event",
    "Hold",
    "Reply",
    "Reset",
    "Send",
    "Status",
    "Step",
    "Wait",
]


@dataclass(frozen=True)
class Status:
    """Send the status line and the headers."""

    code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Send:
    """Send bytes of the body as one TCP segment of its own where the network allows."""

    data: bytes


@dataclass(frozen=True)
class Event:
    """Send one server-sent event; a mapping as JSON, a string as it is."""

    data: Mapping[str, Any] | str


@dataclass(frozen=True)
class Comment:
    """Send a comment line, as OpenRouter does to keep the connection alive."""

    text: str = "OPENROUTER PROCESSING"


@dataclass(frozen=True)
class Done:
    """Send `data: [DONE]`."""


@dataclass(frozen=True)
class Wait:
    """Send nothing for some seconds; shorter if the client leaves."""

    seconds: float


@dataclass(frozen=True)
class Hold:
    """Send nothing and keep the connection open until the client leaves or the server stops."""


@dataclass(frozen=True)
class Close:
    """Close the connection.

    Args:
        clean: Whether to end the chunked body first; without, the body is truncated.
    """

    clean: bool = False


@dataclass(frozen=True)
class Reset:
    """Reset the connection, so that the client sees an error and no end of file."""


Step: TypeAlias = Status | Send | Event | Comment | Done | Wait | Hold | Close | Reset
Reply: TypeAlias = tuple[Step, ...]
