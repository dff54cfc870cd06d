"""A prompt with places for the columns of a row."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from glm_openrouter import InvalidRequestError
from glm_openrouter.cli._common import UsageError

__all__ = ["Template"]

_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
"""An escaped brace, a place with the name of a column, a brace without a partner."""


class _Place(NamedTuple):
    column: str


class Template:
    """Text in which `{column}` stands for what a row has there, and `{{` and `}}` for braces.

    A name is a name, however it looks: nothing is formatted, and no attribute is looked at. What a row holds is text
    and nothing else, also where it has braces itself.

    Args:
        text: The text.
        option: Where it comes from, for errors.

    Raises:
        UsageError: A brace has no partner.
    """

    def __init__(self, text: str, option: str) -> None:
        self.text = text
        self._option = option
        self._pieces = list(_split(text, option))

    @property
    def columns(self) -> set[str]:
        """The columns that it has places for."""
        return {piece.column for piece in self._pieces if isinstance(piece, _Place)}

    def check(self, columns: Collection[str]) -> None:
        """See whether there are all the columns that it has places for.

        Raises:
            UsageError: One is missing; the message names those that there are.
        """
        if unknown := sorted(self.columns.difference(columns)):
            raise UsageError(
                f"{self._option} has a place for {{{unknown[0]}}}, which is no column. "
                f"The columns are: {', '.join(columns)}. For a brace in the text, write {{{{ or }}}}."
            )

    def fill(self, row: Mapping[str, Any]) -> str:
        """Return the text for one row.

        Raises:
            InvalidRequestError: The row lacks a column.
        """
        return "".join(
            _write(row, piece.column) if isinstance(piece, _Place) else piece
            for piece in self._pieces
        )


def _split(text: str, option: str) -> Iterator[str | _Place]:
    end = 0
    for match in _BRACES.finditer(text):
        yield text[end : match.start()]
        end = match.end()
        if match[1] is not None:
            yield _Place(match[1])
        elif len(match[0]) == 2:
            yield match[0][0]
        else:
            raise UsageError(
                f"{option} has a {match[0]} without its partner, as character {match.start() + 1}. "
                "For a brace in the text, write {{ or }}."
            )
    yield text[end:]


def _write(row: Mapping[str, Any], column: str) -> str:
    """Return what a row has in a column: text as it is, anything else as JSON."""
    if column not in row:
        raise InvalidRequestError(f"The row has no column {column!r}.")
    value = row[column]
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
