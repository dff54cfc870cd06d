"""Where requests go, with which headers, and how long they may take."""

from collections.abc import Mapping
from copy import copy
from functools import lru_cache
from typing import Any, NamedTuple, cast

import httpx

from glm_openrouter._secrets import Concealed

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
    """What is the same for every request of a client, and how a request is put into httpx's form.

    It is made once, because parsing takes long for each request.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], timeout: Timeout) -> None:
        self.base_url = base_url
        self.timeout = timeout
        self.headers = Concealed(headers)
        if "accept-encoding" not in map(str.lower, headers):
            self.headers["Accept-Encoding"] = ACCEPT_ENCODING
        self._httpx_headers = httpx.Headers(self.headers)
        self._proxy: list[Proxy | None] = []
        """Once there has been a request, its proxy; those for a call share it."""

    @property
    def proxy(self) -> Proxy | None:
        """The proxy that a shared client goes through, as the environment had it at the first request.

        Raises:
            InvalidRequestError: The environment names one that cannot be used.
        """
        # Asking the environment takes as long as all else here, so it waits until there is a request. This is no
        # `cached_property`, whose frame would show the headers in an error.
        if not self._proxy:
            self._proxy.append(environment_proxy(httpx.URL(self.base_url)))
        return self._proxy[0]

    def for_call(self, headers: Mapping[str, str], timeout: Timeout) -> "RequestBuilder":
        """Return one for requests with more headers, which win over the others, and with limits of their own."""
        builder = copy(self)
        replaced = {name.lower() for name in headers}
        kept = {name: self.headers[name] for name in self.headers if name.lower() not in replaced}
        builder.headers = Concealed({**kept, **headers})
        builder._httpx_headers = httpx.Headers(builder.headers)
        builder.timeout = timeout
        return builder

    def describe(self, client: HTTPClient | AsyncHTTPClient | None) -> str:
        """Return where requests go, and through which proxy; see `build_request`."""
        proxy = self.proxy if client is None else None
        return f"{self.base_url} through {proxy}" if proxy else self.base_url

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
        url = self.base_url + request.path
        if client is not None:
            limits = self.timeout
            # Without types of httpx, because it may be one of httpx2.
            own_request: HTTPRequest = cast(Any, client).build_request(
                request.method,
                url,
                headers=self.headers,
                content=request.body,
                timeout=(limits.connect, limits.read, limits.write, limits.pool),
            )
            return own_request
        return httpx.Request(
            request.method,
            _parse_url(url),
            headers=self._httpx_headers,
            content=request.body,
            extensions={"timeout": self.timeout.as_dict(), _PROXY: self.proxy},
        )


@lru_cache(maxsize=64)
def _parse_url(url: str) -> httpx.URL:
    return httpx.URL(url)


def proxy_of(request: HTTPRequest) -> Proxy | None:
    """Return the proxy that a request for a shared client goes through."""
    proxy: Proxy | None = request.extensions[_PROXY]
    return proxy
