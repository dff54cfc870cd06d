"""A line for each request that the offline server answers."""

import logging
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["AccessLog"]

_logger: Final = logging.getLogger("glm_openrouter.testing")


class AccessLog:
    """Logs what was asked of an application, what came of it, and how long it took.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and log it once it is over."""
        status, is_over = 0, False
        begin = time.perf_counter()

        async def note(message: Message) -> None:
            nonlocal status, is_over
            status = message.get("status", status)
            is_over = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            left = "" if is_over else ", the client left"
            seconds = time.perf_counter() - begin
            _logger.info(
                "%s %s %s %.2f s%s%s",
                *(scope["method"], scope["raw_path"].decode("ascii", "replace"), status, seconds),
                *(_describe(scope), left),
            )


def _describe(scope: Scope) -> str:
    """Return which model was asked, and whether for a stream."""
    received = scope.get("state", {}).get("received")
    body = (received and received.body) or {}
    model = f" {str(body['model'])[:100]}" if body.get("model") else ""
    return f"{model}{' streamed' if body.get('stream') else ''}"
