"""Increments of a response -> the events of LangChain's content-block protocol (`stream_events(version="v3")`).

LangChain can make these events from chunks by itself, but then each increment is built three times: as a chunk, as the
standard blocks of that chunk, and as an event. See `_stream_chat_model_events` in `langchain_core`.
"""

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any, cast

from glm_openrouter import Completion, Delta, JSONObject, ToolCallDelta

from .messages import to_message

if TYPE_CHECKING:
    from langchain_protocol.protocol import MessagesData

__all__ = ["StreamEvents"]


class StreamEvents:
    """The events of one response.

    Each block has an index from its first increment on. Blocks finish together at the end: reasoning may go on after
    text has come, and parallel tool calls may be interleaved.
    """

    def __init__(self, message_id: str, model: str, *, with_usage: bool) -> None:
        self._message_id = message_id
        self._model = model
        self._with_usage = with_usage
        self._indices: dict[Hashable, int] = {}
        """The blocks that have started: "reasoning", "text", or the position of a tool call -> index."""

    def start(self) -> "MessagesData":
        """Return the event that begins the message."""
        return {
            "event": "message-start",
            "role": "ai",
            "id": self._message_id,
            "metadata": {"provider": "openrouter", "model": self._model},
        }

    def feed(self, delta: Delta) -> Iterator["MessagesData"]:
        """Yield the events of one increment."""
        if reasoning := delta.reasoning:
            if "reasoning" not in self._indices:
                yield self._start("reasoning", {"type": "reasoning", "reasoning": ""})
            index = self._indices["reasoning"]
            yield _increment(index, {"type": "reasoning-delta", "reasoning": reasoning})
        if text := delta.text:
            if "text" not in self._indices:
                yield self._start("text", {"type": "text", "text": ""})
            yield _increment(self._indices["text"], {"type": "text-delta", "text": text})
        for call in delta.tool_calls:
            if call.index not in self._indices:
                yield self._start(call.index, _call_skeleton(call))
            if call.arguments:
                index = self._indices[call.index]
                yield _increment(index, {"type": "tool-call-delta", "args": call.arguments})

    def flush(self, completion: Completion) -> Iterator["MessagesData"]:
        """Yield the finished blocks, which are those of the message that is not streamed, and the end."""
        message = to_message(completion)
        positions: dict[str | None, int] = {
            call.id: position for position, call in enumerate(completion.tool_calls)
        }
        blocks: dict[Hashable, Any] = {
            positions.get(block.get("id"), block["type"]): block
            for block in (*message.content_blocks, *message.invalid_tool_calls)
        }
        for key, block in blocks.items():
            if key not in self._indices:
                yield self._start(key, block)
        for key, index in self._indices.items():
            content = blocks.get(key, {"type": key, key: ""})  # text that was refiled as reasoning
            yield {"event": "content-block-finish", "index": index, "content": content}
        end: JSONObject = {"event": "message-finish", "metadata": message.response_metadata}
        if self._with_usage and message.usage_metadata is not None:
            end["usage"] = message.usage_metadata
        if message.additional_kwargs:
            end["additional_kwargs"] = message.additional_kwargs
        yield cast("MessagesData", end)

    def _start(self, key: Hashable, content: JSONObject) -> "MessagesData":
        index = self._indices[key] = len(self._indices)
        return cast(
            "MessagesData", {"event": "content-block-start", "index": index, "content": content}
        )


def _increment(index: int, delta: JSONObject) -> "MessagesData":
    return cast("MessagesData", {"event": "content-block-delta", "index": index, "delta": delta})


def _call_skeleton(call: ToolCallDelta) -> JSONObject:
    return {
        "type": "tool_call_chunk",
        "id": call.id,
        "name": call.name,
        "args": "",
        "index": call.index,
    }
