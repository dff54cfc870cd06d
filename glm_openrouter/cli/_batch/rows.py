"""The rows of a file, one after the other: JSONL, CSV, Parquet."""

import codecs
import csv
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec

from glm_openrouter._json.values import JSONObject
from glm_openrouter.cli._common import UsageError

from .parquet import read_parquet

__all__ = ["RESERVED", "RowId", "Rows", "Survey", "digest_of"]

RESERVED = ("answer", "error", "cost", "attempt")
"""What the output has beside the columns of a row."""

_LONGEST_FIELD = 1 << 27
"""Characters of a field of CSV; Python's own limit is 128 kB."""

_SHOWN = 3
"""Rows of a survey."""

RowId: TypeAlias = str | int

_Numbered: TypeAlias = tuple[int, JSONObject]
"""The line that a row stands on, or its number, and the row."""


class Survey(NamedTuple):
    """What there is to know of a file before its first row is asked about."""

    total: int
    columns: Sequence[str]
    """Those of the first row."""
    first: Sequence[JSONObject]
    """Up to three rows."""
    done: int
    """How many are done already."""
    failed: int
    """How many have failed before."""


class Rows:
    """The rows of a file, which is read anew each time that they are gone through. Each has an `id`.

    Args:
        path: A name that ends with `.jsonl`, `.ndjson`, `.csv` or `.parquet`.
        id_column: What tells the rows apart. Default: `id` if the first row has it, else the number of the line and a
            hash of the row.
        limit: Only so many rows, from the beginning.

    Raises:
        UsageError: The name has another ending.
    """

    def __init__(self, path: Path, id_column: str | None = None, limit: int | None = None) -> None:
        if path.suffix not in _READERS:
            raise UsageError(f"{path} is none of {', '.join(_READERS)}.")
        self.path = path
        self.id_column = id_column
        self._limit = limit

    def survey(self, done: Collection[int] = (), failed: Collection[RowId] = ()) -> Survey:
        """Go through all rows and see whether they can be used.

        Args:
            done: Rows that are done already, as `digest_of` their ids.
            failed: Rows that have failed before, by their ids.

        Raises:
            UsageError: There are none, or one cannot be read or has no id of its own.
            OSError: The file cannot be read.
        """
        columns = self.choose_id()
        first: list[JSONObject] = []
        seen: set[int] = set()
        counts = Counter[str]()
        for row in self:
            digest = digest_of(row["id"])
            if self.id_column is not None:
                if digest in seen:
                    raise UsageError(
                        f"{self.path} has two rows with the {self.id_column} {row['id']!r}; ids tell rows apart."
                    )
                seen.add(digest)
            counts["all"] += 1
            counts["done"] += digest in done
            counts["failed"] += row["id"] in failed
            if len(first) < _SHOWN:
                first.append(row)
        return Survey(counts["all"], columns, first, counts["done"], counts["failed"])

    def __iter__(self) -> Iterator[JSONObject]:
        for line, row in self._read():
            yield self._with_id(line, row)

    def _read(self) -> Iterator[_Numbered]:
        return islice(_READERS[self.path.suffix](self.path), self._limit)

    def choose_id(self) -> Sequence[str]:
        """Choose the column for the ids, see whether the output has room for all, and return those of the first row.

        Raises:
            UsageError: There are no rows, no such column, or one that has the name of something else in the output.
        """
        _, first = next(self._read(), (0, None))
        if first is None:
            raise UsageError(f"{self.path} has no rows.")
        columns = [*first]
        if self.id_column is None and "id" in columns:
            self.id_column = "id"
        if self.id_column is not None and self.id_column not in columns:
            listed = ", ".join(columns)
            raise UsageError(
                f"{self.path} has no column {self.id_column!r}. The columns are: {listed}."
            )
        taken = [*RESERVED, *(["id"] if self.id_column not in (None, "id") else [])]
        if both := [name for name in taken if name in columns]:
            raise UsageError(
                f"{self.path} has a column {both[0]!r}, which is the name of something else in the output: rename it."
            )
        return columns

    def _with_id(self, line: int, row: JSONObject) -> JSONObject:
        if self.id_column is None:
            written = msgspec.json.encode(row, order="deterministic")
            return {"id": f"{line}-{blake2b(written, digest_size=6).hexdigest()}", **row}
        value = row.get(self.id_column)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise UsageError(
                f"{self.path}, row {line}: {self.id_column!r} must be text or a whole number, got {value!r}."
            )
        return {"id": value, **row}


def digest_of(row_id: RowId) -> int:
    """Return a number that stands for an id, so that a million of them take little memory."""
    return int.from_bytes(blake2b(str(row_id).encode(), digest_size=8).digest())


def _read_jsonl(path: Path) -> Iterator[_Numbered]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            written = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if written.strip():
                yield number, _decode(written, path, number)


def _decode(written: bytes, path: Path, number: int) -> JSONObject:
    try:
        row: JSONObject = msgspec.json.decode(written, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path}, line {number}: no JSON object: {error}") from None
    return row


def _read_csv(path: Path) -> Iterator[_Numbered]:
    csv.field_size_limit(_LONGEST_FIELD)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            if twice := sorted({name for name in header if header.count(name) > 1}):
                raise UsageError(f"{path} has more than one column {twice[0]!r}.")
            for fields in filter(None, reader):
                if len(fields) != len(header):
                    problem = f"{len(fields)} fields, where the first line names {len(header)}."
                    raise UsageError(f"{path}, line {reader.line_num}: {problem}")
                yield reader.line_num, dict(zip(header, fields, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise UsageError(f"{path}, line {reader.line_num}: no CSV: {error}") from None


_READERS = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": read_parquet,
}
