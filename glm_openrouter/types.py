"""What OpenRouter sends, and what a response adds up to.

The wire types follow one rule: read only what is used, and demand nothing. Every field may be missing or `null`,
unknown fields are ignored (https://openrouter.ai/docs/api_reference/versioning), and of a value of an unexpected type
only that value is lost. A complete response and a chunk of a stream are the same type here: the one has
`message` where the other has `delta`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

__all__ = [
    "ChatChunk",
    "Choice",
    "Completion",
    "CompletionTokensDetails",
    "Delta",
    "JSONObject",
    "PromptTokensDetails",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
    "WireFunction",
    "WireMessage",
    "WireToolCall",
    "fit",
    "parse_chunk",
]

JSONObject = dict[str, Any]


class WireFunction(Struct, gc=False):
    """The `function` of a tool call; `arguments` is a string of JSON, or should be."""

    name: str | None = None
    arguments: str | JSONObject | list[Any] | None = None


class WireToolCall(Struct, gc=False):
    """One entry of `tool_calls`, whole or a fragment."""

    index: int | None = None
    id: str | int | None = None
    type: str | None = None
    function: WireFunction | None = None


class WireMessage(Struct, gc=False):
    """`choices[].message` or `choices[].delta`."""

    content: str | list[Any] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    """Z.AI's own name for `reasoning`."""
    reasoning_details: list[JSONObject] | None = None
    tool_calls: list[WireToolCall] | None = None
    annotations: list[JSONObject] | None = None
    refusal: str | None = None


class Choice(Struct, gc=False):
    """One entry of `choices`."""

    delta: WireMessage | None = None
    message: WireMessage | None = None
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    logprobs: JSONObject | None = None
    error: JSONObject | str | None = None
    index: int | None = None


class PromptTokensDetails(Struct, gc=False):
    """Parts of `prompt_tokens`."""

    cached_tokens: int | float | None = None
    cache_write_tokens: int | float | None = None
    audio_tokens: int | float | None = None


class CompletionTokensDetails(Struct, gc=False):
    """Parts of `completion_tokens`."""

    reasoning_tokens: int | float | None = None
    audio_tokens: int | float | None = None


class Usage(Struct, omit_defaults=True, gc=False):
    """Tokens and cost of one response, as OpenRouter reports them.

    `prompt_tokens` includes cached ones and `completion_tokens` includes reasoning
    (https://openrouter.ai/docs/cookbook/administration/usage-accounting).
    """

    prompt_tokens: int | float | None = None
    completion_tokens: int | float | None = None
    total_tokens: int | float | None = None
    cost: float | None = None
    """USD charged to the account."""
    is_byok: bool | None = None
    prompt_tokens_details: PromptTokensDetails | None = None
    completion_tokens_details: CompletionTokensDetails | None = None
    cost_details: JSONObject | None = None
    server_tool_use_details: JSONObject | None = None
    server_tool_use: JSONObject | None = None


class ChatChunk(Struct, gc=False):
    """A chunk of a stream, or a complete response."""

    id: str | None = None
    model: str | None = None
    provider: str | JSONObject | None = None
    created: int | float | None = None
    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: JSONObject | str | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    openrouter_metadata: JSONObject | None = None


class ToolCallDelta(Struct, gc=False):
    """An increment of a tool call."""

    index: int | None = None
    """Position of the call in the response; `None` only where the wire does not say."""
    id: str | None = None
    """Sent once, when it is known."""
    name: str | None = None
    """Sent once, when it is known."""
    arguments: str = ""
    """The next part of the arguments, a string of JSON."""


class Delta(Struct, gc=False):
    """One increment of a response. Parts that did not come are empty."""

    text: str = ""
    reasoning: str = ""
    tool_calls: list[ToolCallDelta] | tuple[()] = ()
    logprobs: JSONObject | None = None
    refiles_text: bool = False
    """Whether all text that came before was reasoning after all, which only a late `</think>` revealed."""

    def __bool__(self) -> bool:
        """Whether the increment holds anything."""
        return bool(
            self.text or self.reasoning or self.tool_calls or self.logprobs or self.refiles_text
        )


