"""One connection of a scripted server.

Theory of operation: each connection is an `asyncio.Protocol`. The bytes that arrive are cut into
requests; for each request a task plays the next reply of the script. Responses are written by
hand, since a library would refuse to write wrong ones. Before every step the task looks whether the
client is still there, and stops if not.
"""

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from glm_openrouter.testing._openrouter.received import ReceivedRequest

from .replies import json_reply
from .request_reader import MalformedRequestError, RequestReader
from .steps import Close, Comment, Done, Event, Hold, Reply, Reset, Send, Status, Step, Wait

__all__ = ["ConnectionLog", "ScriptedConnection"]

_KNOWN_CODES: Final = frozenset(HTTPStatus)
# Makes closing send RST instead of FIN, as a crashed process or a proxy does.
_NO_LINGER: Final = struct.pack("ii", 1, 0)


@dataclass
class ConnectionLog:
    """What happened on one connection; the server keeps it up to date while the connection lives."""

    steps: int = 0
    """Steps carried out."""
    bytes_written: int = 0
    """Bytes written, headers and framing included; some may not have left the machine."""
    events: int = 0
    """Events written, `[DONE]` among them."""
    requests: list[ReceivedRequest] = field(default_factory=list)
    client_left_at: float | None = None
    """When the client closed, by `time.monotonic()`; None if the server did, or neither."""
    _closed: threading.Event = field(default_factory=threading.Event, repr=False)

    def wait_closed(self, timeout: float = 5.0) -> bool:
        """Wait until the connection is over; return False if it still is not after `timeout`."""
        return self._closed.wait(timeout)


class ScriptedConnection(asyncio.Protocol):
    """One connection: reads requests, plays replies, notices when the client leaves."""

    def __init__(
        self,
        log: ConnectionLog,
        next_reply: Callable[[ReceivedRequest], Reply],
        siblings: "set[ScriptedConnection]",
    ) -> None:
        self._log = log
        self._next_reply = next_reply
        self._siblings = siblings
        self._transport: asyncio.Transport | None = None
        self._reader = RequestReader()
        self._task: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self._lost = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_chunked = False
        self._is_refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._siblings.add(self)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        try:
            self._reader.feed(data)
            self._answer_next()
        except MalformedRequestError as error:
            self._refuse(error)

    def eof_received(self) -> None:
        self._client_left()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._client_left()
        # The socket itself is closed right after this call.
        asyncio.get_running_loop().call_soon(self._log._closed.set)
        self._gone.set()
        self._lost.set()
        self._writable.set()
        self._siblings.discard(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def abort(self) -> None:
        """End the connection and what is being played on it."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._transport is not None:
            self._transport.abort()
        await self._lost.wait()

    def _client_left(self) -> None:
        if self._log.client_left_at is None:
            self._log.client_left_at = time.monotonic()
        self._gone.set()
        self._writable.set()

    def _answer_next(self) -> None:
        if self._task is None and (request := self._reader.next_request()):
            self._log.requests.append(request)
            self._task = asyncio.create_task(self._play(self._next_reply(request)))

    def _refuse(self, error: MalformedRequestError) -> None:
        """Answer what is no request, and read on without a look, so that the client sees the answer."""
        self._is_refused = True
        if self._transport is None:
            return
        if self._task is not None:  # in the middle of a reply
            self._transport.abort()
            return
        body = {"error": {"message": str(error), "code": error.status}}
        status, content = json_reply(body, error.status, {"connection": "close"})
        assert isinstance(status, Status)
        self._open_response(status.code, dict(status.headers))
        self._write_body(_encode(content))
        self._transport.write_eof()

    async def _play(self, reply: Reply) -> None:
        try:
            await self._play_steps(reply)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the client must not wait for the rest
            if self._transport is not None:
                self._transport.abort()
            message = "A step of the script cannot be carried out"
            asyncio.get_running_loop().call_exception_handler(
                {"message": message, "exception": error}
            )

    async def _play_steps(self, reply: Reply) -> None:
        for step in reply:
            if self._gone.is_set():
                return
            await self._perform(step)
            if isinstance(step, Close | Reset):
                return
        self._end_body()
        self._task = None
        if not self._gone.is_set():
            try:
                self._answer_next()
            except MalformedRequestError as error:
                self._refuse(error)

    async def _perform(self, step: Step) -> None:
        match step:
            case Status(code, headers):
                self._open_response(code, dict(headers))
            case Wait(seconds):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._gone.wait(), seconds)
            case Hold():
                await self._gone.wait()
            case Close(clean):
                self._close(clean=clean)
            case Reset():
                self._reset()
            case _:
                self._write_body(_encode(step))
                self._log.events += isinstance(step, Event | Done)
        self._log.steps += 1  # before the loop can notice that a step has closed the connection
        await self._writable.wait()
        # Gives the loop a chance to notice that the client has left, however fast the script is.
        await asyncio.sleep(0)

    def _open_response(self, code: int, headers: dict[str, str]) -> None:
        names = {name.lower() for name in headers}
        self._is_chunked = not names & {"content-length", "transfer-encoding"}
        if self._is_chunked:
            headers["transfer-encoding"] = "chunked"
        phrase = HTTPStatus(code).phrase if code in _KNOWN_CODES else "Unknown"
        lines = [f"HTTP/1.1 {code} {phrase}", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
        self._write("\r\n".join(lines).encode())

    def _write_body(self, data: bytes) -> None:
        self._write(b"%x\r\n%s\r\n" % (len(data), data) if self._is_chunked and data else data)

    def _end_body(self) -> None:
        if self._is_chunked:
            self._write(b"0\r\n\r\n")
        self._is_chunked = False

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
            self._log.bytes_written += len(data)

    def _close(self, *, clean: bool) -> None:
        if clean:
            self._end_body()
        if self._transport is not None:
            self._transport.close()

    def _reset(self) -> None:
        if self._transport is not None:
            own_socket = self._transport.get_extra_info("socket")
            own_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._transport.abort()


def _encode(step: Step) -> bytes:
    match step:
        case Send(data):
            return data
        case Event(data):
            text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
            # What cannot be encoded, such as half a surrogate pair, goes out as JSON escapes it.
            return b"data: %s\n\n" % text.encode(errors="backslashreplace")
        case Comment(text):
            return b": %s\n\n" % text.encode()
        case Done():
            return b"data: [DONE]\n\n"
        case _:
            raise TypeError(f"{step!r} has no bytes")
