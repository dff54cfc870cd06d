"""`Client` and `AsyncClient`: what a program can ask of OpenRouter, and the sockets for it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Self, Unpack

from glm_openrouter._idle import IdleTimer
from glm_openrouter._secrets import conceal
from glm_openrouter.catalogue.infos import EndpointInfo, GenerationInfo, KeyInfo, ModelInfo
from glm_openrouter.catalogue.queries import (
    GetRequest,
    find_generation,
    list_endpoints,
    list_models,
    query_key,
)
from glm_openrouter.completions import Completion
from glm_openrouter.models import DEFAULT_MODEL
from glm_openrouter.request.chat import ChatRequest

from .base import BaseClient
from .options import ClientOptions, check_options
from .query import arun_query, run_query
from .stream import AsyncStream, Stream

if TYPE_CHECKING:
    from glm_openrouter._http import AsyncBody, AsyncHTTPClient, Body, HTTPClient

__all__ = ["AsyncClient", "AsyncStream", "Client", "ClientOptions", "Stream"]


class Client(BaseClient):
    """Synchronous client for OpenRouter's chat completions and its catalogue.

    Args:
        http_client: Your own `httpx.Client`, which stays yours to close; otherwise the process shares one.
        **options: See `ClientOptions`.

    Raises:
        AuthenticationError: There is no API key.
        InvalidRequestError: An option makes no sense.
    """

    def __init__(
        self, *, http_client: HTTPClient | None = None, **options: Unpack[ClientOptions]
    ) -> None:
        options = conceal(options)  # also from tracebacks
        check_options(options)
        if http_client is not None:
            from glm_openrouter import _http

            _http.check_client("http_client", http_client, _http.HTTPClient)
        super().__init__(http_client, **options)
        self._sleep = time.sleep

    def complete(self, request: ChatRequest) -> Completion:
        """Send a request and return the whole response.

        Raises:
            APIError: OpenRouter did not answer with a complete response.
            BudgetExceededError: It might cost more than a `Budget` around it has left; nothing was sent.
            InvalidRequestError: It is not a `ChatRequest`, or holds a value that is not JSON; nothing was sent.
        """
        with Stream(self, self._new_exchange(request, stream=False)) as stream:
            for _ in stream:
                pass
            return stream.completion

    def stream(self, request: ChatRequest) -> Stream:
        """Return the response to a request while it comes: a context manager, to be iterated over inside its block.

        Raises:
            APIError: On entering if there is no response, while iterating if it breaks.
            BudgetExceededError: On entering, as in `complete`.
            InvalidRequestError: As in `complete`.
        """
        return Stream(self, self._new_exchange(request, stream=True))

    def models(self) -> list[ModelInfo]:
        """Return all models of the catalogue.

        Raises:
            APIError: OpenRouter did not answer.
        """
        return run_query(self, list_models())

    def endpoints(self, model: str = DEFAULT_MODEL) -> list[EndpointInfo]:
        """Return the providers of a model, with their prices, limits and abilities.

        Args:
            model: Its id; a routing suffix such as `:exacto` makes no difference.

        Raises:
            APIError: OpenRouter did not answer, or does not know the model.
            InvalidRequestError: `model` is not the id of a model.
        """
        return run_query(self, list_endpoints(model))

    def key(self) -> KeyInfo:
        """Return the limits of the API key, and what has been spent with it.

        Raises:
            APIError: OpenRouter did not answer, or does not know the key.
        """
        return run_query(self, query_key())

    def generation(self, generation_id: str) -> GenerationInfo:
        """Return what OpenRouter remembers of a response.

        It appears a moment after the response: what is not found is asked for again, over 7.5 seconds.

        Args:
            generation_id: The `id` of a `Completion`.

        Raises:
            NotFoundError: It has not appeared.
            APIError: OpenRouter did not answer.
        """
        return run_query(self, find_generation(generation_id))

    def close(self) -> None:
        """Free the sockets, if no other client uses them."""
        from glm_openrouter import _http

        _http.release_sync_client(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, wanted: bytes | GetRequest, silence: IdleTimer) -> Body:
        from glm_openrouter import _http

        client = self._http_client or _http.sync_client(self)
        http_request = self._request_builder.build_request(wanted, self._http_client)
        with _http.LeavingNoFrames(), _http.sending(http_request, silence):
            response = client.send(http_request, stream=True, follow_redirects=False)
        try:
            return _http.Body(response, silence, self._max_response_bytes)
        except Exception:
            response.close()
            raise


class AsyncClient(BaseClient):
    """Asynchronous client for OpenRouter's chat completions and its catalogue.

    One instance serves any number of event loops.

    Args:
        http_async_client: Your own `httpx.AsyncClient`, which stays yours to close; otherwise each event loop has one.
        **options: See `ClientOptions`.

    Raises:
        AuthenticationError: There is no API key.
        InvalidRequestError: An option makes no sense.
    """

    def __init__(
        self, *, http_async_client: AsyncHTTPClient | None = None, **options: Unpack[ClientOptions]
    ) -> None:
        options = conceal(options)  # also from tracebacks
        check_options(options)
        if http_async_client is not None:
            from glm_openrouter import _http

            kind = _http.AsyncHTTPClient
            _http.check_client("http_async_client", http_async_client, kind)
        super().__init__(http_async_client, **options)
        self._sleep = asyncio.sleep

    async def complete(self, request: ChatRequest) -> Completion:
        """Send a request and return the whole response.

        Raises:
            APIError: OpenRouter did not answer with a complete response.
            BudgetExceededError: It might cost more than a `Budget` around it has left; nothing was sent.
            InvalidRequestError: It is not a `ChatRequest`, or holds a value that is not JSON; nothing was sent.
        """
        async with AsyncStream(self, self._new_exchange(request, stream=False)) as stream:
            async for _ in stream:
                pass
            return stream.completion

    def stream(self, request: ChatRequest) -> AsyncStream:
        """Return the response to a request while it comes: a context manager, to be iterated over inside its block.

        Raises:
            APIError: On entering if there is no response, while iterating if it breaks.
            BudgetExceededError: On entering, as in `complete`.
            InvalidRequestError: As in `complete`.
        """
        return AsyncStream(self, self._new_exchange(request, stream=True))

    async def models(self) -> list[ModelInfo]:
        """Return all models of the catalogue.

        Raises:
            APIError: OpenRouter did not answer.
        """
        return await arun_query(self, list_models())

    async def endpoints(self, model: str = DEFAULT_MODEL) -> list[EndpointInfo]:
        """Return the providers of a model, with their prices, limits and abilities.

        Args:
            model: Its id; a routing suffix such as `:exacto` makes no difference.

        Raises:
            APIError: OpenRouter did not answer, or does not know the model.
            InvalidRequestError: `model` is not the id of a model.
        """
        return await arun_query(self, list_endpoints(model))

    async def key(self) -> KeyInfo:
        """Return the limits of the API key, and what has been spent with it.

        Raises:
            APIError: OpenRouter did not answer, or does not know the key.
        """
        return await arun_query(self, query_key())

    async def generation(self, generation_id: str) -> GenerationInfo:
        """Return what OpenRouter remembers of a response.

        It appears a moment after the response: what is not found is asked for again, over 7.5 seconds.

        Args:
            generation_id: The `id` of a `Completion`.

        Raises:
            NotFoundError: It has not appeared.
            APIError: OpenRouter did not answer.
        """
        return await arun_query(self, find_generation(generation_id))

    async def aclose(self) -> None:
        """Free the sockets of the running event loop, if no other client uses them."""
        from glm_openrouter import _http

        await _http.release_async_client(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _send(self, wanted: bytes | GetRequest, silence: IdleTimer) -> AsyncBody:
        from glm_openrouter import _http

        _http.running_loop()  # also where it is the user's own client
        client = self._http_client or await _http.async_client(self)
        http_request = self._request_builder.build_request(wanted, self._http_client)
        with _http.LeavingNoFrames():
            async with asyncio.timeout_at(silence.send_deadline):
                response = await client.send(http_request, stream=True, follow_redirects=False)
        try:
            return _http.AsyncBody(response, silence, self._max_response_bytes, client)
        except Exception:
            await response.aclose()
            raise
