"""Which builders the responses of streams come from."""

from .builder import ChatBuilder, CompletionBuilder
from .eager import EagerChatBuilder, EagerCompletionBuilder
from .lazy import LazyChatBuilder, LazyCompletionBuilder

__all__ = ["new_chat_builder", "new_completion_builder"]

LAZY = True
"""Whether to put a response together only when somebody looks at it; it looks the same either way."""


def new_chat_builder(*, one_call: bool) -> ChatBuilder:
    """Return a builder for one stream of chat responses, see `ChatBuilder`."""
    return LazyChatBuilder(one_call=one_call) if LAZY else EagerChatBuilder(one_call=one_call)


def new_completion_builder() -> CompletionBuilder:
    """Return a builder for one stream of responses to a text prompt."""
    return LazyCompletionBuilder() if LAZY else EagerCompletionBuilder()
