"""`glm-openrouter doctor`: does everything work from here, and if not, what to do."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from glm_openrouter import (
    ChatRequest,
    Client,
    Completion,
    errors,
    structured,
    track_spend,
)
from glm_openrouter._json.values import JSONObject
from glm_openrouter.request.instructions import schema_instruction

from ._common import (
    WEATHER_PROMPT,
    WEATHER_TOOL,
    Commands,
    add_connection,
    add_model,
    connection,
    describe_retirement,
    make_console,
)

if TYPE_CHECKING:
    from glm_openrouter import ClientOptions

    from ._console import PlainConsole

__all__ = ["add_parser"]

Check = Callable[[Client, str], str]

_TIMEOUT = 60.0
"""Seconds of silence, instead of the five minutes that are the default."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "doctor",
        help="check the key, the network and the model",
        description="Check the key, the network and the model with a few short calls; exit with 0 if all is well.",
    )
    add_model(parser)
    add_connection(parser)
    parser.set_defaults(command=doctor)


def doctor(options: argparse.Namespace) -> int:
    """Make the checks, and return 1 if one failed."""
    console = make_console()
    with connection(options) as client_options, track_spend() as spend:
        impatient: ClientOptions = {**client_options, "max_retries": 0, "timeout": _TIMEOUT}
        try:
            client = Client(**impatient)
        except errors.GLMError as error:
            _report(console, "key", error, 0.0)
            return 1
        with client:
            console.print(f"{options.model} at {client.base_url}\n")
            passed = _run(console, client, options.model)
    if spend.total.calls:
        console.print(f"\n{spend.total}", style="dim")
    return 0 if passed else 1


def _run(console: PlainConsole, client: Client, model: str) -> bool:
    """Make the checks one after the other, and return whether all passed.

    An error ends it, since what comes later would fail for the same cause. What a model answered wrongly does not.
    """
    passed = True
    for name, check in CHECKS.items():
        begin = time.perf_counter()
        try:
            outcome: str | Exception = check(client, model)
        except (errors.GLMError, _UnexpectedAnswerError) as error:
            outcome = error
        _report(console, name, outcome, time.perf_counter() - begin)
        if isinstance(outcome, Exception):
            passed = False
            if not isinstance(outcome, _FINDINGS):
                break
    return passed


def _report(console: PlainConsole, name: str, outcome: str | Exception, seconds: float) -> None:
    from rich.table import Table
    from rich.text import Text

    failed = isinstance(outcome, Exception)
    line = Table.grid(padding=(0, 2, 0, 0))
    for width in _WIDTHS:
        line.add_column(min_width=width, no_wrap=True)
    line.add_column()
    line.add_row(
        Text("fails", "red") if failed else Text("works", "green"),
        name,
        f"{seconds:5.2f} s",
        " ".join(
            (outcome.message if isinstance(outcome, errors.GLMError) else str(outcome)).split()
        ),
    )
    if isinstance(outcome, Exception):
        line.add_row("", "", "", Text(_hint(outcome), "yellow"))
    console.print(line)


class _UnexpectedAnswerError(Exception):
    """An answer came that is not what was asked for."""


def check_network(client: Client, model: str) -> str:
    """Ask for the list of models, for which no key is needed, and which says when one retires."""
    retirement = ""
    with suppress(errors.APIStatusError):  # an error status is an answer, too
        retirement = describe_retirement(client, model)
    return f"OpenRouter answers. {retirement}".rstrip(". ")


def check_key(client: Client, model: str) -> str:  # noqa: ARG001 -- all checks take the same
    """Ask what the key may spend."""
    left = client.key().limit_remaining
    return "valid, without a limit" if left is None else f"valid, {left:.2f} USD left"


def check_model(client: Client, model: str) -> str:
    """Ask who serves the model."""
    endpoints = client.endpoints(model)
    if not endpoints:
        raise _UnexpectedAnswerError(f"Nobody serves {model}.")
    with_tools = sum(endpoint.supports("tools") for endpoint in endpoints)
    return f"{len(endpoints)} endpoints, {with_tools} of them with tools"


