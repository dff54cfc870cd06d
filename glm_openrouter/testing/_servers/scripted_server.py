"""A server that follows a script to the byte."""

import asyncio
import socket
from collections.abc import Callable, Sequence

from glm_openrouter.testing._answers.answer import ErrorAnswer
from glm_openrouter.testing._openrouter.received import ReceivedRequest

from .loopback_server import LoopbackServer
from .replies import ReplyFunction, build_reply
from .request_reader import RequestReader
from .scripted_connection import ConnectionLog, ScriptedConnection
from .steps import Reply

__all__ = ["ScriptedServer"]


class ScriptedServer(LoopbackServer):
    """Plays a script, one reply for each request, in the order in which the requests arrive.

    What is not HTTP gets a 400, a request of more than 100 MB a 413; both count as no request.

    Args:
        script: The replies, or functions of the request that return one, such as `text_reply` makes. A function in
            place of the list replies to all requests. Functions run in the server's thread, so nothing else is served
            meanwhile. What one raises becomes a 500, and is raised again at the end of the `with` block.
        repeat_last: Whether the last reply serves all further requests too; otherwise they get a
            400 that says that the script is over.

    Raises:
        TypeError: The script is something else, such as a single reply.
        ValueError: It is empty.
    """

    def __init__(
        self, script: Sequence[Reply | ReplyFunction] | ReplyFunction, *, repeat_last: bool = True
    ) -> None:
        replies = [script] if callable(script) else list(script)
        if not replies:
            raise ValueError("A script needs at least one reply")
        if not all(isinstance(reply, tuple) or callable(reply) for reply in replies):
            raise TypeError("A script is a list of replies, also of one: ScriptedServer([reply])")
        super().__init__(port=0, name="scripted-openrouter")
        self.connections: list[ConnectionLog] = []
        self._script = replies
        self._repeat_last = repeat_last or callable(script)
        self._open: set[ScriptedConnection] = set()

    async def _serve_on(
        self, listening: socket.socket, ready: Callable[[], None], stopping: asyncio.Event
    ) -> None:
        RequestReader()  # raises here, not in a connection, if the extra is missing
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._connect, sock=listening)
        ready()
        await stopping.wait()
        server.close()
        for connection in list(self._open):
            await connection.abort()

    def _connect(self) -> ScriptedConnection:
        log = ConnectionLog()
        self.connections.append(log)
        return ScriptedConnection(log, self._next_reply, self._open)

    def _next_reply(self, request: ReceivedRequest) -> Reply:
        at = len(self.requests)
        self.requests.append(request)
        if at >= len(self._script) and not self._repeat_last:
            over = ErrorAnswer(400, f"The script has no reply for request {at + 1}")
            return build_reply(request, over)
        try:
            return _call_functions(self._script[min(at, len(self._script) - 1)], request)
        except BaseException as exc:  # noqa: BLE001 -- whatever it is, the user sees it at the end
            self.failures.append(exc)
            about = f"{type(exc).__name__}: {exc}".rstrip(": ")
            failed = ErrorAnswer(500, f"A function of the script raised {about}", retryable=False)
            return build_reply(request, failed)


def _call_functions(reply: Reply | ReplyFunction, request: ReceivedRequest) -> Reply:
    while callable(reply):
        reply = reply(request)
    if not isinstance(reply, tuple):
        kind = type(reply).__name__
        raise TypeError(f"It returned {kind}, where a reply such as json_reply makes is needed")
    return reply
