"""Messages in OpenRouter's form, for both adapters: what goes back must be what came.

https://openrouter.ai/docs/api_reference/overview
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import InvalidRequestError
from .models import find_model, strip_variant
from .types import JSONObject

__all__ = [
    "assistant_message",
    "check_part",
    "file_part",
    "parse_arguments",
    "text_content",
    "tool_call",
    "tool_message",
    "write_arguments",
]


def write_arguments(arguments: Mapping[str, Any]) -> str:
    """Return tool arguments as JSON, always the same for the same arguments."""
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))


def parse_arguments(arguments: str) -> JSONObject | None:
    """Read tool arguments strictly; `None` if they are not a complete JSON object."""
    try:
        value = json.loads(arguments, strict=False, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse_constant(name: str) -> None:
    msg = f"{name} is not JSON."
    raise ValueError(msg)


def tool_call(call_id: str, name: str, arguments: str) -> JSONObject:
    """Return an entry of `tool_calls`."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def assistant_message(
    content: str,
    *,
    tool_calls: Sequence[JSONObject] = (),
    reasoning: str | None = None,
    reasoning_details: Sequence[JSONObject] | None = None,
) -> JSONObject:
    """Return an assistant turn as it came.

    Reasoning goes back as `reasoning_details`, unmodified, or as `reasoning` where there were no details
    (https://openrouter.ai/docs/guides/best-practices/reasoning-tokens). A turn of only tool calls has no content,
    because some providers refuse an empty string.
    """
    message: JSONObject = {"role": "assistant", "content": content or (None if tool_calls else "")}
    if reasoning_details:
        message["reasoning_details"] = [_without_item_id(detail) for detail in reasoning_details]
    elif reasoning:
        message["reasoning"] = reasoning
    if tool_calls:
        message["tool_calls"] = list(tool_calls)
    return message


def _without_item_id(detail: JSONObject) -> JSONObject:
    # Ids of OpenAI's stored items mean nothing to a later request and are refused
    # (https://github.com/langchain-ai/langchain/issues/37777).
    if str(detail.get("id", "")).startswith("rs_"):
        return {key: value for key, value in detail.items() if key != "id"}
    return detail


def tool_message(call_id: str, content: str | list[JSONObject]) -> JSONObject:
    """Return the result of a tool call."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def text_content(parts: Sequence[JSONObject]) -> str | list[JSONObject]:
    """Return parts as plain text if they are nothing else, which every provider takes.

    GLM's own template puts text parts together without anything between them.
    """
    if all(part.keys() == {"type", "text"} for part in parts):
        return "".join(part["text"] for part in parts)
    return list(parts)


def file_part(data: str, filename: str | None) -> JSONObject:
    """Return a file for OpenRouter's `file-parser` plugin; `data` is a URL or a data URI."""
    file = {"filename": filename} if filename else {}
    return {"type": "file", "file": {**file, "file_data": data}}


_INPUTS = {
    "image_url": "images",
    "input_audio": "audio",
    "video_url": "video",
}


def check_part(part: JSONObject, model: str) -> JSONObject:
    """Return `part` if `model` can take it.

    Raises:
        InvalidRequestError: A part that no endpoint of the model takes. Once in the history it would fail every turn.
    """
    facts = find_model(model)
    kind = _INPUTS.get(part.get("type", ""))
    if facts is None or kind is None or (kind == "images" and facts.image_input):
        return part
    raise InvalidRequestError(
        f"{strip_variant(model)} takes text only, no {kind}. Leave them out, or choose a model that takes them."
    )
