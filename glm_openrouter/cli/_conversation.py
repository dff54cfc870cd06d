"""What is said to a model in a terminal, and what it answers."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from glm_openrouter import ChatRequest, Client, Completion, Delta, EmptyResponseWarning
from glm_openrouter._json.values import JSONObject
from glm_openrouter.request.messages import assistant_message

from ._plain import plain
from ._wrap import WordWrap

if TYPE_CHECKING:
    from ._console import PlainConsole

__all__ = ["AnswerView", "Conversation"]


class Conversation:
    """What has been said, and how it goes on.

    Args:
        client: Sends the questions.
        options: Those of the command: `model`, `system`, `no_reasoning`.
    """

    def __init__(self, client: Client, options: argparse.Namespace) -> None:
        self._client = client
        self._settings = {
            "model": options.model,
            "reasoning": False if options.no_reasoning else None,
        }
        self._system = [{"role": "system", "content": options.system}] if options.system else []
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._messages: list[JSONObject] = list(self._system)
        self._session_id = uuid4().hex

    def ask(self, question: str, view: AnswerView) -> Completion:
        """Say something, show the answer, and return it.

        If it is stopped or breaks, then what has come of it is kept. A question that got no answer is forgotten.

        Raises:
            GLMError: There is no answer, or it is not complete.
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        messages = [*self._messages, {"role": "user", "content": question}]
        request = ChatRequest.model_validate(
            {"messages": messages, "session_id": self._session_id, **self._settings}
        )
        try:
            with _without_warning(), self._client.stream(request) as stream:
                for delta in stream:
                    view.show(delta)
        except BaseException:
            if view.text:
                self._messages = [*messages, assistant_message(view.text)]
            raise
        finally:
            view.end()
        completion = stream.completion
        if completion.text:
            self._messages = [*messages, _sent_back(completion)]
        return completion


@contextmanager
def _without_warning() -> Iterator[None]:
    """Leave it to the command to say that an answer is empty."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyResponseWarning)
        yield


def _sent_back(completion: Completion) -> JSONObject:
    return assistant_message(
        completion.text,
        reasoning=completion.reasoning,
        reasoning_details=completion.reasoning_details,
        annotations=completion.annotations,
    )


class AnswerView:
    """Shows an answer while it comes: the reasoning dimmed, and only on a terminal."""

    def __init__(self, console: PlainConsole) -> None:
        self.text = ""
        """What has come of the answer itself."""
        self._console = console
        self._wrap = WordWrap(console.width) if console.is_terminal else None
        self._style: str | None = None
        self._is_in_line = False

    def show(self, delta: Delta) -> None:
        """Show the next words."""
        if delta.text_was_reasoning and self.text:
            self._set_apart()
            self.text = ""
        if delta.reasoning and self._wrap:
            self._print(delta.reasoning, "dim")
        if delta.text:
            if self._style:
                self._set_apart()
            self.text += delta.text
            self._print(delta.text, None)

    def end(self) -> None:
        """Show what is held back, and end the line."""
        if self._is_in_line:
            self._print("\n", self._style)

    def _set_apart(self) -> None:
        """Leave an empty line before what comes next."""
        self.end()
        self._print("\n", None)

    def _print(self, text: str, style: str | None) -> None:
        self._style = style
        text = plain(text)
        if text:
            self._is_in_line = not text.endswith("\n")
            shown = self._wrap.feed(text) if self._wrap else text
            self._console.print(shown, style=style, end="", soft_wrap=True)
