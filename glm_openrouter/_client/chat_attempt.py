"""One try at one chat request: everything about it that is not a socket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from glm_openrouter._response.parser import ResponseParser
from glm_openrouter._response.sse import ResponseDecoder
from glm_openrouter._response.stop import StopSequences
from glm_openrouter.completions import Completion, Delta
from glm_openrouter.errors import APIError, APIStatusError, ErrorDetails
from glm_openrouter.spending.ledger import Bill, PlannedCall

from .billed_attempt import BilledAttempt
from .chat_call import ChatCall

if TYPE_CHECKING:
    from .transport import BaseTransport

__all__ = ["ChatAttempt"]


class ChatAttempt(BilledAttempt):
    """One try at one chat request."""

    _waits_for_tokens = True

    def __init__(self, call: ChatCall, transport: BaseTransport) -> None:
        request = call.request
        super().__init__(transport, request.model, answers_are_json=request.wants_json)
        self._call = call
        self._parser: ResponseParser | None = None
        self._record = call.record
        self.done = False
        """Whether the response has said that it is over, or has failed."""

    @property
    def context(self) -> ErrorDetails:
        """What an error can say about the request, and about what has come."""
        return self._parser.details if self._parser is not None else super().context

    @property
    def completion(self) -> Completion | None:
        """The finished response."""
        return self._parser.completion if self._parser else None

    @property
    def _is_answered(self) -> bool:
        return self.completion is not None

    def open(self) -> bytes:
        """Return the body of the request.

        Raises:
            BudgetExceededError: The request must not be sent.
            InvalidRequestError: It holds a value that is not JSON.
        """
        request = self._call.request
        planned = PlannedCall(
            request.model,
            request.messages,
            request.tools or (),
            request.max_completion_tokens or request.max_tokens,
        )
        body = self._call.encode()
        self.reserve(planned)
        if self._record is not None:
            self._record.begin_try()
        return body

    def _bill(self) -> Bill | None:
        if self._parser is None:
            return Bill(Completion(), complete=False, final=False)
        if self._parser.refused:
            return None
        return Bill(
            self._parser.facts,
            complete=self._parser.completion is not None,
            final=self._parser.usage_is_final,
        )

    def begin(self, headers: Mapping[str, str]) -> None:
        """Get ready for the body of a response, whose headers are there."""
        self.timer.restart("the start of the response")
        stop = StopSequences.of(self._call.request.stop)
        self._parser = ResponseParser(
            ResponseDecoder(),
            self._call.new_repairs(),
            self._model,
            stop,
            redact=self._redact,
            memory=self.memory,
            gives_out=not self._call.whole,
        )
        facts = self._parser.facts
        facts.id = headers.get("x-generation-id") or None  # until the body says it
        if status := headers.get("x-openrouter-cache-status"):
            facts.cached = status.strip().upper() == "HIT"
        if self._record is not None:
            self._record.facts = facts

    def feed(self, data: bytes | None) -> list[Delta] | None:
        """Take the next bytes of the body and return the increments that they complete; `None` for its end.

        A response that is given out whole has none, so whoever waits for one reads it to its end.

        Raises:
            TimeoutError: Only comments came, and that for too long.
        """
        parser = self._parser
        assert parser is not None  # for the type checker; `begin` has set it
        if data is None:
            return None
        progress = parser.progress
        deltas = parser.feed(data)
        self.done = parser.done
        if parser.progress != progress:
            self.timer.restart(parser.progress)
            if self.timer.waits_for_answer and parser.has_begun:
                self.timer.begin_answer()
            if self._record is not None and parser.has_begun:
                self._record.note_first_token()
        else:
            self.timer.remaining()
        return deltas

    def flush(self) -> list[Delta]:
        """Return what was held back; from here on `completion` is there.

        Raises:
            APIError: The response is a failure, or not complete.
        """
        assert self._parser is not None  # for the type checker; `begin` has set it
        deltas = self._parser.flush()
        if self._record is not None:
            self._record.note_complete(self._parser.fired_repairs)
        if self._parser.completion is not None:
            self._call.finish(self._parser.completion)
            for ledger in self._ledgers:
                ledger.warn_if_unreported(self._parser.completion)
        return deltas

    def rescue(self, error: Exception) -> list[Delta]:
        """Return what was held back of a response whose connection ended badly, if all that is needed has come.

        Raises:
            APIError: It has not, or the response is a failure.
            Exception: `error` itself, if the connection has nothing to do with it.
        """
        if self._transport.find_failure(error) is None:
            raise error
        try:
            return self.flush()
        except APIStatusError:
            raise
        except APIError:
            self.raise_translated(error)
            raise

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Wait a moment for the end of the body, so that the connection can be used again.

        Not if a stop text has ended the answer: the provider may go on for long.
        """
        stopped = self._parser is not None and self._parser.stopped
        self.timer.end(wait=not stopped)
        try:
            yield
        except Exception as error:
            if self._transport.find_failure(error) is None:
                raise

    @property
    def _has_progressed(self) -> bool:
        return self._parser is not None and bool(self._parser.progress)
