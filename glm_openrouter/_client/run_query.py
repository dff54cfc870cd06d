"""Ask the catalogue: requests without a body, on the same path as chat requests."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from glm_openrouter._json.values import JSONObject
from glm_openrouter.catalogue.queries import GetRequest, Query
from glm_openrouter.errors import APIError

from .attempt import Attempt

if TYPE_CHECKING:
    from .steps import Steps
    from .transport import AsyncTransport, BaseTransport, Transport

__all__ = ["arun_query", "run_query"]


T = TypeVar("T")


def run_query(transport: Transport, query: Query[T]) -> T:
    """Ask what a query asks for, and return its result."""
    return transport.run(_steps(transport, query))


async def arun_query(transport: AsyncTransport, query: Query[T]) -> T:
    """Ask what a query asks for, and return its result."""
    return await transport.run(_steps(transport, query))


def _steps(transport: BaseTransport, query: Query[T]) -> Steps[T]:
    try:
        request = next(query)
        while True:
            if request.delay:
                yield transport.sleep(request.delay)
            try:
                answer = yield from transport.retry(partial(_get, transport, request))
            except APIError as error:
                request = query.throw(error)
            else:
                request = query.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


def _get(transport: BaseTransport, request: GetRequest) -> Steps[JSONObject]:
    """Make one try at one request."""
    attempt = Attempt(transport, request.model)
    send = partial(transport.get, request.path, attempt.timer)
    response, content = yield from attempt.read_all(send)
    return attempt.read_object(request.path, response, content, "data")
