"""Whether a value fits a JSON schema, and whether that can be told: in bounded work, without retrieving anything."""

import json
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final, NamedTuple

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from glm_openrouter._json.values import JSONObject
from glm_openrouter.errors import InvalidRequestError, StructuredOutputError

from .bounded_validator import TooMuchWorkError, check_pattern, errors_of, errors_of_schema

__all__ = ["SchemaCheck"]

_MOST_KEYWORDS: Final = 256
"""Keywords of one schema; its properties are not among them."""

_LARGEST_SCHEMA: Final = 1_000_000
"""Characters of JSON."""

_LONGEST_MESSAGE: Final = 1000
"""Characters; jsonschema's messages hold the whole value."""

_TOO_LONG: Final = "it takes too many steps to check"


class SchemaCheck:
    """Checks values against one JSON schema.

    The schema is used as it is here: nothing that it refers to is looked for elsewhere.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Look at the schema.

        Raises:
            InvalidRequestError: It is no JSON schema, refers to what is not in it, or cannot be checked within limits.
        """
        self._schema = _copy(schema)
        self._draft = _draft_of(self._schema.pop("$schema", ""))
        self._check_form(self._schema)
        for part in _Walk(self._schema, self._draft).parts():
            self._check_form(part)

    def __call__(self, value: Any) -> Any:
        """Return `value` if it fits.

        Raises:
            StructuredOutputError: It does not; the message says where.
        """
        try:
            error = best_match(errors_of(value, self._schema, self._draft))
        except TooMuchWorkError:
            raise StructuredOutputError(f"The answer cannot be used: {_TOO_LONG}.", value) from None
        except RecursionError:
            raise StructuredOutputError("The answer is nested too deeply.", value) from None
        except Exception as problem:  # noqa: BLE001 -- such as what numbers of hundreds of digits make it raise
            message = f"The answer cannot be checked: {_shorten(str(problem))}"
            raise StructuredOutputError(message, value) from None
        if error is not None:
            where, what = _shorten(error.json_path), _shorten(error.message)
            raise StructuredOutputError(f"{where}: {what}", value)
        return value

    def _check_form(self, part: Any) -> None:
        try:
            errors = errors_of_schema(part, self._draft)
        except TooMuchWorkError:
            raise _refuse(_TOO_LONG) from None
        except RecursionError:
            raise _refuse("it is nested too deeply") from None
        if errors:
            raise _refuse(_shorten(errors[0].message))


def _refuse(problem: str) -> InvalidRequestError:
    return InvalidRequestError(f"Not a JSON schema that can be used: {problem}")


def _shorten(text: str) -> str:
    if len(text) <= _LONGEST_MESSAGE:
        return text
    return f"{text[: _LONGEST_MESSAGE // 2]} ... {text[-_LONGEST_MESSAGE // 2 :]}"


def _copy(schema: Mapping[str, Any]) -> JSONObject:
    """Return a schema as pure JSON, in which each part is there once."""
    try:
        written = json.dumps(schema, allow_nan=False)
    except RecursionError:
        raise _refuse("it is nested too deeply") from None
    except (TypeError, ValueError) as error:
        raise _refuse(str(error)) from None
    if len(written) > _LARGEST_SCHEMA:
        raise _refuse(f"it has {len(written)} characters")
    copied = json.loads(written)
    if not isinstance(copied, dict):
        raise _refuse("it must be an object")
    return copied


def _draft_of(dialect: Any) -> type[Validator]:
    """Return the class for the `$schema` of a schema; what is unknown is read as the latest draft."""
    if not isinstance(dialect, str):
        raise _refuse("$schema must be text")
    try:
        return validator_for({"$schema": dialect}, default=Draft202012Validator)
    except ValueError:  # it looks like a URL, but is none
        return Draft202012Validator


class _Part(NamedTuple):
    """A part of a schema that is a schema itself."""

    schema: Any
    resolver: Any
    """Finds what its references mean."""


_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_SAME_VALUE: Final = ("allOf", "anyOf", "oneOf", "extends", "not", "if", "then", "else")
_SAME_VALUE_BY_NAME: Final = ("dependentSchemas", "dependencies")
"""Keywords whose schemas are for the same value as the one they are in, not for a part of it."""


