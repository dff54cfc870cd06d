"""`glm-openrouter spend`: what calls have cost, from a log of them or from the account."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glm_openrouter import Activity, ActivitySums, LogReport, LogSums, read_log_report

from ._account import Account, read_account, sum_as_logged
from ._common import Commands, UsageError, add_connection, make_console
from ._plain import escaped

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["add_parser"]

_DESCRIPTION = """\
Sum up a log that track_spend(log="calls.jsonl") has written: cost by model and provider and by day, the share of prompt
tokens that came from a cache, and how fast the providers were. Times and speeds are medians; tokens a second are those
after the first token. Lines that are no call are skipped and counted. With --account, what OpenRouter says of the
account stands beside it: all keys, the last 30 days that are over in UTC, and the credits. That needs a management key
in OPENROUTER_MANAGEMENT_KEY."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "spend",
        help="sum up what calls have cost, from a log of them or from the account",
        description=_DESCRIPTION,
    )
    parser.add_argument(
        "log", metavar="LOG", nargs="?", help="a file that track_spend(log=...) has written"
    )
    parser.add_argument(
        "--account", action="store_true", help="show what OpenRouter says of the account"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--plot", metavar="FILE", help="also draw what the log says: a file of .svg or .png"
    )
    add_connection(parser)
    parser.set_defaults(command=spend)


def spend(options: argparse.Namespace) -> int:
    """Print what a log says, and what OpenRouter says."""
    report = _read_report(options)
    figure = report.plot() if report and options.plot else None
    account = read_account(options) if options.account else None
    if options.json:
        _write_json(_as_json(report, account))
    else:
        _show(report, account)
    if figure:
        figure.savefig(options.plot, dpi=144)
    return 0


def _read_report(options: argparse.Namespace) -> LogReport | None:
    if options.plot and not options.plot.endswith((".svg", ".png")):
        raise UsageError(f"--plot draws a file of .svg or .png, got {options.plot}.")
    if options.log is None:
        if options.plot or not options.account:
            raise UsageError("Name a LOG." if options.plot else "Name a LOG, or ask for --account.")
        return None
    report = read_log_report(options.log)
    if not report.total.calls + report.total.replayed and report.skipped:
        raise UsageError(f"{options.log} is no log of calls.")
    return report


def _write_json(content: object) -> None:
    sys.stdout.write(escaped(json.dumps(content, indent=2, ensure_ascii=False)) + "\n")


def _as_json(report: LogReport | None, account: Account | None) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if report:
        shown = {
            "by_provider": [
                {"model": model, "provider": provider, **sums.to_dict()}
                for (model, provider), sums in report.by_provider.items()
            ],
            "by_day": [{"day": day, **sums.to_dict()} for day, sums in report.by_day.items()],
            "total": report.total.to_dict(),
            "skipped": report.skipped,
        }
    return {**shown, "account": account.to_dict()} if account else shown


_LOGGED: Mapping[str, Callable[[LogSums], str]] = {
    "Calls": lambda sums: f"{sums.calls:,}",
    "USD": lambda sums: f"{sums.cost:.6f}",
    "Cached": lambda sums: f"{sums.cache_hit_rate:.0%}",
}
_SPEEDS: Mapping[str, Callable[[LogSums], str]] = {
    "First\ntoken s": lambda sums: _number(sums.seconds_to_first_token, 2),
    "Tokens\n/s": lambda sums: _number(sums.tokens_per_second),
}
_USED: Mapping[str, Callable[[ActivitySums], str]] = {
    "Account\ncalls": lambda sums: f"{sums.requests:,}",
    "Account\nUSD": lambda sums: f"{sums.usage:.6f}",
}
"""Heading -> what stands below it."""


@dataclass(frozen=True)
class _Columns:
    """Those of a log, if there is one, and beside them those of an account, if it was asked for."""

    logged: Mapping[str, Callable[[LogSums], str]]
    used: Mapping[str, Callable[[ActivitySums], str]]

    def cells(self, sums: LogSums | None, activity: ActivitySums | None) -> list[str]:
        return [
            *("" if sums is None else cell(sums) for cell in self.logged.values()),
            *("" if activity is None else cell(activity) for cell in self.used.values()),
        ]


def _show(report: LogReport | None, account: Account | None) -> None:
    logged = report or LogReport({}, {}, LogSums())
    used = account.activity if account else Activity()
    console = make_console()
    speeds = {} if account else _SPEEDS  # there is no room for both
    for build, of_log in ((_build_costs, {**_LOGGED, **speeds}), (_build_days, _LOGGED)):
        columns = _Columns(of_log if report else {}, _USED if account else {})
        console.print(build(logged, used, columns))
    if account:
        console.print(account.describe_credits())
    for note in _notes(logged):
        console.print(note, style="dim")


def _build_costs(report: LogReport, activity: Activity, columns: _Columns) -> Table:
    """Return the costs by model and provider, the dearest first."""
    logged, used = report.by_provider, sum_as_logged(activity, report)
    costs = {key: sums.usage for key, sums in used.items()}
    costs |= {key: max(sums.cost, costs.get(key, 0.0)) for key, sums in logged.items()}
    table = _new_table("Model", "Provider", *columns.logged, *columns.used)
    for key in sorted(costs, key=lambda key: (-costs[key], key)):
        model, provider = key
        table.add_row(model, provider or "unknown", *columns.cells(logged.get(key), used.get(key)))
    table.add_row("Total", "", *columns.cells(report.total, activity.total), style="bold")
    return table


def _build_days(report: LogReport, activity: Activity, columns: _Columns) -> Table:
    logged, used = report.by_day, activity.by_day
    table = _new_table("Day", *columns.logged, *columns.used)
    for day in sorted({*logged, *used}):
        table.add_row(day, *columns.cells(logged.get(day), used.get(day)))
    return table


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


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


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
