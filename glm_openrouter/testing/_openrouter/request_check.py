"""Everything OpenRouter looks at before it lets a request through."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .catalogue import Model
from .refusal import RefusalError
from .shape_check import check_shape

__all__ = ["check_modalities", "check_request"]

_MODALITIES: Final = {
    "image_url": ("image", "image input"),
    "input_audio": ("audio", "input audio"),
    "video_url": ("video", "video input"),
    "input_video": ("video", "video input"),
}
"""Type of a part -> what a model must take, and what OpenRouter calls it. Files are read before the model sees them."""


def check_request(body: Mapping[str, Any]) -> None:
    """Refuse a body that OpenRouter would refuse for any GLM model.

    Raises:
        RefusalError: 400.
    """
    if body.get("messages") is None:
        raise _wrong('Input required: specify "prompt" or "messages"')
    check_shape(body)
    _check_turns(body["messages"])
    _check_tool_choice(body)
    _check_response_format(body.get("response_format") or {})
    _check_reasoning(body)


def _wrong(message: str) -> RefusalError:
    return RefusalError(400, message, metadata={"error_type": "invalid_request"})


def _check_turns(messages: Sequence[Mapping[str, Any]]) -> None:
    """Refuse tool messages without a call, and calls that nobody answered."""
    waiting: set[str] = set()
    for at, message in enumerate(messages):
        if message["role"] == "tool":
            call_id = message["tool_call_id"]
            if call_id not in waiting:
                raise _wrong(
                    f"messages.{at}: tool_call_id {call_id!r} answers no call of the message before"
                )
            waiting.remove(call_id)
            continue
        _check_answered(waiting, at)
        waiting = {call["id"] for call in message.get("tool_calls") or ()}
    _check_answered(waiting, len(messages))


def _check_answered(waiting: set[str], at: int) -> None:
    if waiting:
        missing = ", ".join(sorted(waiting))
        raise _wrong(f"messages.{at}: expected tool messages that answer these calls: {missing}")


def _check_tool_choice(body: Mapping[str, Any]) -> None:
    choice = body.get("tool_choice")
    names = {(tool.get("function") or {}).get("name") for tool in body.get("tools") or ()}
    if choice == "required" and not names:
        raise _wrong("tool_choice: 'required' needs tools")
    if isinstance(choice, dict) and choice["type"] == "function":
        name = (choice.get("function") or {}).get("name")
        if name not in names:
            raise _wrong(f"tool_choice: there is no tool named {name!r}")


def _check_response_format(response_format: Mapping[str, Any]) -> None:
    if response_format.get("type") == "json_schema" and not response_format.get("json_schema"):
        raise _wrong("response_format.json_schema: Field required")


def _check_reasoning(body: Mapping[str, Any]) -> None:
    reasoning = body.get("reasoning") or {}
    effort = reasoning.get("effort")
    if effort is not None and reasoning.get("max_tokens") is not None:
        raise _wrong('Only one of "reasoning.effort" and "reasoning.max_tokens" can be specified')
    shorthand = body.get("reasoning_effort")
    if None not in (effort, shorthand) and effort != shorthand:
        raise _wrong('"reasoning_effort" and "reasoning.effort" must not contradict each other')


def check_modalities(messages: Sequence[Mapping[str, Any]], model: Model) -> None:
    """Refuse images, sound and video for a model that does not take them.

    Raises:
        RefusalError: 404.
    """
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            modality, name = _MODALITIES.get(part["type"], ("text", ""))
            if modality not in model.input_modalities:
                raise RefusalError(404, f"No endpoints found that support {name}")
