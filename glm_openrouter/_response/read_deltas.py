"""Messages of the wire -> deltas."""

from typing import Any

from glm_openrouter._json.values import JSONObject
from glm_openrouter.completions import Delta

from .chunks import WireMessage
from .tool_calls import read_tool_calls

__all__ = ["has_content", "has_token", "read_delta"]


def read_delta(message: WireMessage, *, is_complete: bool) -> Delta:
    """Return what a message says; in a complete one the tool calls are numbered by their position."""
    content = message.content
    reasoning = message.reasoning or message.reasoning_content
    if not reasoning and message.reasoning_details:
        reasoning = "".join(map(_detail_text, message.reasoning_details))
    delta = Delta(content if isinstance(content, str) else "", reasoning or "")
    if message.tool_calls:
        delta.tool_calls = read_tool_calls(message.tool_calls)
        if is_complete:
            for position, call in enumerate(delta.tool_calls):
                call.index = position
    if isinstance(content, list):
        delta.text = _join_parts(content)
    return delta


def has_content(delta: Delta, message: WireMessage) -> bool:
    """Return whether a message brings more than a sign of life."""
    if delta.text or delta.reasoning:
        return True
    for call in delta.tool_calls:
        if call.arguments or call.name:
            return True
    details = message.reasoning_details or ()
    return bool(any(map(_is_filled, details)) or message.annotations or message.refusal)


def has_token(delta: Delta, message: WireMessage) -> bool:
    """Return whether a message brings reasoning, text or a tool call, not counting blanks."""
    if (delta.text + delta.reasoning).strip() or message.refusal:
        return True
    details = message.reasoning_details or ()
    is_sealed = any(detail.get("data") or detail.get("signature") for detail in details)
    return is_sealed or any(call.name or call.arguments for call in delta.tool_calls)


def _is_filled(detail: JSONObject) -> bool:
    return any(detail.get(key) for key in ("text", "summary", "data", "signature"))


def _detail_text(detail: JSONObject) -> str:
    text = detail.get("text") or detail.get("summary")
    return text if isinstance(text, str) else ""


def _join_parts(content: list[Any]) -> str:
    texts = [part.get("text") if isinstance(part, dict) else part for part in content]
    return "".join(text for text in texts if isinstance(text, str))
