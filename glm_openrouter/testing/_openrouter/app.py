"""The offline OpenRouter as an ASGI application: paths and who answers them, no sockets."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from glm_openrouter.testing._answers.answer import ErrorAnswer

from .account import Account
from .answerer import Answerer
from .catalogue_pages import get_endpoints, get_model, get_models
from .chat_completions import ChatCompletions
from .error_response import error_response
from .http_check import HostCheck, parse_body, read_body
from .received import ReceivedRequest
from .refusal import RefusalError
from .retrieval import Retrieval

__all__ = ["create_app"]

_BASE: Final = "/api/v1"
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_LARGEST_AT_ONCE: Final = 100_000
"""Bytes of a body that is answered at once; larger ones are, in a thread, while others are served."""

_Answer: TypeAlias = Callable[[Request, dict[str, Any] | None], Awaitable[Response]]


def create_app(
    *,
    hosts: HostCheck,
    answerer: Answerer,
    api_key: str | None = None,
    chunk_delay: float = 0.0,
    received: list[ReceivedRequest] | None = None,
) -> Starlette:
    """Return the application.

    Args:
        hosts: Which hosts it answers for.
        answerer: Answers for all models.
        api_key: The only key that is accepted; None accepts every key that starts with `sk-or-`.
        chunk_delay: Seconds to wait before each chunk of a stream.
        received: A list to record the requests in.
    """
    account = Account(api_key)
    retrieval = Retrieval(account)
    requests = [] if received is None else received
    answers: tuple[tuple[str, str, _Answer], ...] = (
        ("POST", "/chat/completions", ChatCompletions(account, answerer, chunk_delay)),
        ("POST", "/embeddings", retrieval.embeddings),
        ("GET", "/embeddings/models", retrieval.models),
        ("POST", "/rerank", retrieval.rerank),
        ("GET", "/models", get_models),
        ("GET", "/models/{author}/{slug}/endpoints", get_endpoints),
        ("GET", "/model/{author}/{slug:path}", get_model),
        ("GET", "/key", account.key),
        ("GET", "/credits", account.credits),
        ("GET", "/activity", account.activity),
        ("GET", "/generation", account.generation),
    )
    return Starlette(
        routes=[
            *(
                Route(_BASE + path, _handler(answer, hosts, requests), methods=[method])
                for method, path, answer in answers
            ),
            Route("/{path:path}", _handler(_answer_nothing, hosts, requests), methods=_METHODS),
        ]
    )


def _handler(
    answer: _Answer, hosts: HostCheck, received: list[ReceivedRequest]
) -> Callable[[Request], Awaitable[Response]]:
    """Return what handles requests: each is recorded, and a refusal becomes a response."""

    async def handle(request: Request) -> Response:
        try:
            hosts.check(request)
            raw = await read_body(request)
            request.state.is_large = len(raw) > _LARGEST_AT_ONCE
            body = parse_body(raw)
            request.state.received = _to_received(request, body)
            received.append(request.state.received)
            return await answer(request, body)
        except RefusalError as refusal:
            return error_response(refusal.answer)
        except RecursionError:
            return error_response(ErrorAnswer(400, "The request body is nested too deeply"))

    return handle


async def _answer_nothing(_: Request, __: dict[str, Any] | None) -> Response:
    raise RefusalError(404, "Not Found")


def _to_received(request: Request, body: dict[str, Any] | None) -> ReceivedRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    url = request.url
    return ReceivedRequest(request.method, url.path, headers, body, url.query)
