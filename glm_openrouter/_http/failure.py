"""What went wrong on a socket, in one word."""

import sys
from typing import Literal

import httpx

__all__ = ["ResponseTooLarge", "TransportFailure", "transport_failure"]

TransportFailure = Literal[
    "no connection", "connect timeout", "connection", "silence", "size", "encoding"
]
"""With the first two, nothing was sent; with all others, the server may have taken the request."""

_NO_CONNECTION = (
    httpx.ConnectError,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


class ResponseTooLarge(httpx.StreamError):
    """A body has more bytes than it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit:,} bytes")


def transport_failure(error: BaseException) -> TransportFailure | None:
    """Return how the transport failed, or `None` if `error` does not come from httpx, aiohttp or a socket."""
    aiohttp = sys.modules.get("aiohttp")
    kinds = (httpx.HTTPError, httpx.StreamError, OSError)
    if not isinstance(error, kinds if aiohttp is None else (*kinds, aiohttp.ClientError)):
        return None
    if isinstance(error, ResponseTooLarge):
        return "size"
    if isinstance(error, httpx.DecodingError):
        return "encoding"
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return _of_connect_timeout(error.__cause__)
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "silence"
    return "no connection" if isinstance(error, _NO_CONNECTION) else "connection"


def _of_connect_timeout(cause: BaseException | None) -> TransportFailure:
    # httpx-aiohttp reports a refused or reset connection like this, too; the cause tells.
    if not type(cause).__module__.startswith("aiohttp") or isinstance(cause, TimeoutError):
        return "connect timeout"
    aiohttp = sys.modules["aiohttp"]
    return "no connection" if isinstance(cause, aiohttp.ClientConnectorError) else "connection"
