"""Where requests go, and how long they may take."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import httpx

from .inflate import ACCEPT_ENCODING
from .options import AsyncHTTPClient, HTTPClient, HTTPRequest, Timeout
from .proxy import Proxy, environment_proxy

__all__ = ["PlainRequest", "RequestBuilder", "proxy_of"]


_PROXY = "glm_openrouter.proxy"
"""What `RequestBuilder` calls it among the extensions of a request."""


class PlainRequest(NamedTuple):
    """What one request asks for; all else is the same for every request of a client."""

    method: str
    path: str
    """Below the base URL, with its query."""
    body: bytes = b""


class RequestBuilder:
    """Puts the requests of a client into httpx's form. It is made once, because parsing takes long for each request."""

    def __init__(self, base_url: str, headers: Mapping[str, str], timeout: Timeout) -> None:
        self._base_url = base_url
        self._headers = httpx.Headers(headers)
        self._headers.setdefault("Accept-Encoding", ACCEPT_ENCODING)
        self._timeout = timeout
        self._extensions: dict[str, object] = {}
        """What a shared client is told, from the first request on."""

    def describe(self, client: HTTPClient | AsyncHTTPClient | None) -> str:
        """Return where requests go, and through which proxy; see `build_request`."""
        proxy = self._find_extensions()[_PROXY] if client is None else None
        return f"{self._base_url} through {proxy}" if proxy else self._base_url

    def _find_extensions(self) -> dict[str, object]:
        # Asking the environment takes as long as all else here, so it waits until there is a request.
        if not self._extensions:
            proxy = environment_proxy(httpx.URL(self._base_url))
            self._extensions = {"timeout": self._timeout.as_dict(), _PROXY: proxy}
        return self._extensions

    def build_request(
        self, request: PlainRequest, client: HTTPClient | AsyncHTTPClient | None
    ) -> HTTPRequest:
        """Return a request; it has what the user's own `client` adds to requests, a shared client adds nothing.

        Args:
            request: What to ask for.
            client: The user's own.

        Raises:
            InvalidRequestError: The environment names a proxy that cannot be used.
        """
        url = _parse_url(self._base_url + request.path)
        if client is not None:
            return client.build_request(
                request.method,
                url,
                headers=self._headers,
                content=request.body,
                timeout=self._timeout,
            )
        return httpx.Request(
            request.method,
            url,
            headers=self._headers,
            content=request.body,
            extensions=self._find_extensions(),
        )


@lru_cache(maxsize=64)
def _parse_url(url: str) -> httpx.URL:
    return httpx.URL(url)


def proxy_of(request: HTTPRequest) -> Proxy | None:
    """Return the proxy that a request for a shared client goes through."""
    proxy: Proxy | None = request.extensions[_PROXY]
    return proxy
