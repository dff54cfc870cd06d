"""What `/chat/completions` answers, whole or as a stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, ParamSpec, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from glm_openrouter.testing._answers.answer import Answer, ErrorAnswer
from glm_openrouter.testing._answers.prompt import Prompt

from .account import Account
from .answerer import Answerer
from .bodies import build_chunks, build_completion
from .catalogue import resolve_model
from .error_response import error_response
from .generation import Generation, PromptCache, generate
from .prompt_size import check_context, measure_prompt
from .prompts import read_prompt
from .refusal import RefusalError
from .request_check import check_modalities, check_request
from .response_cache import CacheEntry, ResponseCache
from .routing import choose_endpoint

__all__ = ["ChatCompletions"]

P = ParamSpec("P")
T = TypeVar("T")


class ChatCompletions:
    """Answers chat requests.

    Args:
        account: Whose keys are accepted, and where generations are kept.
        answerer: Answers for all models.
        chunk_delay: Seconds to wait before each chunk of a stream.
    """

    def __init__(self, account: Account, answerer: Answerer, chunk_delay: float) -> None:
        self._account = account
        self._answerer = answerer
        self._chunk_delay = chunk_delay
        self._prompt_cache = PromptCache()
        self._response_cache = ResponseCache()

    async def __call__(self, request: Request, body: dict[str, Any] | None) -> Response:
        """Answer a request.

        Raises:
            RefusalError: It is one that OpenRouter would refuse.
        """
        self._account.authorise(request)
        if body is None:
            raise RefusalError(400, "The request body must be a JSON object")
        # For OpenRouter null and absent are the same.
        body = {key: value for key, value in body.items() if value is not None}
        check_request(body)
        model = resolve_model(body.get("model"), body.get("models"))
        check_modalities(body["messages"], model)
        endpoint = choose_endpoint(body)
        run = asyncio.to_thread if request.state.is_large else _call
        size = await run(measure_prompt, body, model.id)
        check_context(body, size, min(model.context_length, endpoint.context_length))
        cached = self._response_cache.find(request.headers, body)
        if cached is not None and (replayed := cached.replay()) is not None:
            return self._respond(replayed, body, cached)
        has_format = "response_format" in endpoint.supported_parameters
        prompt = read_prompt(body, model=model.id, supports_response_format=has_format)
        answer = await self._ask(request, prompt, until_client_leaves=bool(body.get("stream")))
        if answer is None:
            return Response(status_code=499)  # nobody is there to read it
        if isinstance(answer, ErrorAnswer) and not answer.partial_text:
            return error_response(answer)
        generation = await run(generate, body, answer, model.id, endpoint, size, self._prompt_cache)
        return self._respond(generation, body, cached)

    def _respond(
        self, generation: Generation, body: dict[str, Any], cached: CacheEntry | None
    ) -> Response:
        """Return a generation as a response.

        Args:
            generation: What to give out.
            body: The request.
            cached: Where it comes from in the response cache, or is to be kept; `None` if the request asks for neither.
        """
        is_streamed = bool(body.get("stream"))
        self._account.keep(generation, streamed=is_streamed)
        headers = {"X-Generation-Id": generation.id}
        if cached is not None:
            headers |= cached.headers(self._response_cache.now())
        place = None if cached is None or cached.generation else cached
        if is_streamed:
            events = self._events(generation, place)
            return StreamingResponse(events, media_type="text/event-stream", headers=headers)
        self._keep(generation, place)
        return JSONResponse(build_completion(generation), headers=headers)

    def _keep(self, generation: Generation, place: CacheEntry | None) -> None:
        """Keep a generation that has been given out to its end, if there is a place for it."""
        if place is not None:
            self._response_cache.keep(place, generation)

    async def _ask(
        self, request: Request, prompt: Prompt, *, until_client_leaves: bool
    ) -> Answer | ErrorAnswer | None:
        """Return the answer; `None` if the client left before it came, which stops streams only, as at OpenRouter."""
        answering = asyncio.ensure_future(
            self._answerer.answer(prompt, in_thread=request.state.is_large)
        )
        if not until_client_leaves:
            return await answering
        leaving = asyncio.ensure_future(_wait_until_left(request))
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            return answering.result() if answering.done() else None
        finally:
            answering.cancel()
            leaving.cancel()

    async def _events(
        self, generation: Generation, place: CacheEntry | None
    ) -> AsyncIterator[bytes]:
        """Yield the events of a stream, for as long as somebody reads them."""
        is_over = False
        try:
            yield b": OPENROUTER PROCESSING\n\n"
            for chunk in build_chunks(generation):
                await asyncio.sleep(self._chunk_delay)  # also of 0 seconds: others have their turn
                written = json.dumps(chunk, ensure_ascii=False, separators=(",", ":"))
                yield b"data: %s\n\n" % written.encode()
            self._keep(generation, place)
            yield b"data: [DONE]\n\n"
            is_over = True
        finally:
            if not is_over:
                self._account.note_cancelled(generation)


async def _call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function at once, in the form of `asyncio.to_thread`."""
    return function(*args, **kwargs)


async def _wait_until_left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
