"""One run of a job: what is left is asked, what comes is written, and it says how to go on."""

from __future__ import annotations

import argparse
import logging
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from glm_openrouter import (
    AsyncClient,
    Budget,
    BudgetExceededError,
    EmptyResponseWarning,
    Journal,
    track_spend,
)
from glm_openrouter._json.values import JSONObject
from glm_openrouter.batch import run
from glm_openrouter.cli._common import connection, write_line
from glm_openrouter.cli._loops import run_to_end

from .job import Job
from .output import Attempts, Output, State
from .rows import Rows, digest_of
from .tally import Tally, say_usd
from .view import View, show

if TYPE_CHECKING:
    from glm_openrouter import ClientOptions, Spend

__all__ = ["run_job"]

_SOME_FAILED, _BUDGET_USED_UP = 3, 4

_NONE = Attempts(0, 0.0)


def run_job(options: argparse.Namespace, job: Job, rows: Rows, output: Output) -> int:
    """Ask what is left, and return the exit code.

    Raises:
        UsageError: The rows cannot be asked about, or the output belongs to something else.
        GLMError: Nothing more can be asked.
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    job.check(rows.choose_id())
    description = {**job.describe(), "id": rows.id_column}
    with connection(options) as client_options, output.taken(description) as state:
        survey = rows.survey(state.done, state.failed)
        tally = Tally(
            survey.total,
            done=survey.done,
            failed=survey.failed if options.keep_failed else 0,
            cost=state.cost,
            paid=state.paid,
            budget=options.budget,
        )
        this_run = _Run(options, job, rows, output, state, tally)
        try:
            code = this_run.go(client_options)
        except BaseException:
            this_run.say_how_far()
            raise
    output.finish()
    this_run.say_how_far()
    return code


class _Run:
    """What a run needs.

    Args:
        options: Those of the command.
        job: What is asked.
        rows: The input.
        output: Where the rows go; it is taken.
        state: How far the job had come.
        tally: How far it comes.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        job: Job,
        rows: Rows,
        output: Output,
        state: State,
        tally: Tally,
    ) -> None:
        self._options = options
        self._job = job
        self._rows = rows
        self._output = output
        self._state = state
        self._tally = tally
        self._problems: Counter[str] = Counter()
        self._is_over_budget = False

    def go(self, client_options: ClientOptions) -> int:
        """Ask what is left, and return the exit code.

        Raises:
            GLMError: Nothing more can be asked.
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        try:
            with _only_errors(), track_spend() as spend, show(self._tally) as view:
                run_to_end(self._ask_all(client_options, spend, view))
        except BudgetExceededError:
            self._is_over_budget = True
            return _BUDGET_USED_UP
        return _SOME_FAILED if self._tally.failed else 0

    async def _ask_all(self, client_options: ClientOptions, spend: Spend, view: View) -> None:
        options = self._options
        budget = None
        if options.budget is not None:
            budget = Budget(max(0.0, options.budget - self._state.cost))
        address = options.journal or self._output.journal
        async with AsyncClient(**client_options) as client, Journal(address) as journal:

            async def ask(row: Mapping[str, Any]) -> Any:
                self._tally.in_flight += 1
                try:
                    return await self._job.ask(client, row)
                finally:
                    self._tally.in_flight -= 1

            answers = run(
                self._rows_left(),
                ask,
                journal=journal,
                budget=budget,
                in_flight=options.in_flight,
                attempts={id: attempts.number for id, attempts in self._state.failed.items()},
            )
            async with answers:
                async for row in answers:
                    self._take(row)
                    self._tally.replayed = spend.total.replayed
                    view()

    def _rows_left(self) -> Iterator[JSONObject]:
        """Yield the rows that have failed before, and then those that were never asked about."""
        done, failed = self._state.done, self._state.failed
        if failed and not self._options.keep_failed:
            yield from (row for row in self._rows if row["id"] in failed)
        for row in self._rows:
            if row["id"] not in failed and digest_of(row["id"]) not in done:
                yield row

    def _take(self, row: JSONObject) -> None:
        """Write a row, and count it."""
        tally, before = self._tally, self._state.failed.get(row["id"], _NONE)
        tally.cost += row["cost"]
        tally.paid += row["cost"] > 0
        row = {**row, "cost": before.cost + row["cost"]}
        if row["error"] is None:
            self._output.add(row)
            tally.done += 1
        else:
            self._output.add_failed({**row, "attempt": before.number})
            tally.failed += 1
            self._problems[row["error"]["type"]] += 1
        tally.sample()

    def say_how_far(self) -> None:
        """Say what is done, what failed, what it has cost, and how to go on."""
        tally, output = self._tally, self._output
        replayed = f", {tally.replayed:,} replayed from the journal" if tally.replayed else ""
        write_line(
            f"{tally.done:,} of {tally.total:,} rows are done. {say_usd(tally.cost)} USD{replayed}."
        )
        if self._problems:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in self._problems.most_common())
            write_line(f"{tally.failed:,} failed, as {output.failed} says: {kinds}.")
        if tally.done < tally.total:
            budget = " with a larger --budget" if self._is_over_budget else ""
            write_line(f"The same command{budget} goes on from there.")


@contextmanager
def _only_errors() -> Iterator[None]:
    """Say nothing of what is tried again, of which there may be much, and of empty answers, which are errors here."""
    logger = logging.getLogger("glm_openrouter")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EmptyResponseWarning)
            yield
    finally:
        logger.setLevel(level)
