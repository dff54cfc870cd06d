"""Arguments, as type checkers and editors see them: written by `make arguments`, from the fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from glm_openrouter.request.arguments import ProviderPreferencesDict
from glm_openrouter.request.provider import ProviderPreferences

__all__ = ["EmbeddingOptions", "RerankOptions", "RetrievalArguments", "VectorArguments"]


class RetrievalArguments(TypedDict, total=False):
    """What requests for vectors and for an order may be made with."""

    provider: ProviderPreferences | ProviderPreferencesDict | None
    """Which providers may answer. Also taken as `openrouter_provider`."""
    openrouter_provider: ProviderPreferences | ProviderPreferencesDict | None
    """Which providers may answer. Also taken as `openrouter_provider`."""
    user: str | None
    """A stable pseudonym of the end user."""
    session_id: str | None
    """Groups requests in OpenRouter's logs. Default: that of the block `with glm_openrouter.session(...)`, else
    `OPENROUTER_SESSION_ID`."""
    trace: Mapping[str, Any] | None
    """For observability tools, such as `trace_id` and `span_name`."""
    extra_body: Mapping[str, Any] | None
    """Anything else for the body, merged last; it may also replace what is set above."""


class VectorArguments(RetrievalArguments, total=False):
    """What all vectors of one store have in common."""

    model: str
    """The id of a model; `embedding_models()` of a client lists them."""
    dimensions: int | None
    """How long the vectors shall be, of models that can shorten them. Default: as long as the model makes them."""


class EmbeddingOptions(VectorArguments, total=False):
    """Options of `embed`. Every key is optional."""

    input_type: str | None
    """What the texts are, for models that tell them apart: `search_query` or `search_document`, for example."""


class RerankOptions(RetrievalArguments, total=False):
    """Options of `rerank`. Every key is optional."""

    model: str
    """The id of a model that ranks."""
    top_n: int | None
    """How many documents to return, the best ones. Default: all."""
