"""What can go wrong, as a tree of types.

::

    GLMError
    ├── InvalidRequestError (also a ValueError)   refused here, nothing was sent
    ├── BudgetExceededError                       the call might cost more than its `Budget` has left; nothing was sent
    ├── StoreError                                a `Journal` or a `SharedBudget` cannot be read or written
    │   └── OtherJobError                         a `Journal` belongs to another job
    ├── TruncatedToolCallError                    a tool call was cut off; it must not run
    ├── InvalidToolCallError                      a tool call cannot be read, after more tries neither; it must not run
    ├── StructuredOutputError (also a ValueError) the answer does not fit the schema, even after a second try
    │   └── ModelRefusalError                     the model refused to give it
    └── APIError
        ├── APIConnectionError                    no response came
        │   └── APITimeoutError                   silence for longer than `timeout`
        │       └── FirstTokenTimeoutError        the answer did not begin within `first_token_timeout`
        ├── APIResponseError                      a response came that cannot be read
        ├── StreamInterruptedError                a stream ended before its finish reason
        ├── ResponseTooLargeError                 more came than `max_response_bytes`
        └── APIStatusError                        OpenRouter or the provider reported a failure
            ├── BadRequestError            400
            │   └── ContextLengthExceededError
            ├── AuthenticationError        401
            ├── PaymentRequiredError       402
            ├── PermissionDeniedError      403
            ├── NotFoundError              404
            ├── ConflictError              409
            ├── RequestTooLargeError       413
            ├── UnprocessableEntityError   422
            ├── RateLimitError             429
            └── InternalServerError        408, 5xx and unknown codes

A failure has the same type wherever OpenRouter puts it: in the HTTP status, in a body with status 200, in a
choice, or in a chunk of a stream.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, TypedDict, Unpack

from ._website import ADDRESS
from .completions import Usage

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "BudgetExceededError",
    "ConflictError",
    "ContextLengthExceededError",
    "EmptyResponseWarning",
    "FirstTokenTimeoutError",
    "GLMError",
    "InternalServerError",
    "InvalidRequestError",
    "InvalidToolCallError",
    "ModelRefusalError",
    "NotFoundError",
    "OtherJobError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestTooLargeError",
    "ResponseTooLargeError",
    "RetiringModelWarning",
    "RoutingConflictWarning",
    "SmallMaxTokensWarning",
    "StoreError",
    "StreamInterruptedError",
    "StructuredOutputError",
    "TruncatedToolCallError",
    "TruncatedToolCallWarning",
    "UnprocessableEntityError",
    "UnreadableEntryWarning",
    "UnreportedCostWarning",
    "UnsupportedContentWarning",
]


class GLMError(Exception):
    """Base of every error that this project raises; its text ends with the address of the page about it."""

    @property
    def message(self) -> str:
        """What happened, where, and what to do: the text without the address of the page."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        return f"{self.message} See {_page_of(type(self))}".lstrip()

    def _repr_html_(self) -> str:
        """Return what a notebook shows of an error that was caught and is the value of a cell."""
        from ._html import fact_table  # which a program needs in a notebook alone

        return fact_table(self._facts(), caption=type(self).__name__, link=_page_of(type(self)))

    def _facts(self) -> dict[str, object]:
        return {"Message": self.message}


def _page_of(kind: type[GLMError]) -> str:
    """Return the address of what the site says of an error; classes of other modules are what they inherit from."""
    own = next(
        base for base in kind.__mro__ if base.__module__ == __name__ and base.__name__ in __all__
    )
    return f"{ADDRESS}/errors/#{own.__name__.lower()}"


class InvalidRequestError(GLMError, ValueError):
    """A request that cannot succeed; it was refused before anything was sent."""


class BudgetExceededError(GLMError):
    """The next call might cost more than its `Budget` has left; it was not sent. All amounts are in USD."""

    retryable = False

    def __init__(self, message: str, *, limit: float, spent: float, estimate: float) -> None:
        super().__init__(message)
        self.limit = limit
        """What may be spent."""
        self.spent = spent
        """What has been spent, with the estimates of calls whose cost was not reported."""
        self.estimate = estimate
        """What the call was estimated to cost."""

    def __reduce__(self) -> tuple[Any, ...]:
        rebuild = partial(type(self), limit=self.limit, spent=self.spent, estimate=self.estimate)
        return rebuild, self.args


class StoreError(GLMError):
    """What a `Journal` or a `SharedBudget` is kept in cannot be read or written.

    Nothing was sent, unless the message says that an answer could not be kept.
    """

    retryable = False


class OtherJobError(StoreError):
    """A `Journal` belongs to another job, whose answers are not those of this one; nothing was sent."""


class ErrorDetails(TypedDict, total=False):
    """What an `APIError` knows besides its message. Every key is optional."""

    status_code: int | None
    code: str | int | None
    error_type: str | None
    availability: str | None
    fallback_models: list[str]
    provider_name: str | None
    model: str | None
    raw: str | None
    request_id: str | None
    retry_after: float | None
    retryable: bool
    may_be_billed: bool
    affordable_max_tokens: int | None
    partial_text: str
    partial_reasoning: str
    usage: Usage | None


