"""Tool arguments as JSON: written the same each time, read strictly."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from .values import JSONObject

__all__ = ["find_problem", "json_decoder", "parse_arguments", "write_arguments"]


def write_arguments(arguments: Mapping[str, Any]) -> str:
    """Return tool arguments as JSON, always the same for the same arguments.

    Raises:
        ValueError: They hold what is not JSON, such as bytes.
    """
    try:
        return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        problem = "they are nested too deeply."
    except (TypeError, ValueError) as error:
        problem = f"{error}."
    raise ValueError(f"The arguments of a tool call cannot be written as JSON: {problem}")


def parse_arguments(arguments: str) -> JSONObject | None:
    """Read tool arguments strictly; `None` if they are not a complete JSON object."""
    if not arguments.rstrip().endswith("}"):
        return None  # cheap, for arguments that are read again each time they have grown
    try:
        value = json_decoder.decode(arguments)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def find_problem(arguments: str) -> str | None:
    """Return why tool arguments are no complete JSON object, as a sentence for the model; `None` if they are one."""
    try:
        value = json_decoder.decode(arguments)
    except RecursionError:
        problem = "they are nested too deeply."
    except ValueError as error:
        problem = f"{error}."
    else:
        problem = "they are JSON, but not an object."
        if isinstance(value, dict):
            return None
    return f"The arguments are not a complete JSON object: {problem}"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text[:20]} is more than a number can be")
    return value


json_decoder: Final = json.JSONDecoder(
    strict=False, parse_constant=_refuse_constant, parse_float=_finite
)
"""Reads what a model writes: strictly, except that strings may hold line breaks and the like.

A number that would become infinity is refused, as `NaN` is: no tool must see it, and JSON cannot write it again.
"""
