"""The structs of the wire: what OpenRouter sends.

They follow one rule: read only what is used, and demand nothing. Every field may be missing or `null`, unknown fields
are ignored (https://openrouter.ai/docs/api_reference/versioning), and of a value of an unexpected type only that value
is lost. A complete response and a chunk of a stream are the same type here: the one has `message` where the other has
`delta`.
"""

from typing import Any, TypedDict

import msgspec
from msgspec import Struct

from glm_openrouter._json.lenient import decode_lossily, fit
from glm_openrouter._json.values import Index, JSONObject, Number, TokenCount, WholeNumber
from glm_openrouter.completions import Usage

__all__ = ["ChatChunk", "Choice", "WireFunction", "WireMessage", "WireToolCall", "parse_chunk"]


class WireFunction(Struct, gc=False):
    """The `function` of a tool call; `arguments` is a string of JSON, or should be."""

    name: str | None = None
    arguments: str | JSONObject | list[Any] | None = None


class WireToolCall(Struct, gc=False):
    """One entry of `tool_calls`, whole or a fragment."""

    index: Index | None = None
    id: str | WholeNumber | None = None
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


class _LogProbability(TypedDict, total=False):
    token: str
    logprob: Number | None
    bytes: list[Index] | None


class _TokenLogProbabilities(_LogProbability, total=False):
    top_logprobs: list[_LogProbability] | None


class _LogProbabilities(TypedDict, total=False):
    """Nothing else is kept: frameworks add up increments key by key, and fail where types or indexes differ."""

    content: list[_TokenLogProbabilities] | None
    refusal: list[_TokenLogProbabilities] | None


class Choice(Struct, gc=False):
    """One entry of `choices`."""

    delta: WireMessage | None = None
    message: WireMessage | None = None
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    logprobs: _LogProbabilities | None = None
    error: JSONObject | str | None = None
    index: Index | None = None


class ChatChunk(Struct, gc=False):
    """A chunk of a stream, or a complete response."""

    id: str | None = None
    model: str | None = None
    provider: str | JSONObject | None = None
    created: TokenCount | None = None
    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: JSONObject | str | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    openrouter_metadata: JSONObject | None = None
    safeguard_results: list[JSONObject] | None = None
    alignment: JSONObject | None = None


_decoder = msgspec.json.Decoder(ChatChunk)
_COMPLETION_KEYS = frozenset(("choices", "error"))


def parse_chunk(payload: bytes) -> ChatChunk:
    """Read one JSON payload, keeping whatever fits.

    Args:
        payload: The data of one event, or a whole body.

    Raises:
        msgspec.DecodeError: The payload is not JSON.
        msgspec.ValidationError: The payload is JSON, but not an object.
    """
    is_lossy = False
    try:
        chunk = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value, is_lossy = decode_lossily(payload)
        chunk = fit(ChatChunk, value)
    # Seen once: the whole completion inside the `provider` key
    # (https://github.com/pydantic/pydantic-ai/issues/3994).
    if isinstance(chunk.provider, dict) and not _COMPLETION_KEYS.isdisjoint(chunk.provider):
        chunk = fit(ChatChunk, chunk.provider)
    if is_lossy:
        _refuse_arguments(chunk)
    return chunk


def _refuse_arguments(chunk: ChatChunk) -> None:
    """Replace arguments that came as an object and may lack a number, so that no call runs without it."""
    choices = chunk.choices or ()
    messages = [part for choice in choices for part in (choice.delta, choice.message) if part]
    for call in (call for message in messages for call in message.tool_calls or ()):
        if call.function is not None and isinstance(call.function.arguments, dict | list):
            call.function.arguments = "NaN"
