"""Values that may be where others should be: JSON of any type, and what is no JSON."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel

from glm_openrouter import ChatRequest, InvalidRequestError
from glm_openrouter.models import find_model
from glm_openrouter.request._body import build_body, encode_body
from glm_openrouter.request.history import MessageRules

__all__ = ["NOT_JSON", "ODD", "RULES", "assert_sent_or_refused", "odd_in", "snapshot"]


RULES = MessageRules("z-ai/glm-4.6", find_model, lambda *_: None)
"""What goes to GLM 4.6."""


def _nested() -> list[Any]:
    value: list[Any] = []
    for _ in range(3000):
        value = [value]
    return value


NOT_JSON = (
    *(b"bytes", object(), {1, 2}, date(2026, 11, 24), Decimal("1.5"), 1j, "\ud800", {7: 8}),
    *({("a", "b"): 1}, float("nan"), float("inf"), 10**400, range(3), ..., {"a": b"b"}, [object()]),
)

ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(("text", "file", "id", "http://127.0.0.1:9/a.png", "YQ==", "{}", '{"a": 1}'))
    | st.sampled_from(NOT_JSON)
    | st.builds(_nested),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("type", "text", "id", "a", "index")), inner, max_size=3)
    ),
    max_leaves=6,
)


def odd_in(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects that have some of these names, with any values."""
    return st.dictionaries(st.sampled_from(names), ODD, max_size=3)


def snapshot(value: object, levels: int = 8) -> object:
    """Return what a message consists of, to see whether that changes."""
    if not levels:
        return id(value)
    if isinstance(value, dict):
        return [(key, snapshot(part, levels - 1)) for key, part in value.items()]
    if isinstance(value, list | tuple):
        return [snapshot(part, levels - 1) for part in value]
    if isinstance(value, BaseModel):
        return snapshot(vars(value), levels - 1)
    return id(value)


def assert_sent_or_refused(messages: Sequence[Any], to_messages: Callable[..., Any]) -> None:
    """Assert that messages become a body, or are refused with the place of what is wrong, and never change.

    Args:
        messages: Of a framework.
        to_messages: What translates them.
    """
    before = snapshot(messages)
    said = "messages[0]"
    try:
        request = ChatRequest(messages=to_messages(messages, RULES))
        assert encode_body(build_body(request, stream=False))
    except InvalidRequestError as error:
        said = str(error)
    assert "messages[" in said
    assert snapshot(messages) == before
