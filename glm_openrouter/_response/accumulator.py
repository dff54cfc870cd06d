"""Increments -> the finished response.

Texts are kept as lists of parts, so that a chunk of a long answer costs the same as a chunk of a short one.
"""

from collections.abc import Sequence
from typing import Any

from glm_openrouter.completions import CUT, Completion, Delta, ToolCallDelta, Usage

from .chunks import ChatChunk, Choice, WireMessage
from .joining import add_logprobs
from .tool_calls import ToolCallAccumulator

__all__ = ["ChatAccumulator"]


class _ReasoningDetails:
    """Merge streamed `reasoning_details` into what a complete response would have held.

    Fragments with the same `type` and `index` are one entry: `text`, `summary` and `data` are joined, and of every
    other key the last value that is not null wins (https://openrouter.ai/docs/guides/best-practices/reasoning-tokens).
    """

    _JOINED = ("text", "summary", "data")
    _USUAL_KEYS = 8
    """No entry has more."""

    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []
        """As they came, for as long as nothing is merged into them: there may be a million."""
        self._merged: dict[int, dict[str, list[str]]] = {}
        """The texts of the entries that have more than one fragment, by position."""
        self._positions: dict[str | None, dict[int | str, int]] = {}
        """By type and index."""

    def feed(self, details: Sequence[dict[str, Any]], *, is_complete: bool) -> bool:
        """Take the entries of one chunk, or of a whole response, where each stands on its own.

        Returns:
            Whether more is kept for it than a few words.
        """
        before, has_many_keys = len(self._entries), False
        for detail in details:
            has_many_keys = has_many_keys or len(detail) > self._USUAL_KEYS
            index = detail.get("index")
            if is_complete or not isinstance(index, int | str):
                self._entries.append(detail)
            else:
                self._feed_fragment(detail, index)
        return has_many_keys or len(self._entries) != before

    def build(self) -> list[dict[str, Any]]:
        """Return the merged entries."""
        for position, texts in self._merged.items():
            self._entries[position] |= {key: "".join(parts) for key, parts in texts.items()}
        self._merged.clear()
        return self._entries

    def _feed_fragment(self, detail: dict[str, Any], index: int | str) -> None:
        kind = detail.get("type")
        positions = self._positions.setdefault(kind if isinstance(kind, str) else None, {})
        position = positions.setdefault(index, len(self._entries))
        if position == len(self._entries):
            self._entries.append(detail)
        else:
            self._merge(position, detail)

    def _merge(self, position: int, detail: dict[str, Any]) -> None:
        texts = self._merged.get(position)
        if texts is None:
            entry = self._entries[position] = dict(self._entries[position])
            values = {key: entry.get(key) for key in self._JOINED}
            texts = {key: [text] for key, text in values.items() if isinstance(text, str)}
            self._merged[position] = texts
        entry = self._entries[position]
        for key, value in detail.items():
            if key in self._JOINED and isinstance(value, str):
                entry.setdefault(key, value)  # in its place; its text is put together in the end
                texts.setdefault(key, []).append(value)
            elif value is not None or key not in entry:
                entry[key] = value


_NATIVE_FINISH_REASONS = {
    "sensitive": "content_filter",
    "model_context_window_exceeded": "length",
    "network_error": "error",
}
"""Z.AI's own reasons (https://docs.z.ai/api-reference/llm/chat-completion).

They count where OpenRouter gives no reason of its own; an error counts always, because OpenRouter calls it `stop`
(https://github.com/earendil-works/pi/issues/8511).
"""


_NO_USAGE = Usage()


