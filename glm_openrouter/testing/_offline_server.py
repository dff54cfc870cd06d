"""The offline OpenRouter on a port of this machine."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Self

from ._listen import listen
from ._loop_thread import LoopThread
from ._received import ReceivedRequest

__all__ = ["OfflineServer", "serve"]


class OfflineServer:
    """An OpenRouter that needs no network: `with OfflineServer() as server: ... server.base_url`.

    Answers come from a small rule-based model, so the same request always gets the same answer.
    Requests that OpenRouter would refuse are refused in its words. An instance can be started again
    after it stopped.

    Args:
        api_key: The only key that is accepted; None accepts every key that starts with `sk-or-`.
        port: The port on 127.0.0.1; 0 takes a free one.
        chunk_delay: Seconds to wait before each chunk of a stream.
    """

    def __init__(
        self, *, api_key: str | None = None, port: int = 0, chunk_delay: float = 0.0
    ) -> None:
        self.requests: list[ReceivedRequest] = []
        self._api_key = api_key
        self._port = port
        self._chunk_delay = chunk_delay
        self._socket: socket.socket | None = None
        self._thread: LoopThread | None = None

    @property
    def base_url(self) -> str:
        """The address a client takes as its base URL."""
        if self._socket is None:
            raise RuntimeError("The server is not running")
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/api/v1"

    def clear(self) -> None:
        """Forget the requests received so far."""
        self.requests.clear()

    def start(self) -> Self:
        """Start to listen; the server answers when this returns."""
        if self._thread is not None:
            raise RuntimeError("The server is running already")
        self._socket = listen("127.0.0.1", self._port)
        self._thread = LoopThread(self._main, name="offline-openrouter")
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

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = self._thread = None

    async def _main(self, ready: Callable[[], None], stopping: asyncio.Event) -> None:
        with _explain_missing_extra():
            from ._app import create_app
            from ._app_server import AppServer

        assert self._socket is not None
        app = create_app(
            api_key=self._api_key, chunk_delay=self._chunk_delay, received=self.requests
        )
        await AppServer(app, ready=ready, stopping=stopping).serve(sockets=[self._socket])


def serve(host: str = "127.0.0.1", port: int = 8765, *, chunk_delay: float = 0.02) -> None:
    """Serve in the foreground until Ctrl-C; print the base URL once the server listens.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        chunk_delay: Seconds to wait before each chunk, so that a stream can be seen to stream.
    """
    with _explain_missing_extra():
        from ._app import create_app
        from ._app_server import AppServer

    def announce() -> None:
        address, actual_port = listening.getsockname()[:2]
        sys.stdout.write(f"Offline OpenRouter: http://{address}:{actual_port}/api/v1\n")
        sys.stdout.flush()

    with listen(host, port) as listening:
        server = AppServer(create_app(chunk_delay=chunk_delay), ready=announce)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


@contextlib.contextmanager
def _explain_missing_extra() -> Iterator[None]:
    try:
        yield
    except ImportError as exc:
        raise ImportError(
            'The offline server needs starlette and uvicorn: pip install "glm-openrouter[testing]"'
        ) from exc
