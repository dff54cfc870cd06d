"""JSON read leniently: of a value of an unexpected form, only that value is lost."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

from .values import Number

__all__ = ["decode_lossily", "decode_tolerantly", "fit", "to_number"]


_DOES_NOT_FIT: Final = (msgspec.ValidationError, RecursionError, SystemError)
"""What msgspec raises for a value of another form; the last one before 0.22, for integers that no float can hold."""


def to_number(value: object) -> float | None:
    """Return a number, also one that is written as text; `None` if it is none that may be counted with."""
    try:
        return msgspec.convert(value, Number, strict=False)
    except _DOES_NOT_FIT:
        return None


_SURROGATE = re.compile("[\ud800-\udfff]")


def decode_tolerantly(payload: bytes) -> Any:
    """Decode JSON in which what cannot be passed on is replaced.

    Invalid bytes and lone surrogates become U+FFFD. NaN, infinity, numbers too large for a float and integers of more
    digits than Python reads (4,300) become null.

    Raises:
        msgspec.DecodeError: It is not JSON, or nested too deep.
    """
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return decode_lossily(payload)[0]


_MOST_DIGITS: Final = 640
"""Of an integer, where there are some of more than Python reads; as many as it always reads."""


def decode_lossily(payload: bytes) -> tuple[Any, bool]:
    """Decode JSON as `decode_tolerantly` does, and tell whether a number in it became null.

    Raises:
        msgspec.DecodeError: It is not JSON, or nested too deep.
    """
    lost: list[str] = []

    def read_float(text: str) -> float | None:
        value = float(text)
        return value if math.isfinite(value) else lose(text)

    def read_int(text: str) -> int | None:
        return int(text) if len(text) <= _MOST_DIGITS else lose(text)

    def lose(text: str) -> Any:
        lost.append(text)

    def decode(text: str) -> Any:
        decoder = json.JSONDecoder(parse_float=read_float, parse_constant=lose)
        try:
            return decoder.decode(text)
        except json.JSONDecodeError:
            raise
        except ValueError:  # an integer of more digits than Python reads
            slow = json.JSONDecoder(parse_float=read_float, parse_constant=lose, parse_int=read_int)
            return slow.decode(text)

    try:
        text = json.dumps(decode(payload.decode(errors="replace")), ensure_ascii=False)
        value = msgspec.json.decode(_SURROGATE.sub("\ufffd", text).encode())
    except (ValueError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None
    return value, bool(lost)


S = TypeVar("S", bound=Struct)


def fit(struct: type[S], value: object) -> S:
    """Build `struct` from decoded JSON, dropping the fields whose values do not fit."""
    if not isinstance(value, Mapping):
        raise msgspec.ValidationError(f"Expected a JSON object, got {type(value).__name__}.")
    fitted = {
        name: _fit_value(annotation, value[key])
        for name, key, annotation in _fields_of(struct)
        if value.get(key) is not None
    }
    return struct(**{name: part for name, part in fitted.items() if part is not None})


@cache
def _fields_of(struct: type[Struct]) -> list[tuple[str, str, Any]]:
    return [(field.name, field.encode_name, field.type) for field in msgspec.structs.fields(struct)]


_MOST_FITTED: Final = 10_000
"""Entries of a list that are looked at one by one if one of them does not fit; of a longer one, none is worth it."""


def _fit_value(annotation: Any, value: object) -> Any:
    options = get_args(annotation) or (annotation,)
    if isinstance(value, Mapping):
        for option in options:
            if isinstance(option, type) and issubclass(option, Struct):
                return fit(option, value)
    try:
        return msgspec.convert(value, annotation, strict=False)
    except _DOES_NOT_FIT:
        return _fit_list(options, value) if isinstance(value, list) else None


def _fit_list(options: Iterable[Any], value: list[Any]) -> list[Any] | None:
    """Return the entries that fit, of a list that does not fit as a whole."""
    item = next((get_args(option)[0] for option in options if get_origin(option) is list), None)
    if item is None or len(value) > _MOST_FITTED:
        return None
    parts = [_fit_value(item, part) for part in value]
    return [part for part in parts if part is not None]
