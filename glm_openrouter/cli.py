"""The command `glm-openrouter`.

A command is a subparser, and a function that takes the arguments and returns the exit code.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from . import __version__

__all__ = ["main"]

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: The words after `glm-openrouter`; default: those of the process.
    """
    options = _build_parser().parse_args(arguments)
    command: Command = options.command
    return command(options)


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glm-openrouter", description="GLM 4.6 through OpenRouter."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_serve(commands)
    return parser


def _add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "serve",
        help="run an offline OpenRouter on this machine",
        description="Run an offline OpenRouter on this machine until Ctrl-C.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8765, help="port; 0 takes a free one (default: %(default)s)"
    )
    parser.set_defaults(command=_serve)


def _port(word: str) -> int:
    if not word.isdecimal() or int(word) > 65535:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number from 0 to 65535")
    return int(word)


def _serve(options: argparse.Namespace) -> int:
    from .testing import serve  # the server needs an extra, the other commands do not

    try:
        serve(options.host, options.port)
    except (ImportError, OSError) as error:
        sys.stderr.write(f"glm-openrouter serve: {error}\n")
        return 1
    return 0
