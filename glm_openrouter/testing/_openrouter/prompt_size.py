"""How many tokens a prompt has, and whether the model has room for it."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .refusal import RefusalError
from .tokens import count_tokens

__all__ = ["TOKENS_PER_MESSAGE", "PromptSize", "check_context", "measure_prompt"]

TOKENS_PER_MESSAGE: Final = 4
_TOKENS_PER_FILE: Final = 1000
"""For an image, a sound or a document, whatever its size."""
_COUNTED_AT_ONCE: Final = 100_000
"""Characters."""


@dataclass(frozen=True)
class PromptSize:
    """A prompt in parts, in the order in which the model reads them, and the tokens of each."""

    segments: tuple[str, ...]
    tokens: tuple[int, ...]

    @property
    def total(self) -> int:
        """All tokens."""
        return sum(self.tokens)


def measure_prompt(body: Mapping[str, Any], model: str) -> PromptSize:
    """Return the size of the prompt of a request, which may be anything that is JSON."""
    tools = body.get("tools")
    head = model if not tools else f"{model}{json.dumps(tools, sort_keys=True)}"
    parts = [(head, 0), *map(_without_files, body["messages"])]
    return PromptSize(
        tuple(text for text, _ in parts),
        tuple(
            _count(text) + TOKENS_PER_MESSAGE + files * _TOKENS_PER_FILE for text, files in parts
        ),
    )


def _without_files(message: Any) -> tuple[str, int]:
    """Return a message as text, with a check sum in place of each file, and how many files it has."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return json.dumps(message, ensure_ascii=False), 0
    files = sum(map(_is_file, content))
    short = [_check_sum(part) if _is_file(part) else part for part in content]
    return json.dumps({**message, "content": short}, ensure_ascii=False), files


def _is_file(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") != "text"


def _check_sum(part: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(part).encode()):08x}"


def _count(text: str) -> int:
    """Return the tokens of a text, counted in pieces, because other threads stand still meanwhile."""
    starts = range(0, len(text), _COUNTED_AT_ONCE)
    return sum(count_tokens(text[at : at + _COUNTED_AT_ONCE]) for at in starts)


def check_context(body: Mapping[str, Any], size: PromptSize, window: int) -> None:
    """Refuse a prompt that leaves no room for the answer, unless OpenRouter is asked to compress it.

    Args:
        body: A checked request.
        size: That of its prompt.
        window: How many tokens prompt and answer may have together.

    Raises:
        RefusalError: 400, in OpenRouter's words.
    """
    answer = body.get("max_completion_tokens") or body.get("max_tokens") or 0
    if size.total + answer <= window or _is_compressed(body):
        return
    raise RefusalError(
        400,
        f"This endpoint's maximum context length is {window} tokens. However, you requested about "
        f"{size.total + answer} tokens ({size.total} of text input, {answer} in the output). Please reduce "
        "the length of either one, or use the context-compression plugin to compress your prompt automatically.",
        metadata={"error_type": "context_length_exceeded"},
    )


def _is_compressed(body: Mapping[str, Any]) -> bool:
    plugins = body.get("plugins") or ()
    return bool(body.get("transforms")) or any(
        plugin["id"] == "context-compression" and plugin.get("enabled") is not False
        for plugin in plugins
    )
