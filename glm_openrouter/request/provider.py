"""Which providers answer: the `provider` object of a request.

See https://openrouter.ai/docs/guides/routing/provider-selection.
"""

from typing import Annotated, Literal

from pydantic import Field

from ._base import Amount, FreeJSON, Settings

__all__ = ["MaxPrice", "ProviderPreferences", "ProviderSort", "Quantization", "SortKey"]

SortKey = Literal["price", "throughput", "latency", "exacto"]
Quantization = Literal[
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
Percentiles = dict[Literal["p50", "p75", "p90", "p99"], Amount]


class ProviderSort(Settings):
    """A sort order over the endpoints of all `models` together, or of each."""

    by: SortKey | None = None
    """What to sort by; the best endpoint is the first to be tried."""
    partition: Literal["model", "none"] | None = None
    """`model` sorts the endpoints of each model, `none` those of all `models` together."""


Price = Amount | Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")]
"""USD; OpenRouter takes a number, or a number as text."""


class MaxPrice(Settings):
    """Upper limits in USD per million tokens (`request`, `image` and `audio`: per unit)."""

    prompt: Price | None = None
    """USD per million tokens."""
    completion: Price | None = None
    """USD per million tokens."""
    request: Price | None = None
    """USD per request."""
    image: Price | None = None
    """USD per image."""
    audio: Price | None = None
    """USD per unit."""


class ProviderPreferences(Settings):
    """How OpenRouter chooses a provider.

    Providers are named by slug (`z-ai`, `novita`, `deepinfra/fp4`), not by display name. A slug without a part after
    the slash means all endpoints of the provider.
    """

    order: list[str] | None = None
    """Try these first, in this order. Turns off load balancing, sorting (also by `:exacto`) and warm caches."""
    allow_fallbacks: bool | None = None
    """`False`: only the first choice, or those in `order`."""
    require_parameters: bool | None = None
    """Use only endpoints that support every parameter of the request; each parameter narrows the choice."""
    data_collection: Literal["allow", "deny"] | None = None
    """`deny`: use only providers that neither store prompts nor train on them."""
    zdr: bool | None = None
    """Use only endpoints with zero data retention."""
    enforce_distillable_text: bool | None = None
    """Use only models whose author allows distillation."""
    only: list[str] | None = None
    """Use only these providers."""
    ignore: list[str] | None = None
    """Never use these providers."""
    quantizations: list[Quantization] | None = None
    """Use only endpoints with weights of these precisions."""
    sort: SortKey | ProviderSort | None = None
    """Turns off load balancing. Wins over a suffix such as `:exacto`."""
    max_price: MaxPrice | None = None
    """Use only endpoints that cost no more."""
    preferred_min_throughput: Amount | Percentiles | None = None
    """Tokens per second, at the median or at each percentile. Slower endpoints are the last to be tried."""
    preferred_max_latency: Amount | Percentiles | None = None
    """Seconds to the first token, at the median or at each percentile. Slower endpoints are the last to be tried."""
    options: dict[str, FreeJSON] | None = None
    """Extra fields for single providers: slug -> fields."""

    @property
    def sort_key(self) -> SortKey | None:
        """What `sort` sorts by, in either form."""
        return self.sort.by if isinstance(self.sort, ProviderSort) else self.sort
