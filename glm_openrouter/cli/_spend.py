"""`glm-openrouter spend`: what calls have cost, from a log of them or from the account."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from glm_openrouter.spending.report import LogReport, LogSums, read_report

from ._common import Commands, UsageError, make_console
from ._plain import escaped

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["add_parser"]

_DESCRIPTION = """\
Sum up a log that track_spend(log="calls.jsonl") has written: cost by model and provider and by day, the share of prompt
tokens that came from a cache, and how fast the providers were. Times and speeds are medians; tokens a second are those
after the first token. Lines that are no call are skipped and counted."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "spend", help="sum up what calls have cost, from a log of them", description=_DESCRIPTION
    )
    parser.add_argument("log", metavar="LOG", help="a file that track_spend(log=...) has written")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=spend)


def spend(options: argparse.Namespace) -> int:
    """Print what a log says."""
    report = read_report(options.log)
    if not report.total.calls + report.total.replayed and report.skipped:
        raise UsageError(f"{options.log} is no log of calls.")
    if options.json:
        _write_json(_as_json(report))
    else:
        _show(report)
    return 0


def _write_json(content: object) -> None:
    sys.stdout.write(escaped(json.dumps(content, indent=2, ensure_ascii=False)) + "\n")


def _as_json(report: LogReport) -> dict[str, Any]:
    return {
        "by_provider": [
            {"model": model, "provider": provider, **sums.to_dict()}
            for (model, provider), sums in report.by_provider.items()
        ],
        "by_day": [{"day": day, **sums.to_dict()} for day, sums in report.by_day.items()],
        "total": report.total.to_dict(),
        "skipped": report.skipped,
    }


def _show(report: LogReport) -> None:
    console = make_console()
    costs = _new_table("Model", "Provider", "Calls", "USD", "Cached", "First s", "Tokens/s")
    for (model, provider), sums in report.by_provider.items():
        costs.add_row(model, provider or "unknown", *_cells(sums), *_speeds(sums))
    costs.add_row("Total", "", *_cells(report.total), "", "", style="bold")
    days = _new_table("Day", "Calls", "USD", "Cached")
    for day, sums in report.by_day.items():
        days.add_row(day, *_cells(sums))
    console.print(costs)
    console.print(days)
    for note in _notes(report):
        console.print(note, style="dim")


def _new_table(*headings: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, padding=(0, 1), collapse_padding=True)
    for heading in headings:
        is_text = heading in ("Model", "Provider", "Day")
        table.add_column(
            heading,
            justify="left" if is_text else "right",
            no_wrap=not is_text,
            overflow="fold",
        )
    return table


def _cells(sums: LogSums) -> tuple[str, str, str]:
    return f"{sums.calls:,}", f"{sums.cost:.6f}", f"{sums.cache_hit_rate:.0%}"


def _speeds(sums: LogSums) -> tuple[str, str]:
    first, speed = sums.seconds_to_first_token, sums.tokens_per_second
    return "" if first is None else f"{first:.2f}", "" if speed is None else f"{speed:,.0f}"


def _notes(report: LogReport) -> Iterable[str]:
    total = report.total
    counts = (
        (total.failed, "ended with an error"),
        (total.unreported, "without a known cost, which no sum includes"),
        (total.cached, "answered from OpenRouter's response cache"),
        (total.replayed, "replayed from a journal"),
        (report.skipped, "skipped in the log: cut off, or no calls"),
    )
    for count, what in counts:
        if count:
            yield f"{count:,} {what}"
