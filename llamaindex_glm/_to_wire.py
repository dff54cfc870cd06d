"""LlamaIndex messages and tools -> OpenRouter's form."""

from collections.abc import Iterable, Mapping, Sequence
from mimetypes import guess_type
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
from pydantic import BaseModel

from glm_openrouter import InvalidRequestError
from glm_openrouter._json.strict import write_arguments
from glm_openrouter.request import messages as wire
from glm_openrouter.request.attachments import Attachment, base64_size, kind_of_file
from glm_openrouter.request.history import MessageRules
from glm_openrouter.request.parameters import CacheControl

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


def to_messages(messages: Sequence[ChatMessage], rules: MessageRules) -> list[JSONObject]:
    """Return the messages in OpenRouter's form.

    Args:
        messages: The conversation; it is not changed.
        rules: What goes to the model that gets them.

    Raises:
        InvalidRequestError: A message or a block that the model cannot take.
    """
    return wire.convert_each(messages, lambda message: [_to_message(message, rules)], rules)


def _to_message(message: ChatMessage, rules: MessageRules) -> JSONObject:
    role = _ROLES.get(message.role) if isinstance(message.role, str) else None
    if role is None:
        raise InvalidRequestError(f"A message cannot have the role {message.role!r}.")
    if role == "assistant":
        return _to_assistant(message, rules)
    content = _to_content(message.blocks, rules, role)
    if role == "tool":
        call_id = message.additional_kwargs.get("tool_call_id")
        if not call_id:
            raise InvalidRequestError("A tool message needs additional_kwargs['tool_call_id'].")
        return wire.tool_message(call_id, content)
    name = message.additional_kwargs.get("name")
    turn: JSONObject = {"role": role, "content": content}
    return {**turn, "name": wire.expect_text(name, "additional_kwargs['name']")} if name else turn


def _to_assistant(message: ChatMessage, rules: MessageRules) -> JSONObject:
    thinking = [block for block in message.blocks if isinstance(block, ThinkingBlock)]
    reasoning_details = [
        block.additional_information.get("reasoning_details") for block in thinking
    ]
    details = [
        detail
        for entries in reasoning_details
        for detail in wire.expect_objects(entries or (), "reasoning_details of a ThinkingBlock")
    ]
    calls = [_to_call(block) for block in message.blocks if isinstance(block, ToolCallBlock)]
    # A citation says where the text of a turn is from; it is no part of it.
    blocks = [block for block in message.blocks if not isinstance(block, CitationBlock)]
    return wire.assistant_message(
        _to_content(blocks, rules, "assistant"),
        tool_calls=calls or [_to_older_call(call) for call in _older_calls(message)],
        reasoning="".join(block.content or "" for block in thinking),
        reasoning_details=details
        if any(entries is not None for entries in reasoning_details)
        else None,
        annotations=message.additional_kwargs.get("annotations") or (),
    )


def _to_call(block: ToolCallBlock) -> JSONObject:
    return _write_call(block.tool_call_id, block.tool_name, block.tool_kwargs)


def _write_call(call_id: str | None, name: str, arguments: str | Mapping[str, Any]) -> JSONObject:
    if not isinstance(arguments, str):
        arguments = write_arguments(arguments)
    return wire.tool_call(call_id or "", name, arguments)


def _older_calls(message: ChatMessage) -> Sequence[Any]:
    """Return calls in the form that messages had before there were blocks for them."""
    calls = message.additional_kwargs.get("tool_calls") or ()
    if not isinstance(calls, list | tuple):
        raise InvalidRequestError(
            f"additional_kwargs['tool_calls'] must be a list, got {type(calls).__name__}."
        )
    return calls


def _to_older_call(call: Any) -> JSONObject:
    """Return a call that is an entry of OpenAI's form, or an object of its SDK."""
    entry = call.model_dump() if isinstance(call, BaseModel) else call
    try:
        function = entry["function"]
        return _write_call(entry.get("id"), function["name"], function.get("arguments") or {})
    except (AttributeError, KeyError, TypeError) as error:
        raise InvalidRequestError(
            "A call in additional_kwargs['tool_calls'] does not have OpenAI's form. Use a ToolCallBlock."
        ) from error


