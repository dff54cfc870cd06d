"""Draws what calls have cost and how fast they were: a row for each model at a provider, and the cost by day.

Nothing is drawn through pyplot, so it needs no display, changes no setting, and works in any thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any, Final

try:
    import matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ImportError as error:
    msg = 'A plot needs matplotlib: pip install "glm-openrouter[plot]"'
    raise ImportError(msg) from error

from .log_sums import LogSums

__all__ = ["draw"]

_BAR: Final = "#3a78b2"
_INK: Final = "#222222"
_MUTED: Final = "#767676"

_STYLE: Final[dict[Any, Any]] = {
    "axes.edgecolor": _MUTED,
    "axes.facecolor": "white",
    "axes.linewidth": 0.6,
    "axes.titlecolor": _INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.09,
    "figure.constrained_layout.w_pad": 0.09,
    "figure.facecolor": "white",
    "font.size": 9,
    "savefig.facecolor": "white",
    "text.color": _INK,
    "text.parse_math": False,  # a name may hold a $
    "xtick.color": _MUTED,
    "ytick.color": _INK,
}

_MOST_ROWS: Final = 20
"""Models at providers that have a row; the cheaper ones share one."""

_MOST_LABELS: Final = 12
"""Days with a label each; of more of them, only the dearest has one."""

_LONGEST_NAME: Final = 22
"""Characters."""

_WIDTH, _ROW, _DAYS, _MARGIN = 9.0, 0.29, 1.9, 0.9
"""Inches: of the figure, of a row, of the days, and of what is above and between."""


class _ShownFigure(Figure):
    """A figure that a notebook shows, also where pyplot was never loaded."""

    def _repr_png_(self) -> bytes:
        file = BytesIO()
        self.savefig(file, format="png", dpi=144)
        return file.getvalue()


@dataclass(frozen=True)
class _Column:
    title: str
    value: Callable[[LogSums], float | None]
    write: Callable[[float], str]
    full: float | None = None
    """The value of a bar of full length; that of the longest one if there is none."""


def _usd(amount: float) -> str:
    """Return an amount with two digits that mean something."""
    if amount >= 0.995 or amount <= 0:
        return f"${amount:,.2f}"
    return f"${amount:.{1 - math.floor(math.log10(amount))}f}"


_COLUMNS: Final = (
    _Column("Cost", lambda sums: sums.cost, _usd),
    _Column("First token", lambda sums: sums.seconds_to_first_token, lambda s: f"{s:.2f} s"),
    _Column("Tokens a second", lambda sums: sums.tokens_per_second, lambda speed: f"{speed:,.0f}"),
    _Column(
        "Cached input",
        lambda sums: sums.cache_hit_rate if sums.prompt_tokens else None,
        lambda share: f"{share:.0%}",
        full=1.0,
    ),
)


def draw(
    by_provider: Mapping[tuple[str, str], LogSums], by_day: Mapping[str, LogSums], total: LogSums
) -> Figure:
    """Return a figure.

    Args:
        by_provider: The sums by model and provider, the dearest first.
        by_day: The sums by day.
        total: The sums over all.
    """
    with matplotlib.rc_context(_STYLE):
        if not by_provider:
            return _draw_nothing()
        figure = _draw_rows(_cut(by_provider), by_day if len(by_day) > 1 else {})
        headline = _headline(total, {model for model, _ in by_provider})
        figure.suptitle(headline, x=0.01, ha="left", fontsize=11, fontweight="bold")
        return figure


def _draw_nothing() -> Figure:
    figure = _ShownFigure(figsize=(_WIDTH / 2, 0.8))
    figure.text(0.5, 0.5, "No calls yet.", ha="center", va="center", color=_MUTED)
    return figure


def _draw_rows(rows: Mapping[tuple[str, str], LogSums], by_day: Mapping[str, LogSums]) -> Figure:
    """Draw the rows, and below them the days, if there are any."""
    columns = [
        column
        for column in _COLUMNS
        if any(column.value(sums) is not None for sums in rows.values())
    ]
    heights = [_MARGIN + _ROW * len(rows), *([_DAYS] if by_day else [])]
    figure = _ShownFigure(figsize=(_WIDTH, sum(heights)), layout="constrained")
    parts = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    grid = parts[0].subgridspec(1, len(columns))
    for index, column in enumerate(columns):
        axes = figure.add_subplot(grid[index])
        _draw_column(axes, column, list(rows.values()), _names(list(rows)) if index == 0 else ())
    if by_day:
        _draw_days(figure.add_subplot(parts[1]), by_day)
    return figure


def _headline(total: LogSums, models: set[str]) -> str:
    calls = "1 call" if total.calls == 1 else f"{total.calls:,} calls"
    model = f" of {_shorten(next(iter(models)))}" if len(models) == 1 else ""
    return f"{_usd(total.cost)} for {calls}{model}"


def _cut(rows: Mapping[tuple[str, str], LogSums]) -> dict[tuple[str, str], LogSums]:
    """Return the dearest rows, and one for the sum of the others."""
    ordered = list(rows.items())
    if len(ordered) <= _MOST_ROWS:
        return dict(ordered)
    kept, others = ordered[: _MOST_ROWS - 1], ordered[_MOST_ROWS - 1 :]
    rest = LogSums(
        cost=sum(sums.cost for _, sums in others),
        prompt_tokens=sum(sums.prompt_tokens for _, sums in others),
        cached_tokens=sum(sums.cached_tokens for _, sums in others),
    )
    return {**dict(kept), ("", f"{len(others)} others"): rest}


def _names(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Return what each row is called: the provider, and the model where there are several."""
    several = len({model for model, _ in rows if model}) > 1
    parts = ((provider or "unknown", model if several else "") for model, provider in rows)
    return ["  ".join(filter(None, map(_shorten, both))) for both in parts]


