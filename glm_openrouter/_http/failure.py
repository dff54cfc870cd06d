"""What went wrong on a socket, in one word."""

import sys
from typing import Literal

import httpx

__all__ = ["TransportFailure", "is_unsent", "transport_failure"]

TransportFailure = Literal["connection", "connect timeout", "silence"]


def transport_failure(error: BaseException) -> TransportFailure | None:
    """Return how the transport failed, or `None` if `error` does not come from httpx, aiohttp or a socket."""
    aiohttp = sys.modules.get("aiohttp")
    kinds = (httpx.HTTPError, httpx.StreamError, OSError)
    if not isinstance(error, kinds if aiohttp is None else (*kinds, aiohttp.ClientError)):
        return None
    cause = error.__cause__
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        # httpx-aiohttp reports a refused or reset connection like this, too; the cause tells.
        from_aiohttp = type(cause).__module__.startswith("aiohttp")
        if from_aiohttp and not isinstance(cause, TimeoutError):
            return "connection"
        return "connect timeout"
    return "silence" if isinstance(error, httpx.TimeoutException | TimeoutError) else "connection"


def is_unsent(error: BaseException) -> bool:
    """Return whether no connection was made, so that nothing of the request can have left."""
    aiohttp = sys.modules.get("aiohttp")
    cause = error.__cause__
    if aiohttp is not None and isinstance(cause, aiohttp.ClientError):
        # httpx-aiohttp reports a connection that broke later like one that was never made.
        return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    unconnected = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    return isinstance(error, (*unconnected, httpx.UnsupportedProtocol))
