"""Increments -> LangChain's chunks."""

from typing import cast

from langchain_core.messages import (
    AIMessageChunk,
)
from langchain_core.messages.tool import (
    ToolCallChunk,
    tool_call_chunk,
)
from langchain_core.outputs import ChatGenerationChunk

from glm_openrouter import Completion, Delta, JSONObject
from glm_openrouter._json.outline import cut_mark

from .messages import to_extras, to_info, to_metadata, to_usage

__all__ = ["to_chunk", "to_content_blocks_chunk", "to_last_chunk"]


# Validating a chunk costs more than everything else that is done for it, and there is nothing to validate: the values
# are ours. So a chunk is a copy of one that pydantic has made.
_CHUNK = AIMessageChunk(content="")
_CHUNK_VALUES = dict(_CHUNK.__dict__)
_CHUNK_FRESH = [
    (key, type(value)) for key, value in _CHUNK_VALUES.items() if isinstance(value, list | dict)
]
_GENERATION = ChatGenerationChunk(message=_CHUNK)
_GENERATION_VALUES = dict(_GENERATION.__dict__)
_set = object.__setattr__


def to_chunk(delta: Delta) -> ChatGenerationChunk:
    """Return one increment as a chunk."""
    calls: list[ToolCallChunk] = [
        {
            "type": "tool_call_chunk",
            "name": call.name,
            "args": call.arguments,
            "id": call.id,
            "index": call.index,
        }
        for call in delta.tool_calls
    ]
    values = _CHUNK_VALUES.copy()
    for key, kind in _CHUNK_FRESH:
        values[key] = kind()
    values["content"] = delta.text
    # LangChain sets two more, and a set of five takes half a kilobyte more than one of four.
    fields_set = {"content"}
    if delta.reasoning:
        values["additional_kwargs"]["reasoning_content"] = delta.reasoning
        fields_set.add("additional_kwargs")
    if delta.logprobs:
        values["response_metadata"]["logprobs"] = delta.logprobs
        fields_set.add("response_metadata")
    if calls:
        values["tool_call_chunks"] = calls
        fields_set.add("tool_call_chunks")
        if any(call["name"] for call in calls):
            # The beginning of a call, often all of it: LangChain reads `tool_calls` from it.
            return ChatGenerationChunk(message=AIMessageChunk(**values))
    message = AIMessageChunk.__new__(AIMessageChunk)
    _fill(message, values, fields_set, {})
    generation = ChatGenerationChunk.__new__(ChatGenerationChunk)
    values = {**_GENERATION_VALUES, "text": delta.text, "message": message}
    _fill(generation, values, {"text", "message"}, None)
    return generation


def _fill(
    model: object, values: JSONObject, fields_set: set[str], extra: JSONObject | None
) -> None:
    _set(model, "__dict__", values)
    _set(model, "__pydantic_fields_set__", fields_set)
    _set(model, "__pydantic_extra__", extra)
    _set(model, "__pydantic_private__", None)


def to_content_blocks_chunk(delta: Delta) -> ChatGenerationChunk:
    """Return one increment as a chunk whose content is standard blocks, for `output_version="v1"`.

    LangChain would make the blocks by itself, but number those of tool calls from 0 again, and so merge the first
    call with the reasoning.
    """
    generation = to_chunk(delta)
    message = cast(AIMessageChunk, generation.message)
    blocks: list[JSONObject] = []
    if delta.reasoning:
        blocks.append({"type": "reasoning", "reasoning": delta.reasoning, "index": "lc_reasoning"})
    if delta.text:
        blocks.append({"type": "text", "text": delta.text, "index": "lc_text"})
    blocks += [{**call, "index": f"lc_call_{call['index']}"} for call in message.tool_call_chunks]
    message.content = cast("list[str | JSONObject]", blocks)
    message.response_metadata["output_version"] = "v1"
    return generation


def to_last_chunk(completion: Completion, *, with_usage: bool) -> ChatGenerationChunk:
    """Return the chunk that ends a stream: what is said once of the whole response."""
    # LangChain completes the JSON of merged chunks leniently, so that a call which was cut off would become a valid one
    # with arguments missing (https://github.com/langchain-ai/langchain/issues/39275).
    cut = [
        tool_call_chunk(name=None, args=cut_mark(call.arguments), id=None, index=index)
        for index, call in enumerate(completion.tool_calls)
        if call.error
    ]
    metadata = to_metadata(completion)
    metadata.pop("logprobs", None)  # they came with their tokens, and chunks add up
    message = AIMessageChunk(
        content="",
        additional_kwargs=to_extras(completion),
        response_metadata=metadata,
        usage_metadata=to_usage(completion.usage) if with_usage else None,
        chunk_position="last",
    )
    # Set after validation, which would take the mark for a call of its own.
    message.tool_call_chunks = cut
    return ChatGenerationChunk(message=message, generation_info=to_info(completion))
