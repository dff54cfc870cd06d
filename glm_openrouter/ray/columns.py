"""Answers as columns of Arrow, which have one type in all blocks."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import pyarrow as pa  # pyright: ignore[reportMissingImports]

from glm_openrouter.batch import Answer

from .answers import is_object, plain
from .schemas import arrow_type

__all__ = ["AnswerColumns", "AnswerRows"]

_ID, _ANSWER, _ERROR, _COST = "id", "answer", "error", "cost"

_FAILURE: Final = pa.struct(
    {
        "type": pa.string(),
        "message": pa.string(),
        "retryable": pa.bool_(),
        "status_code": pa.int64(),
        "raw": pa.string(),
    }
)


class AnswerColumns:
    """Puts answers beside the columns of a block."""

    def __init__(self) -> None:
        self._answers = _Type(pa.null())

    def table(self, block: pa.Table, outcomes: Sequence[Answer]) -> pa.Table:
        """Return a block with the outcomes of its rows.

        Raises:
            TypeError: The answers are of no common type, or are nothing that Arrow can hold.
        """
        columns = {
            _ANSWER: self._answers.array([outcome.answer for outcome in outcomes]),
            _ERROR: pa.array([outcome.error for outcome in outcomes], _FAILURE),
            _COST: pa.array([outcome.cost for outcome in outcomes], pa.float64()),
        }
        table = block.drop_columns([name for name in block.column_names if name in columns])
        for name, column in columns.items():
            table = table.append_column(name, column)
        return table


class AnswerRows:
    """Makes a row of each part of an answer."""

    def __init__(self) -> None:
        self._rows = _Type(pa.struct({}))

    def table(self, block: pa.Table, outcomes: Sequence[Answer]) -> pa.Table:
        """Return the rows that the answers are, with the id of the row that each comes from.

        Raises:
            TypeError: An answer is no list of dicts, or these have a column of ours, or no common type.
        """
        at, rows, errors, costs = [], [], [], []
        for number, outcome in enumerate(outcomes):
            for part, row in enumerate([None] if outcome.error else _rows_of(outcome.answer)):
                at.append(number)
                rows.append(row)
                errors.append(outcome.error)
                costs.append(0.0 if part else outcome.cost)
        table = pa.Table.from_struct_array(self._rows.array(rows))
        if _ID in block.column_names:
            ids = block[_ID].take(pa.array(at, pa.int64()))
            table = table.add_column(0, _ID, ids)
        table = table.append_column(_ERROR, pa.array(errors, _FAILURE))
        return table.append_column(_COST, pa.array(costs, pa.float64()))


def _rows_of(answer: object) -> Sequence[object]:
    rows = plain(answer)
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in rows):
        raise TypeError("With flat=True a call returns a list of rows: dicts, or objects.")
    if ours := {_ID, _ERROR, _COST}.intersection(chain.from_iterable(rows)):
        raise TypeError(f"The rows of an answer have {', '.join(sorted(ours))}, which `ask` adds.")
    return answer


class _Type:
    """The type of values of one column, as far as it is known: where all of a block are null, it is that of others."""

    def __init__(self, first: pa.DataType) -> None:
        self._type = first

    def array(self, values: Sequence[Any]) -> pa.Array:
        objects = [value for value in values if is_object(value)]
        schemas = [arrow_type(kind) for kind in {type(each) for each in objects}]
        plain_values = [plain(value) for value in values]
        try:
            self._type = _common_type(self._type, *schemas, pa.infer_type(plain_values))
            return pa.array(plain_values, self._type)
        except pa.ArrowException as error:
            raise TypeError(
                "All answers have to be of one type that Arrow can hold, such as text, or objects of one schema: "
                f"{error}"
            ) from error


def _common_type(*types: pa.DataType) -> pa.DataType:
    schemas = [pa.schema({_ANSWER: one}) for one in types]
    return pa.unify_schemas(schemas, promote_options="permissive").field(_ANSWER).type
