"""Call an answer function in a thread of its own, and check what it returns."""

import asyncio
import contextlib
import inspect
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .answer import Answer, AnswerFunction, ErrorAnswer
from .prompt import Call, Prompt

__all__ = ["FunctionFailedError", "ask"]


class FunctionFailedError(Exception):
    """A function raised something, or returned no answer.

    It stands for what was raised until that is recorded, since not all of it is an `Exception` (pytest's own), and no
    future holds `StopIteration`.
    """

    def __init__(self, message: str, reason: BaseException) -> None:
        super().__init__(message)
        self.reason = reason


async def ask(function: AnswerFunction, prompt: Prompt) -> Answer | ErrorAnswer:
    """Return what a function answers.

    Raises:
        FunctionFailedError: It raised something, or returned no answer.
    """
    answer = await _in_daemon_thread(lambda: _call(function, prompt))
    if inspect.isawaitable(answer):
        try:
            answer = await answer
        except asyncio.CancelledError:
            raise
        except BaseException as exc:
            raise _raised(function, exc) from exc
    if isinstance(answer, str):
        answer = Answer(answer)
    if problem := _problem_with(answer):
        message = f"The answer function {_name(function)} returned {problem}"
        raise FunctionFailedError(message, TypeError(message))
    checked: Answer | ErrorAnswer = answer
    return checked


def _call(function: AnswerFunction, prompt: Prompt) -> Any:
    try:
        return function(prompt)
    except BaseException as exc:
        raise _raised(function, exc) from exc


def _raised(function: AnswerFunction, exc: BaseException) -> FunctionFailedError:
    about = f"{type(exc).__name__}: {exc}".rstrip(": ")
    return FunctionFailedError(f"The answer function {_name(function)} raised {about}", exc)


def _name(function: AnswerFunction) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)


def _problem_with(answer: Any) -> str | None:
    """Return what is wrong with an answer, so that it could not be written; `None` if nothing is."""
    if not isinstance(answer, Answer | ErrorAnswer):
        return f"{type(answer).__name__}, which is no str, Answer or ErrorAnswer"
    if isinstance(answer, Answer):
        if not isinstance(answer.text, str) or not isinstance(answer.reasoning, str):
            return "an Answer whose text or reasoning is no str"
        if not isinstance(answer.tool_calls, Sequence) or not all(map(_is_call, answer.tool_calls)):
            return "an Answer whose tool_calls are not a list of Call(name, arguments)"
    try:
        json.dumps(asdict(answer), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        return f"what cannot be written as JSON: {error}"
    return None


def _is_call(call: object) -> bool:
    return isinstance(call, Call) and isinstance(call.arguments, Mapping)


async def _in_daemon_thread(work: Callable[[], Any]) -> Any:
    """Return what `work` returns, from a thread of its own: it may wait for others, and nobody waits for it at exit."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(settle_done: Callable[[Any], None], outcome: Any) -> None:
        if not done.done():
            settle_done(outcome)

    def run() -> None:
        try:
            outcome = (done.set_result, work())
        except Exception as exc:  # noqa: BLE001 -- it is raised again where it is awaited
            outcome = (done.set_exception, exc)
        with contextlib.suppress(RuntimeError):  # the server has stopped meanwhile
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="answer-function", daemon=True).start()
    return await done
