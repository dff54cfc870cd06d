"""What the commands share: the options of a connection, and the terminal."""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO, TypeAlias

from glm_openrouter import DEFAULT_MODEL, JSONObject, strip_variant
from glm_openrouter.catalogue.queries import retirement_of

from ._plain import plain

if TYPE_CHECKING:
    from glm_openrouter import Client, ClientOptions

    from ._console import PlainConsole

__all__ = [
    "WEATHER_PROMPT",
    "WEATHER_TOOL",
    "Command",
    "Commands",
    "UsageError",
    "add_connection",
    "add_model",
    "connection",
    "describe_retirement",
    "make_console",
    "read_text",
    "read_usd",
    "write_error",
    "write_line",
]

WEATHER_PROMPT: Final = "What is the weather in Paris? Use the tool."
WEATHER_TOOL: Final[JSONObject] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
"""With that prompt: a question that no model can answer without a call."""

Command: TypeAlias = Callable[[argparse.Namespace], int]
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_PIPED_WIDTH = 160
"""Columns, when the output goes to a file or a pipe."""


class UsageError(Exception):
    """The arguments make no sense together."""


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Add the options that `connection` reads."""
    parser.add_argument(
        "--offline", action="store_true", help="use an offline server, which needs no key"
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the option for the model."""
    parser.add_argument(
        "-m", "--model", default=DEFAULT_MODEL, help="model id (default: %(default)s)"
    )


@contextmanager
def connection(options: argparse.Namespace, *, chunk_delay: float = 0.0) -> Iterator[ClientOptions]:
    """Yield the options for a client; with `--offline`, run an offline server for as long as the block lasts.

    Args:
        options: Those of `add_connection`.
        chunk_delay: Seconds that the offline server waits before each chunk.
    """
    if not options.offline:
        yield {}
        return
    from glm_openrouter.testing import OfflineServer  # the server needs an extra

    with OfflineServer(chunk_delay=chunk_delay) as server:
        yield {"api_key": "sk-or-offline", "base_url": server.base_url}


def describe_retirement(client: Client, model: str) -> str:
    """Return a sentence about the retirement of a model; nothing if OpenRouter names no day.

    Raises:
        APIError: OpenRouter did not answer.
    """
    name = strip_variant(model)
    info = next((info for info in client.models() if info.id == name), None)
    day = retirement_of(info) if info else None
    return f"OpenRouter retires {name} on {day}: choose another model." if day else ""


def read_text(word: str) -> str:
    """Return what an option says, or the file that it names with `@`."""
    if not word.startswith("@"):
        return word
    try:
        return Path(word[1:]).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{word} cannot be read: {error}") from None


def read_usd(word: str) -> float:
    """Return the amount that an option says."""
    try:
        amount = float(word)
    except ValueError:
        amount = math.nan
    if not 0 < amount < math.inf:
        raise argparse.ArgumentTypeError(f"{word!r} is not an amount in USD")
    return amount


def make_console() -> PlainConsole:
    """Return the terminal.

    Raises:
        ImportError: rich is missing; the message names the extra.
    """
    try:
        from ._console import PlainConsole
    except ImportError as error:
        msg = 'This command needs rich: pip install "glm-openrouter[cli]"'
        raise ImportError(msg) from error
    console = PlainConsole()
    if not console.is_terminal:
        console.width = max(console.width, _PIPED_WIDTH)
    return console


def write_error(command: str, problem: object) -> None:
    """Say on stderr what went wrong: in one line, which a terminal gets broken between words."""
    text = _broken_for(sys.__stderr__, f"glm-openrouter {command}: {problem}")
    sys.stderr.write(f"{text}\n")


def write_line(text: str) -> None:
    """Print text as nothing but text; a terminal gets its lines broken between words."""
    broken = "\n".join(_broken_for(sys.stdout, line) for line in text.split("\n"))
    sys.stdout.write(f"{plain(broken)}\n")


def _broken_for(stream: TextIO | None, line: str) -> str:
    if stream is None or not stream.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
