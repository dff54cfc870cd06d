"""The same bytes give the same responses, whichever method reads them."""

import json
from typing import Any

import httpx
import pytest

from glm_openrouter import EmptyResponseWarning, GLMError
from llamaindex_glm import GLM
from support.exchanges import EXCHANGES
from support.llamaindex_models import ask
from support.samples import THOUGHT_CALL
from support.wire import USAGE, call, chunk, event_stream, response_body, thinks

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{EmptyResponseWarning.__module__}.EmptyResponseWarning"
)

END = (chunk({}, "stop"), chunk({"content": ""}, "stop", usage=USAGE))

TWO_CALLS = [
    chunk({"tool_calls": [call("weather", '{"city": "Oslo"}', 0, "call_1")]}),
    chunk({"tool_calls": [call("weather", '{"city": ', 1, "call_2")]}),
    chunk({"tool_calls": [call(None, '"Rome"}', 1)]}),
    chunk({}, "tool_calls"),
]
PAGE = {"type": "url_citation", "url_citation": {"url": "https://example.com", "title": "Tea"}}

SAMPLES: dict[str, bytes] = {
    "a thought, a sentence and a call": event_stream(*THOUGHT_CALL),
    "reasoning in the first chunk": event_stream(thinks("First"), thinks(" second"), *END),
    "reasoning without content": event_stream(
        chunk({"content": None, "reasoning": "Hm."}), chunk({"content": "Yes."}), *END
    ),
    "text only": event_stream(chunk({"content": "Yes"}), chunk({"content": "."}), *END),
    "a tag in the text": event_stream(
        chunk({"content": "Hm.</th"}), chunk({"content": "ink>Yes."}), *END
    ),
    "two calls": event_stream(*TWO_CALLS),
    "pages cited": event_stream(chunk({"content": "Yes.", "annotations": [PAGE]}), *END),
    "comments between": b": OPENROUTER PROCESSING\n\n" + event_stream(thinks("Hm."), *END),
    "no end": event_stream(chunk({"content": "Yes"}), done=False),
    "an error in the middle": event_stream(
        chunk({"content": "Yes"}), chunk({}, "error", error={"code": 502, "message": "Oh"})
    ),
    "a cut call": event_stream(
        chunk({"tool_calls": [call("weather", '{"city": "Os', 0, "call_1")]}), chunk({}, "length")
    ),
    "a whole answer": json.dumps(response_body({"content": "Yes.", "reasoning": "Hm."})).encode(),
    **{name: exchange.body for name, exchange in EXCHANGES.items()},
}


async def responses_to(sample: str, method: str) -> Any:
    """Return what a method makes of the bytes, all of it: whole responses, or the failure."""
    body = SAMPLES[sample]
    kind = "application/json" if body.lstrip()[:1] == b"{" else "text/event-stream"

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=body, headers={"content-type": kind})

    transport = httpx.MockTransport(answer)
    llm = GLM(
        api_key="sk-or-test",
        max_retries=0,
        http_client=httpx.Client(transport=transport),
        http_async_client=httpx.AsyncClient(transport=transport),
    )
    try:
        return [response.model_dump() for response in await ask(llm, method)]
    except GLMError as error:
        return type(error), str(error)


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("method", ["chat", "stream_chat", "complete", "stream_complete"])
async def test_sync_and_async_give_the_same_responses(method: str, sample: str) -> None:
    assert await responses_to(sample, method) == await responses_to(sample, f"a{method}")


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize(
    ("whole", "stream"), [("chat", "stream_chat"), ("complete", "stream_complete")]
)
async def test_a_stream_ends_with_what_a_whole_answer_is(
    whole: str, stream: str, sample: str
) -> None:
    expected, streamed = await responses_to(sample, whole), await responses_to(sample, stream)
    if isinstance(expected, list):
        assert {**streamed[-1], "delta": None} == expected[0]
    else:
        assert streamed == expected


FAILURES = {
    "no end": "StreamInterruptedError",
    "an error in the middle": "InternalServerError",
    "a cut call": "TruncatedToolCallError",
    "429-upstream": "RateLimitError",
    "too many requests": "RateLimitError",
}


@pytest.mark.parametrize("sample", sorted(FAILURES.keys() & SAMPLES.keys()))
async def test_some_samples_are_failures(sample: str) -> None:
    kind, _ = await responses_to(sample, "stream_chat")
    assert kind.__name__ == FAILURES[sample]


@pytest.mark.parametrize("sample", sorted(SAMPLES.keys() - FAILURES.keys() - {"a tag in the text"}))
async def test_the_increments_add_up(sample: str) -> None:
    responses = await responses_to(sample, "stream_chat")
    thoughts = [response["additional_kwargs"].get("thinking_delta", "") for response in responses]
    blocks = responses[-1]["message"]["blocks"]
    whole = {
        kind: "".join(block[key] or "" for block in blocks if block["block_type"] == kind)
        for kind, key in (("text", "text"), ("thinking", "content"))
    }
    assert "".join(response["delta"] for response in responses) == whole["text"]
    assert "".join(thoughts) == whole["thinking"]
