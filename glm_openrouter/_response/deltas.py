"""Messages of the wire -> deltas, and deltas that came together -> one."""

from typing import Any

from glm_openrouter._json.values import JSONObject
from glm_openrouter.completions import Delta

from .chunks import WireMessage
from .tool_calls import read_tool_calls

__all__ = ["DeltaJoiner", "add_logprobs", "has_content", "read_delta"]

_REASONING, _TEXT, _CALLS = range(3)
"""The parts of a delta, in the order in which a reader takes them."""


class DeltaJoiner:
    """Join deltas that follow one another, for as long as a reader takes the parts of the one in the same order.

    A delta means its reasoning, then its text, then its tool calls: text that follows a tool call begins another one.
    """

    def __init__(self) -> None:
        self._deltas: list[Delta] = []
        self._last_part = _REASONING

    def feed(self, delta: Delta) -> Delta | None:
        """Take the next delta; return what came before it, if the two must not be one."""
        first_part = _REASONING if delta.reasoning else _TEXT if delta.text else _CALLS
        last_part = _CALLS if delta.tool_calls else _TEXT if delta.text else _REASONING
        before = None
        if first_part < self._last_part:
            before, self._last_part = self.flush(), last_part
        elif last_part > self._last_part:
            self._last_part = last_part
        self._deltas.append(delta)
        return before

    def flush(self) -> Delta | None:
        """Return what has been joined, or `None` if there is nothing."""
        deltas, self._deltas = self._deltas, []
        self._last_part = _REASONING
        if len(deltas) < 2:
            return deltas[0] if deltas else None
        return Delta(
            "".join([delta.text for delta in deltas]),
            "".join([delta.reasoning for delta in deltas]),
            # The fragments of a call stay apart: only when it is put together is it known which are one call.
            [call for delta in deltas if delta.tool_calls for call in delta.tool_calls],
            _join_logprobs([delta.logprobs for delta in deltas if delta.logprobs]),
        )


def _join_logprobs(parts: list[JSONObject]) -> JSONObject | None:
    total: JSONObject = {}
    for logprobs in parts:
        add_logprobs(total, logprobs)
    return total or None


def add_logprobs(total: JSONObject, logprobs: JSONObject) -> None:
    """Add log probabilities key by key, as frameworks add up those of their chunks; lists are copied into `total`."""
    for key, tokens in logprobs.items():
        if isinstance(tokens, list) and isinstance(before := total.get(key), list):
            before += tokens
        elif tokens is not None or key not in total:
            total[key] = list(tokens) if isinstance(tokens, list) else tokens


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


def _is_filled(detail: JSONObject) -> bool:
    return any(detail.get(key) for key in ("text", "summary", "data", "signature"))


def _detail_text(detail: JSONObject) -> str:
    text = detail.get("text") or detail.get("summary")
    return text if isinstance(text, str) else ""


def _join_parts(content: list[Any]) -> str:
    texts = [part.get("text") if isinstance(part, dict) else part for part in content]
    return "".join(text for text in texts if isinstance(text, str))
