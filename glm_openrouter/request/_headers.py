"""The headers that go out."""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

from pydantic import SecretStr

from glm_openrouter._secrets import Concealed, HiddenHeaders
from glm_openrouter.errors import InvalidRequestError

__all__ = ["Attribution", "build_headers", "cache_headers", "hide_headers"]

_USER_AGENT = f"glm-openrouter/{version('glm-openrouter')}"
_NEW_NAMES = {"x-title": "x-openrouter-title"}
"""Headers that OpenRouter also takes under an old name."""
_OPTIONS = {
    "Authorization": "api_key",
    "HTTP-Referer": "app_url",
    "X-OpenRouter-Title": "app_title",
    "X-OpenRouter-Categories": "app_categories",
}
"""Which option a header comes from."""
_HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
"""See https://www.rfc-editor.org/rfc/rfc9110#name-tokens."""


class Attribution(NamedTuple):
    """Who asks: the user's own to say, and without it nothing is sent (https://openrouter.ai/docs/app-attribution)."""

    url: str | None = None
    """`HTTP-Referer`."""
    title: str | None = None
    """`X-OpenRouter-Title`."""
    categories: Sequence[str] | None = None
    """`X-OpenRouter-Categories`."""


def build_headers(
    api_key: SecretStr, attribution: Attribution, default_headers: Mapping[str, str]
) -> dict[str, str]:
    """Return the headers of every request of a client.

    Args:
        api_key: The key, sent as a bearer token.
        attribution: Sent as far as it is set.
        default_headers: Any others; they win over those above. Case makes no difference.

    Raises:
        InvalidRequestError: A name or a value cannot be sent; the message does not show the value.
    """
    headers = Concealed(
        {
            "Authorization": f"Bearer {api_key.get_secret_value()}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "User-Agent": _USER_AGENT,
            "HTTP-Referer": attribution.url,
            "X-OpenRouter-Title": attribution.title,
            "X-OpenRouter-Categories": ",".join(attribution.categories or ()),
        }
    )
    replaced = {_NEW_NAMES.get(name.lower(), name.lower()) for name in default_headers}
    names = [name for name, value in headers.items() if value and name.lower() not in replaced]
    merged = Concealed({name: headers[name] for name in names} | dict(default_headers))
    _check(
        merged, {name: option for name, option in _OPTIONS.items() if name not in default_headers}
    )
    return merged


def cache_headers(response_cache: bool | int | None) -> dict[str, str]:
    """Return the headers for OpenRouter's response cache (https://openrouter.ai/docs/guides/features/response-caching).

    Args:
        response_cache: Whether to use it, or for how many seconds it keeps a new answer; `None` leaves it to the
            headers of the client.
    """
    if response_cache is None:
        return {}
    headers = {"X-OpenRouter-Cache": "true" if response_cache else "false"}
    if not isinstance(response_cache, bool):
        headers["X-OpenRouter-Cache-TTL"] = str(response_cache)
    return headers


def hide_headers(headers: object) -> HiddenHeaders:
    """Return the headers of one call in a form in which nobody who listens to it sees their values.

    Raises:
        InvalidRequestError: They cannot be sent; the message shows no value.
    """
    if isinstance(headers, HiddenHeaders):
        return headers
    if not isinstance(headers, Mapping):
        raise InvalidRequestError("extra_headers must be a mapping of names to texts.")
    hidden = Concealed(headers)
    _check(hidden, {})
    return HiddenHeaders({_NEW_NAMES.get(name.lower(), name): hidden[name] for name in hidden})


def _check(headers: Mapping[Any, object], options: Mapping[str, str]) -> None:
    """Check that headers can be sent.

    Args:
        headers: By name.
        options: Which option a header comes from, if it is not given as a header.
    """
    for name in headers:  # without a variable for the value, which a traceback might show
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise InvalidRequestError(f"HTTP does not allow {name!r} as the name of a header.")
        if not _is_sendable(headers[name]):
            option = f"{options[name]}: " if name in options else ""
            raise InvalidRequestError(
                f"{option}The value of the header {name} must be text of printable ASCII characters."
            )


def _is_sendable(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()