def check_stream(client: Client, model: str) -> str:
    """Ask for a streamed answer."""
    begin = time.perf_counter()
    first, events = 0.0, 0
    with client.stream(_request(model, "Count from one to five in words.")) as stream:
        for _ in stream:
            events += 1
            first = first or time.perf_counter() - begin
    if not stream.completion.text:
        raise _UnexpectedAnswerError("The answer is empty.")
    return f"{events} increments, the first after {first:.2f} s, {_origin(stream.completion)}"


def check_tools(client: Client, model: str) -> str:
    """Ask for a tool call, without forcing it."""
    request = _request(model, WEATHER_PROMPT, tools=[WEATHER_TOOL])
    completion = client.complete(request)
    for call in completion.tool_calls:
        if call.parsed is not None:
            return f"{call.name}({call.arguments}), {_origin(completion)}"
    raise _UnexpectedAnswerError(f"No tool was called; the answer was {completion.text[:80]!r}.")


_PERSON: JSONObject = {
    "title": "Person",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}


def check_schema(client: Client, model: str) -> str:
    """Ask for an answer that fits a schema."""
    question = "Who is this? Ada Lovelace is 36 years old."
    completion = client.complete(
        _request(
            model,
            f"{question}\n\n{schema_instruction(_PERSON)}",
            response_format=structured.response_format(_PERSON),
        )
    )
    value = structured.OutputSpec(_PERSON).read(structured.ModelAnswer(completion.text))
    return f"{value}, {_origin(completion)}"


CHECKS: Mapping[str, Check] = {
    "network": check_network,
    "key": check_key,
    "model": check_model,
    "stream": check_stream,
    "tool call": check_tools,
    "structured output": check_schema,
}
_WIDTHS = (5, len("structured output"), 7)
"""Columns of a mark, of the name of a check, and of its seconds."""
_FINDINGS = (_UnexpectedAnswerError, errors.StructuredOutputError)
"""What says something about one answer, and nothing about the checks that come later."""


def _request(model: str, question: str, **settings: Any) -> ChatRequest:
    messages = [{"role": "user", "content": question}]
    brief = {"reasoning": False, "max_tokens": 1000}
    return ChatRequest.model_validate({"model": model, "messages": messages, **brief, **settings})


def _origin(completion: Completion) -> str:
    return f"from {completion.provider or 'an unnamed provider'}"


_HINTS: Mapping[type[Exception], str] = {
    errors.APITimeoutError: "Try again; if it stays silent, look at https://status.openrouter.ai.",
    errors.APIConnectionError: "Check the network, OPENROUTER_API_BASE, and HTTPS_PROXY if there is a proxy.",
    errors.AuthenticationError: "Make a key at https://openrouter.ai/settings/keys, and set OPENROUTER_API_KEY.",
    errors.PaymentRequiredError: "Add credits (https://openrouter.ai/settings/credits), or raise the limit of the key.",
    errors.RateLimitError: "Wait a moment, or choose other providers (glm-openrouter providers).",
    errors.NotFoundError: "Check the model id, and the privacy settings at https://openrouter.ai/settings/privacy.",
    errors.BadRequestError: "Check the model id: https://openrouter.ai/models.",
    errors.InternalServerError: "Try again; if it goes on, look at https://status.openrouter.ai.",
    errors.StructuredOutputError: "The model did not keep to the schema; try again, or choose another provider.",
    _UnexpectedAnswerError: "Try again, or choose another provider (glm-openrouter providers).",
}
"""What to do about an error; the first type that fits counts."""


def _hint(error: Exception) -> str:
    fitting = (hint for kind, hint in _HINTS.items() if isinstance(error, kind))
    return next(fitting, "Try again with another model or without options.")
