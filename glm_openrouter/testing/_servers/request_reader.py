"""The bytes of a connection, cut into requests by h11."""

import json
from typing import TYPE_CHECKING, Final

from glm_openrouter.testing._openrouter.received import ReceivedRequest

if TYPE_CHECKING:
    import h11

__all__ = ["MalformedRequestError", "RequestReader"]

LARGEST_REQUEST: Final = 100_000_000
"""Bytes, with all that arrives before it is answered."""


class MalformedRequestError(Exception):
    """What arrived is no request, or too large; no further one can be read from the connection."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RequestReader:
    """Feed it bytes, take requests."""

    def __init__(self) -> None:
        self._parser = _new_parser()
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._waiting = 0
        """Bytes that have arrived since the last request was taken."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes that arrived.

        Raises:
            MalformedRequestError: They are too many.
        """
        self._waiting += len(data)
        if self._waiting > LARGEST_REQUEST:
            raise MalformedRequestError(413, f"The request is larger than {LARGEST_REQUEST} bytes")
        self._parser.receive_data(data)

    def next_request(self) -> ReceivedRequest | None:
        """Return the next request that is complete.

        Raises:
            MalformedRequestError: What arrived is not HTTP.
        """
        import h11

        while True:
            try:
                event = self._parser.next_event()
            except h11.RemoteProtocolError as error:
                raise MalformedRequestError(400, f"Not HTTP: {error}") from None
            match event:
                case h11.Request():
                    self._head = event
                case h11.Data(data=data):
                    self._body += data
                case h11.EndOfMessage():
                    return self._finish()
                case _:
                    return None

    def _finish(self) -> ReceivedRequest:
        assert self._head is not None
        request = _to_received(self._head, bytes(self._body))
        rest, _ = self._parser.trailing_data
        # A parser serves one request: it would want to see our response before it takes the next.
        self._parser, self._head, self._body = _new_parser(), None, bytearray()
        self._waiting = len(rest)
        if rest:
            self._parser.receive_data(rest)
        return request


def _new_parser() -> "h11.Connection":
    try:
        import h11
    except ImportError as exc:
        raise ImportError(
            'The scripted server needs more: pip install "glm-openrouter[testing]"'
        ) from exc
    return h11.Connection(h11.SERVER)


def _to_received(head: "h11.Request", raw: bytes) -> ReceivedRequest:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    path, _, query = head.target.decode("latin-1").partition("?")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    body = body if isinstance(body, dict) else None
    return ReceivedRequest(head.method.decode(), path, headers, body, query)
