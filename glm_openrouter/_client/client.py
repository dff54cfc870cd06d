"""`Client` and `AsyncClient`: what a program can ask of OpenRouter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Self, Unpack

from glm_openrouter._secrets import conceal
from glm_openrouter.catalogue.account import Activity, list_activity, query_credits, query_key
from glm_openrouter.catalogue.endpoints import Endpoints
from glm_openrouter.catalogue.infos import (
    CreditsInfo,
    GenerationInfo,
    KeyInfo,
    ModelInfo,
)
from glm_openrouter.catalogue.queries import find_generation, list_endpoints, list_models
from glm_openrouter.completions import Completion
from glm_openrouter.models import DEFAULT_MODEL
from glm_openrouter.request.chat import ChatRequest
from glm_openrouter.retrieval.parts import BATCH_SIZE, MAX_CONCURRENCY

from .base import BaseClient
from .run_query import arun_query, run_query
from .stream import AsyncStream, Stream

if TYPE_CHECKING:
    from glm_openrouter._http import AsyncHTTPClient, HTTPClient
    from glm_openrouter.retrieval.arguments import EmbeddingOptions, RerankOptions
    from glm_openrouter.retrieval.results import Embeddings, Ranking

    from .arguments import ClientOptions
    from .retrieval_call import Progress
    from .transport import AsyncTransport, Transport

__all__ = ["AsyncClient", "AsyncStream", "Client", "Stream"]


class Client(BaseClient):
    """Synchronous client for OpenRouter's chat completions and its catalogue.

    Args:
        http_client: Your own `httpx.Client` or `httpx2.Client`, which stays yours to close; otherwise the process
            shares one.
        **options: See `ClientOptions`.

    Raises:
        AuthenticationError: There is no API key.
        InvalidRequestError: An option makes no sense.
    """

    def __init__(
        self, *, http_client: HTTPClient | None = None, **options: Unpack[ClientOptions]
    ) -> None:
        options = conceal(options)  # also from tracebacks
        super().__init__(http_client, options)

    @cached_property
    def _transport(self) -> Transport:
        from .transport import Transport  # and with it httpx, which nothing needs before

        return Transport(self._http_client, **self._transport_options())

    def complete(self, request: ChatRequest, *, wire_stream: bool | None = None) -> Completion:
        """Send a request and return the whole response.

        On the wire it comes as a stream: `timeout` limits silence and not the length of the answer, and to stop here
        stops the provider. What breaks off is tried again as a whole.

        Args:
            request: What to ask for.
            wire_stream: Whether it comes as a stream. Default: the option of the client.

        Raises:
            APIError: OpenRouter did not answer with a complete response.
            BudgetExceededError: It might cost more than a `Budget` around it has left; nothing was sent.
            InvalidRequestError: It is not a `ChatRequest`, or holds a value that is not JSON; nothing was sent.
        """
        call = self._new_call(request, whole=True, wire_stream=wire_stream)
        with Stream(self._transport, call) as stream:
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
        return Stream(self._transport, self._new_call(request))

    def embed(
        self,
        texts: Sequence[str],
        *,
        batch_size: int = BATCH_SIZE,
        max_concurrency: int = MAX_CONCURRENCY,
        progress: Progress | None = None,
        **options: Unpack[EmbeddingOptions],
    ) -> Embeddings:
        """Return the vectors of texts.

        Args:
            texts: One or more, none of them empty.
            batch_size: How many texts go in one request at most; a request also has at most 256 KiB of them.
            max_concurrency: How many requests are under way at a time.
            progress: Called with the number of texts that have just got their vectors, such as `update` of a tqdm bar.
            **options: See `EmbeddingOptions`.

        Raises:
            APIError: A request failed, after its retries; the message says which texts it was for. Or the answer does
                not have a vector of finite numbers for each text, all of one length.
            BudgetExceededError: It might cost more than a `Budget` around it has left.
            InvalidRequestError: There are no texts, one of them is empty or surely too long for the model, or an option
                makes no sense; nothing was sent.
        """
        from .retrieval_call import embed  # few programs need it

        return embed(self._transport, texts, options, batch_size, max_concurrency, progress)

    def rerank(
        self, query: str, documents: Sequence[str], **options: Unpack[RerankOptions]
    ) -> Ranking:
        """Return the documents that fit a query best, the best first.

        More than 1,000 documents go in several requests, and are put together by their scores.

        Args:
            query: What is looked for.
            documents: One or more, none of them empty.
            **options: See `RerankOptions`.

        Raises:
            APIError: OpenRouter did not answer with a score for each document.
            BudgetExceededError: As in `embed`.
            InvalidRequestError: As in `embed`.
        """
        from .retrieval_call import rank  # few programs need it

        return rank(self._transport, query, documents, options)

    def embedding_models(self) -> list[ModelInfo]:
        """Return all models that make vectors.

        Raises:
            APIError: OpenRouter did not answer.
        """
        return run_query(self._transport, list_models("/embeddings/models"))

    def models(self) -> list[ModelInfo]:
        """Return all models of the catalogue.

        Raises:
            APIError: OpenRouter did not answer.
        """
        return run_query(self._transport, list_models())

    def endpoints(self, model: str = DEFAULT_MODEL) -> Endpoints:
        """Return the providers of a model, with their prices, limits and abilities.

        Args:
            model: Its id; a routing suffix such as `:exacto` makes no difference.

        Raises:
            APIError: OpenRouter did not answer, or does not know the model.
            InvalidRequestError: `model` is not the id of a model.
        """
        return run_query(self._transport, list_endpoints(model))

    def key(self) -> KeyInfo:
        """Return the limits of the API key, and what has been spent with it.

        Raises:
            APIError: OpenRouter did not answer, or does not know the key.
        """
        return run_query(self._transport, query_key())

    def credits(self) -> CreditsInfo:
        """Return what the account has bought and used.

        Raises:
            PermissionDeniedError: The key of the client is no management key.
            APIError: OpenRouter did not answer, or does not know the key.
        """
        return run_query(self._transport, query_credits())

    def activity(self, day: date | str | None = None) -> Activity:
        """Return what the account used, by day, model and provider.

        Args:
            day: One day in UTC that is over, such as `"2026-11-30"`. Default: each of the last 30.

        Raises:
            InvalidRequestError: `day` is no day.
            PermissionDeniedError: The key of the client is no management key.
            APIError: OpenRouter did not answer, or does not know the key.
        """
        return run_query(self._transport, list_activity(day))

    def generation(self, generation_id: str) -> GenerationInfo:
        """Return what OpenRouter remembers of a response.

        It appears a moment after the response: what is not found is asked for again, over 7.5 seconds.

        Args:
            generation_id: The `id` of a `Completion`.

        Raises:
            NotFoundError: It has not appeared.
            APIError: OpenRouter did not answer.
        """
        return run_query(self._transport, find_generation(generation_id))

    def close(self) -> None:
        """Free the sockets, if no other client uses them."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(BaseClient):
    """Asynchronous client for OpenRouter's chat completions and its catalogue.

    One instance serves any number of event loops.

    Args:
        http_async_client: Your own `httpx.AsyncClient` or `httpx2.AsyncClient`, which stays yours to close; otherwise
            each event loop has one.
        **options: See `ClientOptions`.

    Raises:
        AuthenticationError: There is no API key.
        InvalidRequestError: An option makes no sense.
    """

    def __init__(
        self, *, http_async_client: AsyncHTTPClient | None = None, **options: Unpack[ClientOptions]
    ) -> None:
        options = conceal(options)  # also from tracebacks
        super().__init__(http_async_client, options)

    @cached_property
    def _transport(self) -> AsyncTransport:
        from .transport import AsyncTransport  # and with it httpx, which nothing needs before

        return AsyncTransport(self._http_client, **self._transport_options())

    async def complete(
        self, request: ChatRequest, *, wire_stream: bool | None = None
    ) -> Completion:
        """Send a request and return the whole response.

        On the wire it comes as a stream: `timeout` limits silence and not the length of the answer, and to stop here
        stops the provider. What breaks off is tried again as a whole.

        Args:
            request: What to ask for.
            wire_stream: Whether it comes as a stream. Default: the option of the client.

        Raises:
            APIError: OpenRouter did not answer with a complete response.
            BudgetExceededError: It might cost more than a `Budget` around it has left; nothing was sent.
            InvalidRequestError: It is not a `ChatRequest`, or holds a value that is not JSON; nothing was sent.
        """
        call = self._new_call(request, whole=True, wire_stream=wire_stream)
        async with AsyncStream(self._transport, call) as stream:
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
        return AsyncStream(self._transport, self._new_call(request))

    async def embed(
        self,
        texts: Sequence[str],
        *,
        batch_size: int = BATCH_SIZE,
        max_concurrency: int = MAX_CONCURRENCY,
        progress: Progress | None = None,
        **options: Unpack[EmbeddingOptions],
    ) -> Embeddings:
        """Return the vectors of texts.

        Args:
            texts: One or more, none of them empty.
            batch_size: How many texts go in one request at most; a request also has at most 256 KiB of them.
            max_concurrency: How many requests are under way at a time.
            progress: Called with the number of texts that have just got their vectors, such as `update` of a tqdm bar.
            **options: See `EmbeddingOptions`.

        Raises:
            APIError: A request failed, after its retries; the message says which texts it was for. Or the answer does
                not have a vector of finite numbers for each text, all of one length.
            BudgetExceededError: It might cost more than a `Budget` around it has left.
            InvalidRequestError: There are no texts, one of them is empty or surely too long for the model, or an option
                makes no sense; nothing was sent.
        """
        from .retrieval_call import aembed  # few programs need it

        return await aembed(self._transport, texts, options, batch_size, max_concurrency, progress)

    async def rerank(
        self, query: str, documents: Sequence[str], **options: Unpack[RerankOptions]
    ) -> Ranking:
        """Return the documents that fit a query best, the best first.

        More than 1,000 documents go in several requests, and are put together by their scores.

        Args:
            query: What is looked for.
            documents: One or more, none of them empty.
            **options: See `RerankOptions`.

        Raises:
            APIError: OpenRouter did not answer with a score for each document.
            BudgetExceededError: As in `embed`.
            InvalidRequestError: As in `embed`.
        """
        from .retrieval_call import arank  # few programs need it

        return await arank(self._transport, query, documents, options)

    async def embedding_models(self) -> list[ModelInfo]:
        """Return all models that make vectors.

        Raises:
            APIError: OpenRouter did not answer.
        """
        return await arun_query(self._transport, list_models("/embeddings/models"))

    async def models(self) -> list[ModelInfo]:
        """Return all models of the catalogue.

        Raises:
            APIError: OpenRouter did not answer.
        """
        return await arun_query(self._transport, list_models())

    async def endpoints(self, model: str = DEFAULT_MODEL) -> Endpoints:
        """Return the providers of a model, with their prices, limits and abilities.

        Args:
            model: Its id; a routing suffix such as `:exacto` makes no difference.

        Raises:
            APIError: OpenRouter did not answer, or does not know the model.
            InvalidRequestError: `model` is not the id of a model.
        """
        return await arun_query(self._transport, list_endpoints(model))

    async def key(self) -> KeyInfo:
        """Return the limits of the API key, and what has been spent with it.

        Raises:
            APIError: OpenRouter did not answer, or does not know the key.
        """
        return await arun_query(self._transport, query_key())

    async def credits(self) -> CreditsInfo:
        """Return what the account has bought and used.

        Raises:
            PermissionDeniedError: The key of the client is no management key.
            APIError: OpenRouter did not answer, or does not know the key.
        """
        return await arun_query(self._transport, query_credits())

    async def activity(self, day: date | str | None = None) -> Activity:
        """Return what the account used, by day, model and provider.

        Args:
            day: One day in UTC that is over, such as `"2026-11-30"`. Default: each of the last 30.

        Raises:
            InvalidRequestError: `day` is no day.
            PermissionDeniedError: The key of the client is no management key.
            APIError: OpenRouter did not answer, or does not know the key.
        """
        return await arun_query(self._transport, list_activity(day))

    async def generation(self, generation_id: str) -> GenerationInfo:
        """Return what OpenRouter remembers of a response.

        It appears a moment after the response: what is not found is asked for again, over 7.5 seconds.

        Args:
            generation_id: The `id` of a `Completion`.

        Raises:
            NotFoundError: It has not appeared.
            APIError: OpenRouter did not answer.
        """
        return await arun_query(self._transport, find_generation(generation_id))

    async def aclose(self) -> None:
        """Free the sockets of the running event loop, if no other client uses them."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
