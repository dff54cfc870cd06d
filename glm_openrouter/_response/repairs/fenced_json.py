"""The repair of JSON in a fence, where bare JSON was asked for."""

import re
from typing import Final

from glm_openrouter._response.markers import undecided
from glm_openrouter.completions import Delta

__all__ = ["FencedJSON"]

_OPENER: Final = re.compile(r"\s*+(?:```(?:json)?+|<\|begin_of_box\|>)\s*+(?=[{\[])", re.IGNORECASE)
_MAY_OPEN: Final = re.compile(r"\s*+(?:```\w{0,4}+\s*+|`{0,2}+|<[|\w]{0,15}+>?\s*+)")
_BOX_END: Final = "<|end_of_box|>"
_CLOSER: Final = re.compile(r"```|<\|end_of_box\|>")


class FencedJSON:
    """Take the fence, or GLM's box, off an answer that should be JSON.

    GLM puts JSON into a fence whether or not a `response_format` asks for JSON alone, and parsers which rely on that
    fail. Only an answer that begins with the fence is changed. What follows the fence is refiled as reasoning.

    In JSON no string has a line break in it, so a fence at the beginning of a line ends the value; any other does so
    only at the end of the answer.
    """

    def __init__(self) -> None:
        self._stage = self._find_opener
        self._held: list[str] = []
        """Pieces that are held back. Blanks among them are not looked at again for each further blank."""
        self.has_fired = False
        self._last_stages = (self._pass, self._refile_rest)

    def feed(self, delta: Delta) -> Delta:
        """Take the fence out of one increment."""
        if delta.text_was_reasoning:
            delta.reasoning = self._take_held() + delta.reasoning
            self._stage = self._find_opener
        if delta.text and self._stage not in self._last_stages and delta.text.isspace():
            self._held.append(delta.text)
            delta.text = ""
        elif delta.text:
            delta.text = self._stage(self._take_held() + delta.text, delta)
        return delta

    def flush(self, *, ended: bool) -> Delta:  # noqa: ARG002 -- JSON that was cut may be of use, too
        """Return the text that was held back, unless it is what ends the answer: a fence, or blanks after it."""
        held = self._take_held()
        closed = self._stage == self._find_closer and held.strip() == "```"
        return Delta("" if closed or self._stage == self._refile else held)

    def _take_held(self) -> str:
        held = "".join(self._held)
        self._held.clear()
        return held

    def _find_opener(self, text: str, delta: Delta) -> str:
        if opener := _OPENER.match(text):
            self._stage = self._find_closer
            self.has_fired = True
            return self._find_closer(text[opener.end() :], delta)
        if _MAY_OPEN.fullmatch(text):
            self._held.append(text)
            return ""
        self._stage = self._pass
        return text

    def _find_closer(self, text: str, delta: Delta) -> str:
        position = 0
        for closer in _CLOSER.finditer(text):
            end = position + len(text[position : closer.start()].rstrip())
            if closer.group() == _BOX_END or "\n" in text[end : closer.start()]:
                self._stage = self._refile
                self._refile(text[closer.end() :], delta)
                return text[:end]
            position = closer.end()
        end = len(_without_half_closer(text))
        if end < len(text):
            self._held.append(text[end:])
        return text[:end]

    def _refile(self, text: str, delta: Delta) -> str:
        if not text or text.isspace():
            self._held.append(text)
            return ""
        self._stage = self._refile_rest
        return self._refile_rest(text, delta)

    def _refile_rest(self, text: str, delta: Delta) -> str:
        delta.reasoning += text
        return ""

    def _pass(self, text: str, delta: Delta) -> str:  # noqa: ARG002 -- one of the stages
        return text


def _without_half_closer(text: str) -> str:
    """Return the text without its end that may begin a closer, or be one: blanks, and up to three backticks."""
    end = text.rstrip()
    if end.endswith("`"):
        end = end.removesuffix("`").removesuffix("`").removesuffix("`")
    elif end == text:
        end = text[: len(text) - undecided(text, (_BOX_END,))]
    return end.rstrip()
