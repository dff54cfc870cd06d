"""Bytes of a response body -> payloads of JSON.

Theory of operation. Three decoders have one interface: `feed(data)` and `flush()` return the payloads that became
complete, and `done` says that no more will come. `ResponseDecoder` looks at how the body begins, after a byte order
mark, and becomes one of the other two. `BodyDecoder` takes one document, which is complete at its end.

`EventStreamDecoder` follows https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6, on bytes:
only CR, LF and CRLF end a line, so U+2028 and U+0085 stay what they are, and a character that is cut in two is whole
again before anybody reads it. All line ends become LF, the bytes are split at them, and what is left is the `tail`,
the line that has not ended: the next bytes are added to it, so that no byte is looked at twice. `data:` lines make an
event, and a blank line ends it. `[DONE]` ends the stream at once, without its line end if need be, because some
servers then send nothing and leave the connection open.

It is kinder than the standard in two ways. An event whose blank line never came counts when the body ends. And lines
that are no field are kept for as long as no event has come: they may be an error page.
"""

from typing import Protocol

__all__ = ["BodyDecoder", "Decoder", "EventStreamDecoder", "ResponseDecoder"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DONE = b"[DONE]"
_LAST_LINES = (b"data: [DONE]", b"data:[DONE]")
_STRAY_LIMIT = 65_536
"""Bytes."""


class Decoder(Protocol):
    """What a response body is read with."""

    done: bool
    progress: int
    """How much has come of one document, not counting blanks; always 0 for an event stream, whose events tell."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the payloads that they complete."""
        ...

    def flush(self) -> list[bytes]:
        """Return what is left once the body has ended."""
        ...


class EventStreamDecoder:
    """Decode an event stream; the payload `[DONE]` ends it, whatever the socket does."""

    def __init__(self) -> None:
        self.done = False
        self.progress = 0
        self._has_events = False
        self._tail = bytearray()
        """What has come of the line that has not ended yet."""
        self._event: bytes | bytearray = b""
        """The `data:` lines of the event that has not ended yet."""
        self._after_carriage_return = False
        self._stray: list[bytes] = []
        """Lines that do not belong into an event stream, kept because they may be an error page."""
        self._stray_size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the payloads that they complete."""
        if self._after_carriage_return or b"\r" in data:
            data = self._with_line_feeds(data)
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines and self._tail:
            self._tail += lines[0]
            lines[0] = bytes(self._tail)
            self._tail = bytearray()
        payloads: list[bytes] = []
        for line in lines:
            if line:
                self._take_line(line)
            if self._event and (self.done or not line):
                payloads.append(self._take_event())
            if self.done:
                return payloads
        if rest:
            self._tail += rest
            self.done = self._tail_is_done()
            if self.done and self._event:
                payloads.append(self._take_event())
        return payloads

    def flush(self) -> list[bytes]:
        """Return the last event if the body ended before its blank line, or the body if it had no events."""
        rest = bytes(self._tail).rstrip(b"\r")
        self._tail = bytearray()
        if rest and not self.done:
            self._take_line(rest)
        if self._event:
            return [self._take_event()]
        stray = b"" if self._has_events else b"\n".join(self._stray).strip()
        self._stray.clear()
        return [stray] if stray else []

    def _take_line(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
            meant = value if value.startswith(b"{") else value.strip()
            if meant.startswith(_DONE):
                # Whatever follows on this line: it may not have come yet, and must make no difference when it does.
                self.done = True
            elif meant:
                self._has_events = True
                if self._event:
                    self._add_line(value)
                else:
                    self._event = value
                self._stray.clear()
        elif not line.startswith((b":", b"event:", b"id:", b"retry:")):
            self._keep_stray(line)

    def _tail_is_done(self) -> bool:
        # A server may send `[DONE]`, no line end, and then nothing.
        return len(self._tail) <= len(_LAST_LINES[0]) and self._tail in _LAST_LINES

    def _take_event(self) -> bytes:
        payload, self._event = self._event, b""
        return bytes(payload)

    def _add_line(self, value: bytes) -> None:
        if not isinstance(self._event, bytearray):
            self._event = bytearray(self._event)
        self._event += b"\n"
        self._event += value

    def _keep_stray(self, line: bytes) -> None:
        if self._stray_size < _STRAY_LIMIT:
            self._stray.append(line)
            self._stray_size += len(line) + 1

    def _with_line_feeds(self, data: bytes) -> bytes:
        if self._after_carriage_return and data[:1] == b"\n":
            data = data[1:]
            self._after_carriage_return = False
        if data:
            self._after_carriage_return = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


class BodyDecoder:
    """Decode a body that is one JSON document, after whitespace that may have kept the connection alive."""

    def __init__(self) -> None:
        self.done = False
        self.progress = 0
        self._body = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; nothing is complete before the end."""
        is_blank = data.isspace()
        if not is_blank:
            self.progress += 1
        if self._body or not is_blank:
            self._body += data
        return []

    def flush(self) -> list[bytes]:
        """Return the document."""
        body = bytes(self._body)
        self._body = bytearray()
        body = body.strip()
        return [body] if body else []


class ResponseDecoder:
    """Decode a body by what it begins with.

    The content type does not tell: an error may come as JSON or as a page of HTML where an event stream was asked
    for, and proxies name one as the other.
    """

    _DOCUMENT = (b"{", b"[", b"<")
    """What a document may begin with, but no line of an event stream."""

    def __init__(self) -> None:
        self.done = False
        self.progress = 0
        self._decoder: Decoder | None = None
        self._head = b""
        """The beginning, for as long as it does not tell."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the payloads that they complete."""
        decoder = self._decoder
        if decoder is None:
            head = self._head = (self._head + data).lstrip()
            data = head.removeprefix(_BYTE_ORDER_MARK).lstrip()
            if not data or _BYTE_ORDER_MARK.startswith(head):
                return []
            is_document = data.startswith(self._DOCUMENT)
            decoder = self._decoder = BodyDecoder() if is_document else EventStreamDecoder()
        payloads = decoder.feed(data)
        self.done, self.progress = decoder.done, decoder.progress
        return payloads

    def flush(self) -> list[bytes]:
        """Return what is left once the body has ended."""
        decoder = self._decoder
        if decoder is None:
            return []
        payloads = decoder.flush()
        self.done, self.progress = decoder.done, decoder.progress
        return payloads
