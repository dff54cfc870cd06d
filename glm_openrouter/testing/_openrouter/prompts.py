"""Read the body of a request into the prompt that the model sees."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glm_openrouter.testing._answers.prompt import (
    Call,
    JSONObject,
    Message,
    Prompt,
    Tool,
    ToolChoice,
)

__all__ = ["read_prompt"]


def read_prompt(
    body: Mapping[str, Any], *, model: str = "", supports_response_format: bool = True
) -> Prompt:
    """Read a checked request body.

    Args:
        body: The body of a chat completion request.
        model: The id of the model that answers.
        supports_response_format: Whether the provider does; the model never sees it otherwise.
    """
    response_format = (body.get("response_format") or {}) if supports_response_format else {}
    kind = response_format.get("type")
    tool_choice, required_tool = _read_tool_choice(body.get("tool_choice"))
    return Prompt(
        messages=tuple(map(_read_message, body["messages"])),
        tools=tuple(_read_tools(body.get("tools") or ())),
        tool_choice=tool_choice,
        required_tool=required_tool,
        parallel_tool_calls=body.get("parallel_tool_calls") is not False,
        wants_json=kind in ("json_object", "json_schema"),
        response_schema=(response_format.get("json_schema") or {}).get("schema"),
        model=model,
        body=body,
    )


def _read_message(message: Mapping[str, Any]) -> Message:
    text = _read_content(message.get("content"))
    if message.get("name") and message["role"] != "tool":
        # OpenRouter puts the name into the text for models that have no such field.
        text = f"{message['name']}: {text}"
    return Message(
        role=message["role"],
        text=text,
        tool_calls=tuple(map(_read_call, message.get("tool_calls") or ())),
        tool_call_id=message.get("tool_call_id") or "",
    )


def _read_content(content: str | list[JSONObject] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(map(_read_part, content))


def _read_part(part: JSONObject) -> str:
    if part.get("type") == "text":
        return str(part.get("text") or "")
    details = part.get(part.get("type", "")) or {}
    name = details.get("filename") if isinstance(details, dict) else None
    return f"[{name or part.get('type')}]"


def _read_call(call: JSONObject) -> Call:
    function = call["function"]
    raw = function.get("arguments")
    try:
        arguments = json.loads(raw or "{}")
    except (ValueError, RecursionError):
        arguments = {}
    return Call(function["name"], arguments if isinstance(arguments, dict) else {}, call["id"], raw)


def _read_tools(tools: Sequence[JSONObject]) -> Iterator[Tool]:
    for tool in tools:
        if function := tool.get("function"):
            description = function.get("description") or ""
            yield Tool(function["name"], description, function.get("parameters") or {})


def _read_tool_choice(choice: str | JSONObject | None) -> tuple[ToolChoice, str | None]:
    match choice:
        case {"function": {"name": str() as name}}:
            return "required", name
        case "none" | "required":
            return choice, None
        case _:
            return "auto", None
