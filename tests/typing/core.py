"""What the core's signatures promise: read by mypy and pyright in `make types`, never run."""

from typing import assert_type

from glm_openrouter import (
    Activity,
    AsyncClient,
    AsyncStream,
    Budget,
    ChatRequest,
    Client,
    Completion,
    CreditsInfo,
    Delta,
    Endpoints,
    GenerationInfo,
    KeyInfo,
    ModelFacts,
    ModelInfo,
    RateLimitError,
    Spend,
    Stream,
    ToolCall,
    ToolCallDelta,
    Usage,
    find_model,
    track_spend,
)

request = ChatRequest(messages=[{"role": "user", "content": "Which way to the harbour?"}])


def synchronous() -> None:
    with Client(api_key="sk-or-v1", timeout=20, max_retries=1) as client:
        assert_type(client, Client)
        assert_type(client.complete(request), Completion)
        assert_type(client.stream(request), Stream)
        assert_type(client.models(), list[ModelInfo])
        assert_type(client.endpoints(), Endpoints)
        assert_type(client.key(), KeyInfo)
        assert_type(client.generation("gen-1"), GenerationInfo)
        assert_type(client.credits(), CreditsInfo)
        assert_type(client.activity("2026-11-30"), Activity)
        with client.stream(request) as stream:
            for delta in stream:
                assert_type(delta, Delta)
            assert_type(stream.completion, Completion)


async def asynchronous() -> None:
    async with AsyncClient(api_key="sk-or-v1", timeout=20, max_retries=1) as client:
        assert_type(client, AsyncClient)
        assert_type(await client.complete(request), Completion)
        assert_type(client.stream(request), AsyncStream)
        assert_type(await client.models(), list[ModelInfo])
        assert_type(await client.endpoints(), Endpoints)
        assert_type(await client.key(), KeyInfo)
        assert_type(await client.generation("gen-1"), GenerationInfo)
        assert_type(await client.credits(), CreditsInfo)
        assert_type(await client.activity("2026-11-30"), Activity)
        async with client.stream(request) as stream:
            async for delta in stream:
                assert_type(delta, Delta)
            assert_type(stream.completion, Completion)


def results(completion: Completion, delta: Delta) -> None:
    assert_type(completion.text, str)
    assert_type(completion.reasoning, str)
    assert_type(completion.finish_reason, str | None)
    assert_type(completion.usage, Usage | None)
    assert_type(completion.tool_calls[0], ToolCall)
    assert_type(delta.text, str)
    assert_type(delta.reasoning, str)
    for part in delta.tool_calls:
        assert_type(part, ToolCallDelta)


def money() -> None:
    with track_spend() as spend:
        assert_type(spend, Spend)
        assert_type(spend.total.cost, float)
    with Budget(0.5) as budget:
        assert_type(budget, Budget)


def failures(error: RateLimitError) -> None:
    assert_type(error.status_code, int | None)
    assert_type(error.retry_after, float | None)
    assert_type(error.partial_text, str)
    assert_type(error.retryable, bool)


assert_type(find_model("z-ai/glm-4.6"), ModelFacts | None)

Client(api_kye="sk-or-v1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
client = Client()
client.complete("Which way?")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
