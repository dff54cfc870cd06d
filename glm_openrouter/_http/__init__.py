"""Sockets: the only package that imports httpx.

Clients are shared: one for the process and one for each running event loop, so that a thousand model instances use
one pool. The asynchronous one runs on aiohttp, which at a thousand streams needs a tenth of the time of httpx's own
pool; it is imported with the first asynchronous call.
"""

from .async_pool import async_client, release_async_client, running_loop
from .body import AsyncBody, Body
from .failure import LeavingNoFrames, TransportFailure, transport_failure
from .httpcore_hooks import sending
from .options import (
    AsyncHTTPClient,
    HTTPClient,
    HTTPResponse,
    Timeout,
    allow_first_token,
    build_timeout,
    check_base_url,
    check_client,
)
from .request import PlainRequest, RequestBuilder
from .sync_pool import release_sync_client, sync_client

__all__ = [
    "AsyncBody",
    "AsyncHTTPClient",
    "Body",
    "HTTPClient",
    "HTTPResponse",
    "LeavingNoFrames",
    "PlainRequest",
    "RequestBuilder",
    "Timeout",
    "TransportFailure",
    "allow_first_token",
    "async_client",
    "build_timeout",
    "check_base_url",
    "check_client",
    "release_async_client",
    "release_sync_client",
    "running_loop",
    "sending",
    "sync_client",
    "transport_failure",
]
