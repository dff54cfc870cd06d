r"""The repair of tool calls that leaked as text.

Some hosts pass GLM's own `<tool_call>name\n<arg_key>k</arg_key>\n<arg_value>v</arg_value>\n</tool_call>` on as content
or as reasoning, with finish reason `stop`, and the agent stops (https://github.com/Gitlawb/openclaude/issues/1791).

Text is not trusted: an e-mail or a web page may hold such a block, and a model that only quotes it must not act on it.
GLM stops when it calls a tool. So a block is a call only if it is the tail of the response: it begins a line, outside
of code, and nothing but blanks and further blocks follows it, up to an end that the response has reported itself. It
must name a tool of the request and be complete. In the reasoning it counts only if the answer is empty, and nowhere
beside a call that came as one. All else is text, unchanged.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from glm_openrouter._json.schema import kind_of, kinds_of
from glm_openrouter._json.strict import json_decoder, parse_arguments
from glm_openrouter._response.markers import MarkerScanner, undecided
from glm_openrouter.completions import Delta, ToolCallDelta

__all__ = ["LeakedToolCalls", "ToolSchemas", "parse_leaked_call"]

ToolSchemas = Mapping[str, Mapping[str, Any]]
"""The declared tools: name -> JSON schema of the parameters."""

_OPENER: Final = "<tool_call>"
_CLOSER: Final = "</tool_call>"

_LONGEST: Final = 65_536
"""Characters of a block. What is longer is text, so that it is not held back for ever."""

_MOST_BLOCKS: Final = 1_000
"""Blocks of a response that are looked at, which bounds the time that they cost. More are text."""

_HEAD: Final = 256
"""Characters that tell whether a block may be a call; OpenRouter's names have 64 at most."""

_BLANKS: Final = re.compile(r"\s*")
_NAME: Final = re.compile(r"[^\s<{]*")


class LeakedToolCalls:
    """Turn tool calls that leaked as text, and end the response, into tool calls."""

    def __init__(self, tools: ToolSchemas, stop: Sequence[str] = ()) -> None:
        self._tools = tools
        self._stop = stop
        self._text = _LeakedCallScanner(tools)
        self._reasoning = _LeakedCallScanner(tools)
        self._answered = False
        """Whether there is any answer, so that the reasoning is nothing but that."""
        self._off = False
        self.has_fired = False

    def feed(self, delta: Delta) -> Delta:
        """Hold back what may be the calls at the end; it goes out as text when anything else follows."""
        if self._off:
            return delta
        if delta.text_was_reasoning:
            self._reasoning, self._text = self._text, _LeakedCallScanner(self._tools)
            self._answered = False
        if delta.tool_calls:
            self._off = True
            delta.text = self._text.give_back() + delta.text
            delta.reasoning = self._reasoning.give_back() + delta.reasoning
            return delta
        if delta.reasoning and not self._answered:
            delta.reasoning = self._reasoning.feed(delta.reasoning)
        if delta.text:
            if not self._answered and not delta.text.isspace():
                self._answered = True
                delta.reasoning += self._reasoning.give_back()
            delta.text = self._text.feed(delta.text)
        return delta

    def flush(self, *, ended: bool) -> Delta:
        """Return the calls at the end of a response that has `ended` by itself, or else the text that was held back."""
        calls = []
        if ended:
            calls = [*self._text.take_calls(self._stop), *self._reasoning.take_calls()]
        self.has_fired = bool(calls)
        return Delta(self._text.give_back(), self._reasoning.give_back(), calls)


