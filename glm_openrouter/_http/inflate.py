"""Compressed bodies, in pieces: a megabyte may become a gigabyte, but never at once."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import httpx

__all__ = ["ACCEPT_ENCODING", "PIECE", "Inflater", "cut", "find_inflater"]

ACCEPT_ENCODING = "gzip, deflate"
"""What is asked for. The usual libraries for the others return at once whatever a few bytes become."""

PIECE = 1 << 16
"""Bytes that are given out at once at most."""


class Inflater:
    """Decompresses a body; what follows its first gzip member is ignored, as httpx does."""

    def __init__(self, encoding: str) -> None:
        self._head = b""
        """The beginning, for as long as it does not tell which of the two forms of `deflate` this is."""
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 16) if encoding == "gzip" else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next bytes and return what they become, piece by piece.

        Raises:
            httpx.DecodingError: They are not what the header says.
        """
        if self._stream is None:
            data = self._head = self._head + data
            if len(data) < 2:
                return
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if _is_zlib(data) else -zlib.MAX_WBITS)
        piece = None
        while not self._stream.eof and (data or piece is None or len(piece) == PIECE):
            try:
                piece = self._stream.decompress(data, PIECE)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from error
            data = self._stream.unconsumed_tail
            if piece:
                yield piece


def cut(data: bytes) -> Iterator[bytes]:
    """Return the same bytes piece by piece."""
    return (data[start : start + PIECE] for start in range(0, len(data), PIECE))


def find_inflater(encoding: str | None) -> Inflater | None:
    """Return what decompresses a body with this `Content-Encoding`, or `None` if nothing needs to.

    Raises:
        httpx.DecodingError: It is one that was not asked for.
    """
    name = (encoding or "identity").strip().lower()
    if name == "identity":
        return None
    if name not in ("gzip", "x-gzip", "deflate"):
        raise httpx.DecodingError(
            f"Content-Encoding {name[:40]!r}, asked for were {ACCEPT_ENCODING}"
        )
    return Inflater(name.removeprefix("x-"))


def _is_zlib(data: bytes) -> bool:
    # https://www.rfc-editor.org/rfc/rfc1950#section-2.2; some servers send bare deflate under this name.
    return data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
