"""Arguments, as type checkers and editors see them: written by `make arguments`, from the fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic.types import SecretStr

from glm_openrouter._client.arguments import ConnectionArguments
from glm_openrouter.request.arguments import HistoryArguments, ParameterArguments
from glm_openrouter.retrieval.arguments import RerankOptions, VectorArguments
from llamaindex_glm._compat import Tokenizer
from llamaindex_glm._framework import EmbeddingArguments, LLMArguments, PostprocessorArguments

__all__ = ["GLMArguments", "OpenRouterEmbeddingArguments", "OpenRouterRerankArguments"]


class GLMArguments(
    ParameterArguments, HistoryArguments, ConnectionArguments, LLMArguments, total=False
):
    """Arguments of `GLM`, beside the model, which may come first."""

    api_key: str | SecretStr | None
    """Default: `OPENROUTER_API_KEY`."""
    api_base: str | None
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""
    additional_kwargs: Mapping[str, Any]
    """More parameters, for code that is used to this name; unknown ones go into the body as `extra_body` does."""
    should_use_structured_outputs: bool | None
    """Whether structured prediction uses `response_format`. Default: as `pydantic_program_mode` says."""
    tokenizer: Tokenizer | str | None
    """Counts the prompt where `is_chat_model` is off, so that `max_tokens` can be what the context window leaves.

    A text names a tokenizer of Hugging Face, which needs `transformers`. An object is not serialised.
    """
    reuse_client: bool
    """Changes nothing: connections are shared, also between event loops, which is what turning this off is good for."""
    api_version: Literal["", "v1"] | None
    """Changes nothing: OpenRouter has one version."""
    audio_config: Mapping[str, Any] | None
    """Must be empty: answers are read as text."""
    openai_client: None
    """Must be `None`: there is no client of OpenAI's. See `http_client`."""
    async_openai_client: None
    """Must be `None`: there is no client of OpenAI's. See `http_async_client`."""
    context_window: int | None
    """Tokens of prompt and answer together. Default: what is known of the model."""
    is_chat_model: bool
    """`False` sends a conversation as one text, which `messages_to_prompt` makes of it."""
    is_function_calling_model: bool
    """Whether the model calls tools. Agents refuse one that does not."""
    tool_call_retries: int | None
    """How often the model is asked again, within the same call, if it was given tools and no tool call of its answer
    can be read; each time it is told what was wrong. Then there is an `InvalidToolCallError`. With `None` there is
    none, and the calls are in the response as they came."""
    strict: bool
    """Whether providers should enforce the schemas of tools. Few can; it narrows the choice of endpoints."""


class OpenRouterEmbeddingArguments(
    VectorArguments, ConnectionArguments, EmbeddingArguments, total=False
):
    """Arguments of `OpenRouterEmbedding`."""

    api_key: str | SecretStr | None
    """Default: `OPENROUTER_API_KEY`."""
    api_base: str | None
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""
    query_input_type: str | None
    """What a query is, for models that tell queries and documents apart; `None` says nothing of it."""
    document_input_type: str | None
    """What a document is, for models that tell queries and documents apart; `None` says nothing of it."""
    max_concurrency: int
    """How many requests of one call are under way at a time."""
    embed_batch_size: int
    """How many texts go in one request at most."""
    num_workers: int | None
    """How many requests of an asynchronous call for a long list are under way at a time."""


class OpenRouterRerankArguments(
    RerankOptions, ConnectionArguments, PostprocessorArguments, total=False
):
    """Arguments of `OpenRouterRerank`."""

    api_key: str | SecretStr | None
    """Default: `OPENROUTER_API_KEY`."""
    api_base: str | None
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""
