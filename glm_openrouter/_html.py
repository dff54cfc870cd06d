"""Small tables of HTML, which notebooks show.

Whatever stands in a cell is text: models, providers and servers wrote much of it. Colours are those of the page around
the table, so that it can be read where that is dark, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

__all__ = ["fact_table", "row_table"]

_MOST_ROWS: Final = 100
_MOST_CHARACTERS: Final = 1000
"""Of a cell."""

_NAME: Final = "text-align: left; overflow-wrap: break-word"
_TEXT: Final = "text-align: left; white-space: pre-wrap; overflow-wrap: anywhere"
_NUMBER: Final = "text-align: right; white-space: nowrap"


def row_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    caption: str = "",
    texts: int = 1,
    total: Sequence[str] = (),
) -> str:
    """Return a table with a row for each of several things; of many rows, the first ones.

    Args:
        headings: What the columns are called.
        rows: Their cells.
        caption: What stands above it.
        texts: How many columns, from the left, hold text; the others hold numbers.
        total: The cells of a last row, in bold.
    """
    styles = [_NAME if index < texts else _NUMBER for index in range(len(headings))]
    listed = list(rows)
    body = [_row("td", row, styles) for row in listed[:_MOST_ROWS]]
    if total:
        body.append(_row("th", total, styles))
    if len(listed) > _MOST_ROWS:
        caption = f"{caption} The first {_MOST_ROWS} of {len(listed):,}.".lstrip()
    return _table(caption, f"<thead>{_row('th', headings, styles)}</thead>", body)


def fact_table(facts: Mapping[str, object], *, caption: str = "", link: str = "") -> str:
    """Return a table of what is known of one thing; facts that are `None` or empty are left out.

    Args:
        facts: Name -> what is known.
        caption: What stands above it.
        link: An address that stands below it.
    """
    known = {name: value for name, value in facts.items() if value is not None and value != ""}
    body = [_row("td", (name, str(value)), (_NAME, _TEXT)) for name, value in known.items()]
    address = escape(link)
    return _table(caption, "", body) + (f'<a href="{address}">{address}</a>' if link else "")


def _table(caption: str, head: str, rows: Iterable[str]) -> str:
    above = '<caption style="caption-side: top; text-align: left">'
    title = f"{above}{_cell(caption)}</caption>" if caption else ""
    return f"<table>{title}{head}<tbody>{''.join(rows)}</tbody></table>"


def _row(tag: str, cells: Sequence[str], styles: Sequence[str]) -> str:
    written = (
        f'<{tag} style="{style}">{_cell(cell)}</{tag}>'
        for cell, style in zip(cells, styles, strict=True)
    )
    return f"<tr>{''.join(written)}</tr>"


def _cell(text: str) -> str:
    if len(text) > _MOST_CHARACTERS:
        text = f"{text[:_MOST_CHARACTERS]}… ({len(text):,} characters)"
    return escape(text)
