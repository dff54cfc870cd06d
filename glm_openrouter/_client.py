"""`Client` and `AsyncClient`: two thin drivers over one path.

Everything that is not a socket is shared: `_Call` holds one try at one request, `_BaseClient` what a client knows.
The two clients differ in the words `async` and `await`, and in nothing else.
"""

import asyncio
import os
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Collection,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from typing import Self, TypedDict, Unpack

from tenacity import AsyncRetrying, Retrying

from . import _http
from ._assembly import Assembly
from ._envelope import error_from_body
from ._http import AsyncHTTPClient, HTTPClient, HTTPRequest, HTTPResponse, Timeout
from ._repair import REPAIRS, Repairs
from ._request import build_body, build_headers
from ._retry import retry_policy
from ._silence import Silence
from ._sse import BodyDecoder, EventStreamDecoder
from .errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    ErrorDetails,
    InvalidRequestError,
    StreamInterruptedError,
)
from .settings import ChatRequest
from .spend import record
from .types import Completion, Delta

__all__ = ["AsyncClient", "AsyncStream", "Client", "ClientOptions", "Stream"]

DEFAULT_BASE_URL = "https://openrouter.ai/api/v1"


class ClientOptions(TypedDict, total=False):
    """What both clients can be made with. Every key is optional."""

    api_key: str | None
    """Default: the environment variable `OPENROUTER_API_KEY`."""
    base_url: str | None
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""
    timeout: float | Timeout | None
    """Seconds that nothing may come: until the response starts, until its first event, between events. Default: 300."""
    max_retries: int
    """How often a failed request is sent again, before anything of its response was given out. Default: 2."""
    app_url: str | None
    """Attribution: `HTTP-Referer`."""
    app_title: str | None
    """Attribution: `X-OpenRouter-Title`."""
    app_categories: Sequence[str] | None
    """Attribution: `X-OpenRouter-Categories`."""
    default_headers: Mapping[str, str] | None
    """Sent with every request; they win over all others."""
    repairs: Collection[str]
    """Names of the repairs that run; default: all of `glm_openrouter.REPAIRS`."""
    allow_http: bool
    """Allow a base URL that would send the key unencrypted to another machine."""


