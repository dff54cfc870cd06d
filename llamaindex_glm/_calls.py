"""Checks the arguments of a call before anything that listens to LlamaIndex sees them."""

from collections.abc import Sequence
from functools import partial
from inspect import getattr_static, signature, unwrap
from typing import Any, TypeVar

from glm_openrouter.adapters import CallArguments, CallCheck, check_calls

from ._structured import FORCE

__all__ = ["check_calls_of_llm"]

C = TypeVar("C", bound=type[Any])

_CALLS = ("chat", "stream_chat")
_TEXT_CALLS = ("complete", "stream_complete")
_TOOL_CALLS = ("predict_and_call",)
"""Methods whose further arguments are those of the call; of each, there is an asynchronous one, too."""

_STRUCTURED_CALLS = ("structured_predict", "stream_structured_predict")
"""Methods that take them as `llm_kwargs`, at most the third argument; the others fill in a prompt."""

_OF_TEXT_CALLS = ("prompt", "formatted")
"""What text calls have themselves, which their decorator hides."""

_PREPARES = "_prepare_chat_with_tools"


def check_calls_of_llm(llm_class: C) -> C:
    """Have the methods of an LLM, which is an `OpenRouterModelBase`, check the arguments of calls.

    The spans and events of LlamaIndex, which show all arguments, lie around the methods of a class once it is made. So
    this is a decorator of the class, which lies around those. It also takes away the span around the method that only
    prepares a call with tools: a call has one.
    """
    prepare = unwrap(getattr_static(llm_class, _PREPARES))
    setattr(llm_class, _PREPARES, prepare)
    of_tools = [*signature(prepare).parameters]
    checks: dict[tuple[str, ...], CallCheck] = {
        _CALLS: _check_keywords,
        _TEXT_CALLS: partial(_check_keywords, more_names=_OF_TEXT_CALLS),
        _TOOL_CALLS: partial(_check_keywords, more_names=of_tools),
        _STRUCTURED_CALLS: _check_llm_kwargs,
    }
    for names, check in checks.items():
        check_calls(llm_class, (f"{prefix}{name}" for name in names for prefix in ("", "a")), check)
    return llm_class


def _check_keywords(
    llm: Any,
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
    own_names: Sequence[str],
    more_names: Sequence[str] = (),
) -> CallArguments:
    return arguments, llm._check_call(keywords, (*own_names, *more_names))


def _check_llm_kwargs(
    llm: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], _: Sequence[str]
) -> CallArguments:
    if len(arguments) > 2:
        first, (llm_kwargs, *more) = arguments[:2], arguments[2:]
        return (*first, llm._check_call(llm_kwargs or {}, FORCE), *more), keywords
    if keywords.get("llm_kwargs"):
        keywords = {**keywords, "llm_kwargs": llm._check_call(keywords["llm_kwargs"], FORCE)}
    return arguments, keywords
