"""Error envelopes -> typed errors.

OpenRouter reports a failure as `{"error": {"code", "message", "metadata": {...}}}`, as the body of a 4xx or 5xx, as the
body of a 200, in a choice, or in a chunk; a proxy in between may answer with a page of HTML. The useful text is often
in `metadata.raw` (https://openrouter.ai/docs/api_reference/errors-and-debugging).
"""

import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import msgspec

from glm_openrouter import errors
from glm_openrouter._json.lenient import decode_tolerantly, to_number
from glm_openrouter._response.sse import ResponseDecoder
from glm_openrouter._secrets import Redactor
from glm_openrouter._secrets import redact as redact_usual
from glm_openrouter.errors import APIStatusError, ErrorDetails

from .hints import affordable_tokens, is_retryable, read_number, retry_after
from .message import describe
from .text import error_text, find_text, list_texts, shorten

__all__ = ["error_from_body", "error_from_envelope"]

_TYPES: Mapping[int, type[APIStatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.PaymentRequiredError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    413: errors.RequestTooLargeError,
    422: errors.UnprocessableEntityError,
    429: errors.RateLimitError,
}

_MAY_BE_BILLED = frozenset((504, 524))
"""Somebody in between did not wait for the answer; the provider may have finished it."""

_SAYS_NOTHING = ("Not Found", "Not found", "", None)
"""Messages of a 404 for a path that no server of the API has."""

_OVERFLOW_NAMES = frozenset(
    (
        "context_length_exceeded",
        "max_tokens_exceeded",
        "string_too_long",
        "token_limit_exceeded",
    )
)
"""What OpenRouter calls a prompt, or a `max_tokens`, that does not fit."""

_STATUS_OF_NAME = {
    **dict.fromkeys(
        (
            "content_policy_violation",
            "image_download_failed",
            "image_too_large",
            "image_too_small",
            "invalid_image",
            "invalid_prompt",
            "invalid_request",
            "model_not_found",
            "refusal",
            "unsupported_image_format",
            "wrong_endpoint",
            *_OVERFLOW_NAMES,
        ),
        400,
    ),
    "authentication": 401,
    "payment_required": 402,
    **dict.fromkeys(("permission_denied", "region_restricted"), 403),
    **dict.fromkeys(
        (
            "constraint_filtered",
            "free_variant_ended",
            "image_not_found",
            "model_deprecated",
            "model_unavailable_upstream",
            "no_endpoints",
            "not_found",
            "privacy_restricted",
        ),
        404,
    ),
    "precondition_failed": 412,
    "payload_too_large": 413,
    "unprocessable": 422,
    **dict.fromkeys(("capacity_exhausted", "rate_limit_exceeded"), 429),
    **dict.fromkeys(("server", "unmapped"), 500),
    "provider_unavailable": 502,
    **dict.fromkeys(("provider_overloaded", "temporarily_unavailable"), 503),
    "timeout": 504,
}
"""`error_type`, `availability.code` or a word as `code` -> the status, where no number says it."""

_OVERFLOW = re.compile(
    r"context_length_exceeded|(maximum|max) context length|context (length|window)\b.{0,20}\bexceeded"
    r"|(prompt|input|context)\b.{0,40}\b(too long|exceeds?.{0,40}\b(length|window|tokens))",
    re.IGNORECASE,
)
"""How providers say that a prompt does not fit."""


def error_from_body(
    body: bytes,
    status: int,
    headers: Mapping[str, str],
    context: ErrorDetails,
    *,
    redact: Redactor = redact_usual,
    other_server: str = "",
) -> APIStatusError:
    """Return the error for an HTTP response with an error status.

    Args:
        body: The whole body, whatever it is.
        status: The HTTP status.
        headers: The response headers.
        context: What is known already, such as the model.
        redact: Takes out the secrets of the client, which some servers repeat.
        other_server: What to do if it is not OpenRouter that says there is nothing.
    """
    envelope = _read_envelope(body)
    if envelope is None:
        envelope = {"error": {"message": body.decode(errors="replace").strip()}}
    return error_from_envelope(
        envelope, context, status=status, headers=headers, redact=redact, other_server=other_server
    )


def error_from_envelope(
    envelope: Mapping[str, Any],
    context: ErrorDetails,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    has_worked: bool = False,
    redact: Redactor = redact_usual,
    other_server: str = "",
    now: Callable[[], float] = time.time,
) -> APIStatusError:
    """Return the error that an envelope describes.

    Args:
        envelope: An object with the key `error`.
        context: What is known already, such as the model.
        status: The HTTP status, if it is one of an error.
        headers: The response headers.
        has_worked: Whether a part of an answer has come before the error.
        redact: Takes out the secrets of the client, which some servers repeat.
        other_server: What to do if it is not OpenRouter that says there is nothing.
        now: Returns the time in seconds since the epoch; resets are given as a point in time.
    """
    read = partial(find_text, redact=redact)
    error = envelope.get("error") or {"message": envelope}
    if not isinstance(error, Mapping):
        error = {"message": error}
    metadata = _mapping(error.get("metadata"))
    availability = _mapping(error.get("availability") or envelope.get("availability"))
    headers = headers or {}
    names = (metadata.get("error_type"), error.get("error_type"), availability.get("code"))
    code = error.get("code")
    says_more = _to_status(code) is not None and error.get("message") not in _SAYS_NOTHING
    is_openrouters = says_more or any((metadata, availability, *names))
    status = _to_status(code) or _to_status(error.get("http_status")) or status
    status = status or _status_of_names(*names, code)
    raw = read(metadata.get("raw"))
    reasons = list_texts(metadata.get("reasons"), read)
    text = shorten(redact(error_text(read(error.get("message")), raw, reasons)))
    facts = {
        "code": _to_code(code),
        "error_type": _first_text(*names),
        "availability": _first_text(availability.get("code")),
        "provider_name": _first_text(metadata.get("provider_name"), context.get("provider_name")),
        "raw": raw or None,
        "request_id": headers.get("x-generation-id") or context.get("request_id"),
    }
    clean = {
        name: shorten(redact(value)) if isinstance(value, str) else value
        for name, value in facts.items()
    }
    inner = {str(key).lower(): value for key, value in _mapping(metadata.get("headers")).items()}
    wait = retry_after(headers, inner, availability, now)
    details: ErrorDetails = {
        **context,
        **cast(ErrorDetails, clean),
        "status_code": status,
        "retry_after": wait,
        "retryable": is_retryable(status, text, wait, metadata, availability),
        "may_be_billed": bool(context.get("may_be_billed"))
        and (has_worked or status in _MAY_BE_BILLED),
    }
    if suggested := list_texts(availability.get("fallback_models"), read):
        details["fallback_models"] = suggested
    if status == 402 and (affordable := affordable_tokens(text)) is not None:
        details["affordable_max_tokens"] = affordable
    causes = availability.get("excluded_by") or metadata.get("failed_routing_step")
    hint = other_server if status == 404 and not is_openrouters else ""
    message = describe(text, details, list_texts(causes, read), hint=hint)
    return _error_type(status, text, details)(redact(message), **details)


def _read_envelope(body: bytes) -> dict[str, Any] | None:
    """Return the object that a page is, or that is the first event of it; `None` if it is something else."""
    decoder = ResponseDecoder()
    for payload in (*decoder.feed(body), *decoder.flush()):
        try:
            value = decode_tolerantly(payload)
        except msgspec.DecodeError:
            return None
        return value if isinstance(value, dict) else None
    return None


def _status_of_names(*names: object) -> int:
    """Return the status that the first known one of these names stands for."""
    words = [name.lower() for name in names if isinstance(name, str)]
    return next((_STATUS_OF_NAME[word] for word in words if word in _STATUS_OF_NAME), 500)


def _error_type(status: int, text: str, details: ErrorDetails) -> type[APIStatusError]:
    names = (details.get("error_type"), details.get("code"))
    overflow = not _OVERFLOW_NAMES.isdisjoint(names) or _OVERFLOW.search(text)
    if overflow and status in (400, 413, 422):
        return errors.ContextLengthExceededError
    return _TYPES.get(
        status, errors.InternalServerError if status >= 500 or status == 408 else APIStatusError
    )


def _first_text(*values: object) -> str | None:
    return next((value for value in values if isinstance(value, str) and value), None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _to_code(value: object) -> str | int | None:
    is_code = isinstance(value, str) or (isinstance(value, int) and to_number(value) is not None)
    return cast("str | int", value) if is_code else None


def _to_status(value: object) -> int | None:
    """Return a code if it is the HTTP status of an error; providers also have codes of their own."""
    number = read_number(value)
    return int(number) if number is not None and 400 <= number < 1000 else None
