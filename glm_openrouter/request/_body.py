"""The body that goes out."""

from collections.abc import Mapping

import msgspec

from glm_openrouter._json.values import JSONObject
from glm_openrouter.errors import InvalidRequestError
from glm_openrouter.sessions import resolve_session

from .chat import ChatRequest

__all__ = ["build_body", "encode_body"]


_encode = msgspec.json.Encoder().encode


def build_body(request: ChatRequest, *, stream: bool, whole: bool = False) -> JSONObject:
    """Return the body, with the session that the request belongs to if it names none itself.

    Args:
        request: What to ask for.
        stream: Whether the response shall come as a stream.
        whole: Whether it need not, because it is given out whole.
    """
    body = request.to_wire()
    if stream and not (whole and _works_only_in_one_piece(body)):
        body["stream"] = True
    if body.get("session_id") is None and (session := resolve_session(request.thread_id)):
        body["session_id"] = session
    return body


def _works_only_in_one_piece(body: JSONObject) -> bool:
    """Return whether a response loses by coming as a stream: `response-healing` mends none that does."""
    plugins = body.get("plugins")
    heals = isinstance(plugins, list) and any(
        isinstance(plugin, Mapping)
        and plugin.get("id") == "response-healing"
        and plugin.get("enabled") is not False
        for plugin in plugins
    )
    return heals or body.get("stream") is False


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
