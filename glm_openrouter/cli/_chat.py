"""`glm-openrouter chat`: a conversation in the terminal."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from glm_openrouter import APIError, ChatRequest, Client, Delta, session, track_spend
from glm_openrouter._json.values import JSONObject
from glm_openrouter.request.messages import assistant_message

from ._common import Commands, add_connection, add_model, connection, make_console

if TYPE_CHECKING:
    from ._console import PlainConsole

__all__ = ["add_parser"]

_LEAVE = frozenset(("/quit", "/exit"))
_CHUNK_DELAY = 0.02
"""Seconds between the chunks of an offline answer, so that one can see it stream."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "chat",
        help="talk to a model",
        description="Talk to a model. Ctrl-C stops an answer and keeps what has come; /quit and Ctrl-D leave.",
    )
    add_model(parser)
    parser.add_argument("--system", help="system prompt")
    parser.add_argument("--no-reasoning", action="store_true", help="answer without thinking")
    add_connection(parser)
    parser.set_defaults(command=chat)


def chat(options: argparse.Namespace) -> int:
    """Talk until the user leaves."""
    console = make_console()
    with (
        connection(options, chunk_delay=_CHUNK_DELAY) as client_options,
        Client(**client_options) as client,
        session(),
        track_spend() as spend,
    ):
        conversation = _Conversation(client, console, options)
        while (line := _read_line(console, spend.total.cost)) is not None:
            if line:
                conversation.ask(line)
    return 0


def _read_line(console: PlainConsole, cost: float) -> str | None:
    """Return what the user says, or `None` to leave."""
    try:
        console.print(f"{cost:.6f} USD", style="dim", end=" ")
        console.print(">", style="bold", end=" ")
        line = console.input().strip()
    except EOFError:
        console.print()
        return None
    except KeyboardInterrupt:
        console.print("\n/quit or Ctrl-D leaves.", style="dim")
        return ""
    return None if line in _LEAVE else line


class _Conversation:
    """What has been said, and how it goes on."""

    def __init__(self, client: Client, console: PlainConsole, options: argparse.Namespace) -> None:
        self._client = client
        self._console = console
        self._model: str = options.model
        self._reasoning = False if options.no_reasoning else None
        self._messages: list[JSONObject] = []
        if options.system:
            self._messages.append({"role": "system", "content": options.system})

    def ask(self, line: str) -> None:
        """Say something and show the answer. A turn that got no answer is forgotten."""
        question = {"role": "user", "content": line}
        answer = _Answer(self._console)
        settings = {"model": self._model, "reasoning": self._reasoning}
        request = ChatRequest.model_validate({"messages": [*self._messages, question], **settings})
        try:
            with self._client.stream(request) as stream:
                for delta in stream:
                    answer.show(delta)
        except KeyboardInterrupt:
            self._console.print(" [stopped]", style="dim")
        except APIError as error:
            self._console.print(f"\n{error}", style="red")
        else:
            self._console.print()
        if answer.text:
            self._messages += [question, assistant_message(answer.text)]


class _Answer:
    """An answer while it comes: the reasoning is dimmed."""

    def __init__(self, console: PlainConsole) -> None:
        self.text = ""
        """What has come of the answer itself."""
        self._console = console
        self._thinks = False

    def show(self, delta: Delta) -> None:
        """Show the next words."""
        if delta.reasoning:
            self._thinks = True
            self._print(delta.reasoning, style="dim")
        if delta.text:
            if self._thinks and not self.text:
                self._print("\n\n")
            self.text += delta.text
            self._print(delta.text)

    def _print(self, text: str, style: str | None = None) -> None:
        self._console.print(text, style=style, end="", soft_wrap=True)
