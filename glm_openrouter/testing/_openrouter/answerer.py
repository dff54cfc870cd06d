"""Who answers a prompt: the function that the user gave for its model, or else the rules."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeAlias

from glm_openrouter.testing._answers.answer import Answer, AnswerFunction, ErrorAnswer
from glm_openrouter.testing._answers.ask import FunctionFailedError, ask
from glm_openrouter.testing._answers.prompt import Prompt

from .catalogue import find_model, list_models
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
            if in_thread:
                return await asyncio.to_thread(self._rules, prompt)
            return self._rules(prompt)
        try:
            return await ask(function, prompt)
        except FunctionFailedError as failure:
            self._failures.append(failure.reason)
            return ErrorAnswer(500, str(failure), retryable=False)


def _finder(functions: AnswerFunctions | None) -> Callable[[str], AnswerFunction | None]:
    """Return what finds the function for a model."""
    if functions is None:
        return lambda _: None
    if isinstance(functions, Mapping):
        return _by_model(functions).get
    _check_callable(functions)
    return lambda _: functions


def _check_callable(function: object) -> None:
    if not callable(function):
        raise TypeError("answer must be a function, or a mapping of model ids to functions")


def _by_model(functions: Mapping[str, AnswerFunction]) -> dict[str, AnswerFunction]:
    """Return the functions by the ids that answers have, which are without suffixes."""
    by_model: dict[str, AnswerFunction] = {}
    for model_id, function in functions.items():
        _check_callable(function)
        try:
            base = find_model(model_id).id
        except RefusalError as refusal:
            known = ", ".join(model.id for model in list_models())
            raise ValueError(f"answer: {refusal}. The offline server has {known}") from None
        if base in by_model:
            raise ValueError(f"answer: two functions are for {base}: suffixes make no difference")
        by_model[base] = function
    return by_model