class _LeakedCallScanner:
    """Find the calls at the end of one of the two texts of a response."""

    def __init__(self, tools: ToolSchemas) -> None:
        self._tools = tools
        self._scanner = MarkerScanner(_OPENER)
        self._tail: _Tail | None = None
        self._tails = 0

    def feed(self, text: str) -> str:
        """Return the text that is nothing but text."""
        if self._tail is None:
            return text if self._scanner.passes(text) else self._scan(text)
        refused = self._tail.feed(text)
        if refused is None:
            return ""
        text, self._tail = self._tail.text + text, None
        return self._scan(text, refused)

    def take_calls(self, stop: Sequence[str] = ()) -> list[ToolCallDelta]:
        """Return the calls that the text ends with, which are no longer text; none if a stop text is among them."""
        if self._tail is None or not self._tail.is_complete:
            return []
        if any(text in self._tail.text for text in stop):
            return []
        calls, self._tail = self._tail.calls, None
        return calls

    def give_back(self) -> str:
        """Return the text that was held back."""
        held = self._scanner.flush() if self._tail is None else self._tail.text
        self._tail = None
        return held

    def _scan(self, text: str, quoted: int = 0) -> str:
        """Look for a tail; in the first characters, which are `quoted`, none begins."""
        scanner = self._scanner
        scanner.feed(text)
        while found := scanner.find():
            start, end = found
            if start < quoted or not scanner.begins_line or self._tails > _MOST_BLOCKS:
                continue
            self._tails += 1
            tail = _Tail(self._tools)
            refused = tail.feed(scanner.text, end)
            if refused is None:
                settled = scanner.text[:start]
                scanner.leave(start)
                self._tail = tail
                return settled
            quoted = start + refused
        return scanner.text[: scanner.settled]


class _Tail:
    """What may be the calls at the end of a text: blocks, and blanks between them and after, from an opener on."""

    def __init__(self, tools: ToolSchemas) -> None:
        self.calls: list[ToolCallDelta] = []
        """The calls of the blocks that are closed."""
        self._tools = tools
        self._fed = [_OPENER]
        """All that has come and may be calls."""
        self._open: list[str] = []
        """The end of it that is not decided: the inside of the block that is open, or the gap after the last one."""
        self._open_size = 0
        self._decided = len(_OPENER)
        """The characters before `_open`."""
        self._in_block = True
        self._refused = False
        """Whether it has turned out to be text."""
        self._end = ""
        """The end of the open block, where a closer may have begun, or of a gap that may end with half an opener."""

    @property
    def text(self) -> str:
        """All that has come and may be calls."""
        return "".join(self._fed)

    @property
    def is_complete(self) -> bool:
        """Whether it is calls, if it ends here."""
        return not self._in_block and not self._end

    def feed(self, text: str, start: int = 0) -> int | None:
        """Take what comes next, which begins at `start`.

        Returns:
            `None` if all may still be calls. Else how many characters, from the first opener on, are text for certain:
            after those, another tail may begin.
        """
        if self._open and not self._is_decisive(text):
            self._fed.append(text)
            self._open.append(text)
            self._open_size += len(text)
            return None
        whole, first = ("".join((*self._open, text)), 0) if self._open else (text, start)
        position = self._read(whole, first)
        self._decided += position - first
        if self._refused:
            return self._decided
        self._fed.append(text[start:])
        self._open = [whole[position:]]
        self._open_size = len(self._open[0])
        self._end = (
            self._open[0].lstrip()[: len(_OPENER)]
            if not self._in_block
            else whole[position:][-len(_CLOSER) :]
        )
        return None

    def _is_decisive(self, text: str) -> bool:
        """Return whether the next piece can decide anything, so that a long block is not read again for each."""
        if not self._in_block:
            return bool(self._end) or not text.isspace()
        ending = self._end + text
        self._end = ending[-len(_CLOSER) :]
        size = self._open_size + len(text)
        return _CLOSER in ending or self._open_size <= _HEAD or size >= _LONGEST + len(_CLOSER)

    def _read(self, text: str, position: int) -> int:
        """Read blocks and gaps; return up to where all is decided."""
        while not self._refused:
            end = (
                self._read_block(text, position)
                if self._in_block
                else self._read_gap(text, position)
            )
            if end is None:
                break
            position = end
        return position

    def _read_block(self, text: str, start: int) -> int | None:
        """Return where a block ends whose inside begins at `start`, or what is text, or `None` if it goes on."""
        head = text[start : start + _HEAD].partition(_CLOSER)[0]
        head = head[: len(head) - undecided(head, (_CLOSER,))]
        if not _may_become_call(head, self._tools):
            self._refused = True
            return start
        limit = start + _LONGEST + len(_CLOSER)
        end = text.find(_CLOSER, start, limit)
        if end < 0:
            self._refused = len(text) >= limit
            return start + _LONGEST if self._refused else None
        call = parse_leaked_call(text[start:end], self._tools)
        self._in_block = False
        self._refused = call is None
        if call is not None:
            self.calls.append(call)
        return end + len(_CLOSER)

    def _read_gap(self, text: str, start: int) -> int | None:
        """Return where the next block's inside begins, or where other text does, or `None` if the gap goes on."""
        end = _skip(_BLANKS, text, start)
        if text.startswith(_OPENER, end) and len(self.calls) < _MOST_BLOCKS:
            self._in_block = True
            return end + len(_OPENER)
        rest = text[end : end + len(_OPENER)]
        if rest != _OPENER and _OPENER.startswith(rest):
            return None
        self._refused = True
        return end


