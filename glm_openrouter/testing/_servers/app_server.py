"""uvicorn, as far as the offline server needs it."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

__all__ = ["AppServer"]


class AppServer(uvicorn.Server):
    """A silent server that tells when it is ready.

    Args:
        app: The application to serve.
        ready: Called once the server listens.
        stopping: When set, the server ends; without it the server ends at Ctrl-C.
    """

    def __init__(
        self, app: ASGIApp, *, ready: Callable[[], None], stopping: asyncio.Event | None = None
    ) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            http="h11",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._ready = ready
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then say so."""
        await super().startup(sockets)
        self._ready()

    async def main_loop(self) -> None:
        """Wait for the end."""
        if self._stopping is None:
            await super().main_loop()
            return
        # uvicorn looks ten times a second whether it is to end. Waiting for the event makes
        # stopping quick and leaves an idle server idle.
        await self.on_tick(0)
        await self._stopping.wait()
