"""A web application on a port of this machine, in a thread of its own."""

import asyncio
import socket
from collections.abc import Callable

from starlette.types import ASGIApp

from glm_openrouter.testing._servers.app_server import AppServer
from glm_openrouter.testing._servers.loopback_server import LoopbackServer


class ServedApp(LoopbackServer):
    """Serves an application as `uvicorn` would: `with ServedApp(app) as served: ... served.url("/ask")`."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(port=0, name="served-app")
        self._app = app

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return self.base_url.removesuffix("/api/v1") + path

    async def _serve_on(
        self, listening: socket.socket, ready: Callable[[], None], stopping: asyncio.Event
    ) -> None:
        await AppServer(self._app, ready=ready, stopping=stopping).serve(sockets=[listening])
