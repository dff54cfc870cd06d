"""Arguments of classes that are LlamaIndex's own or its packages', as type checkers and editors see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.types import BaseOutputParser, PydanticProgramMode

__all__ = ["EmbeddingArguments", "LLMArguments", "PostprocessorArguments"]


class LLMArguments(TypedDict, total=False):
    """Arguments of every LLM, and the names that other classes have for ours."""

    system_prompt: str | None
    """In front of what `predict`, `stream` and structured prediction send."""
    messages_to_prompt: Callable[[Sequence[ChatMessage]], str] | None
    """Makes one text of a conversation, where `is_chat_model` is off."""
    completion_to_prompt: Callable[[str], str] | None
    """What `complete` sends in place of its prompt."""
    output_parser: BaseOutputParser | None
    """Adds its format to what `predict` sends, and parses the answer."""
    pydantic_program_mode: PydanticProgramMode
    """How structured prediction asks for a schema."""
    query_wrapper_prompt: BasePromptTemplate | None
    """Wrapped around what `predict` and `stream` send, where `is_chat_model` is off."""
    callback_manager: CallbackManager | None
    """What is told of each call."""
    rate_limiter: Any
    """A rate limiter of LlamaIndex, which is waited for before each call."""
    max_new_tokens: int | None
    """Same as `max_tokens`."""
    order: list[str] | tuple[str, ...] | None
    """Same as `provider={"order": ...}`."""
    allow_fallbacks: bool | None
    """Same as `provider={"allow_fallbacks": ...}`."""


class EmbeddingArguments(TypedDict, total=False):
    """Arguments of every class that makes vectors, and the name that other classes have for the model."""

    model_name: str
    """Same as `model`."""
    callback_manager: CallbackManager | None
    """What is told of each call."""
    embeddings_cache: Any
    """A key-value store of LlamaIndex in which vectors are kept and looked up. Default: none."""
    rate_limiter: Any
    """A rate limiter of LlamaIndex, which is waited for before each request."""


class PostprocessorArguments(TypedDict, total=False):
    """Arguments of every step after retrieval."""

    callback_manager: CallbackManager
    """What is told of each call."""
