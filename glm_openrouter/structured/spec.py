"""One schema, one way to ask for an answer in it, and how that answer is read."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple, get_args

from pydantic import ValidationError

from glm_openrouter._json.in_text import json_values
from glm_openrouter._json.schema import follow
from glm_openrouter._json.values import JSONObject
from glm_openrouter.errors import InvalidRequestError, StructuredOutputError
from glm_openrouter.request.instructions import schema_instruction, tool_instruction

from .partials import Partials

__all__ = [
    "Method",
    "ModelAnswer",
    "OutputSpec",
    "check_schema",
    "response_format",
    "schema_check",
]


Method = Literal["json_schema", "function_calling", "json_mode", "prompt"]
"""`response_format` with the schema, a tool, `response_format` without the schema, or only words in the prompt."""


def response_format(schema: Mapping[str, Any], *, strict: bool | None = None) -> JSONObject:
    """Return the `response_format` for a JSON schema."""
    spec: JSONObject = {"name": _name_of(schema), "schema": dict(schema)}
    if strict is not None:
        spec["strict"] = strict
    return {"type": "json_schema", "json_schema": spec}


def _name_of(schema: Mapping[str, Any]) -> str:
    """Return a name for a schema that OpenRouter accepts: 1 to 64 of `[A-Za-z0-9_-]`."""
    title = schema.get("title") or _resolve(schema).get("title") or "answer"
    return re.sub(r"[^A-Za-z0-9_-]+", "_", str(title))[:64]


def check_schema(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return `value` if it fits a JSON schema.

    Raises:
        StructuredOutputError: It does not; the message says where.
    """
    return schema_check(schema)(value)