def _to_content(blocks: Iterable[object], rules: MessageRules, role: str) -> str | list[JSONObject]:
    """Return content as plain text if it is nothing else, put together as `ChatMessage.content` does."""
    parts: list[JSONObject] = []
    for block in blocks:
        if isinstance(block, CachePoint):
            parts[-1:] = [_with_cache_control(parts, block)]
        else:
            parts += _to_parts(block, rules, role)
    if all(part.keys() == {"type", "text"} for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _with_cache_control(parts: Sequence[JSONObject], point: CachePoint) -> JSONObject:
    if not parts:
        raise InvalidRequestError("A CachePoint has to come after content of the same message.")
    control = CacheControl.model_validate(point.cache_control.model_dump())
    return {**parts[-1], "cache_control": control.to_wire()}


def _to_parts(block: object, rules: MessageRules, role: str) -> list[JSONObject]:
    """Return one block as content parts; nothing for what only the model itself writes."""
    attachment = _describe(block)
    if attachment is not None and not rules.takes(attachment.kind):
        return [rules.leave_out(attachment, role)]  # without a look at files, or at the web
    match block:
        case TextBlock():
            return [_text(block.text)]
        case ImageBlock():
            detail = {"detail": block.detail} if block.detail else {}
            return [{"type": "image_url", "image_url": {"url": _url(block), **detail}}]
        case AudioBlock():
            data = block.resolve_audio(as_base64=True).read().decode()
            audio = {"data": data, "format": block.format or "mp3"}
            return [{"type": "input_audio", "input_audio": audio}]
        case VideoBlock():
            return [{"type": "video_url", "video_url": {"url": _url(block)}}]
        case DocumentBlock():
            return [_to_document(block)]
        case CitableBlock():
            parts = [part for inner in block.content for part in _to_parts(inner, rules, role)]
            return [_text(f"{block.title} ({block.source}):"), *parts]
        case CitationBlock():
            return _to_parts(block.cited_content, rules, role)
        case ThinkingBlock() | ToolCallBlock():
            return []
        case _:
            kind = type(block).__name__
            return [rules.leave_out(Attachment(kind), role, f"A {kind} cannot be sent.")]


def _describe(block: object) -> Attachment | None:
    """Return what a block holds besides text, as far as the block itself says."""
    match block:
        case ImageBlock():
            return Attachment("image", block.image_mimetype or "", _size(block.image))
        case AudioBlock():
            mimetype = f"audio/{block.format}" if block.format else ""
            return Attachment("audio", mimetype, _size(block.audio))
        case VideoBlock():
            return Attachment("video", block.video_mimetype or "", _size(block.video))
        case DocumentBlock():
            mimetype = _mimetype_of(block)
            return Attachment(kind_of_file(mimetype), mimetype, _size(block.data))
        case _:
            return None


def _size(data: object) -> int | None:
    """Return how many bytes there are in what LlamaIndex keeps as base64."""
    return (
        base64_size(data.decode("ascii", "replace")) if isinstance(data, bytes) and data else None
    )


def _text(text: str) -> JSONObject:
    return {"type": "text", "text": text}


def _url(block: ImageBlock | VideoBlock | DocumentBlock) -> str:
    return str(block.url) if block.url else block.inline_url()


def _to_document(block: DocumentBlock) -> JSONObject:
    """Return a document as text if it is that, else as a file, which OpenRouter's plugin `file-parser` reads."""
    if not (block.data or block.path or block.url):
        raise InvalidRequestError("A DocumentBlock needs data, a path or a url; it is empty.")
    mimetype = _mimetype_of(block)
    if not block.url and mimetype.partition("/")[0] in ("", "text"):
        content = block.resolve_document().read()
        try:
            return _text(f"{block.title}:\n{content.decode()}")
        except UnicodeDecodeError:
            mimetype = "application/octet-stream"
    document = block.model_copy(update={"document_mimetype": mimetype})
    return wire.file_part(_url(document), block.title)


def _mimetype_of(block: DocumentBlock) -> str:
    place = str(block.url or block.path or block.title)
    return block.document_mimetype or guess_type(place)[0] or ""


def to_tool(tool: BaseTool, *, strict: bool) -> JSONObject:
    """Return a tool in OpenRouter's form."""
    spec = tool.metadata.to_openai_tool(skip_length_check=True)
    if strict:
        function = {**spec["function"], "strict": True}
        function["parameters"] = {**function["parameters"], "additionalProperties": False}
        spec = {**spec, "function": function}
    return spec
