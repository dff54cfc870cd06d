"""Where rows come from, one at a time, and what each is known by."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from typing import Any, TypeAlias

from glm_openrouter.errors import InvalidRequestError

__all__ = ["Row", "Rows", "identify_row", "iterate_rows"]

Row: TypeAlias = Mapping[str, Any]

Rows: TypeAlias = Iterable[Row] | AsyncIterable[Row]


async def iterate_rows(rows: Rows) -> AsyncGenerator[Row, None]:
    """Yield rows as they come.

    Raises:
        InvalidRequestError: One of them is no mapping.
    """
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield _checked(row)
    else:
        for row in rows:
            yield _checked(row)


def identify_row(row: Row, number: int, column: str | None) -> object:
    """Return what a row is known by.

    Args:
        row: The row.
        number: Where it stands among the rows.
        column: What holds the id. By default it is `id`, and a row without one is known by its number and a hash of
            what it holds: it is another row elsewhere, or with other values.

    Raises:
        InvalidRequestError: The column holds nothing.
    """
    value = row.get("id" if column is None else column)
    if value is not None and value != "":
        return value
    if column is not None:
        raise InvalidRequestError(
            f"Row {number} has nothing in {column!r}, which was to be its id."
        )
    content = repr(sorted(row.items(), key=_name)).encode("utf-8", "surrogatepass")
    return f"{number}-{hashlib.blake2b(content, digest_size=8).hexdigest()}"


def _name(item: tuple[str, Any]) -> str:
    return str(item[0])


def _checked(row: Any) -> Row:
    if not isinstance(row, Mapping):
        raise InvalidRequestError(f"A row is a dict or another mapping, got {row!r:.80}.")
    return row
