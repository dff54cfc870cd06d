"""Arguments, as type checkers and editors see them: written by `make arguments`, from the fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic.types import SecretStr

from glm_openrouter._client.arguments import ConnectionArguments
from glm_openrouter.request.arguments import HistoryArguments, ParameterArguments
from glm_openrouter.retrieval.arguments import RerankOptions, VectorArguments
from langchain_glm._framework import ChatModelArguments, LLMArguments

__all__ = [
    "ChatGLMArguments",
    "GLMArguments",
    "OpenRouterEmbeddingsArguments",
    "OpenRouterRerankArguments",
]


class GLMArguments(
    ParameterArguments, HistoryArguments, ConnectionArguments, LLMArguments, total=False
):
    """Arguments of `GLM`."""

    openrouter_api_key: str | SecretStr | None
    """Default: `OPENROUTER_API_KEY`."""
    api_key: str | SecretStr | None
    """Default: `OPENROUTER_API_KEY`."""
    openrouter_api_base: str | None
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""
    base_url: str | None
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""
    model_name: str
    """Model id, with or without a routing suffix such as `:exacto` or `:nitro`."""
    model: str
    """Model id, with or without a routing suffix such as `:exacto` or `:nitro`."""
    stop: list[str] | tuple[str, ...] | str | None
    """Texts that end the answer; those of a call take their place."""
    stop_sequences: list[str] | tuple[str, ...] | str | None
    """Texts that end the answer; those of a call take their place."""
    model_kwargs: Mapping[str, Any]
    """More parameters, for code that is used to this name; unknown ones go into the body as `extra_body` does."""
    custom_get_token_ids: Callable[[str], list[int]] | None
    """An exact tokenizer, without special tokens, to count with; by default counts are estimated.

    For example `lambda text: tokenizer.encode(text, add_special_tokens=False)` with one of `transformers`.
    """


class ChatGLMArguments(GLMArguments, ChatModelArguments, total=False):
    """Arguments of `ChatGLM`."""

    n: Literal[1]
    """OpenRouter gives one answer to a request."""
    streaming: bool
    """Whether `invoke` streams, too."""
    tool_call_retries: int | None
    """How often a model with tools is asked again, within the same `invoke`, if no tool call of its answer can be read;
    each time it is told what was wrong. Then there is an `InvalidToolCallError`. `None` leaves it to the caller: there
    is no error and no warning, and the calls are in `invalid_tool_calls`, where `stream` always has them."""
    stream_usage: bool
    """Whether a stream ends with its usage."""
    client: None
    """Must be `None`: there is no client of OpenRouter's SDK here. See `http_client`."""


class OpenRouterEmbeddingsArguments(VectorArguments, ConnectionArguments, total=False):
    """Arguments of `OpenRouterEmbeddings`."""

    openrouter_api_key: str | SecretStr | None
    """Default: `OPENROUTER_API_KEY`."""
    api_key: str | SecretStr | None
    """Default: `OPENROUTER_API_KEY`."""
    openrouter_api_base: str | None
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""
    base_url: str | None
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""
    query_input_type: str | None
    """What a query is, for models that tell queries and documents apart; `None` says nothing of it."""
    document_input_type: str | None
    """What a document is, for models that tell queries and documents apart; `None` says nothing of it."""
    max_concurrency: int
    """How many requests of one call are under way at a time."""
    chunk_size: int
    """How many texts go in one request at most."""
    show_progress_bar: bool
    """Whether a tqdm bar shows how many documents have their vectors."""


class OpenRouterRerankArguments(RerankOptions, ConnectionArguments, total=False):
    """Arguments of `OpenRouterRerank`."""

    openrouter_api_key: str | SecretStr | None
    """Default: `OPENROUTER_API_KEY`."""
    api_key: str | SecretStr | None
    """Default: `OPENROUTER_API_KEY`."""
    openrouter_api_base: str | None
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""
    base_url: str | None
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""
