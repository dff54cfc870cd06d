"""What the model was made with and what the call says, one over the other: a request."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from glm_openrouter._json.values import JSONObject
from glm_openrouter.errors import InvalidRequestError

from .call_arguments import ALIASES, explain
from .chat import ChatRequest
from .instructions import add_instruction, format_instruction, tool_instruction
from .parameters import ModelParameters, parameters_of
from .tools import add_server_tools

__all__ = ["build_request"]


def build_request(
    messages: list[JSONObject],
    parameters: ModelParameters,
    *layers: Mapping[str, Any],
    model_kwargs: Mapping[str, Any] | None = None,
    instruction: str | None = None,
    answer_tools: Sequence[str] = (),
    thread_id: str | None = None,
) -> ChatRequest:
    """Return a request for a conversation.

    Args:
        messages: In OpenRouter's form.
        parameters: The defaults.
        layers: Arguments of `ChatRequest`; later ones win.
        model_kwargs: Further defaults, before the layers; unknown ones go into the body as they are.
        instruction: What to add to the system prompt, nothing if it is empty. Default: words that ask for one of the
            `answer_tools`, or for the schema of `response_format`.
        answer_tools: Names of the tools of which one is the answer.
        thread_id: The framework's own id of the conversation: the `session_id` if nothing else gives one.

    Raises:
        InvalidRequestError: An argument is unknown or makes no sense.
    """
    defaults, *named = [
        {ALIASES.get(name, name): layer[name] for name in layer}
        for layer in (model_kwargs or {}, *layers)
    ]
    unknown = {
        name: defaults.pop(name) for name in [*defaults] if name not in ChatRequest.model_fields
    }
    in_order = [{"thread_id": thread_id}, parameters_of(parameters), defaults, *named]
    merged = _merge(in_order)
    if "messages" in merged:
        raise InvalidRequestError("messages are what a call is about: they cannot be given twice.")
    if "tools" in merged:
        merged["tools"] = _tools_of(in_order) or merged["tools"]
    bodies = [layer["extra_body"] or {} for layer in in_order if "extra_body" in layer]
    if not all(isinstance(body, Mapping) for body in bodies):
        raise InvalidRequestError("extra_body must be an object.")
    extra_body = _merge([unknown, *bodies])
    if not isinstance(instruction, str | None):
        raise InvalidRequestError("instruction must be text.")
    if instruction is None:
        instruction = _default_instruction(merged, answer_tools)
    if instruction and messages:
        messages = add_instruction(messages, instruction)
    arguments = {**merged, "messages": messages, "extra_body": extra_body or None}
    try:
        return ChatRequest(**arguments)
    except ValidationError as error:
        problem = explain(error, arguments)
    raise InvalidRequestError(problem)


def _merge(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer)
    return merged


def _tools_of(layers: Sequence[Mapping[str, Any]]) -> list[JSONObject]:
    """Return the tools of the last layer that has some, and those of the others that OpenRouter runs itself."""
    given = [layer["tools"] for layer in layers if isinstance(layer.get("tools"), list | tuple)]
    *others, tools = given or [()]
    for more in others:
        tools = add_server_tools(tools, more)
    return [*tools]


def _default_instruction(arguments: Mapping[str, Any], answer_tools: Sequence[str]) -> str | None:
    if answer_tools:
        return tool_instruction(*answer_tools)
    response_format = arguments.get("response_format")
    if not response_format:
        return None
    return format_instruction(response_format, with_tools=bool(arguments.get("tools")))
