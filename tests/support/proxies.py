"""Proxies on this machine that take any host for one scripted server, and keep what they were told."""

import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import httpx

from glm_openrouter.testing import ScriptedServer


def _anonymous(protocol: int) -> ssl.SSLContext:
    """Return a context for TLS in which nobody has a certificate."""
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("aNULL:@SECLEVEL=0")
    return context


def trusting_context() -> ssl.SSLContext:
    """Return a context for a client that speaks TLS to `TunnelProxy`."""
    return _anonymous(ssl.PROTOCOL_TLS_CLIENT)


def _serve_tls(client: socket.socket) -> socket.socket:
    return _anonymous(ssl.PROTOCOL_TLS_SERVER).wrap_socket(client, server_side=True)


class _Proxy:
    """Serves connections until it is closed."""

    scheme = "http"

    def __init__(self, server: ScriptedServer) -> None:
        url = httpx.URL(server.base_url)
        self._target = (url.host, url.port)
        self.hosts: list[str] = []
        """The hosts that were asked for."""
        self.logins: list[str] = []
        """Who those said that they were who asked."""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def url(self, login: str = "", scheme: str | None = None) -> str:
        return f"{scheme or self.scheme}://{login}127.0.0.1:{self._listening.getsockname()[1]}"

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                thread = threading.Thread(target=self._serve_one, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve_one(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            inner = self.greet(client)
            with inner, socket.create_connection(self._target) as server:
                back = threading.Thread(target=_pass_on, args=(server, inner), daemon=True)
                back.start()
                _pass_on(inner, server)
                back.join(5)

    def greet(self, client: socket.socket) -> socket.socket:
        """Do what comes before the request, and return the socket that it comes from."""
        raise NotImplementedError

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class SocksProxy(_Proxy):
    """A SOCKS5 proxy (https://www.rfc-editor.org/rfc/rfc1928), with a login (rfc1929) if it is offered one."""

    scheme = "socks5"

    def greet(self, client: socket.socket) -> socket.socket:
        methods = client.recv(64)[2:]
        client.sendall(b"\x05\x02" if 2 in methods else b"\x05\x00")
        if 2 in methods:
            said = client.recv(512)
            user = said[2 : 2 + said[1]]
            self.logins.append(b":".join((user, said[3 + len(user) :])).decode())
            client.sendall(b"\x01\x00")
        asked = client.recv(512)
        self.hosts.append(asked[5 : 5 + asked[4]].decode())
        client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        return client


class SocksTLSProxy(SocksProxy):
    """A SOCKS5 proxy, behind which there is TLS."""

    def greet(self, client: socket.socket) -> socket.socket:
        return _serve_tls(super().greet(client))


class TunnelProxy(_Proxy):
    """An HTTP proxy for tunnels, behind which there is TLS."""

    def greet(self, client: socket.socket) -> socket.socket:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        line, *headers = head.decode().split("\r\n")
        self.hosts.append(line.split()[1])
        for header in headers:
            name, _, value = header.partition(": ")
            if name.lower() == "proxy-authorization":
                self.logins.append(base64.b64decode(value.removeprefix("Basic ")).decode())
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return _serve_tls(client)


@contextlib.contextmanager
def serving(kind: type[Any], server: ScriptedServer) -> Iterator[Any]:
    """Have a proxy of a kind in front of a server."""
    proxy = kind(server)
    try:
        yield proxy
    finally:
        proxy.close()
