"""What OpenRouter sends, and what a response adds up to.

The wire types follow one rule: read only what is used, and demand nothing. Every field may be missing or `null`,
unknown fields are ignored (https://openrouter.ai/docs/api_reference/versioning), and of a value of an unexpected type
only that value is lost. A complete response and a chunk of a stream are the same type here: the one has
`message` where the other has `delta`.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Final, TypedDict, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

__all__ = [
    "ChatChunk",
    "Choice",
    "Completion",
    "CompletionTokensDetails",
    "Delta",
    "Index",
    "JSONObject",
    "Number",
    "PositiveNumber",
    "PromptTokensDetails",
    "TokenCount",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
    "WholeNumber",
    "WireFunction",
    "WireMessage",
    "WireToolCall",
    "decode_tolerantly",
    "fit",
    "parse_chunk",
    "to_number",
]

JSONObject = dict[str, Any]

_LARGEST: Final = 2**53
"""Beyond it readers of JSON do not agree on a number (https://www.rfc-editor.org/rfc/rfc8259#section-6)."""

WholeNumber = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)]
Index = Annotated[int, Meta(ge=0, le=_LARGEST)]
Number = Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]
PositiveNumber = Annotated[float, Meta(ge=0, le=_LARGEST)]
TokenCount = Index | PositiveNumber
"""Numbers that may be counted with: finite, of sane size, never a bool. Any other is a value that does not fit."""


_DOES_NOT_FIT: Final = (msgspec.ValidationError, RecursionError, SystemError)
"""What msgspec raises for a value of another form; the last one before 0.22, for integers that no float can hold."""


def to_number(value: object) -> float | None:
    """Return a number, also one that is written as text; `None` if it is none that may be counted with."""
    try:
        return msgspec.convert(value, Number, strict=False)
    except _DOES_NOT_FIT:
        return None


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


class PromptTokensDetails(Struct, gc=False):
    """Parts of `prompt_tokens`."""

    cached_tokens: TokenCount | None = None
    cache_write_tokens: TokenCount | None = None
    audio_tokens: TokenCount | None = None


class CompletionTokensDetails(Struct, gc=False):
    """Parts of `completion_tokens`."""

    reasoning_tokens: TokenCount | None = None
    audio_tokens: TokenCount | None = None


class Usage(Struct, omit_defaults=True, gc=False):
    """Tokens and cost of one response, as OpenRouter reports them.

    `prompt_tokens` includes cached ones and `completion_tokens` includes reasoning
    (https://openrouter.ai/docs/cookbook/administration/usage-accounting).
    """

    prompt_tokens: TokenCount | None = None
    completion_tokens: TokenCount | None = None
    total_tokens: TokenCount | None = None
    cost: PositiveNumber | None = None
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
    created: TokenCount | None = None
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
    is_lossy = False
    try:
        chunk = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value, is_lossy = _read_tolerantly(payload)
        chunk = fit(ChatChunk, value)
    # Seen once: the whole completion inside the `provider` key
    # (https://github.com/pydantic/pydantic-ai/issues/3994).
    if isinstance(chunk.provider, dict) and not _COMPLETION_KEYS.isdisjoint(chunk.provider):
        chunk = fit(ChatChunk, chunk.provider)
    if is_lossy:
        _refuse_arguments(chunk)
    return chunk


def decode_tolerantly(payload: bytes) -> Any:
    """Decode JSON in which what cannot be passed on is replaced.

    Invalid bytes and lone surrogates become U+FFFD. NaN, infinity, numbers too large for a float and integers of more
    digits than Python reads (4,300) become null.

    Raises:
        msgspec.DecodeError: It is not JSON, or nested too deep.
    """
    return _read_tolerantly(payload)[0]


_MOST_DIGITS: Final = 640
"""Of an integer, where there are some of more than Python reads; as many as it always reads."""


def _read_tolerantly(payload: bytes) -> tuple[Any, bool]:
    """Return the value, and whether a number in it became null."""
    lost: list[str] = []

    def read_float(text: str) -> float | None:
        value = float(text)
        return value if math.isfinite(value) else lose(text)

    def read_int(text: str) -> int | None:
        return int(text) if len(text) <= _MOST_DIGITS else lose(text)

    def lose(text: str) -> Any:
        lost.append(text)

    def decode(text: str) -> Any:
        decoder = json.JSONDecoder(parse_float=read_float, parse_constant=lose)
        try:
            return decoder.decode(text)
        except json.JSONDecodeError:
            raise
        except ValueError:  # an integer of more digits than Python reads
            slow = json.JSONDecoder(parse_float=read_float, parse_constant=lose, parse_int=read_int)
            return slow.decode(text)

    try:
        written = json.dumps(decode(payload.decode(errors="replace")), ensure_ascii=False)
        value = msgspec.json.decode(_SURROGATE.sub("\ufffd", written).encode())
    except (ValueError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None
    return value, bool(lost)


def _refuse_arguments(chunk: ChatChunk) -> None:
    """Replace arguments that came as an object and may lack a number, so that no call runs without it."""
    messages = [part for each in chunk.choices or () for part in (each.delta, each.message) if part]
    for call in (call for message in messages for call in message.tool_calls or ()):
        if call.function is not None and isinstance(call.function.arguments, dict | list):
            call.function.arguments = "NaN"


S = TypeVar("S", bound=Struct)


def fit(struct: type[S], value: object) -> S:
    """Build `struct` from decoded JSON, dropping the fields whose values do not fit."""
    if not isinstance(value, Mapping):
        raise msgspec.ValidationError(f"Expected a JSON object, got {type(value).__name__}.")
    fitted = {
        name: _fit_value(annotation, value[key])
        for name, key, annotation in _fields_of(struct)
        if value.get(key) is not None
    }
    return struct(**{name: part for name, part in fitted.items() if part is not None})


@cache
def _fields_of(struct: type[Struct]) -> list[tuple[str, str, Any]]:
    return [(field.name, field.encode_name, field.type) for field in msgspec.structs.fields(struct)]


_MOST_FITTED: Final = 10_000
"""Entries of a list that are looked at one by one if one of them does not fit; of a longer one, none is worth it."""


def _fit_value(annotation: Any, value: object) -> Any:
    options = get_args(annotation) or (annotation,)
    if isinstance(value, Mapping):
        for option in options:
            if isinstance(option, type) and issubclass(option, Struct):
                return fit(option, value)
    try:
        return msgspec.convert(value, annotation, strict=False)
    except _DOES_NOT_FIT:
        return _fit_list(options, value) if isinstance(value, list) else None


def _fit_list(options: Iterable[Any], value: list[Any]) -> list[Any] | None:
    """Return the entries that fit, of a list that does not fit as a whole."""
    item = next((get_args(option)[0] for option in options if get_origin(option) is list), None)
    if item is None or len(value) > _MOST_FITTED:
        return None
    parts = [_fit_value(item, part) for part in value]
    return [part for part in parts if part is not None]
