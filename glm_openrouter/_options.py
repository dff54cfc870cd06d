"""The options of a client: what each may be, and that none of them belongs to a call."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from pydantic import SecretStr

from .errors import InvalidRequestError

__all__ = ["check_options", "refuse_options", "show_option"]

_TEXTS: Final = ("base_url", "app_url", "app_title")
_LISTS: Final = ("repairs", "app_categories")
_SWITCHES: Final = ("allow_http", "retry_affordable", "pin_provider", "pickle_secrets")
_NEVER_NONE: Final = ("repairs", *_SWITCHES)

_INSTEAD: Final = {
    "api_base": "base_url",
    "async_http_client": "http_async_client",
    "extra_headers": "default_headers",
    "headers": "default_headers",
    "openai_api_base": "base_url",
    "openai_api_key": "api_key",
    "openrouter_api_base": "base_url",
    "openrouter_api_key": "api_key",
    "request_timeout": "timeout",
}
"""Names that other packages have for options."""

_OPTIONS: Final = frozenset(
    {
        *_TEXTS,
        *_LISTS,
        *_SWITCHES,
        *_INSTEAD,
        "api_key",
        "default_headers",
        "default_query",
        "extra_query",
        "http_async_client",
        "http_client",
        "max_response_bytes",
        "max_retries",
        "timeout",
    }
)
"""All that concerns the connection."""


def refuse_options(arguments: Iterable[str]) -> None:
    """Refuse arguments of a call that concern the connection: frameworks show what a call is made with in their traces.

    Args:
        arguments: Their names; nobody looks at the values.

    Raises:
        InvalidRequestError: There is one; the message names it and says where it belongs.
    """
    for name in arguments:
        if name in _OPTIONS:
            instead = f", as {_INSTEAD[name]}" if name in _INSTEAD else ""
            raise InvalidRequestError(
                f"{name} cannot be given with a call: give it to the constructor{instead}. "
                "Calls over another connection need a model or client of their own."
            )


def check_options(options: Mapping[str, Any]) -> None:
    """Check the types of the options of a client.

    Raises:
        InvalidRequestError: One is wrong; the message names it, without its value, which may be a secret.
    """
    for name in options:  # without a variable for the value, which a traceback might show
        wanted = _wanted(name, options[name])
        if wanted and (options[name] is not None or name in _NEVER_NONE):
            raise InvalidRequestError(f"{name} must be {wanted}, got {show_option(options[name])}.")


def show_option(value: object) -> str:
    """Return what a message may show of an option of a wrong type or size: numbers, and else the type."""
    return repr(value) if value is None or isinstance(value, int | float) else type(value).__name__


def _wanted(name: str, value: object) -> str | None:
    """Return what an option must be, or `None` if it is."""
    if name == "api_key":
        return None if isinstance(value, str | SecretStr) else "text or a SecretStr"
    if name == "default_headers":
        is_right = isinstance(value, Mapping) and _are_texts(value)
        return None if is_right else "a mapping of names to texts"
    if name in _TEXTS:
        return None if isinstance(value, str) else "text"
    if name in _LISTS:
        is_text = isinstance(value, str | bytes)
        is_right = not is_text and isinstance(value, Collection) and _are_texts(value)
        return None if is_right else "a list of texts"
    return "true or false" if name in _SWITCHES and not isinstance(value, bool) else None


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)
