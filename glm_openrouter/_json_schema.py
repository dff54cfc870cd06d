"""What a JSON schema says about the type of a value."""

from collections.abc import Mapping
from typing import Any

__all__ = ["follow", "kind_of", "kinds_of"]

Schema = Mapping[str, Any]

_KINDS: Mapping[type, str] = {  # in this order, because a bool is an int, too
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    type(None): "null",
}


def kind_of(value: object) -> str:
    """Return the name that JSON schemas have for the type of a value."""
    return next((name for kind, name in _KINDS.items() if isinstance(value, kind)), "object")


def kinds_of(schema: object, root: Schema, *, followed: frozenset[str] = frozenset()) -> set[str]:
    """Return the types that a schema allows, as far as it says; nothing if it allows any.

    Args:
        schema: The schema of the value.
        root: The schema that it is a part of, where its references lead to.
        followed: References that led here, in case they lead in a circle.
    """
    if not isinstance(schema, Mapping):
        return set()
    kind = schema.get("type")
    kinds = {kind} if isinstance(kind, str) else set(kind or ())
    if not kinds and ("const" in schema or "enum" in schema):
        kinds = {kind_of(value) for value in schema.get("enum") or [schema.get("const")]}
    options = [part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key) or ()]
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in followed:
        options.append(follow(reference, root))
        followed |= {reference}
    kinds = kinds.union(*(kinds_of(option, root, followed=followed) for option in options))
    return kinds | {"integer"} if "number" in kinds else kinds


def follow(reference: str, root: Schema) -> Schema:
    """Return the part of a schema that a reference such as `#/$defs/Size` leads to."""
    found: Any = root
    for name in reference.split("/")[1:]:
        known = isinstance(found, Mapping)
        found = found.get(name.replace("~1", "/").replace("~0", "~")) if known else None
    return found if isinstance(found, Mapping) else {}
