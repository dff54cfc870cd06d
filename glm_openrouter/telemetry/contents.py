"""Prompts and answers in the form of OpenTelemetry's conventions, as JSON: only for those who ask for it.

See https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/#capturing-instructions-inputs-and-outputs.
"""

import json
from collections.abc import Mapping
from typing import Any

from glm_openrouter._json.strict import parse_arguments
from glm_openrouter._json.values import JSONObject
from glm_openrouter.completions import Completion

__all__ = ["input_contents", "output_contents"]


def input_contents(body: JSONObject) -> dict[str, str]:
    """Return what was asked, and with which tools."""
    attributes = {}
    if messages := body.get("messages"):
        attributes["gen_ai.input.messages"] = _write([_to_message(each) for each in messages])
    if tools := body.get("tools"):
        attributes["gen_ai.tool.definitions"] = _write(tools)
    return attributes


def output_contents(facts: Completion) -> dict[str, str]:
    """Return what was answered."""
    parts: list[JSONObject] = []
    if facts.reasoning:
        parts.append({"type": "reasoning", "content": facts.reasoning})
    if text := facts.text or facts.refusal:
        parts.append({"type": "text", "content": text})
    parts += [_to_call(call.id, call.name, call.arguments) for call in facts.tool_calls]
    if not parts:
        return {}
    message = {"role": "assistant", "parts": parts, "finish_reason": facts.finish_reason}
    return {"gen_ai.output.messages": _write([message])}


def _to_message(message: Mapping[str, Any]) -> JSONObject:
    role = message.get("role")
    parts = _to_parts(message.get("content"))
    if role == "tool":
        response = message.get("content")
        parts = [
            {
                "type": "tool_call_response",
                "id": message.get("tool_call_id"),
                "response": response if isinstance(response, str) else parts,
            }
        ]
    if reasoning := message.get("reasoning"):
        parts.insert(0, {"type": "reasoning", "content": reasoning})
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        parts.append(_to_call(call.get("id"), function.get("name"), function.get("arguments")))
    return {"role": role, "parts": parts}


def _to_parts(content: object) -> list[JSONObject]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    return [_to_part(part) for part in content] if isinstance(content, list) else []


def _to_part(part: Mapping[str, Any]) -> JSONObject:
    """Return a part of a message; of what is not text only the kind, as it may be of any size."""
    if isinstance(text := part.get("text"), str):
        return {"type": "text", "content": text}
    return {"type": str(part.get("type"))}


def _to_call(call_id: object, name: object, arguments: object) -> JSONObject:
    if isinstance(arguments, str):
        parsed = parse_arguments(arguments)
        arguments = arguments if parsed is None else parsed
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def _write(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
