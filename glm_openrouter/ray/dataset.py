"""`ask`: a dataset gets columns with the answers to its rows."""

from __future__ import annotations

import os

from ray.data import ActorPoolStrategy, Dataset  # pyright: ignore[reportMissingImports]

from glm_openrouter.batch import Call, read_call
from glm_openrouter.errors import InvalidRequestError
from glm_openrouter.journal.journal import Journal

from .actor import AskingActor

__all__ = ["ask"]

_OVERLAP = 4
"""Blocks that an actor has open at a time. A block ends with its slowest row; the others go on meanwhile."""

_MEMORY = 2**29
"""Bytes that are reserved for an actor. Those that ask Ray for nothing are put on nodes at random, often all on one;
and Ray warns of those that use more than they ask for."""


def ask(
    ds: Dataset,
    call: Call,
    *,
    journal: Journal | str | os.PathLike[str] | None = None,
    in_flight: int = 256,
    actors: int = 1,
    flat: bool = False,
) -> Dataset:
    """Return a dataset with the answer to each row.

    The rows come back with three more columns, in place of those that have these names: `answer`, which is null where
    the row failed; `error`, a `Failure`, which is null where it did not; `cost` in USD, 0 for what came from the
    journal. The others are as they were.

    Nothing is asked before the dataset is consumed. A key that is refused, credits that are used up and a budget that
    is spent fail no rows: they end the job with an error of Ray's that says what is wrong. Answers become what Arrow
    holds: of messages and responses their text, of objects a struct with the types of their class.

    Args:
        ds: The rows. With a journal each needs an `id` of its own.
        call: What answers a row: an asynchronous function that takes it as a dict, a LangChain runnable, or whatever
            else `glm_openrouter.batch.run` takes. It goes to the actors as a pickle, with all that it refers to:
            models that are made with `pickle_secrets=False` leave their key out and take that of `OPENROUTER_API_KEY`
            in the environment of the workers.
        journal: Where paid answers are kept, so that what a crash has lost is not paid for again: a file on this
            machine, or for several machines a Redis, `redis://...`.
        in_flight: How many rows each actor has under way at a time.
        actors: How many processes ask. One keeps thousands of answers in flight; more are for the work around them.
        flat: Whether an answer is a list of rows. Each becomes a row of the result, with the `id` of what it came from,
            an `error` that is null, and the `cost` of the whole answer on the first of them. A row that failed becomes
            a row with `id`, `error` and `cost` alone.

    Raises:
        InvalidRequestError: An argument makes no sense.
    """
    read_call(call)
    for name, count in {"in_flight": in_flight, "actors": actors}.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise InvalidRequestError(
                f"{name} must be a whole number from 1 on, got {count!r:.40}."
            )
    if journal is not None and not isinstance(journal, Journal):
        journal = Journal(journal)
    # What is lost with an actor is asked again by the block, so none is larger than it takes to keep an actor busy.
    blocks = ds.repartition(target_num_rows_per_block=max(1, in_flight // 2))
    return blocks.map_batches(
        AskingActor,
        fn_constructor_args=(call, journal, in_flight, flat),
        batch_size=None,  # the rows of a block
        batch_format="pyarrow",
        zero_copy_batch=True,
        compute=ActorPoolStrategy(
            size=actors,
            max_concurrent_calls_per_actor=_OVERLAP,
            max_tasks_in_flight_per_actor=2 * _OVERLAP,
        ),
        num_cpus=0,  # an actor waits for answers; with a CPU of its own it may leave none for the tasks that feed it
        memory=_MEMORY,
    )
