"""What went wrong on a socket, in one word."""

import sys
from typing import Literal

import httpx

__all__ = ["TransportFailure", "transport_failure"]

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
