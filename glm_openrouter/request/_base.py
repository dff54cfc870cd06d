"""What all settings have in common."""

import json
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat

from glm_openrouter._json.values import JSONObject

__all__ = ["Amount", "FiniteNumber", "FreeJSON", "FreeJSONValue", "Settings"]

FiniteNumber = int | FiniteFloat
Amount = Annotated[FiniteNumber, Field(ge=0)]


class Settings(BaseModel):
    """A part of a request; an unknown key is an error, `None` means not set."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
        hide_input_in_errors=True,  # it may be a key at a wrong place
    )

    def to_wire(self) -> JSONObject:
        """Return what was set, as it goes on the wire."""
        return self.model_dump(exclude_none=True)


def _check_json(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False, default=msgspec.to_builtins)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"This is not JSON: {error}") from None
    return value


FreeJSON = Annotated[JSONObject, AfterValidator(_check_json)]
"""An object with any keys; it goes on the wire as it is."""

FreeJSONValue = Annotated[Any, AfterValidator(_check_json)]
"""Any value that goes on the wire as it is."""
