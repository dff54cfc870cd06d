"""One try at one chat request: everything about it that is not a socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from glm_openrouter._response.parser import ResponseParser
from glm_openrouter._response.sse import ResponseDecoder
from glm_openrouter._response.stop import StopSequences
from glm_openrouter.completions import Completion, Delta
from glm_openrouter.errors import APIError, APIStatusError, ErrorDetails
from glm_openrouter.spending.ledger import Bill, PlannedCall, open_ledgers

from .attempt import Attempt
from .chat_call import ChatCall

if TYPE_CHECKING:
    from glm_openrouter._http import HTTPResponse

    from .transport import BaseTransport

__all__ = ["ChatAttempt"]


class ChatAttempt(Attempt):
    """One try at one chat request."""

    def __init__(self, call: ChatCall, transport: BaseTransport) -> None:
        request = call.request
        super().__init__(transport, request.model, answers_are_json=request.wants_json)
        self._call = call
        self._ledgers = open_ledgers()
        self._perhaps_paid = False
        """Whether the request may have left and has not been refused."""
        self._parser: ResponseParser | None = None
        self.done = False
        """Whether the response has said that it is over, or has failed."""

    @property
    def context(self) -> ErrorDetails:
        """What an error can say about the request, which costs something once it has been sent."""
        if self._parser is not None:
            return self._parser.details
        return {**super().context, "may_be_billed": True}

    @property
    def completion(self) -> Completion | None:
        """The finished response."""
        return self._parser.completion if self._parser else None

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
        for ledger in self._ledgers:
            ledger.reserve(self, planned)
        self._perhaps_paid = True
        return body

    def close(self) -> None:
        """Add what the response cost to all that is tracked, however it ended."""
        ledgers, self._ledgers = self._ledgers, set()
        bill = self._bill()
        for ledger in ledgers:
            ledger.settle(self, bill)

    def _bill(self) -> Bill | None:
        """Return what is known of the response, or `None` if nobody has paid for it."""
        if not self._perhaps_paid:
            return None
        if self._parser is None:
            return Bill(Completion(), complete=False, final=False)
        if self._parser.refused:
            return None
        return Bill(
            self._parser.facts,
            complete=self._parser.completion is not None,
            final=self._parser.usage_is_final,
        )

    def status_error(self, response: HTTPResponse, body: bytes) -> APIError:
        """Return the error for a response that is not a success."""
        error = super().status_error(response, body)
        self._perhaps_paid = error.may_be_billed
        return error

    def begin(self) -> None:
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
        )

    def feed(self, data: bytes | None) -> list[Delta] | None:
        """Take the next bytes of the body and return the increments that they complete; `None` for its end.

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

    def _fail(self, error_type: type[APIError], message: str, *, sent: bool = True) -> APIError:
        self._perhaps_paid = self._perhaps_paid and sent
        return super()._fail(error_type, message, sent=sent)

    @property
    def _has_progressed(self) -> bool:
        return self._parser is not None and bool(self._parser.progress)
