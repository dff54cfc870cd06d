"""Deltas that came together -> one."""

from glm_openrouter._json.values import JSONObject
from glm_openrouter.completions import Delta

__all__ = ["DeltaJoiner", "add_logprobs"]


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

    def __len__(self) -> int:
        """How many deltas have been joined."""
        return len(self._deltas)

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
