"""Sends what some texts need: all parts, several at a time, each over all its attempts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from glm_openrouter.completions import Completion
from glm_openrouter.errors import APIError
from glm_openrouter.request._body import encode_body
from glm_openrouter.retrieval.parts import MAX_CONCURRENCY
from glm_openrouter.retrieval.request import (
    PartAnswer,
    PartRequest,
    check_size,
    combine_embeddings,
    combine_rankings,
    embedding_requests,
    rerank_requests,
)

from .call_record import CallRecord, begin_call
from .replay import count_replay, find_place
from .retrieval_attempt import RetrievalAttempt, read_kept_part

if TYPE_CHECKING:
    from glm_openrouter.journal.row import Place
    from glm_openrouter.retrieval.arguments import EmbeddingOptions, RerankOptions
    from glm_openrouter.retrieval.results import Embeddings, Ranking

    from .steps import Steps
    from .transport import AsyncTransport, BaseTransport, Transport

__all__ = ["Progress", "aembed", "arank", "embed", "rank"]

T = TypeVar("T")

Progress = Callable[[int], object]
"""Told how many texts are done, each time that some are."""


class _Work(Generic[T]):
    """The parts that are left, and the answers that have come. Several workers share it."""

    def __init__(self, requests: Sequence[PartRequest[T]], progress: Progress | None) -> None:
        self.left = deque(enumerate(requests))
        self._answers: dict[int, PartAnswer[T]] = {}
        self._progress = progress

    def take(self) -> tuple[int, PartRequest[T]] | None:
        """Return the next part and its number, or `None` if there is none left."""
        try:
            return self.left.popleft()
        except IndexError:
            return None

    def keep(self, number: int, answer: PartAnswer[T]) -> None:
        """Note the answer to a part."""
        self._answers[number] = answer
        if self._progress is not None:
            self._progress(len(answer.rows))

    @property
    def answers(self) -> list[PartAnswer[T]]:
        """All answers, in the order of the parts."""
        return [self._answers[number] for number in sorted(self._answers)]


def embed(
    transport: Transport,
    texts: Sequence[str],
    options: EmbeddingOptions,
    batch_size: int,
    max_concurrency: int,
    progress: Progress | None,
) -> Embeddings:
    """Return the vectors of texts."""
    requests = embedding_requests(texts, options, batch_size)
    return combine_embeddings(_run(transport, requests, max_concurrency, progress))


def rank(
    transport: Transport, query: str, documents: Sequence[str], options: RerankOptions
) -> Ranking:
    """Return the documents that fit a query best."""
    requests = rerank_requests(query, documents, options)
    answers = _run(transport, requests, MAX_CONCURRENCY, None)
    return combine_rankings(answers, options.get("top_n"))


async def aembed(
    transport: AsyncTransport,
    texts: Sequence[str],
    options: EmbeddingOptions,
    batch_size: int,
    max_concurrency: int,
    progress: Progress | None,
) -> Embeddings:
    """Return the vectors of texts."""
    requests = embedding_requests(texts, options, batch_size)
    return combine_embeddings(await _arun(transport, requests, max_concurrency, progress))


async def arank(
    transport: AsyncTransport, query: str, documents: Sequence[str], options: RerankOptions
) -> Ranking:
    """Return the documents that fit a query best."""
    requests = rerank_requests(query, documents, options)
    answers = await _arun(transport, requests, MAX_CONCURRENCY, None)
    return combine_rankings(answers, options.get("top_n"))


def _run(
    transport: Transport,
    requests: Sequence[PartRequest[T]],
    max_concurrency: int,
    progress: Progress | None,
) -> list[PartAnswer[T]]:
    """Send all requests, each of the threads in a copy of the context of the caller, and return the answers in order.

    Raises:
        APIError: One has failed; no other was begun after it.
    """
    check_size("max_concurrency", max_concurrency)
    work = _Work(requests, progress)

    def run() -> None:
        try:
            while part := work.take():
                number, request = part
                work.keep(number, transport.run(_steps(transport, request)))
        except BaseException:
            work.left.clear()
            raise

    workers = min(max_concurrency, len(requests))
    if workers == 1:
        run()
        return work.answers
    pool = ThreadPoolExecutor(workers, thread_name_prefix="glm-openrouter")
    try:
        futures = [pool.submit(copy_context().run, run) for _ in range(workers)]
        wait(futures)
        for future in futures:
            future.result()
    finally:
        work.left.clear()
        pool.shutdown(wait=False)
    return work.answers


async def _arun(
    transport: AsyncTransport,
    requests: Sequence[PartRequest[T]],
    max_concurrency: int,
    progress: Progress | None,
) -> list[PartAnswer[T]]:
    """Send all requests, and return the answers in order.

    Raises:
        APIError: One has failed; those that were under way are cancelled.
    """
    check_size("max_concurrency", max_concurrency)
    work = _Work(requests, progress)

    async def run() -> None:
        while part := work.take():
            number, request = part
            work.keep(number, await transport.run(_steps(transport, request)))

    tasks = [asyncio.ensure_future(run()) for _ in range(min(max_concurrency, len(requests)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return work.answers


def _steps(transport: BaseTransport, request: PartRequest[T]) -> Steps[PartAnswer[T]]:
    """Replay the answer to one request if a journal has it; else send it over all its attempts."""
    place = find_place(request.path, request.body)
    if place is not None:
        answer: PartAnswer[T] | None = yield transport.recall(
            place, partial(read_kept_part, request)
        )
        if answer is not None:
            facts = Completion(model=answer.model, provider=answer.provider)
            count_replay(facts, operation=request.operation)
            return answer
    try:
        return (yield from _send_call(transport, request, place))
    finally:
        if place is not None:
            place.release()


def _send_call(
    transport: BaseTransport, request: PartRequest[T], place: Place | None
) -> Steps[PartAnswer[T]]:
    """Send one request over all its attempts."""
    record = begin_call(request.operation, request.body, transport.base_url)
    send = partial(_send, transport, request, record, place)
    try:
        if record is None:
            return (yield from transport.retry(send))
        with record.opening():
            answer = yield from transport.retry(send, record)
        record.end()
        return answer
    except APIError as error:
        if where := str(request.part):
            error.args = (f"{error.message} Nothing came for {request.path[1:]} {where}.",)
        raise


def _send(
    transport: BaseTransport,
    request: PartRequest[T],
    record: CallRecord | None,
    place: Place | None,
) -> Steps[PartAnswer[T]]:
    """Make one try at one request."""
    attempt = RetrievalAttempt(transport, request, record)
    try:
        yield from attempt.wait_for_turn()
        content = attempt.open()
        send = partial(transport.post, request.path, content, attempt.timer)
        answer = attempt.read(*(yield from attempt.read_all(send)))
        if place is not None:
            yield transport.keep(place, encode_body(attempt.answer))
        return answer
    except BaseException as error:
        attempt.fail(error)
        raise
    finally:
        attempt.close()
