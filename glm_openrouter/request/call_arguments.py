"""The arguments of a call: which there are, and why one is refused, in words that show no value of any."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from glm_openrouter._secrets import Concealed
from glm_openrouter.errors import InvalidRequestError

from ._base import suggest
from ._headers import hide_headers
from .chat import ChatRequest

__all__ = ["ALIASES", "check_arguments", "explain", "suggest"]

ALIASES: Final = {
    "openrouter_provider": "provider",
    "model_name": "model",
    "stop_sequences": "stop",
    "metadata": "request_metadata",
    "request_timeout": "timeout",
}
"""Other names that the frameworks and their packages have for arguments -> ours."""

_NAMES: Final = frozenset((*ChatRequest.model_fields, *ALIASES)) - {"messages"}


def check_arguments(
    arguments: Mapping[str, Any], more_names: Collection[str] = ()
) -> dict[str, Any]:
    """Return the arguments of a call as those may see them who listen to it, by their names here.

    Most values are checked later, with the request.

    Args:
        arguments: By name.
        more_names: Names of arguments that a framework has besides.

    Raises:
        InvalidRequestError: There is no argument of a name, the model is no text, or headers cannot be sent.
    """
    hidden = Concealed(
        {
            name if name in more_names else ALIASES.get(name, name): arguments[name]
            for name in arguments
        }
    )
    for name in hidden:
        if name not in _NAMES and name not in more_names:
            hint = suggest(name, {*_NAMES, *more_names}) or " What is new goes into extra_body."
            raise InvalidRequestError(f"A call has no argument {name!r}.{hint}")
    if hidden.get("extra_headers") is not None:
        hidden["extra_headers"] = hide_headers(hidden["extra_headers"])
    if not isinstance(hidden.get("model", ""), str | None):
        raise InvalidRequestError("model must be text, the id of a model.")
    return hidden


def explain(error: ValidationError, arguments: Mapping[str, Any]) -> str:
    """Return what pydantic finds wrong with the arguments of a call."""
    problems: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        place = _place_in(arguments, problem["loc"], is_missing=problem["type"] == "missing")
        messages = problems.setdefault(place, [])
        message = problem["msg"].removeprefix("Value error, ").rstrip(".")
        if message not in messages:
            messages.append(message)
    sentences = [
        ": ".join(filter(None, (place, ", or: ".join(messages))))
        for place, messages in problems.items()
    ]
    return " ".join(text if text.endswith("?") else f"{text}." for text in sentences)


def _place_in(value: Any, location: Iterable[str | int], *, is_missing: bool) -> str:
    """Return the way to a value; a location of pydantic also names the types that it has tried."""
    place = ""
    for step in location:
        if isinstance(step, int) and isinstance(value, list):
            place, value = f"{place}[{step}]", value[step]
        elif isinstance(value, Mapping) and (step in value or is_missing):
            place, value = f"{place}.{step}", value.get(step)
    return place.removeprefix(".")
