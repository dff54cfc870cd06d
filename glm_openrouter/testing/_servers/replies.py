"""Replies for a script: of bytes, and of what a model says, streamed or not as the request asks."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

from glm_openrouter.testing._answers.answer import Answer, ErrorAnswer
from glm_openrouter.testing._answers.prompt import Call
from glm_openrouter.testing._openrouter.bodies import (
    build_chunks,
    build_completion,
    build_error,
    build_error_headers,
)
from glm_openrouter.testing._openrouter.catalogue import DEFAULT_MODEL, ENDPOINTS
from glm_openrouter.testing._openrouter.generation import Generation, PromptCache, generate
from glm_openrouter.testing._openrouter.prompt_size import measure_prompt
from glm_openrouter.testing._openrouter.received import ReceivedRequest

from .steps import Comment, Done, Event, Reply, Send, Status, Step, Wait

__all__ = [
    "ReplyFunction",
    "answer_reply",
    "build_reply",
    "bytes_reply",
    "error_reply",
    "json_reply",
    "stream_reply",
    "text_reply",
    "tool_call_reply",
]

ReplyFunction: TypeAlias = Callable[[ReceivedRequest], "Reply | ReplyFunction"]
"""Returns the reply to a request, or a further function that does."""

_EVENT_STREAM: Final = {"content-type": "text/event-stream"}


def json_reply(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a reply with a JSON body; a string goes out as it is, whether it is JSON or not."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    own = {"content-type": "application/json", "content-length": str(len(data))}
    return (Status(status, {**own, **(headers or {})}), Send(data))


def stream_reply(
    events: Iterable[Mapping[str, Any] | str | Step],
    *,
    done: bool = True,
    interval: float = 0.0,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return a reply that is an event stream.

    Args:
        events: Payloads of events; steps may stand between them.
        done: Whether `[DONE]` ends the stream.
        interval: Seconds to wait before each event.
        headers: Headers besides the content type.
    """
    steps: list[Step] = [Status(200, {**_EVENT_STREAM, **(headers or {})})]
    for event in events:
        if not isinstance(event, Mapping | str):
            steps.append(event)
            continue
        if interval:
            steps.append(Wait(interval))
        steps.append(Event(event))
    return (*steps, Done()) if done else tuple(steps)


def bytes_reply(
    data: bytes,
    *,
    pieces: int | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return a reply with just these bytes as its body, an event stream unless the headers differ.

    Args:
        data: The body.
        pieces: The size of the pieces to cut it into, each sent on its own; None sends it whole.
        status: The status code.
        headers: Headers in place of the content type of an event stream.
    """
    size = pieces or max(len(data), 1)
    cut = (Send(data[at : at + size]) for at in range(0, len(data), size))
    return (Status(status, headers or _EVENT_STREAM), *cut)


def text_reply(
    text: str, *, reasoning: str = "", finish_reason: str | None = None
) -> ReplyFunction:
    """Return a function that replies with a text.

    Args:
        text: What the model says.
        reasoning: What it thinks before.
        finish_reason: Why it ends, such as `length`; by default `stop`.
    """
    return answer_reply(Answer(text, reasoning), finish_reason=finish_reason)


def tool_call_reply(
    name: str,
    arguments: Mapping[str, Any] | str | None = None,
    *,
    text: str = "",
    reasoning: str = "",
) -> ReplyFunction:
    """Return a function that replies with a call of a tool.

    Args:
        name: The name of the tool.
        arguments: The arguments as an object; a string goes out as it is, whether it is JSON or not.
        text: What the model says before.
        reasoning: What it thinks before that.
    """
    raw = arguments if isinstance(arguments, str) else json.dumps(dict(arguments or {}))
    return answer_reply(Answer(text, reasoning, [Call(name, raw_arguments=raw)]))


def error_reply(
    status_code: int,
    message: str,
    *,
    retry_after: float | None = None,
    metadata: Mapping[str, Any] | None = None,
    partial_text: str = "",
) -> ReplyFunction:
    """Return a function that replies with an error in OpenRouter's form.

    Args:
        status_code: The status, and the code in the error.
        message: What the error says.
        retry_after: Seconds to wait before the next try, for the `Retry-After` header.
        metadata: What OpenRouter adds, such as `provider_name` and `raw`.
        partial_text: What the model says before the error; the status is 200 then.
    """
    error = ErrorAnswer(status_code, message, retry_after, None, metadata or {}, partial_text)
    return answer_reply(error)


def answer_reply(
    answer: Answer | ErrorAnswer, *, finish_reason: str | None = None
) -> ReplyFunction:
    """Return a function that replies with an answer as it is, whatever limits the request sets.

    Args:
        answer: The answer.
        finish_reason: Why it ends, in place of what its parts make likely.
    """
    return lambda request: build_reply(request, answer, finish_reason=finish_reason)


def build_reply(
    request: ReceivedRequest, answer: Answer | ErrorAnswer, *, finish_reason: str | None = None
) -> Reply:
    """Return the reply to a request, as `answer_reply` describes it."""
    if isinstance(answer, ErrorAnswer) and not answer.partial_text:
        return json_reply(build_error(answer), answer.status_code, build_error_headers(answer))
    body = request.body or {}
    generation = _generate(body, answer)
    if finish_reason is not None:
        generation = replace(generation, finish_reason=finish_reason)
    headers = {"X-Generation-Id": generation.id}
    if body.get("stream"):
        return stream_reply([Comment(), *build_chunks(generation)], headers=headers)
    return json_reply(build_completion(generation), headers=headers)


def _generate(body: Mapping[str, Any], answer: Answer | ErrorAnswer) -> Generation:
    """Return an answer to whatever was sent, with an estimate of the tokens."""
    messages = body.get("messages")
    prompt = {"messages": messages if isinstance(messages, list) else []}
    model = str(body.get("model") or DEFAULT_MODEL).partition(":")[0]
    unlimited = replace(ENDPOINTS[0], max_completion_tokens=sys.maxsize)
    size = measure_prompt(prompt, model)
    return generate(prompt, answer, model, unlimited, size, PromptCache())
