"""What the options of a client mean for its sockets, and httpx's types under names of our own."""

import re
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal, TypeAlias, Union
from urllib.parse import urlsplit

import httpx

from glm_openrouter._idle import TimeLimits, is_time_limit
from glm_openrouter._secrets import show_option
from glm_openrouter.errors import InvalidRequestError

__all__ = [
    "DEFAULT_TIMEOUT",
    "AsyncHTTPClient",
    "HTTPClient",
    "HTTPRequest",
    "HTTPResponse",
    "Timeout",
    "allow_first_token",
    "build_timeout",
    "check_base_url",
    "check_client",
    "is_address",
]


if TYPE_CHECKING:
    import httpx2

HTTPClient: TypeAlias = Union[httpx.Client, "httpx2.Client"]
AsyncHTTPClient: TypeAlias = Union[httpx.AsyncClient, "httpx2.AsyncClient"]
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
    limit = DEFAULT_TIMEOUT if timeout is None else timeout
    if not is_time_limit(limit):
        raise InvalidRequestError(
            f"timeout must be a positive number of seconds, or an httpx.Timeout, "
            f"got {show_option(timeout)}."
        )
    if isinstance(limit, int | float):
        connect = min(CONNECT_TIMEOUT, limit)
        return httpx.Timeout(limit, connect=connect, pool=connect)
    assert isinstance(limit, TimeLimits)  # for the type checker; there is nothing else
    return httpx.Timeout(connect=limit.connect, read=limit.read, write=limit.write, pool=limit.pool)


def allow_first_token(timeout: Timeout, first: float | None) -> Timeout:
    """Return the limits for a request whose answer has `first` seconds to begin; `None` means no such limit."""
    if first is None:
        return timeout
    connect, pool = (min(limit or first, first) for limit in (timeout.connect, timeout.pool))
    read = timeout.read and max(timeout.read, first)
    return httpx.Timeout(connect=connect, read=read, write=timeout.write, pool=pool)


def check_client(option: str, client: object, class_name: Literal["Client", "AsyncClient"]) -> None:
    """Check that what a user passes as a client of their own is one.

    httpx2 continues httpx under the same names (https://github.com/pydantic/httpx2); whoever has a client of it has
    imported it.

    Raises:
        InvalidRequestError: It is something else, such as a client of the other kind.
    """
    modules = [httpx, *filter(None, [sys.modules.get("httpx2")])]
    if not any(isinstance(client, getattr(module, class_name)) for module in modules):
        actual = f"{type(client).__module__}.{type(client).__qualname__}"
        raise InvalidRequestError(
            f"{option} must be an httpx.{class_name}, or an httpx2.{class_name}, got {actual}."
        )


def check_base_url(url: str, *, name: str = "base_url", allow_http: bool) -> str:
    """Return the base URL without white space around it and its last slash.

    Args:
        url: What was given.
        name: What it is called where it was given.
        allow_http: Whether it may be on another machine, and without encryption.

    Raises:
        InvalidRequestError: It is not a URL, would send the key unencrypted to another machine, or has a part that does
            not belong there and may be a secret; the message does not show that part.
    """
    url = url.strip()
    if "@" in url:
        raise InvalidRequestError(
            f"{name} must be host and path only, without user and password; an @ in a path is written as %40. "
            "Send credentials of your own as default_headers."
        )
    shown = re.split("[?#]", url)[0]
    if not shown.isprintable():
        raise InvalidRequestError(f"{name} has a line end or a control character in it.")
    scheme, host = _split(url)
    if scheme not in ("http", "https") or not host:
        value = repr(shown) if "://" in shown else "text without it"  # which may be a key
        raise InvalidRequestError(f"{name} must be a URL with https://, got {value}.")
    if scheme == "http" and not allow_http and not _is_loopback(host):
        raise InvalidRequestError(
            f"{name} {shown!r} would send the API key unencrypted. Use https://, or set allow_http=True."
        )
    if shown != url:
        raise InvalidRequestError(
            f"{name} must be host and path only, such as {shown!r}, without query or fragment. "
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
    if is_address(host):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def is_address(host: str) -> bool:
    """Return whether a host is an IP address, which needs no looking up."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
