"""The shape of a request: fields, types and ranges. Unknown fields are ignored."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .refusal import RefusalError

__all__ = ["check_shape"]

_Effort = Literal["max", "xhigh", "high", "medium", "low", "minimal", "none"]
_Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
_Quantization = Literal[
    "int4",
    "int8",
    "fp4",
    "mxfp4",
    "nvfp4",
    "fp6",
    "fp8",
    "mxfp8",
    "fp16",
    "bf16",
    "fp32",
    "unknown",
]
_Sort = Literal["price", "throughput", "latency", "exacto"]
_Penalty = Annotated[float, Field(ge=-2, le=2)]
_Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class _TextPart(_Part):
    type: Literal["text"]
    text: str


class _OtherPart(_Part):
    type: Literal["image_url", "input_audio", "file", "video_url", "input_video"]


_Content = str | list[Annotated[_TextPart | _OtherPart, Field(discriminator="type")]]


class _CalledFunction(_Part):
    name: Annotated[str, Field(min_length=1)]
    arguments: str


class _ToolCall(_Part):
    id: Annotated[str, Field(min_length=1)]
    type: Literal["function"] = "function"
    function: _CalledFunction


class _PlainMessage(_Part):
    role: Literal["system", "developer", "user"]
    content: _Content
    name: str | None = None


class _AssistantMessage(_Part):
    role: Literal["assistant"]
    content: _Content | None = None
    name: str | None = None
    tool_calls: list[_ToolCall] | None = None
    reasoning: str | None = None
    reasoning_details: list[dict[str, Any]] | None = None


class _ToolMessage(_Part):
    role: Literal["tool"]
    content: _Content
    tool_call_id: Annotated[str, Field(min_length=1)]


_Message = Annotated[_PlainMessage | _AssistantMessage | _ToolMessage, Field(discriminator="role")]


class _Parameters(_Part):
    type: Literal["object"] = "object"
    properties: dict[str, Any] | None = None
    required: list[str] | None = None


class _Function(_Part):
    name: _Name
    description: str | None = None
    parameters: _Parameters | None = None
    strict: bool | None = None


class _FunctionTool(_Part):
    type: Literal["function"]
    function: _Function


class _ServerTool(_Part):
    type: Annotated[str, Field(pattern=r"^(openrouter:\S+|web_search(_preview)?)$")]


class _ChosenFunction(_Part):
    name: str


class _ToolChoice(_Part):
    type: str
    function: _ChosenFunction | None = None


class _JsonSchema(_Part):
    name: _Name
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class _ResponseFormat(_Part):
    type: Literal["text", "json_object", "json_schema", "grammar", "python"]
    json_schema: _JsonSchema | None = None


class _Reasoning(_Part):
    effort: _Effort | None = None
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    exclude: bool | None = None
    enabled: bool | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


class _PartitionedSort(_Part):
    by: _Sort | None = None
    partition: Literal["model", "none"] | None = None


class _Provider(_Part):
    order: list[str] | None = None
    allow_fallbacks: bool | None = None
    require_parameters: bool | None = None
    data_collection: Literal["allow", "deny"] | None = None
    zdr: bool | None = None
    enforce_distillable_text: bool | None = None
    only: list[str] | None = None
    ignore: list[str] | None = None
    quantizations: list[_Quantization] | None = None
    sort: _Sort | _PartitionedSort | None = None
    max_price: dict[str, float | str] | None = None
    preferred_min_throughput: float | dict[str, float] | None = None
    preferred_max_latency: float | dict[str, float] | None = None


class _Plugin(_Part):
    id: str
    enabled: bool | None = None


_MetadataKey = Annotated[str, Field(max_length=64)]
_MetadataValue = Annotated[str, Field(max_length=512)]


class _Request(_Part):
    messages: Annotated[list[_Message], Field(min_length=1)]
    model: str | None = None
    models: list[str] | None = None
    provider: _Provider | None = None
    plugins: list[_Plugin] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: _Share | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None
    min_p: _Share | None = None
    top_a: _Share | None = None
    frequency_penalty: _Penalty | None = None
    presence_penalty: _Penalty | None = None
    repetition_penalty: Annotated[float, Field(ge=0, le=2)] | None = None
    seed: int | None = None
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    stream: bool | None = None
    tools: list[_FunctionTool | _ServerTool] | None = None
    tool_choice: Literal["none", "auto", "required"] | _ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: _ResponseFormat | None = None
    reasoning: _Reasoning | None = None
    reasoning_effort: _Effort | None = None
    include_reasoning: bool | None = None
    user: str | None = None
    session_id: Annotated[str, Field(max_length=256)] | None = None
    metadata: Annotated[dict[_MetadataKey, _MetadataValue], Field(max_length=16)] | None = None
    trace: dict[str, Any] | None = None


def check_shape(body: Mapping[str, Any]) -> None:
    """Refuse a body that has a field of a wrong type or out of range.

    Raises:
        RefusalError: Names the first such field.
    """
    try:
        _Request.model_validate(body)
    except ValidationError as exc:
        # Of the branches of a union, the one that got furthest is the one that was meant.
        error = max(exc.errors(include_url=False), key=lambda error: len(error["loc"]))
        place = ".".join(_path_in(body, error["loc"]))
        raise RefusalError(
            400, f"{place}: {error['msg']}", metadata={"error_type": "invalid_request"}
        ) from exc


def _path_in(body: Any, location: Sequence[str | int]) -> Iterator[str]:
    """Yield the steps of a location that are in the body, not the names of branches and models."""
    for step in location:
        is_missing = step == location[-1]
        if isinstance(body, Mapping) and (step in body or is_missing):
            body = body.get(step)
            yield str(step)
        elif isinstance(body, list) and isinstance(step, int):
            body = body[step]
            yield str(step)
