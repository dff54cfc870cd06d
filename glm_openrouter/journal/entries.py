"""What an answer looks like in a store: a checksum, and then the answer as JSON.

The checksum goes with the key. So what is damaged, stands under another key or was written by somebody else is seen,
and never taken for an answer.
"""

from hashlib import blake2b

__all__ = ["open_entry", "seal_entry"]

_CHECKSUM_BYTES = 16


def seal_entry(key: bytes, answer: bytes) -> bytes:
    """Return the entry for an answer."""
    return _checksum(key, answer) + answer


def open_entry(key: bytes, entry: bytes) -> bytes | None:
    """Return the answer of an entry, or `None` if it is not one that belongs to its key."""
    checksum, answer = entry[:_CHECKSUM_BYTES], entry[_CHECKSUM_BYTES:]
    return answer if checksum == _checksum(key, answer) else None


def _checksum(key: bytes, answer: bytes) -> bytes:
    return blake2b(answer, key=key, digest_size=_CHECKSUM_BYTES).digest()
