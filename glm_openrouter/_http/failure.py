"""What went wrong on a socket: in one word, and without what the libraries below held at that moment."""

import traceback
from asyncio import CancelledError
from types import TracebackType
from typing import Literal

import httpx

__all__ = ["LeavingNoFrames", "ResponseTooLarge", "TransportFailure", "transport_failure"]

TransportFailure = Literal[
    "no connection", "connect timeout", "connection", "silence", "size", "encoding"
]
"""With the first two, nothing was sent; with all others, the server may have taken the request."""

_NO_CONNECTION = {"ConnectError", "ProxyError", "UnsupportedProtocol", "LocalProtocolError"}


class ResponseTooLarge(httpx.StreamError):
    """A body has more bytes than it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit:,} bytes")


def transport_failure(error: BaseException) -> TransportFailure | None:
    """Return how the transport failed, or `None` if `error` does not come from httpx or a socket."""
    names = _names_in_httpx(error)
    if not names and not isinstance(error, OSError):
        return None
    if isinstance(error, ResponseTooLarge):
        return "size"
    if "DecodingError" in names:
        return "encoding"
    if not names.isdisjoint(("ConnectTimeout", "PoolTimeout")):
        return "connect timeout"
    if "TimeoutException" in names or isinstance(error, TimeoutError):
        return "silence"
    return "connection" if names.isdisjoint(_NO_CONNECTION) else "no connection"


def _names_in_httpx(error: BaseException) -> set[str]:
    """Return the types of an error that are httpx's, or httpx2's, which has the same ones."""
    return {
        kind.__name__
        for kind in type(error).__mro__
        if kind.__module__.partition(".")[0] in ("httpx", "httpx2")
    }


class LeavingNoFrames:
    """A block whose errors keep no frame of the libraries below, nor the errors behind them.

    Variables of those frames are the headers of a request and the password of a proxy, and tools that report errors
    show them.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        if error is None:
            return
        if isinstance(error, Exception) and transport_failure(error) is None:
            # Nobody expects it, so where it comes from is of use; these are lines of code, without values.
            error.add_note("".join(traceback.format_tb(frames)))
        _forget(error)


def _forget(error: BaseException) -> None:
    behind = error.__context__
    error.__traceback__ = error.__cause__ = error.__context__ = None
    if isinstance(error, CancelledError) and isinstance(behind, CancelledError):
        # Whoever cancels looks for its own among these.
        error.__context__ = behind
        _forget(behind)