class APIError(GLMError):
    """A request that got no complete response."""

    status_code: int | None = None
    """HTTP status, or the code of an error that came inside a 200."""
    code: str | int | None = None
    """The `code` of the error as sent."""
    error_type: str | None = None
    """OpenRouter's `error_type` or `availability.code`, such as `rate_limit_exceeded`."""
    availability: str | None = None
    """OpenRouter's `availability.code`, such as `model_deprecated`."""
    fallback_models: Sequence[str] = ()
    """Models that OpenRouter suggests instead."""
    provider_name: str | None = None
    """The upstream that failed, such as `Z.AI`; `None` if OpenRouter itself did."""
    model: str | None = None
    """The model that was asked for."""
    raw: str | None = None
    """What the upstream said: the text of `metadata.raw`."""
    request_id: str | None = None
    """Generation id (`gen-...`) for OpenRouter's support and `GET /generation`."""
    retry_after: float | None = None
    """Seconds to wait before the next try, if the response says."""
    retryable: bool = False
    """Whether the same request may succeed later."""
    may_be_billed: bool = False
    """Whether the failed try may cost something: a model may have worked on it, and what it cost did not come."""
    affordable_max_tokens: int | None = None
    """With status 402: the `max_tokens` that the balance allows."""
    partial_text: str = ""
    """The text that arrived before the failure."""
    partial_reasoning: str = ""
    """The reasoning that arrived before the failure."""
    usage: Usage | None = None
    """The usage that arrived before the failure."""

    def __init__(self, message: str, **details: Unpack[ErrorDetails]) -> None:
        super().__init__(message)
        self.details = details
        self.__dict__.update(details)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self.details), self.args

    def _facts(self) -> dict[str, object]:
        return {
            **super()._facts(),
            "Status": self.status_code,
            "Provider": self.provider_name,
            "Model": self.model,
            "Request id": self.request_id,
            "Retry after": None if self.retry_after is None else f"{self.retry_after:g} s",
            "Text so far": self.partial_text,
            "Reasoning so far": self.partial_reasoning,
        }


class APIConnectionError(APIError):
    """The connection could not be made, or broke before a response came."""

    retryable = True


class APITimeoutError(APIConnectionError):
    """Nothing came for longer than `timeout`; the message says how long and what came last."""


class FirstTokenTimeoutError(APITimeoutError):
    """No reasoning, text or tool call came within `first_token_timeout`; another model or provider may be faster."""


class APIResponseError(APIError):
    """A response came that is not a completion: a page of HTML, cut JSON, no choices."""

    retryable = True


class StreamInterruptedError(APIError):
    """A stream ended before its finish reason; `partial_text` holds what came."""

    retryable = True


class ResponseTooLargeError(APIError):
    """A response has more bytes than `max_response_bytes`; `partial_text` holds what came of it."""


class APIStatusError(APIError):
    """OpenRouter or the provider behind it reported a failure."""


class BadRequestError(APIStatusError):
    """The request was refused as invalid (400)."""


class ContextLengthExceededError(BadRequestError):
    """Prompt and `max_tokens` do not fit into the context window."""


class AuthenticationError(APIStatusError):
    """The API key is missing, wrong, disabled or expired (401)."""


class PaymentRequiredError(APIStatusError):
    """The balance, or the limit of the key, does not cover the request (402)."""


class PermissionDeniedError(APIStatusError):
    """Moderation, a guardrail, the region or the key forbids the request (403)."""


class NotFoundError(APIStatusError):
    """No endpoint is left after routing, or the model is gone (404)."""


class ConflictError(APIStatusError):
    """The request conflicts with another one (409)."""


class RequestTooLargeError(APIStatusError):
    """The request body is too large (413)."""


class UnprocessableEntityError(APIStatusError):
    """The request is well-formed but cannot be processed (422)."""


class RateLimitError(APIStatusError):
    """OpenRouter or the provider limits the rate (429)."""


class InternalServerError(APIStatusError):
    """OpenRouter or the provider failed, is overloaded, or timed out (408, 5xx)."""


class _ToolCallError(GLMError):
    def __init__(self, message: str, *, name: str, arguments: str) -> None:
        super().__init__(message)
        self.name = name
        """The tool that was being called."""
        self.arguments = arguments
        """The arguments as far as they came."""

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), name=self.name, arguments=self.arguments), self.args


class TruncatedToolCallError(_ToolCallError):
    """A tool call that must not run: the response was cut off, and the call with it."""


class InvalidToolCallError(_ToolCallError):
    """A tool call that must not run: nothing was cut off, but it has no name, or arguments that are no JSON object."""


class StructuredOutputError(GLMError, ValueError):
    """An answer that does not fit the schema that was asked for."""

    def __init__(self, message: str, raw: Any = None) -> None:
        super().__init__(message, raw)
        self.raw = raw
        """The answer: the framework's own message, or text."""


class ModelRefusalError(StructuredOutputError):
    """The model, or a filter, refused to give the answer that was asked for; it was not asked again."""


class EmptyResponseWarning(UserWarning):
    """The answer holds no text and no tool call: thinking used up `max_tokens`, or a filter took all of it."""


class RetiringModelWarning(UserWarning):
    """OpenRouter has named the day from which it may no longer serve the model."""


class RoutingConflictWarning(UserWarning):
    """A routing suffix such as `:exacto` has no effect, because `provider` says something else."""


class SmallMaxTokensWarning(UserWarning):
    """`max_tokens` leaves a model that thinks no room for an answer."""


class TruncatedToolCallWarning(UserWarning):
    """The response was cut off in a tool call, or before it was clear that the call is whole: no call of it runs."""


class UnreadableEntryWarning(UserWarning):
    """An entry of a `Journal` is damaged or not from there, so its request is sent again."""


class UnreportedCostWarning(UserWarning):
    """A response says how many tokens it took, but not what they cost, so a `Spend` or `Budget` can only estimate."""


class UnsupportedContentWarning(UserWarning):
    """An image or the like in a tool result or an earlier answer was left out: the model does not take it."""
