"""`Stream` and `AsyncStream`: two thin drivers over one path.

Everything that is not a socket is shared: `ChatCall` holds one request over all its tries, `ChatAttempt` one of these
tries, and the steps that open a response are written once, for both transports. What is written twice is the reading,
which happens for each piece of a response. The two classes are not generators, because asyncio closes all asynchronous
generators at once when a loop shuts down, even those that run inside another.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Self

from glm_openrouter.completions import Completion, Delta
from glm_openrouter.errors import APIError

from .chat_attempt import ChatAttempt
from .chat_call import ChatCall
from .replay import as_delta, count_replay, find_place, is_to_keep, read_answer, write_answer

if TYPE_CHECKING:
    from glm_openrouter._http import AsyncBody, Body
    from glm_openrouter.journal.row import Place

    from .steps import Steps
    from .transport import AsyncTransport, BaseTransport, Transport

__all__ = ["AsyncStream", "Stream"]

_PATH = "/chat/completions"


class _BaseStream:
    """What both streams have in common."""

    def __init__(self, transport: BaseTransport, call: ChatCall) -> None:
        self._transport = transport.for_call(*call.connection)
        self._call = call
        self._attempt: ChatAttempt | None = None
        self._body: Any = None
        self._place: Place | None = None
        """Where a journal keeps the answer, if one is open around the call."""
        self._replayed: Completion | None = None
        """The answer, if it was there already."""
        self._pending: Iterator[Delta] = iter(())
        """What has been read and not given out."""

    @property
    def completion(self) -> Completion:
        """The finished response, once the stream has been read to its end.

        Raises:
            RuntimeError: The stream has not been read to its end.
        """
        completion = self._completion
        if completion is None:
            raise RuntimeError("The stream has not been read to its end.")
        return completion

    @property
    def _completion(self) -> Completion | None:
        return self._attempt.completion if self._attempt else self._replayed

    def _check_finished(self) -> None:
        """Check that a stream without a connection has nothing more to give."""
        if self._completion is None:
            state = "is not open yet" if self._attempt is None else "was closed before its end"
            raise RuntimeError(
                f"The stream {state}. Read it inside its block: `with client.stream(request) as stream: ...`, "
                "which is `async with` for an AsyncClient."
            )

    def _open(self) -> Steps[None]:
        """Replay the answer if a journal has it; else send the request until there is something to give out."""
        place = self._place = find_place(_PATH, self._call.asked)
        if place is not None:
            self._replayed = yield self._transport.recall(place, read_answer)
        if self._replayed is not None:
            return self._begin_replay(self._replayed)
        try:
            return (yield from self._send_call())
        except BaseException:
            self._leave_place()
            raise

    def _begin_replay(self, completion: Completion) -> None:
        count_replay(completion)
        if not self._call.whole:
            self._pending = iter(filter(None, [as_delta(completion)]))

    def _leave_place(self) -> None:
        """Leave the place in the journal to the next equal request, if no answer is kept there."""
        if self._place is not None:
            self._place.release()

    def _answer_to_keep(self) -> bytes | None:
        """Return the finished answer as a journal keeps it, if there is one open and it is to be kept."""
        completion = self._completion
        if self._place is None or completion is None or not is_to_keep(completion):
            return None
        return write_answer(completion)

    def _send_call(self) -> Steps[None]:
        """Send the request until there is something to give out."""
        call = self._call
        call.begin(self._transport.base_url)
        if call.record is None:
            return (yield from self._transport.retry(self._send_adjusted))
        with call.record.opening():
            return (yield from self._transport.retry(self._send_adjusted, call.record))

    def _send_adjusted(self) -> Steps[None]:
        """Make one try, and more if the request is refused for something that can be changed."""
        while True:
            try:
                return (yield from self._send())
            except APIError as error:
                if not self._call.adjust(error):
                    raise

    def _send(self) -> Steps[None]:
        """Send the request, and read until there is something to give out: of a whole answer, to its end.

        So whatever breaks off before that is tried again, and nothing that somebody has got already.
        """
        attempt = self._attempt = ChatAttempt(self._call, self._transport)
        try:
            yield from attempt.wait_for_turn()
            content = attempt.open()
            with attempt.translating_errors():
                sending = self._transport.post(_PATH, content, attempt.timer)
                self._body = body = yield sending
                if not body.response.is_success:
                    raise attempt.status_error(body.response, (yield body.read_all()))
            attempt.begin(body.response.headers)
            self._pending = iter((yield self._read()) or ())
        except BaseException as error:
            attempt.fail(error)
            yield self._close()
            raise

    def _end(self, error: BaseException | None = None) -> None:
        """Note that the call is over, if somebody watches."""
        if self._call.record is not None:
            self._call.record.end(error)

    def _read(self) -> Any:
        raise NotImplementedError

    def _close(self) -> Any:
        raise NotImplementedError


class Stream(_BaseStream):
    """The increments of one response, as they come. Entering it sends the request, leaving it stops the provider.

    Raises:
        RuntimeError: It is iterated over outside of its block.
    """

    _transport: Transport

    def __init__(self, transport: Transport, call: ChatCall) -> None:
        super().__init__(transport, call)
        self._body: Body | None = None

    def __enter__(self) -> Self:
        self._transport.run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._leave_place()

    def __iter__(self) -> Iterator[Delta]:
        yield from self._pending
        try:
            while (deltas := self._read()) is not None:
                self._pending = iter(deltas)
                yield from self._pending
        except Exception as error:
            self._end(error)
            raise

    def close(self) -> None:
        """Close the connection, whatever is still to come."""
        try:
            self._close()
        finally:
            self._end()

    def _close(self) -> None:
        if self._attempt is not None:
            self._attempt.close()
        if self._body is not None:
            self._body.close()
            self._body = None

    def _read(self) -> list[Delta] | None:
        """Return what the next read brings, or `None` at the end."""
        attempt, body = self._attempt, self._body
        if attempt is None or body is None:
            self._check_finished()
            return None
        if attempt.completion is not None:
            with attempt.ending():
                body.drain()
            self.close()
            return None
        try:
            while not attempt.done and (deltas := attempt.feed(body.read())) is not None:
                if deltas:
                    return deltas
        except Exception as error:  # noqa: BLE001 -- raised again, unless the response is complete
            deltas = attempt.rescue(error)
        else:
            deltas = attempt.flush()
        if self._place is not None and (answer := self._answer_to_keep()) is not None:
            self._transport.keep(self._place, answer)
        return deltas


class AsyncStream(_BaseStream):
    """The increments of one response, as they come. Entering it sends the request, leaving it stops the provider.

    Raises:
        RuntimeError: It is iterated over outside of its block.
    """

    _transport: AsyncTransport

    def __init__(self, transport: AsyncTransport, call: ChatCall) -> None:
        super().__init__(transport, call)
        self._body: AsyncBody | None = None

    async def __aenter__(self) -> Self:
        await self._transport.run(self._open())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
        self._leave_place()

    async def __aiter__(self) -> AsyncIterator[Delta]:
        for delta in self._pending:
            yield delta
        try:
            while (deltas := await self._read()) is not None:
                self._pending = iter(deltas)
                for delta in self._pending:
                    yield delta
        except Exception as error:
            self._end(error)
            raise

    async def aclose(self) -> None:
        """Close the connection, whatever is still to come."""
        try:
            await self._close()
        finally:
            self._end()

    async def _close(self) -> None:
        if self._attempt is not None:
            self._attempt.close()
        if self._body is not None:
            body, self._body = self._body, None
            await body.close()

    async def _read(self) -> list[Delta] | None:
        """Return what the next read brings, or `None` at the end."""
        attempt, body = self._attempt, self._body
        if attempt is None or body is None:
            self._check_finished()
            return None
        if attempt.completion is not None:
            with attempt.ending():
                await body.drain()
            await self.aclose()
            return None
        try:
            while not attempt.done and (deltas := attempt.feed(await body.read())) is not None:
                if deltas:
                    return deltas
        except Exception as error:  # noqa: BLE001 -- raised again, unless the response is complete
            deltas = attempt.rescue(error)
        else:
            deltas = attempt.flush()
        if self._place is not None and (answer := self._answer_to_keep()) is not None:
            await self._transport.keep(self._place, answer)
        return deltas
