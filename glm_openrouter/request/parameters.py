"""What a user may set on a request.

Everything that is set here is on the wire, or it raises: unknown keys are errors, `None` means not set. The door for
anything OpenRouter adds later is `extra_body`, which is merged last. OpenRouter's own words for the fields:
https://openrouter.ai/docs/api_reference/parameters.
"""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)

from glm_openrouter._json.values import JSONObject
from glm_openrouter.sessions import LONGEST_SESSION_ID

from ._base import FiniteNumber, FreeJSON, Settings, SuggestsNames
from .plugins import Plugin
from .provider import ProviderPreferences
from .tools import DeferredTools, to_deferred_tools, to_server_tools

__all__ = [
    "CacheControl",
    "Debug",
    "Metadata",
    "ModelId",
    "ModelParameters",
    "Reasoning",
    "parameters_of",
    "thinks",
]

Effort = Literal["max", "xhigh", "high", "medium", "low", "minimal", "none"]
ServiceTier = Literal["auto", "default", "fast", "flex", "priority", "scale", "ultrafast"]
Fraction = Annotated[FiniteNumber, Field(ge=0, le=1)]
Penalty = Annotated[FiniteNumber, Field(ge=-2, le=2)]
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
    Field(max_length=16),
]


CacheSeconds = Annotated[int, Field(strict=True, ge=1, le=86_400)]


def _is_named(model: str) -> str:
    if not model.strip():
        raise ValueError("The id of the model is empty: give one, such as z-ai/glm-4.6:exacto.")
    return model


ModelId = Annotated[str, AfterValidator(_is_named)]


class Reasoning(Settings):
    """How the model thinks (https://openrouter.ai/docs/guides/best-practices/reasoning-tokens).

    GLM 4.6 only knows on and off: levels of effort and budgets do not change how long it thinks.
    """

    enabled: bool | None = None
    """Whether the model thinks."""
    effort: Effort | None = None
    """Excludes `max_tokens`. `none` turns thinking off."""
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    """A budget for thinking, in tokens."""
    exclude: bool | None = None
    """Think, at the same price, but do not send the reasoning."""
    summary: Literal["auto", "concise", "detailed"] | None = None
    """How detailed a summary of the reasoning is, for models that show no more than that."""

    @model_validator(mode="after")
    def _one_of_effort_and_max_tokens(self) -> Self:
        if self.effort is not None and self.max_tokens is not None:
            raise ValueError(
                "reasoning takes effort or max_tokens, not both; OpenRouter refuses the combination."
            )
        return self


def _to_reasoning(value: bool | Effort | Reasoning | None) -> object:
    if isinstance(value, bool):
        return {"enabled": value}
    return {"effort": value} if isinstance(value, str) else value


class CacheControl(Settings):
    """Where a prompt cache ends, for models whose caches are not automatic; those of GLM are."""

    type: Literal["ephemeral"] = "ephemeral"
    """The only kind of cache there is."""
    ttl: Literal["5m", "1h"] | None = None
    """How long the cache is kept. Default: 5 minutes."""


class Debug(Settings):
    """What OpenRouter tells of its own work at the start of a stream."""

    echo_upstream_body: bool | None = None
    """Whether a stream begins with the request that the provider got."""


def _to_session(value: object) -> object:
    return None if value == "" else value


