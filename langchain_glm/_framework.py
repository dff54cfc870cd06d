"""Arguments of models that are LangChain's own, as type checkers and editors see them."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from langchain_core.caches import BaseCache
from langchain_core.callbacks import Callbacks
from langchain_core.language_models import ModelProfile
from langchain_core.rate_limiters import BaseRateLimiter

__all__ = ["ChatModelArguments", "LLMArguments"]


class LLMArguments(TypedDict, total=False):
    """Arguments of every model."""

    name: str | None
    """The name of the runnable, which traces show."""
    cache: BaseCache | bool | None
    """Where answers are kept and looked up: `True` is the global cache, `None` the global cache if there is one."""
    verbose: bool
    """Whether LangChain prints prompts and answers."""
    callbacks: Callbacks
    """What is told of each call."""
    tags: list[str] | None
    """Tags of the runs of this model in traces."""
    metadata: dict[str, Any] | None
    """What else traces say of these runs; OpenRouter gets `request_metadata`."""


class ChatModelArguments(TypedDict, total=False):
    """Further arguments of chat models."""

    rate_limiter: BaseRateLimiter | None
    """What each request waits for before it is sent."""
    disable_streaming: bool | Literal["tool_calling"]
    """Whether `stream` gives whole answers: always, or if there are tools."""
    output_version: str | None
    """`"v1"` for standard content blocks as the content. Default: the environment's `LC_OUTPUT_VERSION`, else none."""
    profile: ModelProfile | None
    """What the model is able to do. Default: what is known of it."""
