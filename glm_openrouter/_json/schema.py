"""What a JSON schema says about the type of a value."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Schema", "follow", "kind_of", "kinds_of"]

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


def kinds_of(schema: object, root: Schema) -> set[str]:
    """Return the types that a schema allows, as far as it says; nothing if it allows any.

    Tools come from anywhere: a schema may be deep, refer to itself, or not be one.

    Args:
        schema: The schema of the value.
        root: The schema that it is a part of, where its references lead to.
    """
    kinds: set[str] = set()
    waiting, followed = [schema], set[str]()
    while waiting:
        part = waiting.pop()
        if not isinstance(part, Mapping):
            continue
        kinds |= _own_kinds(part)
        waiting += [option for key in ("anyOf", "oneOf", "allOf") for option in _list(part, key)]
        reference = part.get("$ref")
        if isinstance(reference, str) and reference not in followed:
            waiting.append(follow(reference, root))
            followed.add(reference)
    return kinds | {"integer"} if "number" in kinds else kinds


def _own_kinds(schema: Schema) -> set[str]:
    kind = schema.get("type")
    kinds = {name for name in (kind, *_list(schema, "type")) if isinstance(name, str)}
    if kinds:
        return kinds
    values = [schema["const"]] if "const" in schema else _list(schema, "enum")
    return {kind_of(value) for value in values}


def _list(schema: Schema, key: str) -> Sequence[Any]:
    entries = schema.get(key)
    return entries if isinstance(entries, list | tuple) else ()


def follow(reference: str, root: Schema) -> Schema:
    """Return the part of a schema that a reference such as `#/$defs/Size` leads to."""
    part: Any = root
    for name in reference.split("/")[1:]:
        key = name.replace("~1", "/").replace("~0", "~")
        part = part.get(key) if isinstance(part, Mapping) else None
    return part if isinstance(part, Mapping) else {}