class ModelParameters(SuggestsNames):
    """The parameters that make sense as defaults of a model: what both adapters and `ChatRequest` take."""

    model_config = ConfigDict(
        extra="forbid",
        protected_namespaces=(),
        hide_input_in_errors=True,  # it may be a key under a wrong name
        defer_build=True,  # this class has no objects of its own
    )

    models: list[ModelId] | None = None
    """Models to try in this order if the first fails; each may carry its own routing suffix."""
    route: str | None = None
    """Obsolete; use `models`."""
    preset: str | None = None
    """The slug of a preset of the account; a model id can name it, too: `@preset/slug`."""

    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Limits reasoning and answer together."""
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    """The new name of `max_tokens`, with the same meaning."""
    temperature: Annotated[FiniteNumber, Field(ge=0, le=2)] | None = None
    """How much chance there is in the choice of each token: 0 is the least, 2 the most. Z.AI's default for GLM 4.6
    is 1."""
    top_p: Fraction | None = None
    """Choose among the most probable tokens that have this probability together, from 0 to 1."""
    top_k: Annotated[int, Field(ge=0)] | None = None
    """Choose among this many of the most probable tokens; 0 is all of them."""
    min_p: Fraction | None = None
    """Choose among tokens with at least this share of the probability of the most probable one, from 0 to 1."""
    top_a: Fraction | None = None
    """Like `min_p`, with the square of that probability as the measure, from 0 to 1."""
    frequency_penalty: Penalty | None = None
    """Makes tokens less probable the more often they have come, from -2 to 2."""
    presence_penalty: Penalty | None = None
    """Makes tokens less probable that have come at all, from -2 to 2."""
    repetition_penalty: Annotated[FiniteNumber, Field(ge=0, le=2)] | None = None
    """Makes tokens of prompt and answer less probable, from 0 to 2; 1 changes nothing."""
    seed: int | None = None
    """The same request with the same seed gives the same answer, where a provider can do that."""
    logit_bias: dict[str, Annotated[FiniteNumber, Field(ge=-100, le=100)]] | None = None
    """Token id -> what is added to its logit, from -100 to 100."""
    logprobs: bool | None = None
    """Whether the answer comes with the log probability of each token. Few providers send it."""
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    """How many other tokens come with each, up to 20. Needs `logprobs`."""
    parallel_tool_calls: bool | None = None
    """Whether the model may call several tools in one turn. OpenRouter's default: yes."""
    modalities: list[str] | None = None
    """What kinds of answers are wanted, such as `text`."""
    verbosity: str | None = None
    """How long answers are, for models that know it; GLM does not."""

    reasoning: Annotated[Reasoning | None, BeforeValidator(_to_reasoning)] = None
    """`True` or `False` for on and off, a level of effort, or all of `Reasoning`."""
    reasoning_effort: Effort | None = None
    """A level of effort, for code that is used to this name; see `reasoning`."""
    include_reasoning: bool | None = None
    """Obsolete; use `reasoning`."""

    provider: ProviderPreferences | None = Field(
        default=None, validation_alias=AliasChoices("provider", "openrouter_provider")
    )
    """Which providers answer, and in which order. Also taken as `openrouter_provider`."""
    plugins: list[Plugin] | None = None
    """`WebSearch`, `FileParser` and others of `glm_openrouter`; give any other plugin as an object with an `id`."""
    transforms: list[str] | None = None
    """The old form of the plugin `context-compression`: `["middle-out"]`, or `[]`."""
    service_tier: ServiceTier | None = None
    """Which of the tiers of a provider that has some."""
    web_search_options: FreeJSON | None = None
    """Settings of the web search of models that have one of their own."""
    server_tools: Annotated[list[FreeJSON] | None, BeforeValidator(to_server_tools)] = None
    """Tools that OpenRouter runs itself, beside all others of a request: their types, such as
    `openrouter:web_search`, or objects with a `type` and settings."""
    deferred_tools: Annotated[DeferredTools | None, BeforeValidator(to_deferred_tools)] = None
    """Tools that the model has to search for first: a list of their names, `True` for those that say so themselves by
    `defer_loading`, or all of `DeferredTools`. In beta at OpenRouter."""
    stop_server_tools_when: list[FreeJSON] | None = None
    """When to stop the tools that OpenRouter runs itself: `{"type": "max_cost", "max_cost_in_dollars": 0.1}`."""

    user: str | None = None
    """A stable pseudonym of the end user."""
    session_id: Annotated[
        Annotated[str, Field(max_length=LONGEST_SESSION_ID)] | None, BeforeValidator(_to_session)
    ] = None
    """One per conversation: keeps its requests at the provider whose prompt cache is warm. Default: that of the block
    `with glm_openrouter.session(...)`, else the framework's own id of the conversation, else
    `OPENROUTER_SESSION_ID`."""
    trace: FreeJSON | None = None
    """For observability tools, such as `trace_id` and `span_name`."""
    request_metadata: Metadata | None = None
    """Up to 16 texts about the request, for your logs at OpenRouter. Sent as `metadata`, a name that both frameworks
    have for something else."""
    prompt_cache_key: str | None = None
    """Keeps requests at one provider, if there is no `session_id`."""
    cache_control: CacheControl | None = None
    """Where a prompt cache ends, for models whose caches are not automatic; those of GLM are."""
    response_cache: StrictBool | CacheSeconds | None = None
    """Whether OpenRouter answers a request that it has answered before from its response cache, for nothing, and keeps
    new answers there: for 5 minutes, or for so many seconds, up to 86,400. Sent as headers. In beta at OpenRouter."""

    extra_body: FreeJSON | None = None
    """Anything else for the body, merged last; it may also replace what is set above."""

    @model_validator(mode="after")
    def _efforts_agree(self) -> Self:
        effort = self.reasoning.effort if self.reasoning else None
        if self.reasoning_effort and effort and self.reasoning_effort != effort:
            raise ValueError(
                f"reasoning_effort={self.reasoning_effort!r} contradicts reasoning.effort={effort!r}."
            )
        return self


_NAMES = frozenset(ModelParameters.model_fields)


def parameters_of(model: ModelParameters) -> JSONObject:
    """Return the parameters that are set on a model, as arguments for `ChatRequest`."""
    values = vars(model).items()
    return {name: value for name, value in values if value is not None and name in _NAMES}


def thinks(parameters: ModelParameters) -> bool:
    """Return whether thinking has not been turned off."""
    reasoning = parameters.reasoning
    if "none" in (parameters.reasoning_effort, reasoning and reasoning.effort):
        return False
    return reasoning is None or reasoning.enabled is not False
