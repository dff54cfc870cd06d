"""`glm-openrouter providers --compare`: the endpoints of a model, measured side by side."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING

from glm_openrouter import Budget, NotFoundError

from ._batch.tally import say_usd
from ._common import UsageError, make_console, read_text, read_usd
from ._measure import PROMPT, Measured, cost_at_most, measure_all
from ._plain import escaped

if TYPE_CHECKING:
    from rich.table import Table

    from glm_openrouter import ClientOptions, EndpointInfo

__all__ = ["add_compare", "check_compare", "compare"]


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("to measure the endpoints, which costs something")
    group.add_argument(
        "--compare",
        action="store_true",
        help="ask each endpoint two short questions, and show how soon and how fast it answered, whether it called a "
        "tool rightly, and what that cost",
    )
    group.add_argument(
        "--prompt", metavar="TEXT", help="a question of your own; @FILE reads a file"
    )
    group.add_argument("--budget", type=read_usd, metavar="USD", help="the most to spend")
    group.add_argument("--yes", action="store_true", help="do not ask before it costs something")


def check_compare(options: argparse.Namespace) -> None:
    """Refuse options that only mean something with `--compare`.

    Raises:
        UsageError: There is one of them without it.
    """
    if not options.compare and (options.prompt or options.budget or options.yes):
        raise UsageError("--prompt, --budget and --yes belong to --compare.")


def compare(
    options: argparse.Namespace, client_options: ClientOptions, endpoints: Sequence[EndpointInfo]
) -> int:
    """Measure the endpoints and show what came, unless the user says no; 1 if none of them answered.

    Raises:
        NotFoundError: There are no endpoints.
        UsageError: There is nobody to ask, or nothing to read.
    """
    prompt = read_text(options.prompt) if options.prompt else PROMPT
    named = list({endpoint.tag: endpoint for endpoint in endpoints if endpoint.tag}.values())
    if not named:
        raise NotFoundError(f"Nobody serves {options.model}.", model=options.model)
    if not (options.offline or options.yes or _is_agreed(named, prompt, options.budget)):
        sys.stderr.write("Nothing was sent.\n")
        return 0
    with Budget(options.budget) if options.budget else nullcontext():
        rows = measure_all(client_options, options.model, named, prompt)
    if options.json:
        written = json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False)
        sys.stdout.write(f"{escaped(written)}\n")
    else:
        _show(options.model, rows)
    return 0 if any(row.error is None for row in rows) else 1


def _is_agreed(endpoints: Sequence[EndpointInfo], prompt: str, budget: float | None) -> bool:
    """Say what it will cost at most, and return whether the user wants it."""
    cost = _describe_cost(endpoints, prompt, budget)
    if not sys.stdin.isatty():
        raise UsageError(f"{cost} There is no terminal to ask on; --yes goes on without asking.")
    sys.stderr.write(f"{cost}\nGo on? [y/N] > ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _describe_cost(endpoints: Sequence[EndpointInfo], prompt: str, budget: float | None) -> str:
    costs = [cost_at_most(endpoint, prompt) for endpoint in endpoints]
    most = sum(cost for cost in costs if cost is not None)
    whom = "1 endpoint" if len(endpoints) == 1 else f"each of {len(endpoints)} endpoints"
    text = f"Two calls to {whom} cost at most about {say_usd(most)} USD"
    if unknown := costs.count(None):
        text += f", without {unknown} of them whose prices are not known"
    if budget is not None and (unknown or most > budget):
        text += f"; the budget ends them at {say_usd(budget)} USD"
    return f"{text}."


_COLUMNS: Mapping[str, Callable[[Measured], str]] = {
    "Endpoint": lambda row: row.endpoint,
    "First\ntoken s": lambda row: _number(row.seconds_to_first_token, 2),
    "Tokens\n/s": lambda row: _number(row.tokens_per_second),
    "Tool\ncall": lambda row: row.tool_call or "",
    "USD": lambda row: _number(row.cost, 6),
    "Error": lambda row: row.error or "",
}
"""Heading -> what stands below it."""

_TEXTS = frozenset(("Endpoint", "Tool\ncall", "Error"))


def _show(model: str, rows: Sequence[Measured]) -> None:
    console = make_console()
    console.print(_build_table(model, rows))
    for row in rows:
        if row.message:
            console.print(f"{row.endpoint}: {' '.join(row.message.split())}", style="dim")
    costs = [row.cost for row in rows if row.cost is not None]
    console.print(f"It cost {say_usd(sum(costs))} USD, as far as that was told.", style="dim")


def _build_table(model: str, rows: Sequence[Measured]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(
        title=model, box=box.SIMPLE, padding=(0, 1), collapse_padding=True, title_justify="left"
    )
    shown = {name: cell for name, cell in _COLUMNS.items() if any(cell(row) for row in rows)}
    for heading in shown:
        is_text = heading in _TEXTS
        table.add_column(
            heading,
            justify="left" if is_text else "right",
            no_wrap=not is_text,
            overflow="fold",
        )
    for row in rows:
        cells = (" ".join(cell(row).split()) for cell in shown.values())
        table.add_row(*cells, style="dim" if row.error else None)
    return table


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
