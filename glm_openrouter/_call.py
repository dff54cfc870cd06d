"""One try at one request: everything about it that is not a socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ._assembly import Assembly
from ._envelope import error_from_body
from ._repair import Repairs
from ._silence import Silence
from ._sse import BodyDecoder, EventStreamDecoder
from .errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    ErrorDetails,
    StreamInterruptedError,
)
from .settings import ChatRequest
from .spend import record
from .types import Completion, Delta

if TYPE_CHECKING:
    from ._http import HTTPResponse

__all__ = ["Call"]


class Call:
    """One try at one request."""

    def __init__(
        self,
        request: ChatRequest,
        *,
        stream: bool,
        repairs: Repairs,
        silence: Silence,
        base_url: str,
    ) -> None:
        self.request = request
        self.stream = stream
        self.silence = silence
        self._repairs = repairs
        self._base_url = base_url
        self._assembly: Assembly | None = None
        self.done = False
        """Whether the response has said that it is over, or has failed."""

    @property
    def completion(self) -> Completion | None:
        """The finished response."""
        return self._assembly.completion if self._assembly else None

    def begin(self, response: HTTPResponse) -> None:
        """Get ready for the body of a response."""
        self.silence.heard("the start of the response")
        content_type = response.headers.get("content-type", "")
        json = "json" in content_type if self.stream else "event-stream" not in content_type
        decoder = BodyDecoder() if json else EventStreamDecoder()
        self._assembly = Assembly(decoder, self._repairs, self.request.model)

    def feed(self, data: bytes) -> list[Delta]:
        """Take the next bytes of the body and return the increments that they complete.

        Raises:
            TimeoutError: Only comments came, and that for too long.
        """
        assembly = self._assembly
        assert assembly is not None  # for the type checker; `begin` has set it
        progress = assembly.progress
        deltas = assembly.feed(data)
        self.done = assembly.done
        if assembly.progress != progress:
            self.silence.heard_event(assembly.progress)
        else:
            self.silence.remaining()
        return deltas

    def flush(self) -> list[Delta]:
        """Return what was held back; from here on `completion` is there.

        Raises:
            APIError: The response is a failure, or not complete.
        """
        assert self._assembly is not None  # for the type checker; `begin` has set it
        deltas = self._assembly.flush()
        if self._assembly.completion is not None:
            record(self._assembly.completion)
        return deltas

    def status_error(self, response: HTTPResponse, body: bytes) -> APIError:
        """Return the error for a response whose status is one."""
        if response.is_redirect:
            body = f"Redirected to {response.headers.get('location')}; set base_url to where the API is".encode()
        context: ErrorDetails = {"model": self.request.model}
        return error_from_body(body, response.status_code, response.headers, context)

    def raise_translated(self, error: Exception) -> None:
        """Raise an error of the connection as ours, and any other as it is; a response that is complete has none."""
        failure = transport_failure(error)
        if failure is None:
            raise error
        if self._assembly is None or not self._assembly.finished:
            raise self._connection_error(failure, str(error) or type(error).__name__) from error

    @contextmanager
    def translating_errors(self) -> Iterator[None]:
        """Do so for the errors of a block."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 -- raised again, unless the response is complete
            self.raise_translated(error)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Wait a moment for the end of the body, so that the connection can be used again."""
        self.silence.end()
        try:
            yield
        except Exception as error:
            if transport_failure(error) is None:
                raise

    def _connection_error(self, failure: str, cause: str) -> APIError:
        kind: type[APIError] = APIConnectionError
        if failure == "silence":
            kind, text = APITimeoutError, f"{self.silence.describe()}."
        elif failure == "connect timeout":
            kind, text = APITimeoutError, f"{self._base_url} could not be reached in time."
        elif self._assembly is not None and self._assembly.progress:
            kind, text = StreamInterruptedError, f"The connection broke: {cause}."
        else:
            text = f"No answer came from {self._base_url}; check the network and base_url: {cause}."
        message = f"[OpenRouter] {text} Model: {self.request.model}."
        if self._assembly is None:
            return kind(message, model=self.request.model)
        return self._assembly.fail(kind, message)


def transport_failure(error: Exception) -> str | None:
    """Return how the transport failed, or `None` if `error` does not come from there."""
    from . import _http  # and with it httpx, which is there by now

    return _http.transport_failure(error)
