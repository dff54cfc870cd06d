"""A request -> the body and the headers that go out. Nothing later edits them."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

import msgspec

from .errors import InvalidRequestError
from .settings import ChatRequest

__all__ = ["build_body", "build_headers"]

_encode = msgspec.json.Encoder().encode
_USER_AGENT = f"glm-openrouter/{version('glm-openrouter')}"


def build_body(request: ChatRequest, *, stream: bool) -> bytes:
    """Return the JSON body; equal requests give equal bytes, which keeps prompt caches warm.

    Raises:
        TypeError: A value that is not JSON.
    """
    body = request.to_wire()
    if stream:
        body["stream"] = True
    return _encode(body)


def build_headers(
    api_key: str,
    *,
    app_url: str | None = None,
    app_title: str | None = None,
    app_categories: Sequence[str] | None = None,
    default_headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers of every request of a client.

    Attribution is the user's: without `app_url` and `app_title` none is sent
    (https://openrouter.ai/docs/app-attribution).

    Args:
        api_key: The key, sent as a bearer token.
        app_url: `HTTP-Referer`.
        app_title: `X-OpenRouter-Title`.
        app_categories: `X-OpenRouter-Categories`.
        default_headers: Any others; they win over those above, whatever their case.

    Raises:
        InvalidRequestError: A value that cannot be sent; the message does not show it.
    """
    headers = {
        "Authorization": f"Bearer {api_key}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "User-Agent": _USER_AGENT,
        "HTTP-Referer": app_url,
        "X-OpenRouter-Title": app_title,
        "X-OpenRouter-Categories": ",".join(app_categories or ()),
    }
    given = {name.lower() for name in default_headers or ()}
    kept = {name: value for name, value in headers.items() if value and name.lower() not in given}
    merged = {**kept, **(default_headers or {})}
    for name, value in merged.items():
        if not (value.isascii() and value.isprintable()):
            raise InvalidRequestError(
                f"The header {name} holds characters that HTTP does not allow."
            )
    return merged
