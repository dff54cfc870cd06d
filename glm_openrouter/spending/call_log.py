"""A log of calls: one line of JSON for each, written as it ends. It has figures and names, no content and no secret."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from glm_openrouter._json.values import Index, PositiveNumber
from glm_openrouter.completions import Completion, Usage
from glm_openrouter.errors import InvalidRequestError

from .amounts import read_cost, read_count

__all__ = ["CallLog", "LoggedCall", "describe_call", "describe_replay", "read_log"]

logger = logging.getLogger("glm_openrouter")

_LONGEST_NAME: Final = 200
"""Characters of a name that are kept; whoever answers chooses some of them."""

_LONGEST_LINE: Final = 1 << 16
"""Bytes. No line of ours is longer."""


class LoggedCall(Struct, frozen=True):
    """One call, as a line of the log has it."""

    time: Annotated[datetime, Meta(tz=True)]
    """When it ended; written in UTC."""
    operation: str
    """`chat`, `embeddings` or `rerank`."""
    model: str
    """The one that answered, or else the one that was asked for."""
    provider: str = ""
    id: str = ""
    prompt_tokens: Index = 0
    """Including cached ones."""
    cached_tokens: Index = 0
    completion_tokens: Index = 0
    """Including reasoning."""
    reasoning_tokens: Index = 0
    cost: PositiveNumber | None = None
    """USD; `None` if nobody told it."""
    seconds: PositiveNumber = 0.0
    """Over all tries."""
    seconds_to_first_token: PositiveNumber | None = None
    """`None` if the answer did not come in parts."""
    finish_reason: str | None = None
    streamed: bool = False
    """Whether it came in parts."""
    tries: Index = 1
    """Requests that were sent."""
    error: str | None = None
    """The type of the error that it ended with."""
    cached: bool = False
    """Whether OpenRouter answered from its response cache."""
    replayed: bool = False
    """Whether a `Journal` answered, so that nothing was sent."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LoggedCall).decode


def describe_call(
    facts: Completion,
    *,
    operation: str = "chat",
    model: str = "",
    seconds: float = 0.0,
    seconds_to_first_token: float | None = None,
    streamed: bool = False,
    tries: int = 0,
    error: Exception | None = None,
) -> LoggedCall:
    """Return the line about a call that has just ended.

    Args:
        facts: What is known of the answer, as far as it came.
        operation: What was asked for.
        model: The model that was asked for.
        seconds: How long it took.
        seconds_to_first_token: How long the beginning of the answer took, if it came in parts.
        streamed: Whether it was asked for in parts.
        tries: Requests that were sent.
        error: What it ended with.
    """
    usage = facts.usage or Usage()
    prompt, answer = usage.prompt_tokens_details, usage.completion_tokens_details
    cost = read_cost(facts.usage)
    if cost is None and (facts.cached or tries == 0):
        cost = 0.0  # there was nothing to pay
    return LoggedCall(
        time=datetime.now(UTC),
        operation=operation,
        model=_name(facts.model or model),
        provider=_name(facts.provider),
        id=_name(facts.id),
        prompt_tokens=read_count(usage.prompt_tokens),
        cached_tokens=read_count(prompt and prompt.cached_tokens),
        completion_tokens=read_count(usage.completion_tokens),
        reasoning_tokens=read_count(answer and answer.reasoning_tokens),
        cost=cost,
        seconds=round(seconds, 6),
        seconds_to_first_token=seconds_to_first_token and round(seconds_to_first_token, 6),
        finish_reason=_name(facts.finish_reason) or None,
        streamed=streamed,
        tries=tries,
        error=type(error).__name__ if error else None,
        cached=bool(facts.cached),
    )


def describe_replay(facts: Completion, *, operation: str = "chat") -> LoggedCall:
    """Return the line about an answer that came from a journal: nothing was sent, used or paid for it."""
    return LoggedCall(
        time=datetime.now(UTC),
        operation=operation,
        model=_name(facts.model),
        provider=_name(facts.provider),
        id=_name(facts.id),
        cost=0.0,
        finish_reason=_name(facts.finish_reason) or None,
        tries=0,
        replayed=True,
    )


def _name(text: str | None) -> str:
    return (text or "")[:_LONGEST_NAME].encode(errors="replace").decode()


class CallLog:
    """A file that calls are added to, by any number of threads and processes at once.

    A line is added by one write to the end of the file. A new file can be read by its owner alone.

    Args:
        path: Of the file.

    Raises:
        InvalidRequestError: It cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        try:
            os.close(self._open())
        except OSError as error:
            raise InvalidRequestError(
                f"The log {str(self.path)!r} cannot be written: {error.strerror or error}."
            ) from error

    def write(self, call: LoggedCall) -> None:
        """Add a call. If that fails, a message is logged: an answer that is paid is worth more than its line."""
        try:
            file = self._open()
            try:
                os.write(file, _encode(call) + b"\n")
            finally:
                os.close(file)
        except OSError as error:
            logger.warning("The log %s was not written: %s", self.path, error)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        return os.open(self.path, flags, 0o600)


def read_log(path: str | os.PathLike[str]) -> Iterator[LoggedCall | None]:
    """Yield the calls of a log, line by line; `None` for a line that is none, such as one that was cut off.

    Raises:
        OSError: It cannot be read.
    """
    with open(path, "rb") as file:
        while line := file.readline(_LONGEST_LINE):
            whole = line.endswith(b"\n")
            while line and not line.endswith(b"\n"):
                line = file.readline(_LONGEST_LINE)
            yield _read_line(line) if whole else None


def _read_line(line: bytes) -> LoggedCall | None:
    try:
        return _decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
