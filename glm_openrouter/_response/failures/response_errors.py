"""The errors that end a response; each holds what has come of it."""

from glm_openrouter._json.values import JSONObject
from glm_openrouter._response.accumulator import ChatAccumulator
from glm_openrouter._secrets import Redactor
from glm_openrouter.errors import (
    APIError,
    APIResponseError,
    ErrorDetails,
    ResponseTooLargeError,
    StreamInterruptedError,
)

from . import error_from_envelope

__all__ = ["MAX_CALL_PARTS", "ResponseErrors"]

MAX_CALL_PARTS = 20_000
"""Parts of tool calls in one payload, each of which takes some time; no answer has a hundred."""

_EXCERPT = 4096
"""Bytes of a payload that are looked at to show what it is; much more than is shown, so that no secret is cut."""


class ResponseErrors:
    """Make the errors of one response.

    Args:
        model: The model that was asked for.
        redact: Takes secrets out of a text.
        accumulator: Holds what has come.
    """

    def __init__(self, model: str | None, redact: Redactor, accumulator: ChatAccumulator) -> None:
        self._model = model
        self._redact = redact
        self._accumulator = accumulator

    @property
    def details(self) -> ErrorDetails:
        """What an error can say about the response."""
        facts = self._accumulator.completion
        return {
            "model": self._model,
            "provider_name": facts.provider and self._redact(facts.provider),
            "request_id": facts.id and self._redact(facts.id),
            "partial_text": self._accumulator.text,
            "partial_reasoning": self._accumulator.reasoning,
            "usage": facts.usage,
            "may_be_billed": True,
        }

    def reported(self, error: JSONObject | str | None = None) -> APIError:
        """Return the error that OpenRouter or the provider reported in the response."""
        envelope = {"error": error or "The provider ended the response with an error"}
        facts = self._accumulator.completion
        has_worked = self._accumulator.has_content or facts.usage is not None
        return error_from_envelope(
            envelope, self.details, has_worked=has_worked, redact=self._redact
        )

    def unreadable(self, excerpt: str) -> APIError:
        """Return the error for a payload that is no JSON object."""
        return self._make(APIResponseError, f"Not a completion: {excerpt}")

    def too_many_calls(self) -> APIError:
        """Return the error for a payload with more than `MAX_CALL_PARTS` parts of tool calls."""
        message = f"The response has more than {MAX_CALL_PARTS:,} parts of tool calls in one piece."
        return self._make(APIResponseError, f"[OpenRouter] {message}")

    def too_large(self) -> APIError:
        """Return the error for a response that would take more memory than it may."""
        return self._make(
            ResponseTooLargeError,
            "[OpenRouter] The response needs too much memory (max_response_bytes)."
            + (f" Model: {self._model}." if self._model else ""),
        )

    def without_choices(self, *, is_empty: bool) -> APIError:
        """Return the error for a response that ended before any choice came."""
        what = "before anything came" if is_empty else "without choices"
        return self._make(APIResponseError, f"The response ended {what}.")

    def interrupted(self) -> APIError:
        """Return the error for a stream that ended before its finish reason."""
        return self._make(StreamInterruptedError, "The stream ended before its finish reason.")

    def excerpt(self, payload: bytes) -> str:
        """Return the beginning of a payload, to be shown in an error."""
        text = self._redact(payload[:_EXCERPT].decode(errors="replace"))
        return f"{text[:200]!r}" + (" ..." if len(text) > 200 else "")

    def _make(self, kind: type[APIError], message: str) -> APIError:
        return kind(self._redact(message), **self.details)
