"""What a request must be before anybody looks at what it asks for: meant for this server, bounded, and JSON."""

import json
from collections.abc import Collection
from ipaddress import ip_address
from typing import Any, Final

from starlette.requests import Request

from .refusal import RefusalError

__all__ = ["HostCheck", "parse_body", "read_body"]

LARGEST_BODY: Final = 16_000_000
"""Bytes; several times what the context of a GLM model holds."""

_MOST_DISCARDED: Final = 1_000_000_000
"""Bytes of a body that is too large which are still read, so that the client sees the answer."""


class HostCheck:
    """Refuses requests that a web page makes under a name of its own that leads to this machine (DNS rebinding).

    Args:
        host: The address that the server listens on. If it listens on all of them, any address may be in the header.
        names: Names under which it can be reached besides `localhost`, such as that of a container.
    """

    def __init__(self, host: str, names: Collection[str] = ()) -> None:
        self._names = {name.lower() for name in ("localhost", host, *names)}
        self._any_address = host in ("", "0.0.0.0", "::")

    def check(self, request: Request) -> None:
        """Refuse a request for another host.

        Raises:
            RefusalError: 403.
        """
        given = request.headers.get("host", "")
        name = _without_port(given).lower()
        if name not in self._names and not self._is_address(name):
            known = ", ".join(sorted(self._names))
            raise RefusalError(403, f"The Host header must be one of {known}, or an address of it")

    def _is_address(self, name: str) -> bool:
        try:
            return ip_address(name).is_loopback or self._any_address
        except ValueError:
            return False


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


async def read_body(request: Request) -> bytes:
    """Return the body of a request.

    Raises:
        RefusalError: 413, it is larger than `LARGEST_BODY`.
    """
    body, size = bytearray(), 0
    async for piece in request.stream():
        size += len(piece)
        if size <= LARGEST_BODY:
            body += piece
        elif size > _MOST_DISCARDED:
            break
    if size > LARGEST_BODY:
        raise RefusalError(413, f"The request body is larger than {LARGEST_BODY} bytes")
    return bytes(body)


def parse_body(raw: bytes) -> dict[str, Any] | None:
    """Return a body that is a JSON object which can be written again; else `None`."""
    try:
        body = json.loads(raw, parse_constant=_refuse)
        if b"\\u" in raw:
            json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")