class _BaseClient:
    """What a client knows and does without a socket."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | Timeout | None = None,
        max_retries: int = 2,
        repairs: Collection[str] = tuple(REPAIRS),
        allow_http: bool = False,
        app_url: str | None = None,
        app_title: str | None = None,
        app_categories: Sequence[str] | None = None,
        default_headers: Mapping[str, str] | None = None,
    ) -> None:
        key = (api_key or os.environ.get("OPENROUTER_API_KEY") or "").strip()
        if not key:
            raise AuthenticationError(
                "There is no API key. Pass api_key, or set OPENROUTER_API_KEY (https://openrouter.ai/settings/keys)."
            )
        if max_retries < 0:
            raise InvalidRequestError(f"max_retries must not be negative, got {max_retries}.")
        if unknown := set(repairs) - set(REPAIRS):
            raise InvalidRequestError(
                f"Unknown repairs: {sorted(unknown)}. There are: {sorted(REPAIRS)}."
            )
        url = base_url or os.environ.get("OPENROUTER_API_BASE") or DEFAULT_BASE_URL
        self.base_url = _http.check_base_url(url, allow_http=allow_http)
        self._timeout = _http.build_timeout(timeout)
        self._retries = retry_policy(max_retries)
        self._repairs = frozenset(repairs)
        headers = build_headers(
            key,
            app_url=app_url,
            app_title=app_title,
            app_categories=app_categories,
            default_headers=default_headers,
        )
        self._endpoint = _http.Endpoint(f"{self.base_url}/chat/completions", headers, self._timeout)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def _call(self, request: ChatRequest, *, stream: bool) -> "_Call":
        repairs = Repairs(self._repairs, request.tool_schemas())
        silence = Silence(self._timeout.read)
        return _Call(
            request, stream=stream, repairs=repairs, silence=silence, base_url=self.base_url
        )

    def _post(self, call: "_Call", client: HTTPClient | AsyncHTTPClient | None) -> HTTPRequest:
        return self._endpoint.build_post(build_body(call.request, stream=call.stream), client)


class _Call:
    """One try at one request."""

    def __init__(
        self,
        request: ChatRequest,
        *,
        stream: bool,
        repairs: Repairs,
        silence: Silence,
        base_url: str,
    ) -> None:
        self.request = request
        self.stream = stream
        self.silence = silence
        self._repairs = repairs
        self._base_url = base_url
        self._assembly: Assembly | None = None

    @property
    def done(self) -> bool:
        """Whether the response has said that it is over, or has failed."""
        return self._assembly is not None and self._assembly.done

    @property
    def completion(self) -> Completion | None:
        """The finished response."""
        return self._assembly.completion if self._assembly else None

    def begin(self, response: HTTPResponse) -> None:
        """Get ready for the body of a response."""
        self.silence.heard("the start of the response")
        content_type = response.headers.get("content-type", "")
        json = "json" in content_type if self.stream else "event-stream" not in content_type
        decoder = BodyDecoder() if json else EventStreamDecoder()
        self._assembly = Assembly(decoder, self._repairs, self.request.model)

    def feed(self, data: bytes) -> list[Delta]:
        """Take the next bytes of the body and return the increments that they complete.

        Raises:
            TimeoutError: Only comments came, and that for too long.
        """
        assembly = self._assembly
        assert assembly is not None  # for the type checker; `begin` has set it
        progress = assembly.progress
        deltas = assembly.feed(data)
        if assembly.progress != progress:
            self.silence.heard_event(assembly.progress)
        else:
            self.silence.remaining()
        return deltas

    def flush(self) -> list[Delta]:
        """Return what was held back; from here on `completion` is there.

        Raises:
            APIError: The response is a failure, or not complete.
        """
        assert self._assembly is not None  # for the type checker; `begin` has set it
        deltas = self._assembly.flush()
        if self._assembly.completion is not None:
            record(self._assembly.completion)
        return deltas

    def status_error(self, response: HTTPResponse, body: bytes) -> APIError:
        """Return the error for a response whose status is one."""
        if response.is_redirect:
            body = f"Redirected to {response.headers.get('location')}; set base_url to where the API is".encode()
        context: ErrorDetails = {"model": self.request.model}
        return error_from_body(body, response.status_code, response.headers, context)

    @contextmanager
    def translating_errors(self) -> Iterator[None]:
        """Turn errors of the connection into ours; a response that is complete already has none."""
        try:
            yield
        except Exception as error:
            if not _http.is_transport_error(error):
                raise
            if self._assembly is None or not self._assembly.finished:
                raise self._connection_error(error) from error

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Wait a moment for the end of the body, so that the connection can be used again."""
        self.silence.end()
        try:
            yield
        except Exception as error:
            if not _http.is_transport_error(error):
                raise

    def _connection_error(self, error: Exception) -> APIError:
        kind, text = self._describe(error)
        message = f"[OpenRouter] {text} Model: {self.request.model}."
        if self._assembly is None:
            return kind(message, model=self.request.model)
        return self._assembly.fail(kind, message)

    def _describe(self, error: Exception) -> tuple[type[APIError], str]:
        cause = str(error) or type(error).__name__
        if _http.is_timeout(error):
            if _http.is_connect_timeout(error):
                return APITimeoutError, f"{self._base_url} could not be reached in time."
            return APITimeoutError, f"{self.silence.describe()}."
        if self._assembly is not None and self._assembly.progress:
            return StreamInterruptedError, f"The connection broke: {cause}."
        return (
            APIConnectionError,
            f"No answer came from {self._base_url}; check the network and base_url: {cause}.",
        )


class _Stream:
    """What streams have in common: the finished response."""

    def __init__(self, call: _Call) -> None:
        self._finished = call

    @property
    def completion(self) -> Completion:
        """The finished response, once the stream has been read to its end.

        Raises:
            RuntimeError: The stream has not been read to its end.
        """
        completion = self._finished.completion
        if completion is None:
            msg = "The stream has not been read to its end."
            raise RuntimeError(msg)
        return completion


class Stream(_Stream):
    """The increments of one response, as they come. Closing it stops the provider."""

    def __init__(
        self, call: _Call, first: list[Delta], rest: Generator[list[Delta], None, None]
    ) -> None:
        super().__init__(call)
        self._first = first
        self._rest = rest

    def __iter__(self) -> Iterator[Delta]:
        yield from self._first
        for deltas in self._rest:
            yield from deltas

    def close(self) -> None:
        """Close the connection, whatever is still to come."""
        self._rest.close()


class AsyncStream(_Stream):
    """The increments of one response, as they come. Closing it stops the provider."""

    def __init__(
        self, call: _Call, first: list[Delta], rest: AsyncGenerator[list[Delta], None]
    ) -> None:
        super().__init__(call)
        self._first = first
        self._rest = rest

    async def __aiter__(self) -> AsyncIterator[Delta]:
        for delta in self._first:
            yield delta
        async for deltas in self._rest:
            for delta in deltas:
                yield delta

    async def aclose(self) -> None:
        """Close the connection, whatever is still to come."""
        await self._rest.aclose()


