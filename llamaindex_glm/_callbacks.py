"""LlamaIndex's decorators of calls, which hide from type checkers what they decorate; these do not."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

__all__ = ["chat_callback", "completion_callback"]

Method = TypeVar("Method", bound=Callable[..., Any])


def chat_callback(method: Method) -> Method:
    """Tell callbacks and dispatchers of each call of a method that takes a conversation."""
    return cast(Method, llm_chat_callback()(method))


def completion_callback(method: Method) -> Method:
    """Tell callbacks and dispatchers of each call of a method that takes a text."""
    return cast(Method, llm_completion_callback()(method))
