"""The classes of objects -> types of Arrow.

Types that are read off the objects of one block differ from block to block: a field that is null in all of them has no
type. Those of the class do not.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import pyarrow as pa  # pyright: ignore[reportMissingImports]
from pydantic import BaseModel

__all__ = ["arrow_type"]

_SCALARS: Final = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}
_UNKNOWN: Final = pa.null()
"""What is to be read off the objects: free objects, unions, what contains itself."""


@cache
def arrow_type(model: type[BaseModel]) -> pa.DataType:
    """Return the type of the objects of a class, written as JSON would have them."""
    schema = model.model_json_schema(mode="serialization")
    return _Reader(schema.get("$defs", {})).read(schema)


class _Reader:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._open: list[str] = []

    def read(self, schema: Mapping[str, Any]) -> pa.DataType:
        match schema:
            case {"$ref": str(reference)}:
                return self._follow(reference.rpartition("/")[2])
            case {"anyOf": list(options)}:
                types = [self.read(option) for option in options if option.get("type") != "null"]
                return types[0] if len(types) == 1 else _UNKNOWN
            case {"properties": dict(properties)}:
                return pa.struct({name: self.read(each) for name, each in properties.items()})
            case {"type": "array", "items": dict(items)}:
                return pa.list_(self.read(items))
            case {"type": str(name)}:
                return _SCALARS.get(name, _UNKNOWN)
            case _:
                return _UNKNOWN

    def _follow(self, name: str) -> pa.DataType:
        if name in self._open:
            return _UNKNOWN
        self._open.append(name)
        found = self.read(self._definitions[name])
        self._open.pop()
        return found