class Client(_BaseClient):
    """Synchronous client for OpenRouter's chat completions.

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
        super().__init__(**options)
        self._http_client = http_client
        self._sleep = time.sleep

    def complete(self, request: ChatRequest) -> Completion:
        """Send a request and return the whole response.

        Raises:
            APIError: OpenRouter did not answer with a complete response.
        """
        stream = self._start(request, stream=False)
        for _ in stream:
            pass
        return stream.completion

    @contextmanager
    def stream(self, request: ChatRequest) -> Iterator[Stream]:
        """Send a request and give out its response while it comes; leaving the block closes the connection.

        Raises:
            APIError: At once if there is no response, while iterating if it breaks.
        """
        stream = self._start(request, stream=True)
        with closing(stream):
            yield stream

    def close(self) -> None:
        """Free the sockets, if no other client uses them."""
        _http.release_sync_client(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, request: ChatRequest, *, stream: bool) -> Stream:
        for attempt in Retrying(**self._retries, sleep=self._sleep):
            with attempt:
                call = self._call(request, stream=stream)
                batches = self._batches(call)
                return Stream(call, next(batches), batches)
        raise AssertionError  # for the type checker; the last attempt returns or raises

    def _batches(self, call: _Call) -> Generator[list[Delta], None, None]:
        with self._send(call) as chunks:
            with call.translating_errors():
                for data in chunks:
                    if deltas := call.feed(data):
                        yield deltas
                    if call.done:
                        break
            yield call.flush()
            with call.ending():
                for _ in chunks:
                    call.silence.remaining()

    @contextmanager
    def _send(self, call: _Call) -> Iterator[Iterator[bytes]]:
        client = self._http_client or _http.sync_client(self)
        with call.translating_errors():
            http_request = self._post(call, self._http_client)
            response = client.send(http_request, stream=True, follow_redirects=False)
        with closing(response), _http.bounded_reads(response, call.silence) as chunks:
            if not response.is_success:
                with call.translating_errors():
                    raise call.status_error(response, b"".join(chunks))
            call.begin(response)
            yield chunks


class AsyncClient(_BaseClient):
    """Asynchronous client for OpenRouter's chat completions. One instance serves any number of event loops.

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
        super().__init__(**options)
        self._http_client = http_async_client
        self._sleep = asyncio.sleep

    async def complete(self, request: ChatRequest) -> Completion:
        """Send a request and return the whole response.

        Raises:
            APIError: OpenRouter did not answer with a complete response.
        """
        stream = await self._start(request, stream=False)
        async for _ in stream:
            pass
        return stream.completion

    @asynccontextmanager
    async def stream(self, request: ChatRequest) -> AsyncIterator[AsyncStream]:
        """Send a request and give out its response while it comes; leaving the block closes the connection.

        Raises:
            APIError: At once if there is no response, while iterating if it breaks.
        """
        stream = await self._start(request, stream=True)
        async with aclosing(stream):
            yield stream

    async def aclose(self) -> None:
        """Free the sockets of the running event loop, if no other client uses them."""
        await _http.release_async_client(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _start(self, request: ChatRequest, *, stream: bool) -> AsyncStream:
        async for attempt in AsyncRetrying(**self._retries, sleep=self._sleep):
            with attempt:
                call = self._call(request, stream=stream)
                batches = self._batches(call)
                return AsyncStream(call, await anext(batches), batches)
        raise AssertionError  # for the type checker; the last attempt returns or raises

    async def _batches(self, call: _Call) -> AsyncGenerator[list[Delta], None]:
        async with self._send(call) as chunks:
            with call.translating_errors():
                async for data in chunks:
                    if deltas := call.feed(data):
                        yield deltas
                    if call.done:
                        break
            yield call.flush()
            with call.ending():
                async for _ in chunks:
                    call.silence.remaining()

    @asynccontextmanager
    async def _send(self, call: _Call) -> AsyncIterator[AsyncIterator[bytes]]:
        client = self._http_client or await _http.async_client(self)
        with call.translating_errors():
            http_request = self._post(call, self._http_client)
            response = await client.send(http_request, stream=True, follow_redirects=False)
        async with (
            aclosing(response),
            aclosing(_http.bounded_async_reads(response, call.silence)) as chunks,
        ):
            if not response.is_success:
                with call.translating_errors():
                    raise call.status_error(response, b"".join([data async for data in chunks]))
            call.begin(response)
            yield chunks
