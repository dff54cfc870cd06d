"""The command `glm-openrouter`.

A command is a module with a function that adds its subparser, and one that takes the arguments and returns the exit
code. What a command needs beside the core, such as rich, it imports when it runs.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from glm_openrouter import AuthenticationError, GLMError, __version__

from . import _batch, _chat, _demo, _doctor, _providers, _serve, _spend
from ._common import Command, UsageError, write_error
from ._plain import plain_errors, plain_output

__all__ = ["main", "plain_output"]


_EXIT_CODES = """\
exit codes, of all commands:
  0    all went well
  1    something failed; stderr, or the output of doctor and demo, says what
  2    the arguments are wrong
  3    batch: some rows failed
  4    batch: the budget is used up
  130  Ctrl-C
  141  nobody reads the output any more, as in a pipe to head
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 to 4, 130 or 141, as `--help` explains.

    Args:
        arguments: The words after `glm-openrouter`; default: those of the process.
    """
    with plain_errors():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    options = _build_parser().parse_args(arguments)
    command: Command = options.command
    try:
        code = command(options)
        sys.stdout.flush()
    except UsageError as error:
        return _fail(options, error, 2)
    except BrokenPipeError:
        # What is still buffered would be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (GLMError, ImportError, OSError) as error:
        return _fail(options, error, 1)
    except KeyboardInterrupt:
        return 130
    except Exception:  # noqa: BLE001 -- shown here, as plain text
        traceback.print_exc()
        return 1
    return code


def _fail(options: argparse.Namespace, error: Exception, code: int) -> int:
    problem: object = error
    if isinstance(error, AuthenticationError) and not options.offline:
        problem = f"{error.message} Without a key, --offline answers by rules."
    write_error(options.name, problem)
    return code


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glm-openrouter",
        description="GLM 4.6 through OpenRouter.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="name", required=True
    )
    for module in (_chat, _batch, _doctor, _providers, _spend, _serve, _demo):
        module.add_parser(commands)
    return parser
