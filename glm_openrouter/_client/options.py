"""The options of a client: what each may be, and that none of them belongs to a call."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from glm_openrouter.errors import InvalidRequestError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from glm_openrouter._http import Timeout
from collections.abc import Iterable
from typing import Final

from pydantic import SecretStr

__all__ = ["ClientOptions", "check_options", "refuse_options", "show_option"]


class ClientOptions(TypedDict, total=False):
    """The options of both clients. Every key is optional."""

    api_key: str | SecretStr | None
    """Default: the environment variable `OPENROUTER_API_KEY`."""
    base_url: str | None
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""
    timeout: float | Timeout | None
    """Seconds that nothing may come: until the response starts, until its first event, between events. Default: 300."""
    max_retries: int
    """How often a failed request is sent again; never once a part of its response has been given out. Default: 2."""
    max_response_bytes: int
    """Bytes that a response may have, decompressed, and that its JSON may need once it is read. Default: 64 MiB."""
    app_url: str | None
    """Attribution: `HTTP-Referer`."""
    app_title: str | None
    """Attribution: `X-OpenRouter-Title`."""
    app_categories: Sequence[str] | None
    """Attribution: `X-OpenRouter-Categories`."""
    default_headers: Mapping[str, str] | None
    """Sent with every request; they win over all others."""
    repairs: Collection[str]
    """Names of the repairs that run; default: all of `glm_openrouter.REPAIRS`."""
    allow_http: bool
    """Allow a base URL that would send the key unencrypted to another machine. Default: false."""
    retry_affordable: bool
    """Send a refused request again, with the `max_tokens` that the balance allows. Default: false."""
    pin_provider: bool
    """Try the provider first that answered the session last; its prompt cache is warm. Default: false."""
    pickle_secrets: bool
    """Whether a pickle holds the key and `default_headers`. Without them, what comes out of it takes the key from the
    environment of its own process. Default: true."""


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
