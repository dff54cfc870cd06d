"""What LangChain takes as a schema -> how to ask for an answer in it."""

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, cast

from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter
from typing_extensions import is_typeddict

from glm_openrouter import InvalidRequestError, JSONObject
from glm_openrouter.structured import Method, OutputSpec

__all__ = ["has_schema", "is_pydantic", "to_spec"]


def to_spec(schema: JSONObject | type | None, method: Method, strict: bool | None) -> OutputSpec:
    """Return what asks for an answer in a schema."""
    if schema is None or isinstance(schema, Mapping):
        json_schema = None if schema is None else _from_mapping(schema)
        return OutputSpec(json_schema, method=method, strict=strict)
    if is_typeddict(schema):
        return OutputSpec(_from_typed_dict(schema), method=method, strict=strict)
    if is_pydantic(schema) and not issubclass(schema, BaseModel):
        old_class = cast(Any, schema)  # of pydantic.v1
        return OutputSpec(old_class.schema(), old_class.parse_obj, method=method, strict=strict)
    adapter, json_schema = _adapt(schema)
    if is_dataclass(schema) and schema.__doc__:
        json_schema = {"description": schema.__doc__, **json_schema}
    return OutputSpec(json_schema, _Validator(adapter), method=method, strict=strict)


def _adapt(schema: Any) -> tuple[TypeAdapter[Any], JSONObject]:
    try:
        adapter = TypeAdapter[Any](schema)
        return adapter, adapter.json_schema()
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        problem = error.message.partition("\n")[0]
    name = getattr(schema, "__name__", f"A value of type {type(schema).__name__}")
    raise InvalidRequestError(f"{name} cannot be the schema of an answer: {problem}")


def is_pydantic(schema: object) -> bool:
    """Return whether a schema is a class of pydantic, old or new."""
    return isinstance(schema, type) and is_basemodel_subclass(schema)


class _Validator:
    """Validates as JSON, so that a date may be a string in strict models, too."""

    def __init__(self, adapter: TypeAdapter[Any]) -> None:
        self._adapter = adapter

    def __call__(self, value: Any) -> Any:
        return self._adapter.validate_json(json.dumps(value))


def _from_mapping(schema: Mapping[str, Any]) -> JSONObject:
    """Return the JSON schema in a dict: itself, or that of a function, a tool or a `response_format`."""
    inner = schema.get("function", schema.get("json_schema"))
    if isinstance(inner, Mapping):
        return _from_mapping(inner)
    for key in ("parameters", "input_schema", "schema"):
        if "name" in schema and isinstance(schema.get(key), Mapping):
            about = {"title": schema["name"], "description": schema.get("description")}
            return {**{name: text for name, text in about.items() if text}, **schema[key]}
    return dict(schema)


def _from_typed_dict(schema: type) -> JSONObject:
    # LangChain reads descriptions from `Annotated[str, ..., "the name"]`, but stumbles over `Required`; pydantic takes
    # that, but no `typing.TypedDict` before Python 3.12.
    try:
        return convert_to_json_schema(schema)
    except TypeError:
        return TypeAdapter[Any](schema).json_schema()


def has_schema(response_format: Any) -> bool:
    """Return whether a `response_format` has a schema."""
    spec = response_format.get("json_schema") if isinstance(response_format, Mapping) else None
    return bool(isinstance(spec, Mapping) and spec.get("schema"))
