"""Measures the endpoints of a model: how soon and how fast each answers, and whether it calls a tool rightly.

All are asked side by side. Each gets two calls, one after the other, which no other endpoint may answer and which are
not tried again: so what comes is its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from glm_openrouter import (
    AsyncClient,
    ChatRequest,
    Completion,
    EndpointInfo,
    GLMError,
    JSONObject,
    ProviderPreferences,
    strip_variant,
)
from glm_openrouter.tokens import count_prompt_tokens

from ._common import WEATHER_PROMPT, WEATHER_TOOL

if TYPE_CHECKING:
    from glm_openrouter import ClientOptions

__all__ = ["PROMPT", "Measured", "cost_at_most", "measure_all"]

PROMPT: Final = "Describe a lighthouse in a storm, in about 150 words."

_MAX_TOKENS: Final = 400
"""Of each answer."""

_MARGIN: Final = 1.5
"""The tokens of a prompt are estimated; it has no more than so many times as many."""

_TIMEOUT: Final = 60.0
"""Seconds of silence, after which an endpoint has failed."""

ToolCheck = Literal["right", "wrong", "none", "no tools"]


@dataclass
class Measured:
    """What came of one endpoint."""

    endpoint: str
    """Its tag."""
    provider: str | None
    seconds_to_first_token: float | None = None
    """Until reasoning or text came."""
    tokens_per_second: float | None = None
    """After the first token."""
    completion_tokens: float | None = None
    tool_call: ToolCheck | None = None
    """`right` if the tool was called once, for the city of the question; `none` if it was not called."""
    cost: float | None = None
    """USD of both calls, as far as they told it."""
    error: str | None = None
    """The type of the error that ended it."""
    message: str | None = None
    """What that error says."""


def cost_at_most(endpoint: EndpointInfo, prompt: str) -> float | None:
    """Return the USD that an endpoint costs at most, about; `None` if its prices are not known."""
    prices = endpoint.pricing
    if prices is None or prices.prompt is None or prices.completion is None:
        return None
    requests = [_request("", endpoint, prompt)]
    if endpoint.supports("tools"):
        requests.append(_request("", endpoint, WEATHER_PROMPT, [WEATHER_TOOL]))
    tokens = sum(count_prompt_tokens(request.messages, request.tools or ()) for request in requests)
    answers = len(requests) * _MAX_TOKENS
    per_token = (tokens * _MARGIN * prices.prompt + answers * prices.completion) / 1e6
    return per_token + len(requests) * (prices.request or 0.0)


def measure_all(
    options: ClientOptions, model: str, endpoints: Sequence[EndpointInfo], prompt: str
) -> list[Measured]:
    """Measure endpoints, the best first: those that call tools rightly, then those that are fast.

    Args:
        options: Those of the client.
        model: The model.
        endpoints: Where it is asked.
        prompt: What it is asked for its speed.
    """
    return sorted(asyncio.run(_measure_all(options, model, endpoints, prompt)), key=_rank)


def _rank(measured: Measured) -> tuple[bool, bool, float]:
    return (
        measured.error is not None,
        measured.tool_call != "right",
        -(measured.tokens_per_second or 0.0),
    )


async def _measure_all(
    options: ClientOptions, model: str, endpoints: Sequence[EndpointInfo], prompt: str
) -> list[Measured]:
    impatient: ClientOptions = {**options, "max_retries": 0, "timeout": _TIMEOUT}
    async with AsyncClient(**impatient) as client:
        return await asyncio.gather(
            *(_measure(client, strip_variant(model), endpoint, prompt) for endpoint in endpoints)
        )


async def _measure(
    client: AsyncClient, model: str, endpoint: EndpointInfo, prompt: str
) -> Measured:
    measured = Measured(endpoint.tag or "", endpoint.provider_name)
    try:
        # First, so that what is measured after it finds the connection open.
        measured.tool_call = await _try_tool(client, model, endpoint, measured)
        await _measure_speed(client, _request(model, endpoint, prompt), measured)
    except GLMError as error:
        measured.error, measured.message = type(error).__name__, error.message
    return measured


async def _try_tool(
    client: AsyncClient, model: str, endpoint: EndpointInfo, measured: Measured
) -> ToolCheck:
    if not endpoint.supports("tools"):
        return "no tools"
    completion = await client.complete(_request(model, endpoint, WEATHER_PROMPT, [WEATHER_TOOL]))
    _add_cost(measured, completion)
    return _judge(completion)


async def _measure_speed(client: AsyncClient, request: ChatRequest, measured: Measured) -> None:
    begin = time.perf_counter()
    async with client.stream(request) as stream:
        async for _ in stream:
            if measured.seconds_to_first_token is None:
                measured.seconds_to_first_token = time.perf_counter() - begin
    seconds = time.perf_counter() - begin - (measured.seconds_to_first_token or 0.0)
    _add_cost(measured, stream.completion)
    usage = stream.completion.usage
    measured.completion_tokens = usage.completion_tokens if usage else None
    if measured.seconds_to_first_token is not None and measured.completion_tokens and seconds > 0:
        measured.tokens_per_second = measured.completion_tokens / seconds


def _request(
    model: str, endpoint: EndpointInfo, question: str, tools: list[JSONObject] | None = None
) -> ChatRequest:
    return ChatRequest(
        model=model or "any",
        messages=[{"role": "user", "content": question}],
        provider=ProviderPreferences(only=[endpoint.tag or ""], allow_fallbacks=False),
        reasoning=False,
        max_tokens=_MAX_TOKENS,
        tools=tools,
    )


def _add_cost(measured: Measured, completion: Completion) -> None:
    if completion.usage and completion.usage.cost is not None:
        measured.cost = (measured.cost or 0.0) + completion.usage.cost


def _judge(completion: Completion) -> ToolCheck:
    if not completion.tool_calls:
        return "none"
    call, *others = completion.tool_calls
    city = (call.parsed or {}).get("city")
    is_right = call.name == "get_weather" and isinstance(city, str) and "paris" in city.lower()
    return "right" if is_right and not others else "wrong"
