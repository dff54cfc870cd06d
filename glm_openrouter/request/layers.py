"""What the model was made with and what the call says, one over the other: a request."""

from collections.abc import Mapping, Sequence
from typing import Any

from glm_openrouter._json.values import JSONObject

from .chat import ChatRequest
from .instructions import add_instruction, format_instruction, tool_instruction
from .parameters import ModelParameters, parameters_of

__all__ = ["build_request"]

_ALIASES = {
    "openrouter_provider": "provider",
    "model_name": "model",
    "stop_sequences": "stop",
    "metadata": "request_metadata",
}
"""Other names that the frameworks and their packages have for parameters -> ours."""


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
        pydantic.ValidationError: An argument is unknown or makes no sense.
    """
    defaults, *named = [
        {_ALIASES.get(name, name): layer[name] for name in layer}
        for layer in (model_kwargs or {}, *layers)
    ]
    unknown = {
        name: defaults.pop(name) for name in [*defaults] if name not in ChatRequest.model_fields
    }
    in_order = [{"thread_id": thread_id}, parameters_of(parameters), defaults, *named]
    merged: dict[str, Any] = {name: layer[name] for layer in in_order for name in layer}
    bodies = [unknown, *(layer.get("extra_body") or {} for layer in in_order)]
    extra_body = {name: body[name] for body in bodies for name in body}
    if instruction is None:
        instruction = _default_instruction(merged, answer_tools)
    if instruction and messages:
        messages = add_instruction(messages, instruction)
    merged["extra_body"] = extra_body or None
    return ChatRequest(messages=messages, **merged)


def _default_instruction(arguments: Mapping[str, Any], answer_tools: Sequence[str]) -> str | None:
    if answer_tools:
        return tool_instruction(*answer_tools)
    response_format = arguments.get("response_format")
    return format_instruction(response_format, with_tools=bool(arguments.get("tools")))
