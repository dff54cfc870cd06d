"""What comes in a stream, kept once, of which every earlier state can be had.

A *position* is how many increments there had been.
"""

from bisect import bisect_right
from threading import RLock

from glm_openrouter import Delta, ToolCallDelta

__all__ = ["GrowingAnswer", "GrowingText"]

_lock = RLock()
"""Held while a text is joined; responses may be looked at in several threads."""


class GrowingText:
    """A text that grows, and can be had as it was at any position."""

    __slots__ = ("_ends", "_joined", "_pieces", "_positions")

    def __init__(self) -> None:
        self._positions: list[int] = []
        self._pieces: list[str] = []
        self._joined = ""
        """As many of the pieces as there are `_ends`."""
        self._ends: list[int] = []
        """Where in `_joined` each piece ends."""

    def add(self, position: int, piece: str | None) -> None:
        """Take what comes next."""
        if piece:
            self._positions.append(position)
            self._pieces.append(piece)

    def until(self, position: int) -> str:
        """Return what had come at a position."""
        with _lock:
            pieces = self._pieces[len(self._ends) :]
            if pieces:
                end = len(self._joined)
                self._joined = "".join([self._joined, *pieces])
                self._ends += [end := end + len(piece) for piece in pieces]
            count = bisect_right(self._positions, position)
            return self._joined[: self._ends[count - 1]] if count else ""


class GrowingCall:
    """A tool call that grows."""

    __slots__ = ("_arguments", "_begin", "_id", "_name")

    def __init__(self, begin: int) -> None:
        self._begin = begin
        self._id = GrowingText()
        self._name = GrowingText()
        self._arguments = GrowingText()

    def add(self, position: int, part: ToolCallDelta) -> None:
        """Take what comes next."""
        self._id.add(position, part.id)
        self._name.add(position, part.name)
        self._arguments.add(position, part.arguments)

    def has_begun(self, position: int) -> bool:
        """Return whether there was anything of it at a position."""
        return self._begin <= position

    def until(self, position: int) -> tuple[str | None, str, str]:
        """Return id, name and arguments as they were at a position."""
        call_id = self._id.until(position) or None
        return call_id, self._name.until(position), self._arguments.until(position)


class GrowingAnswer:
    """What comes in a stream.

    Args:
        reasoning: The reasoning, to which more may come.
        calls: The tool calls by index, to which more may come.
        max_calls: How many of the calls to show; `None` for all.
    """

    def __init__(
        self,
        reasoning: GrowingText,
        calls: dict[int | None, GrowingCall],
        max_calls: int | None,
    ) -> None:
        self.text = GrowingText()
        self.reasoning = reasoning
        self.calls = calls
        self._max_calls = max_calls

    def with_text_as_reasoning(self, position: int) -> "GrowingAnswer":
        """Return the answer that goes on where all text was reasoning; responses so far keep the text of this one."""
        self.reasoning.add(position, self.text.until(position))
        return GrowingAnswer(self.reasoning, self.calls, self._max_calls)

    def add(self, position: int, delta: Delta) -> None:
        """Take one increment."""
        self.text.add(position, delta.text)
        self.reasoning.add(position, delta.reasoning)
        for part in delta.tool_calls:
            if part.index not in self.calls:
                self.calls[part.index] = GrowingCall(position)
            self.calls[part.index].add(position, part)

    def calls_until(self, position: int) -> list[tuple[str | None, str, str]]:
        """Return the calls to show as they were at a position."""
        shown_calls = list(self.calls.values())[: self._max_calls]
        return [call.until(position) for call in shown_calls if call.has_begun(position)]
