"""Structured output that does not depend on the provider: an instruction to write, and an answer to read.

Some providers of GLM enforce a schema, some know only JSON mode, some ignore `response_format`, and the answer may
come bare, in a fence, or between sentences. So the schema also goes into the prompt, and the answer is read
tolerantly; to validate it, strictly, is up to the type that the user gave.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from .errors import InvalidRequestError, StructuredOutputError
from .types import JSONObject

__all__ = [
    "check_schema",
    "extract_json",
    "repair_instruction",
    "response_format",
    "schema_instruction",
    "schema_name",
    "tool_instruction",
]


def schema_name(schema: Mapping[str, Any]) -> str:
    """Return a name for a schema that OpenRouter accepts: 1 to 64 of `[A-Za-z0-9_-]`."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", str(schema.get("title") or "")).strip("_")
    return name[:64] or "answer"


def response_format(schema: Mapping[str, Any], *, strict: bool | None = None) -> JSONObject:
    """Return the `response_format` for a JSON schema."""
    spec: JSONObject = {"name": schema_name(schema), "schema": dict(schema)}
    if strict is not None:
        spec["strict"] = strict
    return {"type": "json_schema", "json_schema": spec}


def schema_instruction(schema: Mapping[str, Any]) -> str:
    """Return the words that ask for an answer in a schema."""
    written = json.dumps(schema, ensure_ascii=False)
    return (
        "Answer with one JSON value and nothing else, without a code fence. "
        f"It must fit this JSON schema:\n{written}"
    )


def tool_instruction(name: str) -> str:
    """Return the words that ask for a tool call; GLM's own endpoint refuses to be forced."""
    return f"Give your answer by calling the tool `{name}`, once, with complete arguments."


def repair_instruction(problem: str) -> str:
    """Return the words that show the model what was wrong with its answer."""
    return (
        f"That answer cannot be used: {problem}\n"
        "Give the whole answer again, corrected, in the form that was asked for."
    )


_FENCE = re.compile(r"```[\w-]*\s*\n(.*?)```", re.DOTALL)
_THINKING = re.compile(r"^.*</think>", re.DOTALL)
_BOX = re.compile(r"<\|(?:begin|end)_of_box\|>")


def extract_json(text: str) -> Any:
    """Return the JSON value in an answer: bare, in a fence, in GLM's box, or between sentences.

    Raises:
        StructuredOutputError: There is none.
    """
    text = _BOX.sub("", _THINKING.sub("", text)).strip()
    for candidate in (text, *_FENCE.findall(text)):
        try:
            return json.loads(candidate, strict=False)
        except ValueError:
            continue
    decoder = json.JSONDecoder(strict=False)
    for match in re.finditer(r"[{\[]", text):
        try:
            return decoder.raw_decode(text, match.start())[0]
        except ValueError:
            continue
    raise StructuredOutputError("There is no complete JSON in the answer.", text)


def check_schema(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return `value` if it fits a JSON schema.

    Raises:
        StructuredOutputError: It does not; the message says where.
        InvalidRequestError: The schema is none.
    """
    import jsonschema

    try:
        jsonschema.validate(value, schema)
    except jsonschema.ValidationError as error:
        where = error.json_path
        raise StructuredOutputError(f"{where}: {error.message}", value) from None
    except jsonschema.SchemaError as error:
        raise InvalidRequestError(f"Not a JSON schema: {error.message}") from None
    return value
