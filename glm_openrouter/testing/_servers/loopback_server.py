"""A server on a port of this machine, in a thread of its own: what both servers have in common."""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from traceback import format_exception
from typing import Self

from glm_openrouter.testing._openrouter.received import ReceivedRequest

from .loop_thread import LoopThread

__all__ = ["LoopbackServer", "listen"]


class LoopbackServer(ABC):
    """A server that a `with` block, or `start` and `stop`, turns on and off, as often as needed.

    Args:
        port: The port on 127.0.0.1; 0 takes a free one.
        name: The name of the thread.
    """

    def __init__(self, *, port: int, name: str) -> None:
        self.requests: list[ReceivedRequest] = []
        """All requests received so far."""
        self.failures: list[BaseException] = []
        """What functions of yours raised when they were asked for an answer, the first first."""
        self._port = port
        self._name = name
        self._socket: socket.socket | None = None
        self._thread: LoopThread | None = None

    @property
    def base_url(self) -> str:
        """The address a client takes as its base URL."""
        if self._socket is None:
            raise RuntimeError(
                "The server is not running: use it in a with block, or call start()."
            )
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/api/v1"

    def start(self) -> Self:
        """Start to listen; the server answers when this returns."""
        if self._thread is not None:
            raise RuntimeError("The server is running already: call stop() first.")
        self._socket = listen("127.0.0.1", self._port)
        self._thread = LoopThread(self._serve, name=self._name)
        try:
            self._thread.start()
        except BaseException:
            self._forget()
            raise
        return self

    def stop(self) -> None:
        """Stop listening and close what is open; does nothing if the server is not running."""
        if self._thread is not None:
            self._thread.stop()
            self._forget()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.stop()
        if error is None:
            self.raise_failure()
            return
        for failure in self.failures:
            error.add_note(
                f"The function that the server asked raised this:\n{''.join(format_exception(failure))}"
            )
        self.failures.clear()

    def raise_failure(self) -> None:
        """Raise the first of `failures`, if there is one, and forget them; a `with` block does so at its end."""
        failures = self.failures.copy()
        self.failures.clear()
        if failures:
            raise failures[0]

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._thread = None

    async def _serve(self, ready: Callable[[], None], stopping: asyncio.Event) -> None:
        assert self._socket is not None
        await self._serve_on(self._socket, ready, stopping)

    @abstractmethod
    async def _serve_on(
        self, listening: socket.socket, ready: Callable[[], None], stopping: asyncio.Event
    ) -> None:
        """Serve on a socket: call `ready` once requests are answered, and end when `stopping` is set."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket whose connections send at once.

    asyncio would set this option itself, but not for sockets that it did not make; then each small reply on a
    connection that is used again waits 40 ms for an acknowledgement. On Linux a connection takes the option from its
    listener.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=2048)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