def _skip(pattern: re.Pattern[str], text: str, start: int = 0) -> int:
    """Return where a pattern ends that begins at `start`."""
    match = pattern.match(text, start)
    return match.end() if match else start


def _may_become_call(head: str, tools: Collection[str]) -> bool:
    """Return whether a block that begins like this may be a call."""
    start = head.lstrip()
    if start.startswith("{"):
        return '{"name":'.startswith("".join(start.split())[:8])
    name = start[: _skip(_NAME, start)]
    return name in tools if name != start else any(tool.startswith(name) for tool in tools)


def parse_leaked_call(body: str, tools: ToolSchemas) -> ToolCallDelta | None:
    """Read `name` with `<arg_key>` pairs, `name {...}`, or `{"name": ..., "arguments": {...}}`."""
    body = body.strip()
    if body.startswith("{"):
        call = parse_arguments(body) or {}
        name, arguments = call.get("name"), call.get("arguments")
        if not isinstance(name, str) or not isinstance(arguments, dict):
            return None
    else:
        name = body[: _skip(_NAME, body)]
        arguments = _parse_arguments(body[len(name) :].lstrip(), tools.get(name, {}))
    if name not in tools or arguments is None:
        return None
    return ToolCallDelta(name=name, arguments=json.dumps(arguments, ensure_ascii=False))


def _parse_arguments(text: str, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    if text.startswith("{"):
        return parse_arguments(text)
    properties = schema.get("properties")
    arguments: dict[str, Any] = {}
    position = 0
    while position < len(text):
        key, position = _read_element(text, position, "arg_key")
        value, position = _read_element(text, position, "arg_value")
        if key is None or value is None or "<" in key:
            return None
        key = key.strip()
        part = properties.get(key) if isinstance(properties, Mapping) else None
        arguments[key] = _parse_value(value, part, schema)
    return arguments


def _read_element(text: str, start: int, name: str) -> tuple[str | None, int]:
    """Return what is in the element that begins here, or `None`, and where the next one begins."""
    opener, closer = f"<{name}>", f"</{name}>"
    begin = start + len(opener)
    end = text.find(closer, begin) if text.startswith(opener, start) else -1
    if end < 0:
        return None, len(text)
    return text[begin:end], _skip(_BLANKS, text, end + len(closer))


def _parse_value(text: str, schema: object, root: Mapping[str, Any]) -> Any:
    # The template writes strings as they are and everything else as JSON.
    kinds = kinds_of(schema, root)
    try:
        value = json_decoder.decode(text)
    except (ValueError, RecursionError):
        return text
    return text if "string" in kinds and kind_of(value) not in kinds - {"string"} else value
