"""The text that is worth showing, out of whatever an upstream sent as its error."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec

from glm_openrouter._json.lenient import decode_tolerantly, to_number
from glm_openrouter._secrets import Redactor

__all__ = ["error_text", "find_text", "list_texts", "shorten"]

_GENERIC_MESSAGES = frozenset(("", "provider returned error", "error", "unknown error"))
_INNER_KEYS = ("message", "error", "detail", "details", "msg", "raw")

_LONGEST_TEXT = 1000
"""Characters of a text that is shown."""

_LONGEST_PAGE = 65_536
"""Characters of a text that is searched for what to show."""

_DEEPEST = 20
"""How many objects deep a text is looked for."""

_MOST_LISTED = 20
"""Reasons that are shown."""

_PAGE = re.compile("<html|<!doctype|<body|<title", re.IGNORECASE)
_TITLE = re.compile("<title", re.IGNORECASE)
_TITLE_END = re.compile("</title", re.IGNORECASE)


def find_text(value: object, *, redact: Redactor, deepest: int = _DEEPEST) -> str:
    """Return the text in what an upstream sent: text, JSON in text, or nested objects.

    Secrets are taken out before the text is cut, which might leave a part of one.
    """
    if isinstance(value, str):
        stripped = value.strip()
        if deepest and stripped[:1] in ("{", "["):
            try:
                inner = decode_tolerantly(stripped.encode(errors="replace"))
            except msgspec.DecodeError:
                inner = None
            if text := find_text(inner, redact=redact, deepest=deepest - 1):
                return text
        return _plain_text(redact(stripped)[:_LONGEST_PAGE])
    if isinstance(value, Mapping):
        value = [value.get(key) for key in _INNER_KEYS]
    if isinstance(value, list) and deepest:
        dig = partial(find_text, redact=redact, deepest=deepest - 1)
        return next(filter(None, map(dig, value[:_MOST_LISTED])), "")
    return "" if to_number(value) is None else str(value)


def error_text(message: str, raw: str, reasons: Sequence[str]) -> str:
    """Return what the upstream said, or else what OpenRouter says."""
    if raw and message.strip(". ").lower() not in _GENERIC_MESSAGES and raw not in message:
        text = f"{message.rstrip('. ')}: {raw}"
    else:
        text = raw or message
    text = f"{text.rstrip('. ')}: {', '.join(reasons)}" if reasons else text
    return text or "The request failed without a message"


def list_texts(value: object, read: Callable[[object], str]) -> list[str]:
    """Return the first few texts of a list, or of what should be one."""
    entries = value if isinstance(value, list) else [value]
    return [shorten(text) for entry in entries[:_MOST_LISTED] if (text := read(entry))]


def shorten(text: str) -> str:
    """Return a text that is short enough for a message."""
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + " ..."


def _plain_text(text: str) -> str:
    """Return the title, or else the words, of a page of HTML; other text as it is."""
    if _PAGE.search(text, 0, 2000):
        text = _title(text) or _without_tags(text)
    return " ".join(text.split())


def _title(page: str) -> str:
    begin = _TITLE.search(page)
    title = page[begin.end() :].partition(">")[2] if begin else ""
    end = _TITLE_END.search(title)
    return title[: end.start()] if end else ""


def _without_tags(page: str) -> str:
    first, *rest = page.split("<")
    return " ".join(
        [first, *(part.partition(">")[2] if ">" in part else f"<{part}" for part in rest)]
    )
