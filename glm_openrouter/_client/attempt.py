"""One try at one request, whatever it asks for: how its failures become typed errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from glm_openrouter._idle import IdleTimer
from glm_openrouter._response.failures import error_from_body
from glm_openrouter._response.memory import Memory
from glm_openrouter._secrets import Redactor
from glm_openrouter.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APITimeoutError,
    ErrorDetails,
    ResponseTooLargeError,
    StreamInterruptedError,
)

if TYPE_CHECKING:
    from glm_openrouter._http import HTTPResponse, TransportFailure

__all__ = ["Attempt", "transport_failure"]

_NOT_SENT = ("no connection", "connect timeout")
"""Failures with which the request has not left this machine."""


class Attempt:
    """One try at one request."""

    def __init__(
        self,
        *,
        silence: IdleTimer,
        base_url: str,
        model: str | None,
        redact: Redactor,
        memory: Memory,
    ) -> None:
        self.silence = silence
        self.memory = memory
        """What the response takes."""
        self._redact = redact
        self._base_url = base_url
        self._model = model

    @property
    def context(self) -> ErrorDetails:
        """What an error can say about the request."""
        return {"model": self._model}

    def status_error(self, response: HTTPResponse, body: bytes) -> APIError:
        """Return the error for a response that is not a success."""
        if response.is_redirect:
            body = f"Redirected to {response.headers.get('location')}; set base_url to where the API is".encode()
        return error_from_body(
            body, response.status_code, response.headers, self.context, redact=self._redact
        )

    def raise_translated(self, error: Exception) -> NoReturn:
        """Raise an error of the connection as ours, and any other as it is."""
        failure = transport_failure(error)
        if failure is None:
            raise error
        _raise_alone(self._connection_error(failure, str(error) or type(error).__name__))

    @contextmanager
    def translating_errors(self) -> Iterator[None]:
        """Do so with the errors of a block."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 -- raised again
            self.raise_translated(error)

    @property
    def _has_progressed(self) -> bool:
        """Whether a part of the response has come."""
        return False

    def _fail(self, kind: type[APIError], message: str, *, sent: bool = True) -> APIError:
        """Return an error that holds what is known.

        Args:
            kind: Its type.
            message: Its text.
            sent: Whether the request may have reached the server.
        """
        details = self.context
        if not sent:
            details["may_be_billed"] = False
        return kind(self._redact(message), **details)

    def _connection_error(self, failure: TransportFailure, cause: str) -> APIError:
        kind, text = self._describe(failure, cause.rstrip("."))
        where = f" Model: {self._model}." if self._model else ""
        return self._fail(kind, f"[OpenRouter] {text}{where}", sent=failure not in _NOT_SENT)

    def _describe(self, failure: TransportFailure, cause: str) -> tuple[type[APIError], str]:
        if failure == "silence":
            return APITimeoutError, f"{self.silence.describe()}."
        if failure == "connect timeout":
            return APITimeoutError, f"{self._base_url} could not be reached in time."
        if failure == "size":
            return ResponseTooLargeError, f"The response has {cause} (max_response_bytes)."
        if failure == "encoding":
            return APIResponseError, f"The response cannot be decompressed: {cause}."
        if self._has_progressed:
            return StreamInterruptedError, f"The connection broke: {cause}."
        what = f"No answer came from {self._base_url}; check the network and base_url: {cause}."
        return APIConnectionError, what


def _raise_alone(error: APIError) -> NoReturn:
    """Raise an error without those behind it: their frames hold the headers of the request."""
    try:
        raise error
    finally:
        error.__context__ = None


def transport_failure(error: Exception) -> TransportFailure | None:
    """Return how the transport failed, or `None` if `error` does not come from there."""
    from glm_openrouter import _http  # and with it httpx, which has been imported by now

    return _http.transport_failure(error)
