"""OpenRouter's response cache: equal requests have equal answers, for as long as they ask for."""

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from .generation import Generation, new_id

__all__ = ["CacheEntry", "ResponseCache"]

_DEFAULT_TTL: Final = 300
_LONGEST_TTL: Final = 86_400
_MOST_ENTRIES: Final = 10_000


@dataclass(frozen=True)
class CacheEntry:
    """An answer that is kept, or the place for one."""

    key: bytes
    ttl: int
    """Seconds."""
    kept_at: float = 0.0
    generation: Generation | None = None

    def headers(self, now: float) -> dict[str, str]:
        """Return what a response says of the cache."""
        headers = {"X-OpenRouter-Cache-TTL": str(self.ttl)}
        if self.generation is None:
            return headers | {"X-OpenRouter-Cache-Status": "MISS"}
        return headers | {
            "X-OpenRouter-Cache-Status": "HIT",
            "X-OpenRouter-Cache-Age": str(int(now - self.kept_at)),
            "X-OpenRouter-Cache-Source-Id": self.generation.id,
        }

    def replay(self) -> Generation | None:
        """Return the answer as a new generation that nobody pays for, if there is one."""
        if self.generation is None:
            return None
        return replace(
            self.generation,
            id=new_id(),
            created=int(time.time()),
            prompt_tokens=0,
            cached_tokens=0,
            reasoning_tokens=0,
            completion_tokens=0,
        )


class ResponseCache:
    """Keeps answers by key of the account and bytes of the body, in which the order of the keys counts.

    Args:
        now: The time in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._entries: OrderedDict[bytes, CacheEntry] = OrderedDict()

    def find(self, headers: Mapping[str, str], body: dict[str, Any]) -> CacheEntry | None:
        """Return the answer to a request, or the place for it; `None` if the request does not ask for the cache."""
        if headers.get("x-openrouter-cache", "").lower() != "true":
            return None
        account = headers.get("authorization", "")
        key = hashlib.sha256(json.dumps([account, body]).encode()).digest()
        kept = self._entries.get(key)
        if kept is not None and headers.get("x-openrouter-cache-clear", "").lower() == "true":
            del self._entries[key]
        elif kept is not None and self.now() - kept.kept_at < kept.ttl:
            return kept
        return CacheEntry(key, _read_ttl(headers.get("x-openrouter-cache-ttl", "")))

    def keep(self, place: CacheEntry, generation: Generation) -> None:
        """Keep an answer, unless it is a failure."""
        if generation.error is not None:
            return
        kept = replace(place, kept_at=self.now(), generation=generation)
        self._entries[place.key] = kept
        self._entries.move_to_end(place.key)
        if len(self._entries) > _MOST_ENTRIES:
            self._entries.popitem(last=False)


def _read_ttl(text: str) -> int:
    seconds = int(text) if text.isdecimal() and len(text) < 10 else _DEFAULT_TTL
    return min(max(seconds, 1), _LONGEST_TTL)
