"""What all settings have in common."""

import json
from collections.abc import Iterable
from typing import Annotated, Any, Self

import msgspec
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from glm_openrouter._json.values import JSONObject

__all__ = [
    "Amount",
    "FiniteNumber",
    "FreeJSON",
    "FreeJSONValue",
    "Settings",
    "SuggestsNames",
    "suggest",
]

FiniteNumber = int | FiniteFloat
Amount = Annotated[FiniteNumber, Field(ge=0)]


def suggest(name: str, names: Iterable[str]) -> str:
    """Return a question whether somebody means one of these names, or nothing if none is like it."""
    from difflib import get_close_matches  # late: only a mistake needs it

    similar = get_close_matches(name, sorted(names), n=1, cutoff=0.7)
    return f" Did you mean `{similar[0]}`?" if similar else ""


class SuggestsNames(BaseModel):
    """A model that has a suggestion for a name that it does not know."""

    model_config = ConfigDict(defer_build=True)

    @model_validator(mode="wrap")
    @classmethod
    def _suggest_names(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(values)
        except ValidationError as error:
            if not any(_is_unknown(problem) for problem in error.errors()):
                raise
            problems = [_with_suggestion(problem, cls) for problem in error.errors()]
        raise ValidationError.from_exception_data(cls.__name__, problems, hide_input=True)


def _is_unknown(problem: Any) -> bool:
    has_suggestion = "ctx" in problem  # from a model within a model, which pydantic validates twice
    return problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1 and not has_suggestion


def _with_suggestion(problem: Any, model: type[BaseModel]) -> InitErrorDetails:
    message = problem["msg"]
    if _is_unknown(problem):
        message += f".{suggest(problem['loc'][0], _names_of(model))}"
    error = PydanticCustomError(problem["type"], "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=problem["loc"], input=problem["input"])


def _names_of(model: type[BaseModel]) -> set[str]:
    names: set[str] = set()
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else (field.alias or name,)
        names.update((name, *map(str, choices)))
    return names


class Settings(SuggestsNames):
    """A part of a request; an unknown key is an error, `None` means not set."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
        hide_input_in_errors=True,  # it may be a key at a wrong place
        defer_build=False,  # once for all the classes that have it as a field
    )

    def to_wire(self) -> JSONObject:
        """Return what was set, as it goes on the wire."""
        return self.model_dump(exclude_none=True)

    def to_argument(self) -> JSONObject:
        """Return what was set, as a user may give it."""
        return self.to_wire()


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
