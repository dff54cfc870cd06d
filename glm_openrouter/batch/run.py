"""`run`: the same call for each of many rows, as many at a time as the provider bears."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import aclosing
from contextvars import Context, copy_context
from types import TracebackType
from typing import Any, Self

from glm_openrouter.errors import APIError, InvalidRequestError
from glm_openrouter.pace import Pace, open_pace
from glm_openrouter.spending.ledger import Ledger, open_ledger

from .answer import Answer, RowJournal, answer_row
from .bar import RowBar
from .call import Ask, Call, read_call
from .failure import describe_failure
from .open_files import allow_open_files
from .rows import Row, Rows, identify_row, iterate_rows

__all__ = ["Run", "run"]


def run(
    rows: Rows,
    call: Call,
    *,
    journal: RowJournal | None = None,
    budget: Ledger | None = None,
    pace: Pace | None = None,
    in_flight: int = 256,
    id: str | None = None,
    attempts: Mapping[Any, int] | None = None,
    show_progress: bool = False,
) -> Run:
    """Return an iterator of rows with their answers, in the order in which these are complete.

    Each row comes back as a new dict that has all that was in it, and `id`; `answer`, what the call returned, or
    `None`; `error`, a `Failure` or `None`; and `cost`, the USD that its requests have cost as reported, 0 for what came
    from the journal::

        async for row in run(rows, chain, journal=Journal("labels.db"), budget=Budget(5)):
            print(row["id"], row["answer"], row["error"], row["cost"])

    A row that fails is one with an error, and the others go on. Only what would fail all of them is raised, ends the
    run, and fails none. After a key that is refused (401), or credits that are used up (402), rows that are under way
    are cancelled. After a budget that is spent, a journal that cannot be written, or rows that cannot be read, they are
    finished and given out first, because they are paid.

    Memory does not grow with the number of rows: one is taken from `rows` when there is room for it, also among those
    that are finished and not given out yet. Whoever leaves the loop, or is cancelled in it, cancels what is under way;
    `aclose`, or `async with`, waits for that, too.

    Args:
        rows: Mappings, from anything that can be iterated over, also asynchronously. What blocks while it waits for
            its next row blocks all of them, so that should be asynchronous.
        call: An asynchronous function that takes a row as a dict; a LangChain runnable, such as a chain from a prompt
            to an answer in a schema; or a structured program of LlamaIndex, whose prompt has columns for variables.
        journal: A `Journal`: what has been paid for once comes from there.
        budget: A `Budget` for this run. Whatever `Spend` or `Budget` is open around the loop counts, too.
        pace: By default that of the block around the loop, or else one of its own.
        in_flight: How many rows may be under way. How many requests that makes is found out by the pace, so this is a
            limit for memory, and for what is paid for again after a crash.
        id: The column that holds the id by which a journal knows a row. By default it is `id`; a row without one is
            known by its number and a hash of what it holds. Two rows with one id are both asked for; if they make equal
            requests and there is a journal, one may get the answer of the other.
        attempts: Id -> how often the row has failed in earlier runs. The journal has no answers for a new attempt.
        show_progress: Whether a tqdm bar shows how many rows came out, what they cost and how many failed; in a
            notebook it is a widget. It counts to the number of rows if `rows` has a length.

    Raises:
        InvalidRequestError: An argument makes no sense.
    """
    if isinstance(in_flight, bool) or not isinstance(in_flight, int) or in_flight < 1:
        raise InvalidRequestError(
            f"in_flight must be a whole number from 1 on, got {in_flight!r:.40}."
        )
    if not (hasattr(rows, "__aiter__") or hasattr(rows, "__iter__")):
        raise InvalidRequestError(f"rows cannot be iterated over: {rows!r:.80}.")
    if journal is not None and not hasattr(journal, "row"):
        raise InvalidRequestError(f"journal must be a Journal, got {journal!r:.80}.")
    ask = read_call(call)
    allow_open_files(in_flight)
    job = _Job(rows, ask, journal, budget, pace, in_flight, id, attempts or {})
    return Run(job, RowBar(rows) if show_progress else None)


class Run(AsyncIterator[dict[str, Any]]):
    """The rows of a run, with their answers. It is not a generator, so that what is left ends at once."""

    def __init__(self, job: _Job, bar: RowBar | None = None) -> None:
        self._job = job
        self._bar = bar

    async def __anext__(self) -> dict[str, Any]:
        try:
            row = await self._job.next_answer()
        except asyncio.CancelledError:
            await self.aclose()
            raise
        except Exception:  # also at the end, which is a `StopAsyncIteration`
            self._close_bar()
            raise
        if self._bar is not None:
            self._bar.count(row)
        return row

    async def aclose(self) -> None:
        """Cancel what is under way and wait until it has ended."""
        self._close_bar()
        await self._job.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def __del__(self) -> None:
        self._job.abandon()


class _Job:
    """Takes rows, has them answered, and keeps the answers until somebody takes them."""

    def __init__(
        self,
        rows: Rows,
        ask: Ask,
        journal: RowJournal | None,
        budget: Ledger | None,
        pace: Pace | None,
        in_flight: int,
        column: str | None,
        attempts: Mapping[Any, int],
    ) -> None:
        self._rows = rows
        self._ask = ask
        self._journal = journal
        self._budget = budget
        self._pace = pace
        self._column = column
        self._attempts = attempts
        self._room = asyncio.Semaphore(in_flight)
        self._tasks: set[asyncio.Task[None]] = set()
        """The rows under way, and the one that takes new ones."""
        self._taking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: Context | None = None
        self._is_over = False
        self._answers: deque[dict[str, Any]] = deque()
        self._news = asyncio.Event()
        self._fatal: Exception | None = None

    async def next_answer(self) -> dict[str, Any]:
        """Return a row with its answer.

        Raises:
            StopAsyncIteration: There is none left.
            Exception: What has ended the run, once all answers are given out.
        """
        if self._context is None and not self._is_over:
            self._start()
        while not self._answers:
            if not self._tasks:
                fatal, self._fatal = self._fatal, None
                raise fatal or StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        self._room.release()
        return self._answers.popleft()

    async def close(self) -> None:
        """Cancel all that is under way, wait for its end, and give out nothing more."""
        self._cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._answers.clear()

    def abandon(self) -> None:
        """Cancel all that is under way; nobody waits, and this may be called in any thread."""
        if self._loop is not None and self._tasks and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._cancel)

    def _start(self) -> None:
        """Begin to take rows. The pace and the budget are open in the context of each, and not in the caller's."""
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        if self._budget is not None:
            self._context.run(open_ledger, self._budget)
        self._context.run((self._pace or open_pace() or Pace()).__enter__)
        self._taking = self._begin(self._take_rows())

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin something in a context of its own."""
        assert self._context is not None  # for the type checker; `_start` has set it
        task = asyncio.create_task(work, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._news.set()

    async def _take_rows(self) -> None:
        """Take a row whenever there is room for one."""
        try:
            async with aclosing(iterate_rows(self._rows)) as rows:
                for number in itertools.count(1):
                    await self._room.acquire()
                    row = await anext(rows, None)
                    if row is None:
                        return
                    row_id = identify_row(row, number, self._column)
                    self._begin(self._answer(row, row_id))
                    await asyncio.sleep(
                        0
                    )  # rows that never make us wait would keep the others waiting
        except Exception as error:  # noqa: BLE001 -- raised where the answers are taken
            self._fail(error)

    async def _answer(self, row: Row, row_id: object) -> None:
        """Have a row answered."""
        attempt = self._attempts.get(row_id, 0)
        try:
            answer = await answer_row(
                self._ask, row, id=row_id, attempt=attempt, journal=self._journal
            )
        except asyncio.CancelledError as error:
            if self._is_over:
                raise
            answer = Answer(None, describe_failure(error), 0.0)  # the call has cancelled itself
        except Exception as error:  # noqa: BLE001 -- raised where the answers are taken
            self._fail(error)
            return
        self._answers.append({**row, "id": row_id, **answer._asdict()})

    def _fail(self, error: Exception) -> None:
        """Take no more rows, and end with an error. What is under way is paid, unless nothing is paid any more."""
        self._fatal = self._fatal or error
        if isinstance(error, APIError):
            self._cancel()
        elif self._taking is not None:
            self._taking.cancel()

    def _cancel(self) -> None:
        self._is_over = True
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
