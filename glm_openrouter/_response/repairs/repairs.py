"""Repairs of what GLM and its providers send wrongly.

A repair is a small object for one response with `feed(delta)` and `flush(ended=...)`; both return the increment that
goes on. A repair that does not fire changes nothing, and holds text back for no longer than it may be what the repair
looks for. `REPAIRS` names them in order; a client switches them off by name.
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

__all__ = ["REPAIRS", "Repairs"]


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
