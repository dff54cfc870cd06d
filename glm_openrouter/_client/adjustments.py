"""How a request is changed when it is refused: in each way once, and the completion says so.

An adjustment takes the body that was refused and the error. It returns the body to send instead and a note of the form
`field: old -> new`, or `None` if the error is about something else.
"""

import functools
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from glm_openrouter._json.values import JSONObject
from glm_openrouter.errors import APIError
from glm_openrouter.request.instructions import (
    add_instruction,
    asks_for_format,
    tool_instruction,
)

__all__ = ["Adjustment", "allowed_adjustments"]

Adjustment = Callable[[JSONObject, APIError], tuple[JSONObject, str] | None]

_LEAST_USEFUL_TOKENS = 16
"""An answer of fewer tokens is not worth its request."""


def ask_for_tool(body: JSONObject, error: APIError) -> tuple[JSONObject, str] | None:
    """Ask in words for the tool call, because the provider does not take a forced `tool_choice`.

    GLM's own endpoint answers 400 "Tool choice must be auto" (https://github.com/vectorize-io/hindsight/issues/4246),
    OpenRouter 404 "No endpoints found that support the provided 'tool_choice' value"
    (https://github.com/zed-industries/zed/issues/36094).
    """
    choice = body.get("tool_choice")
    if choice in (None, "auto", "none") or not _refuses_tool_choice(error):
        return None
    names = _names_in(choice)
    messages = add_instruction(body["messages"], tool_instruction(*names))
    note = f"tool_choice: {' or '.join(names) or 'required'} -> auto"
    return {**body, "tool_choice": "auto", "messages": messages}, note


def _names_in(choice: Any) -> list[str]:
    """Return the name of the only tool that is allowed, or none if any will do."""
    function = choice.get("function") if isinstance(choice, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    return [name] if name else []


def _refuses_tool_choice(error: APIError) -> bool:
    return _refuses(error, r"tool[ _-]?choice", because=r"\bauto\b|support")


def _refuses(error: APIError, field: str, *, because: str) -> bool:
    """Return whether a request was refused for a field; both are patterns, for text in lower case."""
    text = f"{error.message} {error.raw or ''}".lower()
    return (
        error.status_code in (400, 404, 422)
        and re.search(field, text) is not None
        and re.search(because, text) is not None
    )


def rely_on_words(body: JSONObject, error: APIError) -> tuple[JSONObject, str] | None:
    """Leave out the `response_format` that the provider does not take, if the prompt says the same.

    Some hosts answer 400 "response_format json_object is not supported for this model"
    (https://github.com/SSShooter/ebook-to-mindmap/issues/17). What comes is read and checked in the same way.
    """
    form = body.get("response_format")
    if form is None or not _refuses_format(error) or not asks_for_format(body["messages"], form):
        return None
    kind = form.get("type") if isinstance(form, Mapping) else None
    rest = {name: value for name, value in body.items() if name != "response_format"}
    return rest, f"response_format: {kind or 'set'} -> the prompt"


def _refuses_format(error: APIError) -> bool:
    field = r"response[ _-]?format|json[ _]schema|structured[ _-]outputs?"
    return _refuses(error, field, because=r"support|unavailable|must be (one of|text)")


def take_affordable(body: JSONObject, error: APIError) -> tuple[JSONObject, str] | None:
    """Ask for no more tokens than the balance allows; without `max_tokens`, OpenRouter reserves the most possible."""
    affordable = error.affordable_max_tokens
    asked = body.get("max_completion_tokens") or body.get("max_tokens")
    if affordable is None or affordable < _LEAST_USEFUL_TOKENS:
        return None
    if asked is not None and asked <= affordable:
        return None
    rest = {name: value for name, value in body.items() if name != "max_completion_tokens"}
    return {**rest, "max_tokens": affordable}, f"max_tokens: {asked or 'unset'} -> {affordable}"


_ADJUSTMENTS: Final[Mapping[str, Adjustment]] = {
    "tool_choice": ask_for_tool,
    "response_format": rely_on_words,
    "max_tokens": take_affordable,
}


@functools.cache
def allowed_adjustments(*, retry_affordable: bool) -> Mapping[str, Adjustment]:
    """Return the adjustments that a client allows: the field that is changed -> how."""
    allowed = dict(_ADJUSTMENTS)
    if not retry_affordable:
        del allowed["max_tokens"]
    return MappingProxyType(allowed)
