"""JSON Schema as far as tools and answers use it: references, unions, nullable types."""

from typing import Any

from glm_openrouter.testing._answers.prompt import JSONObject

__all__ = ["branches", "is_nullable", "properties", "resolve"]


def resolve(
    schema: JSONObject | bool, root: JSONObject, *, followed: frozenset[str] = frozenset()
) -> JSONObject:
    """Return `schema` with its `$ref` followed and its `allOf` merged; `true` allows anything."""
    merged = dict(schema) if isinstance(schema, dict) else {}
    while (reference := merged.pop("$ref", None)) and reference not in followed:
        followed |= {reference}
        merged = {**_follow(reference, root), **merged}
    for part in merged.pop("allOf", ()):
        inner = resolve(part, root, followed=followed)
        both = {**properties(merged), **properties(inner)}
        required = [*merged.get("required", ()), *inner.get("required", ())]
        merged = {**inner, **merged}
        if both:
            merged |= {"properties": both, "required": required}
    return merged


def branches(schema: JSONObject, root: JSONObject) -> list[JSONObject]:
    """Return the alternatives that are not null, resolved; one for a schema without a union."""
    union = schema.get("anyOf") or schema.get("oneOf")
    if union:
        # What stands beside the union (a description, a default) is true of every branch.
        rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
        resolved = [{**rest, **resolve(option, root)} for option in union]
        return [option for option in resolved if option.get("type") != "null"]
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return [{**schema, "type": kind} for kind in kinds if kind != "null"]
    return [schema]


def is_nullable(schema: JSONObject) -> bool:
    """Return whether null is a valid value."""
    options = [schema, *(schema.get("anyOf") or schema.get("oneOf") or ())]
    return any("null" in _as_list(resolve(option, {}).get("type")) for option in options)


def properties(schema: JSONObject) -> JSONObject:
    """Return the properties of an object schema."""
    found = schema.get("properties")
    if not isinstance(found, dict):
        return {}
    return {name: inner if isinstance(inner, dict) else {} for name, inner in found.items()}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _follow(reference: str, root: JSONObject) -> JSONObject:
    found: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        if step:
            found = found.get(step.replace("~1", "/").replace("~0", "~"), {})
    return found if isinstance(found, dict) else {}
