"""The actor of Ray that asks: one event loop, and in it the rows of several blocks."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pyarrow as pa  # pyright: ignore[reportMissingImports]

from glm_openrouter.batch import Answer, Call, answer_row, read_call

from .columns import AnswerColumns, AnswerRows

__all__ = ["AskingActor"]


class AskingActor:
    """Asks for the rows of blocks, several blocks at a time.

    Ray would run a function of single rows for 16 of them at a time. While nobody takes what is finished it would stop
    the event loop, too, and with it the timeouts of all that is under way. So it gets whole blocks, whose rows share
    one limit.
    """

    def __init__(self, call: Call, in_flight: int, flat: bool) -> None:
        self._ask = read_call(call)
        self._limit = asyncio.Semaphore(in_flight)
        self._output = AnswerRows() if flat else AnswerColumns()

    async def __call__(self, block: pa.Table) -> pa.Table:
        """Return what a block becomes."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._answer(row)) for row in block.to_pylist()]
        except (
            ExceptionGroup
        ) as fatal:  # the first of them says enough, and Ray prints all that it is given
            raise fatal.exceptions[0] from None
        return self._output.table(block, [task.result() for task in tasks])

    async def _answer(self, row: Mapping[str, Any]) -> Answer:
        async with self._limit:
            return await answer_row(self._ask, row)
