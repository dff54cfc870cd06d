"""The path that every response takes, from bytes to the completion, without a socket."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from glm_openrouter import REPAIRS, Completion, Delta, GLMError, ToolCall
from glm_openrouter._response.parser import ResponseParser
from glm_openrouter._response.repairs import Repairs
from glm_openrouter._response.sse import ResponseDecoder
from glm_openrouter._response.stop import StopSequences
from support.samples import SCHEMAS
from support.wire import MODEL

__all__ = ["Options", "Outcome", "Reader", "assemble", "plain", "play"]

_REPAIRS = frozenset(REPAIRS)


@dataclass(frozen=True)
class Options:
    """What was asked for, as far as it decides how a response is read."""

    tools: bool = True
    wants_json: bool = False
    stop: tuple[str, ...] = ()
    repairs: frozenset[str] = _REPAIRS

    @classmethod
    def draw(cls, rng: Random) -> "Options":
        """Return options by chance."""
        stop = ("STOP", "\n\n\n") if rng.random() < 0.1 else ()
        return cls(rng.random() < 0.9, rng.random() < 0.3, stop)

    def assembly(self, *, gives_out: bool = True) -> ResponseParser:
        """Return what puts one response together, with increments or without."""
        repairs = Repairs(
            self.repairs, SCHEMAS if self.tools else {}, wants_json=self.wants_json, stop=self.stop
        )
        stop = StopSequences(*self.stop) if self.stop else None
        return ResponseParser(ResponseDecoder(), repairs, MODEL, stop, gives_out=gives_out)


class Reader:
    """What somebody has in the end who reads the increments, each at the moment it comes."""

    def __init__(self) -> None:
        self.text = ""
        self.reasoning = ""
        self.refiled = False
        """Whether text that was given out turned out to be reasoning."""
        self.calls: dict[int | None, list[str]] = {}
        """Id, name and arguments of each call."""

    def take(self, delta: Delta) -> None:
        """Read one increment."""
        if delta.text_was_reasoning:
            self.refiled = True
            self.text, self.reasoning = "", self.reasoning + self.text
        self.text += delta.text
        self.reasoning += delta.reasoning
        for part in delta.tool_calls:
            kept = self.calls.setdefault(part.index, ["", "", ""])
            assert not (part.id and kept[0]), "an id is sent twice"
            assert not (part.name and kept[1]), "a name is sent twice"
            kept[0] += part.id or ""
            kept[1] += part.name or ""
            kept[2] += part.arguments


@dataclass
class Outcome:
    """How a response ended."""

    reader: Reader = field(default_factory=Reader)
    completion: Completion | None = None
    error: GLMError | None = None

    @property
    def calls(self) -> list[ToolCall]:
        """The calls that may run."""
        made = self.completion.tool_calls if self.completion else []
        return [call for call in made if call.error is None]

    def __str__(self) -> str:
        if self.error is not None:
            # A wait may be counted from the present moment, which is another one each time.
            said = plain(str(self.error).partition(" Retry after ")[0])
            facts = {
                name: value
                for name, value in vars(self.error).items()
                if name not in ("retry_after", "details")
            }
            return f"{type(self.error).__name__}: {said} {facts!r}"
        return "\n".join(_describe(self.completion))


def assemble(pieces: Iterable[bytes], options: Options, *, gives_out: bool = True) -> Outcome:
    """Put a response together; only errors that callers know are caught."""
    outcome = Outcome()
    try:
        for delta in play(pieces, options.assembly(gives_out=gives_out), outcome):
            outcome.reader.take(delta)
    except GLMError as error:
        outcome.error = error
    return outcome


def play(pieces: Iterable[bytes], assembly: ResponseParser, outcome: Outcome) -> Iterator[Delta]:
    """Yield the increments of a response as a client does, and note its completion."""
    for piece in pieces:
        yield from assembly.feed(piece)
        if assembly.done:
            break
    yield from assembly.flush()
    outcome.completion = assembly.completion


def plain(text: str) -> str:
    """Return an id, or `made up` in its place: those that had to be made up differ each time."""
    return "made up" if text.startswith("call_") and len(text) == 37 else text


def _describe(completion: Completion | None) -> Iterator[str]:
    assert completion is not None, "neither a completion nor an error"
    for name in completion.__struct_fields__:
        if name == "tool_calls":
            made = completion.tool_calls
            yield repr([(plain(c.id), c.name, c.arguments, c.parsed, c.error) for c in made])
        else:
            yield f"{name}={getattr(completion, name)!r}"


def is_strict_object(arguments: str, parsed: Any) -> bool:
    """Return whether arguments are one complete JSON object, and `parsed` is it; blanks and line breaks are allowed."""
    try:
        return isinstance(parsed, dict) and repr(json.loads(arguments, strict=False)) == repr(
            parsed
        )
    except ValueError:
        return False
