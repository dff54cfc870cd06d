"""LangChain's tools -> OpenRouter's."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from langchain_core.utils.function_calling import convert_to_openai_tool

from glm_openrouter import InvalidRequestError, JSONObject
from glm_openrouter.request.call_arguments import suggest

if TYPE_CHECKING:
    # As in LangChain's own models: importing it takes as long as a tenth of this package.
    from langchain_core.tools import BaseTool
else:
    BaseTool = Any  # annotations of public methods have to resolve, see `ChatGLM`

__all__ = ["ToolLike", "to_tool", "to_tool_choice", "to_tools"]

ToolLike: TypeAlias = Mapping[str, Any] | type | Callable[..., Any] | BaseTool


def to_tool(tool: ToolLike, *, strict: bool | None = None) -> JSONObject:
    """Return a tool in OpenRouter's form; a server tool such as `{"type": "openrouter:web_search"}` is one already.

    Raises:
        InvalidRequestError: LangChain finds no function in it, or its schema refers to what is not in it.
    """
    if isinstance(tool, Mapping) and ":" in str(tool.get("type", "")):
        return dict(tool)
    try:
        return {**convert_to_openai_tool(tool, strict=strict), **_loading_of(tool)}
    except RecursionError:
        problem = "its schema is nested too deeply."
    except InvalidRequestError as error:
        problem = error.message
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        problem = str(error)
    raise InvalidRequestError(f"The tool {_name_of(tool)} cannot be sent: {problem}")


def to_tools(tools: Iterable[ToolLike], *, strict: bool | None = None) -> list[JSONObject]:
    """Return tools in OpenRouter's form.

    Raises:
        InvalidRequestError: One cannot be sent, or they are no list.
    """
    if not isinstance(tools, Iterable) or isinstance(tools, str | Mapping | type):
        raise InvalidRequestError("tools must be a list of tools, such as [get_weather].")
    return [to_tool(tool, strict=strict) for tool in tools]


def _loading_of(tool: ToolLike) -> JSONObject:
    """Return whether a model has to search for a tool first, if the tool says so."""
    extras = getattr(tool, "extras", None)
    deferred = extras.get("defer_loading") if isinstance(extras, Mapping) else None
    return {"defer_loading": deferred} if isinstance(deferred, bool) else {}


def _name_of(tool: ToolLike) -> str:
    if isinstance(tool, Mapping):
        name = tool.get("name") or tool.get("title")
    else:
        name = getattr(tool, "name", None) or getattr(tool, "__name__", None)
    return repr(name) if isinstance(name, str) else f"of type {type(tool).__name__}"


def to_tool_choice(
    choice: str | bool | JSONObject | None, tools: Sequence[JSONObject]
) -> str | JSONObject | None:
    """Return LangChain's `tool_choice` in OpenRouter's form.

    Raises:
        InvalidRequestError: `True` with several tools, or the name of a tool that is not there.
    """
    names = [tool["function"]["name"] if "function" in tool else tool["type"] for tool in tools]
    if choice is True:
        if len(names) != 1:
            raise InvalidRequestError(f"tool_choice=True needs exactly one tool, got {len(tools)}.")
        choice = str(names[0])
    if choice is None or choice is False:
        return None
    if choice == "any":
        return "required"
    if not isinstance(choice, str) or choice in ("auto", "none", "required"):
        return choice
    if choice not in names:
        hint = suggest(choice, names)
        raise InvalidRequestError(f"tool_choice names no tool; the tools are {names}.{hint}")
    if "function" not in tools[names.index(choice)]:
        return {"type": choice}
    return {"type": "function", "function": {"name": choice}}
