"""One try at one request, whatever it asks for: how its failures become typed errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from glm_openrouter._json.lenient import decode_tolerantly
from glm_openrouter._json.values import JSONObject
from glm_openrouter._response.failures import error_from_body, error_from_envelope
from glm_openrouter._response.memory import Memory
from glm_openrouter.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APITimeoutError,
    ErrorDetails,
    FirstTokenTimeoutError,
    ResponseTooLargeError,
    StreamInterruptedError,
)

if TYPE_CHECKING:
    from glm_openrouter._http import HTTPResponse, TransportFailure

    from .steps import Steps
    from .transport import BaseTransport

__all__ = ["Attempt"]

_NOT_SENT = ("no connection", "connect timeout")
"""Failures with which the request has not left this machine."""


class Attempt:
    """One try at one request.

    Args:
        transport: What sends it.
        model: The model that it is about.
        answers_are_json: Whether the answer is, so that it needs memory beyond its own bytes.
    """

    _waits_for_tokens = False
    """Whether its response is one that a model says, token by token."""

    def __init__(
        self,
        transport: BaseTransport,
        model: str | None,
        *,
        answers_are_json: bool = False,
    ) -> None:
        self.timer = transport.start_timer(for_answer=self._waits_for_tokens)
        self.memory = Memory(transport.max_response_bytes, answers_are_json=answers_are_json)
        """What the response takes."""
        self._transport = transport
        self._address = transport.address
        self._redact = transport.redact
        self._model = model

    @property
    def context(self) -> ErrorDetails:
        """What an error can say about the request."""
        return {"model": self._model}

    def status_error(self, response: HTTPResponse, body: bytes) -> APIError:
        """Return the error for a response that is not a success."""
        if response.is_redirect:
            target = response.headers.get("location")
            name = self._transport.base_url_name
            body = f"Redirected to {target}; set {name} to where the API is".encode()
        return error_from_body(
            body,
            response.status_code,
            response.headers,
            self.context,
            redact=self._redact,
            other_server=self._transport.address_hint,
        )

    def read_all(self, send: Callable[[], Any]) -> Steps[tuple[HTTPResponse, bytes]]:
        """Send a request, wait for its response, and read the whole of it.

        Args:
            send: Calls `get` or `post` of the transport, and returns what that returns.

        Raises:
            APIError: It does not come, or breaks.
        """
        with self.translating_errors():
            body = yield send()
            try:
                self.timer.restart("the start of the response")
                content = yield body.read_all()
            finally:
                yield body.close()
        return body.response, content

    def read_object(self, path: str, response: HTTPResponse, body: bytes, key: str) -> JSONObject:
        """Return the answer of what is at a path: JSON that has all it says in one key.

        Raises:
            APIError: It is a failure, or not an object with that key.
        """
        if not response.is_success:
            raise self.status_error(response, body)
        where = self._transport.base_url + path
        if not self.memory.admits(body):
            raise self._fail(
                ResponseTooLargeError,
                f"[OpenRouter] The response of {where} needs too much memory (max_response_bytes).",
            )
        try:
            answer = decode_tolerantly(body)
        except msgspec.DecodeError:
            answer = None
        if isinstance(answer, dict):
            if answer.get("error") and not answer.get(key):
                raise error_from_envelope(
                    answer, self.context, headers=response.headers, redact=self._redact
                )
            if key in answer:
                return answer
        raise self._fail(
            APIResponseError,
            f"[OpenRouter] {where} did not answer with JSON that has {key!r}. {self._transport.address_hint}",
        )

    def raise_translated(self, error: Exception) -> NoReturn:
        """Raise an error of the connection as ours, and any other as it is."""
        failure = self._transport.find_failure(error)
        if failure is None:
            raise error
        _raise_alone(self._connection_error(failure, str(error) or type(error).__name__))

    @contextmanager
    def translating_errors(self) -> Iterator[None]:
        """Raise the errors of a block in the same way."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 -- raised again
            self.raise_translated(error)

    @property
    def _has_progressed(self) -> bool:
        """Whether a part of the response has come."""
        return False

    def _fail(self, error_type: type[APIError], message: str, *, sent: bool = True) -> APIError:
        """Return an error with the context of the request.

        Args:
            error_type: Its type.
            message: Its text.
            sent: Whether the request may have reached the server.
        """
        details = self.context
        if not sent:
            details["may_be_billed"] = False
        return error_type(self._redact(message), **details)

    def _connection_error(self, failure: TransportFailure, cause: str) -> APIError:
        error_type, text = self._describe(failure, cause.rstrip("."))
        where = f" Model: {self._model}." if self._model else ""
        return self._fail(error_type, f"[OpenRouter] {text}{where}", sent=failure not in _NOT_SENT)

    def _describe(self, failure: TransportFailure, cause: str) -> tuple[type[APIError], str]:
        if failure == "silence":
            is_first = self.timer.waits_for_answer
            error_type = FirstTokenTimeoutError if is_first else APITimeoutError
            return error_type, f"{self.timer.describe()}."
        if failure == "connect timeout":
            return APITimeoutError, f"{self._address} could not be reached in time."
        if failure == "size":
            return ResponseTooLargeError, f"The response has {cause} (max_response_bytes)."
        if failure == "encoding":
            return APIResponseError, f"The response cannot be decompressed: {cause}."
        if self._has_progressed:
            return StreamInterruptedError, f"The connection broke: {cause}."
        name = self._transport.base_url_name
        what = f"No answer came from {self._address}; check the network and {name}: {cause}."
        return APIConnectionError, what


def _raise_alone(error: APIError) -> NoReturn:
    """Raise an error without those behind it: their frames hold the headers of the request."""
    try:
        raise error
    finally:
        error.__context__ = None
