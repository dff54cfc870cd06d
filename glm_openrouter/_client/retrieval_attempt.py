"""One try at a request for vectors, or for an order: everything about it that is not a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from glm_openrouter._json.lenient import fit
from glm_openrouter._json.values import JSONObject
from glm_openrouter.completions import Completion, Usage
from glm_openrouter.errors import APIResponseError
from glm_openrouter.request._body import encode_body
from glm_openrouter.retrieval.request import PartAnswer, PartRequest
from glm_openrouter.retrieval.rows import UnreadableAnswerError
from glm_openrouter.spending.ledger import Bill, PlannedCall

from .billed_attempt import BilledAttempt
from .call_record import CallRecord

if TYPE_CHECKING:
    from glm_openrouter._http import HTTPResponse

    from .transport import BaseTransport

__all__ = ["RetrievalAttempt", "read_kept_part"]

T = TypeVar("T")

_decode = msgspec.json.Decoder(JSONObject).decode


class RetrievalAttempt(BilledAttempt, Generic[T]):
    """One try at one request."""

    def __init__(
        self, transport: BaseTransport, request: PartRequest[T], record: CallRecord | None
    ) -> None:
        super().__init__(transport, request.model)
        self._request = request
        self._record = record
        self._facts: Completion | None = None
        """Model, provider and usage, once the answer says them."""
        self.answer: JSONObject = {}
        """As much of it as is read."""

    @property
    def _is_answered(self) -> bool:
        return self._facts is not None

    def open(self) -> bytes:
        """Return the body of the request.

        Raises:
            BudgetExceededError: The request must not be sent.
            InvalidRequestError: It holds a value that is not JSON.
        """
        body = encode_body(self._request.body)
        self.reserve(PlannedCall(self._request.model, (), estimate=self._request.estimate))
        if self._record is not None:
            self._record.begin_try()
        return body

    def read(self, response: HTTPResponse, content: bytes) -> PartAnswer[T]:
        """Return the answer.

        Raises:
            APIError: It is a failure, or not what was asked for.
        """
        request = self._request
        answer = self.read_object(request.path, response, content, request.key)
        self.answer = {name: answer.get(name) for name in (*_FACTS, request.key)}
        facts = self._facts = _read_facts(answer)
        if self._record is not None:
            self._record.facts = facts
        for ledger in self._ledgers:
            ledger.warn_if_unreported(facts)
        try:
            part = _read_part(request, answer, facts)
        except UnreadableAnswerError as error:
            message = f"[OpenRouter] The answer cannot be used: {error}. Model: {request.model}."
        else:
            if self._record is not None:
                self._record.note_complete()
            return part
        raise self._fail(APIResponseError, message)

    def _bill(self) -> Bill | None:
        facts = self._facts
        return Bill(facts or Completion(), complete=facts is not None, final=facts is not None)


_FACTS = ("id", "model", "provider", "usage")


def read_kept_part(request: PartRequest[T], kept: bytes) -> PartAnswer[T] | None:
    """Return the answer that a journal has kept, or `None` if it is not one to this request."""
    try:
        answer = _decode(kept)
        return _read_part(request, answer, _read_facts(answer))
    except (msgspec.DecodeError, UnreadableAnswerError, KeyError):
        return None


def _read_facts(answer: JSONObject) -> Completion:
    return fit(Completion, {name: answer.get(name) for name in _FACTS})


def _read_part(request: PartRequest[T], answer: JSONObject, facts: Completion) -> PartAnswer[T]:
    rows = request.read(answer[request.key])
    return PartAnswer(rows, facts.model, facts.provider, facts.usage or Usage())
