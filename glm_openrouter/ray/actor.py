"""The actor of Ray that asks: one event loop, and in it the rows of several blocks."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pyarrow as pa  # pyright: ignore[reportMissingImports]

from glm_openrouter.batch import Answer, Call, answer_row, describe_failure, read_call
from glm_openrouter.batch.open_files import allow_open_files
from glm_openrouter.errors import InvalidRequestError
from glm_openrouter.journal.journal import Journal
from glm_openrouter.pace import Pace

from .columns import AnswerColumns, AnswerRows

__all__ = ["AskingActor"]


class AskingActor:
    """Asks for the rows of blocks, several blocks at a time.

    Ray would run a function of single rows for 16 of them at a time. While nobody takes what is finished it would stop
    the event loop, too, and with it the timeouts of all that is under way. So it gets whole blocks, whose rows share
    one limit and one pace.
    """

    def __init__(self, call: Call, journal: Journal | None, in_flight: int, flat: bool) -> None:
        allow_open_files(in_flight)
        self._ask = read_call(call)
        self._journal = journal
        self._limit = asyncio.Semaphore(in_flight)
        self._pace = Pace()
        self._output = AnswerRows() if flat else AnswerColumns()

    async def __call__(self, block: pa.Table) -> pa.Table:
        """Return what a block becomes."""
        if self._journal is not None and "id" not in block.column_names:
            raise InvalidRequestError(
                "A journal knows a row by its `id`, and the dataset has no column of this name. "
                f"It has: {', '.join(block.column_names)}."
            )
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._answer(row)) for row in block.to_pylist()]
        except ExceptionGroup as fatal:  # one says enough, and Ray would print all
            raise fatal.exceptions[0] from None
        return self._output.table(block, [task.result() for task in tasks])

    async def _answer(self, row: Mapping[str, Any]) -> Answer:
        """Return what comes back for a row; a call that cancels itself has failed."""
        try:
            async with self._limit:
                with self._pace:
                    return await answer_row(self._ask, row, id=row.get("id"), journal=self._journal)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return Answer(None, describe_failure(error), 0.0)
