"""`glm-openrouter providers`: who serves a model, and on which terms."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from glm_openrouter import APIError, Client

from ._common import (
    Commands,
    add_connection,
    add_model,
    connection,
    describe_retirement,
    make_console,
    write_error,
)
from ._compare import add_compare, check_compare, compare
from ._plain import escaped

if TYPE_CHECKING:
    from rich.table import Table

    from glm_openrouter.catalogue.infos import EndpointInfo, PercentileStats

    from ._console import PlainConsole

__all__ = ["add_parser"]

_RELIABLE_UPTIME = 95.0
"""Percent of uptime, from which an endpoint counts as reliable."""

_DESCRIPTION = """\
List the endpoints of a model, best first. The order is what :exacto would take as far as can be seen from outside: who
is up, who takes tools, who is reliable, who is fast. OpenRouter also looks at tool calls that went wrong and at
benchmarks, which it does not publish. Prices are in USD per million tokens, latency is in seconds, throughput in tokens
per second. With --compare the endpoints are measured instead, from here and now: two short calls to each."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "providers",
        help="list who serves a model, with prices, limits and speed",
        description=_DESCRIPTION,
    )
    add_model(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_connection(parser)
    add_compare(parser)
    parser.set_defaults(command=providers)


def providers(options: argparse.Namespace) -> int:
    """Print the endpoints of a model, or measure them."""
    check_compare(options)
    with connection(options) as client_options, Client(**client_options) as client:
        endpoints = sorted(client.endpoints(options.model), key=_rank)
        if options.compare:
            return compare(options, client_options, endpoints)
        retirement = ""
        with suppress(APIError):  # which is no reason to show nothing
            retirement = describe_retirement(client, options.model)
    if options.json:
        rows = [msgspec.to_builtins(endpoint) for endpoint in endpoints]
        sys.stdout.write(escaped(json.dumps(rows, indent=2, ensure_ascii=False)) + "\n")
        if retirement:
            write_error("providers", retirement)
    else:
        _show(make_console(), options.model, endpoints)
        if retirement:
            make_console().print(retirement, style="yellow")
    return 0


def _rank(endpoint: EndpointInfo) -> tuple[bool, bool, bool, float]:
    """Return what `:exacto` looks at, as far as it is published; a smaller rank comes first."""
    uptime = endpoint.uptime_last_30m
    return (
        (endpoint.status or 0) < 0,
        not endpoint.supports("tools"),
        uptime is not None and uptime < _RELIABLE_UPTIME,
        -(_median(endpoint.throughput_last_30m) or 0.0),
    )


def _median(stats: PercentileStats | None) -> float | None:
    return stats.p50 if stats else None


_COLUMNS: Mapping[str, Callable[[EndpointInfo], str]] = {
    "Provider": lambda e: e.tag or e.provider_name or "?",
    "In\n$/M": lambda e: _price(e, "prompt"),
    "Out\n$/M": lambda e: _price(e, "completion"),
    "Cached\n$/M": lambda e: _price(e, "input_cache_read"),
    "Context\ntokens": lambda e: _rounded(e.context_length),
    "Output\ntokens": lambda e: _rounded(e.max_completion_tokens),
    "Uptime\n%": lambda e: _number(e.uptime_last_30m, 1),
    "First\ntoken s": lambda e: _number(_seconds(_median(e.latency_last_30m)), 2),
    "Tokens\n/s": lambda e: _number(_median(e.throughput_last_30m)),
    "Tools": lambda e: "yes" if e.supports("tools") else "no",
    "Schema": lambda e: "yes" if e.supports("structured_outputs") else "no",
    "Quant.": lambda e: e.quantization or "",
}
"""Heading -> what stands below it."""

_TEXTS = frozenset(("Provider", "Tools", "Schema", "Quant."))
_DISPENSABLE = (
    *("Quant.", "Schema", "Cached\n$/M", "First\ntoken s", "Output\ntokens"),
    *("Context\ntokens", "Uptime\n%", "Tokens\n/s", "Tools"),
)
"""What a narrow terminal does not show, the first of them first."""

_WIDEST = 10_000
"""Columns; more than any table takes."""
_PRICE_WIDTH = 5
"""Columns that a price keeps, however narrow the terminal is."""

_NAME_WIDTH = 24
"""Columns that the name of a provider may take, however narrow the terminal is."""


def _show(console: PlainConsole, model: str, endpoints: Sequence[EndpointInfo]) -> None:
    """Print the table, with as many columns as there is room for."""
    unlimited = console.options.update(max_width=_WIDEST)
    dropped = 0
    table = _build_table(console, model, endpoints, dropped)
    while dropped < len(_DISPENSABLE):
        if console.measure(table, options=unlimited).maximum <= console.width:
            break
        dropped += 1
        table = _build_table(console, model, endpoints, dropped)
    console.print(table)
    if dropped:
        names = ", ".join(heading.split()[0] for heading in _DISPENSABLE[:dropped])
        console.print(f"No room for: {names}. With --json, everything.", style="dim")


def _build_table(
    console: PlainConsole, model: str, endpoints: Iterable[EndpointInfo], dropped: int
) -> Table:
    """Return the table without so many of the columns that it can do without."""
    from rich import box
    from rich.table import Table

    shown = {name: cell for name, cell in _COLUMNS.items() if name not in _DISPENSABLE[:dropped]}
    table = Table(
        title=model, box=box.SIMPLE, padding=(0, 1), collapse_padding=True, title_justify="left"
    )
    for heading in shown:
        table.add_column(
            heading,
            justify="left" if heading in _TEXTS else "right",
            no_wrap=True,
            min_width=_PRICE_WIDTH if "$" in heading else None,
        )
    table.columns[0].max_width = max(_NAME_WIDTH, console.width // 3)
    for endpoint in endpoints:
        table.add_row(
            *(" ".join(cell(endpoint).split()) for cell in shown.values()),
            style="dim" if (endpoint.status or 0) < 0 else None,
        )
    return table


def _price(endpoint: EndpointInfo, kind: str) -> str:
    return _number(getattr(endpoint.pricing, kind, None), 2)


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _rounded(tokens: float | None) -> str:
    """Return a count of tokens in a few characters, such as `131k` and `1.0M`."""
    if tokens is None or tokens < 1000:
        return _number(tokens)
    return f"{tokens / 1e6:.1f}M" if tokens >= 1e6 - 500 else f"{tokens / 1e3:.0f}k"


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
