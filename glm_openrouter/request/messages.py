"""Messages in OpenRouter's form, for both adapters. What goes back must equal what came.

https://openrouter.ai/docs/api_reference/overview
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from glm_openrouter._json.values import JSONObject
from glm_openrouter.errors import InvalidRequestError

from .history import MessageRules
from .unread_calls import settle_calls

__all__ = [
    "assistant_message",
    "convert_each",
    "expect_objects",
    "expect_text",
    "file_part",
    "text_content",
    "tool_call",
    "tool_message",
]


Message = TypeVar("Message")


def convert_each(
    messages: Sequence[Message],
    convert: Callable[[Message], Iterable[JSONObject]],
    rules: MessageRules,
) -> list[JSONObject]:
    """Return messages of a framework in OpenRouter's form; an error names the message.

    Args:
        messages: The conversation.
        convert: Returns what one message becomes. It may stumble over values that are not what they should be: they
            come from stores, from other models, from anywhere.
        rules: Whose reasoning goes back.

    Raises:
        InvalidRequestError: A message cannot be sent.
    """
    converted: list[JSONObject] = []
    for position, message in enumerate(messages):
        try:
            converted += convert(message)
        except InvalidRequestError as error:
            raise InvalidRequestError(f"messages[{position}]: {error.message}") from error.__cause__
        except RecursionError:
            problem = "it is nested too deeply."
            raise InvalidRequestError(f"messages[{position}]: {problem}") from None
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            OSError,
            TypeError,
            ValueError,
        ) as error:
            problem = f"it cannot be sent: {error}"
            raise InvalidRequestError(f"messages[{position}]: {problem}") from error
    return settle_calls(rules.select_reasoning(converted))


def expect_text(value: object, field: str) -> str:
    """Return a value that must be text.

    Raises:
        InvalidRequestError: It is something else; the message names the field.
    """
    if not isinstance(value, str):
        raise InvalidRequestError(f"{field} must be text, got {type(value).__name__}.")
    return value


def expect_objects(value: object, field: str) -> Sequence[JSONObject]:
    """Return a value that must be a list of objects.

    Raises:
        InvalidRequestError: It is something else; the message names the field.
    """
    if not isinstance(value, list | tuple):
        raise InvalidRequestError(f"{field} must be a list, got {type(value).__name__}.")
    for position, entry in enumerate(value):
        if not isinstance(entry, dict):
            got = type(entry).__name__
            raise InvalidRequestError(f"{field}[{position}] must be an object, got {got}.")
    return value


def tool_call(call_id: str, name: str, arguments: str) -> JSONObject:
    """Return an entry of `tool_calls`.

    Raises:
        InvalidRequestError: One of its parts is not text.
    """
    function = {
        "name": expect_text(name, "The name of a tool call"),
        "arguments": expect_text(arguments, "The arguments of a tool call"),
    }
    call_id = expect_text(call_id, "The id of a tool call")
    return {"id": call_id, "type": "function", "function": function}


def assistant_message(
    content: str | list[JSONObject],
    *,
    tool_calls: Sequence[JSONObject] = (),
    reasoning: str | None = None,
    reasoning_details: Sequence[JSONObject] | None = None,
    annotations: Sequence[JSONObject] = (),
) -> JSONObject:
    """Return an assistant turn as it came.

    Reasoning goes back as `reasoning_details`, unmodified, or as `reasoning` where the details are empty or missing
    (https://openrouter.ai/docs/guides/best-practices/reasoning-tokens). A turn of only tool calls has no content,
    because some providers refuse an empty string. The text of parsed files goes back too, or they would be parsed
    and paid for again (https://openrouter.ai/docs/guides/overview/multimodal/pdfs).

    Raises:
        InvalidRequestError: The reasoning is not text, or its details are not a list of objects.
    """
    message: JSONObject = {"role": "assistant", "content": content or (None if tool_calls else "")}
    if reasoning_details is not None:
        details = expect_objects(reasoning_details, "reasoning_details")
        message["reasoning_details"] = [_without_item_id(detail) for detail in details]
    if reasoning and not reasoning_details:
        message["reasoning"] = expect_text(reasoning, "The reasoning")
    if tool_calls:
        message["tool_calls"] = list(tool_calls)
    if files := [annotation for annotation in _list(annotations) if _is_file(annotation)]:
        message["annotations"] = files
    return message


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _is_file(annotation: object) -> bool:
    return isinstance(annotation, dict) and annotation.get("type") == "file"


def _without_item_id(detail: JSONObject) -> JSONObject:
    # Ids of OpenAI's stored items mean nothing to a later request and are refused
    # (https://github.com/langchain-ai/langchain/issues/37777).
    if str(detail.get("id", "")).startswith("rs_"):
        return {key: value for key, value in detail.items() if key != "id"}
    return detail


def tool_message(
    call_id: str, content: str | list[JSONObject], *, failed: bool = False
) -> JSONObject:
    """Return the result of a tool call; the protocol can only say in words that it failed.

    Raises:
        InvalidRequestError: The id is not text.
    """
    expect_text(call_id, "tool_call_id")
    if failed and isinstance(content, list):
        content = [{"type": "text", "text": "Error: "}, *content]
    elif failed and not str(content).lstrip().lower().startswith("error"):
        content = f"Error: {content}"
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def text_content(parts: Sequence[JSONObject]) -> str | list[JSONObject]:
    """Return parts that are all text as plain text, which every provider takes.

    GLM's own template joins text parts with nothing between them.
    """
    if all(part.keys() == {"type", "text"} for part in parts):
        return "".join(part["text"] for part in parts)
    return list(parts)


def file_part(data: str, filename: str | None) -> JSONObject:
    """Return a file for OpenRouter's `file-parser` plugin; `data` is a URL or a data URI."""
    file = {"filename": expect_text(filename, "The name of a file")} if filename else {}
    return {"type": "file", "file": {**file, "file_data": data}}