class ToolCall(Struct, gc=False):
    """A tool call of a finished response."""

    id: str
    name: str
    arguments: str
    """The arguments as received, byte for byte."""
    parsed: JSONObject | None = None
    """The arguments as an object; `None` if the call must not run."""
    error: str | None = None
    """Why the call must not run."""


class Completion(Struct, gc=False):
    """A finished response."""

    id: str | None = None
    model: str | None = None
    """The model that answered; often without the routing suffix of the request."""
    provider: str | None = None
    created: int | None = None
    """Seconds since the epoch."""
    text: str = ""
    reasoning: str = ""
    reasoning_details: list[JSONObject] | None = None
    """To be sent back unmodified with this turn; `None` if the response had no such key."""
    tool_calls: list[ToolCall] = []
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    usage: Usage | None = None
    """`None` if none was reported; never an estimate."""
    annotations: list[JSONObject] = []
    refusal: str | None = None
    logprobs: JSONObject | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    openrouter_metadata: JSONObject | None = None
    adjustments: list[str] = []
    """How the request was changed because it was refused, such as `tool_choice: required -> auto`."""

    def metadata(self) -> JSONObject:
        """Return what both frameworks show besides the message, under the wire's own names.

        Keys without a value are left out.
        """
        usage = self.usage
        facts = {
            "id": self.id,
            "model_name": self.model,
            "provider": self.provider,
            "created": self.created,
            "finish_reason": self.finish_reason,
            "native_finish_reason": self.native_finish_reason,
            "cost": usage.cost if usage else None,
            "cost_details": usage.cost_details if usage else None,
            "is_byok": usage.is_byok if usage else None,
            "logprobs": self.logprobs,
            "service_tier": self.service_tier,
            "system_fingerprint": self.system_fingerprint or None,
            "openrouter_metadata": self.openrouter_metadata,
            "adjustments": self.adjustments or None,
        }
        return {key: value for key, value in facts.items() if value is not None}


_decoder = msgspec.json.Decoder(ChatChunk)
_COMPLETION_KEYS = frozenset(("choices", "error"))
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_chunk(payload: bytes) -> ChatChunk:
    """Read one JSON payload, keeping whatever fits.

    Args:
        payload: The data of one event, or a whole body.

    Raises:
        msgspec.DecodeError: The payload is not JSON.
        msgspec.ValidationError: The payload is JSON, but not an object.
    """
    try:
        chunk = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        chunk = fit(ChatChunk, _decode_tolerantly(payload))
    # Seen once: the whole completion inside the `provider` key
    # (https://github.com/pydantic/pydantic-ai/issues/3994).
    if isinstance(chunk.provider, dict) and not _COMPLETION_KEYS.isdisjoint(chunk.provider):
        return fit(ChatChunk, chunk.provider)
    return chunk


def _decode_tolerantly(payload: bytes) -> object:
    """Decode JSON in which invalid bytes and lone surrogates become U+FFFD, and NaN and infinity become null."""
    try:
        value = json.loads(payload.decode(errors="replace"), parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None
    written = json.dumps(value, ensure_ascii=False)
    return msgspec.json.decode(_SURROGATE.sub("\ufffd", written).encode())


S = TypeVar("S", bound=Struct)


def fit(struct: type[S], value: object) -> S:
    """Build `struct` from decoded JSON, dropping the fields whose values do not fit."""
    if not isinstance(value, Mapping):
        raise msgspec.ValidationError(f"Expected a JSON object, got {type(value).__name__}.")
    fitted = {
        field.name: _fit_value(field.type, value[field.encode_name])
        for field in msgspec.structs.fields(struct)
        if value.get(field.encode_name) is not None
    }
    return struct(**{name: part for name, part in fitted.items() if part is not None})


def _fit_value(annotation: Any, value: object) -> Any:
    for option in get_args(annotation) or (annotation,):
        if isinstance(option, type) and issubclass(option, Struct) and isinstance(value, Mapping):
            return fit(option, value)
        if get_origin(option) is list and isinstance(value, list):
            item = get_args(option)[0]
            parts = [_fit_value(item, part) for part in value]
            return [part for part in parts if part is not None]
    try:
        return msgspec.convert(value, annotation, strict=False)
    except msgspec.ValidationError:
        return None
