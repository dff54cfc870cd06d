"""One call over all its tries, as those see it who watch calls: what was asked, what happened, and what came of it.

This is the one place where a call is measured. While nobody watches there is no record, and nothing is measured.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from glm_openrouter._json.values import JSONObject
from glm_openrouter.completions import Completion
from glm_openrouter.errors import APIError
from glm_openrouter.spending.call_log import CallLog, LoggedCall, describe_call
from glm_openrouter.spending.ledger import open_logs

__all__ = [
    "CallEvent",
    "CallObserver",
    "CallRecord",
    "Operation",
    "add_observer",
    "begin_call",
    "remove_observer",
]

Operation = Literal["chat", "embeddings", "rerank"]

logger = logging.getLogger("glm_openrouter")


@dataclass(frozen=True)
class CallEvent:
    """Something that happened on the way to an answer."""

    name: Literal["retry", "adjustment", "repair"]
    seconds: float
    """Since the call began."""
    details: Mapping[str, str | int | float]


@dataclass(eq=False)
class CallRecord:
    """What is known of one call."""

    operation: Operation
    body: JSONObject
    """What is sent; the last one, if it was adjusted."""
    base_url: str
    """Where the API is."""
    tries: int = 0
    """How many requests have been sent."""
    facts: Completion = field(default_factory=Completion)
    """What the last try brought, as far as it came."""
    is_complete: bool = False
    """Whether that is all of it."""
    error: Exception | None = None
    """What the call ended with; a call that was left has none."""
    seconds_to_first_token: float | None = None
    """Until reasoning, text or a tool call came; `None` if the answer does not come in parts."""
    seconds: float = 0.0
    """How long it took, once it is over."""
    events: list[CallEvent] = field(default_factory=list)
    kept: dict[CallObserver, Any] = field(default_factory=dict)
    """What observers keep with the call."""
    _observers: tuple[CallObserver, ...] = ()
    _logs: tuple[CallLog, ...] = ()
    _began: float = field(default_factory=time.perf_counter)
    _is_over: bool = False

    @property
    def model(self) -> str:
        """The model that was asked for."""
        return str(self.body.get("model"))

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return time.perf_counter() - self._began

    def begin_try(self) -> None:
        """Note that a request is sent."""
        self.tries += 1
        self.facts = Completion()
        self.seconds_to_first_token = None

    def note_first_token(self) -> None:
        """Note that the answer has begun, once."""
        if self.seconds_to_first_token is None and self.body.get("stream"):
            self.seconds_to_first_token = self.elapsed

    def note_retry(self, error: APIError, wait: float) -> None:
        """Note that a try has failed, and that there will be another after some seconds."""
        details = {"try": self.tries, "wait": wait, "error.type": type(error).__name__}
        if error.status_code is not None:
            details["status_code"] = error.status_code
        self._note("retry", **details)

    def note_adjustment(self, body: JSONObject, note: str) -> None:
        """Note how the request was changed after a refusal."""
        self.body = body
        self._note("adjustment", adjustment=note)

    def note_complete(self, repairs: Sequence[str] = ()) -> None:
        """Note that all of the answer is there, and what was mended in it."""
        self.is_complete = True
        for name in repairs:
            self._note("repair", repair=name)

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Send the call in this block, until there is something to give out; an error ends the call."""
        try:
            yield
        except BaseException as error:
            self._open()
            self.end(error)
            raise
        self._open()

    def end(self, error: BaseException | None = None) -> None:
        """Note that the call is over; it ends once. Who cancels it has left it, which is no error."""
        if self._is_over:
            return
        self._is_over = True
        self.error = error if isinstance(error, Exception) else None
        self.seconds = self.elapsed
        for observer in self._observers:
            _tell(observer, "end", self)
        for log in self._logs:
            log.write(self._describe())
        logger.debug("%s", self)

    def _describe(self) -> LoggedCall:
        return describe_call(
            self.facts,
            operation=self.operation,
            model=self.model,
            seconds=self.seconds,
            seconds_to_first_token=self.seconds_to_first_token,
            streamed=bool(self.body.get("stream")),
            tries=self.tries,
            error=self.error,
        )

    def _open(self) -> None:
        for observer in self._observers:
            _tell(observer, "opened", self)

    def __str__(self) -> str:
        """Return one line, without content and without secrets."""
        facts, usage = self.facts, self.facts.usage
        parts = [f"{self.operation} {self.model}: {facts.id or 'no id'}"]
        parts.append(f"from {facts.provider or 'an unknown provider'}")
        if usage is not None:
            parts.append(f"{usage.prompt_tokens or 0:g} + {usage.completion_tokens or 0:g} tokens")
            parts.append("unknown cost" if usage.cost is None else f"{usage.cost:.6f} USD")
        parts.append(f"{self.seconds:.2f} s")
        parts.append("1 try" if self.tries == 1 else f"{self.tries} tries")
        return f"{', '.join(parts)}, {self._outcome}"

    @property
    def _outcome(self) -> str:
        if self.error is not None:
            return f"failed: {type(self.error).__name__}"
        if not self.is_complete:
            return "left"
        return "from the response cache" if self.facts.cached else "complete"

    def _note(self, name: Literal["retry", "adjustment", "repair"], **details: Any) -> None:
        self.events.append(CallEvent(name, self.elapsed, details))


class CallObserver:
    """Watches calls. What it does not override does nothing, and what it raises is logged: no call fails for it."""

    def begin(self, call: CallRecord) -> None:
        """A call is about to be sent, in the context of whoever makes it."""

    def opened(self, call: CallRecord) -> None:
        """There is something to give out, or an error; in the same context as `begin`."""

    def end(self, call: CallRecord) -> None:
        """A call is over, however it ended; in whatever context."""


_observers: tuple[CallObserver, ...] = ()
"""Those of the whole process."""


def add_observer(observer: CallObserver) -> None:
    """Have an observer watch all calls of this process that begin from now on."""
    global _observers
    _observers = (*_observers, observer)


def remove_observer(observer: CallObserver) -> None:
    """End that."""
    global _observers
    _observers = tuple(other for other in _observers if other is not observer)


def begin_call(operation: Operation, body: JSONObject, base_url: str) -> CallRecord | None:
    """Return the record of a call that begins now; `None` if nobody watches."""
    logs = open_logs()
    if not (_observers or logs or logger.isEnabledFor(logging.DEBUG)):
        return None
    call = CallRecord(operation, body, base_url, _observers=_observers, _logs=logs)
    for observer in _observers:
        _tell(observer, "begin", call)
    return call


def _tell(
    observer: CallObserver, moment: Literal["begin", "opened", "end"], call: CallRecord
) -> None:
    # An answer that is paid is worth more than what is told of it. The text of the error may quote what was said.
    try:
        getattr(observer, moment)(call)
    except Exception as error:  # noqa: BLE001  # of whatever kind
        name = type(observer).__name__
        logger.warning("%s was not told of a call (%s): %s", name, moment, type(error).__name__)
