"""The wire's messages, tools and options, read into what the rules look at."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeAlias

__all__ = ["Call", "JSONObject", "Message", "Prompt", "Result", "Tool", "read_prompt"]

JSONObject: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Tool:
    """A function the model may call."""

    name: str
    description: str = ""
    parameters: JSONObject = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A call of a tool, with its arguments read."""

    name: str
    arguments: JSONObject = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True)
class Message:
    """One message, its content flattened to text."""

    role: str
    text: str = ""
    calls: tuple[Call, ...] = ()
    call_id: str = ""


@dataclass(frozen=True)
class Result:
    """What a tool gave back for a call."""

    call: Call
    content: str


@dataclass(frozen=True)
class Prompt:
    """Everything the model answers to."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or `=` and the name of the tool to call."""
    parallel: bool = True
    response_schema: JSONObject | None = None
    wants_json: bool = False

    @cached_property
    def _request_at(self) -> int:
        users = [at for at, message in enumerate(self.messages) if message.role == "user"]
        return users[-1] if users else -1

    @cached_property
    def request(self) -> str:
        """The text of the last user message; without one, of the last message."""
        if self._request_at < 0:
            return self.messages[-1].text if self.messages else ""
        return self.messages[self._request_at].text

    @cached_property
    def earlier(self) -> tuple[Message, ...]:
        """The messages before the last user message."""
        return self.messages[: max(self._request_at, 0)]

    @cached_property
    def results(self) -> tuple[Result, ...]:
        """What tools have returned since the last user message, in order."""
        turn = self.messages[self._request_at + 1 :]
        calls = {call.id: call for message in turn for call in message.calls}
        return tuple(
            Result(calls.get(message.call_id, Call("tool")), message.text)
            for message in turn
            if message.role == "tool"
        )

    @cached_property
    def system(self) -> str:
        """The texts of all system and developer messages."""
        roles = {"system", "developer"}
        return "\n\n".join(message.text for message in self.messages if message.role in roles)


def read_prompt(body: Mapping[str, Any], *, structured: bool = True) -> Prompt:
    """Read a checked request body.

    Args:
        body: The body of a chat completion request.
        structured: Whether `response_format` is heeded; providers that lack it never see it.
    """
    response_format = (body.get("response_format") or {}) if structured else {}
    kind = response_format.get("type")
    schema = (response_format.get("json_schema") or {}).get("schema") if kind else None
    return Prompt(
        messages=tuple(_read_message(message) for message in body["messages"]),
        tools=tuple(_read_tools(body.get("tools") or [])),
        tool_choice=_read_tool_choice(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls") is not False,
        response_schema=schema,
        wants_json=kind in ("json_object", "json_schema"),
    )


def _read_message(message: Mapping[str, Any]) -> Message:
    text = _clip(_read_content(message.get("content")))
    if message.get("name") and message["role"] != "tool":
        # OpenRouter puts the name into the text for models that have no such field.
        text = f"{message['name']}: {text}"
    return Message(
        role=message["role"],
        text=text,
        calls=tuple(_read_call(call) for call in message.get("tool_calls") or ()),
        call_id=message.get("tool_call_id") or "",
    )


def _clip(text: str) -> str:
    """Return the beginning and the end of a text, which is all of it that the rules look at."""
    if len(text) <= _LONGEST_TEXT:
        return text
    half = _LONGEST_TEXT // 2
    return f"{text[:half]}\n{text[-half:]}"


_LONGEST_TEXT: Final = 100_000
"""Characters of one message."""


def _read_content(content: str | list[JSONObject] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(_read_part(part) for part in content)


def _read_part(part: JSONObject) -> str:
    if part.get("type") == "text":
        return str(part.get("text") or "")
    details = part.get(part.get("type", "")) or {}
    name = details.get("filename") if isinstance(details, dict) else None
    return f"[{name or part.get('type')}]"


def _read_call(call: JSONObject) -> Call:
    function = call["function"]
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except (ValueError, RecursionError):
        arguments = {}
    return Call(
        name=function["name"],
        arguments=arguments if isinstance(arguments, dict) else {},
        id=call["id"],
    )


def _read_tools(tools: list[JSONObject]) -> list[Tool]:
    functions = [tool["function"] for tool in tools if tool.get("function")]
    return [
        Tool(
            name=function["name"],
            description=function.get("description") or "",
            parameters=function.get("parameters") or {},
        )
        for function in functions
    ]


def _read_tool_choice(choice: str | JSONObject | None) -> str:
    if isinstance(choice, dict):
        name = (choice.get("function") or {}).get("name")
        return f"={name}" if name else "auto"
    return choice or "auto"