def _shorten(name: str) -> str:
    name = "".join(letter if letter.isprintable() else " " for letter in name).strip()
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _draw_column(
    axes: Axes, column: _Column, rows: Sequence[LogSums], names: Sequence[str]
) -> None:
    """Draw one bar a row, the first row on top, each with its value beside it."""
    axes.set_title(column.title)
    values = [column.value(sums) for sums in rows]
    largest = column.full or max(value for value in values if value is not None) or 1.0
    for at, value in enumerate(values):
        if value is not None:
            axes.barh(at, value, height=0.62, color=_BAR)
            axes.text(value + largest * 0.03, at, column.write(value), va="center", color=_INK)
    axes.set_xlim(0, largest * 1.45)  # room for what stands beside the longest bar
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _draw_days(axes: Axes, by_day: Mapping[str, LogSums]) -> None:
    """Draw one bar a day; days without calls have none."""
    axes.set_title("Cost by day, UTC")
    costs = {date.fromisoformat(day).toordinal(): sums.cost for day, sums in by_day.items()}
    first, last = min(costs), max(costs)
    axes.bar(list(costs), list(costs.values()), width=0.8, color=_BAR)
    dearest = max(costs, key=lambda day: costs[day])
    for day in costs if last - first < _MOST_LABELS else [dearest]:
        at = (day, costs[day])
        axes.annotate(_usd(costs[day]), at, (0, 3), textcoords="offset points", ha="center")
    ticks = range(last, first - 1, -math.ceil((last - first + 1) / _MOST_LABELS))
    axes.set_xticks(ticks, [_write_day(date.fromordinal(tick)) for tick in ticks])
    axes.set_yticks([])
    axes.set_xlim(first - 0.6, last + 0.6)
    axes.set_ylim(0, (costs[dearest] or 1.0) * 1.2)
    axes.tick_params(axis="x", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _write_day(day: date) -> str:
    return f"{day.day} {day:%b}"
