"""LlamaIndex messages and tools -> OpenRouter's form."""

import json
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.tools import BaseTool

from glm_openrouter import InvalidRequestError
from glm_openrouter import messages as wire

__all__ = ["to_messages", "to_tool"]

JSONObject = dict[str, Any]

_ROLES = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",  # GLM knows no other
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}


def to_messages(messages: Sequence[ChatMessage], model: str) -> list[JSONObject]:
    """Return the messages in OpenRouter's form.

    Args:
        messages: The conversation; it is not changed.
        model: The model that gets them, for what it can take.

    Raises:
        InvalidRequestError: A message or a block that the model cannot take.
    """
    return [_to_message(message, model) for message in messages]


def _to_message(message: ChatMessage, model: str) -> JSONObject:
    role = _ROLES[message.role]
    if role == "assistant":
        return _to_assistant(message)
    content = _to_content(message, model)
    if role == "tool":
        call_id = message.additional_kwargs.get("tool_call_id")
        if not call_id:
            raise InvalidRequestError("A tool message needs additional_kwargs['tool_call_id'].")
        return wire.tool_message(call_id, content)
    return {"role": role, "content": content}


def _to_assistant(message: ChatMessage) -> JSONObject:
    thinking = [block for block in message.blocks if isinstance(block, ThinkingBlock)]
    kept = [block.additional_information.get("reasoning_details") for block in thinking]
    details = [detail for entries in kept for detail in entries or ()]
    calls = [_to_call(block) for block in message.blocks if isinstance(block, ToolCallBlock)]
    return wire.assistant_message(
        message.content or "",
        tool_calls=calls or [_to_call_object(call) for call in _older_calls(message)],
        reasoning="".join(block.content or "" for block in thinking),
        reasoning_details=details if any(entries is not None for entries in kept) else None,
    )


def _to_call(block: ToolCallBlock) -> JSONObject:
    arguments = block.tool_kwargs
    if not isinstance(arguments, str):
        arguments = wire.write_arguments(arguments)
    return wire.tool_call(block.tool_call_id or "", block.tool_name, arguments)


def _older_calls(message: ChatMessage) -> Sequence[Any]:
    """Return calls in the form that messages had before there were blocks for them."""
    return message.additional_kwargs.get("tool_calls") or ()


def _to_call_object(call: Any) -> JSONObject:
    entry = call if isinstance(call, dict) else json.loads(call.model_dump_json())
    function = entry["function"]
    return wire.tool_call(
        entry.get("id") or "", function["name"], function.get("arguments") or "{}"
    )


def _to_content(message: ChatMessage, model: str) -> str | list[JSONObject]:
    if all(isinstance(block, TextBlock) for block in message.blocks):
        return message.content or ""
    parts = [part for block in message.blocks for part in _to_parts(block)]
    return wire.text_content([wire.check_part(part, model) for part in parts])


def _to_parts(block: object) -> list[JSONObject]:
    """Return one block as content parts; nothing for what only the model itself writes."""
    match block:
        case TextBlock():
            return [{"type": "text", "text": block.text}]
        case ImageBlock():
            return [
                {"type": "image_url", "image_url": {"url": str(block.url or block.inline_url())}}
            ]
        case AudioBlock():
            return [
                {
                    "type": "input_audio",
                    "input_audio": {"data": str(block.url or block.inline_url())},
                }
            ]
        case VideoBlock():
            return [
                {"type": "video_url", "video_url": {"url": str(block.url or block.inline_url())}}
            ]
        case DocumentBlock():
            return [wire.file_part(str(block.url or block.inline_url()), block.title)]
        case CitableBlock():
            return [part for nested in block.content for part in _to_parts(nested)]
        case CitationBlock():
            return _to_parts(block.cited_content)
        case CachePoint() | ThinkingBlock() | ToolCallBlock():
            return []
        case _:
            raise InvalidRequestError(f"A {type(block).__name__} cannot be sent.")


def to_tool(tool: BaseTool, *, strict: bool) -> JSONObject:
    """Return a tool in OpenRouter's form."""
    spec = tool.metadata.to_openai_tool(skip_length_check=True)
    if strict:
        function = {**spec["function"], "strict": True}
        function["parameters"] = {**function["parameters"], "additionalProperties": False}
        spec = {**spec, "function": function}
    return spec
