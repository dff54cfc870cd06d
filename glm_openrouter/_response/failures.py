"""Error envelopes -> typed errors.

OpenRouter reports a failure as `{"error": {"code", "message", "metadata": {...}}}`, as the body of a 4xx or 5xx, as the
body of a 200, in a choice, or in a chunk; a proxy in between may answer with a page of HTML. The useful text is often
in `metadata.raw` (https://openrouter.ai/docs/api_reference/errors-and-debugging).
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, cast

import msgspec

from glm_openrouter import errors
from glm_openrouter._json.lenient import decode_tolerantly, to_number
from glm_openrouter._secrets import Redactor
from glm_openrouter._secrets import redact as redact_usual
from glm_openrouter.errors import APIStatusError, ErrorDetails

from .sse import ResponseDecoder

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

_RETRYABLE = frozenset((408, 429, 500, 502, 503, 504, 529, *range(520, 525)))

_MAY_BE_BILLED = frozenset((504, 524))
"""Somebody in between did not wait for the answer; the provider may have finished it."""

_STATUS_OF_NAME = {
    "invalid_request": 400,
    "context_length_exceeded": 400,
    "model_not_found": 400,
    "wrong_endpoint": 400,
    "authentication": 401,
    "payment_required": 402,
    "permission_denied": 403,
    "region_restricted": 403,
    "not_found": 404,
    "no_endpoints": 404,
    "constraint_filtered": 404,
    "privacy_restricted": 404,
    "payload_too_large": 413,
    "unprocessable": 422,
    "rate_limit_exceeded": 429,
    "capacity_exhausted": 429,
    "provider_unavailable": 502,
    "provider_overloaded": 503,
    "temporarily_unavailable": 503,
}
"""`error_type`, `availability.code` or a word as `code` -> the status, where no number says it."""

_GENERIC_MESSAGES = frozenset(("", "provider returned error", "error", "unknown error"))

_OVERFLOW = re.compile(
    r"context_length_exceeded|(maximum|max) context length|context (length|window)\b.{0,20}\bexceeded"
    r"|(prompt|input|context)\b.{0,40}\b(too long|exceeds?.{0,40}\b(length|window|tokens))",
    re.IGNORECASE,
)
"""How providers say that a prompt does not fit."""

_AFFORDABLE = re.compile(r"can only afford ([\d,]+)")
"""What a 402 says of the `max_tokens` that the balance allows."""

_LONGEST_TEXT = 1000
"""Characters of a text that is shown."""

_LONGEST_PAGE = 65_536
"""Characters of a text that is searched for what to show."""

_DEEPEST = 20
"""How many objects deep a text is looked for."""

_LONGEST_NUMBER = 64
"""Characters of a number or a date."""

_MOST_LISTED = 20
"""Reasons that are shown."""

_EXCLUDED_BY = {
    "geo": "your region",
    "data_region": "the data region of the base URL",
    "data_policy:zdr": "`provider.zdr`",
    "data_policy:training": "`provider.data_collection`",
    "max_price": "`provider.max_price`",
    "context_length": "the length of the prompt plus `max_tokens`",
    "require_parameters": "`provider.require_parameters`",
    "quantization": "`provider.quantizations`",
    "allowed_providers": "`provider.only`",
}
"""`availability.excluded_by` and routing steps -> the part of the request to change."""

_EXCLUDED_BY_TEXT = (
    ("support tool use", "`tools`"),
    ("'tool_choice'", "`tool_choice`"),
    ("image input", "an image in `messages`"),
    ("output modalities", "`modalities`"),
    (
        "data policy",
        "`provider.data_collection`, `provider.zdr` or the privacy settings of the account",
    ),
    ("allowed providers", "`provider.only`"),
)
"""Texts of a 404 -> the part of the request to change."""


def error_from_body(
    body: bytes,
    status: int,
    headers: Mapping[str, str],
    context: ErrorDetails,
    *,
    redact: Redactor = redact_usual,
) -> APIStatusError:
    """Return the error for an HTTP response with an error status.

    Args:
        body: The whole body, whatever it is.
        status: The HTTP status.
        headers: The response headers.
        context: What is known already, such as the model.
        redact: Takes out the secrets of the client, which some servers repeat.
    """
    envelope = _read_object(body)
    if envelope is None:
        envelope = {"error": {"message": body.decode(errors="replace").strip()}}
    return error_from_envelope(envelope, context, status=status, headers=headers, redact=redact)


def error_from_envelope(
    envelope: Mapping[str, Any],
    context: ErrorDetails,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    redact: Redactor = redact_usual,
    now: Callable[[], float] = time.time,
) -> APIStatusError:
    """Return the error that an envelope describes.

    Args:
        envelope: An object with the key `error`.
        context: What is known already, such as the model.
        status: The HTTP status, if it is one of an error.
        headers: The response headers.
        redact: Takes out the secrets of the client, which some servers repeat.
        now: Returns the time in seconds since the epoch; resets are given as a point in time.
    """
    read = partial(_to_text, redact=redact)
    error = envelope.get("error") or {"message": envelope}
    if not isinstance(error, Mapping):
        error = {"message": error}
    metadata = _mapping(error.get("metadata"))
    availability = _mapping(error.get("availability") or envelope.get("availability"))
    headers = headers or {}
    code = error.get("code")
    said_types = (metadata.get("error_type"), error.get("error_type"), availability.get("code"))
    status = _said_status(error) or status or _status_of_names(*said_types, code)
    raw = read(metadata.get("raw"))
    text = _shorten(
        redact(_error_text(read(error.get("message")), raw, _texts(metadata.get("reasons"), read)))
    )
    said = {
        "code": _to_code(code),
        "error_type": _first_text(*said_types),
        "provider_name": _first_text(metadata.get("provider_name"), context.get("provider_name")),
        "raw": raw or None,
        "request_id": headers.get("x-generation-id") or context.get("request_id"),
    }
    clean = {
        name: _shorten(redact(value)) if isinstance(value, str) else value
        for name, value in said.items()
    }
    details: ErrorDetails = {
        **context,
        **cast(ErrorDetails, clean),
        "status_code": status,
        "retry_after": _retry_after(headers, metadata, availability, now),
        "may_be_billed": bool(context.get("may_be_billed")) and status in _MAY_BE_BILLED,
    }
    details["retryable"] = _is_retryable(status, text, details, metadata, availability)
    if status == 402 and (affordable := _affordable(text)) is not None:
        details["affordable_max_tokens"] = affordable
    causes = availability.get("excluded_by") or metadata.get("failed_routing_step")
    message = _message(text, details, _texts(causes, read))
    return _error_type(status, text, details)(redact(message), **details)


def _read_object(body: bytes) -> dict[str, Any] | None:
    """Read a page that is JSON, or an event stream of it."""
    decoder = ResponseDecoder()
    for payload in (*decoder.feed(body), *decoder.flush()):
        try:
            value = decode_tolerantly(payload)
        except msgspec.DecodeError:
            return None
        return value if isinstance(value, dict) else None
    return None


def _said_status(error: Mapping[str, Any]) -> int | None:
    return _to_status(error.get("code")) or _to_status(error.get("http_status"))


def _status_of_names(*names: object) -> int:
    """Return the status that the first known one of these names stands for."""
    words = [name.lower() for name in names if isinstance(name, str)]
    return next((_STATUS_OF_NAME[word] for word in words if word in _STATUS_OF_NAME), 500)


def _error_type(status: int, text: str, details: ErrorDetails) -> type[APIStatusError]:
    named = (details.get("error_type"), details.get("code"))
    overflow = "context_length_exceeded" in named or _OVERFLOW.search(text)
    if overflow and status in (400, 413, 422):
        return errors.ContextLengthExceededError
    return _TYPES.get(
        status, errors.InternalServerError if status >= 500 or status == 408 else APIStatusError
    )


def _message(text: str, details: ErrorDetails, causes: Sequence[str]) -> str:
    """Say what happened, where, and what to do."""
    status = details.get("status_code")
    what = f"[{details.get('provider_name') or 'OpenRouter'}] {text.rstrip('. ')} ({status})."
    where = f"Model: {details.get('model')}." if details.get("model") else ""
    return " ".join(filter(None, (what, where, *_advice(text, details, causes))))


def _advice(text: str, details: ErrorDetails, causes: Sequence[str]) -> list[str]:
    advice = []
    status = details.get("status_code")
    if status == 401:
        advice.append(
            "Check the API key (OPENROUTER_API_KEY, https://openrouter.ai/settings/keys)."
        )
    if affordable := details.get("affordable_max_tokens"):
        advice.append(f"Set max_tokens to at most {affordable}, or add credits.")
    if status == 404 and (excluded := _excluded_by(text, causes)):
        advice.append(f"Excluded by {excluded}.")
    if status in (400, 404) and "not a valid model" in text:
        advice.append("Check the model id (https://openrouter.ai/models).")
    if wait := details.get("retry_after"):
        advice.append(f"Retry after {_duration(wait)}.")
    return advice


def _excluded_by(text: str, causes: Sequence[str]) -> str:
    """Name the parts of the request that left no endpoint."""
    named = [_EXCLUDED_BY.get(cause, cause) for cause in causes]
    lower = text.lower()
    named += [field for fragment, field in _EXCLUDED_BY_TEXT if fragment in lower]
    return ", ".join(dict.fromkeys(named))


def _affordable(text: str) -> int | None:
    found = _AFFORDABLE.search(text)
    number = to_number(found[1].replace(",", "")) if found else None
    return None if number is None else int(number)


def _is_retryable(
    status: int,
    text: str,
    details: ErrorDetails,
    metadata: Mapping[str, Any],
    availability: Mapping[str, Any],
) -> bool:
    limit = _first_text(metadata.get("limit_source")) or ""
    if "daily" in limit or "per-day" in text:
        return False
    if isinstance(availability.get("retryable"), bool):
        return bool(availability["retryable"])
    if status == 402:
        return limit == "openrouter_in_flight_budget" and details.get("retry_after") is not None
    return status in _RETRYABLE


def _retry_after(
    headers: Mapping[str, str],
    metadata: Mapping[str, Any],
    availability: Mapping[str, Any],
    now: Callable[[], float],
) -> float | None:
    """Return the longest of the waits that the response names, in seconds."""
    inner = {str(key).lower(): value for key, value in _mapping(metadata.get("headers")).items()}
    milliseconds = _read_number(headers.get("retry-after-ms"))
    waits = [
        None if milliseconds is None else milliseconds / 1000,
        _read_number(availability.get("retry_after")),
        _to_seconds(headers.get("retry-after"), now),
        _to_seconds(inner.get("retry-after"), now),
    ]
    resets = map(_read_number, (headers.get("x-ratelimit-reset"), inner.get("x-ratelimit-reset")))
    waits += [reset / 1000 - now() for reset in resets if reset is not None]  # ms since the epoch
    known = [wait for wait in waits if wait is not None and wait > 0]
    return max(known, default=None)


def _to_seconds(value: object, now: Callable[[], float]) -> float | None:
    """Read `Retry-After`: seconds, or a date (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after)."""
    seconds = _read_number(value)
    if seconds is not None or not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return seconds
    try:
        return parsedate_to_datetime(value).timestamp() - now()
    except (ValueError, OverflowError, OSError):
        return None


def _error_text(message: str, raw: str, reasons: Sequence[str]) -> str:
    """Return what the upstream said, or else what OpenRouter says."""
    if raw and message.strip(". ").lower() not in _GENERIC_MESSAGES and raw not in message:
        text = f"{message.rstrip('. ')}: {raw}"
    else:
        text = raw or message
    text = f"{text.rstrip('. ')}: {', '.join(reasons)}" if reasons else text
    return text or "The request failed without a message"


_INNER_KEYS = ("message", "error", "detail", "details", "msg", "raw")


def _to_text(value: object, *, redact: Redactor, deepest: int = _DEEPEST) -> str:
    """Dig the text out of what an upstream sent: text, JSON in text, or nested objects.

    Secrets are taken out before the text is cut, which might leave a part of one.
    """
    if isinstance(value, str):
        stripped = value.strip()
        inner = _read_json(stripped) if deepest and stripped[:1] in ("{", "[") else None
        found = _to_text(inner, redact=redact, deepest=deepest - 1)
        return found or _plain_text(redact(stripped)[:_LONGEST_PAGE])
    if isinstance(value, Mapping):
        value = [value.get(key) for key in _INNER_KEYS]
    if isinstance(value, list) and deepest:
        dig = partial(_to_text, redact=redact, deepest=deepest - 1)
        return next(filter(None, map(dig, value[:_MOST_LISTED])), "")
    return "" if to_number(value) is None else str(value)


def _read_json(text: str) -> object:
    try:
        return decode_tolerantly(text.encode(errors="replace"))
    except msgspec.DecodeError:
        return None


def _texts(value: object, read: Callable[[object], str]) -> list[str]:
    """Return the first few texts of a list, or of what should be one."""
    listed = value if isinstance(value, list) else [value]
    return [_shorten(text) for each in listed[:_MOST_LISTED] if (text := read(each))]


_PAGE = re.compile("<html|<!doctype|<body|<title", re.IGNORECASE)
_TITLE = re.compile("<title", re.IGNORECASE)
_TITLE_END = re.compile("</title", re.IGNORECASE)


def _plain_text(text: str) -> str:
    """Return the title, or else the words, of a page of HTML; other text as it is."""
    if _PAGE.search(text, 0, 2000):
        text = _title(text) or _without_tags(text)
    return " ".join(text.split())


def _title(page: str) -> str:
    begin = _TITLE.search(page)
    title = page[begin.end() :].partition(">")[2] if begin else ""
    end = _TITLE_END.search(title)
    return title[: end.start()] if end else ""


def _without_tags(page: str) -> str:
    first, *rest = page.split("<")
    return " ".join(
        [first, *(part.partition(">")[2] if ">" in part else f"<{part}" for part in rest)]
    )


def _shorten(text: str) -> str:
    """Return a text that is short enough for a message."""
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + " ..."


def _first_text(*values: object) -> str | None:
    return next((value for value in values if isinstance(value, str) and value), None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _to_code(value: object) -> str | int | None:
    is_code = isinstance(value, str) or (isinstance(value, int) and to_number(value) is not None)
    return cast("str | int", value) if is_code else None


def _to_status(value: object) -> int | None:
    """Return a code if it is the HTTP status of an error; providers also have codes of their own."""
    number = _read_number(value)
    return int(number) if number is not None and 400 <= number < 1000 else None


def _read_number(value: object) -> float | None:
    if not isinstance(value, str):
        return to_number(value)
    return to_number(value.strip()) if len(value) <= _LONGEST_NUMBER else None


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
