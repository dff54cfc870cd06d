"""What the core gives -> LangChain messages and chunks."""

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    InvalidToolCall,
    ToolCall,
    UsageMetadata,
)
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails
from langchain_core.messages.tool import (
    ToolCallChunk,
    invalid_tool_call,
    tool_call,
    tool_call_chunk,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from glm_openrouter import Completion, Delta, Usage
from glm_openrouter import ToolCall as WireToolCall
from glm_openrouter.messages import cut_mark, write_arguments

__all__ = [
    "to_chunk",
    "to_content_blocks_chunk",
    "to_last_chunk",
    "to_message",
    "to_metadata",
    "to_result",
    "to_usage",
]

JSONObject = dict[str, Any]


def to_result(completion: Completion) -> ChatResult:
    """Return a finished response as LangChain's result."""
    message = to_message(completion)
    generation = ChatGeneration(message=message, generation_info=_to_info(completion))
    output = {name: message.response_metadata.get(name) for name in ("id", "model_name", "created")}
    known = {name: value for name, value in output.items() if value is not None}
    return ChatResult(generations=[generation], llm_output=known)


def _to_info(completion: Completion) -> JSONObject:
    return {"finish_reason": completion.finish_reason}


def to_message(completion: Completion) -> AIMessage:
    """Return a finished response as a message."""
    extras = _extras(completion)
    if completion.reasoning:
        extras["reasoning_content"] = completion.reasoning
    return AIMessage(
        content=completion.text,
        additional_kwargs=extras,
        response_metadata=to_metadata(completion),
        tool_calls=[_to_tool_call(call) for call in completion.tool_calls if call.error is None],
        invalid_tool_calls=[_to_invalid(call) for call in completion.tool_calls if call.error],
        usage_metadata=to_usage(completion.usage),
    )


def _to_tool_call(call: WireToolCall) -> ToolCall:
    return tool_call(name=call.name, args=call.parsed or {}, id=call.id)


def _to_invalid(call: WireToolCall) -> InvalidToolCall:
    return invalid_tool_call(name=call.name, args=call.arguments, id=call.id, error=call.error)


def to_metadata(completion: Completion) -> JSONObject:
    """Return what is said of a response beside its message, as `response_metadata`."""
    return {"model_provider": "openrouter", **completion.metadata()}


def _extras(completion: Completion) -> JSONObject:
    """Return what has no field of its own in a message, but must be kept with it."""
    written = {
        call.id: call.arguments
        for call in completion.tool_calls
        if call.parsed is not None and call.arguments != write_arguments(call.parsed)
    }
    extras = {
        "reasoning_details": completion.reasoning_details,
        "tool_arguments": written or None,
        "annotations": completion.annotations or None,
        "refusal": completion.refusal,
    }
    return {key: value for key, value in extras.items() if value is not None}


def to_usage(usage: Usage | None) -> UsageMetadata | None:
    """Return usage under LangChain's names; `None` if none was reported."""
    if usage is None or usage.prompt_tokens is None:
        return None
    prompt, completion = int(usage.prompt_tokens), int(usage.completion_tokens or 0)
    metadata = UsageMetadata(
        input_tokens=prompt,
        output_tokens=completion,
        total_tokens=prompt + completion if usage.total_tokens is None else int(usage.total_tokens),
    )
    if (read := usage.prompt_tokens_details) is not None:
        counts = {
            "cache_read": read.cached_tokens,
            "cache_creation": read.cache_write_tokens,
            "audio": read.audio_tokens,
        }
        metadata["input_token_details"] = cast(InputTokenDetails, _known(counts))
    if (written := usage.completion_tokens_details) is not None:
        counts = {"reasoning": written.reasoning_tokens, "audio": written.audio_tokens}
        metadata["output_token_details"] = cast(OutputTokenDetails, _known(counts))
    return metadata


def _known(counts: Mapping[str, int | float | None]) -> dict[str, int]:
    return {name: int(count) for name, count in counts.items() if count is not None}


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
    if delta.reasoning:
        values["additional_kwargs"]["reasoning_content"] = delta.reasoning
    if delta.logprobs:
        values["response_metadata"]["logprobs"] = delta.logprobs
    if calls:
        values["tool_call_chunks"] = calls
        if calls[0]["name"]:
            # The beginning of a call, often all of it: LangChain reads `tool_calls` from it.
            return ChatGenerationChunk(message=AIMessageChunk(**values))
    message = AIMessageChunk.__new__(AIMessageChunk)
    _fill(message, values, {"content", "additional_kwargs", "tool_call_chunks"}, {})
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
        additional_kwargs=_extras(completion),
        response_metadata=metadata,
        usage_metadata=to_usage(completion.usage) if with_usage else None,
        chunk_position="last",
    )
    # Set after validation, which would take the mark for a call of its own.
    message.tool_call_chunks = cut
    return ChatGenerationChunk(message=message, generation_info=_to_info(completion))