class ChatAccumulator:
    """Keep what a response has brought so far.

    Args:
        repairs_arguments: See `ToolCallAccumulator`.
    """

    def __init__(self, *, repairs_arguments: bool = False) -> None:
        self.completion = Completion()
        """The facts so far; the texts and the tool calls are added by `build`."""
        self.tool_calls = ToolCallAccumulator(repairs_arguments=repairs_arguments)
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._details: _ReasoningDetails | None = None
        """Nothing if the response never had the key."""
        self._refusal: list[str] = []
        self._refiled = False

    @property
    def outcome(self) -> tuple[object, ...]:
        """What has been said about how the response ends and what it costs."""
        facts = self.completion
        return facts.finish_reason, facts.native_finish_reason, facts.usage

    @property
    def text(self) -> str:
        """The text so far."""
        self._text = ["".join(self._text)]
        return self._text[0]

    @property
    def reasoning(self) -> str:
        """The reasoning so far."""
        self._reasoning = ["".join(self._reasoning)]
        return self._reasoning[0]

    @property
    def has_content(self) -> bool:
        """Whether there is any text, reasoning or tool call."""
        return bool(any(self._text) or any(self._reasoning) or self.tool_calls)

    @property
    def has_answer(self) -> bool:
        """Whether there is any text or tool call."""
        return bool(any(self._text) or self.tool_calls)

    @property
    def ended_by_itself(self) -> bool:
        """Whether the response has reported an end that cut nothing off."""
        return self._finish_reason(ended=False) not in CUT

    def feed_facts(self, chunk: ChatChunk) -> None:
        """Keep what a chunk says about the response; of repeated values the last one that is not null wins."""
        facts = self.completion
        facts.id = chunk.id or facts.id
        facts.model = chunk.model or facts.model
        if isinstance(chunk.provider, str):
            facts.provider = chunk.provider or facts.provider
        if chunk.created:
            facts.created = int(chunk.created)
        if chunk.usage is not None and chunk.usage != _NO_USAGE:
            facts.usage = chunk.usage
        facts.service_tier = chunk.service_tier or facts.service_tier
        facts.system_fingerprint = chunk.system_fingerprint or facts.system_fingerprint
        facts.openrouter_metadata = chunk.openrouter_metadata or facts.openrouter_metadata
        facts.safeguard_results = chunk.safeguard_results or facts.safeguard_results
        facts.alignment = chunk.alignment or facts.alignment

    def feed_finish(self, choice: Choice) -> None:
        """Keep how the response ends; a `null` that follows a reason does not undo it."""
        facts = self.completion
        if facts.finish_reason != "length" or choice.finish_reason != "error":
            facts.finish_reason = choice.finish_reason or facts.finish_reason
        facts.native_finish_reason = choice.native_finish_reason or facts.native_finish_reason

    def feed_extras(self, message: WireMessage, *, is_complete: bool) -> bool:
        """Keep what a message has besides text, reasoning and tool calls; return whether that is more than words."""
        details = message.reasoning_details
        grows = False
        if details is not None:
            self._details = self._details or _ReasoningDetails()
            grows = self._details.feed(details, is_complete=is_complete)
        if message.annotations:
            self.completion.annotations += message.annotations
        if message.refusal:
            self._refusal.append(message.refusal)
        return grows or bool(message.annotations or message.refusal)

    def feed(self, delta: Delta) -> None:
        """Keep one repaired increment; its tool calls become those of the response."""
        if delta.text_was_reasoning:
            self._refiled = True
            self._reasoning += self._text
            self._text = []
        if delta.text:
            self._text.append(delta.text)
        if delta.reasoning:
            self._reasoning.append(delta.reasoning)
        if delta.tool_calls:
            delta.tool_calls = self.tool_calls.feed(delta.tool_calls)
        if delta.logprobs:
            facts = self.completion
            # Lists of our own: those of the increment belong to whoever reads it.
            facts.logprobs = facts.logprobs or {}
            add_logprobs(facts.logprobs, delta.logprobs)

    def flush(self, *, ended: bool) -> list[ToolCallDelta]:
        """Settle how the response ended, and return what was held back of its tool calls.

        Args:
            ended: Whether the response came to its end, so that tool calls without a finish reason are complete.
        """
        reason = self.completion.finish_reason = self._finish_reason(ended=ended)
        return self.tool_calls.flush(reason)

    def build(self) -> Completion:
        """Return the finished response, once `flush` has returned."""
        completion = self.completion
        completion.text = self.text
        completion.reasoning = self.reasoning.lstrip("\r\n") if self._refiled else self.reasoning
        completion.reasoning_details = self._details.build() if self._details else None
        completion.tool_calls = self.tool_calls.build(completion.finish_reason)
        is_filtered = completion.finish_reason == "content_filter" and not self.has_answer
        completion.refusal = "".join(self._refusal) or ("" if is_filtered else None)
        return completion

    def _finish_reason(self, *, ended: bool) -> str | None:
        reason = self.completion.finish_reason
        native = _NATIVE_FINISH_REASONS.get(self.completion.native_finish_reason or "")
        if reason is None or native == "error":
            reason = native or reason
        if reason is None and ended and self.tool_calls.complete:
            return "tool_calls"
        if reason == "tool_calls" and not self.tool_calls:
            return "stop"
        return reason
