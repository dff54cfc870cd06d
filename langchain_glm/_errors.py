"""The errors of the core, as errors of LangChain too, so that its retries, fallbacks and middleware act on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Unpack

from langchain_core import exceptions
from langchain_core.messages import BaseMessage

from glm_openrouter import errors

__all__ = [
    "APIConnectionError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "BudgetExceededError",
    "ConflictError",
    "ContextLengthExceededError",
    "FirstTokenTimeoutError",
    "InternalServerError",
    "InvalidRequestError",
    "InvalidToolCallError",
    "ModelRefusalError",
    "NotFoundError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestTooLargeError",
    "ResponseTooLargeError",
    "StreamInterruptedError",
    "StructuredOutputError",
    "TruncatedToolCallError",
    "UnprocessableEntityError",
]


class InvalidRequestError(errors.InvalidRequestError, exceptions.ModelInvalidRequestError):
    """A request that cannot succeed; it was refused before anything was sent."""


class _ModelError(errors.APIError, exceptions.ModelError):
    """Says to LangChain what the error itself knows."""

    def __init__(self, message: str, **details: Unpack[errors.ErrorDetails]) -> None:
        super().__init__(message, **details)
        self.is_retryable = self.retryable


class APIConnectionError(_ModelError, errors.APIConnectionError, exceptions.ModelConnectionError):
    """No answer came, or the connection broke."""


class APITimeoutError(_ModelError, errors.APITimeoutError, exceptions.ModelTimeoutError):
    """Nothing came for longer than `timeout`."""


class FirstTokenTimeoutError(APITimeoutError, errors.FirstTokenTimeoutError):
    """No reasoning, text or tool call came within `first_token_timeout`."""


class APIResponseError(_ModelError, errors.APIResponseError, exceptions.ModelAPIError):
    """An answer came that is not a completion."""


class StreamInterruptedError(
    _ModelError, errors.StreamInterruptedError, exceptions.ModelConnectionError
):
    """A stream ended before its finish reason."""


class ResponseTooLargeError(_ModelError, errors.ResponseTooLargeError, exceptions.ModelAPIError):
    """A response has more bytes than `max_response_bytes`, or would need more memory."""


class APIStatusError(_ModelError, errors.APIStatusError):
    """OpenRouter or the provider reported a failure."""


class BadRequestError(_ModelError, errors.BadRequestError, exceptions.ModelInvalidRequestError):
    """The request was refused as invalid (400)."""


class ContextLengthExceededError(
    _ModelError, errors.ContextLengthExceededError, exceptions.ContextOverflowError
):
    """Prompt and `max_tokens` do not fit into the context window."""


class AuthenticationError(
    _ModelError, errors.AuthenticationError, exceptions.ModelAuthenticationError
):
    """The API key is missing, wrong, disabled or expired (401)."""


class PaymentRequiredError(
    _ModelError, errors.PaymentRequiredError, exceptions.ModelPermissionDeniedError
):
    """The balance does not cover the request (402)."""


class PermissionDeniedError(
    _ModelError, errors.PermissionDeniedError, exceptions.ModelPermissionDeniedError
):
    """The request is forbidden (403)."""


class NotFoundError(_ModelError, errors.NotFoundError, exceptions.ModelNotFoundError):
    """No endpoint is left after routing, or the model is gone (404)."""


class ConflictError(_ModelError, errors.ConflictError, exceptions.ModelInvalidRequestError):
    """The request conflicts with another one (409)."""


class RequestTooLargeError(
    _ModelError, errors.RequestTooLargeError, exceptions.ModelInvalidRequestError
):
    """The request body is too large (413)."""


class UnprocessableEntityError(
    _ModelError, errors.UnprocessableEntityError, exceptions.ModelInvalidRequestError
):
    """The request cannot be processed (422)."""


class RateLimitError(_ModelError, errors.RateLimitError, exceptions.ModelRateLimitError):
    """OpenRouter or the provider limits the rate (429)."""


class InternalServerError(_ModelError, errors.InternalServerError, exceptions.ModelAPIError):
    """OpenRouter or the provider failed, is overloaded, or timed out (408, 5xx)."""


class BudgetExceededError(errors.BudgetExceededError, exceptions.ModelError):
    """The next call might cost more than its `Budget` has left; it was not sent."""

    is_retryable = False


class TruncatedToolCallError(errors.TruncatedToolCallError, exceptions.ModelError):
    """A tool call that must not run: the response was cut off, and the call with it."""

    is_retryable = False


class InvalidToolCallError(errors.InvalidToolCallError, exceptions.ModelError):
    """A tool call that must not run: nothing was cut off, but it has no name, or arguments that are no JSON object."""

    is_retryable = True


class StructuredOutputError(errors.StructuredOutputError, exceptions.OutputParserException):
    """An answer that does not fit the schema that was asked for; `raw` is the message."""

    def __init__(self, message: str, raw: BaseMessage) -> None:
        errors.StructuredOutputError.__init__(self, message, raw)
        self.observation, self.llm_output, self.send_to_llm = message, str(raw.text), False


if TYPE_CHECKING or hasattr(exceptions, "ModelRefusalError"):
    _RefusalError = exceptions.ModelRefusalError
else:  # before langchain-core 1.7.5
    _RefusalError = exceptions.ModelError


class ModelRefusalError(errors.ModelRefusalError, _RefusalError):
    """The model, or a filter, refused to give the answer that was asked for; `raw` is the message."""

    def __init__(self, message: str, raw: BaseMessage) -> None:
        errors.ModelRefusalError.__init__(self, message, raw)
        self.raw_message = raw


_TYPES: dict[type[errors.APIError], type[_ModelError]] = {
    errors.APIConnectionError: APIConnectionError,
    errors.APITimeoutError: APITimeoutError,
    errors.FirstTokenTimeoutError: FirstTokenTimeoutError,
    errors.APIResponseError: APIResponseError,
    errors.StreamInterruptedError: StreamInterruptedError,
    errors.ResponseTooLargeError: ResponseTooLargeError,
    errors.APIStatusError: APIStatusError,
    errors.BadRequestError: BadRequestError,
    errors.ContextLengthExceededError: ContextLengthExceededError,
    errors.AuthenticationError: AuthenticationError,
    errors.PaymentRequiredError: PaymentRequiredError,
    errors.PermissionDeniedError: PermissionDeniedError,
    errors.NotFoundError: NotFoundError,
    errors.ConflictError: ConflictError,
    errors.RequestTooLargeError: RequestTooLargeError,
    errors.UnprocessableEntityError: UnprocessableEntityError,
    errors.RateLimitError: RateLimitError,
    errors.InternalServerError: InternalServerError,
}
"""The errors of the core -> those of this package."""


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise the errors of the core as those of this package, which are both."""
    try:
        yield
    except InvalidRequestError:
        raise
    except errors.InvalidRequestError as error:
        problem = error.message
    except errors.BudgetExceededError as error:
        amounts = {"limit": error.limit, "spent": error.spent, "estimate": error.estimate}
        raise BudgetExceededError(error.message, **amounts) from None
    except errors.APIError as error:
        if type(error) not in _TYPES:
            raise
        raise _TYPES[type(error)](error.message, **error.details) from error.__cause__
    else:
        return
    raise InvalidRequestError(problem)
