r"""Repairs of what GLM and its providers send wrongly.

A repair is a small object for one response with `feed(delta)` and `flush()`; both return the increment that goes on.
A repair that does not fire changes nothing, and holds text back for no longer than the marker it looks for. `REPAIRS`
names them in order; a client switches them off by name.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol

from ._fenced_json import FencedJSON
from ._json_schema import kind_of, kinds_of
from ._markers import MarkerScanner
from .messages import json_decoder, parse_arguments
from .types import Delta, ToolCallDelta

__all__ = ["REPAIRS", "Repairs"]

ToolSchemas = Mapping[str, Mapping[str, Any]]
"""The declared tools: name -> JSON schema of the parameters."""


class Repair(Protocol):
    """One repair, for one response."""

    def feed(self, delta: Delta) -> Delta:
        """Repair one increment, in place."""
        ...

    def flush(self) -> Delta:
        """Return what was held back, once the response has ended."""
        ...


class ThinkTags:
    """Move leaked thinking out of the answer.

    Some hosts leave GLM's `<think>...</think>` in the content, or only its end, because the chat template has put the
    beginning into the prompt (https://github.com/vllm-project/vllm/issues/27703). It should have come as `reasoning`.
    Tags count before the first word of the answer. After it they are text, but for a `</think>` without a beginning: it
    counts once, outside of code, and only if no reasoning has come by itself. What stood before it is refiled as
    reasoning: text that a stream has already given out cannot be taken back there, but the finished response has it in
    the right place.
    """

    def __init__(self, _: ToolSchemas) -> None:
        self._scanner = MarkerScanner("<think>", "</think>")
        self._thinking = False
        self._answered = False
        """Whether the answer has begun."""
        self._quoted = False
        """Whether the answer holds a `<think>` without its end."""
        self._reasoned = False
        """Whether reasoning has come, by itself or between tags."""

    def feed(self, delta: Delta) -> Delta:
        """Split the text of one increment into answer and reasoning."""
        self._reasoned = self._reasoned or bool(delta.reasoning)
        if not delta.text:
            return delta
        if not self._thinking and self._scanner.passes(delta.text):
            self._answered = self._answered or not delta.text.isspace()
            return delta
        rest, delta.text = delta.text, ""
        while rest:
            before, marker, rest = self._scanner.find(rest)
            self._file(delta, before)
            self._mark(delta, marker)
        return delta

    def flush(self) -> Delta:
        """Return the text that was held back."""
        delta = Delta()
        self._file(delta, self._scanner.flush())
        return delta

    def _file(self, delta: Delta, text: str) -> None:
        if self._thinking:
            delta.reasoning += text
        else:
            delta.text += text
            self._answered = self._answered or bool(text.strip())

    def _mark(self, delta: Delta, marker: str) -> None:
        closes = marker == "</think>"
        if marker and not self._answered:
            self._thinking, self._reasoned = not closes, True
        elif closes and self._thinking:
            self._thinking = False
        elif closes and not self._reasoned and not self._quoted:
            self._reasoned = True
            delta.reasoning += delta.text
            delta.text = ""
            delta.refiles_text = True
        elif marker:
            self._quoted = not closes
            self._file(delta, marker)


class LeakedToolCalls:
    r"""Turn GLM's native tool calls, leaked as text, into tool calls.

    Some hosts pass `<tool_call>name\n<arg_key>k</arg_key>\n<arg_value>v</arg_value>\n</tool_call>` on as content or as
    reasoning, with finish reason `stop`, and the agent stops (https://github.com/Gitlawb/openclaude/issues/1791). Only
    a complete block counts, of a tool that was sent with the request, in a response without structured calls; anything
    else stays text.
    """

    def __init__(self, tools: ToolSchemas) -> None:
        self._text = _LeakedCallScanner(tools)
        self._reasoning = _LeakedCallScanner(tools)
        self._off = False

    def feed(self, delta: Delta) -> Delta:
        """Take complete calls out of text and reasoning; they go out when none can come by itself any more."""
        if self._off:
            return delta
        if delta.tool_calls:
            self._off = True
            delta.text = self._text.give_back() + delta.text
            delta.reasoning = self._reasoning.give_back() + delta.reasoning
            return delta
        if delta.refiles_text:
            delta.reasoning = self._text.flush() + delta.reasoning
        if delta.text:
            delta.text = self._text.feed(delta.text)
        if delta.reasoning:
            delta.reasoning = self._reasoning.feed(delta.reasoning)
        return delta

    def flush(self) -> Delta:
        """Return the calls, and the text that was held back."""
        calls = [call for _, call in (*self._reasoning.calls, *self._text.calls)]
        return Delta(self._text.flush(), self._reasoning.flush(), calls)


class _LeakedCallScanner:
    """Find leaked calls in one of the two texts of a response."""

    _OPENER: Final = "<tool_call>"
    _CLOSER: Final = "</tool_call>"

    def __init__(self, tools: ToolSchemas) -> None:
        self.calls: list[tuple[str, ToolCallDelta]] = []
        """The calls that were found, each with the text it was."""
        self._tools = tools
        self._scanner = MarkerScanner(self._OPENER)
        self._block: str | None = None
        """What follows an opener, while it may still become a call."""

    def feed(self, text: str) -> str:
        """Return the text without complete calls."""
        if self._block is None and self._scanner.passes(text):
            return text
        settled = ""
        while text:
            if self._block is None:
                before, marker, text = self._scanner.find(text)
                settled += before
                self._block = "" if marker else None
            else:
                self._block, text = self._block + text, ""
            if self._block is not None:
                released, text = self._read_block(text)
                settled += released
        return settled

    def flush(self) -> str:
        """Return the text that was held back."""
        block, self._block = self._block, None
        return ("" if block is None else self._OPENER + block) + self._scanner.flush()

    def give_back(self) -> str:
        """Return the text that was held back, and that of the calls, which are none."""
        given = "".join(text for text, _ in self.calls) + self.flush()
        self.calls.clear()
        return given

    def _read_block(self, rest: str) -> tuple[str, str]:
        """Return the text that turned out to be no call, and the text that is still to be read."""
        block = (self._block or "") + rest
        body, closer, after = block.partition(self._CLOSER)
        call = _parse_leaked_call(body, self._tools) if closer else None
        if call is None and (closer or not _may_become_call(body, self._tools)):
            self._block = None
            return self._OPENER, block
        if call is not None:
            self.calls.append((self._OPENER + body + closer, call))
        self._block = None if call else block
        return "", after


_HEAD = 256
"""Characters that tell whether a block may be a call; OpenRouter's names have 64 at most."""


def _may_become_call(body: str, tools: Collection[str]) -> bool:
    start = body[:_HEAD].lstrip()
    if start.startswith("{"):
        return '{"name":'.startswith(re.sub(r"\s", "", start)[:8])
    name = re.split(r"[\s<{]", start, maxsplit=1)[0]
    return name in tools if name != start else any(tool.startswith(name) for tool in tools)


_ARGUMENT = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)


def _parse_leaked_call(body: str, tools: ToolSchemas) -> ToolCallDelta | None:
    """Read `name` with `<arg_key>` pairs, `name {...}`, or `{"name": ..., "arguments": {...}}`."""
    body = body.strip()
    if body.startswith("{"):
        call = parse_arguments(body) or {}
        name, arguments = call.get("name"), call.get("arguments")
        if not isinstance(name, str) or not isinstance(arguments, dict):
            return None
    else:
        name, _, written = re.match(r"([^\s<{]*)(\s*)(.*)", body, re.DOTALL).groups()  # type: ignore[union-attr]
        arguments = _parse_arguments(written, tools.get(name, {}))
    if name not in tools or arguments is None:
        return None
    return ToolCallDelta(name=name, arguments=json.dumps(arguments, ensure_ascii=False))


def _parse_arguments(written: str, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    if written.startswith("{"):
        return parse_arguments(written)
    if _ARGUMENT.sub("", written).strip():
        return None
    properties = schema.get("properties") or {}
    return {
        key.strip(): _parse_value(value, properties.get(key.strip()), schema)
        for key, value in _ARGUMENT.findall(written)
    }


def _parse_value(text: str, schema: object, root: Mapping[str, Any]) -> Any:
    # The template writes strings as they are and everything else as JSON.
    kinds = kinds_of(schema, root)
    try:
        value = json_decoder.decode(text)
    except (ValueError, RecursionError):
        return text
    return text if "string" in kinds and kind_of(value) not in kinds - {"string"} else value


_TOOL_CALL_TAG = re.compile("</?tool_call>")


class ToolNames:
    """Strip GLM's markers from the names of tool calls.

    SGLang has sent `<tool_call>Read` as the name (https://github.com/sgl-project/sglang/issues/15721), others the
    whole call, arguments and all (https://github.com/zai-org/GLM-5/issues/84).
    """

    def __init__(self, tools: ToolSchemas) -> None:
        self._tools = tools

    def feed(self, delta: Delta) -> Delta:
        """Clean the names in one increment."""
        for call in delta.tool_calls:
            if call.name and ("<" in call.name or not call.name.isprintable() or " " in call.name):
                self._clean(call)
        return delta

    def _clean(self, call: ToolCallDelta) -> None:
        name = _TOOL_CALL_TAG.sub("", call.name or "")
        if "<arg_key>" not in name:
            call.name = re.sub(r"</?\w+>", "", name).strip()
        elif not call.arguments.strip("{} ") and (whole := _parse_leaked_call(name, self._tools)):
            call.name, call.arguments = whole.name, whole.arguments

    def flush(self) -> Delta:
        """Return nothing; nothing is held back."""
        return Delta()


class LeadingNewlines:
    r"""Drop the newlines before the answer.

    GLM sends `"\n"` as its first content, often before the reasoning, and again after it. The answer should start
    with its first character. Seen with glm-4.6 from Z.AI, GMICloud, Novita, BaseTen, Mancer and AtlasCloud.
    """

    def __init__(self, _: ToolSchemas) -> None:
        self._started = False

    def feed(self, delta: Delta) -> Delta:
        """Strip newlines until the first text that is more than that."""
        if delta.refiles_text:
            self._started = False
        if not self._started and delta.text:
            delta.text = delta.text.lstrip("\r\n")
            self._started = bool(delta.text)
        return delta

    def flush(self) -> Delta:
        """Return nothing; nothing is held back."""
        return Delta()


REPAIRS: Final[Mapping[str, Callable[[ToolSchemas], Repair]]] = {
    "think_tags": ThinkTags,
    "leaked_tool_calls": LeakedToolCalls,
    "tool_names": ToolNames,
    "leading_newlines": LeadingNewlines,
    "fenced_json": FencedJSON,
}
"""Every repair by name, in the order in which they run."""


class Repairs:
    """The chosen repairs in a row, for one response."""

    def __init__(
        self, names: Collection[str], tools: ToolSchemas, *, wants_json: bool = False
    ) -> None:
        needed = {"leaked_tool_calls": bool(tools), "fenced_json": wants_json}
        self._repairs: list[Repair] = [
            repair(tools)
            for name, repair in REPAIRS.items()
            if name in names and needed.get(name, True)
        ]

    def feed(self, delta: Delta) -> Delta:
        """Repair one increment."""
        for repair in self._repairs:
            delta = repair.feed(delta)
        return delta

    def flush(self) -> Delta:
        """Return what was held back, repaired by the repairs that follow."""
        delta = Delta()
        for repair in self._repairs:
            delta = repair.feed(delta)
            held = repair.flush()
            delta.text += held.text
            delta.reasoning += held.reasoning
            delta.tool_calls = [*delta.tool_calls, *held.tool_calls]
        return delta
