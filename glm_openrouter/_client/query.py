"""Make the inquiries of the catalogue: requests without a body, on the same path as chat requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tenacity import AsyncRetrying, Retrying

from glm_openrouter._json.values import JSONObject
from glm_openrouter.catalogue.queries import GetRequest, Query
from glm_openrouter.errors import APIError

if TYPE_CHECKING:
    from .client import AsyncClient, Client

__all__ = ["arun_query", "run_query"]


T = TypeVar("T")


def run_query(client: Client, inquiry: Query[T]) -> T:
    """Make an inquiry and return its result."""
    retrying = Retrying(**client._retries, sleep=client._sleep)
    try:
        get = next(inquiry)
        while True:
            if get.delay:
                client._sleep(get.delay)
            try:
                answer = retrying(_fetch, client, get)
            except APIError as error:
                get = inquiry.throw(error)
            else:
                get = inquiry.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


def _fetch(client: Client, get: GetRequest) -> JSONObject:
    lookup = client._new_lookup(get)
    with lookup.translating_errors():
        body = client._send(get, lookup.silence)
        try:
            lookup.silence.restart("the start of the response")
            content = body.read_all()
        finally:
            body.close()
    return lookup.read(body.response, content)


async def arun_query(client: AsyncClient, inquiry: Query[T]) -> T:
    """Make an inquiry and return its result."""
    retrying = AsyncRetrying(**client._retries, sleep=client._sleep)
    try:
        get = next(inquiry)
        while True:
            if get.delay:
                await client._sleep(get.delay)
            try:
                answer: JSONObject = await retrying(_fetch_async, client, get)
            except APIError as error:
                get = inquiry.throw(error)
            else:
                get = inquiry.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


async def _fetch_async(client: AsyncClient, get: GetRequest) -> JSONObject:
    lookup = client._new_lookup(get)
    with lookup.translating_errors():
        body = await client._send(get, lookup.silence)
        try:
            lookup.silence.restart("the start of the response")
            content = await body.read_all()
        finally:
            await body.aclose()
    return lookup.read(body.response, content)
