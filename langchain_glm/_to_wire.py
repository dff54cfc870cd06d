"""LangChain messages and tools -> OpenRouter's form."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
)
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from glm_openrouter import InvalidRequestError
from glm_openrouter import messages as wire

__all__ = ["to_messages", "to_tool", "to_tool_choice"]

JSONObject = dict[str, Any]
ToolLike = Mapping[str, Any] | type | Callable[..., Any] | BaseTool


def to_messages(messages: Sequence[BaseMessage], model: str) -> list[JSONObject]:
    """Return the messages in OpenRouter's form.

    Args:
        messages: The conversation; it is not changed.
        model: The model that gets them, for what it can take.

    Raises:
        InvalidRequestError: A message or a part of one that the model cannot take.
    """
    answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    return [
        converted for message in messages for converted in _to_message(message, model, answered)
    ]


def _to_message(message: BaseMessage, model: str, answered: set[str]) -> list[JSONObject]:
    match message:
        case AIMessage():
            return [_to_assistant(message, answered)]
        case HumanMessage():
            return _to_user(message, model)
        case SystemMessage():
            role = message.additional_kwargs.get("__openai_role__", "system")
            return [{"role": role, "content": _to_content(message.content, model)}]
        case ToolMessage():
            return [wire.tool_message(message.tool_call_id, _to_content(message.content, model))]
        case ChatMessage():
            return [{"role": message.role, "content": _to_content(message.content, model)}]
        case _:
            raise InvalidRequestError(f"A {type(message).__name__} cannot be sent to a chat model.")


def _to_user(message: HumanMessage, model: str) -> list[JSONObject]:
    """Return a user turn; results of tools in Anthropic's form become messages of their own before it."""
    blocks = message.content if isinstance(message.content, list) else [message.content]
    results = [block for block in blocks if _type_of(block) == "tool_result"]
    rest = [block for block in blocks if _type_of(block) != "tool_result"]
    converted = [
        wire.tool_message(block["tool_use_id"], _to_content(block.get("content") or "", model))
        for block in results
        if isinstance(block, dict)
    ]
    if rest or not results:
        content = message.content if isinstance(message.content, str) else _to_content(rest, model)
        user = {"role": "user", "content": content}
        converted.append({**user, "name": message.name} if message.name else user)
    return converted


def _to_assistant(message: AIMessage, answered: set[str]) -> JSONObject:
    # A message keeps the name of its agent, which is left out: with GLM it would become part of the prompt.
    written = message.additional_kwargs.get("tool_arguments") or {}
    calls = [
        wire.tool_call(
            call["id"] or "", call["name"], _to_arguments(call["args"], written.get(call["id"]))
        )
        for call in message.tool_calls or _calls_in_content(message)
    ]
    # A call that was cut off has no result, unless somebody gave one; without it the request would be refused.
    calls += [
        wire.tool_call(call["id"] or "", call["name"] or "", call["args"] or "")
        for call in message.invalid_tool_calls
        if call["id"] in answered
    ]
    return wire.assistant_message(
        str(message.text),
        tool_calls=calls,
        reasoning=message.additional_kwargs.get("reasoning_content"),
        reasoning_details=message.additional_kwargs.get("reasoning_details"),
    )


def _calls_in_content(message: AIMessage) -> list[ToolCall]:
    """Return the tool calls of a message that has them as content blocks only, in Anthropic's form."""
    return [
        ToolCall(name=block["name"], args=block["input"], id=block["id"])
        for block in message.content
        if isinstance(block, dict) and block.get("type") == "tool_use"
    ]


def _to_arguments(arguments: JSONObject, written: str | None) -> str:
    """Return arguments as the model wrote them, byte for byte, unless they have been changed since."""
    if written is not None and wire.parse_arguments(written) == arguments:
        return written
    return wire.write_arguments(arguments)


def _type_of(block: object) -> object:
    return block.get("type") if isinstance(block, dict) else "text"


def _to_content(content: str | list[Any], model: str) -> str | list[JSONObject]:
    if isinstance(content, str):
        return content
    parts = [part for block in content if (part := _to_part(block)) is not None]
    return wire.text_content([wire.check_part(part, model) for part in parts])


def _to_part(block: str | JSONObject) -> JSONObject | None:
    """Return one content block as a content part; `None` for what only the model itself writes."""
    if isinstance(block, str):
        return {"type": "text", "text": block}
    match block.get("type"):
        case "text":
            kept = ("type", "text", "cache_control")
            return {key: block[key] for key in kept if block.get(key) is not None}
        case "image_url" | "input_audio" | "video_url":
            return block
        case "image" | "audio" | "video" as kind:
            return _to_media(kind, block)
        case "file":
            return block if "file" in block else _to_file(block)
        case "text-plain":
            return {"type": "text", "text": block.get("text") or ""}
        case (
            "reasoning"
            | "thinking"
            | "redacted_thinking"
            | "tool_use"
            | "tool_call"
            | "tool_call_chunk"
        ):
            return None
        case kind:
            raise InvalidRequestError(f"A content block of type {kind!r} cannot be sent.")


def _to_media(kind: str, block: JSONObject) -> JSONObject:
    key, inner, mime_type = {
        "image": ("image_url", "url", "image/jpeg"),
        "audio": ("input_audio", "data", "audio/wav"),
        "video": ("video_url", "url", "video/mp4"),
    }[kind]
    return {"type": key, key: {inner: _to_url(block, mime_type)}}


def _to_file(block: JSONObject) -> JSONObject:
    extras = block.get("extras") or block.get("metadata") or {}
    filename = block.get("filename") or extras.get("filename")
    return wire.file_part(_to_url(block, "application/pdf"), filename)


def _to_url(block: JSONObject, mime_type: str) -> str:
    """Return the URL of a block, or its data as one, in LangChain's forms or Anthropic's."""
    inner = block.get("source")
    source: JSONObject = inner if isinstance(inner, dict) else block
    data = source.get("base64") or source.get("data")
    if url := source.get("url"):
        return str(url)
    if not data:
        raise InvalidRequestError(
            f"A block of type {block.get('type')!r} needs a url or base64 data."
        )
    mime_type = source.get("mime_type") or source.get("media_type") or mime_type
    return f"data:{mime_type};base64,{data}"


def to_tool(tool: ToolLike, *, strict: bool | None = None) -> JSONObject:
    """Return a tool in OpenRouter's form; a server tool such as `{"type": "openrouter:web_search"}` is one already."""
    if isinstance(tool, Mapping) and ":" in str(tool.get("type", "")):
        return dict(tool)
    return convert_to_openai_tool(tool, strict=strict)


def to_tool_choice(
    choice: str | bool | JSONObject | None, tools: Sequence[JSONObject]
) -> str | JSONObject | None:
    """Return LangChain's `tool_choice` in OpenRouter's form.

    Raises:
        InvalidRequestError: `True` with several tools, or the name of a tool that is not there.
    """
    names = [tool["function"]["name"] for tool in tools if "function" in tool]
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
        raise InvalidRequestError(f"tool_choice names {choice!r}; the tools are {names}.")
    return {"type": "function", "function": {"name": choice}}