def schema_check(schema: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return a function that does what `check_schema` does, for one schema.

    Nothing is fetched for it, and no check takes more than seconds: what would is a misfit. Patterns are searched with
    pydantic's engine; those that it does not take, with look-around or back-references, are left to the provider.

    Raises:
        InvalidRequestError: It is no JSON schema, refers to what is not in it, or takes too long to check.
    """
    from .checker import SchemaCheck  # it needs jsonschema, which takes long to import

    return SchemaCheck(schema)


_MOST_VALUES = 100
"""Values of one text that are tried."""

_RESTRICTING_KEYS = frozenset(
    ("type", "properties", "items", "enum", "const", "$ref", "anyOf", "oneOf", "allOf")
)
"""A schema with none of these is most likely something else, such as an example of the answer."""


class ModelAnswer(NamedTuple):
    """The parts of an answer that count."""

    text: str
    calls: Sequence[tuple[str, Any]] = ()
    """Name and arguments of each tool call; the arguments are an object, or text."""
    cut: bool = False
    """Whether it reached the limit of tokens."""
    refusal: str | None = None
    """What the model said if it refused to answer; empty if a filter took the answer without a word."""


class OutputSpec:
    """One schema, and the way to get an answer in it."""

    def __init__(
        self,
        schema: JSONObject | None,
        validate: Callable[[Any], Any] | None = None,
        *,
        method: Method = "json_schema",
        strict: bool | None = None,
    ) -> None:
        """Choose how to ask.

        Args:
            schema: A JSON schema. `None`, which is for `json_mode` only, asks for any JSON object.
            validate: Turns a JSON value into the object to return, and raises `ValueError` if it does not fit. Default:
                check it against the schema, and return it.
            method: How to ask.
            strict: Whether providers should enforce the schema.

        Raises:
            InvalidRequestError: The method is unknown or cannot ask for this schema.
        """
        if method not in get_args(Method):
            known = ", ".join(get_args(Method))
            raise InvalidRequestError(f"method must be one of {known}, got {method!r}.")
        if schema is None and method not in ("json_mode", "prompt"):
            raise InvalidRequestError(f"{method} needs a schema.")
        self.schema: JSONObject = {"type": "object"} if schema is None else schema
        self._check = validate or schema_check(self.schema)
        if validate is None and _RESTRICTING_KEYS.isdisjoint(self.schema):
            keys = ", ".join(self.schema)
            raise InvalidRequestError(f"Not a JSON schema, it allows anything; its keys: {keys}")
        if strict and schema is not None:
            self.schema = _closed(schema)
            self._check = validate or schema_check(self.schema)
        self.name = _name_of(self.schema)
        self.arguments: JSONObject = {}
        """What the request gets besides the messages."""
        self.instruction: str | None = None
        """What to add to its system prompt; `None` where `response_format` says it."""
        self._validate = validate
        self._root = _resolve(self.schema)
        match method:
            case "json_schema":
                self.arguments = {"response_format": response_format(self.schema, strict=strict)}
            case "function_calling":
                self.arguments = {"tools": [self._tool(strict)]}
                self.instruction = tool_instruction(self.name)
            case "json_mode":
                self.arguments = {"response_format": {"type": "json_object"}}
                self.instruction = schema_instruction(schema)
            case "prompt":
                self.instruction = schema_instruction(schema)

    def read(self, answer: ModelAnswer) -> Any:
        """Return the answer as an object of the schema: what the tool was called with, or else what the text gives.

        Raises:
            StructuredOutputError: There is none, or the text gives several; the message says why.
        """
        problem: Exception | None = None
        for values in self._candidates(answer):
            fitting: list[tuple[Any, Any]] = []
            for value in values:
                try:
                    fitting.append((value, self.validate(value)))
                except (ValueError, TypeError) as error:
                    problem = problem or error
            if any(value != fitting[0][0] for value, _ in fitting):
                problem = ValueError("The answer gives several values that fit; one is wanted.")
                break
            if fitting:
                return fitting[0][1]
        raise StructuredOutputError(self._describe(answer, problem), answer.text) from problem

    def validate(self, value: Any) -> Any:
        """Return a JSON value as an object of the schema.

        Raises:
            ValueError: It does not fit.
        """
        return _limited(self._check, value)

    def validate_partial(self, value: Any) -> Any:
        """Return the object for the value of an answer that is still coming, or the value if there is no `validate`.

        Raises:
            ValueError: It does not fit yet.
        """
        return _limited(self._validate, value) if self._validate else value

    def may_ask_again(self, answer: ModelAnswer) -> bool:
        """Return whether a second answer may be better.

        Not if the model refused, if it would be cut again, or if another tool has to run first.
        """
        return answer.refusal is None and not answer.cut and not self.wants_tool(answer)

    def wants_tool(self, answer: ModelAnswer) -> bool:
        """Return whether a tool was called which is not the answer."""
        return any(name != self.name for name, _ in answer.calls)

    def partials(self) -> "Partials":
        """Return a reader for an answer that is still coming."""
        kind = self._root.get("type")
        return Partials(self.name, kind if isinstance(kind, str) else None)

    def _tool(self, strict: bool | None) -> JSONObject:
        if self._root.get("type") != "object":
            raise InvalidRequestError(
                f"A tool takes an object, which {self.name!r} is not: use another method, or wrap it in an object."
            )
        function: JSONObject = {
            "name": self.name,
            "description": self.schema.get("description") or "The answer.",
            "parameters": {"type": "object", **self.schema},
        }
        if strict is not None:
            function["strict"] = strict
        return {"type": "function", "function": function}

    def _candidates(self, answer: ModelAnswer) -> Iterator[Iterable[Any]]:
        """Yield the values that may be the answer, the likeliest first; of those that come together only one can be."""
        for name, arguments in answer.calls:
            if name == self.name:
                yield _values(arguments) if isinstance(arguments, str) else (arguments,)
        values = _values(answer.text)
        yield (value for value in values if not self._is_unrelated(value))
        yield (value for value in values if self._is_unrelated(value))

    def _is_unrelated(self, value: Any) -> bool:
        """Return whether a value has no key of the schema; it may fit anyway if the schema requires none."""
        properties = self._root.get("properties")
        if not isinstance(properties, Mapping):
            return False
        known = isinstance(value, dict) and properties.keys() & value.keys()
        return bool(properties) and not known

    def _describe(self, answer: ModelAnswer, problem: Exception | None) -> str:
        if answer.refusal is not None:
            return f"The model refused to answer: {answer.refusal or 'a content filter took all of it.'}"
        if answer.cut:
            return "The answer was cut off at the limit of tokens. Raise max_tokens."
        if self.wants_tool(answer):
            names = ", ".join(repr(name) for name, _ in answer.calls if name != self.name)
            return f"The model called {names} instead of giving the answer."
        if isinstance(problem, ValidationError):
            return "; ".join(map(_describe_line, problem.errors(include_url=False)))
        return str(problem or "There is no complete JSON on lines of its own in the answer.")


def _values(text: str) -> list[Any]:
    return list(islice(json_values(text), _MOST_VALUES))


def _limited(validate: Callable[[Any], Any], value: Any) -> Any:
    """Return what `validate` does; how deep a value may be is up to the stack, which is no fault of the program."""
    try:
        return validate(value)
    except RecursionError:
        raise ValueError("The answer is nested too deeply.") from None


def _describe_line(error: Mapping[str, Any]) -> str:
    where = ".".join(map(str, error["loc"]))
    return f"{where}: {error['msg']}" if where else str(error["msg"])


def _resolve(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of the value itself, which may be among its definitions: that of a recursive model is."""
    return follow(str(schema.get("$ref", "")), schema)


def _closed(schema: Any) -> Any:
    """Return a schema whose objects have only the properties that it names, as strict enforcement demands."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(part) for key, part in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed
