"""`glm-openrouter demo`: the examples, one after the other."""

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

from ._common import Commands, add_connection, connection, make_console

__all__ = ["add_parser"]


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "demo",
        help="run the examples and show what they cost",
        description="Run the examples and show what they cost. Without OPENROUTER_API_KEY, offline.",
    )
    add_connection(parser)
    parser.set_defaults(command=demo)


def demo(options: argparse.Namespace) -> int:
    """Run the examples and return how many of them failed."""
    make_console()  # raises if rich is missing, and says what to install
    with connection(options) as client_options:
        if options.offline:
            os.environ["OPENROUTER_API_KEY"] = str(client_options.get("api_key") or "")
            os.environ["OPENROUTER_API_BASE"] = client_options.get("base_url") or ""
        sys.path.insert(0, str(_home()))
        failed: int = import_module("examples.demo").main()
        return failed


def _home() -> Path:
    """Return the folder that holds `examples`: in an installed package beside this module, else the repository."""
    bundled = Path(__file__).with_name("bundled")
    return bundled if bundled.is_dir() else Path(__file__).parents[2]
