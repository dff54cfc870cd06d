"""`glm-openrouter chat`: one question, or a conversation in the terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from glm_openrouter import Client, Completion, GLMError, Spend, track_spend

from ._common import (
    Commands,
    UsageError,
    add_connection,
    add_model,
    connection,
    make_console,
    write_error,
)
from ._history import History, history_path
from ._line_reader import LineReader

if TYPE_CHECKING:
    from ._console import PlainConsole
    from ._conversation import Conversation

__all__ = ["add_parser"]

_COMMANDS: Mapping[str, str] = {
    "/help": "shows this",
    "/clear": "forgets what was said, and begins anew",
    "/quit": "leaves, as do /exit and Ctrl-D",
}
_LEAVE = frozenset(("/quit", "/exit", "quit", "exit"))
_CHUNK_DELAY = 0.02
"""Seconds between the chunks of an offline answer, so that one can see it stream."""

_DESCRIPTION = """\
Talk to a model. With a QUESTION, or with one on standard input, print the answer and exit; without one, talk on until
you leave. Ctrl-C stops an answer and keeps what has come; /help says more."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "chat", help="ask a model something, or talk to it", description=_DESCRIPTION
    )
    parser.add_argument(
        "question",
        metavar="QUESTION",
        nargs="*",
        help="what to ask; - stands for what is on standard input",
    )
    add_model(parser)
    parser.add_argument("--system", metavar="TEXT", help="system prompt")
    parser.add_argument("--no-reasoning", action="store_true", help="answer without thinking")
    parser.add_argument(
        "--no-history", action="store_true", help="neither read nor write the history of questions"
    )
    add_connection(parser)
    parser.set_defaults(command=chat)


def chat(options: argparse.Namespace) -> int:
    """Answer one question, or talk until the user leaves."""
    question = _read_question(options.question)
    console = make_console()
    from ._conversation import Conversation  # needs rich

    delay = _CHUNK_DELAY if console.is_terminal else 0.0
    with (
        connection(options, chunk_delay=delay) as client_options,
        Client(**client_options) as client,
        track_spend() as spend,
    ):
        conversation = Conversation(client, options)
        if question is not None:
            return _answer(conversation, console, question)
        place = "an offline server, which answers by rules" if options.offline else client.base_url
        console.print(f"{options.model} at {place}", style="bold")
        console.print("/help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves.\n")
        reader = LineReader(History(None if options.no_history else history_path()), [*_COMMANDS])
        _Talk(conversation, console, reader, spend).go_on()
    return 0


def _read_question(words: list[str]) -> str | None:
    """Return what is asked in the arguments and on standard input; `None` if somebody is there to talk to.

    Raises:
        UsageError: There is no question.
    """
    if not words:
        if sys.stdin is not None and sys.stdin.isatty():
            return None
        words = ["-"]
    question = " ".join(_read_stdin() if word == "-" else word for word in words).strip()
    if not question:
        raise UsageError("there is no question, neither in the arguments nor on standard input")
    return question


def _read_stdin() -> str:
    try:
        return f"\n{sys.stdin.read().strip()}\n" if sys.stdin else ""
    except UnicodeDecodeError as error:
        raise UsageError(f"what is on standard input is no text: {error}") from None


def _answer(conversation: Conversation, console: PlainConsole, question: str) -> int:
    """Print the answer to one question; an answer that is empty is a failure."""
    from ._conversation import AnswerView

    completion = conversation.ask(question, AnswerView(console))
    if remark := _remark(completion):
        write_error("chat", remark)
    return 0 if completion.text else 1


def _remark(completion: Completion) -> str | None:
    """Return what there is to say about the end of an answer, if it is not as it should be."""
    if completion.refusal:
        return f"The model refused: {completion.refusal}"
    reason = completion.finish_reason
    if not completion.text:
        return f"The answer is empty (finish reason: {reason})."
    return None if reason == "stop" else f"The answer is cut off (finish reason: {reason})."


class _Talk:
    """A conversation with somebody at the terminal."""

    def __init__(
        self, conversation: Conversation, console: PlainConsole, reader: LineReader, spend: Spend
    ) -> None:
        self._conversation = conversation
        self._console = console
        self._reader = reader
        self._spend = spend

    def go_on(self) -> None:
        """Read and answer, until the user leaves."""
        while (line := self._read()) not in _LEAVE:
            match line:
                case "":
                    pass
                case "/help":
                    self._show_help()
                case "/clear":
                    self._conversation.clear()
                    self._console.print("A new conversation.\n", style="dim")
                case _ if _is_command(line):
                    self._console.print(f"There is no {line}.", style="red")
                    self._show_help()
                case _:
                    self._ask(line)

    def _read(self) -> str:
        """Return what the user says."""
        try:
            return self._reader.read("> ")
        except EOFError:
            self._console.print()
            return "/quit"
        except KeyboardInterrupt:
            self._console.print("\n/quit or Ctrl-D leaves.", style="dim")
            return ""

    def _show_help(self) -> None:
        for command, meaning in _COMMANDS.items():
            self._console.print(f"{command:<8} {meaning}")
        self._console.print("Ctrl-C   stops an answer; what has come of it stays in mind\n")

    def _ask(self, line: str) -> None:
        from ._conversation import AnswerView

        try:
            completion = self._conversation.ask(line, AnswerView(self._console))
        except KeyboardInterrupt:
            self._say("Stopped.")
        except GLMError as error:
            self._console.print(str(error), style="red")
            self._console.print()
        else:
            remark = _remark(completion)
            self._say(*filter(None, [remark, completion.provider and f"{completion.provider}."]))

    def _say(self, *remarks: str) -> None:
        """Say how an answer ended, and what the conversation has cost."""
        total = self._spend.total
        estimated = ", in part estimated" if total.unreported_calls else ""
        cost = f"{total.cost + total.unreported:.6f} USD so far{estimated}."
        self._console.print(" ".join([*remarks, cost]), style="dim")
        self._console.print()


def _is_command(line: str) -> bool:
    """Return whether a line is meant as a command; a path and a sentence are not."""
    return line.startswith("/") and line[1:].isalpha()
