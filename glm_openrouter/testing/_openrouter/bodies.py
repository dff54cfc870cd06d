"""A generation in the forms of the wire: one body, or the chunks of a stream."""

from collections.abc import Iterator
from typing import Any

from glm_openrouter.testing._answers.answer import ErrorAnswer

from .generation import Generation, ToolCall

__all__ = ["build_chunks", "build_completion", "build_error", "build_error_headers", "build_record"]


def build_error(error: ErrorAnswer) -> dict[str, Any]:
    """Return the body of a response that is an error."""
    body: dict[str, Any] = {"error": _error(error)}
    if error.status_code != 401:
        # Known accounts are named in their errors; clients must not pass that on.
        body["user_id"] = "user_offline"
    return body


def build_error_headers(error: ErrorAnswer) -> dict[str, str]:
    """Return the headers of a response that is an error, besides those of its content."""
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = f"{error.retry_after:.10g}"
    if error.retryable is not None:
        # What the clients of OpenAI look at.
        headers["X-Should-Retry"] = "true" if error.retryable else "false"
    return headers


def _error(error: ErrorAnswer) -> dict[str, Any]:
    about: dict[str, Any] = {"message": error.message, "code": error.status_code}
    if error.metadata:
        about["metadata"] = dict(error.metadata)
    if error.retryable is not None:
        about["availability"] = {"retryable": error.retryable}
    return about


def build_completion(generation: Generation) -> dict[str, Any]:
    """Return the body of a response that is not streamed."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(generation.content) or None,
        "refusal": None,
        "reasoning": "".join(generation.reasoning) or None,
    }
    if generation.reasoning:
        message["reasoning_details"] = _details("".join(generation.reasoning))
    if generation.calls:
        message["tool_calls"] = [
            {"index": at, **_whole_call(call)} for at, call in enumerate(generation.calls)
        ]
    failure = {"error": _error(generation.error)} if generation.error else {}
    return {
        "id": generation.id,
        "object": "chat.completion",
        "created": generation.created,
        "model": generation.model,
        "provider": generation.endpoint.provider_name,
        "system_fingerprint": None,
        "choices": [
            {
                "index": 0,
                "logprobs": None,
                "finish_reason": generation.finish_reason,
                "native_finish_reason": generation.finish_reason,
                "message": message,
                **failure,
            }
        ],
        "usage": _usage(generation),
        "service_tier": None,
    }


def build_chunks(generation: Generation) -> Iterator[dict[str, Any]]:
    """Yield the chunks of a streamed response, in the order GLM is known for.

    The line feed that GLM begins with precedes the reasoning; the finish reason comes twice, the second
    time with the usage. An error comes with the only finish reason.
    """
    for delta in _deltas(generation):
        yield _chunk(generation, delta, None)
    if generation.error:
        last = _chunk(generation, {"content": ""}, generation.finish_reason)
        yield {**last, "error": _error(generation.error)}
        return
    yield _chunk(generation, {"content": "", "reasoning": None}, generation.finish_reason)
    last = _chunk(generation, {"content": ""}, generation.finish_reason)
    yield {**last, "usage": _usage(generation), "service_tier": None}


def _deltas(generation: Generation) -> Iterator[dict[str, Any]]:
    has_opening = generation.content[:1] == ("\n",)
    if has_opening:
        yield {"content": "\n", "reasoning": None, "reasoning_details": []}
    for token in generation.reasoning:
        yield {"content": "", "reasoning": token, "reasoning_details": _details(token)}
    for token in generation.content[has_opening:]:
        yield {"content": token}
    for at, call in enumerate(generation.calls):
        opened = {**_whole_call(call), "function": {"name": call.name, "arguments": ""}}
        yield {"content": None, "tool_calls": [{"index": at, **opened}]}
        arguments = {"index": at, "function": {"arguments": call.arguments}}
        yield {"content": None, "tool_calls": [arguments]}


def _chunk(
    generation: Generation, delta: dict[str, Any], finish_reason: str | None
) -> dict[str, Any]:
    return {
        "id": generation.id,
        "object": "chat.completion.chunk",
        "created": generation.created,
        "model": generation.model,
        "provider": generation.endpoint.provider_name,
        "choices": [
            {
                "index": 0,
                "delta": {"role": "assistant", **delta},
                "finish_reason": finish_reason,
                "native_finish_reason": finish_reason,
            }
        ],
    }


def _details(text: str) -> list[dict[str, Any]]:
    return [{"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}]


def _whole_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _usage(generation: Generation) -> dict[str, Any]:
    cost = round(generation.cost, 10)
    return {
        "prompt_tokens": generation.prompt_tokens,
        "completion_tokens": generation.completion_tokens,
        "total_tokens": generation.prompt_tokens + generation.completion_tokens,
        "cost": cost,
        "is_byok": False,
        "prompt_tokens_details": {
            "cached_tokens": generation.cached_tokens,
            "cache_write_tokens": 0,
            "audio_tokens": 0,
            "video_tokens": 0,
        },
        "cost_details": {
            "upstream_inference_cost": cost,
            "upstream_inference_prompt_cost": generation.prompt_cost,
            "upstream_inference_completions_cost": generation.completion_cost,
        },
        "completion_tokens_details": {
            "reasoning_tokens": generation.reasoning_tokens,
            "image_tokens": 0,
            "audio_tokens": 0,
        },
    }


def build_record(generation: Generation, *, streamed: bool) -> dict[str, Any]:
    """Return what `/generation` tells of a generation afterwards."""
    cost = round(generation.cost, 10)
    return {
        "id": generation.id,
        "model": generation.model,
        "provider_name": generation.endpoint.provider_name,
        "created_at": generation.created,
        "finish_reason": generation.finish_reason,
        "native_finish_reason": generation.finish_reason,
        "tokens_prompt": generation.prompt_tokens,
        "tokens_completion": generation.completion_tokens,
        "native_tokens_prompt": generation.prompt_tokens,
        "native_tokens_completion": generation.completion_tokens,
        "native_tokens_reasoning": generation.reasoning_tokens,
        "native_tokens_cached": generation.cached_tokens,
        "total_cost": cost,
        "usage": cost,
        "upstream_inference_cost": cost,
        "cache_discount": None,
        "latency": 1,
        "generation_time": 1,
        "streamed": streamed,
        "cancelled": False,
        "is_byok": False,
    }
