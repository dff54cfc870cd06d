"""`Client` and `AsyncClient`: two thin drivers over one path.

Everything that is not a socket is shared: `Call` holds one try at one request, `_BaseClient` what a client knows.
`Stream` and `AsyncStream` differ in the words `async` and `await`, and in nothing else. They are no generators, because
asyncio closes all asynchronous generators at once when a loop shuts down, also those that stand in one another.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from tenacity import AsyncRetrying, Retrying

from ._call import Call
from ._repair import REPAIRS, Repairs
from ._request import build_body, build_headers
from ._retry import retry_policy
from ._silence import Silence
from .errors import AuthenticationError, InvalidRequestError
from .settings import ChatRequest
from .types import Completion, Delta

if TYPE_CHECKING:
    from ._http import AsyncBody, AsyncHTTPClient, Body, HTTPClient, HTTPRequest, Timeout

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
        from . import _http  # and with it httpx, which is not needed before

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

    def _new_call(self, request: ChatRequest, *, stream: bool) -> Call:
        repairs = Repairs(self._repairs, request.tool_schemas())
        silence = Silence(self._timeout.read)
        return Call(
            request, stream=stream, repairs=repairs, silence=silence, base_url=self.base_url
        )

    def _build_post(self, call: Call, client: HTTPClient | AsyncHTTPClient | None) -> HTTPRequest:
        return self._endpoint.build_post(build_body(call.request, stream=call.stream), client)


class _BaseStream:
    """What both streams know."""

    def __init__(self, request: ChatRequest, *, stream: bool) -> None:
        self._request = request
        self._stream = stream
        self._call: Call | None = None
        self._pending: Iterator[Delta] = iter(())
        """What has been read and not given out."""

    @property
    def completion(self) -> Completion:
        """The finished response, once the stream has been read to its end.

        Raises:
            RuntimeError: The stream has not been read to its end.
        """
        completion = self._call.completion if self._call else None
        if completion is None:
            msg = "The stream has not been read to its end."
            raise RuntimeError(msg)
        return completion


class Stream(_BaseStream):
    """The increments of one response, as they come. Entering it sends the request, leaving it stops the provider."""

    def __init__(self, client: Client, request: ChatRequest, *, stream: bool) -> None:
        super().__init__(request, stream=stream)
        self._client = client
        self._body: Body | None = None

    def __enter__(self) -> Self:
        for attempt in Retrying(**self._client._retries, sleep=self._client._sleep):
            with attempt:
                self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Delta]:
        yield from self._pending
        while (deltas := self._read()) is not None:
            self._pending = iter(deltas)
            yield from self._pending

    def close(self) -> None:
        """Close the connection, whatever is still to come."""
        if self._body is not None:
            self._body.close()
            self._body = None

    def _start(self) -> None:
        call = self._call = self._client._new_call(self._request, stream=self._stream)
        with call.translating_errors():
            self._body = body = self._client._send(call)
        try:
            if not body.response.is_success:
                with call.translating_errors():
                    raise call.status_error(body.response, body.read_all())
            call.begin(body.response)
            self._pending = iter(self._read() or ())
        except BaseException:
            self.close()
            raise

    def _read(self) -> list[Delta] | None:
        """Return what the next read brings, or `None` at the end."""
        call, body = self._call, self._body
        if call is None or body is None:
            return None
        if call.completion is not None:
            with call.ending():
                body.read_all()
            self.close()
            return None
        try:
            while not call.done and (data := body.read()) is not None:
                if deltas := call.feed(data):
                    return deltas
        except Exception as error:  # noqa: BLE001 -- raised again, unless the response is complete
            call.raise_translated(error)
        return call.flush()


class AsyncStream(_BaseStream):
    """The increments of one response, as they come. Entering it sends the request, leaving it stops the provider."""

    def __init__(self, client: AsyncClient, request: ChatRequest, *, stream: bool) -> None:
        super().__init__(request, stream=stream)
        self._client = client
        self._body: AsyncBody | None = None

    async def __aenter__(self) -> Self:
        async for attempt in AsyncRetrying(**self._client._retries, sleep=self._client._sleep):
            with attempt:
                await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def __aiter__(self) -> AsyncIterator[Delta]:
        for delta in self._pending:
            yield delta
        while (deltas := await self._read()) is not None:
            self._pending = iter(deltas)
            for delta in self._pending:
                yield delta

    async def aclose(self) -> None:
        """Close the connection, whatever is still to come."""
        if self._body is not None:
            body, self._body = self._body, None
            await body.aclose()

    async def _start(self) -> None:
        call = self._call = self._client._new_call(self._request, stream=self._stream)
        with call.translating_errors():
            self._body = body = await self._client._send(call)
        try:
            if not body.response.is_success:
                with call.translating_errors():
                    raise call.status_error(body.response, await body.read_all())
            call.begin(body.response)
            self._pending = iter(await self._read() or ())
        except BaseException:
            await self.aclose()
            raise

    async def _read(self) -> list[Delta] | None:
        """Return what the next read brings, or `None` at the end."""
        call, body = self._call, self._body
        if call is None or body is None:
            return None
        if call.completion is not None:
            with call.ending():
                await body.read_all()
            await self.aclose()
            return None
        try:
            while not call.done and (data := await body.read()) is not None:
                if deltas := call.feed(data):
                    return deltas
        except Exception as error:  # noqa: BLE001 -- raised again, unless the response is complete
            call.raise_translated(error)
        return call.flush()


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
        with Stream(self, request, stream=False) as stream:
            for _ in stream:
                pass
            return stream.completion

    def stream(self, request: ChatRequest) -> Stream:
        """Return the response to a request while it comes: a context manager, to be iterated over inside its block.

        Raises:
            APIError: On entering if there is no response, while iterating if it breaks.
        """
        return Stream(self, request, stream=True)

    def close(self) -> None:
        """Free the sockets, if no other client uses them."""
        from . import _http

        _http.release_sync_client(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, call: Call) -> Body:
        from . import _http

        client = self._http_client or _http.sync_client(self)
        http_request = self._build_post(call, self._http_client)
        response = client.send(http_request, stream=True, follow_redirects=False)
        return _http.Body(response, call.silence)


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
        async with AsyncStream(self, request, stream=False) as stream:
            async for _ in stream:
                pass
            return stream.completion

    def stream(self, request: ChatRequest) -> AsyncStream:
        """Return the response to a request while it comes: a context manager, to be iterated over inside its block.

        Raises:
            APIError: On entering if there is no response, while iterating if it breaks.
        """
        return AsyncStream(self, request, stream=True)

    async def aclose(self) -> None:
        """Free the sockets of the running event loop, if no other client uses them."""
        from . import _http

        await _http.release_async_client(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _send(self, call: Call) -> AsyncBody:
        from . import _http

        client = self._http_client or await _http.async_client(self)
        http_request = self._build_post(call, self._http_client)
        async with asyncio.timeout_at(call.silence.send_deadline):
            response = await client.send(http_request, stream=True, follow_redirects=False)
        return _http.AsyncBody(response, call.silence)
