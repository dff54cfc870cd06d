"""Parquet: read in batches, and written from rows in JSONL; needs pyarrow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from glm_openrouter._json.values import JSONObject
from glm_openrouter.cli._common import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["check_parquet", "read_parquet", "write_parquet"]

_BATCH = 1_000
"""Rows that are in memory at once."""


def check_parquet(path: Path) -> None:
    """See whether there is what a file needs.

    Raises:
        ImportError: It is Parquet, and pyarrow is missing; the message names the extra.
    """
    if path.suffix != ".parquet":
        return
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        msg = 'Parquet needs pyarrow: pip install "glm-openrouter[bulk]"'
        raise ImportError(msg) from error


def read_parquet(path: Path) -> Iterator[tuple[int, JSONObject]]:
    """Yield the number of each row and the row, as JSON has its values.

    Raises:
        UsageError: It is no Parquet.
    """
    check_parquet(path)
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            batches = file.iter_batches(batch_size=_BATCH)
            rows = chain.from_iterable(batch.to_pylist() for batch in batches)
            for number, row in enumerate(rows, 1):
                yield number, msgspec.to_builtins(row, str_keys=True)
    except pa.ArrowInvalid as error:
        raise UsageError(f"{path}: no Parquet: {error}") from None


def write_parquet(lines: Path, path: Path) -> None:
    """Write rows that stand in a file as lines of JSON as Parquet, which takes the place of `path` once it is whole.

    Raises:
        UsageError: The rows make no table: two have values of different types in a column.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        schema = _schema_of(lines)
        with ParquetWriter(unfinished, schema) as writer:
            for rows in _batches(lines):
                table = pa.array(rows, type=pa.struct(schema))
                writer.write_batch(pa.RecordBatch.from_struct_array(table))
        os.replace(unfinished, path)
    except pa.ArrowException as error:
        problem = str(error).partition("\n")[0]
        raise UsageError(
            f"The rows are no table of Parquet: {problem} All of them are in {lines}."
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)


def _schema_of(lines: Path) -> pa.Schema:
    """Return a schema that all rows fit."""
    import pyarrow as pa

    schema = pa.schema([])
    for rows in _batches(lines):
        more = pa.schema(list(pa.array(rows).type))
        schema = pa.unify_schemas([schema, more], promote_options="permissive")
    return schema


def _batches(lines: Path) -> Iterator[list[Any]]:
    with lines.open("rb") as file:
        while rows := [msgspec.json.decode(line) for line in islice(file, _BATCH)]:
            yield rows
