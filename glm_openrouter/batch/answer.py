"""One row: it is asked for, and what comes back is an answer or says why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Protocol

from glm_openrouter.spending.spend import track_spend

from .call import Ask
from .failure import Failure, describe_failure, find_fatal

__all__ = ["Answer", "RowJournal", "answer_row"]


class RowJournal(Protocol):
    """Keeps the answers to the requests of a row: a `Journal`."""

    def row(self, id: object, /, attempt: int = 0) -> AbstractContextManager[object]:
        """Return a context in which requests belong to a row."""
        ...


class Answer(NamedTuple):
    """What comes back for a row."""

    answer: Any
    """`None` if there is an error."""
    error: Failure | None
    cost: float
    """USD, as reported; 0 for what came from a journal."""


async def answer_row(
    ask: Ask,
    row: Mapping[str, Any],
    *,
    id: object = None,
    attempt: int = 0,
    journal: RowJournal | None = None,
) -> Answer:
    """Ask for a row.

    Args:
        ask: Answers it, as `read_call` returns it.
        row: It gets a copy of this.
        id: What the journal knows the row by.
        attempt: How often the row has failed before: what a journal keeps of one attempt is nothing to the next.
        journal: Where answers come from that were paid for before.

    Raises:
        AuthenticationError: The key is refused.
        PaymentRequiredError: The credits are used up.
        BudgetExceededError: A budget is spent.
        StoreError: A journal cannot be read or written.
    """
    remembering = nullcontext() if journal is None else journal.row(id, attempt=attempt)
    with track_spend() as spend, remembering:
        try:
            answer, failure = await ask(dict(row)), None
        except Exception as error:  # noqa: BLE001 -- whatever it is, the other rows go on
            if fatal := find_fatal(error):
                raise fatal from fatal.__cause__
            answer, failure = None, describe_failure(error)
    return Answer(answer, failure, spend.total.cost)
