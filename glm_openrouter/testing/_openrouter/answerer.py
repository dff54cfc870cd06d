"""Who answers a prompt: the function that the user gave for its model, or else the rules."""

import asyncio
import contextlib
import inspect
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

from glm_openrouter.testing._answers.answer import Answer, AnswerFunction, ErrorAnswer
from glm_openrouter.testing._answers.prompt import Call, Prompt

from .catalogue import find_model
from .refusal import RefusalError

__all__ = ["AnswerFunctions", "Answerer"]

AnswerFunctions: TypeAlias = AnswerFunction | Mapping[str, AnswerFunction]
"""A function for all models, or for each by its id."""


class Answerer:
    """Asks a function of the user's, and records what it raises.

    Args:
        rules: Answers where the user gave no function.
        functions: What the user gave.
        failures: A list to record in what functions raise.
    """

    def __init__(
        self,
        rules: Callable[[Prompt], Answer],
        functions: AnswerFunctions | None = None,
        failures: list[BaseException] | None = None,
    ) -> None:
        self._rules = rules
        self._failures = [] if failures is None else failures
        self.functions = functions

    @property
    def functions(self) -> AnswerFunctions | None:
        """What the user gave; `None` leaves all to the rules."""
        return self._functions

    @functions.setter
    def functions(self, functions: AnswerFunctions | None) -> None:
        self._find = _finder(functions)
        self._functions = functions

    async def answer(self, prompt: Prompt, *, in_thread: bool) -> Answer | ErrorAnswer:
        """Return the answer to a prompt; an error that says so if the function fails.

        Args:
            prompt: The prompt.
            in_thread: Whether the rules work in a thread, so that others are served meanwhile. Functions always do.
        """
        function = self._find(prompt.model)
        if function is None:
            return (
                await asyncio.to_thread(self._rules, prompt) if in_thread else self._rules(prompt)
            )
        try:
            return await _ask(function, prompt)
        except _FunctionFailedError as failure:
            self._failures.append(failure.reason)
            return ErrorAnswer(500, str(failure), retryable=False)


def _finder(functions: AnswerFunctions | None) -> Callable[[str], AnswerFunction | None]:
    """Return what finds the function for a model."""
    if functions is None:
        return lambda _: None
    if isinstance(functions, Mapping):
        return _by_model(functions).get
    if not callable(functions):
        raise TypeError("answer must be a function, or a mapping of model ids to functions")
    return lambda _: functions


def _by_model(functions: Mapping[str, AnswerFunction]) -> dict[str, AnswerFunction]:
    """Return the functions by the ids that answers have, which are without suffixes."""
    by_model: dict[str, AnswerFunction] = {}
    for model_id, function in functions.items():
        try:
            base = find_model(model_id).id
        except RefusalError as refusal:
            raise ValueError(f"answer: {refusal}") from None
        if base in by_model:
            raise ValueError(f"answer: two functions are for {base}: suffixes make no difference")
        by_model[base] = function
    return by_model


class _FunctionFailedError(Exception):
    """A function raised something, or returned no answer.

    It stands for what was raised until that is recorded, since not all of it is an `Exception` (pytest's own), and no
    future holds `StopIteration`.
    """

    def __init__(self, message: str, reason: BaseException) -> None:
        super().__init__(message)
        self.reason = reason


async def _ask(function: AnswerFunction, prompt: Prompt) -> Answer | ErrorAnswer:
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
        raise _FunctionFailedError(message, TypeError(message))
    checked: Answer | ErrorAnswer = answer
    return checked


def _call(function: AnswerFunction, prompt: Prompt) -> Any:
    try:
        return function(prompt)
    except BaseException as exc:
        raise _raised(function, exc) from exc


def _raised(function: AnswerFunction, exc: BaseException) -> _FunctionFailedError:
    about = f"{type(exc).__name__}: {exc}".rstrip(": ")
    return _FunctionFailedError(f"The answer function {_name(function)} raised {about}", exc)


def _name(function: AnswerFunction) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)


def _problem_with(answer: Any) -> str | None:
    """Return what is wrong with an answer, so that it could not be written; `None` if nothing is."""
    if not isinstance(answer, Answer | ErrorAnswer):
        return f"{type(answer).__name__}, which is no str, Answer or ErrorAnswer"
    if isinstance(answer, Answer) and not all(isinstance(call, Call) for call in answer.tool_calls):
        return "an Answer whose tool_calls are not all of the type Call"
    try:
        json.dumps(asdict(answer), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        return f"what cannot be written as JSON: {error}"
    return None


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
