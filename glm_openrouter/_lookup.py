"""Make the inquiries of the catalogue: requests without a body, on the same path as chat requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
from tenacity import AsyncRetrying, Retrying

from ._attempt import Attempt
from ._envelope import error_from_envelope
from .catalogue import Get, Inquiry
from .errors import APIError, APIResponseError, ResponseTooLargeError
from .types import JSONObject, decode_tolerantly

if TYPE_CHECKING:
    from ._client import AsyncClient, Client
    from ._http import HTTPResponse

__all__ = ["Lookup", "look_up", "look_up_async"]

T = TypeVar("T")


class Lookup(Attempt):
    """One try at getting one thing."""

    def read(self, response: HTTPResponse, body: bytes) -> JSONObject:
        """Return the answer.

        Raises:
            APIError: It is a failure, or not an object with `data`.
        """
        if not response.is_success:
            raise self.status_error(response, body)
        if not self.memory.admits(body):
            raise self._fail(
                ResponseTooLargeError,
                f"[OpenRouter] The response of {response.url} needs too much memory (max_response_bytes).",
            )
        try:
            answer = decode_tolerantly(body)
        except msgspec.DecodeError:
            answer = None
        if isinstance(answer, dict):
            if "data" in answer:
                return answer
            if "error" in answer:
                raise error_from_envelope(
                    answer, self.context, headers=response.headers, redact=self._redact
                )
        raise self._fail(
            APIResponseError,
            f"[OpenRouter] {response.url} did not answer with the JSON of a catalogue; check base_url.",
        )


def look_up(client: Client, inquiry: Inquiry[T]) -> T:
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


def _fetch(client: Client, get: Get) -> JSONObject:
    lookup = client._new_lookup(get)
    with lookup.translating_errors():
        body = client._send(get, lookup.silence)
        try:
            lookup.silence.heard("the start of the response")
            content = body.read_all()
        finally:
            body.close()
    return lookup.read(body.response, content)


async def look_up_async(client: AsyncClient, inquiry: Inquiry[T]) -> T:
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


async def _fetch_async(client: AsyncClient, get: Get) -> JSONObject:
    lookup = client._new_lookup(get)
    with lookup.translating_errors():
        body = await client._send(get, lookup.silence)
        try:
            lookup.silence.heard("the start of the response")
            content = await body.read_all()
        finally:
            await body.aclose()
    return lookup.read(body.response, content)
