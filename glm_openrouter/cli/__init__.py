"""The command `glm-openrouter`.

A command is a module with a function that adds its subparser, and one that takes the arguments and returns the exit
code. What a command needs beside the core, such as rich, it imports when it runs.
"""

import argparse
import sys
import traceback
from collections.abc import Sequence

from glm_openrouter import GLMError, __version__

from . import _chat, _demo, _doctor, _providers, _serve
from ._common import Command
from ._plain import plain_errors, plain_output

__all__ = ["main", "plain_output"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: The words after `glm-openrouter`; default: those of the process.
    """
    with plain_errors():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    options = _build_parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command(options)
    except (GLMError, ImportError, OSError) as error:
        sys.stderr.write(f"glm-openrouter {options.name}: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception:  # noqa: BLE001 -- shown here, as plain text
        traceback.print_exc()
        return 1


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glm-openrouter", description="GLM 4.6 through OpenRouter."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="name", required=True
    )
    for module in (_chat, _doctor, _providers, _serve, _demo):
        module.add_parser(commands)
    return parser
