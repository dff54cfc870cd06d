"""One try at a request that may cost something: what the ledgers around the call are told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_openrouter.errors import APIError, ErrorDetails
from glm_openrouter.pace import Turn, open_pace
from glm_openrouter.spending.ledger import Bill, PlannedCall, open_ledgers

from .attempt import Attempt

if TYPE_CHECKING:
    from glm_openrouter._http import HTTPResponse

    from .steps import Steps
    from .transport import BaseTransport

__all__ = ["BilledAttempt"]


class BilledAttempt(Attempt):
    """One try at a request that may cost something."""

    def __init__(
        self, transport: BaseTransport, model: str | None, *, answers_are_json: bool = False
    ) -> None:
        super().__init__(transport, model, answers_are_json=answers_are_json)
        self._ledgers = open_ledgers()
        self._perhaps_paid = False
        """Whether the request may have left and has not been refused."""
        self._turn: Turn | None = None
        """Its place in the pace around the call."""
        self._error: BaseException | None = None
        """What has ended it."""

    @property
    def context(self) -> ErrorDetails:
        """What an error can say about the request, which costs something once it has been sent."""
        return {**super().context, "may_be_billed": True}

    def wait_for_turn(self) -> Steps[None]:
        """Wait until the pace around the call, if there is one, lets the request go; its time begins then."""
        if (pace := open_pace()) is not None:
            self._turn = yield self._transport.wait_for_turn(pace)
            self.timer = self._transport.start_timer(for_answer=self._waits_for_tokens)

    def reserve(self, planned: PlannedCall) -> None:
        """Tell the ledgers that the request is about to be sent.

        Raises:
            BudgetExceededError: It must not be sent.
        """
        for ledger in self._ledgers:
            ledger.reserve(self, planned)
        self._perhaps_paid = True

    def fail(self, error: BaseException) -> None:
        """Note what has ended it."""
        self._error = error

    def close(self) -> None:
        """Add what the response cost to all that is tracked, however it ended, and let the next request go."""
        ledgers, self._ledgers = self._ledgers, frozenset()
        bill = self._bill() if self._perhaps_paid else None
        for ledger in ledgers:
            ledger.settle(self, bill)
        if self._turn is not None:
            self._turn.end(self._error, answered=self._is_answered)

    @property
    def _is_answered(self) -> bool:
        """Whether a whole answer has come."""
        raise NotImplementedError

    def status_error(self, response: HTTPResponse, body: bytes) -> APIError:
        """Return the error for a response that is not a success."""
        error = super().status_error(response, body)
        self._perhaps_paid = error.may_be_billed
        return error

    def _bill(self) -> Bill | None:
        """Return what is known of the response, or `None` if nobody has paid for it."""
        raise NotImplementedError

    def _fail(self, error_type: type[APIError], message: str, *, sent: bool = True) -> APIError:
        self._perhaps_paid = self._perhaps_paid and sent
        return super()._fail(error_type, message, sent=sent)
