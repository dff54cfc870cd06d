"""The offline OpenRouter on a port of this machine."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Collection, Iterator

from glm_openrouter.testing._openrouter.answerer import Answerer, AnswerFunctions

from .loopback_server import LoopbackServer, listen

__all__ = ["OfflineServer", "serve"]


class OfflineServer(LoopbackServer):
    """An OpenRouter that needs no network: `with OfflineServer() as server: ... server.base_url`.

    Requests that OpenRouter would refuse are refused in its words; bodies of more than 16 MB are. Answers come from a
    function of yours, or from a small rule-based model, which gives the same request always the same answer, and looks
    at the first and the last 50,000 characters of a message. An instance can be started again after it stopped.

    Args:
        answer: A function that takes a `Prompt` and returns an `Answer`, an `ErrorAnswer`, or a `str` as the text of an
            answer. It may be asynchronous. Or a mapping of model ids to such functions; other models are answered by
            the rules. What a function raises becomes a 500 that is not to be retried, and is raised again at the end
            of the `with` block.
        api_key: The only key that is accepted; None accepts every key that starts with `sk-or-`.
        port: The port on 127.0.0.1; 0 takes a free one.
        chunk_delay: Seconds to wait before each chunk of a stream.

    Raises:
        TypeError: `answer` is something else.
        ValueError: `answer` names a model that does not exist, or the same one twice.
    """

    def __init__(
        self,
        answer: AnswerFunctions | None = None,
        *,
        api_key: str | None = None,
        port: int = 0,
        chunk_delay: float = 0.0,
    ) -> None:
        super().__init__(port=port, name="offline-openrouter")
        self._answerer = _new_answerer(answer, self.failures)
        self._api_key = api_key
        self._chunk_delay = chunk_delay

    @property
    def answer(self) -> AnswerFunctions | None:
        """Who answers, as the argument of that name; it may be set at any time, and `None` leaves all to the rules."""
        return self._answerer.functions

    @answer.setter
    def answer(self, answer: AnswerFunctions | None) -> None:
        self._answerer.functions = answer

    def clear(self) -> None:
        """Forget the requests received so far, and what answer functions raised."""
        self.requests.clear()
        self.failures.clear()

    async def _serve_on(
        self, listening: socket.socket, ready: Callable[[], None], stopping: asyncio.Event
    ) -> None:
        with _explain_missing_extra():
            from glm_openrouter.testing._openrouter.app import create_app
            from glm_openrouter.testing._openrouter.http_check import HostCheck

            from .app_server import AppServer

        app = create_app(
            hosts=HostCheck("127.0.0.1"),
            answerer=self._answerer,
            api_key=self._api_key,
            chunk_delay=self._chunk_delay,
            received=self.requests,
        )
        await AppServer(app, ready=ready, stopping=stopping).serve(sockets=[listening])


def serve(
    host: str = "127.0.0.1",
    port: int = 8765,
    *,
    allowed_hosts: Collection[str] = (),
    chunk_delay: float = 0.02,
) -> None:
    """Serve in the foreground until Ctrl-C; print what the environment needs once the server listens.

    Each request is logged by the logger `glm_openrouter.testing`, at level INFO.

    A web page can reach servers on this machine under a name of its own. So a request is refused unless its `Host`
    header is `localhost`, `host`, an address of this machine, or one of `allowed_hosts`.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        allowed_hosts: Further names of this machine, such as that of a container.
        chunk_delay: Seconds to wait before each chunk, so that a stream can be seen to stream.
    """
    with _explain_missing_extra():
        from glm_openrouter.testing._openrouter.app import create_app
        from glm_openrouter.testing._openrouter.http_check import HostCheck

        from .access_log import AccessLog
        from .app_server import AppServer

    with listen(host, port) as listening:
        app = create_app(
            hosts=HostCheck(host, allowed_hosts),
            answerer=_new_answerer(),
            chunk_delay=chunk_delay,
        )
        server = AppServer(AccessLog(app), ready=lambda: _announce(listening))
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


_ANNOUNCEMENT = """\
Offline OpenRouter: {base_url}
In another shell:

export OPENROUTER_API_KEY=sk-or-offline
export OPENROUTER_API_BASE={base_url}

Ctrl-C ends it.
"""


def _announce(listening: socket.socket) -> None:
    address, port = listening.getsockname()[:2]
    # What listens on all addresses is reached on this machine by its own.
    if address in ("0.0.0.0", "::"):
        address = "::1" if address == "::" else "127.0.0.1"
    base_url = f"http://{f'[{address}]' if ':' in address else address}:{port}/api/v1"
    sys.stdout.write(_ANNOUNCEMENT.format(base_url=base_url))
    sys.stdout.flush()


def _new_answerer(
    functions: AnswerFunctions | None = None, failures: list[BaseException] | None = None
) -> Answerer:
    # The rules are large, and pytest imports this module at each start.
    from glm_openrouter.testing._rules import answer_as_glm

    return Answerer(answer_as_glm, functions, failures)


@contextlib.contextmanager
def _explain_missing_extra() -> Iterator[None]:
    try:
        yield
    except ImportError as exc:
        raise ImportError(
            'The offline server needs starlette and uvicorn: pip install "glm-openrouter[testing]"'
        ) from exc
