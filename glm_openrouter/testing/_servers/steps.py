"""What a scripted reply is made of.

A reply is a tuple of steps. It opens with `Status`; a body without a `content-length` header goes
out in chunked encoding, so that a connection closed too early is a truncated body and not the end
of one. A reply that runs through ends its body cleanly, and the connection takes the next request.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

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
    "bytes_reply",
    "json_reply",
    "stream_reply",
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

_EVENT_STREAM: Final = {"content-type": "text/event-stream"}


def json_reply(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a reply with a JSON body; a string goes out as it is, whether it is JSON or not."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    own = {"content-type": "application/json", "content-length": str(len(data))}
    return (Status(status, {**own, **(headers or {})}), Send(data))


def stream_reply(
    events: Iterable[Mapping[str, Any] | str | Step],
    *,
    done: bool = True,
    interval: float = 0.0,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return a reply that is an event stream.

    Args:
        events: Payloads of events; steps may stand between them.
        done: Whether `[DONE]` ends the stream.
        interval: Seconds to wait before each event.
        headers: Headers besides the content type.
    """
    steps: list[Step] = [Status(200, {**_EVENT_STREAM, **(headers or {})})]
    for event in events:
        if not isinstance(event, Mapping | str):
            steps.append(event)
            continue
        if interval:
            steps.append(Wait(interval))
        steps.append(Event(event))
    return (*steps, Done()) if done else tuple(steps)


def bytes_reply(
    data: bytes,
    *,
    pieces: int | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return a reply with just these bytes as its body, an event stream unless the headers differ.

    Args:
        data: The body.
        pieces: The size of the pieces to cut it into, each sent on its own; None sends it whole.
        status: The status code.
        headers: Headers in place of the content type of an event stream.
    """
    size = pieces or max(len(data), 1)
    cut = (Send(data[at : at + size]) for at in range(0, len(data), size))
    return (Status(status, headers or _EVENT_STREAM), *cut)
