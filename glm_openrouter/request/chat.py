"""One chat request: what goes into the body, and what else is known of it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self, Unpack

from pydantic import (
    AfterValidator,
    AliasChoices,
    ConfigDict,
    Field,
    PlainValidator,
    model_validator,
)

from glm_openrouter._idle import TimeLimits, is_time_limit
from glm_openrouter._json.values import JSONObject
from glm_openrouter._secrets import Concealed, HiddenHeaders
from glm_openrouter.models import DEFAULT_MODEL

from ._base import FreeJSON, Settings
from ._headers import cache_headers, hide_headers
from ._warnings import check_max_tokens, check_routing
from .parameters import Debug, Metadata, ModelId, ModelParameters, thinks
from .tools import add_server_tools, is_server_tool, mark_deferred

if TYPE_CHECKING:
    from .arguments import ChatRequestArguments

__all__ = ["ChatRequest"]


def _check_tools(tools: list[JSONObject]) -> list[JSONObject]:
    """Check what this program needs of a tool itself; tools that OpenRouter runs have no function."""
    for position, tool in enumerate(tools):
        function = tool.get("function")
        name = function.get("name") if isinstance(function, Mapping) else None
        if "function" in tool and not (isinstance(name, str) and name):
            raise ValueError(f"tools[{position}].function must be an object with a name.")
    return tools


def _check_timeout(value: object) -> object:
    if value is not None and not is_time_limit(value):
        raise ValueError("This must be a positive number of seconds, or an httpx.Timeout.")
    return value


def _to_headers(value: object) -> HiddenHeaders | None:
    return None if value is None else hide_headers(value)


_NOT_IN_THE_BODY = ("timeout", "extra_headers", "thread_id", "server_tools", "response_cache")


class ChatRequest(ModelParameters):
    """One chat request: messages in OpenRouter's own form, and everything that goes with them."""

    model_config = ConfigDict(frozen=True, defer_build=False)

    messages: list[JSONObject] = Field(min_length=1)
    """The conversation, in OpenRouter's form; at least one message."""
    model: ModelId = DEFAULT_MODEL
    """Model id, with or without a routing suffix such as `:exacto` or `:nitro`."""
    stop: str | list[str] | None = None
    """Texts that end the answer, also where the provider does not keep to them."""
    tools: Annotated[list[JSONObject], AfterValidator(_check_tools)] | None = None
    """What the model may call, in OpenAI's form, and tools that OpenRouter runs itself."""
    tool_choice: str | JSONObject | None = None
    """`auto`, `none`, `required`, or one tool in OpenAI's form. Z.AI itself knows only `auto`."""
    response_format: JSONObject | None = None
    """The form of the answer: `json_object`, or `json_schema` with a schema, in OpenAI's form."""
    prediction: FreeJSON | None = None
    """Text that much of the answer is expected to repeat, in OpenAI's form."""
    request_metadata: Metadata | None = Field(
        default=None, validation_alias=AliasChoices("metadata", "request_metadata")
    )
    """Up to 16 texts about the request, for your logs at OpenRouter. Also taken as `metadata`, the name on the wire."""
    debug: Debug | None = None
    """What OpenRouter should tell of its own work."""
    timeout: Annotated[float | TimeLimits | None, PlainValidator(_check_timeout)] = None
    """How long nothing may come, for this request alone: seconds, or an `httpx.Timeout`. Default: the client's."""
    extra_headers: Annotated[Mapping[str, str] | None, PlainValidator(_to_headers)] = Field(
        default=None, exclude=True
    )
    """Headers of this request alone; they win over those of the client. Their values are never shown."""
    thread_id: str | None = None
    """The framework's own id of the conversation: the `session_id` if nothing else gives one; not sent as itself."""

    if TYPE_CHECKING:

        def __init__(self, **arguments: Unpack["ChatRequestArguments"]) -> None: ...

    @model_validator(mode="after")
    def _tool_choice_has_tools(self) -> Self:
        tools = self.tools or self.server_tools
        if self.tool_choice not in (None, "none", "auto") and not tools:
            raise ValueError("tool_choice needs tools.")
        return self

    @model_validator(mode="after")
    def _warn_if_futile(self) -> Self:
        limit = self.max_completion_tokens or self.max_tokens
        if limit is not None and thinks(self):
            check_max_tokens(limit, self.model)
        if self.provider is not None:
            check_routing((self.model, *(self.models or ())), self.provider)
        return self

    def to_wire(self) -> JSONObject:
        """Return what was set, as it goes on the wire."""
        fields = {name: value for name, value in vars(self).items() if value is not None}
        extra_body = fields.pop("extra_body", {})
        for name in _NOT_IN_THE_BODY:
            fields.pop(name, None)
        if "request_metadata" in fields:
            fields["metadata"] = fields.pop("request_metadata")
        if self.plugins is not None:
            fields["plugins"] = [plugin.to_wire() for plugin in self.plugins]
        tools = mark_deferred(add_server_tools(self.tools, self.server_tools), self.deferred_tools)
        if tools:
            fields["tools"] = tools
            extra_body = {**extra_body, **_with_own_tools(tools, extra_body.get("tools"))}
        else:
            fields.pop("deferred_tools", None)  # there is nothing to search for
        body = {
            name: value.to_wire() if isinstance(value, Settings) else value
            for name, value in fields.items()
        }
        return {**body, **extra_body}

    def to_headers(self) -> Mapping[str, str]:
        """Return the headers that this request has of its own."""
        cache = cache_headers(self.response_cache)
        if self.extra_headers is None:
            return cache
        own = hide_headers(self.extra_headers).reveal()
        names = {name.lower() for name in own}
        return Concealed({name: cache[name] for name in cache if name.lower() not in names} | own)

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


def _with_own_tools(tools: list[JSONObject], more: object) -> JSONObject:
    """Return the `tools` of an `extra_body` with those of the request, which they go with if OpenRouter runs them."""
    if not isinstance(more, list) or not all(map(is_server_tool, more)):
        return {}  # they take the place of the others, as everything in `extra_body` does
    return {"tools": add_server_tools(tools, more)}


def _schema_of(function: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of the parameters of a tool; nothing if it is none, as some servers of tools send."""
    schema = function.get("parameters")
    if not isinstance(schema, Mapping) or not isinstance(schema.get("properties", {}), Mapping):
        return {}
    return schema
