"""What a user may set on a request.

Everything that is set here is on the wire, or it raises: unknown keys are errors, `None` means not set. The door for
anything OpenRouter adds later is `extra_body`, which is merged last. Fields without a docstring mean what
https://openrouter.ai/docs/api_reference/parameters says.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from glm_openrouter._client.options import refuse_options
from glm_openrouter._json.values import JSONObject
from glm_openrouter.models import DEFAULT_MODEL
from glm_openrouter.sessions import LONGEST_SESSION_ID, resolve_session

from ._base import FreeJSON, Number, Settings
from ._warnings import check_max_tokens, check_routing
from .instructions import add_instruction, format_instruction
from .plugins import Plugin
from .provider import ProviderPreferences

__all__ = ["CacheControl", "ChatRequest", "Debug", "ModelParameters", "Reasoning"]

Effort = Literal["max", "xhigh", "high", "medium", "low", "minimal", "none"]
ServiceTier = Literal["auto", "default", "fast", "flex", "priority", "scale", "ultrafast"]
Fraction = Annotated[Number, Field(ge=0, le=1)]
Penalty = Annotated[Number, Field(ge=-2, le=2)]
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
    Field(max_length=16),
]


_ALIASES = {
    "openrouter_provider": "provider",
    "model_name": "model",
    "stop_sequences": "stop",
    "metadata": "request_metadata",
}
"""Other names that the frameworks and their packages have for parameters -> ours."""


class Reasoning(Settings):
    """How the model thinks (https://openrouter.ai/docs/guides/best-practices/reasoning-tokens).

    GLM 4.6 only knows on and off: levels of effort and budgets do not change how long it thinks.
    """

    enabled: bool | None = None
    effort: Effort | None = None
    """Excludes `max_tokens`. `none` turns thinking off."""
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    exclude: bool | None = None
    """Think, at the same price, but do not send the reasoning."""
    summary: Literal["auto", "concise", "detailed"] | None = None

    @model_validator(mode="after")
    def _one_of_effort_and_max_tokens(self) -> Self:
        if self.effort is not None and self.max_tokens is not None:
            raise ValueError(
                "reasoning takes effort or max_tokens, not both; OpenRouter refuses the combination."
            )
        return self


def _to_reasoning(value: object) -> object:
    if isinstance(value, bool):
        return {"enabled": value}
    return {"effort": value} if isinstance(value, str) else value


class CacheControl(Settings):
    """Where a prompt cache ends, for models whose caches are not automatic; those of GLM are."""

    type: Literal["ephemeral"] = "ephemeral"
    ttl: Literal["5m", "1h"] | None = None


class Debug(Settings):
    """What OpenRouter tells of its own work at the start of a stream."""

    echo_upstream_body: bool | None = None


def _to_session(value: object) -> object:
    return None if value == "" else value


def _check_tools(tools: list[JSONObject]) -> list[JSONObject]:
    """Check what this program needs of a tool itself; tools that OpenRouter runs have no function."""
    for position, tool in enumerate(tools):
        function = tool.get("function")
        name = function.get("name") if isinstance(function, Mapping) else None
        if "function" in tool and not (isinstance(name, str) and name):
            raise ValueError(f"tools[{position}].function must be an object with a name.")
    return tools


class ModelParameters(BaseModel):
    """The parameters that make sense as defaults of a model: what both adapters and `ChatRequest` take."""

    model_config = ConfigDict(
        extra="forbid",
        protected_namespaces=(),
        hide_input_in_errors=True,  # it may be a key under a wrong name
        defer_build=True,  # this class has no objects of its own
    )

    models: list[str] | None = None
    """Models to try in this order if the first fails; each may carry its own routing suffix."""
    route: str | None = None
    """Obsolete; use `models`."""
    preset: str | None = None
    """The slug of a preset of the account; a model id can name it, too: `@preset/slug`."""

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
    logit_bias: dict[str, Annotated[Number, Field(ge=-100, le=100)]] | None = None
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
    plugins: list[Plugin] | None = None
    """See `glm_openrouter.plugins`; give any other plugin as an object with an `id`."""
    transforms: list[str] | None = None
    """The old form of the plugin `context-compression`: `["middle-out"]`, or `[]`."""
    service_tier: ServiceTier | None = None
    web_search_options: FreeJSON | None = None
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
    """Sent as `metadata`, a name that both frameworks have for something else. Up to 16 texts."""
    prompt_cache_key: str | None = None
    cache_control: CacheControl | None = None

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

    @property
    def _thinks(self) -> bool:
        """Whether thinking has not been turned off."""
        reasoning = self.reasoning or Reasoning()
        efforts = (reasoning.effort, self.reasoning_effort)
        return reasoning.enabled is not False and "none" not in efforts

    def parameters(self) -> JSONObject:
        """Return the parameters that are set, as arguments for `ChatRequest`."""
        values = self.__dict__
        return {name: values[name] for name in _PARAMETERS if values.get(name) is not None}

    def build_request(
        self,
        messages: list[JSONObject],
        *layers: Mapping[str, Any],
        more: Mapping[str, Any],
        conversation: str | None = None,
    ) -> "ChatRequest":
        """Return a request with these parameters as defaults.

        Args:
            messages: In OpenRouter's form.
            layers: Arguments of `ChatRequest`; later ones win. One more is `instruction`, which goes into the system
                prompt; by default it asks for the schema of `response_format`, if there is one.
            more: Further defaults, before the layers; unknown ones go into the body as they are.
            conversation: The framework's own id of the conversation: the `session_id` if nothing else gives one.

        Raises:
            InvalidRequestError: An argument is an option of the connection, which belongs to the constructor.
            pydantic.ValidationError: An argument is unknown or makes no sense.
        """
        for layer in layers:
            refuse_options(layer)
        further, *named = [
            {_ALIASES.get(name, name): layer[name] for name in layer} for layer in (more, *layers)
        ]
        unknown = [name for name in further if name not in ChatRequest.model_fields]
        bodies = [{name: further.pop(name) for name in unknown}]
        in_order = [
            {"session_id": resolve_session(conversation)},
            self.parameters(),
            further,
            *named,
        ]
        bodies += [layer.get("extra_body") or {} for layer in in_order]
        merged = {name: layer[name] for layer in in_order for name in layer}
        instruction = merged.pop("instruction", None)
        if instruction is None:
            wanted = merged.get("response_format")
            instruction = format_instruction(wanted, with_tools=bool(merged.get("tools")))
        if instruction and messages:
            messages = add_instruction(messages, instruction)
        extra_body = {name: body[name] for body in bodies for name in body}
        return ChatRequest(messages=messages, **{**merged, "extra_body": extra_body or None})


_PARAMETERS = tuple(ModelParameters.model_fields)


class ChatRequest(ModelParameters):
    """One chat request: messages in OpenRouter's own form, and everything that goes with them."""

    model_config = ConfigDict(frozen=True, defer_build=False)

    messages: list[JSONObject] = Field(min_length=1)
    model: str = DEFAULT_MODEL
    stop: str | list[str] | None = None
    tools: Annotated[list[JSONObject], AfterValidator(_check_tools)] | None = None
    tool_choice: str | JSONObject | None = None
    response_format: JSONObject | None = None
    prediction: FreeJSON | None = None
    request_metadata: Metadata | None = Field(
        default=None, validation_alias=AliasChoices("metadata", "request_metadata")
    )
    """Also taken as `metadata`, the name on the wire."""
    debug: Debug | None = None

    @model_validator(mode="after")
    def _tool_choice_has_tools(self) -> Self:
        if self.tool_choice not in (None, "none", "auto") and not self.tools:
            raise ValueError("tool_choice needs tools.")
        return self

    @model_validator(mode="after")
    def _warn_if_futile(self) -> Self:
        limit = self.max_completion_tokens or self.max_tokens
        if limit is not None and self._thinks:
            check_max_tokens(limit, self.model)
        if self.provider is not None:
            check_routing((self.model, *(self.models or ())), self.provider)
        return self

    def to_wire(self) -> JSONObject:
        """Return what was set, as it goes on the wire."""
        fields = {name: value for name, value in self if value is not None}
        extra_body = fields.pop("extra_body", {})
        if "request_metadata" in fields:
            fields["metadata"] = fields.pop("request_metadata")
        if self.plugins is not None:
            fields["plugins"] = [plugin.to_wire() for plugin in self.plugins]
        body = {
            name: value.to_wire() if isinstance(value, Settings) else value
            for name, value in fields.items()
        }
        return {**body, **extra_body}

    @property
    def wants_json(self) -> bool:
        """Whether the answer should be JSON and nothing else."""
        return (self.response_format or {}).get("type") in ("json_object", "json_schema")

    def tool_schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the JSON schema of the parameters of each tool that may be called and that runs in this program."""
        if self.tool_choice == "none":
            return {}
        functions = [tool["function"] for tool in self.tools or () if "function" in tool]
        return {function["name"]: _schema_of(function) for function in functions}


def _schema_of(function: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of the parameters of a tool; nothing if it is none, as some servers of tools send."""
    schema = function.get("parameters")
    if not isinstance(schema, Mapping) or not isinstance(schema.get("properties", {}), Mapping):
        return {}
    return schema
