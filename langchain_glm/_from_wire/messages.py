"""A finished response -> LangChain's message and result."""

from collections.abc import Mapping
from typing import cast

from langchain_core.messages import (
    AIMessage,
    InvalidToolCall,
    ToolCall,
    UsageMetadata,
)
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails
from langchain_core.messages.tool import (
    invalid_tool_call,
    tool_call,
)
from langchain_core.outputs import ChatGeneration, ChatResult

from glm_openrouter import Completion, JSONObject, Usage
from glm_openrouter import ToolCall as WireToolCall
from glm_openrouter._json.strict import write_arguments

__all__ = ["to_extras", "to_info", "to_message", "to_metadata", "to_result", "to_usage"]


def to_result(completion: Completion) -> ChatResult:
    """Return a finished response as LangChain's result."""
    message = to_message(completion)
    generation = ChatGeneration(message=message, generation_info=to_info(completion))
    output = {name: message.response_metadata.get(name) for name in ("id", "model_name", "created")}
    llm_output = {name: value for name, value in output.items() if value is not None}
    return ChatResult(generations=[generation], llm_output=llm_output)


def to_info(completion: Completion) -> JSONObject:
    """Return what LangChain keeps beside the message of a generation."""
    return {"finish_reason": completion.finish_reason}


def to_message(completion: Completion) -> AIMessage:
    """Return a finished response as a message."""
    extras = to_extras(completion)
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


def to_extras(completion: Completion) -> JSONObject:
    """Return what has no field of its own in a message, but must be kept with it."""
    arguments_as_received = {
        call.id: call.arguments
        for call in completion.tool_calls
        if call.parsed is None or call.arguments != write_arguments(call.parsed)
    }
    # A sum of chunks has invalid calls, but not what is wrong with them.
    problems = {call.id: call.error for call in completion.tool_calls if call.error}
    extras = {
        "reasoning_details": completion.reasoning_details,
        "tool_arguments": arguments_as_received or None,
        "tool_call_errors": problems or None,
        "annotations": completion.annotations or None,
        "refusal": completion.refusal,
    }
    return {key: value for key, value in extras.items() if value is not None}


def to_usage(usage: Usage | None) -> UsageMetadata | None:
    """Return usage under LangChain's names; `None` if none was reported."""
    if usage is None or (usage.prompt_tokens is None and usage.completion_tokens is None):
        return None
    prompt = int(_count(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens))
    completion = int(_count(usage.completion_tokens, usage.prompt_tokens, usage.total_tokens))
    metadata = UsageMetadata(
        input_tokens=prompt,
        output_tokens=completion,
        total_tokens=prompt + completion if usage.total_tokens is None else int(usage.total_tokens),
    )
    if (prompt_details := usage.prompt_tokens_details) is not None:
        counts = {
            "cache_read": prompt_details.cached_tokens,
            "cache_creation": prompt_details.cache_write_tokens,
            "audio": prompt_details.audio_tokens,
        }
        metadata["input_token_details"] = cast(InputTokenDetails, _without_none(counts))
    if (completion_details := usage.completion_tokens_details) is not None:
        counts = {
            "reasoning": completion_details.reasoning_tokens,
            "audio": completion_details.audio_tokens,
        }
        metadata["output_token_details"] = cast(OutputTokenDetails, _without_none(counts))
    return metadata


def _count(count: float | None, other: float | None, total: float | None) -> float:
    """Return a count; where it did not come, or cannot be read, what the others leave of the total."""
    if count is not None:
        return count
    return max(0, (total or 0) - (other or 0))


def _without_none(counts: Mapping[str, int | float | None]) -> dict[str, int]:
    return {name: int(count) for name, count in counts.items() if count is not None}
