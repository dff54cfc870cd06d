"""`raw` of LlamaIndex's responses."""

from collections.abc import Mapping
from typing import Any

import msgspec

from glm_openrouter import Completion, Usage
from glm_openrouter.request.messages import tool_call

__all__ = ["RawResponse", "RawUsage", "to_raw"]


class RawResponse(dict[str, Any]):
    """What came, under OpenAI's names: a dict whose keys are attributes, too, as objects of OpenAI's SDK have them."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            pass
        raise AttributeError(f"The response has no {name!r}.")


class RawUsage(RawResponse):
    """The usage: a count that did not come, or was no number, is left out, and is `None` as an attribute."""

    def __getattr__(self, name: str) -> Any:
        return None if name in _COUNTS and name not in self else super().__getattr__(name)


_COUNTS = frozenset(Usage.__struct_fields__)


def to_raw(completion: Completion) -> RawResponse:
    """Return a finished response as `raw`.

    It has what `Completion.metadata` has, and `model`, `usage` and `choices`, of which there is one.
    """
    calls = [tool_call(call.id, call.name, call.arguments) for call in completion.tool_calls]
    message = {
        "role": "assistant",
        "content": completion.text,
        "reasoning": completion.reasoning or None,
        "refusal": completion.refusal,
        "tool_calls": calls or None,
        "annotations": completion.annotations or None,
    }
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": completion.finish_reason,
        "native_finish_reason": completion.native_finish_reason,
        "logprobs": completion.logprobs,
    }
    usage = _with_attributes(msgspec.to_builtins(completion.usage)) if completion.usage else None
    raw = {
        **completion.metadata(),
        "object": "chat.completion",
        "model": completion.model,
        "choices": [choice],
    }
    parts = {name: _with_attributes(value) for name, value in raw.items()}
    return RawResponse(parts, usage=None if usage is None else RawUsage(usage))


def _with_attributes(value: Any) -> Any:
    if isinstance(value, Mapping):
        return RawResponse({name: _with_attributes(part) for name, part in value.items()})
    return [_with_attributes(part) for part in value] if isinstance(value, list) else value
