"""Which conversation a request belongs to, if it does not say so itself.

OpenRouter sends the requests of one `session_id` to one provider for as long as its prompt cache is warm
(https://openrouter.ai/docs/guides/best-practices/prompt-caching). So the id must be that of a conversation: one for a
whole process would tie all its conversations to one provider, and one for each request would tie none.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

from .errors import InvalidRequestError

__all__ = ["LONGEST_SESSION_ID", "resolve_session", "session"]

LONGEST_SESSION_ID = 256
"""Characters that OpenRouter takes."""

_current: ContextVar[str | None] = ContextVar("glm_openrouter_session", default=None)


@contextmanager
def session(session_id: str | None = None) -> Iterator[str]:
    """Give the requests inside the block a `session_id`, unless a request or its model has one of its own.

    Args:
        session_id: Any text that stays the same for a conversation. Default: a random one.

    Raises:
        InvalidRequestError: It is not text, empty, or longer than 256 characters.
    """
    chosen = uuid4().hex if session_id is None else session_id
    if not (isinstance(chosen, str) and 0 < len(chosen) <= LONGEST_SESSION_ID):
        raise InvalidRequestError(
            f"session_id must be text of 1 to {LONGEST_SESSION_ID} characters, got {chosen!r:.80}."
        )
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)


def resolve_session(thread_id: str | None) -> str | None:
    """Return the session of a request that names none: of the block, else `thread_id`, else of the environment.

    Args:
        thread_id: The framework's own id of the conversation; if it is too long, its end is taken.
    """
    return (
        _current.get()
        or (thread_id and thread_id[-LONGEST_SESSION_ID:])
        or os.environ.get("OPENROUTER_SESSION_ID")
        or None
    )
