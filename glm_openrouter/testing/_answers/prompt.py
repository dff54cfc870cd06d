"""What a model is asked: the messages, tools and options of a request, read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

__all__ = ["Call", "JSONObject", "Message", "Prompt", "Tool", "ToolChoice", "ToolResult"]

JSONObject: TypeAlias = dict[str, Any]
ToolChoice: TypeAlias = Literal["auto", "none", "required"]


@dataclass(frozen=True)
class Tool:
    """A function that the model may call."""

    name: str
    description: str = ""
    parameters: JSONObject = field(default_factory=dict)
    """The JSON schema of its arguments."""


@dataclass(frozen=True)
class Call:
    """A call of a tool."""

    name: str
    arguments: JSONObject = field(default_factory=dict)
    """The arguments as an object; in a prompt empty if what was sent back is none."""
    id: str = ""
    """What the result of the call refers to; in an answer, a call without an id gets a new one."""
    raw_arguments: str | None = None
    """The arguments as text; in an answer they go out in place of `arguments`, whether they are JSON or not."""


@dataclass(frozen=True)
class Message:
    """One message of a prompt."""

    role: str
    """`system`, `developer`, `user`, `assistant` or `tool`."""
    text: str = ""
    """The content as text; what is no text in it stands in brackets, such as `[report.pdf]`."""
    tool_calls: tuple[Call, ...] = ()
    tool_call_id: str = ""
    """The call that a message of a tool answers."""


@dataclass(frozen=True)
class ToolResult:
    """What a tool gave back for a call."""

    call: Call
    content: str


@dataclass(frozen=True)
class Prompt:
    """What the model sees of a request."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    required_tool: str | None = None
    """The only tool that may be called, where the request names one; `tool_choice` is `required` then."""
    parallel_tool_calls: bool = True
    wants_json: bool = False
    """Whether `response_format` asks for JSON. Models at a provider that does not support it never see it."""
    response_schema: JSONObject | None = None
    """The JSON schema that `response_format` gives."""
    model: str = ""
    """The id of the model that answers, without a suffix such as `:exacto`."""
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The whole request, for what is not read here, such as `temperature`."""

    @cached_property
    def _user_at(self) -> int:
        users = [at for at, message in enumerate(self.messages) if message.role == "user"]
        return users[-1] if users else -1

    @cached_property
    def user_text(self) -> str:
        """The text of the last user message; without one, of the last message."""
        return self.messages[self._user_at].text if self.messages else ""

    @cached_property
    def system_text(self) -> str:
        """The texts of all system and developer messages, with an empty line between them."""
        roles = {"system", "developer"}
        return "\n\n".join(message.text for message in self.messages if message.role in roles)

    @cached_property
    def earlier_messages(self) -> tuple[Message, ...]:
        """The messages before the last user message."""
        return self.messages[: max(self._user_at, 0)]

    @cached_property
    def tool_results(self) -> tuple[ToolResult, ...]:
        """What tools have given back since the last user message, in order."""
        turn = self.messages[self._user_at + 1 :]
        calls = {call.id: call for message in turn for call in message.tool_calls}
        return tuple(
            ToolResult(calls.get(message.tool_call_id, Call("tool")), message.text)
            for message in turn
            if message.role == "tool"
        )
