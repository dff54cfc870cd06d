"""Repairs of what GLM and its providers send wrongly.

A repair is a small object for one response with `feed(delta)` and `flush(ended=...)`; both return the increment that
goes on. A repair that does not fire changes nothing, and holds text back for no longer than it may be what the repair
looks for. `REPAIRS` names them in order; a client switches them off by name.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from ._fenced_json import FencedJSON
from ._leaked_calls import LeakedToolCalls, ToolSchemas, parse_leaked_call
from ._markers import MarkerScanner
from .types import Delta, ToolCallDelta

__all__ = ["REPAIRS", "Repairs"]


class Repair(Protocol):
    """One repair, for one response."""

    def feed(self, delta: Delta) -> Delta:
        """Repair one increment, in place."""
        ...

    def flush(self, *, ended: bool) -> Delta:
        """Return what was held back when nothing more comes.

        Args:
            ended: Whether the response has reported that it ended by itself: it was not cut off, and did not fail.
        """
        ...


class ThinkTags:
    """Move leaked thinking out of the answer.

    Some hosts leave GLM's `<think>...</think>` in the content, or only its end, because the chat template has put the
    beginning into the prompt (https://github.com/vllm-project/vllm/issues/27703). It should have come as `reasoning`.
    Tags count before the first word of the answer. After it they are text, but for a `</think>` without a beginning: it
    counts once, outside of code, and only if the model was to think and no reasoning has come by itself. What stood
    before it is refiled as reasoning: text that a stream has already given out cannot be taken back there, but the
    finished response has it in the right place.
    """

    def __init__(self, *, thinks: bool = True) -> None:
        self._scanner = MarkerScanner("<think>", "</think>")
        self._thinking = False
        self._began = False
        """Whether more than line breaks has come as the answer."""
        self._answered = False
        """Whether the answer has begun."""
        self._quoted = False
        """Whether the answer holds a `<think>` without its end."""
        self._reasoned = not thinks
        """Whether reasoning has come, by itself or between tags, or is not to come at all."""

    def feed(self, delta: Delta) -> Delta:
        """Split the text of one increment into answer and reasoning."""
        self._reasoned = self._reasoned or bool(delta.reasoning)
        if not delta.text:
            return delta
        if not self._thinking and self._scanner.passes(delta.text):
            self._answered = self._answered or not delta.text.isspace()
            self._began = self._began or bool(delta.text.strip("\r\n"))
            return delta
        self._scanner.feed(delta.text)
        answer: list[str] = []
        reasoning = [delta.reasoning]
        for before, marker in self._scanner:
            self._file(before, answer, reasoning)
            if marker and self._is_late_end(marker):
                self._reasoned = delta.refiles_text = True
                thought = "".join(answer)
                # As with the answer that it was taken for, line breaks at its beginning are no part of it.
                reasoning.append(thought if self._began else thought.lstrip("\r\n"))
                answer = []
            elif marker:
                self._take_marker(marker, answer, reasoning)
        delta.text, delta.reasoning = "".join(answer), "".join(reasoning)
        self._began = self._began or bool(delta.text.strip("\r\n"))
        return delta

    def flush(self, *, ended: bool) -> Delta:  # noqa: ARG002 -- thinking is no less so if it was cut
        """Return the text that was held back."""
        held = self._scanner.flush()
        return Delta("", held) if self._thinking else Delta(held)

    def _file(self, text: str, answer: list[str], reasoning: list[str]) -> None:
        if self._thinking:
            reasoning.append(text)
        else:
            answer.append(text)
            self._answered = self._answered or bool(text.strip())

    def _is_late_end(self, marker: str) -> bool:
        """Return whether all that came before was thinking."""
        closes = marker == "</think>" and not self._thinking and self._answered
        return closes and not self._reasoned and not self._quoted

    def _take_marker(self, marker: str, answer: list[str], reasoning: list[str]) -> None:
        closes = marker == "</think>"
        if not self._answered:
            self._thinking, self._reasoned = not closes, True
        elif closes and self._thinking:
            self._thinking = False
        else:
            self._quoted = not closes
            self._file(marker, answer, reasoning)


_MARKERS: Final = re.compile("</?(?:tool_call|arg_key|arg_value|think)>")


class ToolNames:
    """Strip GLM's markers from the names of tool calls.

    SGLang has sent `<tool_call>Read` as the name (https://github.com/sgl-project/sglang/issues/15721), others the
    whole call, arguments and all (https://github.com/zai-org/GLM-5/issues/84). What is left must be the name of a tool
    of the request, if that had any.
    """

    def __init__(self, tools: ToolSchemas) -> None:
        self._tools = tools

    def feed(self, delta: Delta) -> Delta:
        """Clean the names in one increment."""
        for call in delta.tool_calls:
            if call.name and ("<" in call.name or not call.name.isprintable() or " " in call.name):
                self._clean(call, call.name)
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


class LeadingNewlines:
    r"""Drop the newlines before the answer.

    GLM sends `"\n"` as its first content, often before the reasoning, and again after it. The answer should start
    with its first character. Seen with glm-4.6 from Z.AI, GMICloud, Novita, BaseTen, Mancer and AtlasCloud.
    """

    def __init__(self) -> None:
        self._started = False

    def feed(self, delta: Delta) -> Delta:
        """Strip newlines until the first text that is more than that."""
        if delta.refiles_text:
            self._started = False
        if not self._started and delta.text:
            delta.text = delta.text.lstrip("\r\n")
            self._started = bool(delta.text)
        return delta

    def flush(self, *, ended: bool) -> Delta:  # noqa: ARG002 -- nothing is held back
        """Return nothing."""
        return Delta()


class _Request(NamedTuple):
    """What repairs know of the request."""

    tools: ToolSchemas
    thinks: bool
    stop: Sequence[str]


REPAIRS: Final[Mapping[str, Callable[[_Request], Repair]]] = {
    "think_tags": lambda request: ThinkTags(thinks=request.thinks),
    "leaked_tool_calls": lambda request: LeakedToolCalls(request.tools, request.stop),
    "tool_names": lambda request: ToolNames(request.tools),
    "leading_newlines": lambda _: LeadingNewlines(),
    "fenced_json": lambda _: FencedJSON(),
}
"""Every repair by name, in the order in which they run."""


class Repairs:
    """The chosen repairs in a row, for one response."""

    def __init__(
        self,
        names: Collection[str],
        tools: ToolSchemas,
        *,
        wants_json: bool = False,
        thinks: bool = True,
        stop: Sequence[str] = (),
    ) -> None:
        needed = {"leaked_tool_calls": bool(tools), "fenced_json": wants_json}
        request = _Request(tools, thinks, stop)
        self._repairs = [
            repair(request)
            for name, repair in REPAIRS.items()
            if name in names and needed.get(name, True)
        ]

    def feed(self, delta: Delta) -> Delta:
        """Repair one increment."""
        for repair in self._repairs:
            delta = repair.feed(delta)
        return delta

    def flush(self, *, ended: bool = False) -> Delta:
        """Return what was held back, repaired by the repairs that follow.

        Args:
            ended: Whether the response has reported that it ended by itself.
        """
        delta = Delta()
        for repair in self._repairs:
            delta = repair.feed(delta)
            held = repair.flush(ended=ended)
            delta.text += held.text
            delta.reasoning += held.reasoning
            delta.tool_calls = [*delta.tool_calls, *held.tool_calls]
        return delta
