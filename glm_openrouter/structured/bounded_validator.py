"""jsonschema's validators with a limit to their work.

A schema may come from elsewhere, and so does the answer. What jsonschema does with some of them takes minutes: patterns
that backtrack, `uniqueItems` on objects, choices within choices. Here each step is counted, patterns run in pydantic's
engine, which is linear, and `uniqueItems` compares texts.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any, Final

from jsonschema import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from jsonschema_specifications import (  # type: ignore[import-untyped]
    REGISTRY as SPECIFICATIONS,
)
from pydantic_core import SchemaError as PatternError
from pydantic_core import SchemaValidator, core_schema
from referencing import Registry
from referencing.jsonschema import specification_with

__all__ = ["TooMuchWorkError", "check_pattern", "errors_of", "errors_of_schema"]

_LIMIT: Final = 500_000
"""Steps of one check, at 0.5 to 3 microseconds each."""

_DEEPEST: Final = 180
"""Keywords within keywords, three for each level of a tree. The stack has room for twice as many; where it ends within
`referencing`, whose maps are written in Rust, the failure is no Python exception that one would catch."""

_STEPS_OF_A_REFERENCE: Final = 10
"""How many steps it takes to follow one."""

_CHARACTERS_A_STEP: Final = 100
"""How much text is written or searched in about the time of a step."""

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]
"""Takes the validator, the value of the keyword, the value to check, and the schema."""


class TooMuchWorkError(Exception):
    """A check was given up, because it took more than the limit."""


class _Work:
    def __init__(self) -> None:
        self._left = _LIMIT
        self._depth = 0

    def spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise TooMuchWorkError

    def enter(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise RecursionError

    def leave(self) -> None:
        self._depth -= 1


_work: ContextVar[_Work] = ContextVar("work")


def errors_of(value: Any, schema: Any, draft: type[Validator]) -> list[ValidationError]:
    """Return what is wrong with a value; nothing is ever retrieved for it.

    Args:
        value: A JSON value.
        schema: A schema without `$schema`, with which jsonschema would go on without limits.
        draft: Jsonschema's class for the draft of the schema.

    Raises:
        TooMuchWorkError: It takes too many steps.
        RecursionError: It is nested too deeply.
    """
    return _errors(_bounded(draft)(schema, registry=Registry()), value)


def errors_of_schema(schema: Any, draft: type[Validator]) -> list[ValidationError]:
    """Return what is wrong with a schema.

    Raises:
        TooMuchWorkError: It takes too many steps.
    """
    return _errors(_bounded(draft)(_without_dialect(draft.META_SCHEMA), registry=_META), schema)


def _errors(validator: Validator, value: Any) -> list[ValidationError]:
    token = _work.set(_Work())
    try:
        return list(validator.iter_errors(value))
    finally:
        _work.reset(token)


def _without_dialect(schema: Any) -> dict[str, Any]:
    return {key: part for key, part in schema.items() if key != "$schema"}


def _specified() -> Iterator[tuple[str, Any]]:
    for uri, resource in SPECIFICATIONS.items():
        yield uri, resource.contents


_META: Final[Registry[Any]] = Registry().with_resources(
    (
        uri,
        specification_with(contents["$schema"]).create_resource(_without_dialect(contents)),
    )
    for uri, contents in _specified()
)
"""What the schemas of schemas refer to."""


@cache
def _bounded(draft: type[Validator]) -> type[Validator]:
    keywords: Mapping[str, Any] = draft.VALIDATORS
    replacements: dict[str, Keyword] = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "uniqueItems": _unique,
    }
    if "additionalProperties" in keywords:
        replacements["additionalProperties"] = _additional(keywords["additionalProperties"])
    counted = {
        name: _counted(
            replacements.get(name) or keyword,
            steps=_STEPS_OF_A_REFERENCE if name.endswith(("Ref", "$ref")) else 1,
            whole=name in ("const", "enum"),
        )
        for name, keyword in keywords.items()
    }
    bounded: type[Validator] = extend(draft, counted)  # type: ignore[no-untyped-call]
    return bounded


def _counted(keyword: Keyword, *, steps: int, whole: bool) -> Keyword:
    """Return a keyword that is counted: what it walks over, and the messages that it writes.

    Args:
        keyword: Yields what is wrong with a value.
        steps: How many it takes at least.
        whole: Whether it may walk over all that is in its own value.
    """

    def counted(
        validator: Any, argument: Any, value: Any, schema: Any
    ) -> Iterator[ValidationError]:
        work = _work.get()
        work.spend(steps + (_count(argument) if whole else _length(argument)) + _length(value))
        work.enter()
        try:
            for error in keyword(validator, argument, value, schema) or ():
                work.spend(len(error.message) // _CHARACTERS_A_STEP)
                yield error
        finally:
            work.leave()

    return counted


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value) // _CHARACTERS_A_STEP
    return len(value) if isinstance(value, list | dict) else 0


def _count(value: Any) -> int:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + _length(value) + sum(map(_count, parts))


def check_pattern(pattern: str) -> None:
    """Compile a pattern; nothing is said of one that another engine takes, with look-around or back-references.

    Raises:
        ValueError: It is no pattern, or too large.
    """
    try:
        _compile(pattern)
    except PatternError as error:
        if not _OTHER_ENGINE.search(str(error)):
            raise ValueError(str(error).rpartition("error: ")[2].strip()) from None


_OTHER_ENGINE: Final = re.compile("look-around|backreferences")


@lru_cache(maxsize=1024)
def _compile(pattern: str) -> SchemaValidator:
    return SchemaValidator(
        core_schema.str_schema(pattern=pattern, regex_engine="rust-regex", strict=True)
    )


def _matches(pattern: str, text: str) -> bool:
    try:
        compiled = _compile(pattern)
    except PatternError:
        return True  # no engine that takes it can be interrupted
    _work.get().spend(len(text) * _weigh(pattern) // _WEIGHT_OF_A_STEP)
    return compiled.isinstance_python(text)


_WEIGHT_OF_A_STEP: Final = 500
_COUNT: Final = re.compile(r"(\)?)\{(?:\d*,)?(\d+)\}")


@lru_cache(maxsize=1024)
def _weigh(pattern: str) -> int:
    """Return how long a pattern is with its repetitions written out, roughly; that is what each character may cost."""
    counts = [(group, int(times)) for group, times in _COUNT.findall(pattern)]
    length = len(pattern) + sum(times for group, times in counts if not group)
    return length * math.prod(max(times, 1) for group, times in counts if group)


def _pattern(validator: Validator, pattern: str, value: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "string") and not _matches(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], value: Any, _: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(value, "object"):
        return
    for pattern, schema in patterns.items():
        _work.get().spend(len(value))
        for name in [name for name in value if _matches(pattern, name)]:
            yield from validator.descend(value[name], schema, path=name, schema_path=pattern)


def _additional(keyword: Keyword) -> Keyword:
    """Return `additionalProperties`, told beforehand which names the patterns of its schema match."""

    def additional(
        validator: Any, argument: Any, value: Any, schema: Any
    ) -> Iterator[ValidationError] | None:
        patterns = schema.get("patternProperties")
        if not patterns or not validator.is_type(value, "object"):
            return keyword(validator, argument, value, schema)
        _work.get().spend(len(patterns) * len(value))
        rest = {
            name: part
            for name, part in value.items()
            if not any(_matches(pattern, name) for pattern in patterns)
        }
        plain = {name: part for name, part in schema.items() if name != "patternProperties"}
        return keyword(validator, argument, rest, plain)

    return additional


def _unique(validator: Validator, argument: Any, value: Any, _: Any) -> Iterator[ValidationError]:
    if not argument or not validator.is_type(value, "array"):
        return
    _work.get().spend(_count(value))
    # As texts, because numbers can be chosen so that a set of them is slow.
    if len({json.dumps(_canonical(item), sort_keys=True) for item in value}) < len(value):
        yield ValidationError(f"{value!r} has non-unique elements")


def _canonical(value: Any) -> Any:
    """Return a value in which equal numbers are written alike: 1.0 is 1."""
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, dict):
        return {name: _canonical(item) for name, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value
