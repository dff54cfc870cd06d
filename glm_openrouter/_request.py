"""A request -> the body and the headers that go out."""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import NamedTuple

import msgspec
from pydantic import SecretStr

from ._secrets import Concealed
from ._sessions import resolve_session
from .errors import InvalidRequestError
from .settings import ChatRequest
from .types import JSONObject

__all__ = ["Attribution", "build_body", "build_headers", "encode_body"]

_encode = msgspec.json.Encoder().encode
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


def build_body(request: ChatRequest, *, stream: bool) -> JSONObject:
    """Return the body, with the session of the block around it if the request has none of its own."""
    body = request.to_wire()
    if stream:
        body["stream"] = True
    if body.get("session_id") is None and (session := resolve_session()):
        body["session_id"] = session
    return body


def encode_body(body: JSONObject) -> bytes:
    """Return a body as JSON; equal bodies give equal bytes, which keeps prompt caches warm.

    Raises:
        InvalidRequestError: It holds a value that is not JSON.
    """
    try:
        return _encode(body)
    except _NOT_JSON as error:
        problem = f"{_locate(body).lstrip('.')}: {error}"
    raise InvalidRequestError(f"The request cannot be written as JSON: {problem}")


_NOT_JSON = (TypeError, ValueError, OverflowError, RecursionError)
_LONGEST_PLACE = 8
"""Steps on the way to a value; further inside, it is said no more precisely."""


def _locate(value: object, *, steps: int = _LONGEST_PLACE) -> str:
    """Return where in a value that cannot be written the first part is that cannot, such as `messages[3].content`."""
    if isinstance(value, dict):
        parts = [(f".{key}", part) for key, part in value.items()]
    else:
        parts = (
            [(f"[{at}]", part) for at, part in enumerate(value)] if isinstance(value, list) else []
        )
    for step, part in parts if steps else ():
        try:
            _encode(part)
        except _NOT_JSON:
            return step + _locate(part, steps=steps - 1)
    return ""


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
    given = {_NEW_NAMES.get(name.lower(), name.lower()) for name in default_headers}
    kept = [name for name, value in headers.items() if value and name.lower() not in given]
    merged = Concealed({name: headers[name] for name in kept} | dict(default_headers))
    for name in merged:  # without a variable for the value, which a traceback might show
        if not _HEADER_NAME.fullmatch(name):
            raise InvalidRequestError(f"HTTP does not allow {name!r} as the name of a header.")
        if not _is_sendable(merged[name]):
            option = "" if name in default_headers else f"{_OPTIONS[name]}: "
            raise InvalidRequestError(
                f"{option}The value of the header {name} must be text of printable ASCII characters."
            )
    return merged


def _is_sendable(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()
