"""Repairs of what GLM and its providers send wrongly.

Theory of operation. A repair is a small object for one response. It takes the deltas one by one, `feed(delta)`, and
returns each, changed in place; `flush(ended=...)` returns what it has held back when nothing more comes. Three rules
make a repair harmless:

- It is the identity until it is certain. Text that may be what it looks for is held back, for no longer than it may be
  that, and goes out unchanged if it is not.
- It does not matter how a text is cut into deltas, nor whether deltas were joined: markers may be split anywhere.
- Its work is linear in the text, whatever comes: it never looks at held text again for each further piece, and counts
  how often it may be misled.

They run in the order of `REPAIRS`, each on what the one before has let through; at the end each is flushed into those
that follow. The order counts: thinking is taken out first, because what a call or a fence is in the answer it is not
in there; calls before line breaks, because what is left of the text may begin with one; the fence last, because it
must begin the answer. A `</think>` that comes late makes reasoning of text that is already out: the delta says so by
`text_was_reasoning`, and each repair that follows refiles what it holds and begins anew. A client switches repairs
off by name.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

from glm_openrouter.completions import Delta

from .base import Repair
from .fenced_json import FencedJSON
from .leading_newlines import LeadingNewlines
from .leaked_calls import LeakedToolCalls, ToolSchemas
from .think_tags import ThinkTags
from .tool_names import ToolNames

__all__ = ["REPAIRS", "TOOL_ARGUMENTS", "Repairs"]


class _Request(NamedTuple):
    """What repairs know of the request."""

    tools: ToolSchemas
    thinks: bool
    stop: Sequence[str]


_REPAIRS_OF_DELTAS: Final[Mapping[str, Callable[[_Request], Repair]]] = {
    "think_tags": lambda request: ThinkTags(thinks=request.thinks),
    "leaked_tool_calls": lambda request: LeakedToolCalls(request.tools, request.stop),
    "tool_names": lambda request: ToolNames(request.tools),
    "leading_newlines": lambda _: LeadingNewlines(),
    "fenced_json": lambda _: FencedJSON(),
}

TOOL_ARGUMENTS: Final = "tool_arguments"
"""The repair of the arguments of tool calls, which is no repair of increments."""

REPAIRS: Final = (*_REPAIRS_OF_DELTAS, TOOL_ARGUMENTS)
"""The names of all repairs, in the order in which they run."""


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
        self._by_name = {
            name: repair(request)
            for name, repair in _REPAIRS_OF_DELTAS.items()
            if name in names and needed.get(name, True)
        }
        self._repairs = list(self._by_name.values())
        self.tool_arguments = TOOL_ARGUMENTS in names
        """Whether the arguments of tool calls may be read in a form that is looser than JSON."""

    @property
    def fired(self) -> list[str]:
        """The names of those that have changed an increment."""
        return [name for name, repair in self._by_name.items() if repair.has_fired]

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
