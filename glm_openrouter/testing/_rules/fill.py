"""Fill a JSON schema with values drawn from texts; invent plausible ones where they offer none."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from glm_openrouter.testing._answers.prompt import JSONObject

from . import extract
from .roles import Role, role_of
from .schema import branches, is_nullable, properties, resolve
from .values import Source
from .words import content_stems, plain_words

__all__ = ["Filled", "fill"]

_MAX_DEPTH: Final = 5
_PLACEHOLDERS: Final = {
    Role.DATE: "2026-01-01",
    Role.TIME: "12:00",
    Role.EMAIL: "user@example.com",
    Role.URL: "https://example.com",
    Role.FILE: "file.txt",
}
_FORMAT_PLACEHOLDERS: Final = {
    "date-time": "2026-01-01T12:00:00Z",
    "time": "12:00:00",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "127.0.0.1",
    "duration": "PT1H",
}
_MISSING: Final = object()


@dataclass(frozen=True)
class Filled:
    """A filled schema, and which of its top-level properties the texts really gave."""

    value: Any
    found: frozenset[str]


def fill(schema: JSONObject, source: Source, *, invent: bool = False) -> Filled:
    """Fill `schema` from `source`.

    Args:
        schema: The schema of tool arguments or of an answer.
        source: Where values come from.
        invent: Whether optional texts are made up too, as an answer form wants them; a tool call
            leaves out what it was not told.
    """
    filler = _Filler(root=schema, source=source, invent=invent)
    value = filler.fill_value("", schema, required=True, depth=0)
    return Filled(value, frozenset(filler.found))


@dataclass
class _Filler:
    root: JSONObject
    source: Source
    invent: bool
    found: set[str] = field(default_factory=set)

    def fill_value(self, name: str, schema: JSONObject, *, required: bool, depth: int) -> Any:
        """Return a value, or `_MISSING` for an optional one that nothing is known about."""
        whole = resolve(schema, self.root)
        options = branches(whole, self.root)
        if not options:
            return None
        chosen = self._best_branch(name, options)
        wanted = required or self._mentions(name) or self.invent
        if self._is_declined(name) and not (required and not is_nullable(whole)):
            return None if required else _MISSING
        value = self._fill_kind(name, chosen, required=wanted, depth=depth)
        if value is not _MISSING:
            return value
        is_invented = self.invent and _is_free_text(name, chosen)
        if whole.get("default") is not None or ("default" in whole and not is_invented):
            return whole["default"] if wanted else _MISSING
        if is_nullable(whole) and not is_invented:
            return None if wanted else _MISSING
        is_needed = required or is_invented or self._mentions(name)
        return self._placeholder(name, chosen, depth) if is_needed else _MISSING

    def _fill_kind(self, name: str, schema: JSONObject, *, required: bool, depth: int) -> Any:
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._fill_enum(name, schema["enum"])
        match _kind(schema):
            case "object":
                return self._fill_object(schema, required=required, depth=depth)
            case "array":
                return self._fill_array(name, schema, required=required, depth=depth)
            case "boolean":
                return True if self._mentions(name) else _MISSING
            case "integer" | "number":
                return self._fill_number(name, schema, required=required)
            case "null":
                return None
            case _:
                return self._fill_text(name, schema, required=required)

    def _note(self, name: str, value: Any) -> Any:
        if value is not None and value is not _MISSING:
            self.found.add(name)
        return _MISSING if value is None else value

    def _fill_enum(self, name: str, options: list[Any]) -> Any:
        text = f"{self.source.text}\n{self.source.background}"
        # The longest first, so that `very high` is not taken for `high`.
        for option in sorted(options, key=lambda option: -len(str(option))):
            if re.search(rf"(?<!\w){re.escape(str(option))}(?!\w)", text, re.IGNORECASE):
                return self._note(name, option)
        stems = content_stems(text)
        similar = (o for o in options if isinstance(o, str) and content_stems(o) & stems)
        return self._note(name, next(similar, None))

    def _fill_object(self, schema: JSONObject, *, required: bool, depth: int) -> Any:
        if depth >= _MAX_DEPTH:
            return {} if required else _MISSING
        needed = set(schema.get("required") or ())
        before = set(self.found)
        # Numbers with a name of their own are set aside before the others are dealt out in order.
        reserved = self._reserve_numbers(properties(schema))
        value = {}
        for key, inner in properties(schema).items():
            must = key in needed and (required or depth == 0)
            item = reserved.get(key, _MISSING)
            if item is _MISSING:
                item = self.fill_value(key, inner, required=must, depth=depth + 1)
            if item is not _MISSING:
                value[key] = item
        if not required and depth and self.found == before:
            return _MISSING
        for key in needed - set(value):
            value[key] = self.fill_value(
                key, properties(schema).get(key, {}), required=True, depth=depth + 1
            )
        return value

    def _reserve_numbers(self, inner: JSONObject) -> JSONObject:
        reserved: JSONObject = {}
        for key, schema in inner.items():
            options = branches(resolve(schema, self.root), self.root)
            if len(options) == 1 and _kind(options[0]) in ("integer", "number"):
                value = self._named_number(key, options[0])
                if value is not None:
                    self.found.add(key)
                    reserved[key] = value
        return reserved

    def _named_number(self, name: str, schema: JSONObject) -> int | float | None:
        given = extract.named_value(self.source.text, name)
        stated = extract.numbers(given) if given else []
        value = stated[0] if stated else None
        if value is None and len(name) > 1:
            value = self.source.number_near(name)
        if value is None or not _bounds(schema)(value):
            return None
        return _as_kind(value, schema)

    def _fill_number(self, name: str, schema: JSONObject, *, required: bool) -> Any:
        if not required or "default" in schema:
            return _MISSING
        value = self.source.take_number(_bounds(schema))
        return self._note(name, None if value is None else _as_kind(value, schema))

    def _fill_array(self, name: str, schema: JSONObject, *, required: bool, depth: int) -> Any:
        items = resolve(schema.get("items") or {}, self.root)
        least = schema.get("minItems") or 0
        most = schema.get("maxItems") or 20
        found = self._array_values(name, items)[:most]
        if found:
            return self._note(name, found)
        if not required or (depth >= _MAX_DEPTH and not least):
            return [] if required else _MISSING
        if "default" in schema:
            return _MISSING
        item = self.fill_value(name, items, required=True, depth=depth + 1)
        return [item] * max(1, least)

    def _array_values(self, name: str, items: JSONObject) -> list[Any]:
        text = self.source.text
        kind = _kind(items)
        if "enum" in items:
            return [o for o in items["enum"] if re.search(rf"\b{re.escape(str(o))}\b", text, re.I)]
        if kind in ("integer", "number"):
            accepts = _bounds(items)
            return [_as_kind(value, items) for value in extract.numbers(text) if accepts(value)]
        if kind != "string":
            return []
        listed = extract.named_value(text, name, whole_line=True) or ""
        role = role_of(name, items.get("description", ""), items.get("format"))
        finders: tuple[Callable[[str], list[str]], ...] = (extract.quotations, extract.names)
        by_role = {Role.PLACE: extract.places, Role.EMAIL: extract.emails, Role.URL: extract.urls}
        for find in (by_role.get(role, extract.quotations), *finders):
            if found := find(listed or text):
                return list(found)
        return [part.strip() for part in re.split(r",|\band\b", listed) if part.strip()]

    def _fill_text(self, name: str, schema: JSONObject, *, required: bool) -> Any:
        description = schema.get("description", "")
        role = role_of(name, description, schema.get("format"))
        given = extract.named_value(self.source.text, name) if len(name) > 1 else None
        if given is None and not required:
            # Only a value of a telling form is evidence enough for an optional parameter.
            telling = {Role.EMAIL, Role.URL, Role.DATE, Role.PLACE, Role.ORIGIN, Role.DESTINATION}
            given = self.source.take_text(role) if role in telling else None
            return self._note(name, _clip(given, schema))
        if given is None and not (self.invent and role in (Role.OTHER, Role.REQUEST)):
            given = self.source.take_text(role)
        if given is None and role is Role.OTHER and not self.invent:
            given = self.source.take("name", extract.names)
        if given is not None and (role is not Role.REQUEST or given != self.source.request):
            self.found.add(name)
        return _MISSING if given is None else _clip(given, schema)

    def _placeholder(self, name: str, schema: JSONObject, depth: int) -> Any:
        if schema.get("enum"):
            return schema["enum"][0]
        match _kind(schema):
            case "object":
                return self._fill_object(schema, required=True, depth=depth)
            case "boolean":
                return False
            case "integer" | "number":
                return _plausible_number(schema)
            case _:
                return self._plausible_text(name, schema)

    def _plausible_text(self, name: str, schema: JSONObject) -> str:
        text_format = schema.get("format") or ""
        role = role_of(name, schema.get("description", ""), text_format)
        fixed = _FORMAT_PLACEHOLDERS.get(text_format) or _PLACEHOLDERS.get(role)
        if fixed:
            return fixed
        if self.invent and (stated := self.source.statement):
            return _clip(stated, schema) or stated
        subject = extract.topic(self.source.request)
        if not self.invent:
            return _clip(subject, schema) or subject
        label = schema.get("description") or " ".join(plain_words(name)) or "text"
        label = label.strip().rstrip(".")
        return _clip(f"{label[:1].upper()}{label[1:]}: {subject}", schema) or ""

    def _mentions(self, name: str) -> bool:
        return bool(name) and bool(content_stems(name) & content_stems(self.source.text))

    def _is_declined(self, name: str) -> bool:
        words = r"[\s_-]".join(map(re.escape, plain_words(name)))
        pattern = rf"\b(?:no|without|not|omit|skip)\s+(?:the\s+|any\s+|a\s+)?{words}\b"
        return bool(words) and bool(re.search(pattern, self.source.text, re.IGNORECASE))

    def _best_branch(self, name: str, options: list[JSONObject]) -> JSONObject:
        if len(options) == 1:
            return options[0]
        wanted = content_stems(self.source.text)

        def fitness(option: JSONObject) -> int:
            words = " ".join([option.get("title", ""), name, *properties(option)])
            return len(wanted & content_stems(words)) + bool(
                option.get("enum") or "const" in option
            )

        return max(options, key=fitness)


def _kind(schema: JSONObject) -> str:
    if isinstance(schema.get("type"), str):
        return str(schema["type"])
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _is_free_text(name: str, schema: JSONObject) -> bool:
    role = role_of(name, schema.get("description", ""), schema.get("format"))
    return _kind(schema) == "string" and role in (Role.OTHER, Role.PROSE, Role.REQUEST)


def _bounds(schema: JSONObject) -> Callable[[float], bool]:
    def accepts(value: float) -> bool:
        return (
            (schema.get("minimum") is None or value >= schema["minimum"])
            and (schema.get("maximum") is None or value <= schema["maximum"])
            and (schema.get("exclusiveMinimum") is None or value > schema["exclusiveMinimum"])
            and (schema.get("exclusiveMaximum") is None or value < schema["exclusiveMaximum"])
            and (schema.get("type") != "integer" or float(value).is_integer())
        )

    return accepts


def _as_kind(value: float, schema: JSONObject) -> int | float:
    return int(value) if schema.get("type") == "integer" else value


def _plausible_number(schema: JSONObject) -> int | float:
    accepts = _bounds(schema)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    middle = (low + high) / 2 if low is not None and high is not None else None
    for value in (1, middle, low, high, (low or 0) + 1, (high or 0) - 1, 0):
        if value is not None and accepts(value):
            return value
    return low or high or 1


def _clip(text: str | None, schema: JSONObject) -> str | None:
    if text is None:
        return None
    longest = schema.get("maxLength")
    text = text[:longest] if longest else text
    return text.ljust(schema.get("minLength") or 0, ".")
