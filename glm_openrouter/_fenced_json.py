"""The repair of JSON in a fence, where bare JSON was asked for."""

import re
from typing import Final

from .types import Delta

__all__ = ["FencedJSON"]

_OPENER: Final = re.compile(r"\s*(?:```(?:json)?\s*|<\|begin_of_box\|>\s*)(?=[{\[])", re.IGNORECASE)
_MAY_OPEN: Final = re.compile(r"\s*(?:`{0,2}|```\w{0,4}\s*|<[|\w]{0,15}>?\s*)")
# In JSON no string has a line break in it, so a fence at the beginning of a line ends the value.
_CLOSER: Final = re.compile(r"\s*\n\s*```|\s*<\|end_of_box\|>")
_MAY_CLOSE: Final = re.compile(r"\s*(?:`{1,3}\s*|<[|\w]{0,12}\|?)?$")


class FencedJSON:
    """Take the fence, or GLM's box, off an answer that should be JSON.

    GLM puts JSON into a fence whether or not a `response_format` asks for JSON alone, and parsers which rely on that
    fail. Only an answer that begins with the fence is changed. What follows the fence is refiled as reasoning.
    """

    def __init__(self, _: object = None) -> None:
        self._stage = self._find_opener
        self._held = ""

    def feed(self, delta: Delta) -> Delta:
        """Take the fence out of one increment."""
        if delta.refiles_text:
            delta.reasoning = self._held + delta.reasoning
            self._stage, self._held = self._find_opener, ""
        if delta.text:
            text, self._held = self._held + delta.text, ""
            delta.text = self._stage(text, delta)
        return delta

    def flush(self) -> Delta:
        """Return the text that was held back, unless it is what ends the answer: a fence, or blanks after it."""
        held, self._held = self._held, ""
        closed = self._stage == self._find_closer and held.strip() == "```"
        return Delta("" if closed or self._stage == self._refile else held)

    def _find_opener(self, text: str, delta: Delta) -> str:
        if opener := _OPENER.match(text):
            self._stage = self._find_closer
            return self._find_closer(text[opener.end() :], delta)
        if _MAY_OPEN.fullmatch(text):
            self._held = text
            return ""
        self._stage = self._pass
        return text

    def _find_closer(self, text: str, delta: Delta) -> str:
        if closer := _CLOSER.search(text):
            self._stage = self._refile
            self._refile(text[closer.end() :], delta)
            return text[: closer.start()]
        if tail := _MAY_CLOSE.search(text):
            self._held = tail.group()
            return text[: tail.start()]
        return text

    def _refile(self, text: str, delta: Delta) -> str:
        if text.isspace():
            self._held = text
        else:
            delta.reasoning += text
        return ""

    def _pass(self, text: str, delta: Delta) -> str:  # noqa: ARG002 -- one of the stages
        return text
