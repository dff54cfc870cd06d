"""The offline OpenRouter as an ASGI application: paths, keys and answers, no sockets."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from glm_openrouter.testing._answers.answer import ErrorAnswer

from .answerer import Answerer
from .bodies import build_chunks, build_completion, build_error, build_error_headers, build_record
from .catalogue import ENDPOINTS, Model, find_model, list_models, resolve_model
from .generation import Generation, PromptCache, generate
from .http_check import HostCheck, parse_body, read_body
from .prompts import read_prompt
from .received import ReceivedRequest
from .refusal import RefusalError
from .request_check import check_request
from .routing import choose_endpoint

__all__ = ["create_app"]

_BASE: Final = "/api/v1"
_RECORDS_KEPT: Final = 10_000
_LARGEST_AT_ONCE: Final = 100_000
"""Bytes of a body that is answered at once; larger ones are, in a thread, while others are served."""


@dataclass
class _OpenRouter:
    """The answers to requests, and what is remembered between them."""

    received: list[ReceivedRequest]
    answerer: Answerer
    hosts: HostCheck
    api_key: str | None
    chunk_delay: float
    cache: PromptCache = field(default_factory=PromptCache)
    records: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)
    usage: float = 0.0

    def authorise(self, request: Request) -> None:
        """Refuse a request without a key that is accepted."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise RefusalError(401, "No auth credentials found")
        is_known = key == self.api_key if self.api_key else key.startswith("sk-or-")
        if not is_known:
            raise RefusalError(401, "User not found.")

    def keep(self, generation: Generation, *, streamed: bool) -> None:
        """Remember a generation for `/generation` and `/key`."""
        self.records[generation.id] = build_record(generation, streamed=streamed)
        self.usage += generation.cost
        if len(self.records) > _RECORDS_KEPT:
            self.records.popitem(last=False)

    async def chat(self, request: Request, body: dict[str, Any] | None) -> Response:
        self.authorise(request)
        if body is None:
            raise RefusalError(400, "The request body must be a JSON object")
        # For OpenRouter null and absent are the same.
        body = {key: value for key, value in body.items() if value is not None}
        check_request(body)
        model = resolve_model(body.get("model"), body.get("models"))
        endpoint = choose_endpoint(body)
        has_format = "response_format" in endpoint.supported_parameters
        prompt = read_prompt(body, model=model.id, supports_response_format=has_format)
        answer = await self.answerer.answer(prompt, in_thread=request.state.is_large)
        if isinstance(answer, ErrorAnswer) and not answer.partial_text:
            return _to_response(answer)
        work = partial(generate, body, answer, model.id, endpoint, self.cache)
        generation = await asyncio.to_thread(work) if request.state.is_large else work()
        streamed = bool(body.get("stream"))
        self.keep(generation, streamed=streamed)
        headers = {"X-Generation-Id": generation.id}
        if streamed:
            events = _events(generation, self.chunk_delay)
            return StreamingResponse(events, media_type="text/event-stream", headers=headers)
        return JSONResponse(build_completion(generation), headers=headers)

    async def models(self, request: Request, _: dict[str, Any] | None) -> Response:
        rows = [model.to_row() for model in list_models()]
        offset = _number(request, "offset", 0)
        end = offset + _number(request, "limit", len(rows))
        more = f"{_BASE}/models?offset={end}&limit={end - offset}" if end < len(rows) else None
        answer = {"data": rows[offset:end], "total_count": len(rows), "links": {"next": more}}
        return JSONResponse(answer)

    async def model(self, request: Request, _: dict[str, Any] | None) -> Response:
        return JSONResponse({"data": _find_listed(request).to_row()})

    async def endpoints(self, request: Request, _: dict[str, Any] | None) -> Response:
        model = _find_listed(request)
        with_speed = "authorization" in request.headers
        rows = [endpoint.to_row(model, with_speed=with_speed) for endpoint in ENDPOINTS]
        row = model.to_row()
        about = {key: row[key] for key in ("id", "name", "created", "description", "architecture")}
        return JSONResponse({"data": {**about, "endpoints": rows}})

    async def key(self, request: Request, _: dict[str, Any] | None) -> Response:
        self.authorise(request)
        spent = round(self.usage, 10)
        spans = ("usage", "usage_daily", "usage_weekly", "usage_monthly")
        data = {
            "label": "sk-or-v1-off...ine",
            "limit": None,
            "limit_remaining": None,
            "limit_reset": None,
            "include_byok_in_limit": False,
            **dict.fromkeys(spans, spent),
            **{f"byok_{span}": 0 for span in spans},
            "is_free_tier": False,
            "rate_limit": {"requests": -1, "interval": "10s", "note": "deprecated"},
        }
        return JSONResponse({"data": data})

    async def generation(self, request: Request, _: dict[str, Any] | None) -> Response:
        self.authorise(request)
        wanted = request.query_params.get("id", "")
        if wanted not in self.records:
            raise RefusalError(404, f"Generation {wanted} not found")
        return JSONResponse({"data": self.records[wanted]})

    async def nothing(self, _: Request, __: dict[str, Any] | None) -> Response:
        raise RefusalError(404, "Not Found")

    def handler(
        self, answer: Callable[[Request, dict[str, Any] | None], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Wrap a handler: the request is recorded, and a refusal becomes a response."""

        async def handle(request: Request) -> Response:
            try:
                self.hosts.check(request)
                raw = await read_body(request)
                request.state.is_large = len(raw) > _LARGEST_AT_ONCE
                body = parse_body(raw)
                self.received.append(_to_received(request, body))
                return await answer(request, body)
            except RefusalError as refusal:
                return _to_response(refusal.answer)
            except RecursionError:
                return _to_response(ErrorAnswer(400, "The request body is nested too deeply"))

        return handle


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
    router = _OpenRouter(
        [] if received is None else received, answerer, hosts, api_key, chunk_delay
    )
    one = "{author}/{slug:path}"
    routes = (
        ("/chat/completions", router.chat, "POST"),
        ("/models", router.models, "GET"),
        ("/models/{author}/{slug}/endpoints", router.endpoints, "GET"),
        (f"/model/{one}", router.model, "GET"),
        ("/key", router.key, "GET"),
        ("/generation", router.generation, "GET"),
    )
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(
        routes=[
            *(Route(_BASE + path, router.handler(do), methods=[verb]) for path, do, verb in routes),
            Route("/{path:path}", router.handler(router.nothing), methods=methods),
        ]
    )


def _to_response(error: ErrorAnswer) -> Response:
    return JSONResponse(
        build_error(error), status_code=error.status_code, headers=build_error_headers(error)
    )


def _to_received(request: Request, body: dict[str, Any] | None) -> ReceivedRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    url = request.url
    return ReceivedRequest(request.method, url.path, headers, body, url.query)


def _find_listed(request: Request) -> Model:
    wanted = "{author}/{slug}".format(**request.path_params)
    try:
        return find_model(wanted)
    except RefusalError as refusal:
        raise RefusalError(404, f"Model {wanted} not found") from refusal


def _number(request: Request, name: str, default: int) -> int:
    try:
        return int(request.query_params.get(name, default))
    except ValueError:
        raise RefusalError(400, f"{name}: must be a number") from None


async def _events(generation: Generation, delay: float) -> AsyncIterator[bytes]:
    yield b": OPENROUTER PROCESSING\n\n"
    for chunk in build_chunks(generation):
        await asyncio.sleep(delay)  # also of 0 seconds: others have their turn
        yield (
            b"data: %s\n\n" % json.dumps(chunk, ensure_ascii=False, separators=(",", ":")).encode()
        )
    yield b"data: [DONE]\n\n"
