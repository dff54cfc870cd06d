"""Tools of a request: those that OpenRouter runs itself, and those that a model has to search for first."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from glm_openrouter._json.values import JSONObject

from ._base import Settings

__all__ = [
    "DeferredTools",
    "ToolSearch",
    "add_server_tools",
    "is_server_tool",
    "mark_deferred",
    "to_deferred_tools",
    "to_server_tools",
]


class ToolSearch(Settings):
    """How the model finds a deferred tool."""

    type: Literal["bm25", "regex", "custom"] = "bm25"
    """By words, by a pattern, or with a tool of yours."""
    max_results: Annotated[int, Field(ge=1)] | None = None
    """How many tools a search returns at most."""
    tool_id: str | None = None
    """The tool of yours that searches, for `custom`."""
    result_key: str | None = None
    """The key of its result that holds the names it has found, for `custom`."""

    @model_validator(mode="after")
    def _custom_search_names_its_tool(self) -> Self:
        is_given = [name is not None for name in (self.tool_id, self.result_key)]
        if is_given != [self.type == "custom"] * 2:
            raise ValueError("A custom search needs tool_id and result_key; no other takes them.")
        return self


class DeferredTools(Settings):
    """Tools that stay out of the prompt until the model has searched for them; in beta at OpenRouter.

    It serves them to any model. The tools must be the same in each request of a conversation, and reasoning must go
    back as it came, which it does here. See https://openrouter.ai/docs/guides/features/server-tools/tool-search.
    """

    names: list[str] | None = None
    """Which tools to defer, besides those that say so themselves by `defer_loading`. Names of tools that a request does
    not have change nothing."""
    search: ToolSearch = ToolSearch()
    """How the model finds them."""
    protocol: Literal["v1"] = "v1"
    """The version of OpenRouter's protocol."""
    profile: Literal["portable", "universal"] = "portable"
    """Whether only the deferred tools are behind the search, or all that can be."""
    validation: Literal["runtime"] = "runtime"
    """Where arguments are checked: at OpenRouter."""

    def to_wire(self) -> JSONObject:
        """Return the object that OpenRouter takes."""
        return {
            "protocol": self.protocol,
            "profile": self.profile,
            "validation": self.validation,
            "search": {"type": self.search.type, **self.search.to_wire()},
        }

    def to_argument(self) -> JSONObject:
        """Return what was set, as a user may give it; on the wire, the names are marks on the tools."""
        return self.model_dump(exclude_none=True)


def to_deferred_tools(value: bool | list[str] | DeferredTools | None) -> object:
    """Return what a user may give for `DeferredTools`: whether to have it, or a list of names."""
    if isinstance(value, bool):
        return {} if value else None
    if isinstance(value, list | tuple):
        return {"names": list(value)}
    return value


def to_server_tools(value: list[str | JSONObject] | None) -> object:
    """Return tools that OpenRouter runs, each as an object."""
    if not isinstance(value, list | tuple):
        return value
    return [{"type": tool} if isinstance(tool, str) else tool for tool in value]


def add_server_tools(
    tools: Sequence[JSONObject] | None, more: Sequence[Any] | None
) -> list[JSONObject]:
    """Return tools with those among `more` that OpenRouter runs itself, which go with any others."""
    own = [*(tools or ())]
    return [*own, *(tool for tool in more or () if is_server_tool(tool) and tool not in own)]


def mark_deferred(tools: Sequence[JSONObject], deferred: DeferredTools | None) -> list[JSONObject]:
    """Return tools with a mark on those that are to be deferred."""
    names = (deferred.names if deferred else None) or ()
    return [
        {**tool, "defer_loading": True} if tool.get("function", {}).get("name") in names else tool
        for tool in tools
    ]


def is_server_tool(tool: object) -> bool:
    """Return whether OpenRouter runs a tool itself."""
    return isinstance(tool, Mapping) and "function" not in tool and ":" in str(tool.get("type"))
