"""A call -> attributes, under the names of OpenTelemetry's conventions for generative AI.

See https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/. OpenRouter is the provider there, and whoever of
its providers answered is `openrouter.provider`.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from glm_openrouter._client.call_record import CallRecord
from glm_openrouter._json.values import JSONObject
from glm_openrouter.completions import Completion, Usage

__all__ = [
    "Attributes",
    "error_attributes",
    "request_attributes",
    "response_attributes",
    "shared_attributes",
    "token_attributes",
]

Attributes: TypeAlias = dict[str, Any]

_PARAMETERS: Final[Mapping[str, tuple[str, type]]] = {
    "temperature": ("gen_ai.request.temperature", float),
    "top_p": ("gen_ai.request.top_p", float),
    "top_k": ("gen_ai.request.top_k", int),
    "frequency_penalty": ("gen_ai.request.frequency_penalty", float),
    "presence_penalty": ("gen_ai.request.presence_penalty", float),
    "seed": ("gen_ai.request.seed", int),
    "dimensions": ("gen_ai.embeddings.dimension.count", int),
}
"""Field of a body -> attribute and type."""


def shared_attributes(call: CallRecord) -> Attributes:
    """Return what spans and metrics have in common before there is an answer."""
    url = urlsplit(call.base_url)
    attributes = {
        "gen_ai.operation.name": call.operation,
        "gen_ai.provider.name": "openrouter",
        "gen_ai.request.model": call.model,
        "server.address": url.hostname,
        "server.port": url.port or (80 if url.scheme == "http" else 443),
    }
    return _without_none(attributes)


def request_attributes(call: CallRecord) -> Attributes:
    """Return what a span says of the request."""
    body = call.body
    attributes = shared_attributes(call)
    attributes |= {
        name: kind(body[field])
        for field, (name, kind) in _PARAMETERS.items()
        if isinstance(body.get(field), int | float)
    }
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    stop = body.get("stop")
    reasoning = body.get("reasoning")
    effort = body.get("reasoning_effort")
    if isinstance(reasoning, Mapping):
        effort = effort or reasoning.get("effort")
    response_format = body.get("response_format")
    attributes |= _without_none(
        {
            "gen_ai.request.max_tokens": limit,
            "gen_ai.request.stop_sequences": [stop] if isinstance(stop, str) else stop,
            "gen_ai.request.stream": body.get("stream"),
            "gen_ai.request.reasoning.level": effort,
            "gen_ai.output.type": _output_type(response_format),
            "gen_ai.conversation.id": body.get("session_id"),
            "openrouter.variant": _variant(call.model),
        }
    )
    return attributes


def response_attributes(call: CallRecord) -> Attributes:
    """Return what a span says of the answer, as far as it came."""
    facts, usage = call.facts, call.facts.usage or Usage()
    reason = facts.finish_reason
    attributes = {
        "gen_ai.response.id": facts.id,
        "gen_ai.response.model": facts.model,
        "gen_ai.response.finish_reasons": [reason] if reason and call.is_complete else None,
        "gen_ai.response.time_to_first_chunk": call.seconds_to_first_token,
        "openrouter.provider": facts.provider,
        "openrouter.cached": facts.cached,
        "openrouter.tries": call.tries,
        # The conventions have no name for it; the first one is read by Langfuse and others.
        "gen_ai.usage.cost": usage.cost,
        "openrouter.cost": usage.cost,
        "openrouter.is_byok": usage.is_byok,
    }
    return _without_none(attributes)


def error_attributes(error: Exception) -> Attributes:
    """Return what is said of an error: its type, and nothing of its text, which may quote what was said."""
    attributes = {
        "error.type": type(error).__name__,
        "http.response.status_code": getattr(error, "status_code", None),
    }
    return _without_none(attributes)


def token_attributes(facts: Completion) -> Attributes:
    """Return the tokens of prompt and answer, and their parts."""
    usage = facts.usage or Usage()
    prompt, answer = usage.prompt_tokens_details, usage.completion_tokens_details
    written = prompt.cache_write_tokens if prompt else None
    counts = {
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": prompt.cached_tokens if prompt else None,
        "gen_ai.usage.cache_write.input_tokens": written,
        "gen_ai.usage.cache_creation.input_tokens": written,  # its name up to version 1.41
        "gen_ai.usage.reasoning.output_tokens": answer.reasoning_tokens if answer else None,
    }
    return {name: int(count) for name, count in counts.items() if count is not None}


def _output_type(response_format: object) -> str | None:
    if not isinstance(response_format, Mapping):
        return None
    return "text" if response_format.get("type") == "text" else "json"


def _variant(model: str) -> str | None:
    """Return the routing suffix of a model id."""
    return model.rpartition(":")[2] if ":" in model else None


def _without_none(attributes: JSONObject) -> Attributes:
    return {name: value for name, value in attributes.items() if value is not None}
