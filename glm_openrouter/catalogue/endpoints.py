"""The endpoints of a model, as a list that a notebook shows as a table."""

from typing import Final

from .infos import EndpointInfo, PercentileStats, Pricing

__all__ = ["Endpoints"]

_HEADINGS: Final = (
    *("Endpoint", "Provider", "Tools", "Schema"),
    *("In $/M", "Out $/M", "Cached $/M", "Context", "Output", "Uptime %"),
    *("First token s", "Tokens/s"),
)


class Endpoints(list[EndpointInfo]):
    """The endpoints of a model: a list of `EndpointInfo`."""

    def _repr_html_(self) -> str:
        from glm_openrouter._html import row_table  # which a program needs in a notebook alone

        return row_table(_HEADINGS, map(_cells, self), texts=4)


def _cells(endpoint: EndpointInfo) -> tuple[str, ...]:
    prices = endpoint.pricing or Pricing()
    latency = _median(endpoint.latency_last_30m)
    return (
        endpoint.tag or "",
        endpoint.provider_name or "",
        "yes" if endpoint.supports("tools") else "no",
        "yes" if endpoint.supports("structured_outputs") else "no",
        _number(prices.prompt, 2),
        _number(prices.completion, 2),
        _number(prices.input_cache_read, 2),
        _number(endpoint.context_length),
        _number(endpoint.max_completion_tokens),
        _number(endpoint.uptime_last_30m, 1),
        _number(None if latency is None else latency / 1000, 2),
        _number(_median(endpoint.throughput_last_30m)),
    )


def _median(stats: PercentileStats | None) -> float | None:
    return stats.p50 if stats else None


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
