"""Arguments, as type checkers and editors see them: written by `make arguments`, from the fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from glm_openrouter.request.provider import MaxPrice, ProviderPreferences, ProviderSort

__all__ = [
    "EmbeddingOptions",
    "MaxPriceDict",
    "ProviderPreferencesDict",
    "ProviderSortDict",
    "RerankOptions",
    "RetrievalArguments",
    "VectorArguments",
]


class ProviderSortDict(TypedDict, total=False):
    """`ProviderSort` as a dict."""

    by: Literal["price", "throughput", "latency", "exacto"] | None
    """What to sort by; the best endpoint is the first to be tried."""
    partition: Literal["model", "none"] | None
    """`model` sorts the endpoints of each model, `none` those of all `models` together."""


class MaxPriceDict(TypedDict, total=False):
    """`MaxPrice` as a dict."""

    prompt: int | float | str | None
    """USD per million tokens."""
    completion: int | float | str | None
    """USD per million tokens."""
    request: int | float | str | None
    """USD per request."""
    image: int | float | str | None
    """USD per image."""
    audio: int | float | str | None
    """USD per unit."""


class ProviderPreferencesDict(TypedDict, total=False):
    """`ProviderPreferences` as a dict."""

    order: list[str] | tuple[str, ...] | None
    """Try these first, in this order. Turns off load balancing, sorting (also by `:exacto`) and warm caches."""
    allow_fallbacks: bool | None
    """`False`: only the first choice, or those in `order`."""
    require_parameters: bool | None
    """Use only endpoints that support every parameter of the request; each parameter narrows the choice."""
    data_collection: Literal["allow", "deny"] | None
    """`deny`: use only providers that neither store prompts nor train on them."""
    zdr: bool | None
    """Use only endpoints with zero data retention."""
    enforce_distillable_text: bool | None
    """Use only models whose author allows distillation."""
    only: list[str] | tuple[str, ...] | None
    """Use only these providers."""
    ignore: list[str] | tuple[str, ...] | None
    """Never use these providers."""
    quantizations: (
        Sequence[
            Literal[
                "int4",
                "int8",
                "fp4",
                "mxfp4",
                "nvfp4",
                "fp6",
                "fp8",
                "mxfp8",
                "fp16",
                "bf16",
                "fp32",
                "unknown",
            ]
        ]
        | None
    )
    """Use only endpoints with weights of these precisions."""
    sort: (
        Literal["price", "throughput", "latency", "exacto"] | ProviderSort | ProviderSortDict | None
    )
    """Turns off load balancing. Wins over a suffix such as `:exacto`."""
    max_price: MaxPrice | MaxPriceDict | None
    """Use only endpoints that cost no more."""
    preferred_min_throughput: (
        int | float | Mapping[Literal["p50", "p75", "p90", "p99"], int | float] | None
    )
    """Tokens per second, at the median or at each percentile. Slower endpoints are the last to be tried."""
    preferred_max_latency: (
        int | float | Mapping[Literal["p50", "p75", "p90", "p99"], int | float] | None
    )
    """Seconds to the first token, at the median or at each percentile. Slower endpoints are the last to be tried."""
    options: Mapping[str, Mapping[str, Any]] | None
    """Extra fields for single providers: slug -> fields."""


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