class _Walk:
    """Goes through a schema and all that it refers to."""

    def __init__(self, schema: JSONObject, draft: type[Validator]) -> None:
        self._specification = specification_with(str(draft.META_SCHEMA["$schema"]))
        resource = self._specification.create_resource(schema)
        self._waiting = [_Part(schema, Registry().resolver_with_root(resource))]
        self._targets: list[_Part] = []
        self._seen: dict[int, list[int]] = {}
        """Each part by its identity, and the parts that are for the same value."""
        self._keywords: set[str] = set()

    def parts(self) -> Iterator[Any]:
        """Yield the parts whose form nobody has looked at: they are in places that are no schemas but for a reference.

        Raises:
            InvalidRequestError: A reference leads nowhere, elsewhere, or in a circle; or a part cannot be checked.
        """
        try:
            self._go_through()
            while self._targets:
                part = self._targets.pop()
                if id(part.schema) not in self._seen:
                    yield part.schema
                    self._waiting.append(part)
                    self._go_through()
            TopologicalSorter(self._seen).prepare()
        except CycleError:
            raise _refuse("its references lead in a circle that never reaches a value") from None
        except InvalidRequestError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise _refuse(f"{type(error).__name__}: {_shorten(str(error))}") from None
        if {"patternProperties", "unevaluatedProperties"} <= self._keywords:
            # jsonschema itself searches for the patterns then, with an engine that backtracks.
            raise _refuse("unevaluatedProperties with patternProperties; use additionalProperties")

    def _go_through(self) -> None:
        while self._waiting:
            part = self._waiting.pop()
            if isinstance(part.schema, dict) and id(part.schema) not in self._seen:
                self._look_at(part)

    def _look_at(self, part: _Part) -> None:
        schema = part.schema
        _check_keywords(schema)
        self._keywords |= schema.keys()
        targets = [
            self._follow(part, schema[key])
            for key in _REFERENCES
            if isinstance(schema.get(key), str)
        ]
        self._targets += targets
        inner = [*_schemas_for_same_value(schema), *(target.schema for target in targets)]
        self._seen[id(schema)] = [
            id(subschema) for subschema in inner if isinstance(subschema, dict)
        ]
        for subschema in self._specification.subresources_of(schema):
            if isinstance(subschema, dict):
                resource = self._specification.create_resource(subschema)
                self._waiting.append(_Part(subschema, part.resolver.in_subresource(resource)))

    def _follow(self, part: _Part, reference: str) -> _Part:
        try:
            resolved = part.resolver.lookup(reference)
        except (Unresolvable, LookupError, ValueError):
            raise _refuse(
                f"{_shorten(repr(reference))} is not in it, and nothing is fetched from elsewhere. "
                "Put what it refers to under $defs."
            ) from None
        if not isinstance(resolved.contents, dict | bool):
            raise _refuse(f"{_shorten(repr(reference))} leads to something that is no schema")
        return _Part(resolved.contents, resolved.resolver)


def _schemas_for_same_value(schema: JSONObject) -> Iterator[Any]:
    for key in _SAME_VALUE:
        inner = schema.get(key)
        yield from inner if isinstance(inner, list) else (inner,)
    for key in _SAME_VALUE_BY_NAME:
        named = schema.get(key)
        yield from named.values() if isinstance(named, dict) else ()


def _check_keywords(schema: JSONObject) -> None:
    """Refuse what cannot be checked within limits."""
    if len(schema) > _MOST_KEYWORDS:
        raise _refuse(f"a part of it has {len(schema)} keywords")
    if "$schema" in schema:
        raise _refuse("$schema is inside of it; it belongs to the top")
    named = schema.get("patternProperties") or ()
    for pattern in (*filter(None, [schema.get("pattern")]), *named):
        try:
            check_pattern(pattern)
        except ValueError as error:
            raise _refuse(
                f"the pattern {_shorten(repr(pattern))}: {_shorten(str(error))}"
            ) from None
