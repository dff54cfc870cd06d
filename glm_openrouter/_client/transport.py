"""What a call needs of the world: to send a request, to wait, to know the time. The only door to `_http`.

What a call does is a generator of steps, the same one for both clients. It yields whatever may take a while, such as
`transport.get(...)`: of `Transport` that is the result, of `AsyncTransport` something to await. `run` goes through the
steps and sends the results back in. Importing this module imports httpx, so clients do it with their first object.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from copy import copy
from typing import Any, Self, TypeVar

from glm_openrouter import _http
from glm_openrouter._idle import IdleTimer, TimeLimits
from glm_openrouter._secrets import Redactor
from glm_openrouter.journal.row import Place
from glm_openrouter.pace import Pace, Turn

from .call_record import CallRecord
from .options import ConnectionOptions
from .retry import retry
from .steps import Steps

__all__ = ["AsyncTransport", "BaseTransport", "Clock", "Transport"]

T = TypeVar("T")

_PATH = "/api/v1"
"""Where OpenRouter's API is on its host."""


class Clock:
    """The time, and how to wait."""

    def now(self) -> float:
        """Return the seconds since some moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    async def asleep(self, seconds: float) -> None:
        """Wait, and let others work."""
        await asyncio.sleep(seconds)


class BaseTransport:
    """The part of a transport that neither sends nor waits.

    Args:
        http_client: The user's own, if there is one.
        base_url: Where the API is.
        base_url_name: What that is called where the client is made.
        headers: Those of every request.
        options: Those of the client.

    Raises:
        InvalidRequestError: One of these makes no sense.
    """

    clock: Clock = Clock()
    """That of all transports. A test replaces it here, and waits for nothing."""

    _origin: "BaseTransport | None" = None
    """The transport of the client, if this is one for a call; sockets are shared under its name."""

    def __init__(
        self,
        http_client: Any,
        *,
        base_url: str,
        base_url_name: str,
        headers: dict[str, str],
        options: ConnectionOptions,
    ) -> None:
        self._check(http_client)
        self.base_url_name = base_url_name
        self.base_url = _http.check_base_url(
            base_url, name=base_url_name, allow_http=options.allow_http
        )
        self.timeout = _http.build_timeout(options.timeout)
        self._first_token_timeout = options.first_token_timeout
        self.max_response_bytes = options.max_response_bytes
        self.redact = Redactor(headers)
        """Takes out what is sent as a credential."""
        self._http_client = http_client
        self._max_retries = options.max_retries
        self._builder = _http.RequestBuilder(self.base_url, headers, self._socket_limits())

    def _socket_limits(self) -> _http.Timeout:
        return _http.allow_first_token(self.timeout, self._first_token_timeout)

    def for_call(self, timeout: float | TimeLimits | None, headers: Mapping[str, str]) -> Self:
        """Return the transport for one call: with the same sockets, and what the call says about time and headers."""
        if timeout is None and not headers:
            return self
        transport = copy(self)
        transport._origin = self
        transport.redact = self.redact.adding(headers)
        transport.timeout = self.timeout if timeout is None else _http.build_timeout(timeout)
        transport._builder = self._builder.for_call(headers, transport._socket_limits())
        return transport

    @property
    def address(self) -> str:
        """Where requests go, and through which proxy."""
        return self._builder.describe(self._http_client)

    @property
    def address_hint(self) -> str:
        """What to do about an answer that is not OpenRouter's."""
        if self.base_url.endswith(_PATH):
            return f"This is no answer of OpenRouter: check {self.base_url_name}, {self.base_url}."
        return f"This is no answer of OpenRouter: {self.base_url_name} should end with {_PATH}."

    def start_timer(self, *, for_answer: bool = False) -> IdleTimer:
        """Return the timer of an attempt, which begins now; an answer may have a limit for its beginning."""
        first = self._first_token_timeout if for_answer else None
        return IdleTimer(self.timeout.read, self.clock.now, first=first)

    def find_failure(self, error: Exception) -> _http.TransportFailure | None:
        """Return how the transport failed, or `None` if `error` does not come from there."""
        return _http.transport_failure(error)

    def retry(self, attempt: Callable[[], Steps[T]], record: CallRecord | None = None) -> Steps[T]:
        """Make attempts until one succeeds, or none is left."""
        return retry(attempt, self._max_retries, sleep=self.sleep, record=record)

    def wait_for_turn(self, pace: Pace) -> Any:
        """Wait until a pace lets a request go, and return its turn."""
        raise NotImplementedError

    def sleep(self, seconds: float) -> Any:
        """Wait."""
        raise NotImplementedError

    def recall(self, place: Place, read: Callable[[bytes], T | None]) -> Any:
        """Return the answer that a journal has, if it has one."""
        raise NotImplementedError

    def keep(self, place: Place, answer: bytes) -> Any:
        """Have a journal keep an answer."""
        raise NotImplementedError

    def get(self, path: str, timer: IdleTimer) -> Any:
        """Ask for what is at a path and return the body of the response, which is still to be read."""
        return self._send(_http.PlainRequest("GET", path), timer)

    def post(self, path: str, content: bytes, timer: IdleTimer) -> Any:
        """Send something to a path and return the body of the response, which is still to be read."""
        return self._send(_http.PlainRequest("POST", path, content), timer)

    def _send(self, request: _http.PlainRequest, timer: IdleTimer) -> Any:
        raise NotImplementedError

    def _check(self, http_client: object) -> None:
        """Check that what a user passes as a client of their own is one."""
        raise NotImplementedError


