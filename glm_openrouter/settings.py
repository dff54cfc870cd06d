"""What a user may set on a request.

Everything that is set here is on the wire, or it raises: unknown keys are errors, `None` means not set. The door for
anything OpenRouter adds later is `extra_body`, which is merged last. Fields without a docstring mean what
https://openrouter.ai/docs/api_reference/parameters says.
"""

import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from .models import DEFAULT_MODEL
from .types import JSONObject

__all__ = ["ChatRequest", "ModelParameters", "ProviderPreferences", "ProviderSort", "Reasoning"]

Effort = Literal["max", "xhigh", "high", "medium", "low", "minimal", "none"]
SortKey = Literal["price", "throughput", "latency", "exacto"]
Number = int | float
Percentiles = dict[Literal["p50", "p75", "p90", "p99"], Number]
Fraction = Annotated[Number, Field(ge=0, le=1)]
Penalty = Annotated[Number, Field(ge=-2, le=2)]


_NAMES = {"openrouter_provider": "provider", "model_name": "model", "stop_sequences": "stop"}
"""Names that parameters also go by."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    def to_wire(self) -> JSONObject:
        """Return what was set, as it goes on the wire."""
        return self.model_dump(exclude_none=True)


class Reasoning(_Settings):
    """How the model thinks (https://openrouter.ai/docs/guides/best-practices/reasoning-tokens).

    GLM 4.6 only knows on and off: levels of effort and budgets do not change how long it thinks.
    """

    enabled: bool | None = None
    effort: Effort | None = None
    """Excludes `max_tokens`. `none` turns thinking off."""
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    exclude: bool | None = None
    """Think, and bill for it, but do not send the reasoning."""
    summary: Literal["auto", "concise", "detailed"] | None = None

    @model_validator(mode="after")
    def _one_of_effort_and_max_tokens(self) -> Self:
        if self.effort is not None and self.max_tokens is not None:
            msg = "reasoning takes effort or max_tokens, not both; OpenRouter refuses the combination."
            raise ValueError(msg)
        return self


def _to_reasoning(value: object) -> object:
    if isinstance(value, bool):
        return {"enabled": value}
    return {"effort": value} if isinstance(value, str) else value


class ProviderSort(_Settings):
    """A sort order over the endpoints of all `models` together, or of each."""

    by: SortKey
    partition: Literal["model", "none"] | None = None


class MaxPrice(_Settings):
    """Upper limits in USD per million tokens (`request` and `image`: per unit)."""

    prompt: Number | str | None = None
    completion: Number | str | None = None
    request: Number | str | None = None
    image: Number | str | None = None
    audio: Number | str | None = None


class ProviderPreferences(_Settings):
    """How OpenRouter chooses a provider (https://openrouter.ai/docs/guides/routing/provider-selection).

    Providers are named by slug (`z-ai`, `novita`, `deepinfra/fp4`), not by display name.
    """

    order: list[str] | None = None
    """Try these first, in this order. Turns off load balancing, sorting (also by `:exacto`) and warm caches."""
    allow_fallbacks: bool | None = None
    require_parameters: bool | None = None
    """Use only endpoints that know every parameter of the request; each parameter narrows the choice."""
    data_collection: Literal["allow", "deny"] | None = None
    zdr: bool | None = None
    """Use only endpoints with zero data retention."""
    enforce_distillable_text: bool | None = None
    only: list[str] | None = None
    ignore: list[str] | None = None
    quantizations: list[str] | None = None
    sort: SortKey | ProviderSort | None = None
    max_price: MaxPrice | None = None
    preferred_min_throughput: Number | Percentiles | None = None
    """Tokens per second."""
    preferred_max_latency: Number | Percentiles | None = None
    """Seconds."""
    options: dict[str, JSONObject] | None = None
    """Extras for single providers: slug -> fields."""


class ModelParameters(BaseModel):
    """The parameters that make sense as defaults of a model: what both adapters and `ChatRequest` take."""

    models: list[str] | None = None
    """Models to try in this order if the first fails; each may carry its own routing suffix."""
    route: str | None = None
    preset: str | None = None

    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Limits reasoning and answer together."""
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Fraction | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None
    min_p: Fraction | None = None
    top_a: Fraction | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    repetition_penalty: Annotated[Number, Field(ge=0, le=2)] | None = None
    seed: int | None = None
    logit_bias: dict[str, Number] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    parallel_tool_calls: bool | None = None
    modalities: list[str] | None = None
    verbosity: str | None = None

    reasoning: Annotated[Reasoning | None, BeforeValidator(_to_reasoning)] = None
    """`True` or `False` for on and off, a level of effort, or all of `Reasoning`."""
    reasoning_effort: Effort | None = None
    include_reasoning: bool | None = None

    provider: ProviderPreferences | None = Field(
        default=None, validation_alias=AliasChoices("provider", "openrouter_provider")
    )
    """Also taken as `openrouter_provider`."""
    plugins: list[JSONObject] | None = None
    transforms: list[str] | None = None
    service_tier: str | None = None
    web_search_options: JSONObject | None = None
    stop_server_tools_when: list[JSONObject] | None = None

    user: str | None = None
    """A stable pseudonym of the end user."""
    session_id: Annotated[str, Field(max_length=256)] | None = Field(
        default_factory=lambda: os.environ.get("OPENROUTER_SESSION_ID") or None
    )
    """One per conversation: keeps its requests at the provider whose prompt cache is warm. Default:
    `OPENROUTER_SESSION_ID`."""
    trace: JSONObject | None = None
    prompt_cache_key: str | None = None
    cache_control: JSONObject | None = None

    extra_body: JSONObject | None = None
    """Anything else for the body, merged last; it may also replace what is set above."""

    @model_validator(mode="after")
    def _efforts_agree(self) -> Self:
        effort = self.reasoning.effort if self.reasoning else None
        if self.reasoning_effort and effort and self.reasoning_effort != effort:
            msg = f"reasoning_effort={self.reasoning_effort!r} contradicts reasoning.effort={effort!r}."
            raise ValueError(msg)
        return self

    def parameters(self) -> JSONObject:
        """Return the parameters that are set, as arguments for `ChatRequest`."""
        values = self.__dict__
        return {name: values[name] for name in _PARAMETERS if values.get(name) is not None}

    def build_request(
        self, messages: list[JSONObject], *layers: Mapping[str, Any], more: Mapping[str, Any]
    ) -> "ChatRequest":
        """Return a request with these parameters as defaults.

        Args:
            messages: In OpenRouter's form.
            layers: Arguments of `ChatRequest`; later ones win.
            more: Further defaults, of which the unknown ones go into the body as they are.

        Raises:
            pydantic.ValidationError: An argument is unknown or makes no sense.
        """
        named = [
            {_NAMES.get(name, name): layer[name] for name in layer} for layer in (more, *layers)
        ]
        unknown = {
            name: named[0].pop(name) for name in named[0].keys() - ChatRequest.model_fields.keys()
        }
        layers = (self.parameters(), *named)
        bodies = [unknown, *(layer.get("extra_body") or {} for layer in layers)]
        merged = {name: layer[name] for layer in layers for name in layer}
        extra_body = {name: body[name] for body in bodies for name in body}
        return ChatRequest(messages=messages, **{**merged, "extra_body": extra_body or None})


_PARAMETERS = tuple(ModelParameters.model_fields)


class ChatRequest(ModelParameters):
    """One chat request: messages in OpenRouter's own form, and everything that goes with them."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    messages: list[JSONObject] = Field(min_length=1)
    model: str = DEFAULT_MODEL
    stop: str | list[str] | None = None
    tools: list[JSONObject] | None = None
    tool_choice: str | JSONObject | None = None
    response_format: JSONObject | None = None
    prediction: JSONObject | None = None
    metadata: dict[str, str] | None = None
    debug: JSONObject | None = None

    @model_validator(mode="after")
    def _tool_choice_has_tools(self) -> Self:
        if self.tool_choice not in (None, "none", "auto") and not self.tools:
            msg = "tool_choice needs tools."
            raise ValueError(msg)
        return self

    def to_wire(self) -> JSONObject:
        """Return what was set, as it goes on the wire."""
        fields = {name: value for name, value in self if value is not None}
        extra_body = fields.pop("extra_body", {})
        body = {
            name: value.to_wire() if isinstance(value, _Settings) else value
            for name, value in fields.items()
        }
        return {**body, **extra_body}

    def tool_schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the JSON schema of the parameters of each tool that this program runs itself."""
        functions = [tool["function"] for tool in self.tools or () if "function" in tool]
        return {function["name"]: function.get("parameters") or {} for function in functions}
