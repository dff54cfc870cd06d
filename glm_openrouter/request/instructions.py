"""Every sentence that is said to the model."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from glm_openrouter._json.values import JSONObject

__all__ = [
    "UNRUN_CALL_RESULT",
    "add_instruction",
    "asks_for_format",
    "correction_instruction",
    "format_instruction",
    "schema_instruction",
    "tool_instruction",
    "unread_call_result",
]

_LONGEST_QUOTE: Final = 500
"""Characters of unreadable arguments that are quoted."""


def add_instruction(messages: Sequence[JSONObject], instruction: str) -> list[JSONObject]:
    """Return messages with an instruction at the end of their system prompt; without one, it becomes the prompt."""
    if not messages or messages[0].get("role") not in ("system", "developer"):
        return [{"role": "system", "content": instruction}, *messages]
    system, *rest = messages
    content = system.get("content") or ""
    if isinstance(content, str):
        content = f"{content}\n\n{instruction}".lstrip()
    else:
        content = [*content, {"type": "text", "text": f"\n\n{instruction}"}]
    return [{**system, "content": content}, *rest]


def schema_instruction(schema: Mapping[str, Any] | None, *, with_tools: bool = False) -> str:
    """Return the words that ask for an answer in a schema, or for any JSON object."""
    when = "When you need no more tools, answer" if with_tools else "Answer"
    if schema is None:
        return f"{when} with one JSON object {_ALONE}"
    return f"{when} with one JSON value {_ALONE} It must fit this JSON schema:\n{_write(schema)}"


_ALONE: Final = "and nothing else, without a code fence."


def _write(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False)


def format_instruction(response_format: Any, *, with_tools: bool) -> str | None:
    """Return the words that say the same as a `response_format`, if it has a schema.

    Hosts of GLM accept one and answer in a shape of their own; a schema in the prompt, too, helps on all of them
    (https://github.com/hugalafutro/model-hotel/issues/896).
    """
    schema = _schema_in(response_format)
    return schema_instruction(schema, with_tools=with_tools) if schema else None


def asks_for_format(messages: Sequence[JSONObject], response_format: Any) -> bool:
    """Return whether the system prompt says in words what a `response_format` says."""
    content = messages[0].get("content") if messages else None
    parts = content if isinstance(content, list) else [{"text": content}]
    text = "".join(str(part.get("text")) for part in parts if isinstance(part, Mapping))
    schema = _schema_in(response_format)
    return _ALONE in text and (not schema or _write(schema) in text)


def _schema_in(response_format: Any) -> Mapping[str, Any] | None:
    spec = response_format.get("json_schema") if isinstance(response_format, Mapping) else None
    schema = spec.get("schema") if isinstance(spec, Mapping) else None
    return schema if isinstance(schema, Mapping) else None


def tool_instruction(*names: str) -> str:
    """Return the words that ask for a call of one of these tools, or of any; GLM's own endpoint cannot be forced."""
    if not names:
        return "Do not answer in text: call one of the tools, with complete arguments."
    tools = " or ".join(f"`{name}`" for name in names)
    return f"Do not give your answer in text: give it by calling the tool {tools}, once, with complete arguments."


def correction_instruction(problem: str) -> str:
    """Return the words that tell the model what was wrong with its answer."""
    return (
        f"That answer cannot be used: {problem}\n"
        "Give the whole answer again, corrected, in the form that was asked for."
    )


def unread_call_result(problem: str, arguments: str) -> str:
    """Return the words that are the result of a tool call that was not run, because it could not be read.

    Args:
        problem: Why, as a sentence.
        arguments: What the model wrote; the conversation does not hold it in any other place.
    """
    if len(arguments) > _LONGEST_QUOTE:
        half = _LONGEST_QUOTE // 2
        arguments = f"{arguments[:half]} [...] {arguments[-half:]}"
    return (
        f"Error: this call was not run. {problem} What you wrote as arguments: {arguments}\n"
        "If the call is still needed, make it again, with one complete JSON object as its arguments."
    )


UNRUN_CALL_RESULT: Final = (
    "Error: this call was not run, because another call of the same answer could not be read. "
    "Make all calls again."
)
"""What is said of a call that could have been run, where none was because of another one."""