class Transport(BaseTransport):
    """Sends requests, and blocks while it does."""

    def _check(self, http_client: object) -> None:
        if http_client is not None:
            _http.check_client("http_client", http_client, "Client")

    def run(self, steps: Steps[T]) -> T:
        """Go through the steps of a call and return what they return."""
        try:
            result = next(steps)
            while True:
                result = steps.send(result)
        except StopIteration as end:
            returned: T = end.value
            return returned

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.clock.sleep(seconds)

    def recall(self, place: Place, read: Callable[[bytes], T | None]) -> T | None:
        """Return the answer that a journal has, if it has one."""
        return place.recall(read)

    def keep(self, place: Place, answer: bytes) -> None:
        """Have a journal keep an answer."""
        place.keep(answer)

    def wait_for_turn(self, pace: Pace) -> Turn:
        """Wait until a pace lets a request go, and return its turn."""
        return pace.wait(self.clock)

    def _send(self, request: _http.PlainRequest, timer: IdleTimer) -> _http.Body:
        client = self._http_client or _http.sync_client(self._origin or self)
        http_request = self._builder.build_request(request, self._http_client)
        with _http.LeavingNoFrames(), _http.sending(http_request, timer):
            response = client.send(http_request, stream=True, follow_redirects=False)
        try:
            return _http.Body(response, timer, self.max_response_bytes)
        except Exception:
            response.close()
            raise

    def close(self) -> None:
        """Free the sockets, if nobody else uses them."""
        _http.release_sync_client(self)


class AsyncTransport(BaseTransport):
    """Sends requests, and lets others work while it does. It serves any number of event loops."""

    def _check(self, http_client: object) -> None:
        if http_client is not None:
            _http.check_client("http_async_client", http_client, "AsyncClient")

    async def run(self, steps: Steps[T]) -> T:
        """Go through the steps of a call and return what they return."""
        try:
            step = next(steps)
            while True:
                try:
                    result = await step
                except BaseException as error:  # noqa: BLE001 -- raised again, unless the steps know better
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as end:
            returned: T = end.value
            return returned

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Wait."""
        return self.clock.asleep(seconds)

    def recall(
        self, place: Place, read: Callable[[bytes], T | None]
    ) -> Coroutine[Any, Any, T | None]:
        """Return the answer that a journal has, if it has one."""
        return place.arecall(read)

    def keep(self, place: Place, answer: bytes) -> Coroutine[Any, Any, None]:
        """Have a journal keep an answer."""
        return place.akeep(answer)

    def wait_for_turn(self, pace: Pace) -> Awaitable[Turn]:
        """Wait until a pace lets a request go, and return its turn."""
        return pace.await_turn(self.clock)

    async def _send(self, request: _http.PlainRequest, timer: IdleTimer) -> _http.AsyncBody:
        _http.running_loop()  # also where it is the user's own client
        client = self._http_client or await _http.async_client(self._origin or self)
        sending = self._start_sending(client, request)
        with _http.LeavingNoFrames():
            async with asyncio.timeout(timer.seconds_to_send()):
                response = await sending
        try:
            return _http.AsyncBody(response, timer, self.max_response_bytes, client)
        except Exception:
            await response.aclose()
            raise

    def _start_sending(
        self, client: Any, request: _http.PlainRequest
    ) -> Awaitable[_http.HTTPResponse]:
        sending: Awaitable[_http.HTTPResponse]
        if self._http_client is None:
            sending = client.send(request, self._builder)
        else:
            http_request = self._builder.build_request(request, client)
            sending = client.send(http_request, stream=True, follow_redirects=False)
        return sending

    async def close(self) -> None:
        """Free the sockets of the running event loop, if nobody else uses them."""
        await _http.release_async_client(self)
