"""Answers in JSON: which schema is wanted, and the values for it."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from glm_openrouter.testing._answers.prompt import JSONObject, Prompt

from .choices import read_choice, state_choice
from .fill import fill
from .passages import find_passage
from .values import Source
from .words import sentences, split_words

__all__ = ["json_answer", "without_instructions"]

_SPEAKS_OF_JSON: Final = re.compile(r"\bjson\b", re.IGNORECASE)
_ABOUT_FORMAT: Final = re.compile(
    r"\b(?:json|schema|markdown|code fences?|backticks|output format)\b", re.I
)
_KEYS: Final = re.compile(
    r"\b(?:keys?|fields?|properties|attributes)\b"
    r"(?:\s+(?:are|named|called))?\s*:?\s*(?P<after>[^.\n]*)",
    re.I,
)
_KEYS_BEFORE: Final = re.compile(
    r"(?:with|containing|has|have)\s+(?P<before>[^.\n]*?)\s+(?:keys?|fields?)\b", re.I
)
_QUOTED_KEY: Final = re.compile(r"['\"`](\w+)['\"`]")
_BARE_KEY: Final = re.compile(r"[A-Za-z_]\w*")
_FILLER: Final = split_words("a an and as fields for keys no of only or other the with")
_LOOSE_EXAMPLE: Final = re.compile(r"example:\s*(?P<list>\[)?\s*\{+(?P<fields>[^{}]+)\}", re.I)
_LOOSE_FIELD: Final = re.compile(r"[\"']?(\w+)[\"']?\s*:\s*(\d)?")
_DOUBLE_BRACE: Final = re.compile(r"\{\{\s*[\"\w]")
_FENCE: Final = re.compile(r"```\w*\s*```")


def json_answer(prompt: Prompt) -> str | None:
    """Return the JSON text that a prompt asks for, or None if it asks for none."""
    schema = prompt.response_schema
    if schema is None:
        schema = _schema_in_words(prompt)
    if schema is None:
        return None
    value = fill(schema, _source(prompt), invent=True).value
    return json.dumps(value, ensure_ascii=False)


def _schema_in_words(prompt: Prompt) -> JSONObject | None:
    """Return the schema a prompt spells out, shows by example, or names the keys of."""
    # The last one is meant: instructions may hold an example of a schema before the real one.
    texts = [
        prompt.user_text,
        prompt.system_text,
        *(m.text for m in reversed(prompt.earlier_messages)),
    ]
    spoken = [_with_single_braces(text) for text in texts if _SPEAKS_OF_JSON.search(text)]
    for text in spoken:
        found = [value for _, _, value in _json_values(text)]
        schemas = [value for value in found if _is_schema(value)]
        if schemas:
            return dict(schemas[-1])
        if found and prompt.wants_json:
            return _schema_of(found[-1])
        if (loose := _LOOSE_EXAMPLE.search(text)) and (prompt.wants_json or read_choice(text)):
            return _loose_schema(loose["fields"], is_list=bool(loose["list"]))
    if not prompt.wants_json:
        return None
    keys = next(filter(None, map(_named_keys, spoken)), ["answer"])
    return {
        "type": "object",
        "properties": {key: {"type": "string"} for key in keys},
        "required": keys,
    }


def _named_keys(text: str) -> list[str]:
    around = [match["before"] for match in _KEYS_BEFORE.finditer(text)]
    around += [match["after"] for match in _KEYS.finditer(text)]
    for part in around:
        quoted = _QUOTED_KEY.findall(part)
        bare = [word for word in _BARE_KEY.findall(part) if word.lower() not in _FILLER]
        if quoted or 0 < len(bare) <= 8:
            return list(dict.fromkeys(quoted or bare))
    return []


def _is_schema(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return isinstance(value.get("properties"), dict) or (
        value.get("type") in ("object", "array") and ("items" in value or "$defs" in value)
    )


def _schema_of(example: Any) -> JSONObject:
    match example:
        case dict():
            inner = {key: _schema_of(value) for key, value in example.items()}
            return {"type": "object", "properties": inner, "required": list(inner)}
        case list():
            return {"type": "array", "items": _schema_of(example[0]) if example else {}}
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case _:
            return {"type": "string"}


def _loose_schema(fields: str, *, is_list: bool) -> JSONObject:
    """Return the schema of an example that is not quite JSON."""
    example = {name: 1 if digit else "" for name, digit in _LOOSE_FIELD.findall(fields)}
    return _schema_of([example] if is_list else example)


def _with_single_braces(text: str) -> str:
    """Return a text without the double braces that a template leaves in JSON."""
    return text.replace("{{", "{").replace("}}", "}") if _DOUBLE_BRACE.search(text) else text


_MOST_TRIES: Final = 500
"""Brackets that may turn out to begin no JSON; each costs a look at all of the text before it."""


def _json_values(text: str) -> Iterator[tuple[int, int, Any]]:
    """Yield the JSON objects and arrays in a text, each with its start and end."""
    decoder = json.JSONDecoder()
    at = tries = 0
    while tries < _MOST_TRIES and (match := re.compile(r"[{\[]").search(text, at)) is not None:
        try:
            value, at_end = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            at, tries = match.end(), tries + 1
            continue
        if isinstance(value, dict) or (isinstance(value, list) and value):
            yield match.start(), at_end, value
        at = at_end


def without_instructions(text: str) -> str:
    """Return a text without JSON, fences and the sentences that speak of the format."""
    text = _with_single_braces(text)
    kept, at = "", 0
    for start, end, value in _json_values(text):
        if _is_schema(value):
            kept, at = f"{kept}{text[at:start]}", end
    plain = _FENCE.sub(" ", kept + text[at:])
    return "\n".join(part for part in sentences(plain) if not _ABOUT_FORMAT.search(part))


def _source(prompt: Prompt) -> Source:
    if read_choice(prompt.user_text):
        return Source(state_choice(prompt.user_text))
    users = [m.text for m in (*prompt.earlier_messages,) if m.role == "user"]
    said = [
        text for text in map(without_instructions, [prompt.user_text, *reversed(users)]) if text
    ]
    background = [result.content for result in prompt.tool_results]
    passage = find_passage(prompt)
    if passage and passage.question:
        return Source(passage.question, "\n".join([passage.body, *background]))
    return Source(said[0] if said else prompt.user_text, "\n".join([*background, *said[1:]]))
