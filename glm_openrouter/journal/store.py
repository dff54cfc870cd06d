"""What a journal asks of the place that it keeps answers in."""

from typing import Protocol

__all__ = ["LARGEST_ENTRY", "Store"]

LARGEST_ENTRY = 128 * 2**20
"""Bytes that are read of one entry; what is longer has not been written by a journal."""


class Store(Protocol):
    """Keeps bytes under keys of 16 bytes. Every method raises `StoreError` where it cannot."""

    def get(self, key: bytes) -> bytes | None:
        """Return what is kept under a key."""

    async def aget(self, key: bytes) -> bytes | None:
        """Return what is kept under a key."""

    def put(self, key: bytes, entry: bytes) -> None:
        """Keep an entry; it is safe from the end of this process when this returns."""

    async def aput(self, key: bytes, entry: bytes) -> None:
        """Keep an entry; it is safe from the end of this process when this returns."""

    def claim(self, fingerprint: str) -> str:
        """Return the fingerprint of the job that the store belongs to: this one, if there was none."""
        raise NotImplementedError

    def close(self) -> None:
        """Free what the store holds open; it is opened again by its next use."""

    async def aclose(self) -> None:
        """The same, with what it holds open for the running event loop."""
