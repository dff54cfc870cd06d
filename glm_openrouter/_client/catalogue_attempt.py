"""One try at one request to the catalogue: everything about it that is not a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from glm_openrouter._json.lenient import decode_tolerantly
from glm_openrouter._json.values import JSONObject
from glm_openrouter._response.failures import error_from_envelope
from glm_openrouter.catalogue.queries import GetRequest
from glm_openrouter.errors import APIResponseError, ResponseTooLargeError

from .attempt import Attempt

if TYPE_CHECKING:
    from glm_openrouter._http import HTTPResponse

    from .transport import BaseTransport

__all__ = ["CatalogueAttempt"]


class CatalogueAttempt(Attempt):
    """One try at getting one thing."""

    def __init__(self, transport: BaseTransport, request: GetRequest) -> None:
        super().__init__(transport, request.model)

    def read(self, response: HTTPResponse, body: bytes) -> JSONObject:
        """Return the answer.

        Raises:
            APIError: It is a failure, or not an object with `data`.
        """
        if not response.is_success:
            raise self.status_error(response, body)
        if not self.memory.admits(body):
            raise self._fail(
                ResponseTooLargeError,
                f"[OpenRouter] The response of {response.url} needs too much memory (max_response_bytes).",
            )
        try:
            answer = decode_tolerantly(body)
        except msgspec.DecodeError:
            answer = None
        if isinstance(answer, dict):
            if "data" in answer:
                return answer
            if "error" in answer:
                raise error_from_envelope(
                    answer, self.context, headers=response.headers, redact=self._redact
                )
        raise self._fail(
            APIResponseError,
            f"[OpenRouter] {response.url} did not answer with the JSON of a catalogue; check base_url.",
        )
