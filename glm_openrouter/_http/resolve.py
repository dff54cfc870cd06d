"""Connections of synchronous calls: looking up a host may take no longer than connecting may."""

import socket
import threading
import time
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import httpcore

__all__ = ["Backend", "is_address"]


class Backend(httpcore.SyncBackend):
    """Makes connections as httpcore does, all in all within the time for connecting."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that answers."""
        end = None if timeout is None else time.monotonic() + timeout
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in _addresses(host, port, timeout):
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise httpcore.ConnectTimeout("timed out")
            try:
                return super().connect_tcp(address, port, left, local_address, socket_options)
            except httpcore.ConnectError as error:
                failure = error
        raise failure


def _addresses(host: str, port: int, timeout: float | None) -> list[str]:
    """Return the addresses of a host.

    `getaddrinfo` can be neither limited nor interrupted, so a thread of its own is left behind with it.
    """
    if is_address(host):
        return [host]
    found: list[str] = []
    failures: list[OSError] = []

    def run_query() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            failures.append(error if isinstance(error, OSError) else OSError(str(error)))
        else:
            found.extend(dict.fromkeys(str(entry[4][0]) for entry in entries))

    looking = threading.Thread(target=run_query, name=f"look up {host}", daemon=True)
    looking.start()
    looking.join(timeout)
    if looking.is_alive():
        raise httpcore.ConnectTimeout(f"looking up {host} took too long")
    if failures:
        raise httpcore.ConnectError(str(failures[0])) from failures[0]
    return found


def is_address(host: str) -> bool:
    """Return whether a host is an IP address, which needs no looking up."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
