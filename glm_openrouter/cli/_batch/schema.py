"""What answers have to look like: a JSON schema in a file, or a type in a module."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter

from glm_openrouter import InvalidRequestError
from glm_openrouter.cli._common import UsageError
from glm_openrouter.structured import OutputSpec

__all__ = ["read_schema"]


def read_schema(word: str) -> OutputSpec:
    """Return how to ask for answers in a schema.

    Args:
        word: A file of JSON, or `module:name` of a class that pydantic takes, or of a dict that is a JSON schema. The
            module is looked for in the folder of the caller, too.

    Raises:
        UsageError: There is no such file or name, or it is no schema.
    """
    try:
        if word.endswith(".json") or ":" not in word:
            return OutputSpec(_read_file(Path(word)))
        found = _find(word)
        return OutputSpec(found) if isinstance(found, dict) else _from_type(found)
    except InvalidRequestError as error:
        raise UsageError(f"--schema {word}: {error.message}") from None
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        problem = str(error).partition("\n")[0]
        raise UsageError(f"--schema {word}: {problem}") from None


def _read_file(path: Path) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--schema takes a file with a JSON schema, or module:Class. {path}: {error}"
        ) from None


def _find(word: str) -> Any:
    module, _, name = word.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"--schema {word}: {error}") from None
    finally:
        sys.path.pop(0)


def _from_type(kind: Any) -> OutputSpec:
    adapter = TypeAdapter[Any](kind)

    def validate(value: Any) -> Any:
        """Return the answer as JSON again, with the defaults of the type; a date may be text in strict types, too."""
        return adapter.dump_python(adapter.validate_json(json.dumps(value)), mode="json")

    return OutputSpec(adapter.json_schema(), validate)
