"""Where requests go, and how long they may take."""

import math
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx

from glm_openrouter.catalogue import Get
from glm_openrouter.errors import InvalidRequestError

from .inflate import ACCEPT_ENCODING

__all__ = [
    "DEFAULT_TIMEOUT",
    "AsyncHTTPClient",
    "Endpoint",
    "HTTPClient",
    "HTTPRequest",
    "HTTPResponse",
    "Timeout",
    "build_timeout",
    "check_base_url",
    "check_client",
]

HTTPClient: TypeAlias = httpx.Client
AsyncHTTPClient: TypeAlias = httpx.AsyncClient
HTTPRequest: TypeAlias = httpx.Request
HTTPResponse: TypeAlias = httpx.Response
Timeout: TypeAlias = httpx.Timeout

DEFAULT_TIMEOUT = 300.0
"""Seconds of silence. GLM may think for minutes before a response that is not streamed starts."""
CONNECT_TIMEOUT = 10.0
"""Seconds to make a connection."""


def build_timeout(timeout: object) -> Timeout:
    """Return the limits in httpx's form: `read` is the silence that `timeout` bounds.

    Raises:
        InvalidRequestError: It is neither a positive number of seconds, nor an `httpx.Timeout`, nor `None`.
    """
    if isinstance(timeout, httpx.Timeout):
        return timeout
    limit = DEFAULT_TIMEOUT if timeout is None else timeout
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit < math.inf:
        raise InvalidRequestError(
            f"timeout must be a positive number of seconds, or an httpx.Timeout, got {timeout!r}."
        )
    connect = min(CONNECT_TIMEOUT, limit)
    return httpx.Timeout(limit, connect=connect, pool=connect)


def check_client(option: str, client: object, kind: type[HTTPClient | AsyncHTTPClient]) -> None:
    """Check that what a user passes as a client of their own is one.

    Raises:
        InvalidRequestError: It is something else, such as a client of the other kind.
    """
    if not isinstance(client, kind):
        made = f"{type(client).__module__}.{type(client).__qualname__}"
        raise InvalidRequestError(f"{option} must be an httpx.{kind.__name__}, got {made}.")


def check_base_url(url: str, *, allow_http: bool) -> str:
    """Return the base URL without its last slash.

    Raises:
        InvalidRequestError: It is not a URL, would send the key unencrypted to another machine, or has a part that does
            not belong there and may be a secret; the message does not show that part.
    """
    shown = re.sub("//.*@", "//", re.split("[?#]", url)[0])
    scheme, host = _split(url)
    if scheme not in ("http", "https") or not host:
        raise InvalidRequestError(f"base_url must be a URL with https://, got {shown!r}.")
    if scheme == "http" and not allow_http and not _is_loopback(host):
        raise InvalidRequestError(
            f"base_url {shown!r} would send the API key unencrypted. Use https://, or set allow_http=True."
        )
    if re.search("[@?#]", url):
        raise InvalidRequestError(
            f"base_url must be host and path only, such as {shown!r}, without user, password, query or fragment. "
            "Send credentials of your own as default_headers."
        )
    return url.rstrip("/")


def _split(url: str) -> tuple[str, str | None]:
    """Return scheme and host."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is not a port
    except ValueError:
        return "", None
    return parts.scheme, parts.hostname


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Endpoint:
    """Where the requests of a client go, in httpx's form. Made once, because parsing it takes long for each request."""

    def __init__(self, base_url: str, headers: Mapping[str, str], timeout: Timeout) -> None:
        self._base_url = base_url
        self._chat_url = httpx.URL(f"{base_url}/chat/completions")
        self._headers = httpx.Headers(headers)
        self._headers.setdefault("Accept-Encoding", ACCEPT_ENCODING)
        self._timeout = timeout

    def build_request(
        self, wanted: bytes | Get, client: HTTPClient | AsyncHTTPClient | None
    ) -> HTTPRequest:
        """Return a request; it has what the user's own `client` adds to requests, a shared client adds nothing.

        Args:
            wanted: The body of a chat request, or something to get.
            client: The user's own.
        """
        if isinstance(wanted, Get):
            method, url, body = "GET", httpx.URL(self._base_url + wanted.path), b""
        else:
            method, url, body = "POST", self._chat_url, wanted
        if client is not None:
            return client.build_request(
                method, url, headers=self._headers, content=body, timeout=self._timeout
            )
        extensions = {"timeout": self._timeout.as_dict()}
        return httpx.Request(
            method, url, headers=self._headers, content=body, extensions=extensions
        )
