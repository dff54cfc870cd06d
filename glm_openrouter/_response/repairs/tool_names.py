"""Markers in the names of tool calls."""

import re
from typing import Final

from glm_openrouter.completions import Delta, ToolCallDelta

from .leaked_calls import ToolSchemas, parse_leaked_call

__all__ = ["ToolNames"]

_MARKERS: Final = re.compile("</?(?:tool_call|arg_key|arg_value|think)>")


class ToolNames:
    """Strip GLM's markers from the names of tool calls.

    SGLang has sent `<tool_call>Read` as the name (https://github.com/sgl-project/sglang/issues/15721), others the
    whole call, arguments and all (https://github.com/zai-org/GLM-5/issues/84). What is left must be the name of a tool
    of the request, if that had any.
    """

    def __init__(self, tools: ToolSchemas) -> None:
        self._tools = tools
        self.has_fired = False

    def feed(self, delta: Delta) -> Delta:
        """Clean the names in one increment."""
        for call in delta.tool_calls:
            if call.name and ("<" in call.name or not call.name.isprintable() or " " in call.name):
                before = call.name
                self._clean(call, before)
                self.has_fired = self.has_fired or call.name != before
        return delta

    def flush(self, *, ended: bool) -> Delta:  # noqa: ARG002 -- nothing is held back
        """Return nothing."""
        return Delta()

    def _clean(self, call: ToolCallDelta, name: str) -> None:
        if "<arg_key>" not in name:
            words = [text for text in _MARKERS.split(name) if not text.isspace() and text]
            if len(words) == 1 and (not self._tools or words[0].strip() in self._tools):
                call.name = words[0].strip()
            return
        block = name.strip().removeprefix("<tool_call>").removesuffix("</tool_call>")
        if not call.arguments.strip("{} ") and (whole := parse_leaked_call(block, self._tools)):
            call.name, call.arguments = whole.name, whole.arguments
