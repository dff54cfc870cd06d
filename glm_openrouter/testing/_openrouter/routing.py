"""Choose the endpoint that answers, as the `provider` preferences ask."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from .catalogue import ENDPOINTS, Endpoint
from .refusal import RefusalError

__all__ = ["choose_endpoint"]

_SAME_NAME: Final = [
    "frequency_penalty",
    "include_reasoning",
    "logit_bias",
    "logprobs",
    "max_tokens",
    "min_p",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning",
    "repetition_penalty",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_a",
    "top_k",
    "top_logprobs",
    "top_p",
]
_CAPABILITIES: Final = {
    **{name: name for name in _SAME_NAME},
    "reasoning_effort": "reasoning",
    "max_completion_tokens": "max_tokens",
}
"""Request fields that not every endpoint supports -> what an endpoint calls the capability."""
_PRICES: Final[dict[str, Callable[[Endpoint], float]]] = {
    "prompt": lambda endpoint: endpoint.prompt_price,
    "completion": lambda endpoint: endpoint.completion_price,
}
_SORTS: Final[dict[str | None, Callable[[Endpoint], float]]] = {
    "price": lambda endpoint: endpoint.prompt_price,
    "throughput": lambda endpoint: -endpoint.throughput,
    "latency": lambda endpoint: endpoint.latency,
}
_SUFFIX_SORTS: Final = {"nitro": "throughput", "floor": "price"}


def choose_endpoint(body: Mapping[str, Any]) -> Endpoint:
    """Return the endpoint for a checked request.

    Raises:
        RefusalError: The preferences leave no endpoint.
    """
    preferences = body.get("provider") or {}
    named = [
        endpoint
        for endpoint in ENDPOINTS
        if _is_named(endpoint, preferences.get("only"), default=True)
        and not _is_named(endpoint, preferences.get("ignore"), default=False)
    ]
    if not named:
        raise RefusalError(404, "No allowed providers are available for the selected model.")
    if _is_private(preferences):
        named = [endpoint for endpoint in named if not endpoint.keeps_prompts]
        if not named:
            raise RefusalError(404, "No endpoints found matching your data policy.")
    fitting = [endpoint for endpoint in named if _fits(endpoint, preferences, body)]
    if not fitting:
        raise RefusalError(404, "No endpoints found that can handle the requested parameters.")
    return _sorted(fitting, preferences, _sort_of(body))[0]


def _is_private(preferences: Mapping[str, Any]) -> bool:
    return bool(preferences.get("zdr")) or preferences.get("data_collection") == "deny"


def _sort_of(body: Mapping[str, Any]) -> str | None:
    """Return the order that is asked for; the suffix of the model counts where nothing is said."""
    sort = (body.get("provider") or {}).get("sort")
    if isinstance(sort, dict):
        sort = sort.get("by")
    suffix = (body.get("model") or "").partition("@")[0].partition(":")[2]
    return sort or _SUFFIX_SORTS.get(suffix)


def _sorted(
    endpoints: list[Endpoint], preferences: Mapping[str, Any], sort: str | None
) -> list[Endpoint]:
    order = preferences.get("order") or []
    if order:
        ranked = [e for slug in order for e in endpoints if slug in (e.slug, e.tag)]
        others = [] if preferences.get("allow_fallbacks") is False else endpoints
        if not ranked and not others:
            raise RefusalError(404, "No allowed providers are available for the selected model.")
        return [*ranked, *others]
    return sorted(endpoints, key=_SORTS[sort]) if sort in _SORTS else endpoints


def _is_named(endpoint: Endpoint, slugs: list[str] | None, *, default: bool) -> bool:
    if not slugs:
        return default
    return endpoint.slug in slugs or endpoint.tag in slugs


def _fits(endpoint: Endpoint, preferences: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    quantizations = preferences.get("quantizations")
    if quantizations and endpoint.quantization not in quantizations:
        return False
    limits = preferences.get("max_price") or {}
    for kind, price in _PRICES.items():
        if limits.get(kind) is not None and price(endpoint) > float(limits[kind]):
            return False
    wanted_tokens = body.get("max_completion_tokens") or body.get("max_tokens") or 0
    if wanted_tokens > endpoint.max_completion_tokens:
        return False
    return (
        not preferences.get("require_parameters") or _needs(body) <= endpoint.supported_parameters
    )


def _needs(body: Mapping[str, Any]) -> set[str]:
    needed = {name for field, name in _CAPABILITIES.items() if body.get(field) is not None}
    if (body.get("response_format") or {}).get("type") == "json_schema":
        needed.add("structured_outputs")
    return needed
